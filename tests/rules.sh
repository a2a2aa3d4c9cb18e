#!/bin/sh
# Rule files and rule unit tests, here and by promtool 2.42; and the ruler on a real Prometheus.
#
#   rules.sh BUILD_FOLDER     environment: N (100) random unit tests of SEED (1)
set -eu
build=${1:-build}
python=${PYTHON:-python3}
. tests/oracle/prometheus.sh
PROMETHEUS=$(debian_find prometheus)
promtool=$(dirname "$PROMETHEUS")/promtool
"$promtool" test rules examples/rules/*_test.yml >"$build/promtool.log" 2>&1 || {
    cat "$build/promtool.log"
    echo "  FAIL examples/rules by promtool"
    exit 1
}
echo "  OK   examples/rules by promtool"
$python tests/rule_files.py "$build/ampql" "$promtool"
$python tests/unit.py "$build/ampql" "$promtool"
$python tests/oracle/unit_random.py "$build/ampql" "$promtool" "${N:-100}" "${SEED:-1}"
prometheus_start build/oracle/rules
$python tests/oracle/ruler_run.py "$build/ampql" "$PROMETHEUS_URL"
