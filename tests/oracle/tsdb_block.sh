#!/bin/sh
# Make tests/data/source/tsdb again: a block that Prometheus 2.42 wrote, with stale markers and a deletion, and what that server
# answers from it. Three hours of a small cluster go in through remote write and come out as a snapshot; a second server
# over the snapshot deletes a part and is asked. Its ULID is another one each time.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
from=$PWD/build/oracle/tsdb_block
rm -rf "$from.over"
prometheus_start "$from" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers 1 --duration 10800 --only \
    DCGM_FI_PROF_GR_ENGINE_ACTIVE,container_cpu_cfs_periods_total,node_total_hourly_cost,kubelet_volume_stats_used_bytes
mkdir -p "$from.over"
python3 tests/oracle/tsdb_block.py snapshot "$PROMETHEUS_URL" "$from/data" "$from.over/data"
prometheus_end
prometheus_restart "$from.over" --web.enable-admin-api
python3 tests/oracle/tsdb_block.py record "$PROMETHEUS_URL" "$from.over/data" tests/data/source/tsdb
