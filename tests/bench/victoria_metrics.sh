# Start and stop a VictoriaMetrics of our own on loopback, as tests/oracle/prometheus.sh does with a Prometheus; after that is
# sourced:
#
#   victoria_metrics_start FOLDER     sets VICTORIA_METRICS_URL and VICTORIA_METRICS_PID; FOLDER is emptied first
#   victoria_metrics_stop
#
# It takes the `victoria-metrics` in PATH, or unpacks Debian's package into build/oracle/ without installing it.

victoria_metrics_find() {
    if command -v victoria-metrics >/dev/null 2>&1; then
        VICTORIA_METRICS=$(command -v victoria-metrics)
        return 0
    fi
    VICTORIA_METRICS=$PWD/build/oracle/usr/bin/victoria-metrics
    [ -x "$VICTORIA_METRICS" ] && return 0
    echo "unpacking Debian's victoria-metrics into build/oracle"
    mkdir -p build/oracle
    debian_unpack victoria-metrics || {
        prometheus_as_root apt-get update -q && debian_unpack victoria-metrics
    }
    [ -x "$VICTORIA_METRICS" ]
}

victoria_metrics_start() {
    victoria_metrics_find || {
        echo "victoria_metrics.sh: error: no victoria-metrics in PATH, and apt-get download victoria-metrics did not give one" >&2
        return 1
    }
    VICTORIA_METRICS_FOLDER=$1
    rm -rf "$1"
    mkdir -p "$1"
    _port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    # its cache of answers would answer all rounds but the first
    "$VICTORIA_METRICS" -storageDataPath="$1/data" -httpListenAddr="127.0.0.1:$_port" -retentionPeriod=100y -search.disableCache \
        -search.maxQueryDuration=10m -search.maxUniqueTimeseries=10000000 -search.maxSamplesPerQuery=1000000000000 >"$1/log" 2>&1 &
    VICTORIA_METRICS_PID=$!
    VICTORIA_METRICS_URL=http://127.0.0.1:$_port
    _tick=0
    while [ $_tick -lt 150 ]; do
        kill -0 "$VICTORIA_METRICS_PID" 2>/dev/null || break
        python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/health", timeout=2)' "$VICTORIA_METRICS_URL" 2>/dev/null && return 0
        sleep 0.2
        _tick=$((_tick + 1))
    done
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
