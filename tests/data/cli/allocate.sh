# ampql allocate. That the numbers are right is tested elsewhere (tests/data/cost); here it is how they are printed.
. tests/data/cli/lib.sh
day=2026-03-01T00:00:00Z,2026-03-02T00:00:00Z
unset AMPQL_WINDOW
export AMPQL_SOURCE=examples/data/cluster_day.aqc

run 0 allocate --window $day --aggregate namespace <<'END'
namespace       CPU CORE-H  RAM GIB-H  CPU COST  RAM COST  GPU COST  TOTAL COST  EFFICIENCY %
__unmounted__        0.000      0.000  0.000000  0.000000  0.000000    0.526027           0.0
default             60.892     88.668  1.397889  0.279807  0.000000    1.786700          22.7
discovery-apps      69.654     50.248  1.782674  0.190237  0.000000    2.185083          21.9
kube-system         38.320     18.658  0.901141  0.061057  0.000000    0.963663          36.1
kubecost            10.701      4.071  0.287845  0.014639  0.000000    0.845111          23.9
ml                  25.093     47.833  0.794179  0.202917  7.952292    8.949687          42.6
monitoring          41.826    107.668  1.173640  0.450316  0.000000    1.792874          30.0
platform-apps        3.024      1.718  0.085032  0.005735  0.000000    0.090819           4.1
---------------------------------------------------------------------------------------------
SUMMED             249.510    318.864  6.422400  1.204707  7.952292   17.139965          26.9
END
run 0 allocate --window 1d --now 2026-03-02T00:00:00Z -a cluster -o csv <<'END'
name,cluster,node,namespace,pod,container,start,end,minutes,cpu_core_hours,ram_byte_hours,gpu_hours,cpu_cost,ram_cost,gpu_cost,total_cost,cpu_efficiency,ram_efficiency,total_efficiency
eks-dev,eks-dev,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,127.4879324460883,102683112024.0965,0,3.0201188750908505,0.35937976785018466,0,3.888305545620681,0.20957132498795236,0.617841887001237,0.25298728554851374
eks-prod,eks-prod,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,122.02197920183482,239694728475.98935,23.916666666666664,3.4022807994123414,0.8453276649167519,7.952291666666666,13.251659347981295,0.1806295345453673,0.6750361180112266,0.2790226812373086
END
"$AMPQL" allocate --window $day -o csv >"$work/csv"
"$AMPQL" allocate --window $day -o json >"$work/json"
check "csv has a line a container and what is unmounted, and a head" [ "$(wc -l <"$work/csv")" = 157 ]
check "json is OpenCost's body" grep -q '^{"code":200,"status":"success","data":\[{' "$work/json"
run 2 allocate --window $day --aggregate nonsense <<'END'
! ampql: error: allocate: aggregating by "nonsense", expected cluster, node, namespace, pod, container or all
!   hint: see `ampql help allocate`
END
run 0 allocate --window $day --aggregate all --idle -o csv --discount 0.5 --default-price cpu=1 --custom-prices <<'END'
name,cluster,node,namespace,pod,container,start,end,minutes,cpu_core_hours,ram_byte_hours,gpu_hours,cpu_cost,ram_cost,gpu_cost,total_cost,cpu_efficiency,ram_efficiency,total_efficiency
,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,249.5099116479232,342377840500.08606,23.916666666666664,216.42349653525056,1.2358607016595062,22.72083333333333,241.9407566899086,0.19547828948569526,0.658276770506782,0.19810603985095582
__idle__,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,0,0,0,0.5303867980827821,2.466954373934443,0.07916666666666572,3.0765078386838907,0,0,0
END
run 2 allocate --window $day --default-price disk=1 <<'END'
! ampql: error: allocate: --default-price disk=1: expected cpu, ram, gpu, spot-cpu, spot-ram or spot-gpu, = and a number
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --default-price cpu=-1 <<'END'
! ampql: error: allocate: a price is negative or no number
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --discount 30% <<'END'
! ampql: error: allocate: --discount 30%: expected a number, such as 0.3
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --max-duration 1500ms <<'END'
! ampql: error: allocate: the longest computation is 1500 ms, expected whole seconds, more than 0
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --quirk round-times=maybe <<'END'
! ampql: error: allocate: the quirk is "round-times=maybe", expected NAME=on or NAME=off
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --quirk round-times=off --quirk no-such=on <<'END'
! ampql: error: allocate: there is no quirk "no-such"
!   hint: see `ampql help allocate`
END
"$AMPQL" allocate --quirk list >"$work/quirks"
check "quirks are listed" grep -q '^volume-pod-hours *on *a claim costs the hours of the pod' "$work/quirks"
"$AMPQL" allocate --window $day -o csv --quirk balancer-resolution=off >"$work/without"
check "a quirk changes the bill" [ "$(cmp -s "$work/csv" "$work/without"; echo $?)" = 1 ]
"$AMPQL" allocate --window $day -o json --node-labels none >"$work/json"
check "no labels of nodes" [ "$(grep -c topology_kubernetes_io_zone "$work/json")" = 0 ]
unset AMPQL_SOURCE
run 2 allocate --window $day <<'END'
! ampql: error: Pods: the expression reads series, and no --source was given
!   hint: name a file or folder with --source, or set AMPQL_SOURCE
END

# text formats have no stale markers: the bill says that pods live on for the lookback
printf 'kube_pod_container_status_running{namespace="a",pod="p",container="c"} 1 0\n' >"$work/pod.prom"
"$AMPQL" allocate -s "$work/pod.prom" --window 0,3600 >"$work/out" 2>"$work/err"
check "the bill says that ends are unknown" grep -q '^ampql: warning: Pods: the samples come without stale markers' "$work/err"
check "once" [ "$(grep -c 'without stale markers' "$work/err")" = 1 ]
"$AMPQL" allocate -s "$work/pod.prom" --stale-after 5m --window 0,3600 >"$work/out" 2>"$work/err"
check "and not when they are known" [ "$(grep -c 'without stale markers' "$work/err")" = 0 ]
run 9 allocate -s "$work/pod.prom" --stale-after 5m --window 0,3600 --strict <<'END'
! ampql: error: a warning, which is an error here (1 of 11): Pods: no series of kube_pod_container_status_running: no pod is known to have run, so the bill is empty
END

# what is fetched for the bill is all that the bill reads
"$AMPQL" allocate --window $day --idle --print-queries >"$work/queries"
check "a query a line" [ "$(wc -l <"$work/queries")" = 57 ]
tr '\n' '\0' <"$work/queries" |
    xargs -0 "$AMPQL" fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --out "$work/day.aqc" --progress none >/dev/null
"$AMPQL" allocate -s examples/data/cluster_day.aqc --window $day --idle -o csv >"$work/csv"
"$AMPQL" allocate -s "$work/day.aqc" --window $day --idle -o csv >"$work/fetched"
check "the bill of what was fetched is the same" cmp -s "$work/csv" "$work/fetched"
run 2 allocate --window 0,172800 --print-queries <<'END'
! ampql: error: allocate: --print-queries: the window is longer than --max-duration, so that each of its pieces has queries of its own
!   hint: see `ampql help allocate`
END
