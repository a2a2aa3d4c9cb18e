#!/bin/sh
# What a real Prometheus 2.42 holds of recording rules after promtool has filled them in, and what ampql says of the same
# series without a ruler: recorded.py.
#
#   recorded.sh BUILD_FOLDER [RULES...]    environment: CONTAINERS (40), SEED (1), ONLY (a regular expression on queries)
#
# A generated day goes into a server. `promtool tsdb create-blocks-from rules` asks it for each rule over the whole day. A second
# server has the day and what was recorded; ampql has the day and the rule file.
set -eu
build=${1:-build}
shift
. tests/oracle/prometheus.sh
work=$PWD/build/oracle/recorded
rm -rf "$work".*
rules=${*:-examples/rules/kubecost.yml examples/rules/kubecost-clusters.yml tests/oracle/recorded.yml}
times=$(python3 tests/oracle/recorded.py times)

PROMETHEUS_BLOCK=2h
prometheus_start "$work" --web.enable-admin-api
promtool=$(dirname "$PROMETHEUS")/promtool
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-40}" --seed "${SEED:-1}"
python3 tests/oracle/tsdb.py snapshot "$PROMETHEUS_URL" "$work/data" "$work.snapshot"
for file in $rules; do
    data=$work.$(basename "$file" .yml)/data
    mkdir -p "$data"
    # shellcheck disable=SC2086
    "$promtool" tsdb create-blocks-from rules --url "$PROMETHEUS_URL" $times --output-dir "$data" "$file" >"$work.promtool" 2>&1 || {
        cat "$work.promtool"
        exit 1
    }
done
prometheus_end
rm -rf "$work"

status=0
for file in $rules; do
    folder=$work.$(basename "$file" .yml)
    cp -r "$work.snapshot"/* "$folder/data"
    prometheus_restart "$folder"
    python3 tests/oracle/recorded.py compare "$PROMETHEUS_URL" "$build/ampql" "$work.snapshot" "$file" "${ONLY:-}" || status=1
    prometheus_end
    rm -rf "$folder"
done
rm -rf "$work".*
exit $status
