#!/bin/sh
# Collects released Camel with all it needs and compiles the control of camel-control/. Needs Java 17 (JDK) and Maven; the network
# only the first time for each version. Prints the class path on stdout, progress on stderr; the cache is the one of build-server.sh.
# What is there was made from the same source, byte for byte: in a fresh clone every file is newer than the cache.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${LEASEHOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leasehold}
source=$here/camel-control

fail() { echo "build-camel: $*" >&2; exit 1; }

version=$(sed -nE 's|.*<camel\.version>([^<]+)<.*|\1|p' "$source/pom.xml")
[ -n "$version" ] || fail "no camel.version in $source/pom.xml"
out=$cache/camel-$version
mkdir -p "$out"
if command -v flock >/dev/null; then
    exec 9>"$out/.lock"
    flock 9
fi

javac -version 2>&1 | grep -qE 'javac (1[7-9]|[2-9][0-9])' || fail "a JDK of version 17 or newer is needed; found: $(javac -version 2>&1 | head -n 1)"
if [ ! -d "$out/lib" ] || ! cmp -s "$source/pom.xml" "$out/pom.xml"; then
    command -v mvn >/dev/null || fail "Maven is needed to collect Camel $version"
    echo "build-camel: collecting Camel $version ..." >&2
    rm -rf "$out/.lib"
    mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$out/.lib" >&2 ||
        fail "Maven could not collect Camel $version"
    rm -rf "$out/lib" "$out/classes"
    mv "$out/.lib" "$out/lib"
    cp "$source/pom.xml" "$out/pom.xml"
fi
for program in CamelControl Fabric8Elector; do
    [ ! -f "$out/classes/$program.class" ] || ! cmp -s "$source/$program.java" "$out/classes/$program.java" || continue
    mkdir -p "$out/classes"
    javac -Xlint:all,-processing,-classfile,-path -Werror -proc:none -cp "$out/lib/*" -d "$out/classes" "$source/$program.java" >&2 ||
        fail "$program.java did not compile"
    cp "$source/$program.java" "$out/classes/"
done
echo "$out/classes:$out/lib/*"
