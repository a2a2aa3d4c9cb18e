#!/bin/sh
# Every program of examples/ runs, without arguments and from the root, and prints tests/data/examples/NAME.txt; amp.c reads the
# fake AMP; query.py loads the shared library.
set -eu
build=${B:-build}
python=${PYTHON:-python3}
failed=0

# prints NAME EXPECTED COMMAND...
prints() {
    name=$1
    expected=$2
    shift 2
    if ! "$@" >"$build/examples/$name.out"; then
        echo "  FAIL example $name: it fails"
        failed=1
    elif ! diff -u "$expected" "$build/examples/$name.out"; then
        echo "  FAIL example $name: it does not print $expected"
        failed=1
    else
        echo "  OK   example $name"
    fi
}
for source in examples/*.c; do
    name=$(basename "$source" .c)
    [ "$name" = amp ] || prints "$name" "tests/data/examples/$name.txt" "$build/examples/$name"
done
case $build in
*address*) ;; # Python does not begin with AddressSanitizer
*) AMPQL_LIBRARY=$PWD/$build/libampql.so prints query.py tests/data/examples/instant.txt "$python" -B examples/query.py ;;
esac
case $build in
*nohttp*) ;; # no servers
*) "$python" -B tests/fake_amp/example.py "$build/ampql" "$build/examples/amp" || failed=1 ;;
esac
exit $failed
