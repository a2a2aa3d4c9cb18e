#!/bin/sh
# Ten million samples of one metric in a Prometheus 2.42, and what fetching them takes: peak.py.
#
#   peak.sh BUILD_FOLDER [CHUNK...]        environment: CONTAINERS (2700)
set -eu
build=${1:-build}
shift
. tests/oracle/prometheus.sh
prometheus_start build/oracle/peak
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-2700}" --only container_cpu_usage_seconds_total
python3 -B tests/fake_amp/peak.py "$PROMETHEUS_URL" "$build/ampql" "$@"
