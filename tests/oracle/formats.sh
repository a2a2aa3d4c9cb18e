#!/bin/sh
# A generated day in a Prometheus 2.42, as captures, and as each format that captures convert to: formats.py.
#
#   formats.sh BUILD_FOLDER        environment: CONTAINERS (60), SEED (1), ONLY (a regular expression on queries)
#
# Twice: as scraped, each target at its own milliseconds; and with all targets on the minute, since the series of a unit test share
# one grid of times.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
work=$PWD/build/oracle/formats
status=0
for day in scraped aligned; do
    rm -rf "$work".*
    prometheus_start "$work" --web.enable-admin-api
    "$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-60}" --seed "${SEED:-1}" \
        --aligned $([ $day = aligned ] && echo 1 || echo 0)
    python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
    python3 -B tests/oracle/formats.py "$PROMETHEUS_URL" "$build/ampql" "$work.snapshot" "$work.made" $day "${ONLY:-}" || status=1
    prometheus_end
done
rm -rf "$work".*
exit $status
