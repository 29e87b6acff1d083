#!/bin/sh
# Installs the Debian packages that building and testing needs and that are missing. Says what it installs.
# DEPS=no in the environment turns it off. With sudo where not root.
set -eu

build="gcc g++ make cmake ninja-build pkg-config libcurl4-openssl-dev libjansson-dev libyaml-dev libevent-dev python3 binutils"
tests="clang libclang-rt-14-dev libcmocka-dev libssl-dev openssl python3 procps util-linux man-db curl zsh fish"
checks="clang-format clang-tidy"
static="dpkg-dev perl xz-utils"
package="file"
package_test="mmdebstrap systemd"
# Released Camel as a peer, and a store that takes tokens; Go comes apart, see tests/interop/README.md.
interop="default-jdk-headless maven postgresql"

wanted=$build
case "${1:-build}" in
build) ;;
test) wanted="$build $tests" ;;
check) wanted="$build $tests $checks" ;;
static) wanted="$build $static" ;;
package) wanted="$build $static $package" ;;
package-test) wanted="python3 $package_test" ;;
interop) wanted="$build $tests $interop" ;;
*) echo "usage: deps.sh build|test|check|interop|static|package|package-test" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    # Any JDK does; build-camel.sh says when it is too old.
    [ "$package" != default-jdk-headless ] || ! command -v javac >/dev/null || continue
    case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "${DEPS:-yes}" = no ]; then
    echo "deps: missing packages:$missing; install them, or run again without DEPS=no" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "deps: missing:$missing; this machine has no apt-get: install what corresponds to these Debian packages and set DEPS=no" >&2
    exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
    echo "deps: missing packages:$missing; become root or install sudo" >&2
    exit 1
fi
echo "deps: installing$missing"
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get -q update && apt-get -q install -y --no-install-recommends "$@"' deps $missing >/tmp/leasehold-deps.$$ 2>&1 || {
    cat /tmp/leasehold-deps.$$ >&2
    rm -f /tmp/leasehold-deps.$$
    echo "deps: apt-get could not install$missing" >&2
    exit 1
}
rm -f /tmp/leasehold-deps.$$
