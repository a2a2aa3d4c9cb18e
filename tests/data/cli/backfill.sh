# ampql rules backfill, and --rules: history that nobody has recorded.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
cat >"$work/rules.yml" <<'END'
groups:
- name: g
  rules:
  - record: pod:rate2m
    expr: sum by (pod) (rate(requests_total[2m]))
  - record: all:rate2m
    expr: sum(pod:rate2m)
    labels: {unit: per_second}
END
rules=$work/rules.yml

run 0 rules backfill "$rules" -s $small --start 0 --end 300 <<'END'
# TYPE pod:rate2m unknown
pod:rate2m{pod="a"} 0.5 60
pod:rate2m{pod="a"} 1 120
pod:rate2m{pod="b"} 0.5833333333333334 60
# TYPE all:rate2m unknown
all:rate2m{unit="per_second"} 1.0833333333333335 60
all:rate2m{unit="per_second"} 1 120
# EOF
! ampql: note: stale markers that this form cannot hold are left out, 3 of them: a series that ended lives on for the lookback
END
run 0 rules backfill "$rules" -s $small --start 60 --end 60 -o json <<'END'
{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"pod:rate2m","pod":"a"},"values":[[60,"0.5"]]},{"metric":{"__name__":"pod:rate2m","pod":"b"},"values":[[60,"0.5833333333333334"]]},{"metric":{"__name__":"all:rate2m","unit":"per_second"},"values":[[60,"1.0833333333333335"]]}]}}
END
# Nothing was recorded then.
run 0 rules backfill "$rules" -s $small --start 1000 --end 2000 <<'END'
# EOF
END
run 0 rules backfill "$rules" -s $small --start 1000 --end 2000 -o json <<'END'
{"status":"success","data":{"resultType":"matrix","result":[]}}
END
# Ticks: every 30 seconds; ten seconds past the minute; as Prometheus has them for a file of that name.
run 0 rules backfill "$rules" -s $small --start 60 --end 90 --step 30s <<'END'
# TYPE pod:rate2m unknown
pod:rate2m{pod="a"} 0.5 60
pod:rate2m{pod="a"} 0.75 90
pod:rate2m{pod="b"} 0.5833333333333334 60
pod:rate2m{pod="b"} 0.8333333333333334 90
# TYPE all:rate2m unknown
all:rate2m{unit="per_second"} 1.0833333333333335 60
all:rate2m{unit="per_second"} 1.5833333333333335 90
# EOF
END
run 0 rules backfill "$rules" -s $small --start 60 --end 120 --rule-phase 10s <<'END'
# TYPE pod:rate2m unknown
pod:rate2m{pod="a"} 0.5833333333333334 70
pod:rate2m{pod="b"} 0.6666666666666666 70
# TYPE all:rate2m unknown
all:rate2m{unit="per_second"} 1.25 70
# EOF
END
run 0 rules backfill "$rules" -s $small --start 60 --end 120 --rule-phase hash:/etc/rules.yml <<'END'
# TYPE pod:rate2m unknown
pod:rate2m{pod="a"} 0.5521166666666667 66.254
pod:rate2m{pod="b"} 0.6354500000000001 66.254
# TYPE all:rate2m unknown
all:rate2m{unit="per_second"} 1.1875666666666667 66.254
# EOF
END

# A capture holds the markers: what is read from it is what --rules gives without it.
out=$work/records.aqc
run 0 rules backfill "$rules" -s $small --start 0 --end 900 --out "$out" </dev/null
for expr in pod:rate2m 'max_over_time(all:rate2m[5m])' 'count(pod:rate2m) + 1' 'all:rate2m offset 30s'; do
    "$AMPQL" query "$expr" -s $small --rules "$rules" --start 0 --end 900 --step 20 >"$work/virtual" 2>&1
    "$AMPQL" query "$expr" -s "$out" --start 0 --end 900 --step 20 >"$work/recorded" 2>&1
    cmp "$work/virtual" "$work/recorded" && [ -s "$work/virtual" ] || failures=$((failures + 1))
done

run 0 rules backfill "$rules" -s $small --start 0 --end 300 --remote-write amp:ws-1@eu-west-1 --dry-run <<'END'
! ampql: note: would write 8 samples in 3 requests: $0.000001 at $0.90 for 10 million; 0 had arrived before
! ampql: note: some are older than an hour: AMP takes none of those, a Prometheus only what is not far behind its newest sample
END

# A rule that fails stops no other, unless --strict.
run 5 rules backfill tests/data/cli/small.yml -s $small --start 60 --end 120 -o json <<'END'
{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"pod:requests:rate2m","pod":"a"},"values":[[60,"0.5"],[120,"1"]]},{"metric":{"__name__":"pod:requests:rate2m","pod":"b"},"values":[[60,"0.5833333333333334"]]},{"metric":{"__name__":"requests:rate2m","unit":"per_second"},"values":[[60,"1.0833333333333335"],[120,"1"]]},{"metric":{"__name__":"broken","pod":"same"},"values":[[120,"1"]]}]}}
! ampql: error: group "requests", record "broken", line 9: 1 of 2 evaluations failed, the last at 1970-01-01T00:01:00Z: vector cannot contain metrics with the same labelset
!   label_replace(sum by (pod) (rate(requests_total[2m])), "pod", "same", "", "")
!   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
! ampql: note: stale markers that this form cannot hold are left out, 1 of them: a series that ended lives on for the lookback
END
run 5 rules backfill tests/data/cli/small.yml -s $small --start 60 --end 120 -o json --strict <<'END'
! ampql: error: group "requests", record "broken", line 9: vector cannot contain metrics with the same labelset
END
run 5 rules eval tests/data/cli/small.yml -s $small --time 60 --strict <<'END'
! ampql: error: group "requests", record "broken", line 9: vector cannot contain metrics with the same labelset
END

# Nor does it stop another group.
cat >"$work/groups.yml" <<'END'
groups:
- {name: g, rules: [{record: text, expr: '"b"'}]}
- {name: h, rules: [{record: two, expr: vector(2)}]}
END
run 5 rules eval "$work/groups.yml" -s $small --time 60 <<'END'
two => 2 @[60]
! ampql: error: group "g", record "text", line 2: rule result is not a vector or scalar
END
run 5 rules eval "$work/groups.yml" -s $small --time 60 --strict <<'END'
! ampql: error: group "g", record "text", line 2: rule result is not a vector or scalar
END

# Stored series of a recorded name: which of the two to believe.
echo 'all:rate2m 7 60000' >"$work/stored.prom"
both="-s $small -s $work/stored.prom --skip-histograms"
run 0 query all:rate2m $both --rules "$rules" --time 60 <<'END'
all:rate2m{unit="per_second"} => 1.0833333333333335 @[60]
END
run 0 query all:rate2m $both --rules "$rules" --time 60 --recorded prefer-stored <<'END'
all:rate2m => 7 @[60]
! ampql: warning: the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended
END
run 9 query all:rate2m $both --rules "$rules" --time 60 --recorded error <<'END'
! ampql: error: the source holds series of "all:rate2m", which a rule records, too: expected none, or to be told which to prefer
END

# What makes no sense.
run 2 rules backfill "$rules" -s $small <<'END'
! ampql: error: rules backfill: expected --start
!   hint: see `ampql help rules backfill`
END
run 2 rules backfill "$rules" -s $small --start 0 --end 60 --step 0s <<'END'
! ampql: error: rules backfill: --step must be over 0
!   hint: see `ampql help rules backfill`
END
run 2 rules backfill "$rules" -s $small --start 0 --end 60 --out "$out" -o json <<'END'
! ampql: error: rules backfill: --out writes a capture: leave out --output, --remote-write
!   hint: see `ampql help rules backfill`
END
run 6 rules backfill "$rules" -s $small --start 0 --end 9999999999 --step 1s <<'END'
! ampql: error: records need more than 4194304 evaluations
END
run 2 rules backfill "$rules" -s $small --start 0 --end 60 --rule-phase now <<'END'
! ampql: error: rules backfill: --rule-phase: not a valid duration string: "now", expected a duration or hash:FILE
!   hint: see `ampql help rules backfill`
END
run 2 rules backfill "$rules" -s $small --start 60 --end 0 <<'END'
! ampql: error: rules backfill: --end is before --start
!   hint: see `ampql help rules backfill`
END
run 2 fetch --dry-run -s $small --rules "$rules" --start 0 --end 60 --step 10 <<'END'
! ampql: error: fetch: rules have steps of their own: leave out --step
!   hint: see `ampql help fetch`
END
run 0 fetch --dry-run -s $small --rules "$rules" --start 0 --end 300 <<'END'
KIND  FROM                  TO                    STEP  SERIES  SAMPLES/SERIES  REQUESTS  QUERY
RAW   1969-12-31T23:57:00Z  1970-01-01T00:05:00Z             ?               8         ?  requests_total[8m]
END
run 2 query all:rate2m -s $small --rules "$rules" --time 60 --recorded both <<'END'
! ampql: error: query: --recorded: expected prefer-local|prefer-stored|error: "both"
!   hint: see `ampql help query`
END

# What fetch keeps is all that the same history needs.
run 0 fetch --out "$work/raw.aqc" -s $small --rules "$rules" --start 0 --end 900 </dev/null
"$AMPQL" rules backfill "$rules" -s "$work/raw.aqc" --start 0 --end 900 >"$work/kept" 2>&1
"$AMPQL" rules backfill "$rules" -s $small --start 0 --end 900 >"$work/read" 2>&1
cmp "$work/kept" "$work/read" && grep -q EOF "$work/kept" || failures=$((failures + 1))
