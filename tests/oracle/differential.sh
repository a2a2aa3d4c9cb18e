#!/bin/sh
# Start a Prometheus 2.42, load it with a generated cluster, and compare what it says with what ampql says: differential.py.
#
#   differential.sh BUILD_FOLDER        environment: CONTAINERS (80), SEED (1), ONLY (a regular expression on queries)
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
options="--containers ${CONTAINERS:-80} --seed ${SEED:-1}"
prometheus_start build/oracle/differential
# shellcheck disable=SC2086
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" $options
rm -rf build/oracle/answers
python3 tests/oracle/differential.py "$PROMETHEUS_URL" "$build/ampql" "$build/bench/bench" "$options" build/oracle/answers \
    "${ONLY:-}"
