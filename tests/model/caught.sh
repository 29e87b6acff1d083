#!/bin/sh
# caught.sh MUTANT SOUND OPTIONS...: the search finds a broken rule in the mutant; the sound machine survives as many states.
mutant=$1 sound=$2
shift 2
out=$("$mutant" "$@" 2>&1)
code=$?
states=$(echo "$out" | sed -n '1s/^\([0-9]*\) states, .*/\1/p')
if [ $code -ne 1 ] || [ -z "$states" ]; then
    echo "NOT caught (status $code): $(echo "$out" | head -n 1)"
    exit 1
fi
echo "caught: $(echo "$out" | head -n 1)"
# 3: stopped at the bound with nothing broken.
"$sound" "$@" --states-max "$states"
code=$?
[ $code -eq 0 ] || [ $code -eq 3 ] || { echo "but the sound machine fails as well"; exit 1; }
