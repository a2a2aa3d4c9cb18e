#!/bin/sh
# A generated day in a Prometheus 2.42, as captures and in every format that captures become: formats.py.
#
#   formats.sh BUILD_FOLDER        environment: CONTAINERS (12), SEED (1), ONLY (a regular expression on the names of queries)
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
work=$PWD/build/oracle/formats
rm -rf "$work".*
prometheus_start "$work" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-12}" --seed "${SEED:-1}"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
python3 tests/oracle/formats.py "$PROMETHEUS_URL" "$build/ampql" "$work.snapshot" "$work.files" "${ONLY:-}"
