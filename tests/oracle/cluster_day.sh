#!/bin/sh
# Record examples/data/cluster_day.aqc again, from the generator through a real server. Needs build/ampql and
# build/bench/load "$PROMETHEUS_URL/api/v1/write" --containers 60
set -eu
. tests/oracle/prometheus.sh
prometheus_start build/oracle/cluster_day
build/bench/load "$PROMETHEUS_URL/api/v1/write" --containers 60
python3 tests/oracle/cluster_day.py >build/oracle/cluster_day/list.json
rm -rf build/oracle/answers tests/data/cluster_day
mkdir -p build/oracle/answers
python3 tests/oracle/record.py "$PROMETHEUS_URL" build/oracle/answers/cluster_day build/oracle/cluster_day/list.json
root=$PWD
(cd build/oracle/answers && "$root/build/ampql" capture convert cluster_day "$root/examples/data/cluster_day.aqc")
python3 tests/oracle/replay.py record "$PROMETHEUS_URL" tests/data/cluster_day
du -sh examples/data/cluster_day.aqc tests/data/cluster_day
