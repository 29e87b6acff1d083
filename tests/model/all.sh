#!/bin/sh
# all.sh LEASEHOLD_MODEL: the searches of docs/safety.md, one after the other. Some minutes and some gigabytes.
set -eu
model=$1
search() {
    echo "leasehold-model $*"
    "$model" "$@"
}
search --candidates 2 --horizon 14 --faults 1 --menu loss
search --candidates 2 --horizon 14 --faults 1 --menu late
search --candidates 2 --horizon 14 --faults 1 --menu twice
search --candidates 2 --horizon 12 --faults 1 --menu freeze
search --candidates 2 --horizon 12 --faults 1 --menu crash
search --candidates 2 --horizon 14 --faults 1 --menu resign
search --candidates 2 --horizon 14 --faults 1 --menu delete,shorten
search --candidates 3 --horizon 5 --faults 1 --menu resign
