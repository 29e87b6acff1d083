#!/bin/sh
# make check: layering, banned functions, formatting, clang's warnings and clang-tidy. One line for each finding.
set -eu
cd "$(dirname "$0")/.."
failed=0

python3 tests/layering.py . || failed=1

# Functions that are unsafe, not reentrant, or not the library's business (docs/design.md). The command line may print.
banned='strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|atoi|atol|atoll|tmpnam|mktemp|rand|srand|setenv|putenv|unsetenv|atexit|localtime|gmtime|ctime|asctime|strerror|system|popen'
if git ls-files 'src/*.c' 'src/*.h' 'include/*.h' | xargs grep -nE "(^|[^_[:alnum:]>.\"])($banned) ?\(" | grep -vE '^[^:]+:[0-9]+: *(\*|/\*|//)' ; then
    echo "check: the functions above are banned; see scripts/check.sh"
    failed=1
fi
printing='printf|puts|putchar|fputs|perror|signal|sigaction'
if git ls-files 'src/election/*' 'src/membership/*' 'src/wire/*' 'src/kube/*' 'src/io/*' 'src/service/*' 'src/library/*' 'src/store/*' | grep '\.[ch]$' | xargs grep -nE "(^|[^_[:alnum:]>.\"])($printing) ?\(" | grep -vE '^[^:]+:[0-9]+: *(\*|/\*|//)'; then
    echo "check: the library prints nothing and handles no signals"
    failed=1
fi
if git ls-files | xargs grep -nIE '(^|[^[:alnum:]_])lh_[a-z]' -- 2>/dev/null | grep -vE '^(scripts/check.sh|docs/|tests/consumer|CONTRIBUTING)'; then
    echo "check: the prefix lh_ belongs to OpenSSL"
    failed=1
fi

unformatted=$(git ls-files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'examples/*.[ch]' | xargs clang-format --dry-run -Werror 2>&1 | grep -E 'error:' | head -20 || true)
if [ -n "$unformatted" ]; then
    echo "$unformatted"
    echo "check: run make format"
    failed=1
fi

mkdir -p build
cmake --preset clang >build/clang.log 2>&1 || { cat build/clang.log; exit 1; }
cmake --build build/clang -j "$(nproc)" >build/clang.log 2>&1 || { grep -E 'error|warning' build/clang.log | head -40; failed=1; }
git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 8 clang-tidy --quiet -p build/clang >build/tidy.log 2>/dev/null || { grep -E 'error:|warning:' build/tidy.log | sort -u | head -40; failed=1; }

[ $failed = 0 ] && echo "check: clean"
exit $failed
