#!/bin/sh
# Every program of examples/ runs, without arguments and from the root, and prints tests/data/examples/NAME.txt.
set -eu
build=${B:-build}
failed=0
for source in examples/*.c; do
    name=$(basename "$source" .c)
    expected=tests/data/examples/$name.txt
    if ! "$build/examples/$name" >"$build/examples/$name.out"; then
        echo "  FAIL example $name: exit status $?"
        failed=1
    elif ! diff -u "$expected" "$build/examples/$name.out"; then
        echo "  FAIL example $name: it does not print $expected"
        failed=1
    else
        echo "  OK   example $name"
    fi
done
exit $failed
