#!/usr/bin/env python3
"""What examples/data/cluster_day.aqc holds: the selects behind the recording rules, an allocation and an asset computation over
the UTC day 2026-03-01 at a resolution of 5 minutes. Prints the list that record.py reads."""
import json

START, END = 1772323200, 1772409600  # 2026-03-01T00:00Z and a day later
RULES = END - 6 * 3600  # rules as a range: the day's last six hours, every minute

# over the day, as scraped
RAW = """
kube_pod_container_resource_requests{container!="",container!="POD",node!=""}
container_cpu_allocation container_memory_allocation_bytes container_gpu_allocation
container_memory_working_set_bytes{container!="POD",container!=""}
node_cpu_hourly_cost node_ram_hourly_cost node_gpu_hourly_cost kubecost_node_is_spot
pod_pvc_allocation kube_persistentvolumeclaim_resource_requests_storage_bytes kube_persistentvolume_capacity_bytes
pv_hourly_cost kubecost_pv_info kubecost_pod_network_egress_bytes_total{internet="true"}
kubecost_pod_network_egress_bytes_total{internet="false",same_zone="false"}
kubecost_network_zone_egress_cost kubecost_network_region_egress_cost kubecost_network_internet_egress_cost
container_network_receive_bytes_total{pod!=""} container_network_transmit_bytes_total{pod!=""}
kube_node_labels kube_namespace_labels kube_namespace_annotations kube_pod_labels kube_pod_annotations
service_selector_labels deployment_match_labels statefulSet_match_labels kube_pod_owner kube_replicaset_owner
kubecost_load_balancer_cost DCGM_FI_PROF_GR_ENGINE_ACTIVE kubecost_container_cpu_usage_irate
kube_node_status_capacity_cpu_cores kube_node_status_capacity_memory_bytes node_gpu_count
kube_node_status_allocatable_cpu_cores kube_node_status_allocatable_memory_bytes kubelet_volume_stats_used_bytes
kube_persistentvolumeclaim_info
""".split()

# over 25 hours: the first irate window of the day reaches back
RAW_LONG = ['container_cpu_usage_seconds_total{container!=""}']

# the AMP guide's spelling of the labels, for the rules' six hours and the window before them
RAW_RULES = ['container_cpu_usage_seconds_total{container_name!=""}']

# on the resolution's grid: what stands bare in a subquery
GRID = """
kube_pod_container_status_running kube_persistentvolumeclaim_info{volumename!=""} kube_persistentvolume_capacity_bytes
kubecost_load_balancer_cost node_cpu_hourly_cost node_total_hourly_cost
kubecost_node_is_spot kube_node_labels kube_node_status_capacity_memory_bytes
container_fs_limit_bytes{device=~"/dev/(nvme|sda).*",id="/"} container_fs_usage_bytes{device=~"/dev/(nvme|sda).*",id="/"}
""".split()

# at the rules' own times
RULE_GRID = """
kube_pod_owner container_cpu_allocation container_memory_allocation_bytes kube_node_info
container_memory_working_set_bytes{container!="POD",container!=""}
container_memory_working_set_bytes{container_name!="POD",container_name!=""}
""".split()
RULE_POINT = ['container_memory_working_set_bytes', '{__name__=~".+"}', "node_total_hourly_cost"]


def selects():
    for query in RAW:
        yield {"query": query + "[1d]", "kind": "RAW", "time": END}
    for query in RAW_LONG:
        yield {"query": query + "[25h]", "kind": "RAW", "time": END}
    for query in RAW_RULES:
        yield {"query": query + "[365m]", "kind": "RAW", "time": END}
    for query in GRID:
        yield {"query": query, "kind": "GRID", "start": START, "end": END, "step": 300}
    for query in RULE_GRID:
        yield {"query": query, "kind": "GRID", "start": RULES, "end": END, "step": 60}
    for query in RULE_POINT:
        yield {"query": query, "kind": "GRID", "time": END}


if __name__ == "__main__":
    print(json.dumps(list(selects())))
