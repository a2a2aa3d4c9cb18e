#!/bin/sh
# The recorded day gives bit for bit what Prometheus said of it: every allocation query and every recording rule.
set -eu
exec python3 tests/oracle/replay.py check "$AMPQL" tests/data/cluster_day
