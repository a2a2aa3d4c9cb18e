#!/bin/sh
# A generated day in a Prometheus 2.42, in its block, as JSON of its API, and as captures: capture.py.
#
#   capture.sh BUILD_FOLDER        environment: CONTAINERS (200), SEED (1)
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
export PYTHONPATH=tests/oracle
work=$PWD/build/oracle/capture
rm -rf "$work".*
prometheus_start "$work" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-200}" --seed "${SEED:-1}"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
oracle=
if command -v go >/dev/null 2>&1 && (cd tests/oracle/newest && go build -o "$OLDPWD/$build/oracle/prometheus" .); then
    oracle=$build/oracle/prometheus
fi
python3 tests/bench/capture.py "$PROMETHEUS_URL" "$PROMETHEUS_PID" "$work.snapshot" "$build" "$(dirname "$PROMETHEUS")/promtool" $oracle
