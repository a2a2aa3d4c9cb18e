#!/bin/sh
# Prometheus's own test scripts through the engine: AMPQL=build/ampql tests/upstream.sh [FOLDER]. An evaluation that fails
# for want of a function or aggregation counts as skipped, as do those that need native histograms; any other failure is
# one.
set -eu
folder=${1:-../shared/promqltest}
out=build/upstream.txt
[ -d "$folder" ] || { echo "  SKIP upstream: no $folder"; exit 0; }
"${AMPQL:-build/ampql}" test "$folder" >$out || [ $? -eq 1 ]
awk '
/^[^ ].*:[0-9]+: / { where = $0; next }
/^    error    (unknown function with name|aggregation .* is not supported yet)/ { missing++; where = ""; next }
/^    / { if (where != "") { print where; failed++; where = "" } print; next }
/ passed, / { passed = $1; skipped = $5 }
END {
    printf "%d passed, %d failed, %d skipped: %d for want of a function, %d need native histograms\n",
        passed, failed, missing + skipped, missing, skipped
    exit failed > 0
}' $out
