"""`ampql allocate` against OpenCost itself, over a real Prometheus.

    opencost.py check AMPQL OPENCOST URL FOLDER FIRST COUNT
    opencost.py record OPENCOST URL FOLDER CLUSTERS

The clusters of cost.py, by seed, each on days of its own. OPENCOST (opencost/main.go) computes their bills with OpenCost's own
code from the server's answers, the command from the server's raw series; every field that OpenCost has must agree to 1e-9.
Recording writes OpenCost's bills of the clusters that cost_saved.py keeps into the folder CLUSTERS.
"""
import json
import os
import subprocess
import sys

import cost_cluster
from cost import BASE, DAY, KINDS, RES
from cost_check import Bill, Check, check_bill
from cost_saved import CLUSTERS, write

# What the command takes when nothing is said (ampql_default_prices), as OpenCost's file of prices has it.
PRICES = {"provider": "custom", "CPU": "0.031611", "RAM": "0.004237", "GPU": "0.95", "spotCPU": "0.006655", "spotRAM": "0.000892",
          "storage": "0.00005479452", "discount": "0%", "negotiatedDiscount": "0%", "customPricesEnabled": "false"}


# A pod that two controllers select, and a claim that two volumes have, go to either, as its hash maps fall out: it is asked again.
ORDERS = 12


def spelled_both_ways(series):
    """1.108 asks for sameZone and sameRegion, what came after it for same_zone and same_region."""
    for labels, _ in series:
        for old, new in (("sameZone", "same_zone"), ("sameRegion", "same_region")):
            if new in labels:
                labels[old] = labels[new]
    return series


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

    def bill(self, start, end):
        """{name: row}, as cost_model.compute gives it; volumes are a list."""
        self.process.stdin.write("%d %d\n" % (start, end))
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("OpenCost ended: status %d, %s says why" % (self.process.wait(), self.log))
        rows = json.loads(answer)
        for row in rows.values():
            row["services"] = sorted(row["services"] or [])  # theirs are in the order of a hash map
            for field in ("labels", "annotations"):
                row[field] = row[field] or {}
        return rows


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def record(program, url, folder, clusters):
    for name, seed, start, length, step, longest in CLUSTERS:
        end = start + length
        cost_cluster.push(url, spelled_both_ways(cost_cluster.Cluster(seed, start, end, step).fill()))
        rows = OpenCost(program, url, folder, longest).bill(start, end)
        numbers = sorted(field for field, value in next(iter(rows.values())).items() if is_number(value))
        answers = {key: {field: value for field, value in rows[key].items() if value} for key in sorted(rows)}
        write(os.path.join(clusters, name + ".opencost.json"), dict(opencost="1.108.0", numbers=numbers, answers=answers))
        print("%s: %d containers by OpenCost" % (name, len(rows)), flush=True)


def check_all(ampql, program, url, folder, first, count):
    opencost, fields, failed, again = OpenCost(program, url, folder), 0, 0, 0
    for seed in range(int(first), int(first) + int(count)):
        kind, length, step, at = KINDS[seed % len(KINDS)]
        start = BASE + at + (seed // len(KINDS)) * 366 * DAY
        end = start + length
        cost_cluster.push(url, spelled_both_ways(cost_cluster.Cluster(seed, start, end, step).fill()))
        bill = Bill(ampql, url, (start, end), os.path.join(folder, "%d.aqc" % seed))
        for times in range(1, ORDERS + 1):
            check = Check("seed %d (%s)" % (seed, kind))
            want = opencost.bill(start, end)
            for row in want.values():
                row["pvs"] = {(part["cluster"], part["name"]): part for part in row["pvs"]}
            check_bill(check, bill, want)
            if not check.failures:
                break
        again += times > 1 and not check.failures
        fields += check.fields
        failed += len(check.failures)
        print("seed %d, %s: %d containers, %d fields, %d differences" % (
            seed, kind, len(want), check.fields, len(check.failures)), flush=True)
        for failure in check.failures[:12]:
            print("  " + failure)
    print("%s clusters by OpenCost, %d fields, %d differences; %d clusters are equal in one of its orders" % (
        count, fields, failed, again))
    sys.exit(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) == 8 and sys.argv[1] == "check":
        check_all(*sys.argv[2:])
    elif len(sys.argv) == 6 and sys.argv[1] == "record":
        record(*sys.argv[2:])
    else:
        sys.exit(__doc__)
