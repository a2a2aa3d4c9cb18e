# ampql capture: captures made of files, listed, verified, merged; queries over them.
. tests/data/cli/lib.sh
small=tests/data/cli/small.prom
day=$work/day.aqc

run 0 capture convert $small "$work/small.aqc" </dev/null
# the same numbers, to the byte
for query in 'sum(rate(requests_total[2m]))' 'requests_total' 'topk(1, requests_total offset 30s)'; do
    "$AMPQL" query "$query" -s $small --start 0 --end 120 --step 15 -o json >"$work/file" 2>"$work/file.err"
    "$AMPQL" query "$query" -s "$work/small.aqc" --start 0 --end 120 --step 15 -o json >"$work/replay" 2>"$work/replay.err"
    check "$query over a capture" cmp "$work/file" "$work/replay"
    check "warnings of $query over a capture" cmp "$work/file.err" "$work/replay.err"
done

# a folder of answers, and the capture of a larger one that had these among others
run 0 capture convert examples/data/node_cost "$work/node_cost.aqc" </dev/null
for query in 'avg_over_time(node_cpu_hourly_cost[1d])' 'sum(node_total_hourly_cost)' 'max_over_time(sum(node_total_hourly_cost)[6h:5m])'; do
    "$AMPQL" query "$query" -s examples/data/node_cost --time 2026-03-02T00:00:00Z -o json >"$work/file"
    check "$query over a folder" grep -q '"value"' "$work/file"
    for capture in "$work/node_cost.aqc" examples/data/cluster_day.aqc; do
        "$AMPQL" query "$query" -s "$capture" --time 2026-03-02T00:00:00Z -o json >"$work/replay"
        check "$query over $capture" cmp "$work/file" "$work/replay"
    done
done

# what a capture holds, and no more
cp examples/data/cluster_day.aqc "$day"
run 0 capture verify "$day" <<'END'
whole: 62 of 62 selects can be used, 129 blocks, 4520 series, 1651973 samples
END
run 7 query -s "$day" --time 2026-03-01T23:00:00Z 'nope' <<END
! ampql: error: $day does not hold nope at 2026-03-01T23:00:00Z (GRID, lookback 5m, prom2); nearest: nothing of that metric; to fetch it: ampql fetch --append --out $day --source cluster_day --time 2026-03-01T23:00:00Z nope
END
# at the end all series were asked for, so it is known that there is none of this name
run 0 query -s "$day" --time 2026-03-02T00:00:00Z 'nope' <<END
END

# two windows with something between that nobody asked for
run 0 fetch --out "$work/hole.aqc" -s $small --time 60 'sum_over_time(requests_total[30s])' </dev/null
run 0 fetch --append --out "$work/hole.aqc" -s $small --time 120 'sum_over_time(requests_total[30s])' </dev/null
"$AMPQL" capture ls "$work/hole.aqc" >"$work/out"
check 'a hole in a list' grep -q '^  hole: from 1970-01-01T00:01:00Z to 1970-01-01T00:01:30Z was not asked' "$work/out"
"$AMPQL" capture ls -o json "$work/hole.aqc" >"$work/out"
check 'a hole as JSON' grep -q '"hole":{"from":"1970-01-01T00:01:00Z","to":"1970-01-01T00:01:30Z"}}$' "$work/out"
"$AMPQL" capture show "$work/hole.aqc" >"$work/out"
check 'how many holes' grep -q '^selects  2, and 1 hole between their windows$' "$work/out"
"$AMPQL" capture ls "$day" >"$work/out"
check 'a capture without holes' [ "$(grep -c hole: "$work/out")" = 0 ]

# one byte of it wrong
cp "$day" "$work/wrong.aqc"
printf 'x' | dd of="$work/wrong.aqc" bs=1 seek=300000 conv=notrunc 2>/dev/null
"$AMPQL" capture verify "$work/wrong.aqc" >"$work/out"
check 'the status of a damaged capture' [ $? = 9 ]
check 'what a damaged capture lost' grep -q '^lost: .*its checksum differs: it is damaged' "$work/out"
check 'what a damaged capture still holds' grep -q '^damaged: 61 of 62 selects can be used' "$work/out"

run 0 capture merge "$day" "$day" "$work/both.aqc" </dev/null
"$AMPQL" capture show -o json "$day" | sed 's/,"source".*//' >"$work/file"
"$AMPQL" capture show -o json "$work/both.aqc" | sed 's/,"source".*//' >"$work/replay"
check 'a capture merged with itself has the same content id' cmp "$work/file" "$work/replay"

feed 'nothing'
cp "$work/stdin" "$work/none.aqc"
run 9 capture ls "$work/none.aqc" <<END
! ampql: error: $work/none.aqc: not a capture: shorter than a capture's head
END
run 9 capture convert $small --to capture "$work" <<END
! ampql: error: $work: a folder, and a capture is written as a plain file
END
run 2 capture </dev/null 2>/dev/null <<'END'
! ampql: error: ampql capture is several commands
!   hint: expected: ampql capture ls, ampql capture show, ampql capture verify, ampql capture convert, ampql capture merge, ampql capture redact, ampql capture diff
END
