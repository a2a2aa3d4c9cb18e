#!/bin/sh
# Load one generated cluster day into a Prometheus 2.42, a VictoriaMetrics 1.79, a capture and ampql's memory, and measure the
# same queries in all: bench.py.
#
#   bench.sh BUILD_FOLDER        environment: CONTAINERS (1000), ROUNDS (7), ONLY (queries, by a regular expression)
#
# Writes BUILD_FOLDER/bench.json.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
. tests/bench/victoria_metrics.sh
export PYTHONPATH=tests/oracle
work=$PWD/build/oracle/bench
options="--containers ${CONTAINERS:-1000} --only $(python3 tests/bench/bench.py --metrics)"
rm -rf "$work" "$work".*
prometheus_start "$work" --web.enable-admin-api
trap 'victoria_metrics_stop; prometheus_stop' EXIT
victoria_metrics_start "$work.victoria_metrics"
for url in "$PROMETHEUS_URL" "$VICTORIA_METRICS_URL"; do
    # shellcheck disable=SC2086
    "$build/bench/load" "$url/api/v1/write" --by-series 1 $options
done
python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/internal/force_flush").read()' "$VICTORIA_METRICS_URL"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
"$build/ampql" capture convert "$work.snapshot" "$work.aqc"
rm -rf "$work.snapshot" "$work/data/snapshots"
python3 tests/bench/bench.py "$build" "$options" "$work.aqc" \
    "Prometheus 2.42=$PROMETHEUS_URL=$PROMETHEUS_PID" "VictoriaMetrics 1.79=$VICTORIA_METRICS_URL=$VICTORIA_METRICS_PID"
