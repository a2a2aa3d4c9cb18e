"""`ampql allocate` against an independent model, over what a real Prometheus answers.

    cost.py AMPQL URL FOLDER FIRST COUNT

For each seed a cluster with everything in it is pushed into the server, on days of its own. cost_model.py computes its bill from
the server's answers to OpenCost's queries; the command computes it from the server's raw series. Every field of every container
must agree to 1e-9, and what is made of a bill must conserve it: any aggregation has the same total, idle and allocated costs are
what the nodes cost, shared costs are carried, and a week is its days.
"""
import json
import math
import os
import sys

import cost_cluster
import cost_model
from cost_check import Bill, Check, Tally, check_bill, check_row, run, table
from server import Server, asker

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


def check_shards(check, ask, bill, start, end):
    """A week is its days added up name by name, every field; and that of each cluster apart is its part of the whole."""
    want = {}
    for t in range(start, end, DAY):
        for name, a in cost_model.compute(ask, t, t + DAY, RES).items():
            want[name] = cost_model.add(want[name], a) if name in want else a
    flags = ("--step", "1d", "--accumulate", "all")
    rows, parts = table(bill.server, *flags), {}
    check.equal("names of the week's days", sorted(rows), sorted(want))
    for name in sorted(set(rows) & set(want)):
        check_row(check, "days of " + name, rows[name], want[name])
    clusters = sorted({a["cluster"] for a in want.values()})
    if len(clusters) > 1 and "" in clusters:
        return  # the query for GPU usage has no filter in OpenCost: apart, each cluster takes the unnamed one's rows for its own
    for cluster in clusters:
        parts.update(table(bill.server, *flags, "--filter-cluster", "--cluster-id", cluster))
    check.equal("names of clusters apart", sorted(parts), sorted(rows))
    for name in sorted(set(rows) & set(parts)):
        for field, value in rows[name].items():
            check.equal("apart, %s of %s" % (field, name), parts[name][field], value)


def summary(bill, *flags):
    return json.loads(run(*bill.server, "-o", "summary", *flags))["data"]["sets"]


def cost_of(step):
    return math.fsum(a["totalCost"] for a in step["allocations"].values())


def check_clusters(check, bill, want):
    clusters = {a["cluster"] for a in want.values()}
    parts = 0.0
    for name in clusters:
        flags = ("--filter-cluster", "--cluster-id", name)
        rows = table(bill.server, *flags, "-a", "cluster")
        parts += math.fsum(float(row["total_cost"]) for row in rows.values())
    check.near("clusters apart", parts, math.fsum(a["total_cost"] for a in want.values()))


def clusters(first, count):
    """(seed, kind, start, end, scrape interval) of each, on days of its own."""
    for seed in range(int(first), int(first) + int(count)):
        kind, length, step, at = KINDS[seed % len(KINDS)]
        start = BASE + at + (seed // len(KINDS)) * 366 * DAY
        yield seed, kind, start, start + length, step


def main(ampql, url, folder, first, count):
    ask, tally = asker(Server(url)), Tally()
    for seed, kind, start, end, step in clusters(first, count):
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
            check_shards(check, ask, bill, start, end)
        tally.add(seed, kind, len(want), check)
    tally.end("%s clusters" % count)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
