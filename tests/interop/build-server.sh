#!/bin/sh
# Builds the real peers of the interop tests: kube-apiserver, kubectl (and its older versions 1.29 and 1.33), etcd, and client-go's
# elector (and that of client-go 0.29) and typed clients.
# Usage: build-server.sh [PROGRAM...]   (default: all of them; what is there already is skipped)
# Prints the folder of the programs on stdout, progress on stderr. The folder is $LEASEHOLD_CACHE, else
# ${XDG_CACHE_HOME:-$HOME/.cache}/leasehold, then one folder for each pair of versions: nothing is built into the source tree.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${LEASEHOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leasehold}

fail() { echo "build-server: $*" >&2; exit 1; }

version_of() { # MODULE MODULE-FILE
    sed -nE "s|^(require )?[[:space:]]*$1 v([^ ]+).*|\2|p" "$here/$2" | head -n 1
}

find_go() {
    for go in "$(command -v go || true)" /usr/local/go/bin/go; do
        [ -x "$go" ] || continue
        have=$("$go" env GOVERSION | sed -nE 's/^go([0-9]+)\.([0-9]+).*/\1 \2/p')
        set -- $have
        if [ "$#" -eq 2 ] && { [ "$1" -gt 1 ] || [ "$2" -ge 26 ]; }; then
            return 0
        fi
    done
    fail "Go 1.26 or newer is needed to build kube-apiserver, kubectl, etcd and the client-go elector;" \
        "found none on PATH or in /usr/local/go/bin"
}

# The programs are only ever seen whole: built under a name of their own, then moved.
build() { # PROGRAM FOLDER PACKAGE [LDFLAGS [FLAG]]
    started=$(date +%s)
    echo "build-server: building $1 ..." >&2
    (cd "$here/$2" &&
        CGO_ENABLED=0 "$go" build -mod=readonly ${5:-} -buildvcs=false -trimpath -ldflags "-s -w ${4:-}" -o "$out/.$1.$$" "$3") >&2 ||
        { rm -f "$out/.$1.$$"; fail "$1 did not build"; }
    mv "$out/.$1.$$" "$out/$1"
    echo "build-server: $1 built in $(($(date +%s) - started)) s" >&2
}

kubernetes=$(version_of k8s.io/kubernetes kubernetes/go.mod)
etcd=$(version_of go.etcd.io/etcd/server/v3 etcd/go.mod)
[ -n "$kubernetes" ] && [ -n "$etcd" ] || fail "no version of kubernetes or etcd in $here/*/go.mod"
out=$cache/kubernetes-$kubernetes-etcd-$etcd
# Without a version of its own `kubectl version` fails, and the server calls itself v0.0.0.
stamp() { # VERSION
    major=${1%%.*}
    minor=${1#*.}
    minor=${minor%%.*}
    package=k8s.io/component-base/version
    echo "-X $package.gitVersion=v$1 -X $package.gitMajor=$major -X $package.gitMinor=$minor"
}

# The module k8s.io/kubectl is numbered 0.29.6 for kubectl 1.29.6.
older_kubectl() { # MODULE-FILE
    echo "1.$(version_of k8s.io/kubectl "kubectl/$1" | cut -d . -f 2-)"
}

[ "$#" -gt 0 ] || set -- etcd kube-apiserver kubectl kubectl-1.29 kubectl-1.33 elector elector-0.29 typed
mkdir -p "$out"

# Two test runs may start at once: the second waits and finds the programs there.
if command -v flock >/dev/null; then
    exec 9>"$out/.lock"
    flock 9
fi

up_to_date() { # FOLDER
    [ -x "$out/$program" ] && [ -z "$(find "$here/$1" "$here/build-server.sh" -type f -newer "$out/$program")" ]
}

go=
for program in "$@"; do
    case $program in
    etcd | kube-apiserver | kubectl)
        [ -x "$out/$program" ] && continue ;;
    kubectl-1.29 | kubectl-1.33) # these and the next have source here that changes
        up_to_date kubectl && continue ;;
    elector | elector-0.29 | typed)
        up_to_date client-go && continue ;;
    *) fail "no such program: $program (etcd, kube-apiserver, kubectl, kubectl-1.29, kubectl-1.33, elector, elector-0.29, typed)" ;;
    esac
    [ -n "$go" ] || find_go
    case $program in
    etcd) build etcd etcd go.etcd.io/etcd/server/v3 ;;
    kube-apiserver) build kube-apiserver kubernetes k8s.io/kubernetes/cmd/kube-apiserver "$(stamp "$kubernetes")" ;;
    kubectl) build kubectl kubernetes k8s.io/kubernetes/cmd/kubectl "$(stamp "$kubernetes")" ;;
    kubectl-1.29) build kubectl-1.29 kubectl . "$(stamp "$(older_kubectl v1.29.mod)")" -modfile=v1.29.mod ;;
    kubectl-1.33) build kubectl-1.33 kubectl . "$(stamp "$(older_kubectl go.mod)")" ;;
    elector) build elector client-go . ;;
    elector-0.29) build elector-0.29 client-go . "" -modfile=v0.29.mod ;;
    typed) build typed client-go ./typed ;;
    esac
done
echo "$out"
