#!/bin/sh
# `ampql allocate` against OpenCost's own code (opencost/go.mod says which), over a Prometheus of our own. Go fetches the module
# from its proxy the first time, and takes minutes to build it.
#
#   opencost.sh check AMPQL FIRST COUNT       random clusters
#   opencost.sh record AMPQL                  write its bills of the clusters in tests/data/cost/clusters again
set -eu
. tests/oracle/prometheus.sh
folder=build/oracle/opencost
command -v go >/dev/null 2>&1 || {
    echo "opencost.sh: error: no go in PATH; this check is optional, and needs Go" >&2
    exit 1
}
mkdir -p $folder
(cd tests/oracle/opencost && go build -o "$OLDPWD/$folder/opencost" .) || {
    echo "opencost.sh: error: go could not build tests/oracle/opencost: is there a module proxy?" >&2
    exit 1
}
export PROMETHEUS_BLOCK=20000d
prometheus_start $folder/data
clusters=tests/data/cost/clusters
if [ "$1" = record ]; then
    python3 tests/oracle/opencost.py record $folder/opencost "$PROMETHEUS_URL" $folder $clusters
    python3 tests/oracle/cost_saved.py check "$2" $clusters
else
    python3 tests/oracle/opencost.py check "$2" $folder/opencost "$PROMETHEUS_URL" $folder "$3" "$4"
    rm -f $folder/*.aqc
fi
