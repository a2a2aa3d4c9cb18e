#!/bin/sh
# Start a Prometheus 2.42, give it random series, and compare functions and aggregations value by value: functions.py.
#
#   functions.sh BUILD_FOLDER        environment: SEED (1), ONLY (a regular expression on queries)
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
prometheus_start build/oracle/functions
python3 tests/oracle/functions.py "$PROMETHEUS_URL" "$build/ampql" build/oracle/functions "${SEED:-1}" "${ONLY:-}"
