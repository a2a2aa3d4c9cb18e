# Start and stop a Prometheus of our own on loopback: free port, data folder under build/, nothing of the system's touched.
# Sourced by other scripts, which call
#
#   prometheus_start FOLDER [FLAG...]     sets PROMETHEUS_URL and PROMETHEUS_PID; FOLDER is emptied first
#   prometheus_restart FOLDER [FLAG...]   the same over what FOLDER/data holds
#   prometheus_stop                       also runs when the shell exits
#   promtool ARGUMENT...                  of the same package
#
# It takes the `prometheus` in PATH, or unpacks Debian's package into build/oracle/ without installing it, so no service is
# started. One block covers all the loaded days (--storage.tsdb.min-block-duration, PROMETHEUS_BLOCK): no compaction runs in
# the background of a measurement, and samples may arrive in any order over the series.

# debian_find NAME: the path of a program, which is in PATH or in its package, unpacked.
debian_find() {
    command -v "$1" && return 0
    _program=$PWD/build/oracle/usr/bin/$1
    if [ ! -x "$_program" ]; then
        echo "unpacking Debian's $1 into build/oracle" >&2
        mkdir -p build/oracle
        debian_unpack "$1" >&2 || { # the lists of packages may be old, or none
            prometheus_as_root apt-get update -q >&2 && debian_unpack "$1" >&2
        }
    fi
    if [ -x "$_program" ]; then
        echo "$_program"
    else
        echo "error: no $1 in PATH, and apt-get download $1 did not give one" >&2
        return 1
    fi
}

# Debian's package, into build/oracle.
debian_unpack() {
    (cd build/oracle && apt-get download -q "$1" && dpkg -x "$1"_*.deb .)
}

prometheus_as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The promtool of that package; after prometheus_start.
promtool() {
    "$(dirname "$PROMETHEUS")/promtool" "$@"
}

prometheus_start() {
    rm -rf "$1"
    prometheus_restart "$@"
}

prometheus_restart() {
    PROMETHEUS=$(debian_find prometheus) || return 1
    PROMETHEUS_FOLDER=$1
    shift
    mkdir -p "$PROMETHEUS_FOLDER"
    printf 'global:\n  scrape_interval: 1m\n  evaluation_interval: 1m\n' >"$PROMETHEUS_FOLDER/prometheus.yml"
    PROMETHEUS_PID=
    trap prometheus_stop EXIT
    trap 'exit 130' INT TERM HUP
    _try=0
    while [ $_try -lt 5 ]; do
        _try=$((_try + 1))
        _port=$(server_port)
        "$PROMETHEUS" --config.file="$PROMETHEUS_FOLDER/prometheus.yml" --storage.tsdb.path="$PROMETHEUS_FOLDER/data" \
            --storage.tsdb.retention.time=100y --storage.tsdb.min-block-duration="${PROMETHEUS_BLOCK:-31d}" \
            --storage.tsdb.max-block-duration="${PROMETHEUS_BLOCK:-31d}" \
            --web.listen-address="127.0.0.1:$_port" --web.enable-remote-write-receiver \
            --query.max-samples=500000000 --query.timeout=10m "$@" >"$PROMETHEUS_FOLDER/log" 2>&1 &
        PROMETHEUS_PID=$!
        PROMETHEUS_URL=http://127.0.0.1:$_port
        server_wait "$PROMETHEUS_PID" "$PROMETHEUS_URL/-/ready" && return 0
        prometheus_end # someone else may have taken the port: try the next
    done
    echo "prometheus.sh: error: prometheus did not become ready:" >&2
    tail -5 "$PROMETHEUS_FOLDER/log" >&2
    return 1
}

# A port that nobody uses now.
server_port() {
    python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# server_wait PID URL: until it answers, at most 30 s.
server_wait() {
    _tick=0
    while [ $_tick -lt 150 ]; do
        kill -0 "$1" 2>/dev/null || return 1
        python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=2)' "$2" 2>/dev/null && return 0
        sleep 0.2
        _tick=$((_tick + 1))
    done
    return 1
}

prometheus_end() {
    [ -n "${PROMETHEUS_PID:-}" ] || return 0
    kill "$PROMETHEUS_PID" 2>/dev/null || true
    wait "$PROMETHEUS_PID" 2>/dev/null || true
    PROMETHEUS_PID=
}

prometheus_stop() {
    _status=$?
    prometheus_end
    [ -z "${PROMETHEUS_FOLDER:-}" ] || rm -rf "$PROMETHEUS_FOLDER/data"
    return $_status
}
