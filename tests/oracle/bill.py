"""The cost model a second time, slowly and plainly, to compare with `ampql allocate`.

usage: bill.py AMPQL SOURCE END   (END in Unix seconds; a window of one day at 5 minutes)

Asks the queries of tests/data/cost/queries.txt one by one through `ampql query` (what those answer is compared with a real
Prometheus elsewhere), folds them as OpenCost does, and compares every field of every container, to the five decimals that the
report has.
"""
import datetime
import json
import math
import subprocess
import sys

DAY, RES = 86400, 300
DEFAULT_CPU, DEFAULT_RAM, SPOT_CPU, SPOT_RAM = 0.031611, 0.004237, 0.006655, 0.000892


def run(*args):
    return json.loads(subprocess.run(args, check=True, capture_output=True).stdout)


def number(text):
    value = float(text)
    return value if math.isfinite(value) else 0.0


def round_10s(t):
    return math.floor(t / 10 + 0.5) * 10


def ask(ampql, source, end, text):
    """[(labels, first value, first time, last time)]"""
    answer = run(ampql, "query", "-s", source, "--time", str(end), "-o", "json", text)["data"]["result"]
    rows = []
    for series in answer:
        points = series.get("values") or [series["value"]]
        rows.append((series["metric"], number(points[0][1]), round_10s(points[0][0]), round_10s(points[-1][0])))
    return sorted(rows, key=lambda row: sorted(row[0].items()))


def pods_of(rows, start, end):
    pods = {}
    for labels, _, first, last in rows:
        if first == last:
            first, last = first - RES / 2, last + RES / 2
        pods[labels.get("cluster_id", ""), labels["namespace"], labels["pod"]] = [max(first, start), min(last, end)]
    return pods


def fold(answers, start, end):
    pods, containers = pods_of(answers["Pods"], start, end), {}

    def each(name, older=False):
        for labels, value, _, _ in answers[name]:
            pod = labels.get("cluster_id", ""), labels.get("namespace"), labels.get("pod") or labels.get("pod_name")
            container = labels.get("container") or (labels.get("container_name") if older else None)
            if pod not in pods or container is None:
                continue
            s, e = pods[pod]
            c = containers.setdefault(pod + (container,), dict(
                start=s, end=e, node="", cpuCoreHours=0.0, ramByteHours=0.0, gpuHours=0.0, cpuCoreRequestAverage=0.0,
                ramByteRequestAverage=0.0, cpuCoreUsageAverage=0.0, ramByteUsageAverage=0.0, gpuRequestAverage=0.0,
                gpuUsageAverage=0.0, cpuCoreUsageMax=0.0, ramByteUsageMax=0.0))
            yield c, value, (e - s) / 3600, labels

    for kind, hours, request, allocated, requests in (
            ("CPU", "cpuCoreHours", "cpuCoreRequestAverage", "CPUCoresAllocated", "CPURequests"),
            ("RAM", "ramByteHours", "ramByteRequestAverage", "RAMBytesAllocated", "RAMRequests")):
        for c, v, h, labels in each(allocated):
            c[hours] = (0 if kind == "CPU" and v > 512 else v) * h
            c["node"] = labels["node"]
        for c, v, h, labels in each(requests):
            c[request] = v
            if h <= 0 or c[hours] / h < v:
                c[hours] = v * h
            c["node"] = labels["node"]
    for name, field in (("CPUUsageAvg", "cpuCoreUsageAverage"), ("RAMUsageAvg", "ramByteUsageAverage"),
                        ("RAMUsageMax", "ramByteUsageMax"), ("GPUsUsageAvg", "gpuUsageAverage"),
                        ("CPUUsageMaxRecordingRule" if answers["CPUUsageMaxRecordingRule"] else "CPUUsageMaxSubquery",
                         "cpuCoreUsageMax")):
        for c, v, _, _ in each(name, older=True):
            c[field] = v
    for c, v, h, _ in each("GPUsAllocated" if answers["GPUsAllocated"] else "GPUsRequested"):
        c["gpuHours"], c["gpuRequestAverage"] = v * h, v
    price(answers, containers)
    return containers


def price(answers, containers):
    nodes = {}
    for name, field in (("NodeCostPerCPUHr", "cpu"), ("NodeCostPerRAMGiBHr", "ram"), ("NodeCostPerGPUHr", "gpu")):
        for labels, v, _, _ in answers[name]:
            node = nodes.setdefault((labels.get("cluster_id", ""), labels["node"]), dict(cpu=0.0, ram=0.0, gpu=0.0, spot=False))
            node[field] = v
    for labels, v, _, _ in answers["NodeIsSpot"]:
        if v > 0 and (labels.get("cluster_id", ""), labels["node"]) in nodes:
            nodes[labels.get("cluster_id", ""), labels["node"]]["spot"] = True
    for (cluster, _, _, _), c in containers.items():
        node = nodes.get((cluster, c["node"]), dict(cpu=DEFAULT_CPU, ram=DEFAULT_RAM, gpu=0.95, spot=False))
        c["cpuCost"] = c["cpuCoreHours"] * (node["cpu"] or (SPOT_CPU if node["spot"] else DEFAULT_CPU))
        c["ramCost"] = c["ramByteHours"] / 2**30 * (node["ram"] or (SPOT_RAM if node["spot"] else DEFAULT_RAM))
        c["gpuCost"] = c["gpuHours"] * node["gpu"]
        c["totalCost"] = c["cpuCost"] + c["gpuCost"] + c["ramCost"]


def queries():
    text = open("tests/data/cost/queries.txt").read().split("[day]\n")[1].split("\n[filtered]")[0]
    return [line.split(" ", 1) for line in text.strip().split("\n")]


def iso(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main(ampql, source, end):
    end = int(end)
    answers = {name: ask(ampql, source, end, text) for name, text in queries()}
    want = fold(answers, end - DAY, end)
    got = run(ampql, "allocate", "-s", source, "-w", f"{end - DAY},{end}", "-o", "json")["data"][0]
    got = {name: a for name, a in got.items() if "__unmounted__" not in name}
    names = {"/".join((k[0], c["node"]) + k[1:]): c for k, c in want.items()}
    if set(names) != set(got):
        sys.exit(f"other containers: {set(names) ^ set(got)}")
    differences = 0
    for name, c in sorted(names.items()):
        a = dict(got[name], **got[name].get("rawAllocationOnly", {}))
        for other in ("networkCost", "pvCost", "loadBalancerCost"):
            a["totalCost"] -= a[other]
        for field, value in c.items():
            if field == "node":
                same = a["properties"].get("node", "") == value
            elif field in ("start", "end"):
                same = a[field] == iso(value)
            else:
                same = abs(a[field] - value) <= (2 if field == "totalCost" else 0.5000001) * 1e-5 + 1e-15 * abs(value)
            if not same:
                differences += 1
                print(f"{name}: {field} is {a[field] if field != 'node' else a['properties']}, want {value}")
    print(f"{len(names)} containers, {differences} differences, total {sum(c['totalCost'] for c in names.values()):.6f}")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
