#!/bin/sh
# Fetching through the fake AMP: the fake itself, samples on the edges, faults, and OpenCost's queries over a real Prometheus
# 2.42 that holds a generated day with pods that end and their stale markers.
#
#   fetch.sh BUILD_FOLDER        environment: CONTAINERS (60), SEED (1), ONLY (a regular expression on templates and faults)
set -eu
build=${1:-build}
status=0
python3 -B tests/fake_amp/selftest.py -q || status=1
python3 -B tests/fake_amp/tls.py "$build/ampql" || status=1
/usr/bin/python3 -B tests/fake_amp/http2_run.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1 # Debian's, which has h2
python3 -B tests/fake_amp/edges.py "$build/ampql" || status=1
python3 -B tests/fake_amp/fault_run.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1
python3 -B tests/fake_amp/kill.py "$build/ampql" 6 "${SEED:-1}" || status=1
python3 -B tests/fake_amp/content.py "$build/ampql" 3 "${SEED:-1}" || status=1
python3 -B tests/fake_amp/write_run.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1
python3 -B tests/fake_amp/conduct.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1
python3 -B tests/fake_amp/provider_run.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1
python3 -B tests/fake_amp/canaries.py "$build/ampql" "${ONLY:-^query,|^allocate}" || status=1
python3 -B tests/fake_amp/refusals.py "$build/ampql" ${ONLY:+"$ONLY"} || status=1
. tests/oracle/prometheus.sh
prometheus_start build/oracle/fetch
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-60}" --seed "${SEED:-1}"
python3 -B tests/fake_amp/edges.py "$build/ampql" "$PROMETHEUS_URL" || status=1
python3 -B tests/fake_amp/templates.py "$PROMETHEUS_URL" "$build/ampql" ${ONLY:+"$ONLY"} || status=1
python3 -B tests/fake_amp/billing.py "$PROMETHEUS_URL" "$build/ampql" || status=1
exit $status
