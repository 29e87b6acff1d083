#!/bin/sh
# A minimal Debian 12 root, kept in ${XDG_CACHE_HOME:-~/.cache}/leasehold: prints the archive of one, which is made where there is none.
#
# Usage: root.sh    as root
set -eu

suite=bookworm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/leasehold
month=$(date +%Y-%m) # no older than its security updates
archive=$cache/root-$suite-$month.tar
[ ! -e "$archive" ] || { echo "$archive"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "root.sh: a root of its own can only be made as root; you are $(id -un)" >&2; exit 1; }
mkdir -p "$cache"
# This machine's mirrors, and how it talks to them.
options=$cache/root.$$.conf
trap 'rm -f "$options" "$archive.$$"' EXIT
apt-config dump | grep -E '^Acquire::(http|https|Check-Valid-Until|Check-Date|Retries|ForceIPv4)\b' >"$options" || true
sources=
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ ! -s "$file" ] || { sources=$file; break; }
done
mmdebstrap --quiet --variant=minbase --aptopt="$options" "$suite" "$archive.$$" ${sources:+"$sources"} --format=tar >&2
mv "$archive.$$" "$archive"
echo "$archive"
