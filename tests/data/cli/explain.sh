# ampql explain: what would be read.
. tests/data/cli/lib.sh

run 0 explain --time 3600 'sum(rate(x[5m])) / sum(rate(x[5m] offset 1m))' <<'END'
KIND  FROM                  TO                    STEP  QUERY
RAW   1970-01-01T01:00:00Z  1970-01-01T01:00:00Z        x[6m]
END
run 0 explain --time 3600 --caps samples -o json x 'rate(x[5m])' <<'END'
{"selects":[{"query":"x[5m]","kind":"RAW","time":3600}]}
END
run 0 explain --start 0 --end 60 --step 15 -o json x <<'END'
{"selects":[{"query":"x","kind":"GRID","start":0,"end":60,"step":15}]}
END
run 0 explain --start 0 --end 1 --step 0.25 x <<'END'
KIND  FROM                  TO                      STEP  QUERY
GRID  1970-01-01T00:00:00Z  1970-01-01T00:00:01Z  0.250s  x
END
run 4 explain 'x[' x <<'END'
! ampql: error: 1:3: parse error: unexpected end of input in duration expression
!   x[
!     ^
END
# anchored and smoothed see further, and a smoothed instant selector wants samples, not answers
run 0 explain --caps answers --time 3600 'rate(x[5m] smoothed) + y smoothed + increase(z[5m] anchored offset 1m)' <<'END'
KIND  FROM                  TO                    STEP  QUERY
RAW   1970-01-01T00:59:00Z  1970-01-01T00:59:00Z        z[10m]
RAW   1970-01-01T01:05:00Z  1970-01-01T01:05:00Z        x[15m]
RAW   1970-01-01T01:05:00Z  1970-01-01T01:05:00Z        y[10m]
END
