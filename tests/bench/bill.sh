#!/bin/sh
# The bill of a generated cluster day: `ampql allocate` from a capture, and the same queries in a Prometheus 2.42: bill.py.
#
#   bill.sh BUILD_FOLDER        environment: CONTAINERS (10000), INTERVAL (60), seconds between two scrapes
#
# Only the metrics that the bill reads are loaded. Both read the same block: the server itself, ampql as a capture of it.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
export PYTHONPATH=tests/oracle
work=$PWD/build/oracle/bill
rm -rf "$work" "$work".*
prometheus_start "$work" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-10000}" --interval "${INTERVAL:-60}" --by-series 1 \
    $(python3 tests/bench/bill.py --load "$build/ampql")
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
prometheus_end
"$build/ampql" capture convert "$work.snapshot" "$work.aqc"
rm -rf "$work/data"
mv "$work.snapshot" "$work/data"
prometheus_restart "$work"
python3 tests/bench/bill.py "$PROMETHEUS_URL" "$PROMETHEUS_PID" "$build/ampql" "$work.aqc"
