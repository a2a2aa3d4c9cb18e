#!/bin/sh
# client_golang's API client (Debian's golang and golang-github-prometheus-client-golang-dev) over `ampql serve`, and over the
# Prometheus 2.42 that it reads: what it makes of each answer must be the same.
#
#   serve_go.sh BUILD_FOLDER        environment: CONTAINERS (30), SEED (1), GO (/usr/bin/go)
set -eu
build=${1:-build}
client=$PWD/build/oracle/serve_client
mkdir -p build/oracle
GO111MODULE=off GOFLAGS='' GOPATH=/usr/share/gocode "${GO:-/usr/bin/go}" build -o "$client" tests/oracle/serve_client.go
. tests/oracle/prometheus.sh
prometheus_start "$PWD/build/oracle/serve_go"
"$build/bench/load" "$PROMETHEUS_URL/api/v1/write" --containers "${CONTAINERS:-30}" --seed "${SEED:-1}"
python3 -B tests/oracle/serve_go.py "$build/ampql" "$PROMETHEUS_URL" "$client"
