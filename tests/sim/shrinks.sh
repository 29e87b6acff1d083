#!/bin/sh
# shrinks.sh MUTANT SOUND MENU [DEPTH]: a run in which a broken rule shows becomes a short file; played again the mutant fails with the
# same sentence, and the sound machine passes.
mutant=$1 sound=$2 menu=$3 depth=${4:-store}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$mutant" --seed 1 --runs 2000 --menu "$menu" --depth "$depth" --shrink "$folder/run.seed" >"$folder/said" 2>&1
[ -s "$folder/run.seed" ] || { echo "nothing was written"; cat "$folder/said"; exit 1; }
tail -1 "$folder/said"
before=$(sed -n 's/.*: \([0-9]*\) of \([0-9]*\) faults .*/\2/p' "$folder/said")
after=$(sed -n 's/.*: \([0-9]*\) of \([0-9]*\) faults .*/\1/p' "$folder/said")
[ "$after" -le "$before" ] && [ "$after" -le 12 ] || { echo "$after faults are no short story"; exit 1; }
why=$(sed -n '1s/^# //p' "$folder/run.seed")
again=$("$mutant" --replay "$folder/run.seed")
[ "$again" = "$folder/run.seed: fails: $why" ] || { echo "played again: $again"; exit 1; }
"$sound" --replay "$folder/run.seed" || { echo "but the sound machine fails as well"; exit 1; }
