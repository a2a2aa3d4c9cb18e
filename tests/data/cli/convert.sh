# ampql capture convert: every format from every other, the same numbers from each; what has no place is named.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
day=examples/data/cluster_day.aqc

cat >"$work/in.csv" <<'END'
metric,labels,timestamp,value
up,"{""job"":""a""}",60,1
up,"{""job"":""a""}",120,1
up,"{""job"":""a""}",180,1
up,"{""job"":""a""}",240,stale
up,"{""job"":""b'\""\n""}",60,0.1
up,"{""job"":""b'\""\n""}",120,0.2
up,"{""job"":""b'\""\n""}",180,0.30000000000000004
sum,{},0,1e+21
END
run 0 capture convert "$work/in.csv" "$work/in.yml" </dev/null
cat >"$work/wanted.yml" <<'END'
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: '{__name__="sum"}'
        values: '1e+21'
      - series: 'up{job="a"}'
        values: '_ 1x2 stale'
      - series: 'up{job="b''\"\n"}'
        values: '_ 0.1+0.1x2'
END
check 'the series of a unit test' cmp "$work/in.yml" "$work/wanted.yml"
run 0 query -s "$work/in.yml" --start 180 --end 240 --step 60 'up' <<'END'
up{job="a"} =>
1 @[180]
up{job="b'\"\n"} =>
0.30000000000000004 @[180]
0.30000000000000004 @[240]
END
run 5 capture convert "$work/in.csv" "$work/in.om" <<'END'
! ampql: error: OpenMetrics has no place for 1 stale marker, which says where a series ended (--drop ends)
END
check 'nothing is left of what could not be' [ ! -e "$work/in.om" -a ! -e "$work/in.om.new" -a ! -e "$work/in.om.part" ]
run 0 capture convert --drop ends "$work/in.csv" "$work/in.om" <<'END'
! ampql: warning: left out: 1 stale marker, which says where a series ended
END
cat >"$work/wanted.om" <<'END'
# TYPE sum unknown
sum 1e+21 0
# TYPE up unknown
up{job="a"} 1 60
up{job="a"} 1 120
up{job="a"} 1 180
up{job="b'\"\n"} 0.1 60
up{job="b'\"\n"} 0.2 120
up{job="b'\"\n"} 0.30000000000000004 180
# EOF
END
check 'OpenMetrics' cmp "$work/in.om" "$work/wanted.om"
run 0 capture convert --to dump "$work/in.om" "$work/lines" </dev/null
check 'a dump' [ "$(sed -n 3p "$work/lines")" = '{__name__="up", job="a"} 1 120000' ]

# there and back: the same numbers, to the byte
for to in a.csv a.om a.dump a.aqc; do
    run 0 capture convert $small "$work/$to" </dev/null
done
run 0 capture convert $small "$work/a.yml" <<'END'
! ampql: warning: what was read has no stale markers, and a unit test does not say so: over it instant selectors see series that have ended without a warning
END
for to in a.csv a.om a.dump a.yml a.aqc; do
    "$AMPQL" query 'rate({__name__=~".+"}[2m])' -s $small --start 0 --end 120 --step 15 -o json >"$work/file"
    "$AMPQL" query 'rate({__name__=~".+"}[2m])' -s "$work/$to" --start 0 --end 120 --step 15 -o json >"$work/again"
    check "rates over $to" cmp "$work/file" "$work/again"
done

# where series end is known of a unit test, and CSV says so by its markers alone
run 0 capture convert "$work/in.yml" "$work/again.csv" </dev/null
check 'CSV by way of a unit test' [ "$(sort "$work/in.csv")" = "$(sort "$work/again.csv")" ]
run 0 capture convert "$work/a.yml" "$work/b.csv" <<'END'
! ampql: warning: no series ends in what was read, and the output has no way to say so: over it instant selectors come with a warning
END

# a server's answers: API JSON has all of them
run 0 capture convert $day "$work/day/" </dev/null
run 0 capture convert "$work/day" "$work/day.aqc" </dev/null
"$AMPQL" capture show -o json $day | sed 's/,"source".*//' >"$work/file"
"$AMPQL" capture show -o json "$work/day.aqc" | sed 's/,"source".*//' >"$work/again"
check 'the content id of a capture that was a folder of JSON' cmp "$work/file" "$work/again"
run 5 capture convert $day "$work/day.csv" <<'END'
! ampql: error: CSV has no place for 19 answers on grids of times (--drop grids), 43 windows of what is known and what not (--drop windows)
END

run 2 capture convert $small "$work/out" <<END
! ampql: error: capture convert: $work/out: its name says no format, expected one of .aqc .om .csv .dump .yml, or NAME/ for a folder of JSON; or say --to
!   hint: see \`ampql help capture convert\`
END
run 2 capture convert --drop ends,all $small "$work/out.om" <<'END'
! ampql: error: capture convert: --drop: expected ends, nans, grids, windows, warnings, lists or times: "all"
!   hint: see `ampql help capture convert`
END
run 9 capture convert $day "$work/day/" <<END
! ampql: error: $work/day: is there already, expected a new folder
END
feed 'tests:
- {interval: 1m, input_series: [{series: a, values: 1}]}
- {interval: 1m, input_series: [{series: a, values: 2}]}'
cp "$work/stdin" "$work/two.yml"
run 7 query -s "$work/two.yml" --time 0 a <<END
! ampql: error: $work/two.yml:3: a second test with input_series, after the one on line 2: they are different data, and a source is one
END

# a block of Prometheus 2.42, by way of each format: the server's own bytes; an instant selector that lost the ends says so, and some of
# those answers are others (make formats: a whole day of it)
tab=$(printf '\t')
run 0 capture convert tests/data/source/tsdb/block "$work/block.aqc" </dev/null
over() { # SOURCE LOSES: same and others count
    while IFS=$tab read -r flags query body; do
        # shellcheck disable=SC2086
        "$AMPQL" query -s "$1" --dialect prom2 -o json $flags -- "$query" >"$work/got" 2>"$work/err"
        printf '%s\n' "$body" >"$work/wanted"
        case $2$query in
            0* | 1*]*) cmp -s "$work/wanted" "$work/got" && [ ! -s "$work/err" ] && same=$((same + 1)) ;; # ranges alone lose nothing
            1*)
                check "the warning of $query over $1" grep -q 'without stale markers' "$work/err"
                sed 's/,"warnings":.*/}/' "$work/got" | cmp -s - "$work/wanted" || others=$((others + 1))
                ;;
        esac
    done <tests/data/source/tsdb/answers.tsv
}
while read -r to loses wanted; do
    same=0 others=0
    "$AMPQL" capture convert --drop ends "$work/block.aqc" "$work/block.$to" 2>"$work/err"
    check "what $to says to have lost" [ "$(grep -c 'left out: 9 stale markers' "$work/err")" = "$loses" ]
    run 0 capture convert "$work/block.$to" "$work/block.$to.aqc" </dev/null
    over "$work/block.$to" "$loses"
    over "$work/block.$to.aqc" "$loses"
    check "$to: $same $others of 20 answers are the server's, and others, not $wanted" [ "$same $others" = "$wanted" ]
done <<'END'
csv 0 20 0
om 1 10 6
dump 1 10 6
END
run 6 capture convert "$work/block.aqc" "$work/block.yml" <<'END'
! ampql: error: a unit test has all values on one grid: all these times are on one of 1ms, and that makes 177853547 values, more than 10000000
END
