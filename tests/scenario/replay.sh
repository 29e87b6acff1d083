#!/bin/sh
# replay.sh SIM FILE...: each scenario comes out as it stands in its file.
sim=$1
shift
result=0
for file in "$@"; do
    "$sim" --scenario "$file" | diff -u "$file" - || { echo "$file came out differently"; result=1; }
done
exit $result
