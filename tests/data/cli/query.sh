# ampql query: formats, times, sources.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom

# promtool's text when standard output is no terminal
run 0 query -s $small --time 90 --stale-after 5m 'requests_total' <<'END'
requests_total{pod="a", zone="eu"} => 60 @[90]
requests_total{pod="b", zone="us"} => 70 @[90]
END
run 0 query --time 2024-03-02T18:03:29.25Z 'vector(1)' <<'END'
{} => 1 @[1709402609.25]
END
run 0 query --time 90 -o promql '1e21' <<'END'
scalar: 1000000000000000000000 @[90]
END
run 0 query --time 90 '"text"' <<'END'
text
END
run 0 query -s $small --start 60 --end 120 --step 30 --stale-after 5m 'sum(requests_total)' <<'END'
{} =>
130 @[60]
130 @[90]
190 @[120]
END

run 0 query -s $small --time 120 -o table 'rate(requests_total[2m])' <<'END'
pod  zone  VALUE
a    eu        1
END
run 0 query -s $small --start 60 --end 120 --step 60 --stale-after 5m -o table 'requests_total' <<'END'
__name__        pod  zone  TIME                  VALUE
requests_total  a    eu    1970-01-01T00:01:00Z     60
requests_total  a    eu    1970-01-01T00:02:00Z    120
requests_total  b    us    1970-01-01T00:01:00Z     70
requests_total  b    us    1970-01-01T00:02:00Z     70
END
run 0 query -s $small --time 60.5 -o csv --stale-after 5m '{__name__=~".+", pod=~"a|"}' <<'END'
metric,labels,timestamp,value
ratio,"{""text"":""a \""b\"", c""}",60.500,0.1
requests_total,"{""pod"":""a"",""zone"":""eu""}",60.500,60
END
run 0 query --time 60 -o csv '0/0' <<'END'
metric,labels,timestamp,value
,{},60,NaN
END
run 0 query -s $small --time 60 -o json --stale-after 5m 'sum(requests_total)' <<'END'
{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[60,"130"]}]}}
END

# what promtool makes blocks of: the series of a metric one after the other, times in seconds
run 0 query -s $small --start 60 --end 90 --step 30 --stale-after 5m -o openmetrics '{__name__=~".+", pod=~"a|"}' <<'END'
# TYPE ratio unknown
ratio{text="a \"b\", c"} 0.1 60
ratio{text="a \"b\", c"} 0.1 90
# TYPE requests_total unknown
requests_total{pod="a",zone="eu"} 60 60
requests_total{pod="a",zone="eu"} 60 90
# EOF
END
feed 'x{A="1"} 1 1500
y{A="1"} 2 1500
x{A="2"} NaN 1500
{"y.z",A="2"} 4 1500
'
run 0 query -s - --time 1.5 --stale-after 5m -o openmetrics '{A!=""}' <<'END'
# TYPE x unknown
x{A="1"} 1 1.500
x{A="2"} NaN 1.500
# TYPE y unknown
y{A="1"} 2 1.500
# TYPE "y.z" unknown
{"y.z",A="2"} 4 1.500
# EOF
END
run 5 query -s $small --time 60 --stale-after 5m -o openmetrics 'requests_total or sum by (zone) (requests_total)' <<'END'
! ampql: error: OpenMetrics needs a metric name, and {zone="eu"} has none: label_replace(EXPR, "__name__", "NAME", "", "") gives one
END
run 5 query --time 60 -o openmetrics '1' <<'END'
! ampql: error: OpenMetrics holds series, and this result is a scalar
END

# text formats have no stale markers: an instant selector says so
run 0 query -s $small --time 90 'count(requests_total)' <<'END'
{} => 2 @[90]
! ampql: warning: the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended
END

# the source in the environment, the flag before it
AMPQL_SOURCE=$small run 0 query --time 120 'sum(increase(requests_total{pod="a"}[2m]))' <<'END'
{} => 120 @[120]
END
AMPQL_SOURCE=nowhere run 0 query -s $small --time 120 'sum(increase(requests_total{pod="a"}[2m]))' <<'END'
{} => 120 @[120]
END
feed 'x 5 1000
'
run 0 query -s - --time 1 'last_over_time(x[1s])' <<'END'
x => 5 @[1]
END
run 0 query --stats -s $small --time 120 'sum_over_time(requests_total[5m])' <<'END'
{pod="a", zone="eu"} => 180 @[120]
{pod="b", zone="us"} => 80 @[120]
! ampql: stats: selects=1 series=2 samples=5
END

# what Prometheus would remark, on standard error and in JSON
run 0 query -s $small --time 120 --stale-after 5m 'sum(rate({pod="a",__name__!="x"}[2m]))
  + quantile(2, requests_total)' <<'END'
{} => +Inf @[120]
! ampql: warning: PromQL warning: quantile value should be between 0 and 1, got 2 (2:14)
END
run 0 query -s $small --time 120 -o json 'rate(label_replace(requests_total{pod="a"}, "__name__", "x", "", "")[2m:1m])' <<'END'
{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"a","zone":"eu"},"value":[120,"1"]}]},"warnings":["the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended"],"infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"x\" (1:1)"]}
! ampql: info: PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "x" (1:1)
! ampql: warning: the samples come without stale markers: an instant selector sees a series that ended for another 5m, unless stale-after says when a silent series has ended
END

# features
run 4 query -s $small --time 120 'mad_over_time(requests_total[2m])' <<'END'
! ampql: error: 1:1: parse error: function "mad_over_time" is not enabled
!   mad_over_time(requests_total[2m])
!   ^^^^^^^^^^^^^
END
for flags in --experimental --enable=experimental --enable=delayed-name-removal,experimental; do
    run 0 query -s $small --time 120 $flags 'mad_over_time(requests_total{pod="a"}[2m])' <<'END'
{pod="a", zone="eu"} => 30 @[120]
END
done
for flags in --delayed-name-removal --enable=delayed-name-removal; do
    run 0 query -s $small --time 120 $flags 'label_join(rate(requests_total{pod="a"}[2m]), "was", "", "__name__")' <<'END'
{pod="a", was="requests_total", zone="eu"} => 1 @[120]
END
done
run 0 query -s $small --time 120 --enable experimental 'label_join(rate(requests_total{pod="a"}[2m]), "was", "", "__name__")' <<'END'
{pod="a", zone="eu"} => 1 @[120]
END
AMPQL_ENABLE=delayed-name-removal run 0 query -s $small --time 120 'label_join(rate(requests_total{pod="a"}[2m]), "was", "", "__name__")' <<'END'
{pod="a", was="requests_total", zone="eu"} => 1 @[120]
END
run 2 query -s $small --enable experimental --enable everything 1 <<'END'
! ampql: error: query: --enable: unknown feature "everything"
!   hint: features are experimental and delayed-name-removal
END
run 0 fmt --enable experimental 'limitk( 1,x)' <<'END'
limitk(1, x)
END

# a series that is silent in one file goes on in another: its end is that of the whole
printf 'up 1 0\nup 1 60000\n' >"$work/first.prom"
printf 'up 1 120000\nup 1 180000\n' >"$work/second.prom"
for after in 90s 60s; do # between samples of the second file, and on one
    run 0 query -s "$work/first.prom" -s "$work/second.prom" --stale-after $after --start 30 --end 230 --step 50 up <<'END'
up =>
1 @[30]
1 @[80]
1 @[130]
1 @[180]
1 @[230]
END
done
run 0 query -s "$work/first.prom" -s "$work/second.prom" --stale-after 60s --time 240 up <<'END'
END

# what a server said of an answer is passed on
mkdir "$work/warned"
cat >"$work/warned/selects.json" <<'END'
{"version": 1, "answers": [{"file": "a.json", "kind": "RAW", "query": "x_total[5m]", "time": 60, "dialect": "prom3"}]}
END
cat >"$work/warned/a.json" <<'END'
{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x_total"},"values":[[0,"1"],[60,"2"]]}]},
 "warnings":["partial\u001b response","and more"],"infos":["nothing"]}
END
cd "$work"
run 0 query -s warned --time 60 'sum(rate(x_total[5m])) + sum(rate(x_total[5m]))' <<'END'
{} => 0.01 @[60]
! ampql: warning: warned/a.json: the server warned: "partial\x1b response" (and 1 more)
END
run 0 query -s warned -s warned --time 60 'rate(x_total[5m])' -o json <<'END'
{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[60,"0.005"]}]},"warnings":["warned/a.json: the server warned: \"partial\\x1b response\" (and 1 more)"]}
! ampql: warning: warned/a.json: the server warned: "partial\x1b response" (and 1 more)
END
run 0 series -s warned x_total <<'END'
x_total
! ampql: warning: warned/a.json: the server warned: "partial\x1b response" (and 1 more)
END

# Subqueries have a limit of their own.
run 0 query --time 100 --max-subquery-points 60 'count_over_time(vector(1)[1m:1s])' <<'END'
{} => 60 @[100]
END
run 6 query --time 100 --max-subquery-points 59 'count_over_time(vector(1)[1m:1s])' <<'END'
! ampql: error: 1:17: the query needs more than 59 evaluation points in its subqueries
!   count_over_time(vector(1)[1m:1s])
!                   ^^^^^^^^^^^^^^^^
END

# Depth: a power of 300 terms is 300 levels, a sum of 10,000 is one.
power=$(awk 'BEGIN { s = 1; for (i = 1; i < 300; i++) s = s "^1"; print s }')
check 'too deep is a limit, and says how to raise it' sh -c \
    '"$AMPQL" query --time 1 "$1" 2>&1 | grep -q "hint: --max-depth allows more, up to 2048"' sh "$power"
run 0 query --time 1 --max-depth 2048 "$power" <<'END'
scalar: 1 @[1]
END
run 0 query --time 1 "$(awk 'BEGIN { s = 1; for (i = 1; i < 10000; i++) s = s "+1"; print s }')" <<'END'
scalar: 10000 @[1]
END
run 2 query --time 1 --max-depth 2049 1 <<'END'
! ampql: error: query: max_depth is 2049, expected at most 2048
!   hint: see `ampql help query`
END
