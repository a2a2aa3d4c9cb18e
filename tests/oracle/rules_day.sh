#!/bin/sh
# The nine recording rules over a generated day: recorded by promtool 2.42, or written there by `ampql rules backfill`, and virtual
# here; rules_day.py.
#
#   rules_day.sh BUILD_FOLDER        environment: CONTAINERS (60), SEED (1), V (1: a line an answer), FILES (all three)
#
# A Prometheus has the day. promtool evaluates the rules there and writes blocks, and a second server is given those and the day.
# Each rule file goes into a server of its own: two of them record series of the same labels. So does what is recorded here and
# written by remote write, to a server as it comes out of the package, which has its head only and takes nothing out of order; and
# by way of OpenMetrics and promtool.
set -eu
build=${1:-build}
. tests/oracle/prometheus.sh
work=$PWD/build/oracle/rules_day
rm -rf "$work" "$work".*
files=${FILES:-examples/rules/amp-guide.yml examples/rules/kubecost.yml examples/rules/kubecost-clusters.yml}
from=1772315400 # 2026-02-28T21:50Z, before the first sample,
to=1772411400   # to 2026-03-02T00:30Z
prometheus_start "$work" --web.enable-admin-api
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-60}" --seed "${SEED:-1}"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
for file in $files; do
    name=$(basename "$file" .yml)
    promtool tsdb create-blocks-from rules --url "$PROMETHEUS_URL" --start $from --end $to --output-dir "$work.$name/data" \
        "$file" >"$work.promtool" 2>&1 || {
        cat "$work.promtool"
        exit 1
    }
done
prometheus_end

backfill() {
    "$build/ampql" rules backfill "$file" --source "$work.snapshot" --dialect prom2 --start $from --end $to "$@"
}
compare() {
    python3 tests/oracle/rules_day.py "$PROMETHEUS_URL" "$build/ampql" "$file" "$work.snapshot" "$@"
}

for file in $files; do
    name=$(basename "$file" .yml)
    cp -r "$work.snapshot/"* "$work.$name/data"
    prometheus_restart "$work.$name"
    compare
    prometheus_end

    PROMETHEUS_BLOCK=2h
    prometheus_start "$work.$name"
    backfill --remote-write "$PROMETHEUS_URL/api/v1/write"
    compare remote-write
    prometheus_end
    unset PROMETHEUS_BLOCK

    rm -rf "$work.$name"
    backfill --output openmetrics >"$work.om"
    promtool tsdb create-blocks-from openmetrics "$work.om" "$work.$name/data" >"$work.promtool"
    prometheus_restart "$work.$name"
    compare openmetrics
    prometheus_end
    promtool tsdb dump "$work.$name/data" >"$work.dump"
    python3 tests/oracle/rules_day.py dump "$work.om" "$work.dump"
done
