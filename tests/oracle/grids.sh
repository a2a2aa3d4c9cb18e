#!/bin/sh
# The numeric grids against the newest Prometheus, with the JSON codec of its API; writes tests/data/numeric_grid.tsv when
# nothing differs.
#
#   grids.sh DRIVER ORACLE
set -eu
driver=$1 oracle=$2
command -v go >/dev/null 2>&1 || {
    echo "grids.sh: error: no go in PATH; this check is optional, and needs Go $(sed -n 's/^go //p' tests/oracle/newest/go.mod)" >&2
    exit 1
}
(cd tests/oracle/newest && go build -tags json -o "$OLDPWD/$oracle" .) || {
    echo "grids.sh: error: go could not build tests/oracle/newest: is there a module proxy?" >&2
    exit 1
}
exec "$driver" "$oracle" grids tests/data/numeric_grid.tsv
