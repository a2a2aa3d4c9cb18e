#!/bin/sh
# `ampql serve` over a Prometheus 2.42, and that Prometheus itself, under 32 clients that ask what OpenCost asks: serve_load.py.
#
#   serve_load.sh BUILD_FOLDER        environment: DURATION (300), CLIENTS (32), CONTAINERS (300), SEED (1), FLAGS (of serve)
set -eu
FLAGS=${FLAGS:-}
build=${1:-build}
. tests/oracle/prometheus.sh
prometheus_start "$PWD/build/oracle/serve_load"
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-300}" --seed "${SEED:-1}" --by-series 1
# shellcheck disable=SC2086
python3 -B tests/oracle/serve_load.py "$build/ampql" "$PROMETHEUS_URL" "${DURATION:-300}" "${CLIENTS:-32}" "${SEED:-1}" $FLAGS
