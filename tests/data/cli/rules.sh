# ampql rules check, rules eval.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
rules=tests/data/cli/small.yml

run 0 rules check $rules examples/rules/kubecost.yml <<'END'
tests/data/cli/small.yml: 1 group, 3 recording rules, 1 alert
examples/rules/kubecost.yml: 2 groups, 9 recording rules, 0 alerts
END
feed 'groups:
  - name: a
    rules:
      - record: x
        expr: sum(
'
run 4 rules check $rules - <<'END'
tests/data/cli/small.yml: 1 group, 3 recording rules, 1 alert
-: 1 group, 1 recording rule, 0 alerts; 1 error
! ampql: error: -: line 5, column 19: expr of "x": unclosed left parenthesis
!           expr: sum(
!                     ^
END
feed 'groups: []
rools: []
'
run 9 rules check - <<'END'
-: 0 groups, 0 recording rules, 0 alerts; 1 error
! ampql: error: -: line 2, column 1: unknown field "rools" in a rule file, expected groups
!   rools: []
!   ^^^^^
END
run 0 rules eval $rules -s $small --time 120 <<'END'
pod:requests:rate2m{pod="a"} => 1 @[120]
requests:rate2m{unit="per_second"} => 1 @[120]
broken{pod="same"} => 1 @[120]
END
# a rule fails where its results get equal labels: the others are printed, the status is that of the failure
run 5 rules eval $rules -s $small --time 60 -o csv <<'END'
metric,labels,timestamp,value
pod:requests:rate2m,"{""pod"":""a""}",60,0.5
pod:requests:rate2m,"{""pod"":""b""}",60,0.5833333333333334
requests:rate2m,"{""unit"":""per_second""}",60,1.0833333333333335
! ampql: error: group "requests", record "broken", line 9: vector cannot contain metrics with the same labelset
!   label_replace(sum by (pod) (rate(requests_total[2m])), "pod", "same", "", "")
!   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
END
run 0 rules eval examples/rules/kubecost.yml -s $small --time 120 -o json <<'END'
{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended"]}
! ampql: warning: the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended
END

# Samples without stale markers: a rule that reads a record alone has nothing to be warned of.
cat >"$work/chain.yml" <<'END'
groups:
- name: chain
  rules:
  - record: first
    expr: max_over_time(requests_total[5m])
  - record: second
    expr: sum(first)
END
run 0 rules eval "$work/chain.yml" -s tests/data/cli/small.prom --time 60 -o csv <<'END'
metric,labels,timestamp,value
first,"{""pod"":""a"",""zone"":""eu""}",60,60
first,"{""pod"":""b"",""zone"":""us""}",60,70
second,{},60,130
END
sed 's/sum(first)/sum(first) + sum(requests_total)/' "$work/chain.yml" >"$work/both.yml"
run 0 rules eval "$work/both.yml" -s tests/data/cli/small.prom --time 60 -o csv <<'END'
metric,labels,timestamp,value
first,"{""pod"":""a"",""zone"":""eu""}",60,60
first,"{""pod"":""b"",""zone"":""us""}",60,70
second,{},60,260
! ampql: warning: the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended
END

# What a day of the rules would cost by a ruler, which reads windows again at every evaluation and is billed for what it writes, and
# here: 7 samples at each of 1440 minutes; 2 minutes of 3 samples, so 1.5 a minute for a day and the first window.
run 0 rules eval $rules -s $small --time 120 --stats <<'END'
pod:requests:rate2m{pod="a"} => 1 @[120]
requests:rate2m{unit="per_second"} => 1 @[120]
broken{pod="same"} => 1 @[120]
! ampql: stats: selects=1 series=2 samples=3
! ampql: note: a ruler: 3 evaluations read 7 samples, write 3
! ampql: note: a ruler, a day: 4320 evaluations read 10080 samples x $0.10 / 10^9 = $0.000001, write 4320 x $0.90 / 10^7 = $0.000389: $0.000390
! ampql: note: here, the same day: read 2163 samples x $0.10 / 10^9 = $0.000000, write none: 1802 times less
END

# What README.md says of a day of the nine rules: AMP's ruler, and here.
"$AMPQL" rules eval examples/rules/kubecost.yml -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --stats \
    >/dev/null 2>"$work/stats"
for line in 'a ruler, a day: 12960 evaluations read 2806560 samples x $0.10 / 10^9 = $0.000281, write 338400 x $0.90 / 10^7 = $0.030456: ' \
    'here, the same day: read 614618 samples x $0.10 / 10^9 = $0.000061, write none'; do
    grep -qF "$line" "$work/stats" || failures=$((failures + 1))
done
