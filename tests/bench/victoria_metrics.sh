# Start and stop a VictoriaMetrics of our own on loopback, as tests/oracle/prometheus.sh does with a Prometheus; after that is
# sourced:
#
#   victoria_metrics_start FOLDER     sets VICTORIA_METRICS_URL and VICTORIA_METRICS_PID; FOLDER is emptied first
#   victoria_metrics_stop
#
# It takes the `victoria-metrics` in PATH, or unpacks Debian's package into build/oracle/ without installing it.

victoria_metrics_start() {
    VICTORIA_METRICS=$(debian_find victoria-metrics) || return 1
    VICTORIA_METRICS_FOLDER=$1
    rm -rf "$1"
    mkdir -p "$1"
    _port=$(server_port)
    # its cache of answers would answer all rounds but the first
    "$VICTORIA_METRICS" -storageDataPath="$1/data" -httpListenAddr="127.0.0.1:$_port" -retentionPeriod=100y -search.disableCache \
        -search.maxQueryDuration=10m -search.maxUniqueTimeseries=10000000 -search.maxSamplesPerQuery=1000000000000 >"$1/log" 2>&1 &
    VICTORIA_METRICS_PID=$!
    VICTORIA_METRICS_URL=http://127.0.0.1:$_port
    server_wait "$VICTORIA_METRICS_PID" "$VICTORIA_METRICS_URL/health" && return 0
    echo "victoria_metrics.sh: error: victoria-metrics did not become ready:" >&2
    tail -5 "$1/log" >&2
    victoria_metrics_stop
    return 1
}

victoria_metrics_stop() {
    [ -n "${VICTORIA_METRICS_PID:-}" ] || return 0
    kill "$VICTORIA_METRICS_PID" 2>/dev/null || true
    wait "$VICTORIA_METRICS_PID" 2>/dev/null || true
    VICTORIA_METRICS_PID=
    rm -rf "$VICTORIA_METRICS_FOLDER/data"
}
