#!/bin/sh
# Makes what `make package` leaves in build/package: Debian packages (library, -dev, tools), an archive with the
# static binary and what belongs to it, one with the sources, and a list of what is linked in all of them (SBOM).
#
# Usage: package.sh STATIC-BINARY
set -eu

cd "$(dirname "$0")/.."
static=$1
jobs=${JOBS:-$(nproc)}
build=build/package-build out=build/package
machine=$(dpkg --print-architecture)

rm -rf "$out"
mkdir -p "$out" "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr -DLEASEHOLD_TESTS=OFF >"$build.log" 2>&1 ||
    { cat "$build.log"; exit 1; }
cmake --build "$build" -j "$jobs" -- --quiet
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
# The same sources make the same archives: their times are that of the last change, where git knows it.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CMakeLists.txt)}
export SOURCE_DATE_EPOCH

(cd "$out" && cpack --config "../package-build/CPackConfig.cmake" >../package.log 2>&1) || { cat build/package.log; exit 1; }
rm -rf "$out/_CPack_Packages"

# Everything behind the binary is what `make install` would put beside it.
name=leasehold-$version-linux-$machine
root=$build/$name
rm -rf "$root"
cmake --install "$build" --component tools --prefix "$PWD/$root" --strip >/dev/null
install -m 755 "$static" "$root/bin/leasehold"
cp LICENSE LICENSE-APACHE LICENSE-MIT README.md "$root/"
# Who passes on a program with others in it passes on their licences.
mkdir -p "$root/share/doc/leasehold/linked"
for package in libssl3 libcurl4 libjansson-dev libyaml-dev libevent-dev libc6-dev; do
    cp "/usr/share/doc/$package/copyright" "$root/share/doc/leasehold/linked/$package"
done

archive()
{
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -cf - "$2" | gzip -n9 >"$out/$3"
}
archive "$build" "$name" "$name.tar.gz"

if git rev-parse --git-dir >/dev/null 2>&1; then
    git archive --prefix="leasehold-$version/" HEAD | gzip -n9 >"$out/leasehold-$version.tar.gz"
fi

# Of the files as they are shipped.
shipped=$build/shipped
rm -rf "$shipped"
for package in "$out"/*.deb; do
    dpkg-deb -x "$package" "$shipped"
done
packaging/sbom.py "$version" "$shipped/usr/bin/leasehold" "$shipped"/usr/lib/*/libleasehold.so."$version" \
    "$shipped"/usr/lib/*/libleasehold-testing.so."$version" --static "$root/bin/leasehold" >"$out/leasehold-$version.cdx.json"
(cd "$out" && sha256sum -- * >SHA256SUMS)
ls "$out"
