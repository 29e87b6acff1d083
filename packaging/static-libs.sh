#!/bin/sh
# Builds the static OpenSSL and the HTTP(S)-only libcurl of `make static` from Debian's source packages, and prints the folder they are
# in. What sources.txt pins is what is built: a file with another checksum is refused. Downloads and libraries are kept in
# ${XDG_CACHE_HOME:-~/.cache}/leasehold/static, the libraries under a name made of the pins and of this script, so that a second run
# finds them.
#
# Usage: static-libs.sh [SOURCES]    SOURCES: another list of pins, for tests
set -eu

here=$(cd "$(dirname "$0")" && pwd)
pins=${1:-$here/sources.txt}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/leasehold/static
machine=$(dpkg --print-architecture)
key=$(cat "$pins" "$here/static-libs.sh" | sha256sum | cut -c1-16)
prefix=$cache/$machine-$key
log=$cache/build-$machine-$key.log

if [ -e "$prefix/lib/libcurl.a" ]; then
    echo "$prefix"
    exit 0
fi
mkdir -p "$cache/files" "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/apt/sources"

fail()
{
    echo "static: $1" >&2
    exit 1
}

# Sets missing to the pinned files of a package ($1) that are not here yet, and refuses what is here and is not what was pinned.
look()
{
    missing=
    list=$(awk -v want="$1" '$1 == "package" { on = $2 == want; next } on && NF == 2 && $1 !~ /^#/ { print $1 "  " $2 }' "$pins")
    [ -n "$list" ] || fail "$pins pins no files of $1; take the lines of \`apt-cache showsrc $1\`"
    for file in $(echo "$list" | awk '{print $2}'); do
        [ -e "$cache/files/$file" ] || missing="$missing $file"
    done
    [ -z "$missing" ] || return 0
    echo "$list" | (cd "$cache/files" && sha256sum --quiet --check -) >&2 ||
        fail "a file of $1 in $cache/files is not the one that $pins pins; remove it, and if that does not help, do not trust where it comes from"
}

# The apt client with lists of its own, of this machine's suites but for sources: nothing of the system changes.
source_apt()
{
    apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/apt/sources" -o Dir::State::lists="$cache/apt/lists" \
        -o Dir::Cache="$cache/apt" -o APT::Sandbox::User="$(id -un)" "$@"
}

prepare_apt()
{
    [ ! -e "$cache/apt/prepared.$$" ] || return 0
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -e "$list" ] || sed -n 's/^deb /deb-src /p' "$list" | grep debian >"$cache/apt/sources/$(basename "$list" .list)-source.list" || true
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        grep -q 'debian-archive' "$list" 2>/dev/null || continue
        sed 's/^Types:.*/Types: deb-src/' "$list" >"$cache/apt/sources/$(basename "$list")"
    done
    source_apt update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get could not read the lists of sources"; }
    : >"$cache/apt/prepared.$$"
}

download()
{
    look "$1"
    [ -n "$missing" ] || return 0
    prepare_apt
    (cd "$cache/files" && source_apt source --download-only "$1=$2") >"$log" 2>&1 || {
        cat "$log" >&2
        fail "apt-get has no $1 $2 any more; pin a version that \`apt-cache showsrc $1\` has in $pins"
    }
    look "$1"
    [ -z "$missing" ] || fail "apt-get brought no$missing"
}

# Chains of &&: errexit is off in what is asked whether it went well. /usr is a name only, so that no path of this machine is in the
# libraries.
build_openssl()
{
    # No engines, no modules to load, no protocols that nobody speaks to kube-apiserver.
    ./config --prefix=/usr --openssldir=/etc/ssl --libdir=lib no-shared no-dso no-engine no-module no-legacy no-tests no-comp \
        no-afalgeng no-dtls no-ssl3 no-tls1 no-tls1_1 no-idea no-camellia no-seed no-bf no-cast no-rc2 no-rc4 no-md4 no-mdc2 \
        no-whirlpool no-srp no-gost no-sctp no-cmp &&
        make -j "$(nproc)" build_generated &&
        make -j "$(nproc)" libcrypto.a libssl.a libcrypto.pc libssl.pc openssl.pc &&
        make install_dev DESTDIR="$work/out" &&
        rm -r "$work/out/usr/lib/pkgconfig"
}

build_curl()
{
    LIBS="-ldl -pthread" ./configure --prefix=/usr \
        --disable-shared --enable-static --with-openssl="$work/out/usr" --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt \
        --enable-http --enable-proxy --enable-threaded-resolver --enable-ipv6 \
        --disable-ftp --disable-file --disable-ldap --disable-ldaps --disable-rtsp --disable-dict --disable-telnet --disable-tftp \
        --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt --disable-manual \
        --disable-ntlm --disable-ntlm-wb --disable-tls-srp --disable-alt-svc --disable-hsts --disable-netrc --disable-doh \
        --disable-dependency-tracking --without-zlib --without-brotli --without-zstd --without-libpsl --without-libidn2 \
        --without-nghttp2 --without-librtmp --without-libssh2 --without-gssapi &&
        make -j "$(nproc)" -C lib &&
        make -C lib install DESTDIR="$work/out" &&
        make -C include install DESTDIR="$work/out"
}

work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work" "$cache/apt/prepared.$$"' EXIT
trap 'exit 1' INT TERM
while read -r word name version; do
    [ "$word" = package ] || continue
    echo "static: building $name $version" >&2
    download "$name" "$version"
    (cd "$work" && dpkg-source --no-check -x "$cache/files/${name}_$version.dsc" "$name") >"$log" 2>&1 || { cat "$log" >&2; fail "cannot unpack $name $version"; }
    (cd "$work/$name" && "build_$name") >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "cannot build $name $version; $log has everything"; }
done <"$pins"

# Whole or not at all: another run may be doing the same.
awk '$1 == "package" { print $2, $3 }' "$pins" >"$work/out/usr/versions.txt"
mv -T "$work/out/usr" "$prefix" 2>/dev/null || [ -e "$prefix/lib/libcurl.a" ] || fail "cannot write $prefix"
echo "$prefix"
