"""`ampql allocate` against an independent model, over what a real Prometheus answers.

    cost.py AMPQL URL FOLDER FIRST COUNT

For each seed a cluster with everything in it is pushed into the server, on days of its own. cost_model.py computes its bill from
the server's answers to OpenCost's queries; the command computes it from the server's raw series. Every field of every container
must agree to 1e-9, and what is made of a bill must conserve it: any aggregation has the same total, idle and allocated costs are
what the nodes cost, shared costs are carried, and a week is its days.
"""
import csv
import datetime
import json
import math
import os
import subprocess
import sys

import cost_cluster
import cost_model
from server import Server

HOUR, DAY = 3600, 86400
BASE = 1709251200  # 2024-03-01T00:00:00Z; windows go on from there, each with room before it
RES = 300

# length, scrape interval, where it starts; in the order of time, which is that in which a server takes samples
KINDS = [
    ("hour", HOUR, 60, 7 * HOUR),
    ("six hours", 6 * HOUR, 60, 11 * HOUR + 600),
    ("day", DAY, 150, 2 * DAY),
    ("week", 7 * DAY, 270, 4 * DAY),
    ("clock change", 3 * HOUR, 60, 30 * DAY),  # 2024-03-31T00:00:00Z
    ("month's end", 4 * HOUR, 60, 30 * DAY + 22 * HOUR),
]


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("%s: %s" % (" ".join(args[1:]), done.stderr))
    return done.stdout


class Bill:
    """Bills of one window: the first one fetches into a capture, the others are of that."""

    def __init__(self, ampql, url, window, capture):
        flags = ["-w", "%d,%d" % window, "--progress", "none", "--now", str(window[1])]
        self.server = [ampql, "allocate", "-s", url, *flags]
        self.start = [ampql, "allocate", "-s", capture, *flags]
        run(*self.server, "--idle", "--record", capture)

    def lines(self, *flags):
        rows = csv.DictReader(run(*self.start, "-o", "csv", *flags).splitlines())
        return {row["name"]: row for row in rows}

    def items(self, *flags):
        return json.loads(run(*self.start, "-o", "json", *flags))["data"][0]

    def total(self, *flags):
        return math.fsum(float(row["total_cost"]) for row in self.lines(*flags).values())


class Check:
    def __init__(self, what):
        self.what, self.fields, self.failures = what, 0, []

    def near(self, where, got, want, scale=0.0):
        """scale: the greatest of what was added up to `got`, when they cancel out."""
        self.fields += 1
        if not math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9 * max(1e-6, abs(scale))):
            self.failures.append("%s: %s is %.17g, want %.17g" % (self.what, where, got, want))

    def equal(self, where, got, want):
        self.fields += 1
        if got != want:
            self.failures.append("%s: %s is %r, want %r" % (self.what, where, got, want))


def check_item(check, name, row, item, want):
    for field in cost_model.TEXTS[:7]:
        check.equal(name + " " + field, row[field], want[field])
    for field, value in want.items():
        if field in row and isinstance(value, (int, float)) and field not in ("start", "end"):
            check.near(name + " " + field, float(row[field]), value)
    for field in ("start", "end"):
        check.equal(name + " " + field, row[field], iso(want[field]))
    properties = item["properties"]
    for field in ("labels", "annotations"):
        check.equal(name + " " + field, properties.get(field, {}), want[field])
    check.equal(name + " services", properties.get("services", []), want["services"])
    check.equal(name + " providerID", properties.get("providerID", ""), want["provider_id"])
    pvs = {"cluster=%s:name=%s" % key: part for key, part in want["pvs"].items()}
    check.equal(name + " pvs", sorted(item["pvs"] or {}), sorted(pvs))
    for key, part in pvs.items():
        check.near(name + " " + key, item["pvs"][key]["byteHours"], part["byte_hours"])
        check.near(name + " " + key, item["pvs"][key]["cost"], part["cost"])
    check.equal(name + " lbs", sorted(item["lbAllocations"] or {}), sorted(want["lbs"]))
    for key, part in want["lbs"].items():
        check.near(name + " " + key, item["lbAllocations"][key]["hours"], part["hours"])
        check.near(name + " " + key, item["lbAllocations"][key]["cost"], part["cost"])
        check.equal(name + " private", item["lbAllocations"][key]["private"], part["private"])
    raw = item.get("rawAllocationOnly", {})
    check.near(name + " cpuCoreUsageMax", raw.get("cpuCoreUsageMax", 0), want["cpu_core_usage_max"])
    check.near(name + " ramByteUsageMax", raw.get("ramByteUsageMax", 0), want["ram_byte_usage_max"])


def iso(t):
    return datetime.datetime.fromtimestamp(int(t), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_bill(check, bill, want):
    rows, items = bill.lines(), bill.items()
    check.equal("names", sorted(rows), sorted(want))
    for name in sorted(set(rows) & set(want)):
        check_item(check, name, rows[name], items[name], want[name])


def check_totals(check, bill, want, assets):
    total = math.fsum(a["total_cost"] for a in want.values())
    for keys in ("all", "namespace", "controller,label:app", "team", "service", "node,pod"):
        check.near("total by " + keys, bill.total("-a", keys), total)
    idle = bill.lines("--idle", "--split-idle", "--quirk", "idle-of-disks=off", "--quirk", "lonely-idle=off")
    for resource in ("cpu_cost", "ram_cost", "gpu_cost"):
        for (cluster, node), asset in assets.items():
            used = math.fsum(a[resource] for a in want.values() if (a["cluster"], a["node"]) == (cluster, node))
            check.near("idle %s of %s/%s" % (resource, cluster, node),
                       float(idle["%s/%s/__idle__" % (cluster, node)][resource]) + used, asset[resource], used)
    everything = bill.total("--idle", "--quirk", "lonely-idle=off")
    if all(float(row[r]) >= 0 for row in idle.values() for r in ("cpu_cost", "ram_cost", "gpu_cost")):
        for flags in (("--share-idle",), ("--share-idle", "--idle-by-node")):
            check.near("total with " + " ".join(flags), bill.total("--idle", *flags, "-a", "namespace"), everything)
    namespaces = {a["namespace"] for a in want.values()}
    for split in ("weighted", "even"):
        if len(namespaces - {"kube-system", "__unmounted__"}) > 0:
            shared = bill.total("-a", "namespace", "--share-namespaces", "kube-system", "--share-split", split)
            check.near("total shared " + split, shared, total)


def check_week(check, ask, bill, start, end):
    """Steps of a day, accumulated, are the days' bills added up by name; hours are what they say each, by the day too."""
    days = [cost_model.compute(ask, t, t + DAY, RES) for t in range(start, end, DAY)]
    costs = [math.fsum(a["total_cost"] for a in day.values()) for day in days]
    steps = summary(bill, "--step", "1d", "-a", "all")
    check.equal("days", len(steps), len(days))
    for step, cost in zip(steps, costs):
        check.near("the day from " + step["window"]["start"], cost_of(step), cost)
    week = summary(bill, "--step", "1d", "--accumulate", "all", "-a", "namespace")
    check.equal("one window", len(week), 1)
    check.near("the week of its days", cost_of(week[0]), math.fsum(costs))
    hours = summary(bill, "--step", "1h", "-a", "all")
    check.equal("hours", len(hours), (end - start) // HOUR)
    for number in (0, len(hours) // 2, len(hours) - 1):
        hour = cost_model.compute(ask, start + number * HOUR, start + (number + 1) * HOUR, RES)
        check.near("hour %d" % number, cost_of(hours[number]), math.fsum(a["total_cost"] for a in hour.values()))
    by_day = summary(bill, "--step", "1h", "--accumulate", "day", "-a", "all")
    for number, day in enumerate(by_day):
        check.near("hours of day %d" % number, cost_of(day), math.fsum(map(cost_of, hours[number * 24:number * 24 + 24])))


def summary(bill, *flags):
    return json.loads(run(*bill.server, "-o", "summary", *flags))["data"]["sets"]


def cost_of(step):
    return math.fsum(a["totalCost"] for a in step["allocations"].values())


def check_clusters(check, bill, want):
    clusters = {a["cluster"] for a in want.values()}
    parts = 0.0
    for name in clusters:
        flags = ("--filter-cluster", "--cluster-id", name)
        rows = csv.DictReader(run(*bill.server, "-o", "csv", *flags, "-a", "cluster").splitlines())
        parts += math.fsum(float(row["total_cost"]) for row in rows)
    check.near("clusters apart", parts, math.fsum(a["total_cost"] for a in want.values()))


def main(ampql, url, folder, first, count):
    server, fields, failed = Server(url), 0, 0

    def ask(query, time):
        result = json.loads(server.instant(query, time))["data"]["result"]
        return [(s["metric"], [(float(t), float(v)) for t, v in s.get("values") or [s["value"]]]) for s in result]

    for seed in range(int(first), int(first) + int(count)):
        kind, length, step, at = KINDS[seed % len(KINDS)]
        start = BASE + at + (seed // len(KINDS)) * 366 * DAY
        end = start + length
        cost_cluster.push(url, cost_cluster.Cluster(seed, start, end, step).fill())
        capture = os.path.join(folder, "%d.aqc" % seed)
        check, bill = Check("seed %d (%s)" % (seed, kind)), Bill(ampql, url, (start, end), capture)
        pieces = [cost_model.compute(ask, t, min(t + DAY, end), RES) for t in range(start, end, DAY)]
        want = cost_model.accumulate(pieces)
        check_bill(check, bill, want)
        check_totals(check, bill, want, cost_model.assets(ask, start, end, RES))
        check_clusters(check, bill, want)
        if kind == "week":
            check_week(check, ask, bill, start, end)
        fields += check.fields
        failed += len(check.failures)
        print("seed %d, %s: %d containers, %d fields, %d differences" % (
            seed, kind, len(want), check.fields, len(check.failures)), flush=True)
        for failure in check.failures[:12]:
            print("  " + failure)
    print("%s clusters, %d fields, %d differences" % (count, fields, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
