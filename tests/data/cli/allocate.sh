# ampql allocate. That the numbers are right is tested elsewhere (tests/data/cost); here it is how they are printed.
. tests/data/cli/lib.sh
day=2026-03-01T00:00:00Z,2026-03-02T00:00:00Z
unset AMPQL_WINDOW
export AMPQL_SOURCE=examples/data/cluster_day.aqc

run 0 allocate --window $day --aggregate namespace <<'END'
namespace            CPU  CPU EFF. %    MEMORY  MEMORY EFF. %       GPU        PV   NETWORK  LOAD BALANCER      TOTAL  EFFICIENCY %
__unmounted__   0.000000         0.0  0.000000            0.0  0.000000  0.526027  0.000000       0.000000   0.526027           0.0
default         1.397889        13.4  0.279807           69.7  0.000000  0.105205  0.003798       0.000000   1.786700          22.7
discovery-apps  1.782674        18.0  0.190237           58.6  0.000000  0.210411  0.001761       0.000000   2.185083          21.9
kube-system     0.901141        21.8  0.061057          245.9  0.000000  0.000000  0.001466       0.000000   0.963663          36.1
kubecost        0.287845        22.3  0.014639           55.1  0.000000  0.000000  0.000753       0.541875   0.845111          23.9
ml              0.794179        39.9  0.202917           53.1  7.952292  0.000000  0.000299       0.000000   8.949687          42.6
monitoring      1.173640        18.1  0.450316           61.1  0.000000  0.168329  0.000590       0.000000   1.792874          30.0
platform-apps   0.085032         0.8  0.005735           54.2  0.000000  0.000000  0.000052       0.000000   0.090819           4.1
-----------------------------------------------------------------------------------------------------------------------------------
SUMMED          6.422400        19.5  1.204707           65.8  7.952292  1.009973  0.008719       0.541875  17.139965          26.9
END
run 0 allocate --window 1d --now 2026-03-02T00:00:00Z -a cluster -o csv <<'END'
name,cluster,node,namespace,controller_kind,controller,pod,container,window_start,window_end,start,end,minutes,cpu_core_hours,cpu_cores,cpu_core_request_average,cpu_core_usage_average,ram_byte_hours,ram_bytes,ram_byte_request_average,ram_byte_usage_average,gpu_hours,gpu_count,gpu_request_average,gpu_usage_average,pv_byte_hours,pv_bytes,network_transfer_bytes,network_receive_bytes,cpu_cost,cpu_cost_idle,ram_cost,ram_cost_idle,gpu_cost,gpu_cost_idle,pv_cost,network_cost,network_cross_zone_cost,network_cross_region_cost,network_internet_cost,load_balancer_cost,shared_cost,external_cost,total_cost,cpu_efficiency,ram_efficiency,gpu_efficiency,total_efficiency
eks-dev,eks-dev,,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,127.4879324460883,5.311997185253679,5.283263888888887,1.1072206134554459,102683112024.0965,4278463001.0040207,3930954865.7777777,2428708571.9888363,0,0,0,0,4947802324992,206158430208,461946259.2494342,832485796.1123248,3.0201188750908505,0,0.35937976785018466,0,0,0,0.5049863013698631,0.003820601309782555,0.00013122179094076882,0.000019850014459368373,0.003669529504382415,0,0,0,3.888305545620681,0.20957132498795236,0.617841887001237,0,0.25298728554851374
eks-prod,eks-prod,,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,122.02197920183482,5.084249133409784,5.014375000000005,0.905744222285927,239694728475.98935,9987280353.166224,9484122339.555553,6402125126.837133,23.916666666666664,0.9965277777777777,0.9965277777777778,0.5484003748893612,4947802324992,206158430208,676339437.2622489,796856612.2755226,3.4022807994123414,0,0.8453276649167519,0,7.952291666666666,0,0.5049863013698631,0.004897915615674389,0.0001537507103338923,0.00002092738026835103,0.004723237525072149,0.541875,0,0,13.251659347981295,0.1806295345453673,0.6750361180112266,0.5503111775893241,0.2790226812373086
END
"$AMPQL" allocate --window $day -o csv >"$work/csv"
"$AMPQL" allocate --window $day -o json >"$work/json"
check "csv has a line a container and what is unmounted, and a head" [ "$(wc -l <"$work/csv")" = 157 ]
check "json is OpenCost's body" grep -q '^{"code":200,"status":"success","data":\[{' "$work/json"
run 2 allocate --window $day --aggregate nonsense <<'END'
! ampql: error: --aggregate: 1:1: aggregating by "nonsense", expected cluster, node, namespace, pod, container, controller, controllerKind, controllerNamespace, deployment, statefulset, daemonset, job, service, label:NAME, annotation:NAME, department, environment, owner, product, team or all
!   nonsense
!   ^^^^^^^^
END
run 0 allocate --window $day --aggregate all --idle -o csv --discount 0.5 --default-price cpu=1 --custom-prices <<'END'
name,cluster,node,namespace,controller_kind,controller,pod,container,window_start,window_end,start,end,minutes,cpu_core_hours,cpu_cores,cpu_core_request_average,cpu_core_usage_average,ram_byte_hours,ram_bytes,ram_byte_request_average,ram_byte_usage_average,gpu_hours,gpu_count,gpu_request_average,gpu_usage_average,pv_byte_hours,pv_bytes,network_transfer_bytes,network_receive_bytes,cpu_cost,cpu_cost_idle,ram_cost,ram_cost_idle,gpu_cost,gpu_cost_idle,pv_cost,network_cost,network_cross_zone_cost,network_cross_region_cost,network_internet_cost,load_balancer_cost,shared_cost,external_cost,total_cost,cpu_efficiency,ram_efficiency,gpu_efficiency,total_efficiency
,,,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,249.5099116479232,10.396246318663467,10.29763888888888,2.0129648357413736,342377840500.08606,14265743354.170252,13415077205.33333,8830833698.825972,23.916666666666664,0.9965277777777777,0.9965277777777778,0.5484003748893612,9895604649984,412316860416,1138285696.5116827,1629342408.3878474,216.42349653525056,0,1.2358607016595062,0,22.72083333333333,0,1.009972602739726,0.008718516925456943,0.0002849725012746613,0.000040777394727719396,0.008392767029454561,0.541875,0,0,241.9407566899086,0.19547828948569526,0.658276770506782,0.5503111775893241,0.19810603985095582
__idle__,,,,,,,,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,1440,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.5303867980827821,0,2.466954373934443,0,0.07916666666666572,0,0,0,0,0,0,0,0,0,3.0765078386838907,0,0,0,0
END
# what names lines, what passes, what is shared; mistakes with their place
run 0 allocate --window yesterday --now 2026-03-02T05:00:00Z -a team,controllerKind -f 'cluster:"eks-prod"+namespace!:"ml"' --idle --share-idle --share-namespaces kube-system --share-cost 730 --share-split even --labels-of team=app <<'END'
team,controllerKind                   CPU  CPU EFF. %    MEMORY  MEMORY EFF. %        PV   NETWORK  LOAD BALANCER     SHARED      TOTAL  EFFICIENCY %
__unallocated__/__unallocated__  0.000000         0.0  0.000000            0.0  0.315616  0.000000       0.000000   0.000000   0.315616           0.0
cart/statefulset                 1.073476         7.8  0.271581           76.0  0.105205  0.000687       0.000000   2.959951   4.410900          21.6
checkout/deployment              1.753208         7.4  0.876653           73.4  0.000000  0.000894       0.000000   2.959951   5.590705          29.4
gateway/__unallocated__          0.584185        15.4  0.576974           43.1  0.000000  0.000263       0.000000   2.959951   4.121373          29.2
kubecost-cost-analyzer/rollout   0.468970         9.3  0.046154           60.1  0.000000  0.000431       0.541875   2.959951   4.017381          13.8
ledger/deployment                0.425459        13.6  0.481178           68.9  0.000000  0.001060       0.000000   2.959951   3.867648          43.0
node-exporter/daemonset          0.751674        16.2  0.056066           53.1  0.000000  0.000000       0.000000   2.959951   3.767691          18.8
prometheus/statefulset           1.242882         7.4  1.288972           73.1  0.084164  0.000429       0.000000   2.959951   5.576399          40.9
search/job                       0.230081         0.8  0.016010           51.6  0.000000  0.000027       0.000000   2.959951   3.206068           4.2
-----------------------------------------------------------------------------------------------------------------------------------------------------
SUMMED                           6.529935         9.8  3.613589           67.4  0.504986  0.003789       0.541875  23.679608  34.873782          30.3
END
run 0 allocate --window $day -a cluster --step 12h -o csv --idle <<'END'
name,cluster,node,namespace,controller_kind,controller,pod,container,window_start,window_end,start,end,minutes,cpu_core_hours,cpu_cores,cpu_core_request_average,cpu_core_usage_average,ram_byte_hours,ram_bytes,ram_byte_request_average,ram_byte_usage_average,gpu_hours,gpu_count,gpu_request_average,gpu_usage_average,pv_byte_hours,pv_bytes,network_transfer_bytes,network_receive_bytes,cpu_cost,cpu_cost_idle,ram_cost,ram_cost_idle,gpu_cost,gpu_cost_idle,pv_cost,network_cost,network_cross_zone_cost,network_cross_region_cost,network_internet_cost,load_balancer_cost,shared_cost,external_cost,total_cost,cpu_efficiency,ram_efficiency,gpu_efficiency,total_efficiency
__idle__,,,,,,,,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,720,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,4.683368250745642,0,3.093814369239391,0,0,0,0,0,0,0,0,0,0,0,7.777182619985033,0,0,0,0
eks-dev,eks-dev,,,,,,,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,720,63.77209972967884,5.314341644139904,5.277083333333334,1.0974841180078416,51524371734.92546,4293697644.5771217,3931730375.111111,2468126024.09011,0,0,0,0,2473901162496,206158430208,219218182.0171727,418206177.30983347,1.4169279363922374,0,0.1735163312352523,0,0,0,0.25249315068493156,0.0018836631414725614,0.0000637814517810995,0.000009367589125418086,0.0018105141005660434,0,0,0,1.8448210814538937,0.2079717239019992,0.6277454933619043,0,0.25376874169636
eks-prod,eks-prod,,,,,,,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,2026-03-01T00:00:00Z,2026-03-01T12:00:00Z,720,60.51545154348922,5.042954295290769,4.967638888888891,1.38523818469379,118434911463.63881,9869575955.303234,9373220864,6522483789.375595,12,1,1,0.5527463382267839,2473901162496,206158430208,341422227.7567652,340460658.8450551,1.6574062338945865,0,0.4060811574009985,0,3.9899999999999993,0,0.25249315068493156,0.0025189599862310012,0.00007615554266431589,0.000010953798044482678,0.0024318506455222036,0.27187500000000003,0,0,6.580374501966746,0.2788524318448649,0.6958636613831097,0.5527463382267839,0.3609175820630989
__idle__,,,,,,,,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,720,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,4.478844414976901,0,3.0764405616585186,0,0.027708333333333002,0,0,0,0,0,0,0,0,0,7.582993309968753,0,0,0,0
eks-dev,eks-dev,,,,,,,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,720,63.71570430269216,5.309642025224346,5.289444444444448,1.3159610057874336,51159432610.49738,4263286050.874782,3930179356.4444447,2389299083.322489,0,0,0,0,2473901162496,206158430208,242286879.12522802,414450723.4586731,1.6032273258391012,0,0.18586962200929816,0,0,0,0.25249315068493156,0.0019325499710523164,0.00006712316642195101,0.000010494413063238563,0.0018549323915671265,0,0,0,2.0435226485043834,0.24879002315065424,0.6079363984762365,0,0.2861018083549472
eks-prod,eks-prod,,,,,,,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,2026-03-01T12:00:00Z,2026-03-02T00:00:00Z,720,61.506475661992475,5.125539638499373,5.061111111111115,1.0060031968393899,121259720630.85764,10104976719.238136,9595023815.11111,6281799166.721764,11.916666666666666,0.9930555555555555,0.9930555555555556,0.5440544115519387,2473901162496,206158430208,334567777.57265085,456444992.4689896,1.7455673591389562,0,0.4394471145972962,0,3.9622916666666663,0,0.25249315068493156,0.0023726807630618076,0.00007757205271946289,0.0000099773642592796,0.0022851313460830664,0.27187500000000003,0,0,6.674046971850912,0.19877121342600443,0.6546934419098177,0.5478589878564977,0.2904656668020442
END
"$AMPQL" allocate --window $day -a cluster --accumulate day --step 1h -o ndjson >"$work/lines" 2>"$work/err"
check "ndjson has a line a line of each window" [ "$(wc -l <"$work/lines")" = 2 ]
check "which is what json has" grep -q '^{"name":"eks-dev","properties":{"cluster":"eks-dev"},"window":{"start":"2026-03-01T00:00:00Z","end":"2026-03-02T00:00:00Z"}' "$work/lines"
"$AMPQL" allocate --window $day -a cluster --step 12h -o summary >"$work/summary" 2>"$work/err"
check "the summary says the step in nanoseconds" grep -q '^{"code":200,"status":"success","data":{"step":43200000000000,"sets":\[{"allocations":{"eks-dev":{"name":"eks-dev","start":' "$work/summary"
run 2 allocate --window $day -a namespace,label: <<'END'
! ampql: error: --aggregate: 1:11: aggregating by "label:", expected cluster, node, namespace, pod, container, controller, controllerKind, controllerNamespace, deployment, statefulset, daemonset, job, service, label:NAME, annotation:NAME, department, environment, owner, product, team or all
!   namespace,label:
!             ^^^^^^
END
run 2 allocate --window $day -f 'namespace:"a"+pod:"x"|pod:"y"' <<'END'
! ampql: error: --filter: 1:22: + and | at one level of the filter, expected parentheses around those that belong together
!   namespace:"a"+pod:"x"|pod:"y"
!                        ^
END
run 2 allocate --window 2026-03-02T00:00:00Z,2026-03-01T00:00:00Z <<'END'
! ampql: error: --window: 1:1: the end is not after the start
!   2026-03-02T00:00:00Z,2026-03-01T00:00:00Z
!   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
END
run 2 allocate --window 60,90 --now 1970-01-01T00:00:10Z <<'END'
! ampql: error: --window: 1:1: the window begins in the future, at 1970-01-01T00:01:00Z
!   60,90
!   ^^
END
run 2 allocate --window fortnight <<'END'
! ampql: error: --window: 1:1: not a window: "fortnight", expected today, yesterday, week, lastweek, month, lastmonth, a duration such as 7d or 12h offset 1d, or START,END
!   fortnight
!   ^^^^^^^^^
END
run 2 allocate --window $day --share-idle <<'END'
! ampql: error: allocate: --share-idle and --idle-by-node need --idle
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --proportional-assets <<'END'
! ampql: error: allocate: --proportional-assets needs --idle
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --idle --share-balancers <<'END'
! ampql: error: allocate: --share-balancers needs --proportional-assets
!   hint: see `ampql help allocate`
END
"$AMPQL" allocate --window $day -a cluster --idle -o json >"$work/json"
check "parts of assets are there when they are asked for" grep -q '"proportionalAssetResourceCosts":{},' "$work/json"
"$AMPQL" allocate --window $day -a cluster --idle --idle-by-node --proportional-assets -o json >"$work/json"
check "with what OpenCost says of each" grep -q '"proportionalAssetResourceCosts":{.*"eks-prod,ip-[^"]*":{"cluster":"eks-prod","name":"ip-[^"]*","type":"Node","providerID":"i-[^"]*","cpuPercentage":0\.[0-9]*,"gpuPercentage":[0-9.]*,"ramPercentage":0\.[0-9]*,"loadBalancerPercentage":0,"pvPercentage":0,"nodeResourceCostPercentage":0\.[0-9]*}' "$work/json"
run 2 allocate --window $day --share-labels app <<'END'
! ampql: error: allocate: the label to share by is "app", expected NAME:VALUE
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --share-cost much <<'END'
! ampql: error: allocate: --share-cost much: expected a number, such as 30.42
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --labels-of colour=x <<'END'
! ampql: error: allocate: --labels-of colour=x: expected department, environment, owner, product or team, = and a list of labels
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --accumulate week --step 12h <<'END'
! ampql: error: allocate: accumulating by week steps of 43200 s, expected steps of 1d or 7d
!   hint: see `ampql help allocate`
END
# windows by several threads: the same bytes
for how in '--step 2h --idle' '--max-duration 3h -a namespace' '--accumulate all --step 6h'; do
    # shellcheck disable=SC2086
    for threads in 1 2 4; do
        "$AMPQL" allocate --window $day $how --threads $threads -o json >"$work/threads.$threads" 2>"$work/err.$threads"
    done
    check "by two threads: $how" cmp -s "$work/threads.1" "$work/threads.2"
    check "by four: $how" cmp -s "$work/threads.1" "$work/threads.4"
    check "they warn of the same" cmp -s "$work/err.1" "$work/err.4"
done
# a page that stands alone
"$AMPQL" allocate --window $day -a namespace --step 6h --idle --html "$work/page.html" >"$work/out" || failures=1
check "the page is whole" [ "$(tail -n 1 "$work/page.html")" = "</body></html>" ]
check "it loads nothing" [ "$(grep -c 'http\|src=\|url(' "$work/page.html")" = 0 ]
check "a bar of each window has idle costs" [ "$(grep -c '<title>idle: ' "$work/page.html")" = 4 ]
check "the table has every line, and the sum" [ "$(grep -c '^<tr><td>' "$work/page.html")" = 10 ]
run 10 allocate --window $day --html "$work/none/page.html" <<END
! ampql: error: --html: $work/none/page.html.new: No such file or directory
END
run 2 allocate --window $day --default-price disk=1 <<'END'
! ampql: error: allocate: --default-price disk=1: expected cpu, ram, gpu, spot-cpu, spot-ram, spot-gpu or storage, = and a number
!   hint: see `ampql help allocate`
END
run 2 allocate --window $day --default-price cpu=-1 <<'END'
! ampql: error: allocate: a price is negative or no number
!   hint: see `ampql help allocate`
END
printf '{"CPU": "1", "customPricesEnabled": "true", "discount": "50%%"}' >"$work/prices.json"
"$AMPQL" allocate --window $day -a all -o csv --prices "$work/prices.json" >"$work/out"
"$AMPQL" allocate --window $day -a all -o csv --default-price cpu=1 --custom-prices --discount 0.5 >"$work/flags"
check "a price file says what flags do" cmp -s "$work/out" "$work/flags"
printf 'CPU: 0.03\nRAM: 0.004/GiB\n' >"$work/prices.yml"
run 9 allocate --window $day --prices "$work/prices.yml" <<END
! ampql: error: $work/prices.yml: line 2, column 6: RAM is "0.004/GiB", expected \$ an hour as a number, without a unit
!   RAM: 0.004/GiB
!        ^^^^^^^^^
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
check "a query a line" [ "$(wc -l <"$work/queries")" = 58 ]
tr '\n' '\0' <"$work/queries" |
    xargs -0 "$AMPQL" fetch -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z --out "$work/day.aqc" --progress none >/dev/null
"$AMPQL" allocate -s examples/data/cluster_day.aqc --window $day --idle -o csv >"$work/csv"
"$AMPQL" allocate -s "$work/day.aqc" --window $day --idle -o csv >"$work/fetched"
check "the bill of what was fetched is the same" cmp -s "$work/csv" "$work/fetched"
run 2 allocate --window 0,172800 --print-queries <<'END'
! ampql: error: allocate: --print-queries: the window is longer than --max-duration, so that each of its pieces has queries of its own
!   hint: see `ampql help allocate`
END
