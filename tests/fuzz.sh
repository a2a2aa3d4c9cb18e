#!/bin/sh
# Build one fuzz target with clang and libFuzzer and run it: tests/fuzz.sh parse -max_total_time=60
set -eu
name=${1:?which target? one of: $(ls fuzz/fuzz_*.c | sed 's,fuzz/fuzz_\(.*\)\.c,\1,' | tr '\n' ' ')}
shift
san=fuzzer-no-link,address,undefined
make --no-print-directory SAN=$san VARIANT=fuzz CC=clang CXX=clang++ \
    "build/fuzz/fuzz/fuzz_$name" >&2
mkdir -p "build/fuzz/corpus/$name"
dict=
[ -f "fuzz/$name.dict" ] && dict="-dict=fuzz/$name.dict"
seeds=
[ -d "fuzz/corpus/$name" ] && seeds="fuzz/corpus/$name"
# shellcheck disable=SC2086
exec "build/fuzz/fuzz/fuzz_$name" $dict -artifact_prefix="build/fuzz/$name-" "$@" "build/fuzz/corpus/$name" $seeds
