#!/usr/bin/env python3
"""What the queries of an allocation cost in samples processed, which is what AMP charges: evaluated by the server, and evaluated
here over what is fetched.

    billing.py URL AMPQL [CHUNK]

URL is a Prometheus loaded with the generated day. Each figure is what the server says itself (stats=all), added up by the fake
from its log: of the server's own evaluation of each query, of each query alone evaluated here, and of the whole bill in one batch
(`ampql allocate`), where what several queries read is fetched once. Exits 1 when the batch costs more than the server's own
evaluation, or than the queries alone, or when what the command says of it (--stats, of each query, of each select, and in the
capture) is not what the fake has counted."""
import os
import re
import sys
import tempfile

from lab import Lab

import differential
from server import Server


def rows():
    for name, query, times in differential.cases("queries.tsv"):
        if name.startswith("day/allocation/"):
            yield name[len("day/allocation/"):], query, times


def said(done):
    """What --stats says: {"total": {name: number}, "select ...": ..., "query ...": [alone, shared]}."""
    out = {}
    for line in re.findall("^ampql: stats: (.*)$", done.err, re.M):
        what, _, _ = line.partition(": series=")
        parts = [{name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", part)} for part in line.split("; shared")]
        out["total" if what == line else what] = parts if line.startswith("query ") else parts[0]
    return out


def check_said(done, log):
    """Wrong, or None: the total is what was billed, and its parts add up to it."""
    stats = said(done)
    total = stats.pop("total")
    billed = sum(entry["billed"] for entry in log if "vector(1)" not in dict(entry["params"]).get("query", ""))
    if total["billed_samples"] != billed or total["requests"] < len(stats):
        return "--stats says %s, and %d samples were billed" % (total, billed)
    selects = [one for name, one in stats.items() if name.startswith("select ")]
    queries = [one for name, one in stats.items() if name.startswith("query ")]
    if selects and sum(one["billed_samples"] for one in selects) != billed:
        return "the selects cost %s, and %d samples were billed" % (selects, billed)
    alone, shared = (sum(one[k].get("billed_samples", 0) for one in queries if len(one) > k) for k in (0, 1))
    if queries and not (0 < alone < billed <= alone + shared) or not (selects or queries):
        return "the queries cost %d alone and %d shared, and %d samples were billed" % (alone, shared, billed)
    return None


def check_capture(lab):
    """The same of what a capture says that it was billed, select by select."""
    space = lab.space()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.aqc")
        end = str(differential.END)
        done = lab.run("fetch", *lab.amp(space), "--time", end, "--out", path, "--stats", "max_over_time(kube_pod_labels[1d:1h])",
                       "sum(sum_over_time(node_cpu_hourly_cost[1d])) + sum(node_ram_hourly_cost)")
        listed = lab.run("capture", "ls", path)
    held = [int(number) for number in re.findall(r"billed (\d+)", listed.out)]
    log = lab.report(space, drop=True)["log"]
    billed = sum(entry["billed"] for entry in log)
    probe = sum(entry["billed"] for entry in log if "vector(1)" in dict(entry["params"]).get("query", ""))
    if done.status or len(held) != 3 or sum(held) != billed - probe or said(done)["total"]["billed_samples"] != billed:
        return "the capture says %s, --stats %s, and %d samples were billed" % (held, done.err, billed)
    return None


def billed(lab, run):
    """(samples, requests, MB) of what run(flags for the source) asks; the command says the same."""
    space = lab.space()
    done = run(lab.amp(space))
    if done.status != 0:
        raise SystemExit("billing.py: error: %s" % done)
    report = lab.report(space, drop=True)
    wrong = check_said(done, report["log"])
    if wrong:
        raise SystemExit("billing.py: error: %s" % wrong)
    return report["billed"], report["requests"], sum(entry["bytes"] for entry in report["log"]) / 1e6


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    lab, chunk = Lab(sys.argv[2], sys.argv[1]), sys.argv[3] if len(sys.argv) == 4 else "1d"
    direct = lab.space(flavour="prometheus", auth="none")
    server = Server("%s/workspaces/%s" % (lab.server.url, direct))
    remote = alone = 0
    print("%-36s %12s %12s" % ("query, samples billed", "remote", "fetched"))
    for name, query, times in rows():
        before = lab.report(direct)["billed"]
        server.instant(query, times["time"])
        there = lab.report(direct)["billed"] - before
        here, _, _ = billed(lab, lambda source, query=query, times=times: lab.query(source, query, times, "--chunk", chunk, "--stats"))
        remote, alone = remote + there, alone + here
        print("%-36s %12d %12d" % (name, there, here))
    end = differential.END
    batch, requests, megabytes = billed(lab, lambda source: lab.run(
        "allocate", *source, "--chunk", chunk, "--window", "%d,%d" % (end - 86400, end), "--resolution", "5m", "--stats",
        deadline_s=300))
    wrong = check_capture(lab)
    if wrong:
        raise SystemExit("billing.py: error: %s" % wrong)
    print("%-36s %12d %12d" % ("each query alone", remote, alone))
    print("%-36s %12d %12d  (%.2f of remote; %d requests, %.1f MB of JSON)"
          % ("ampql allocate, one batch", remote, batch, batch / max(remote, 1), requests, megabytes))
    sys.exit(batch > remote or batch > alone or batch == 0)


if __name__ == "__main__":
    main()
