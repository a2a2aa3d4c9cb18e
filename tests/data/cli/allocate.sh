# ampql allocate. That the numbers are right is tested elsewhere (tests/data/cost); here it is how they are printed.
. tests/data/cli/lib.sh
day=2026-03-01T00:00:00Z,2026-03-02T00:00:00Z
unset AMPQL_WINDOW
export AMPQL_SOURCE=examples/data/cluster_day.aqc

run 0 allocate --window $day --aggregate namespace <<'END'
namespace       CPU CORE-H  RAM GIB-H  CPU COST  RAM COST  GPU COST  TOTAL COST  EFFICIENCY %
default             60.892     88.668  1.397889  0.279807  0.000000    1.677696          22.7
discovery-apps      69.654     50.248  1.782674  0.190237  0.000000    1.972911          21.9
kube-system         38.320     18.658  0.901141  0.061057  0.000000    0.962198          36.1
kubecost            10.701      4.071  0.287845  0.014639  0.000000    0.302484          23.9
ml                  25.093     47.833  0.794179  0.202917  7.952292    8.949388          42.6
monitoring          41.826    107.668  1.173640  0.450316  0.000000    1.623956          30.0
platform-apps        3.024      1.718  0.085032  0.005735  0.000000    0.090767           4.1
---------------------------------------------------------------------------------------------
SUMMED             249.510    318.864  6.422400  1.204707  7.952292   15.579399          26.9
END
run 0 allocate --window 1d --now 2026-03-02T00:00:00Z -a cluster -o csv <<'END'
name,cluster,node,namespace,pod,container,start,end,minutes,cpu_core_hours,ram_byte_hours,gpu_hours,cpu_cost,ram_cost,gpu_cost,total_cost,cpu_efficiency,ram_efficiency,total_efficiency
eks-dev,eks-dev,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,127.4879324460883,102683112024.0965,0,3.0201188750908505,0.35937976785018466,0,3.3794986429410354,0.20957132498795236,0.617841887001237,0.25298728554851374
eks-prod,eks-prod,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,122.02197920183482,239694728475.98935,23.916666666666664,3.4022807994123414,0.8453276649167519,7.952291666666666,12.19990013099576,0.1806295345453673,0.6750361180112266,0.2790226812373086
END
"$AMPQL" allocate --window $day -o csv >"$work/csv"
"$AMPQL" allocate --window $day -o json >"$work/json"
check "csv has a line a container, and a head" [ "$(wc -l <"$work/csv")" = 153 ]
check "json is OpenCost's body" grep -q '^{"code":200,"status":"success","data":\[{' "$work/json"
run 2 allocate --window $day --aggregate nonsense <<'END'
! ampql: error: allocate: aggregating by "nonsense", expected cluster, node, namespace, pod, container or all
!   hint: see `ampql help allocate`
END
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
