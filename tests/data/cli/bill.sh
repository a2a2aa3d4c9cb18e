#!/bin/sh
# The recorded day's bill is that of the same model written a second time, in Python.
set -eu
exec python3 tests/oracle/bill.py "$AMPQL" examples/data/cluster_day.aqc 1772409600
