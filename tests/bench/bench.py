#!/usr/bin/env python3
"""CPU time and memory of the same queries on the same samples: servers, and ampql from a capture and in memory.

    bench.py BUILD_FOLDER LOAD_OPTIONS CAPTURE NAME=URL=PID...
    bench.py --metrics                   what is to be loaded

Servers: what all threads spend between two readings of /proc/PID/task/*/schedstat, over enough identical requests that a reading
lasts; HTTP and JSON included, the answer thrown away. ampql: `ampql query` over CAPTURE, which is in the page cache, from the
process's start to its end, its JSON thrown away ("memory": a program that has the samples as columns, JSON included; "rows":
it reads the result's rows instead). Then all ranges and all instants as one batch each, in a process of its own, against the
sum of what the servers take for them. All warm, ROUNDS rounds each, medians. ONLY, a regular expression, keeps queries by name.
Prints tables, and writes BUILD_FOLDER/bench.json."""
import json
import os
import re
import statistics
import subprocess
import sys

from differential import DAY, END, START, fill
from server import Server

ROUNDS = int(os.environ.get("ROUNDS", "7"))
ONLY = re.compile(os.environ.get("ONLY", ""))
ROUND_NS = 50_000_000  # of server CPU a round, at least: then its own housekeeping weighs little

# instant queries over the day; rules also as a range over the day, a step a minute
DAY_QUERIES = ["RAMBytesAllocated", "RAMUsageAvg", "RAMUsageMax", "CPUUsageAvg", "CPURequests", "Pods", "NodeCostPerCPUHr",
               "NetTransferBytes", "PodLabels", "CPUUsageMaxSubquery"]


BATCH = " ;; "  # between the queries of a batch

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


class Measured:
    """A server and its process."""

    def __init__(self, text):
        self.name, url, pid = text.split("=")
        self.server, self.pid = Server(url), pid

    def ask(self, start, end, step, query):
        for one in query.split(BATCH):
            if step:
                self.server.range(one, start, end, step)
            else:
                self.server.instant(one, end)

    def forget_peak(self):
        with open("/proc/%s/clear_refs" % self.pid, "w", encoding="ascii") as file:
            file.write("5")

    def peak(self):
        return status_bytes(self.pid, "VmHWM")

    def rounds(self, start, end, step, query):
        """CPU nanoseconds of one request, [ROUNDS]."""
        before = server_cpu_ns(self.pid)
        for _ in range(2):
            self.ask(start, end, step, query)
        once = max(1, (server_cpu_ns(self.pid) - before) // 2)
        repeats = max(1, ROUND_NS // once)
        rounds = []
        for _ in range(ROUNDS):
            before = server_cpu_ns(self.pid)
            for _ in range(repeats):
                self.ask(start, end, step, query)
            rounds.append((server_cpu_ns(self.pid) - before) / repeats)
        return rounds


def spent(command, out=subprocess.DEVNULL):
    """CPU nanoseconds of a command from its start to its end, and its output."""
    with subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if out == subprocess.PIPE else ""
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("error: %s\n%s" % (" ".join(command), errors))
    return (usage.ru_utime + usage.ru_stime) * 1e9, said


def peak_of(command):
    """Bytes. time's child is asked for: a child of ours would begin with our own peak."""
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          check=True)
    return int(done.stderr.split()[-1]) * 1024


def commands(ampql, capture, start, end, step, query):
    grid = ["--start", str(start), "--end", str(end), "--step", str(step)] if step else ["--time", str(end)]
    return [[ampql, "query", "-s", capture, "--dialect", "prom2", "--max-samples", "1000000000000", "-o", "json", *grid, "--", one]
            for one in query.split(BATCH)]


def measure_command(ampql, capture, *question):
    """CPU nanoseconds of the whole command, [ROUNDS], and its peak of memory in bytes."""
    asked = commands(ampql, capture, *question)
    rounds = [sum(spent(command)[0] for command in asked) for _ in range(ROUNDS)]
    return rounds, max(map(peak_of, asked))


def write_listing(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write("%s\t%s\t%s\t%s\t%s\n" % row)
    return path


def in_memory(build, options, rows):
    """What the bench program says of each query by name, and of its end as ""."""
    listing = write_listing(os.path.join(build, "bench_queries.tsv"), rows)
    said = spent([os.path.join(build, "bench", "bench"), listing, *options.split(), "--rounds", str(ROUNDS)], subprocess.PIPE)[1]
    return {row["name"]: row for row in map(json.loads, said.splitlines())}


def sets(rows):
    """All ranges as one batch, and all instants as another: the selects of each are read once."""
    for name, wanted in (("ranges", True), ("instants", False)):
        of = [row for row in rows if bool(row[3]) == wanted]
        if of:
            yield ("all %d %s" % (len(of), name), *of[0][1:4], BATCH.join(row[4] for row in of)), of


def measure_sets(build, capture, rows, theirs):
    """One process for each set: CPU from its start to its end."""
    print("\n%-52s %10s %s" % ("sets, one process each", "ampql ms", "".join("%22s ms  ratio" % name for name in theirs)))
    for question, of in sets(rows):
        listing = write_listing(os.path.join(build, "bench_set.tsv"), [question])
        command = [os.path.join(build, "bench", "bench"), listing, "--source", capture, "--warm", "0", "--rounds", "1"]
        done = [spent(command)[0] for _ in range(ROUNDS)]
        ours = statistics.median(done)
        columns = {name: sum(statistics.median(rounds[row[0]]) for row in of) for name, rounds in theirs.items()}
        print("%-52s %10.1f %s" % (question[0], ours / 1e6, "".join("%25.1f %6.1f" % (x / 1e6, x / ours) for x in columns.values())))
        yield {"name": question[0], "ampql_cpu_ns": done, "ampql_peak_bytes": peak_of(command),
               "server_cpu_ns": columns}


def main():
    if len(sys.argv) == 2 and sys.argv[1] == "--metrics":
        print(",".join(metrics()))
        return
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    build, options, capture = sys.argv[1:4]
    servers = [Measured(text) for text in sys.argv[4:]]
    ampql = os.path.join(build, "ampql")
    rows = list(queries())
    if not rows:
        raise SystemExit("error: ONLY keeps no query")
    ours = in_memory(build, options, rows)
    total = ours.pop("")
    results, theirs = [], {server.name: {} for server in servers}
    print("%-52s %10s %s %9s %7s %9s %9s" % ("median CPU of one query", "samples", "".join("%22s ms  ratio" % s.name for s in servers),
                                             "ampql ms", "MiB", "memory ms", "rows ms"))
    for server in servers:
        server.forget_peak()
    for row in rows:
        name, mine = row[0], ours[row[0]]
        command, peak = measure_command(ampql, capture, *row[1:])
        whole = statistics.median(command)
        columns = ""
        for server in servers:
            theirs[server.name][name] = server.rounds(*row[1:])
            median = statistics.median(theirs[server.name][name])
            columns += "%25.1f %6.1f" % (median / 1e6, median / whole)
        print("%-52s %10d %s %9.1f %7d %9.1f %9.1f" % (name[:52], mine["samples"], columns, whole / 1e6, peak >> 20,
                                                       statistics.median(mine["cpu_ns"]) / 1e6, statistics.median(mine["evaluated_ns"]) / 1e6))
        sys.stdout.flush()
        results.append({"name": name, "query": row[4], "start": row[1], "end": row[2], "step": row[3], "samples": mine["samples"],
                        "series": mine["series"], "server_cpu_ns": {s.name: theirs[s.name][name] for s in servers},
                        "ampql_command_cpu_ns": command, "ampql_command_peak_bytes": peak, "ampql_memory_cpu_ns": mine["cpu_ns"],
                        "ampql_memory_rows_ns": mine["evaluated_ns"], "ampql_work_bytes": mine["work_bytes"]})
    of_sets = list(measure_sets(build, capture, rows, theirs))
    ratios = {s.name: statistics.median(statistics.median(row["server_cpu_ns"][s.name]) / statistics.median(row["ampql_command_cpu_ns"])
                                        for row in results) for s in servers}
    print("\n%d series, %d samples, a capture of %.1f MB; median ratios: %s" % (
        total["total_series"], total["total_samples"], os.path.getsize(capture) / 1e6,
        ", ".join("%s %.1f" % item for item in ratios.items())))
    print("peak MiB: %s, ampql %d (the command), %d (a set)" % (
        ", ".join("%s %d" % (s.name, s.peak() >> 20) for s in servers), max(row["ampql_command_peak_bytes"] for row in results) >> 20,
        max(row["ampql_peak_bytes"] for row in of_sets) >> 20))
    with open(os.path.join(build, "bench.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 2, "options": options, "rounds": ROUNDS, "median_ratios": ratios, "ampql": total,
                   "capture_bytes": os.path.getsize(capture), "server_peak_bytes": {s.name: s.peak() for s in servers},
                   "queries": results, "sets": of_sets}, file, indent=1)


if __name__ == "__main__":
    main()
