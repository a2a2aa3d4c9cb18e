#!/bin/sh
# `ampql serve` over a Prometheus 2.42, and that Prometheus itself, asked the same: serve.py.
#
#   serve.sh BUILD_FOLDER        environment: CONTAINERS (30), SEED (1)
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
prometheus_start "$PWD/build/oracle/serve"
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-30}" --seed "${SEED:-1}"
python3 -B tests/oracle/serve.py "$build/ampql" "$PROMETHEUS_URL" "$(dirname "$PROMETHEUS")/promtool"
