#!/bin/sh
# caught.sh MUTANT SAYS: the sweep of a broken program fails, and says so in these words.
out=$("$1" lease 1000 2>&1)
code=$?
case $code:$out in
0:*) echo "NOT caught: $out"; exit 1 ;;
*"$2"*) echo "caught: $out" ;;
*) echo "failed otherwise (status $code): $out"; exit 1 ;;
esac
