#!/bin/sh
# Prometheus's own test scripts through the engine: AMPQL=build/ampql tests/upstream.sh [FOLDER [DIALECT]]. Prints what
# fails, what was skipped and why, and a summary; fails when an evaluation fails or a script cannot be read.
set -eu
folder=${1:-../shared/promqltest} dialect=${2:-prom3}
[ -d "$folder" ] || { echo "  SKIP upstream: no $folder"; exit 0; }
exec "${AMPQL:-build/ampql}" test --quiet --dialect "$dialect" "$folder"
