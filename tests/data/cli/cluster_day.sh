#!/bin/sh
# The recorded day gives bit for bit what Prometheus said of it, every allocation query and every recording rule; and the
# bill is the one that the same answers give when it is worked out a second time.
set -eu
python3 tests/oracle/replay.py check "$AMPQL" tests/data/cluster_day
python3 tests/oracle/bill.py "$AMPQL"
