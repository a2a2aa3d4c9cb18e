"""`ampql allocate` against OpenCost itself, over a real Prometheus.

    opencost.py check AMPQL OPENCOST URL FOLDER FIRST COUNT
    opencost.py record OPENCOST URL FOLDER CLUSTERS

The clusters of cost.py, by seed, each on days of its own. OPENCOST (opencost/main.go) computes their bills with OpenCost's own
code from the server's answers, the command from the server's raw series; every field that OpenCost has must agree to 1e-9, of
each container, and of the lines that are made of them, with idle and shared costs (MADE).
Recording writes OpenCost's bills of the clusters that cost_saved.py keeps into the folder CLUSTERS.
"""
import json
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

# A pod that two controllers select, and a claim that two volumes have, go to either, as its hash maps fall out: it is asked again.
ORDERS = 12


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
        OpenCost has no bill: it shares idle costs by the names of clusters, and one has none."""
        self.process.stdin.write(json.dumps(dict(how, Start=start, End=end)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("OpenCost ended: status %d, %s says why" % (self.process.wait(), self.log))
        answer = json.loads(answer)
        rows = answer["Rows"]
        if answer["Error"] == "ClusterProp is not set" and how.get("ShareIdle"):
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
]


def check_made(check, opencost, bill, start, end):
    for flags, how in MADE:
        if "ShareHourly" in how and end > time.time():
            continue  # costs that are to come are not shared, and OpenCost takes no other now
        want = opencost.bill(start, end, **how)
        if want is None:
            continue
        rows, items = bill.lines(*flags.split()), bill.items(*flags.split())
        check.equal(flags, sorted(rows), sorted(want))
        for name in sorted(set(rows) & set(want)):
            for field, value in want[name].items():
                if field in rows[name] and is_number(value) and field not in ("start", "end"):
                    check.near("%s: %s of %s" % (flags, field, name), float(rows[name][field]), value)
            for field in ("labels", "annotations"):
                check.equal("%s: %s of %s" % (flags, field, name), items[name]["properties"].get(field, {}), want[name][field])
            got, shared = items[name]["sharedCostBreakdown"], want[name]["shared"] or {}
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


def check_cluster(check, opencost, bill, start, end):
    want = opencost.bill(start, end)
    for row in want.values():
        row["pvs"] = {(part["cluster"], part["name"]): part for part in row["pvs"]}
    check_bill(check, bill, want)
    check_made(check, opencost, bill, start, end)
    return len(want)


def check_all(ampql, program, url, folder, first, count):
    opencost, tally, again = OpenCost(program, url, folder), Tally(), 0
    for seed, kind, start, end, step in clusters(first, count):
        push(url, seed, start, end, step)
        bill = Bill(ampql, url, (start, end), os.path.join(folder, "%d.aqc" % seed))
        for times in range(1, ORDERS + 1):
            check = Check("seed %d (%s)" % (seed, kind))
            ncontainers = check_cluster(check, opencost, bill, start, end)
            if not check.failures:
                break
        again += times > 1 and not check.failures
        tally.add(seed, kind, ncontainers, check)
    tally.end("%s clusters by OpenCost, %d of them equal in another of its orders" % (count, again))


if __name__ == "__main__":
    if len(sys.argv) == 8 and sys.argv[1] == "check":
        check_all(*sys.argv[2:])
    elif len(sys.argv) == 6 and sys.argv[1] == "record":
        record(*sys.argv[2:])
    else:
        sys.exit(__doc__)
