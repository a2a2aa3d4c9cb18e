"""`ampql allocate` against OpenCost itself, over a real Prometheus.

    opencost.py check AMPQL OPENCOST URL FOLDER FIRST COUNT
    opencost.py record OPENCOST URL FOLDER CLUSTERS

The clusters of cost.py, by seed, each on days of its own. OPENCOST (opencost/main.go) computes their bills with OpenCost's own
code from the server's answers, the command from the server's raw series; every field that OpenCost has must agree to 1e-9, of
each container, and of the lines that are made of them, with idle and shared costs (MADE).
Recording writes OpenCost's bills of the clusters that cost_saved.py keeps into the folder CLUSTERS.
"""
import json
import math
import os
import subprocess
import sys
import time

import cost_cluster
from cost import DAY, RES, clusters
from cost_check import Bill, Check, Tally, check_bill
from cost_saved import CLUSTERS, write

# What the command takes when nothing is said (ampql_default_prices), as OpenCost's file of prices has it.
PRICES = {"provider": "custom", "CPU": "0.031611", "RAM": "0.004237", "GPU": "0.95", "spotCPU": "0.006655", "spotRAM": "0.000892",
          "storage": "0.00005479452", "discount": "0%", "negotiatedDiscount": "0%", "customPricesEnabled": "false"}

# How often it is asked for what falls out one way or another by its hash maps (CHANCES): the rarer way is one of eight.
ORDERS = 60


def push(url, seed, start, end, step):
    """1.108 asks for sameZone and sameRegion, what came after it for same_zone and same_region: series have both."""
    series = cost_cluster.Cluster(seed, start, end, step).fill()
    for labels, _ in series:
        for old, new in (("sameZone", "same_zone"), ("sameRegion", "same_region")):
            if new in labels:
                labels[old] = labels[new]
    cost_cluster.push(url, series)


class OpenCost:
    def __init__(self, program, url, folder, longest=DAY):
        """longest: of one computation, in seconds."""
        with open(os.path.join(folder, "default.json"), "w", encoding="utf-8") as out:
            json.dump(PRICES, out)
        self.log = os.path.join(folder, "opencost.log")
        env = dict(os.environ, ALLOCATION_NODE_LABELS_ENABLED="true",
                   ETL_MAX_PROMETHEUS_QUERY_DURATION_MINUTES=str(longest // 60))
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([program, url, folder, str(RES)], env=env, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)

    def bill(self, start, end, **how):
        """{name: row}, as cost_model.compute gives it; volumes are a list. how: as struct question of main.go has it. None where
        OpenCost has no bill: it shares idle costs by the names of clusters, and one has none; an allocation is on a node that has no costs."""
        self.process.stdin.write(json.dumps(dict(how, Start=start, End=end)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("OpenCost ended: status %d, %s says why" % (self.process.wait(), self.log))
        answer = json.loads(answer)
        rows = answer["Rows"]
        if answer["Error"] == "ClusterProp is not set" and how.get("ShareIdle"):
            return None
        if answer["Error"] == "unable to locate allocation totals for allocation" and how.get("Proportional"):
            return None
        if answer["Error"]:
            sys.exit("OpenCost: " + answer["Error"])
        for row in rows.values():
            row["services"] = sorted(row["services"] or [])  # theirs are in the order of a hash map
            for field in ("labels", "annotations"):
                row[field] = row[field] or {}
        return rows


# What is made of a bill: by flags of the command, and by OpenCost.
MADE = [
    ("-a namespace", dict(Aggregate=["namespace"])),
    ("-a controller,label:app", dict(Aggregate=["controller", "label:app"])),
    ("-a namespace --aggregated-metadata", dict(Aggregate=["namespace"], Metadata=True)),
    ("-a node --share-namespaces kube-system --share-breakdown",
     dict(Aggregate=["node"], ShareNamespaces=["kube-system"], Breakdown=True)),
    ("-a namespace --share-namespaces kube-system --share-split even",
     dict(Aggregate=["namespace"], ShareNamespaces=["kube-system"], ShareEvenly=True)),
    ("-a namespace --share-cost 730", dict(Aggregate=["namespace"], ShareHourly=1)),
    ("-a namespace --idle", dict(Aggregate=["namespace"], Idle=True)),
    ("-a cluster --idle --split-idle", dict(Aggregate=["cluster"], Idle=True, SplitIdle=True)),
    ("-a namespace --idle --share-idle", dict(Aggregate=["namespace"], Idle=True, ShareIdle=True)),
    ("-a namespace --idle --share-idle --idle-by-node",
     dict(Aggregate=["namespace"], Idle=True, ShareIdle=True, IdleByNode=True)),
    ("-a namespace --idle --proportional-assets", dict(Aggregate=["namespace"], Idle=True, Proportional=True)),
    ("-a namespace,pod --idle --idle-by-node --proportional-assets",
     dict(Aggregate=["namespace", "pod"], Idle=True, IdleByNode=True, Proportional=True)),
]

# The same of a window in two steps, which takes two bills more: of windows up to this length.
STEPPED = 2 * DAY


def cancelled(row, want, scale):
    """An efficiency is 0 where a cost is, and 1 beside the smallest rest of one."""
    costs = {cost: (float(row[cost]), want[cost]) for cost in ("cpu_cost", "ram_cost")}
    costs["total_cost"] = tuple(map(sum, zip(*costs.values())))
    return {cost.replace("cost", "efficiency") for cost, pair in costs.items() if any(pair) and max(map(abs, pair)) < 1e-9 * scale}


def check_numbers(check, flags, name, row, want, scale):
    """scale: costs can cancel out with negative idle ones, and a billionth of this is as good as nothing."""
    without = cancelled(row, want, scale) | {"start", "end"}
    for field, value in want.items():
        if field in row and is_number(value) and field not in without:
            check.near("%s: %s of %s" % (flags, field, name), float(row[field]), value, scale if field.endswith("_cost") else 0)


# What rows of OpenCost's API have of an asset; the API prints these.
PARTS = ("cluster", "name", "type", "providerID", "cpuPercentage", "gpuPercentage", "ramPercentage", "loadBalancerPercentage",
         "pvPercentage", "nodeResourceCostPercentage")


def named(assets, by_node):
    """Of what stands for unmounted volumes nothing is a node's; whether that is the cluster's or a nameless node's goes by hash maps."""
    return {key: part for key, part in assets.items() if part.get("name") or not by_node}


def check_assets(check, where, got, want, by_node):
    got, want = named(got, by_node), named(want, by_node)
    check.equal(where, sorted(got), sorted(want))
    for key in sorted(set(got) & set(want)):
        for field in PARTS:
            if field.endswith("Percentage"):
                check.near("%s: %s of %s" % (where, field, key), got[key][field], want[key][field])
            elif field != "providerID" or want[key].get(field):  # of a volume that was added up it may be lost, by hash maps
                check.equal("%s: %s of %s" % (where, field, key), got[key].get(field), want[key].get(field))


def made(start, end):
    """MADE, and what is made of two steps."""
    step = (end - start) // 2 // 60 * 60
    if end - start > STEPPED or 2 * step != end - start:
        return MADE
    return MADE + [("-a namespace --idle --idle-by-node --proportional-assets --accumulate all --step %ds" % step,
                    dict(Aggregate=["namespace"], Idle=True, IdleByNode=True, Proportional=True, Step=step))]


def check_made(check, opencost, bill, start, end, containers):
    controllers = {name: row["controller_kind"] + ":" + row["controller"] for name, row in containers.items() if row["controller"]}
    largest = max((abs(value) for row in containers.values() for field, value in row.items() if field.endswith("_cost")), default=0)
    for flags, how in made(start, end):
        if "ShareHourly" in how and end > time.time():
            continue  # costs that are to come are not shared, and OpenCost takes no other now
        want = opencost.bill(start, end, Controllers=controllers, **how)
        if want is None:
            continue
        rows, items = bill.lines(*flags.split()), bill.items(*flags.split())
        check.equal(flags, sorted(rows), sorted(want))
        for name in sorted(set(rows) & set(want)):
            check_numbers(check, flags, name, rows[name], want[name], largest / 1000)
            for field in ("labels", "annotations"):
                check.equal("%s: %s of %s" % (flags, field, name), items[name]["properties"].get(field, {}), want[name][field])
            got, shared = items[name]["sharedCostBreakdown"], want[name]["shared"] or {}
            check_assets(check, "%s: assets of %s" % (flags, name), items[name]["proportionalAssetResourceCosts"],
                         want[name]["assets"], how.get("IdleByNode"))
            check.equal("%s: shared costs of %s" % (flags, name), sorted(got), sorted(shared))
            for key in sorted(set(got) & set(shared)):
                for field, value in shared[key].items():
                    if is_number(value):
                        check.near("%s: %s of %s in %s" % (flags, field, key, name), got[key].get(field, 0), value)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def record(program, url, folder, kept):
    for name, seed, start, length, step, longest in CLUSTERS:
        end = start + length
        push(url, seed, start, end, step)
        rows = OpenCost(program, url, folder, longest).bill(start, end)
        numbers = sorted(field for field, value in next(iter(rows.values())).items() if is_number(value))
        answers = {key: {field: value for field, value in rows[key].items() if value} for key in sorted(rows)}
        write(os.path.join(kept, name + ".opencost.json"), dict(opencost="1.108.0", numbers=numbers, answers=answers))
        print("%s: %d containers by OpenCost" % (name, len(rows)), flush=True)


def same_controller(row, item, want):
    return row["controller"] == want["controller"] and row["controller_kind"] == want["controller_kind"]


def same_balancers(row, item, want):
    got, want = item["lbAllocations"] or {}, want["lbs"]
    return set(got) == set(want) and all(math.isclose(got[key]["cost"], want[key]["cost"], rel_tol=1e-9) for key in got)


# What OpenCost leaves to chance: which of the controllers that select a pod has it, and how a pod's cost of balancers, which is
# always the same, falls to each of them.
CHANCES = [(("controller", "controller_kind"), same_controller), (("lbs",), same_balancers)]


def settled(opencost, bill, start, end):
    """OpenCost's bill, and how many of its containers have something that OpenCost gave only when it was asked again. That is
    sought for each container alone, and only what is left to chance; what OpenCost never gives stays a difference."""
    rows, items, want, again = bill.lines(), bill.items(), opencost.bill(start, end), set()
    for _ in range(ORDERS):
        unlike = [(name, fields, same) for name in set(rows) & set(want) for fields, same in CHANCES
                  if not same(rows[name], items[name], want[name])]
        if not unlike:
            break
        other = opencost.bill(start, end)
        for name, fields, same in unlike:
            if same(rows[name], items[name], other[name]):
                want[name].update({field: other[name][field] for field in fields})
                again.add(name)
    return want, len(again)


def check_cluster(check, opencost, bill, start, end):
    want, nagain = settled(opencost, bill, start, end)
    for row in want.values():
        row["pvs"] = {(part["cluster"], part["name"]): part for part in row["pvs"]}
    check_bill(check, bill, want)
    check_made(check, opencost, bill, start, end, want)
    return len(want), nagain


def check_all(ampql, program, url, folder, first, count):
    opencost, tally, ncontainers, nagain = OpenCost(program, url, folder), Tally(), 0, 0
    for seed, kind, start, end, step in clusters(first, count):
        push(url, seed, start, end, step)
        bill = Bill(ampql, url, (start, end), os.path.join(folder, "%d.aqc" % seed))
        check = Check("seed %d (%s)" % (seed, kind))
        n, again = check_cluster(check, opencost, bill, start, end)
        ncontainers, nagain = ncontainers + n, nagain + again
        tally.add(seed, kind, n, check)
    tally.end("%s clusters by OpenCost, %d containers, %d of them with what it gives one time and not another" % (
        count, ncontainers, nagain))


if __name__ == "__main__":
    if len(sys.argv) == 8 and sys.argv[1] == "check":
        check_all(*sys.argv[2:])
    elif len(sys.argv) == 6 and sys.argv[1] == "record":
        record(*sys.argv[2:])
    else:
        sys.exit(__doc__)
