#!/bin/sh
# Installs the build and uses it from outside of the tree: find_package and pkg-config, C11 and C++17, shared and static, the header
# after OpenSSL's, and the examples built as anybody would.
#
# Usage: run.sh SOURCE_DIR BUILD_DIR CC CXX
set -eu
source=$1 build=$2 CC=$3 CXX=$4
export CC CXX
here=$source/tests/consumer
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
strict="-Wall -Wextra -Wpedantic -Werror"

cmake --install "$build" --prefix "$room/prefix" >"$room/install.log" 2>&1 || { cat "$room/install.log"; exit 1; }
libs=$(dirname "$(find "$room/prefix" -name 'libleasehold.so')")
PKG_CONFIG_PATH=$libs/pkgconfig
LD_LIBRARY_PATH=$libs
export PKG_CONFIG_PATH LD_LIBRARY_PATH

step()
{
    echo "consumer: $1"
    shift
    "$@" >"$room/step.log" 2>&1 || { cat "$room/step.log"; exit 1; }
}

step "find_package" cmake -S "$here" -B "$room/build" -DCMAKE_PREFIX_PATH="$room/prefix"
step "build" cmake --build "$room/build"
for program in consumer_c consumer_cpp consumer_static consumer_testing; do
    step "run $program" "$room/build/$program"
done
if ldd "$room/build/consumer_static" | grep -q libleasehold; then
    echo "consumer: the static program wants the shared library"
    exit 1
fi

flags() { pkg-config --cflags --libs "$@"; }
# shellcheck disable=SC2046,SC2086
{
    step "pkg-config, C11" "$CC" -std=c11 $strict "$here/consumer.c" -o "$room/c" $(flags leasehold)
    step "run" "$room/c"
    step "pkg-config, C++17" "$CXX" -std=c++17 $strict "$here/consumer.cpp" -o "$room/cpp" $(flags leasehold)
    step "run" "$room/cpp"
    step "static, the rest shared" "$CC" -std=c11 $strict "$here/consumer.c" -o "$room/static" $(pkg-config --cflags leasehold) \
        "$libs/libleasehold.a" $(pkg-config --libs libcurl jansson yaml-0.1) -pthread
    step "run" "$room/static"
    step "pkg-config, test double" "$CC" -std=c11 $strict "$here/consumer_testing.c" -o "$room/testing" $(flags leasehold-testing)
    step "run" "$room/testing"
    if [ -e /usr/include/openssl/ssl.h ]; then
        step "after OpenSSL, C11" "$CC" -std=c11 $strict "$here/after_openssl.c" -o "$room/ssl_c" $(flags leasehold)
        step "after OpenSSL, C++17" "$CXX" -std=c++17 -x c++ $strict "$here/after_openssl.c" -x none -o "$room/ssl_cpp" $(flags leasehold)
        step "run" "$room/ssl_cpp"
    else
        echo "consumer: no openssl/ssl.h here, the header after it was not compiled"
    fi
}

# Nothing but the public names.
extra=$(nm -D --defined-only "$libs/libleasehold.so" | awk '{print $3}' | grep -vE '^(leasehold_|LEASEHOLD_)' || true)
[ -z "$extra" ] || { echo "consumer: the shared library exports $extra"; exit 1; }
extra=$(nm --defined-only "$libs/libleasehold.a" | awk '$2 ~ /^[A-TV-Z]$/ {print $3}' | grep -v '^leasehold_' || true)
[ -z "$extra" ] || { echo "consumer: the static library has $extra"; exit 1; }

step "examples" cmake -S "$source/examples" -B "$room/examples" -DCMAKE_PREFIX_PATH="$room/prefix"
step "build" cmake --build "$room/examples"
step "run" "$room/examples/example_test_my_program"
echo "consumer: good"
