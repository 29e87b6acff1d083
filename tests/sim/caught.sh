#!/bin/sh
# caught.sh MUTANT SOUND RUNS MENU [DEPTH [OPTION...]]: the checkers catch the mutant within RUNS runs; the sound machine passes the
# same seeds.
mutant=$1 sound=$2 runs=$3 menu=$4 depth=${5:-store}
shift 4
[ $# -eq 0 ] || shift
out=$("$mutant" --seed 1 --runs "$runs" --menu "$menu" --depth "$depth" "$@" 2>&1)
code=$?
if [ $code -eq 0 ]; then
    echo "NOT caught within $runs runs"
    echo "$out"
    exit 1
fi
taken=$(echo "$out" | sed -n 's/^\([0-9]*\) runs, .*/\1/p')
if [ -z "$taken" ]; then
    echo "the mutant stopped by itself (status $code), no checker saw it: $out"
    exit 1
fi
echo "caught after $taken runs: $(echo "$out" | sed -n 's/^seed [0-9]* fails: //p')"
"$sound" --seed 1 --runs "$taken" --menu "$menu" --depth "$depth" "$@" || { echo "but the sound machine fails as well"; exit 1; }
