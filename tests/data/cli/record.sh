# Captures that answer for a source: recorded on the way, gone on with, brought up to date, asked for more than they hold.
. tests/data/cli/lib.sh
day=examples/data/cluster_day.aqc
end=2026-03-02T00:00:00Z
capture=$work/a.aqc

# same WORDS...: recorded, and asked again of the recording alone, it prints the same.
same() {
    "$AMPQL" "$@" -s $day >"$work/direct" 2>"$work/direct.err"
    check "$1 prints something" [ -s "$work/direct" ]
    rm -f "$capture"
    "$AMPQL" "$@" -s $day --record "$capture" >"$work/recorded" 2>"$work/recorded.err"
    check "$1 is recorded" [ $? = 0 ]
    "$AMPQL" "$@" -s "$capture" >"$work/replayed" 2>"$work/replayed.err"
    check "$1 is answered from the recording" [ $? = 0 ]
    for way in recorded replayed; do
        check "$1, $way" cmp "$work/direct" "$work/$way"
        check "warnings of $1, $way" cmp "$work/direct.err" "$work/$way.err"
    done
    "$AMPQL" capture verify "$capture" >"$work/verified"
    check "the recording of $1 is whole" [ $? = 0 ]
    check "the recording of $1 leaves nothing else" [ "$(echo "$work"/a.aqc*)" = "$capture" ]
}
same query --time $end -o json 'sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=""}[5m])) * 0 + scalar(count(kube_node_info))'
same query --start 2026-03-01T18:00:00Z --end $end --step 1m -o csv 'max(container_memory_allocation_bytes) + sum(rate(container_cpu_usage_seconds_total{container_name!=""}[5m]))'
same rules eval examples/rules/kubecost.yml --time $end
same allocate --window 2026-03-01T00:00:00Z,$end -o json
same series kube_node_labels kube_namespace_labels
same series --start 2026-03-01T00:00:00Z --end $end -o json kube_node_labels
same labels
same labels namespace --match kube_pod_labels

run 5 capture convert "$capture" "$work/listed/" <<END
! ampql: error: API JSON has no place for 1 list of series (--drop lists)
END

# whoever asks again asks nothing new; the source says more than what was recorded
"$AMPQL" query -s $day --time $end --record "$capture" 'avg_over_time(node_cpu_hourly_cost[2h])' >"$work/direct"
"$AMPQL" query -s "$capture" --time $end 'avg_over_time(node_cpu_hourly_cost{node=~".+"}[1h] offset 30m)' >"$work/replayed"
check 'a narrower selector and window' [ $? = 0 -a -s "$work/replayed" ]
"$AMPQL" capture show "$capture" | grep -q "^source   $day\$"
check 'what it is of' [ $? = 0 ]

# what is missing is named, with the command that brings it
run 7 query -s "$capture" --time $end 'sum(avg_over_time(node_cpu_hourly_cost[3h]))' <<END
! ampql: error: $capture does not hold node_cpu_hourly_cost[3h] at $end (RAW); nearest: node_cpu_hourly_cost from 2026-03-01T21:59:59.999Z to $end (RAW); to fetch it: ampql fetch --append --out $capture --source $day --time $end 'node_cpu_hourly_cost[3h]'
END
sed 's/.*to fetch it: ampql/"$AMPQL"/' "$work/err" >"$work/command"
sh -e "$work/command"
check 'the command that fetches it' [ $? = 0 ]
"$AMPQL" query -s $day --time $end 'sum(avg_over_time(node_cpu_hourly_cost[3h]))' >"$work/direct"
"$AMPQL" query -s "$capture" --time $end 'sum(avg_over_time(node_cpu_hourly_cost[3h]))' >"$work/replayed"
check 'once fetched it is there' cmp "$work/direct" "$work/replayed"
query="max_over_time(timestamp(up{a='it\\'s'} offset 1m)[1h:20s])"
"$AMPQL" query -s "$capture" --time $end "$query" 2>"$work/err"
sed 's/.*to fetch it: ampql/"$AMPQL"/; s/ --append / --dry-run /' "$work/err" >"$work/command"
sh -e "$work/command" >"$work/out"
check 'the command for a grid' grep -qF "timestamp(up{a=\"it's\"})" "$work/out"
check 'the times of a grid' grep -qE '^GRID_TIMESTAMP  2026-03-01T22:59:00Z  2026-03-01T23:59:00Z   20s ' "$work/out"

# a part of the answer only when that is asked for
feed ''
run 0 query --allow-partial -s "$capture" --time $end -o json 'count(sum_over_time(node_cpu_hourly_cost[1d])) + count(nothing or vector(1))' <<END
{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1772409600,"8"]}]},"warnings":["partial answer: $capture holds only a part of node_cpu_hourly_cost[1d] at $end (RAW); missing from 2026-02-28T23:59:59.999Z to 2026-03-01T20:59:59.999Z","partial answer: $capture holds nothing of nothing at $end (GRID, lookback 5m, prom2)"]}
! ampql: warning: partial answer: $capture holds only a part of node_cpu_hourly_cost[1d] at $end (RAW); missing from 2026-02-28T23:59:59.999Z to 2026-03-01T20:59:59.999Z
! ampql: warning: partial answer: $capture holds nothing of nothing at $end (GRID, lookback 5m, prom2)
END
"$AMPQL" allocate --allow-partial -s "$capture" --window 2026-03-01T00:00:00Z,$end -o json >"$work/out" 2>"$work/err"
check 'a partial bill says so' grep -q '"warnings":\[.*partial answer: ' "$work/out"
check 'a partial bill warns' grep -q '^ampql: warning: .*partial answer: ' "$work/err"
"$AMPQL" allocate --allow-partial -s "$capture" --window 2026-02-27T00:00:00Z,2026-03-01T00:00:00Z >"$work/out" 2>"$work/err"
check 'once for all parts of its window' [ "$(grep -c '^ampql: warning: Pods: partial answer: ' "$work/err")" = 1 ]
check 'and says of how many' grep -q 'Pods: partial answer: .* (such in 2 of 2 parts of the window, this in the one from 2026-02-27T00:00:00Z)$' "$work/err"
"$AMPQL" query --allow-partial -s examples/data/node_cost --time $end 'sum(avg_over_time(node_cpu_hourly_cost[2d]))' >"$work/out" 2>"$work/err"
check 'folders, too' grep -q 'partial answer: examples/data/node_cost holds only a part' "$work/err"

# brought up to date: as if fetched at once
"$AMPQL" fetch --out "$work/grown.aqc" -s $day --time 2026-03-01T06:00:00Z 'sum(increase(container_cpu_usage_seconds_total{container!=""}[6h]))'
for hour in 09 15 21; do
    "$AMPQL" fetch --append --out "$work/grown.aqc" --time "2026-03-01T$hour:30:00Z"
    check 'up to date' [ $? = 0 ]
done
"$AMPQL" fetch --append --out "$work/grown.aqc" -s $day --time $end 'container_cpu_usage_seconds_total{container!=""}[1d]' 'node_cpu_hourly_cost[1h]'
"$AMPQL" fetch --out "$work/once.aqc" -s $day --time $end 'container_cpu_usage_seconds_total{container!=""}[1d]' 'node_cpu_hourly_cost[1h]'
for name in grown once; do
    "$AMPQL" capture show "$work/$name.aqc" | sed '/^created/d;/^bytes/d' >"$work/$name"
done
check 'the same content id' cmp "$work/grown" "$work/once"
run 9 fetch --append --out "$work/grown.aqc" -s examples/data/node_cost --time $end 'node_cpu_hourly_cost[1h]' <<END
! ampql: error: $work/grown.aqc holds what $day said: answers of another source do not go with them
END
run 7 fetch --append --out "$work/none.aqc" --time $end <<END
! ampql: error: $work/none.aqc: No such file or directory
END
run 2 fetch --out "$work/none.aqc" -s $day --time $end <<END
! ampql: error: fetch: expected EXPR... or --rules FILE: what to fetch
!   hint: with --append, what the capture holds is brought up to date
END

# a run that fails leaves no capture, and what it read for the next one
rm -f "$capture"
run 7 query -s $day --record "$capture" --time $end 'count(node_total_hourly_cost) + nothing_of_it offset 1h' <<END
! ampql: error: $day does not hold nothing_of_it at 2026-03-01T23:00:00Z (GRID, lookback 5m, prom2); nearest: nothing of that metric; to fetch it: ampql fetch --append --out $day --source cluster_day --time 2026-03-01T23:00:00Z nothing_of_it
! ampql: warning: $capture.part keeps what was read: the same command goes on from there
END
check 'no capture after a failure' [ ! -e "$capture" ]
run 0 query -s $day --record "$capture" --time $end 'count(node_total_hourly_cost)' <<END
{} => 7 @[1772409600]
END
check 'a capture after it' [ -e "$capture" -a ! -e "$capture.part" ]
run 2 query --record "$capture" --time $end 'vector(1)' <<END
! ampql: error: query: --record keeps what a source says, and there is none
!   hint: name one with --source, or set AMPQL_SOURCE
END

# one writer at a time, and never through links or onto folders
cat >"$work/hold.py" <<'END'
import fcntl, os, subprocess, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    done = subprocess.run(sys.argv[2:], capture_output=True, text=True, check=False)
os.unlink(sys.argv[1])
print(done.returncode, done.stderr.strip())
END
python3 "$work/hold.py" "$capture.part" "$AMPQL" query -s $day --record "$capture" --time $end 'node_total_hourly_cost' >"$work/out"
check 'a second writer' grep -q "^7 ampql: error: $capture: another process is writing this capture" "$work/out"
python3 "$work/hold.py" "$work/b.aqc.new" "$AMPQL" capture merge "$capture" "$work/b.aqc" >"$work/out"
check 'a second writer of the finished file' grep -q "^7 ampql: error: $work/b.aqc: another process is writing" "$work/out"
for i in 1 2 3 4 5 6; do
    "$AMPQL" query -s $day --record "$work/race.aqc" --time $end 'sum(avg_over_time(container_memory_working_set_bytes{container!="POD",container!=""}[1d]))' >"$work/race.$i" 2>&1 &
done
wait
check 'of six at once one writes, or one after the other' "$AMPQL" capture verify "$work/race.aqc" >"$work/out"
check 'all others say why not' [ "$(cat "$work"/race.? | grep -cE '^\{\} => |another process is writing this capture|keeps what was read')" -ge 6 ]
check 'nothing is left' [ "$(echo "$work"/race.aqc*)" = "$work/race.aqc" ]
mkdir "$work/folder.aqc"
ln -s nowhere "$work/link.aqc"
ln -s "$capture" "$work/c.aqc.part"
run 9 query -s $day --record "$work/folder.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/folder.aqc: a folder, and a capture is written as a plain file
END
run 9 query -s $day --record "$work/link.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/link.aqc: a symbolic link, and a capture is written as a plain file
END
run 9 fetch -s $day --out "$work/c.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/c.aqc.part: a symbolic link, which is not followed
END

run 10 fetch -s $day --out "$work/none/c.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/none/c.aqc.part: No such file or directory
END

# captures that are none
damage() {
    cp $day "$work/bad.aqc"
    printf "$2" | dd of="$work/bad.aqc" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
damage 0 x
run 9 query -s "$work/bad.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/bad.aqc: not a capture: it begins with other bytes than captures do
END
damage 8 '\003'
run 9 capture verify "$work/bad.aqc" <<END
! ampql: error: $work/bad.aqc: a capture of version 3, and this ampql reads up to 2
END
damage 12 x
run 9 allocate -s "$work/bad.aqc" --window 1d --now $end <<END
! ampql: error: $work/bad.aqc: its head is damaged
END
damage 32 x
run 9 query -s "$work/bad.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/bad.aqc: block at offset 16: its checksum differs: it is damaged
END
damage 610000 x
run 9 query -s "$work/bad.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/bad.aqc: block at offset 609451: its checksum differs: it is damaged
END
head -c 400000 $day >"$work/bad.aqc"
run 9 query -s "$work/bad.aqc" --time $end 'node_total_hourly_cost' <<END
! ampql: error: $work/bad.aqc: not a whole capture: it ends at offset 400000 without the end of one
END
