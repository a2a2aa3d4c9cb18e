#!/bin/sh
# The newest Prometheus (newest/go.mod says which) against the library: builds its side with Go, which fetches the module
# from its proxy the first time, and runs the driver.
#
#   newest.sh DRIVER ORACLE SEED COUNT
set -eu
driver=$1 oracle=$2 seed=$3 count=$4
command -v go >/dev/null 2>&1 || {
    echo "newest.sh: error: no go in PATH; this check is optional, and needs Go $(sed -n 's/^go //p' tests/oracle/newest/go.mod)" >&2
    exit 1
}
(cd tests/oracle/newest && go build -o "$OLDPWD/$oracle" .) || {
    echo "newest.sh: error: go could not build tests/oracle/newest: is there a module proxy?" >&2
    exit 1
}
status=0
echo "its own test scripts, through ampql test:"
module=$(cd tests/oracle/newest && go list -m -f '{{.Dir}}' github.com/prometheus/prometheus)
find "$module/promql/promqltest/testdata" -name '*.test' | sort >build/scripts.txt
xargs "${driver%/oracle/*}/ampql" test --quiet <build/scripts.txt || status=1
echo "letters:"
"$driver" "$oracle" letters || status=1
echo "parsers, over tables and corpora:"
"$driver" "$oracle" parse tests/test_parser.c tests/test_printer.c fuzz/corpus/parse/* || status=1
echo "parsers, over damaged expressions:"
"$driver" "$oracle" damage "$seed" "$((count / 4))" || status=1
echo "rules, by its rule manager:"
"$driver" "$oracle" rules "$seed" "$((count / 50 + 1))" || status=1
echo "values:"
"$driver" "$oracle" "$seed" "$count" || status=1
exit $status
