#!/bin/sh
# Make tests/data/cost/clusters again, from a Prometheus of our own: cost_saved.sh AMPQL
set -eu
. tests/oracle/prometheus.sh
export PROMETHEUS_BLOCK=20000d
prometheus_start build/oracle/cost
folder=tests/data/cost/clusters
mkdir -p $folder
rm -f $folder/*.aqc
find $folder -name "*.json" ! -name "*.opencost.json" -delete
python3 tests/oracle/cost_saved.py record "$1" "$PROMETHEUS_URL" $folder
python3 tests/oracle/cost_saved.py check "$1" $folder
