#!/usr/bin/env python3
"""Parts of tsdb_block.sh.

    tsdb_block.py snapshot URL DATA TO     make a snapshot of the server whose data folder is DATA, as the folder TO
    tsdb_block.py record URL DATA TO       delete something, then write the block and the answers into TO"""
import glob
import json
import os
import shutil
import sys

from server import Server, seconds

START = 1772316000  # 2026-02-28T22:00Z; three hours of a minute's samples
QUERIES = [
    ('DCGM_FI_PROF_GR_ENGINE_ACTIVE[3h]', {"time": START + 10800}),
    ('container_cpu_cfs_periods_total', {"time": START + 5000}),
    ('rate(container_cpu_cfs_periods_total[5m])', {"start": START + 600, "end": START + 10800, "step": 613}),
    ('kubelet_volume_stats_used_bytes', {"start": START, "end": START + 11400, "step": 300}),
    ('count_over_time(kubelet_volume_stats_used_bytes[3h])', {"time": START + 10800}),
    ('count(kubelet_volume_stats_used_bytes)', {"start": START + 3500, "end": START + 7300, "step": 60}),
    ('node_total_hourly_cost{cluster_id!="nowhere",node=~"ip-.*"}', {"time": START + 9000}),
    ('count(node_total_hourly_cost)', {"start": START, "end": START + 11400, "step": 60}),
    ('last_over_time(node_total_hourly_cost[3h])', {"time": START + 10800}),
    ('count_over_time({__name__=~".+"}[3h])', {"time": START + 10800}),
]


def snapshot(url, data, to):
    name = json.loads(Server(url).get("/api/v1/admin/tsdb/snapshot", {}))["data"]["name"]
    shutil.copytree(os.path.join(data, "snapshots", name), to)


def record(url, data, to):
    server = Server(url)
    server.get("/api/v1/admin/tsdb/delete_series", {"match[]": 'kubelet_volume_stats_used_bytes{namespace="monitoring"}',
                                                    "start": seconds(START + 3600), "end": seconds(START + 7200)})
    os.makedirs(to, exist_ok=True)
    with open(os.path.join(to, "answers.tsv"), "w", encoding="utf-8") as out:
        for query, times in QUERIES:
            if "time" in times:
                body = server.instant(query, times["time"])
            else:
                body = server.range(query, times["start"], times["end"], times["step"])
            flags = " ".join("--%s %s" % (name, seconds(value)) for name, value in times.items())
            out.write("\t".join([flags, query, body.decode()]) + "\n")
    [block] = glob.glob(os.path.join(data, "[0-9A-Z]" * 26))
    shutil.rmtree(os.path.join(to, "block"), ignore_errors=True)
    shutil.copytree(block, os.path.join(to, "block"))


if __name__ == "__main__":
    {"snapshot": snapshot, "record": record}[sys.argv[1]](*sys.argv[2:])
