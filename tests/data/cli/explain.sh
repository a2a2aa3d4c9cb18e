# ampql explain: what would be read.
. tests/data/cli/lib.sh

run 0 explain --time 3600 'sum(rate(x[5m])) / sum(rate(x[5m] offset 1m))' <<'END'
END
run 0 explain --time 3600 --caps samples -o json x 'rate(x[5m])' <<'END'
END
run 0 explain --start 0 --end 60 --step 15 -o json x <<'END'
END
