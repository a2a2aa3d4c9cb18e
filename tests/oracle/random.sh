# Start a Prometheus 2.42 and ask it random queries over random series, as ampql: random.c.
#
#   random.sh BUILD_FOLDER COUNT|SECONDSs        environment: SEED (1), or CASE=DATA_SET:NUMBER for one of its queries
set -eu
build=${1:-build}
PROMETHEUS_BLOCK=20y # each set of series has a day of its own
. tests/oracle/prometheus.sh
prometheus_start "build/oracle/random-$$"
echo "random: SEED=${SEED:-1}${CASE:+ CASE=$CASE}"
"$build/oracle/random" "$PROMETHEUS_URL" "${SEED:-1}" "${CASE:-${2:-100000}}"
