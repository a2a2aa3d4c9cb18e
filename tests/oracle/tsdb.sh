#!/bin/sh
# Prometheus 2.42's own blocks, read here and asked there: tsdb.py.
#
#   tsdb.sh BUILD_FOLDER        environment: CONTAINERS (60), SEED (1), ONLY (a regular expression on queries)
#
# A generated day goes into a server that makes blocks of two hours; a snapshot of it is asked for all that differential.py asks. Then a
# second server begins from the snapshot and a block that overlaps others, has series deleted, and is compared in the same
# way. A third has two blocks that contradict each other.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
work=$PWD/build/oracle/tsdb
rm -rf "$work".*
PROMETHEUS_BLOCK=2h
prometheus_start "$work" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-60}" --seed "${SEED:-1}"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
python3 tests/oracle/tsdb.py compare "$PROMETHEUS_URL" "$build/ampql" "$work.snapshot" snapshot "${ONLY:-}"
"$build/ampql" capture convert "$work.snapshot" "$work.aqc"
python3 tests/oracle/tsdb.py same "$build/ampql" "$work.snapshot" "$work.aqc" "${ONLY:-}"
python3 tests/oracle/tsdb.py overlap "$PROMETHEUS_URL" "$work.overlap.om"
prometheus_end

mkdir -p "$work.over"
cp -r "$work.snapshot" "$work.over/data"
promtool tsdb create-blocks-from openmetrics "$work.overlap.om" "$work.over/data" >"$work.promtool" 2>&1 || {
    cat "$work.promtool"
    exit 1
}
prometheus_restart "$work.over" --web.enable-admin-api
python3 tests/oracle/tsdb.py delete "$PROMETHEUS_URL" "$work.over/data" "$work.deleted"
python3 tests/oracle/tsdb.py compare "$PROMETHEUS_URL" "$build/ampql" "$work.deleted" deleted "${ONLY:-}"
prometheus_end

mkdir -p "$work.conflict"
python3 tests/oracle/tsdb.py contradict "$work.conflict"
for file in "$work.conflict"/*.om; do
    promtool tsdb create-blocks-from openmetrics "$file" "$work.conflict/data" >/dev/null 2>&1
done
prometheus_restart "$work.conflict"
python3 tests/oracle/tsdb.py conflict "$PROMETHEUS_URL" "$build/ampql" "$work.conflict/data"
prometheus_end

python3 tests/oracle/tsdb.py blocks "$(dirname "$PROMETHEUS")/promtool" "$build/ampql" tests/data/source/tsdb/block "$work.blocks"
python3 tests/oracle/tsdb.py lines "$(dirname "$PROMETHEUS")/promtool" "$build/ampql" tests/data/source/tsdb/block
# all samples of the snapshot, unpacked here and printed there
"$build/bench/tsdb" "$work.snapshot"
mkdir -p "$work.snapshot/wal" "$work.snapshot/chunks_head"
python3 tests/oracle/tsdb.py dump "$(dirname "$PROMETHEUS")/promtool" "$work.snapshot"
