#!/bin/sh
# `ampql allocate` against the independent model of cost_model.py, over a Prometheus of our own: cost.sh AMPQL FIRST COUNT
set -eu
. tests/oracle/prometheus.sh
export PROMETHEUS_BLOCK=20000d
prometheus_start build/oracle/cost
python3 tests/oracle/cost.py "$1" "$PROMETHEUS_URL" build/oracle/cost "$2" "$3"
rm -f build/oracle/cost/*.aqc
