#!/bin/sh
# The same against the newest Prometheus's engine, which is of the prom3 dialect: it needs Go and its module proxy.
#
#   newest.sh BUILD_FOLDER        environment as tests/fetch.sh
set -eu
build=${1:-build}
command -v go >/dev/null 2>&1 || {
    echo "newest.sh: error: no go in PATH; this check is optional" >&2
    exit 1
}
mkdir -p "$build/oracle"
(cd tests/oracle/newest && go build -o "$OLDPWD/$build/oracle/prometheus" .)
port=$build/oracle/newest-port-$$
"$build/oracle/prometheus" serve "$port" &
pid=$!
trap 'kill $pid 2>/dev/null; rm -f "$port"' EXIT
trap 'exit 130' INT TERM HUP
tick=0
until [ -s "$port" ]; do
    tick=$((tick + 1))
    [ $tick -lt 100 ] && kill -0 $pid || {
        echo "newest.sh: error: the newest engine's server did not start" >&2
        exit 1
    }
    sleep 0.1
done
url=$(cat "$port")
status=0
"$build/bench/load" "$url/api/v1/write" --containers "${CONTAINERS:-60}" --seed "${SEED:-1}"
python3 -B tests/fake_amp/edges.py "$build/ampql" "$url" || status=1
python3 -B tests/fake_amp/templates.py "$url" "$build/ampql" ${ONLY:+"$ONLY"} || status=1
exit $status
