#!/bin/sh
# Record examples/data/cluster_day again, from the generator through a real server. Needs build/bench/load "$PROMETHEUS_URL/api/v1/write" --containers 60
set -eu
. tests/oracle/prometheus.sh
prometheus_start build/oracle/cluster_day
build/bench/load "$PROMETHEUS_URL/api/v1/write" --containers 60
python3 tests/oracle/cluster_day.py >build/oracle/cluster_day/list.json
rm -rf examples/data/cluster_day
python3 tests/oracle/record.py "$PROMETHEUS_URL" examples/data/cluster_day build/oracle/cluster_day/list.json
rm -rf tests/data/cluster_day
python3 tests/oracle/replay.py record "$PROMETHEUS_URL" tests/data/cluster_day
du -sh examples/data/cluster_day tests/data/cluster_day
