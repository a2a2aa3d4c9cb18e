#!/usr/bin/env python3
"""CPU time and memory of the same queries on the same samples, in a Prometheus 2.42 and in ampql.

    bench.py URL PID BENCH_PROGRAM LOAD_OPTIONS OUT.json

Prometheus: what all its threads spend between two readings of /proc/PID/task/*/schedstat, over enough identical requests
that a reading lasts; HTTP and JSON included, its answer thrown away. ampql: the bench program, JSON included ("of it ev": only
the evaluation, what a program that reads the rows pays). Both warm,
ROUNDS rounds each, medians. ONLY, a regular expression, keeps queries by name. Prints a table, and writes the numbers as JSON."""
import json
import os
import re
import statistics
import subprocess
import sys
import time

from differential import DAY, END, START, fill
from server import Server

ROUNDS = int(os.environ.get("ROUNDS", "7"))
ONLY = re.compile(os.environ.get("ONLY", ""))
ROUND_NS = 50_000_000  # of server CPU a round, at least: then its own housekeeping weighs little

# instant queries over the day; rules also as a range over the day, a step a minute
DAY_QUERIES = ["RAMBytesAllocated", "RAMUsageAvg", "RAMUsageMax", "CPUUsageAvg", "CPURequests", "Pods", "NodeCostPerCPUHr",
               "NetTransferBytes", "PodLabels", "CPUUsageMaxSubquery"]


# The shapes that decide about the design. A query with " ;; " in it is two of a batch that share a select.
CPU = 'container_cpu_usage_seconds_total{container!=""}'
SHAPES = [
    ("shape sum by (rate), range", 60, "sum by (namespace, pod) (rate(%s[5m]))" % CPU),
    ("shape group_left, range", 60,
     "container_cpu_allocation{container!=\"\"} * on (cluster_id, node) group_left(instance_type) node_cpu_hourly_cost{}"),
    ("shape sum of group_left, range", 60,
     "sum by (namespace) (container_cpu_allocation{container!=\"\"} * on (cluster_id, node) group_left() node_cpu_hourly_cost{})"),
    ("shape max of irate subquery, instant", 0, "max_over_time(irate(%s[5m])[1d:1m])" % CPU),
    ("shape batch of two on one select, range", 60,
     "sum by (namespace) (rate(%s[5m])) ;; max by (namespace) (irate(%s[5m]))" % (CPU, CPU)),
]


def templates():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "queries.tsv")
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                how, name, template = line.rstrip("\n").split("\t")
                yield how, name, template


def queries():
    """(name, start, end, step, query) of those that are wanted"""
    return (row for row in all_queries() if ONLY.search(row[0]))


def all_queries():
    for name, step, query in SHAPES:
        yield name, START if step else END, END, step, query
    for _, name, template in templates():
        group, _, short = name.partition("/")
        if group == "allocation" and short in DAY_QUERIES:
            yield "instant " + short, END, END, 0, fill(template, DAY)
        elif group == "rules" and not short.startswith("guide/"):
            short = short.replace("chart/", "").replace('"', "")
            yield "instant " + short, END, END, 0, template
            yield "range   " + short, START, END, 60, template


def metrics():
    """Names of all metrics that the queries read."""
    known = re.compile(r"[a-z_]+(?=\{|\[|\))")
    names = set()
    for _, _, _, _, query in queries():
        text = re.sub(r'"[^"]*"', "", re.sub(r"by \([^)]*\)", "", query))
        names.update(name for name in known.findall(text) if "_" in name and not name.endswith("_over_time"))
    return sorted(names)


def server_cpu_ns(pid):
    total = 0
    for task in os.listdir("/proc/%s/task" % pid):
        try:
            with open("/proc/%s/task/%s/schedstat" % (pid, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        except OSError:
            pass
    return total


def status_bytes(pid, field):
    with open("/proc/%s/status" % pid, encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def ask(server, start, end, step, query):
    for one in query.split(" ;; "):
        if step:
            server.range(one, start, end, step)
        else:
            server.instant(one, end)


def measure_server(server, pid, start, end, step, query):
    """CPU nanoseconds of one request, [ROUNDS]."""
    before = server_cpu_ns(pid)
    for _ in range(2):
        ask(server, start, end, step, query)
    once = max(1, (server_cpu_ns(pid) - before) // 2)
    repeats = max(1, ROUND_NS // once)
    rounds = []
    for _ in range(ROUNDS):
        before = server_cpu_ns(pid)
        for _ in range(repeats):
            ask(server, start, end, step, query)
        rounds.append((server_cpu_ns(pid) - before) / repeats)
    return rounds


def main():
    if len(sys.argv) == 2 and sys.argv[1] == "--metrics":
        print(",".join(metrics()))
        return
    if len(sys.argv) != 6:
        raise SystemExit(__doc__)
    url, pid, program, options, out = sys.argv[1:]
    server = Server(url)
    rows = list(queries())
    if not rows:
        raise SystemExit("error: ONLY keeps no query")
    listing = os.path.join(os.path.dirname(out) or ".", "bench_queries.tsv")
    with open(listing, "w", encoding="utf-8") as file:
        for row in rows:
            file.write("%s\t%s\t%s\t%s\t%s\n" % row)
    done = subprocess.run([program, listing, *options.split(), "--rounds", str(ROUNDS)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    ours = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    total = ours.pop("")
    time.sleep(1)
    resident = status_bytes(pid, "VmRSS")
    results = []
    print("%-52s %10s %9s %9s %9s %6s %6s %7s %9s" % ("median CPU of one query", "samples", "prom ms", "ampql ms", "of it ev", "ratio", "ev rat",
                                                         "ns/smp", "work KiB"))
    for name, start, end, step, query in rows:
        theirs = measure_server(server, pid, start, end, step, query)
        mine = ours[name]
        a, b = statistics.median(theirs), statistics.median(mine["cpu_ns"])
        only = statistics.median(mine["evaluated_ns"])
        samples = max(1, mine["samples"])
        results.append({"name": name, "query": query, "start": start, "end": end, "step": step, "prometheus_cpu_ns": theirs,
                        "ampql_cpu_ns": mine["cpu_ns"], "ampql_evaluated_ns": mine["evaluated_ns"], "ratio": a / b, "samples": mine["samples"], "series": mine["series"],
                        "ampql_ns_per_sample": b / samples, "prometheus_ns_per_sample": a / samples,
                        "ampql_work_bytes": mine["work_bytes"]})
        print("%-52s %10d %9.3f %9.3f %9.3f %6.1f %6.1f %7.1f %9d" % (name[:52], mine["samples"], a / 1e6, b / 1e6, only / 1e6, a / b,
                                                                  a / only, b / samples, mine["work_bytes"] // 1024))
        sys.stdout.flush()
    ratio = statistics.median(row["ratio"] for row in results)
    peak = status_bytes(pid, "VmHWM")
    work = max(row["ampql_work_bytes"] for row in results)
    print("%d series, %d samples; median ratio %.1f (prometheus / ampql CPU)" % (total["total_series"], total["total_samples"], ratio))
    print("memory: prometheus peak %d MiB (%d MiB before the queries); ampql peak %d MiB with all samples as plain columns, "
          "at most %d KiB of it for a query" % (peak >> 20, resident >> 20, total["max_rss_bytes"] >> 20, work // 1024))
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "options": options, "rounds": ROUNDS, "median_ratio": ratio, "prometheus_peak_bytes": peak,
                   "prometheus_loaded_bytes": resident, "ampql": total, "queries": results}, file, indent=1)


if __name__ == "__main__":
    main()
