#!/bin/sh
# Load one generated cluster into a Prometheus 2.42 and into ampql, and measure the same queries in both: bench.py.
#
#   bench.sh BUILD_FOLDER        environment: CONTAINERS (1000), ROUNDS (7), ONLY (queries, by a regular expression)
#
# Writes BUILD_FOLDER/bench.json.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
export PYTHONPATH=tests/oracle
options="--containers ${CONTAINERS:-1000} --only $(python3 tests/bench/bench.py --metrics)"
prometheus_start build/oracle/bench
# shellcheck disable=SC2086
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" $options
python3 tests/bench/bench.py "$PROMETHEUS_URL" "$PROMETHEUS_PID" "$build/bench/bench" "$options" "$build/bench.json"
