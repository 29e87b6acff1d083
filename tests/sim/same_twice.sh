#!/bin/sh
# same_twice.sh SIM [OPTION...]: one seed, one history; another seed, another.
sim=$1
shift
first=$("$sim" "$@" --seed 7 --runs 40 --hash | grep '^seed') || exit 1
second=$("$sim" "$@" --seed 7 --runs 40 --hash | grep '^seed') || exit 1
[ "$first" = "$second" ] || { echo "the same seeds gave two histories"; exit 1; }
# A run does not depend on those before it in the process.
alone=$("$sim" "$@" --seed 30 --runs 1 --hash | grep '^seed')
echo "$first" | grep -qx "$alone" || { echo "seed 30 alone: $alone"; exit 1; }
[ "$(echo "$first" | cut -d' ' -f4 | sort -u | wc -l)" -eq 40 ] || { echo "two seeds gave one history"; exit 1; }
