#!/bin/sh
# Prometheus's own test scripts through the engine, when a checkout lies beside them: tests/upstream.sh build/ampql
# [FOLDER]. An evaluation that fails for want of a function or aggregation is counted apart; any other failure is one.
# What needs native histograms is skipped. Upstream runs with delayed name removal, which we do not have: of its
# name_label_dropping.test some evaluations differ.
set -eu
ampql=${1:-build/ampql}
folder=${2:-../shared/promqltest}
[ -d "$folder" ] || { echo "  SKIP upstream: no $folder"; exit 0; }
"$ampql" test "$folder" >build/upstream.txt || [ $? -eq 1 ]
awk '
/^[^ ].*:[0-9]+: / { where = $0; next }
/^    error    (unknown function with name|aggregation .* is not supported yet)/ { missing++; where = ""; next }
/^    / { if (where != "") { print where; failed++; where = "" } print; next }
/ passed, / { total = $0 }
END { printf "  upstream: %s; %d of the failed for want of a function\n", total, missing; exit failed > 0 }
' build/upstream.txt
