#!/bin/sh
# caught_by_trace.sh MUTANT: a unit test with a broken rule in it fails in some of its traces, and says which.
out=$("$1" 2>&1)
code=$?
names=$(echo "$out" | sed -n 's/^\[  FAILED  \] \([a-z_0-9]*\)$/\1/p' | sort -u | tr '\n' ' ')
if [ $code -eq 0 ] || [ -z "$names" ]; then
    echo "NOT caught by a trace (status $code)"
    echo "$out"
    exit 1
fi
echo "caught in one run by the traces: $names"
