# ampql doctor: what is missing in data, and what is wrong with servers.
. tests/data/cli/lib.sh
for name in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
export AWS_EC2_METADATA_DISABLED=true HOME="$work"

run 0 doctor -s examples/data/cluster_day.aqc <<'END'
ok    metric         kube_pod_container_status_running: 152 series
ok    metric         container_cpu_allocation: 152 series
ok    metric         kube_pod_container_resource_requests: 279 series
ok    metric         kube_pod_container_resource_limits: 56 series
ok    metric         container_cpu_usage_seconds_total: 304 series
ok    metric         kubecost_container_cpu_usage_irate: none, and a bill can do without
ok    metric         container_memory_allocation_bytes: 152 series
ok    metric         container_memory_working_set_bytes: 253 series
ok    metric         DCGM_FI_PROF_GR_ENGINE_ACTIVE: 2 series
ok    metric         container_gpu_allocation: 152 series
ok    metric         node_cpu_hourly_cost: 9 series
ok    metric         node_ram_hourly_cost: 9 series
ok    metric         node_gpu_hourly_cost: 9 series
ok    metric         kubecost_node_is_spot: 9 series
ok    metric         kube_persistentvolumeclaim_info: 8 series
ok    metric         pod_pvc_allocation: 6 series
ok    metric         kube_persistentvolumeclaim_resource_requests_storage_bytes: 8 series
ok    metric         kube_persistentvolume_capacity_bytes: 10 series
ok    metric         pv_hourly_cost: 10 series
ok    metric         kubecost_pv_info: 10 series
ok    metric         kubecost_pod_network_egress_bytes_total: 217 series
ok    metric         kubecost_network_zone_egress_cost: 2 series
ok    metric         kubecost_network_region_egress_cost: 2 series
ok    metric         kubecost_network_internet_egress_cost: 2 series
ok    metric         container_network_receive_bytes_total: 98 series
ok    metric         container_network_transmit_bytes_total: 98 series
ok    metric         kube_node_labels: 9 series
ok    metric         kube_namespace_labels: 13 series
ok    metric         kube_namespace_annotations: 13 series
ok    metric         kube_pod_labels: 91 series
ok    metric         kube_pod_annotations: 91 series
ok    metric         service_selector_labels: 15 series
ok    metric         deployment_match_labels: 7 series
ok    metric         statefulSet_match_labels: 4 series
ok    metric         kube_pod_owner: 91 series
ok    metric         kube_replicaset_owner: 12 series
ok    metric         kubecost_load_balancer_cost: 1 series
ok    metric         node_total_hourly_cost: 9 series
ok    metric         kube_node_status_capacity_cpu_cores: 9 series
ok    metric         kube_node_status_capacity_memory_bytes: 9 series
ok    metric         node_gpu_count: 9 series
ok    metric         container_fs_limit_bytes: 16 series
ok    cluster label  cluster_id is "eks-prod", "eks-dev": 2 clusters
        -> ampql allocate --aggregate cluster keeps them apart
END

# a cluster label of another name, a missing metric, and a rule for labels that cAdvisor has no longer
printf '%s\n' 'container_memory_working_set_bytes{container="a",alpha_eksctl_io_cluster_name="qa"} 1 1' \
    'kube_pod_container_status_running{pod="p"} 1 1' 'node_ram_hourly_cost 2 1' >"$work/a.prom"
cat >"$work/rules.yml" <<'END'
groups:
  - name: g
    rules:
      - record: dead
        expr: avg(irate(container_cpu_usage_seconds_total{container_name!=""}[5m])) by (container_name)
      - record: alive
        expr: sum(container_memory_working_set_bytes{container!="}\""} offset 1h) / timestamp(node_ram_hourly_cost)
      - record: reads_a_record
        expr: dead + alive
END
"$AMPQL" doctor -s "$work/a.prom" --rules "$work/rules.yml" >"$work/out" 2>&1
check 'a dead rule fails' [ $? = 1 ]
grep -v '^ok\|needed\|is what exposes' "$work/out" >"$work/got"
cat >"$work/wanted" <<'END'
warn  metric         container_cpu_allocation: none: CPU is billed by requests only, not by usage above them
warn  metric         kube_pod_container_resource_requests: none: CPU requests are not known, so the bill has CPU allocations only, without efficiencies
warn  metric         container_cpu_usage_seconds_total: none: CPU usage is not known
warn  metric         container_memory_allocation_bytes: none: RAM is billed by requests only, not by usage above them
warn  metric         node_cpu_hourly_cost: none: CPU is billed at default prices
warn  metric         kubecost_node_is_spot: none: no node is known to be spot, so default prices are those of on-demand nodes
warn  metric         kube_pod_labels: none: labels of pods are not known, nor which deployments, statefulsets and services they belong to
warn  metric         node_total_hourly_cost: none: idle costs are not known
warn  metric         kube_node_status_capacity_cpu_cores: none: in idle costs each node counts as one core
warn  metric         kube_node_status_capacity_memory_bytes: none: in idle costs each node counts as one byte of RAM
warn  cluster label  no series has cluster_id; they have alpha_eksctl_io_cluster_name, which is "qa"
        -> ampql allocate --cluster-label alpha_eksctl_io_cluster_name
warn  rule           "dead" (line 5): container_name!="" matches nothing on clusters of today
        -> the label is container since Kubernetes 1.16
fail  rule           "dead" (line 5): the source has no series of "container_cpu_usage_seconds_total"
END
check 'what is missing is told' diff -u "$work/wanted" "$work/got"
"$AMPQL" doctor -s "$work/a.prom" --cluster-label alpha_eksctl_io_cluster_name --cluster-id qa -o json | python3 -c '
import json, sys
body = json.load(sys.stdin)
found = [c for c in body["checks"] if c["check"] == "cluster label"]
assert body["status"] == "warn", body
assert found == [{"check": "cluster label", "status": "ok", "advice": None, "text": "alpha_eksctl_io_cluster_name is \"qa\""}], found'
check 'JSON' [ $? = 0 ]
"$AMPQL" doctor -s "$work/a.prom" --cluster-label alpha_eksctl_io_cluster_name --cluster-id prod >"$work/out"
check 'another cluster' [ $? = 1 ]
check 'another cluster is told' grep -q '^fail  cluster label  alpha_eksctl_io_cluster_name is never "prod"; it is "qa"$' "$work/out"

printf 'up 1 1\n' >"$work/b.prom"
"$AMPQL" doctor -s "$work/b.prom" >"$work/out"
check 'nothing to bill' [ $? = 1 ]
check 'nothing to bill is told' grep -q "^fail  data    none of the cost model's metrics has a series" "$work/out"

run 2 doctor <<'END'
! ampql: error: doctor: expected --source: what is to be looked at
!   hint: see `ampql help doctor`
END
"$AMPQL" whoami 2>&1 | grep -q 'built without HTTP' && exit 0
check 'doctor against fakes' python3 tests/doctor.py "$AMPQL"
