#!/usr/bin/env python3
"""The recorded day's bill, worked out a second time: OpenCost's CPU, RAM and GPU allocation from what Prometheus answered to
its queries (tests/data/cluster_day), compared with `ampql allocate`, container by container and added up by namespace.

    bill.py AMPQL

Written from OpenCost's rules and not from ampql's code, in the plainest way: dictionaries and one loop a query."""
import gzip
import json
import os
import subprocess
import sys

from differential import END, HERE, START

ROOT = os.path.join(HERE, "..", "..")
RESOLUTION = 300
WINDOW = "2026-03-01T00:00:00Z,2026-03-02T00:00:00Z"
GIB = 2.0 ** 30


def answers():
    folder = os.path.join(ROOT, "tests", "data", "cluster_day")
    with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
        index = json.load(file)
    out = {}
    for entry in index:
        with gzip.open(os.path.join(folder, entry["file"])) as file:
            out[entry["name"]] = json.load(file)["data"]["result"]
    return {name[len("allocation/"):]: result for name, result in out.items() if name.startswith("allocation/")}


def pods(result):
    """{(cluster, namespace, pod): (start, end)}, from the points at which the pod ran."""
    out = {}
    for series in result:
        labels = series["metric"]
        key = labels["cluster_id"], labels["namespace"], labels["pod"]
        start, end = (round(series["values"][i][0] / 10) * 10 for i in (0, -1))
        if start == end:
            start, end = start - RESOLUTION / 2, end + RESOLUTION / 2
        start, end = max(start, START), min(end, END)
        if key in out:
            start, end = min(start, out[key][0]), max(end, out[key][1])
        out[key] = start, end
    return out


class Bill:
    def __init__(self, results):
        self.pods = pods(results["Pods"])
        self.containers = {}
        self.prices = {}
        for query, kind in (("NodeCostPerCPUHr", "cpu"), ("NodeCostPerRAMGiBHr", "ram"), ("NodeCostPerGPUHr", "gpu")):
            for series in results[query]:
                labels = series["metric"]
                self.prices.setdefault((labels["cluster_id"], labels["node"]), {})[kind] = float(series["value"][1])

    def each(self, result):
        """(the container's line, value) of each row that fits a running pod. No two rows may be of one container: the
        recorded day has no such case, in which the order would matter."""
        seen = set()
        for series in result:
            labels = series["metric"]
            pod = labels["cluster_id"], labels["namespace"], labels.get("pod") or labels.get("pod_name")
            if pod not in self.pods:
                continue
            key = (*pod, labels.get("container") or labels.get("container_name"))
            if key in seen:
                raise SystemExit("error: two rows for %s" % (key,))
            seen.add(key)
            start, end = self.pods[pod]
            line = self.containers.setdefault(key, {"node": "", "minutes": (end - start) / 60, "cpuCoreHours": 0.0,
                                                    "ramByteHours": 0.0, "gpuHours": 0.0})
            if "node" in labels:
                line["node"] = labels["node"]
            yield line, float(series["value"][1])

    def add(self, results):
        for line, cores in self.each(results["CPUCoresAllocated"]):
            line["cpuCoreHours"] = (0 if cores > 512 else cores) * line["minutes"] / 60
        for line, cores in self.each(results["CPURequests"]):
            hours = line["minutes"] / 60
            line["cpuCoreRequestAverage"] = cores
            if line["cpuCoreHours"] / hours < cores:
                line["cpuCoreHours"] = cores * hours
        for line, cores in self.each(results["CPUUsageAvg"]):
            line["cpuCoreUsageAverage"] = 0 if cores > 512 else cores
        for line, size in self.each(results["RAMBytesAllocated"]):
            line["ramByteHours"] = size * line["minutes"] / 60
        for line, size in self.each(results["RAMRequests"]):
            hours = line["minutes"] / 60
            line["ramByteRequestAverage"] = size
            if line["ramByteHours"] / hours < size:
                line["ramByteHours"] = size * hours
        for line, size in self.each(results["RAMUsageAvg"]):
            line["ramByteUsageAverage"] = size
        for line, share in self.each(results["GPUsUsageAvg"]):
            line["gpuUsageAverage"] = share
        for line, gpus in self.each(results["GPUsAllocated"] or results["GPUsRequested"]):
            line["gpuHours"] = gpus * line["minutes"] / 60
        for (cluster, _, _, _), line in self.containers.items():
            price = self.prices[cluster, line["node"]]
            line["cpuCost"] = line["cpuCoreHours"] * price["cpu"]
            line["ramCost"] = line["ramByteHours"] / GIB * price["ram"]
            line["gpuCost"] = line["gpuHours"] * price["gpu"]
            line["totalCost"] = line["cpuCost"] + line["ramCost"] + line["gpuCost"]

    def by_container(self):
        return {"/".join((cluster, line["node"], namespace, pod, container)): line
                for (cluster, namespace, pod, container), line in self.containers.items()}

    def by_namespace(self):
        """What adds up when lines are added."""
        out = {}
        for (_, namespace, _, _), line in self.containers.items():
            total = out.setdefault(namespace, {})
            for field, value in line.items():
                if field.endswith("Cost") or field.endswith("Hours"):
                    total[field] = total.get(field, 0) + value
        return out


def allocate(ampql, *more):
    arguments = [ampql, "allocate", "--source", os.path.join(ROOT, "examples", "data", "cluster_day"), "--window", WINDOW,
                 "-o", "json", *more]
    done = subprocess.run(arguments, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit("error: %s" % done.stderr.decode("utf-8", "replace"))
    return json.loads(done.stdout)["data"][0]


def compare(wanted, got):
    """The differences, as text. ampql prints five decimals."""
    for name in wanted.keys() ^ got.keys():
        yield "%s is only %s" % (name, "wanted" if name in wanted else "there")
    for name in wanted.keys() & got.keys():
        for field, value in wanted[name].items():
            if field == "node":
                continue
            if abs(got[name][field] - value) > 5.1e-6 + 1e-12 * abs(value):
                yield "%s: %s is %r, not %r" % (name, field, got[name][field], value)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    results = answers()
    bill = Bill(results)
    bill.add(results)
    differences = [*compare(bill.by_container(), allocate(sys.argv[1])),
                   *compare(bill.by_namespace(), allocate(sys.argv[1], "--aggregate", "namespace"))]
    for text in differences[:20]:
        print("FAIL " + text)
    total = sum(line["totalCost"] for line in bill.containers.values())
    print("bill: %d containers, %.5f in total, %d differences" % (len(bill.containers), total, len(differences)))
    return len(differences) > 0 or not bill.containers


if __name__ == "__main__":
    sys.exit(main())
