#!/bin/sh
# The Go package of examples/go with Debian's Go and client_golang: its tests under the race detector, a thousand
# cancellations among them; client_golang's client through the RoundTripper, and OpenCost's queries, as over HTTP; without cgo a
# message; and with SANITIZED, a build of the library with AddressSanitizer, the package's tests again, and no leak.
#
#   go.sh BUILD_FOLDER [SANITIZED_BUILD_FOLDER]      GO: which go
set -eu
build=$PWD/${1:-build}
sanitized=${2:+$PWD/$2}
go=${GO:-go}
path=$build/go
package=example.org/ampql

fail() {
    echo "  FAIL go: $*" >&2
    exit 1
}

# Debian's packages are sources in a GOPATH.
mkdir -p "$path/src/example.org"
ln -sfn "$PWD/examples/go" "$path/src/$package"
export GO111MODULE=off GOPATH="$path:/usr/share/gocode" CGO_ENABLED=1 AMPQL_COMMAND="$build/ampql"
export GOFLAGS= GOTOOLCHAIN=local

export PKG_CONFIG_PATH="$path/root/lib/pkgconfig" LD_LIBRARY_PATH="$path/root/lib"
[ -f "$PKG_CONFIG_PATH/ampql.pc" ] || fail "$path/root: make go installs the library there"
$go version
$go vet $package $package/client || fail "go vet"
[ -z "$(gofmt -l examples/go 2>/dev/null || true)" ] || fail "gofmt: $(gofmt -l examples/go)"
$go test -race -count=1 -v $package $package/client >"$path/log" 2>&1 || {
    grep -vE '^=== RUN|^--- PASS' "$path/log" >&2
    fail "go test -race"
}
grep -E '^--- PASS|^    ' "$path/log" | sed 's/^--- PASS:/  OK   go:/'

if CGO_ENABLED=0 $go build $package >"$path/log" 2>&1; then
    fail "it builds without cgo"
fi
grep -q 'ampql_needs_cgo__set_CGO_ENABLED_to_1' "$path/log" || fail "without cgo: $(cat "$path/log")"
echo "  OK   go: without cgo the compiler says what is needed"

(cd examples/go && GO111MODULE=on GOPROXY=off $go build .) || fail "as a module"
echo "  OK   go: as a module, which needs no other"

if [ -n "$sanitized" ]; then
    # The same functions under the same SONAME, found before the other ones. Go takes SIGSEGV for itself.
    mkdir -p "$path/sanitized"
    ln -sf "$sanitized/libampql.so" "$path/sanitized/libampql.so.0"
    LD_LIBRARY_PATH="$path/sanitized" ASAN_OPTIONS=handle_segv=0:detect_leaks=1 $go test -asan -count=1 -v $package >"$path/log" 2>&1 || {
        grep -vE '^=== RUN|^--- PASS' "$path/log" | head -60 >&2
        fail "go test -asan"
    }
    grep -E '^--- PASS|^    ' "$path/log" | sed 's/^--- PASS:/  OK   go, AddressSanitizer:/'
    echo "  OK   go: no leak"
fi
