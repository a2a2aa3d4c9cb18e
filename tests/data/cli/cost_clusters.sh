#!/bin/sh
# Generated clusters cost what an independent model made of a Prometheus's answers: every field of every container and line.
set -eu
exec python3 tests/oracle/cost_saved.py check "$AMPQL" tests/data/cost/clusters
