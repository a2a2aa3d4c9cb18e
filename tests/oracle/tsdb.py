#!/usr/bin/env python3
"""Parts of tsdb.sh: what a Prometheus 2.42 says, and what ampql reads in its blocks.

    tsdb.py snapshot URL DATA TO             make a snapshot of the server whose data folder is DATA, as the folder TO
    tsdb.py compare URL AMPQL FOLDER NAME [REGEX]
                                             all queries of differential.py there, and here over FOLDER
    tsdb.py overlap URL FILE                 write some of the samples, and others between them, as OpenMetrics
    tsdb.py delete URL DATA TO               delete series, ranges of series and a metric; copy the blocks to TO
    tsdb.py contradict FOLDER                write two files that say different things of the same times
    tsdb.py conflict URL AMPQL DATA          what comes of them there and here
    tsdb.py dump PROMTOOL FOLDER             the CPU time of promtool tsdb dump"""
import glob
import json
import os
import re
import resource
import shutil
import subprocess
import sys

import differential
from differential import END, START
from server import Server, check_markers, seconds

ULID = "[0-9A-Z]" * 26


def snapshot(url, data, to):
    name = json.loads(Server(url).get("/api/v1/admin/tsdb/snapshot", {}))["data"]["name"]
    shutil.copytree(os.path.join(data, "snapshots", name), to)
    print("a snapshot of %d blocks" % len(glob.glob(os.path.join(to, ULID))))


class Blocks(differential.Oracle):
    def __init__(self, server, ampql, folder):
        shutil.rmtree(folder + ".asked", ignore_errors=True)
        super().__init__(server, ampql, folder + ".asked")
        self.source = folder

    def answer(self, query, times):
        status, out, err = self.run("query", query, times, "--source", self.source)
        if status:
            return {"status": "error", "error": "exit code %d: %s" % (status, err)}
        return differential.parse(out)


def compare(url, ampql, folder, name, regex=""):
    server = Server(url)
    pattern = re.compile(regex)
    if name == "snapshot":
        print("%d ended containers are gone at once: stale markers arrived" % check_markers(server, differential.LOADED, END))
    oracle = Blocks(server, ampql, folder)
    report = differential.Report()
    for path in ("queries.tsv", "language.tsv"):
        for row, query, times in differential.cases(path):
            if pattern.search(row) or pattern.search(query):
                wanted = oracle.wanted(query, times)
                report.line("%s/%s" % (name, row), query, times,
                            lambda: oracle.judge(query, times, wanted, oracle.answer(query, times)))
    print("%s: %d passed, %d failed (%d of the passed answers have no series)"
          % (name, report.passed, report.failed, report.empty))
    sys.exit(report.failed > 0 or report.passed == 0)


# What the block that overlaps has: samples of these, some hours of them.
OVERLAPPING = ["container_memory_working_set_bytes", "node_total_hourly_cost", "container_cpu_allocation"]


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def overlap(url, path):
    server = Server(url)
    lines = []
    for metric in OVERLAPPING:
        for series in server.result("%s[5h]" % metric, START + 9 * 3600):
            labels = ",".join('%s="%s"' % (k, escape(v)) for k, v in sorted(series["metric"].items()) if k != "__name__")
            for time, value in series["values"]:
                lines.append("%s{%s} %s %s" % (metric, labels, value, seconds(time)))
                lines.append("%s{%s} %s %s" % (metric, labels, value, seconds(time + 0.25)))
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n# EOF\n")
    print("%d samples for a block that overlaps" % len(lines))


def delete(url, data, to):
    server = Server(url)
    for match, start, end in [
            ('container_memory_working_set_bytes{namespace=~"m.*|kubecost"}', START + 5 * 3600, START + 8 * 3600 + 17),
            ('container_cpu_usage_seconds_total{container="cost-model"}', START + 3600, START + 3600 + 600),
            ('container_cpu_usage_seconds_total{container="cost-model"}', START + 4000, START + 5000),
            ('node_cpu_hourly_cost', START, END),
            ('kube_pod_owner{namespace="monitoring"}', START - 7200, END + 3600)]:
        server.get("/api/v1/admin/tsdb/delete_series", {"match[]": match, "start": seconds(start), "end": seconds(end)})
    os.makedirs(to)
    ntombstones = 0
    for block in glob.glob(os.path.join(data, ULID)):
        copy = os.path.join(to, os.path.basename(block))
        shutil.copytree(block, copy)
        ntombstones += os.path.getsize(os.path.join(copy, "tombstones")) > 9
    print("%d blocks, %d with tombstones" % (len(os.listdir(to)), ntombstones))


def contradict(folder):
    def write(name, rows):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write("".join("%s %s %d\n" % row for row in sorted(rows, key=lambda r: (r[0], r[2]))) + "# EOF\n")
    minutes = [('m{i="%d"}' % i, k) for i in range(3) for k in range(100)]
    write("first.om", [(s, 100 + k, START + 60 * k) for s, k in minutes]
          + [('m{i="0",x="1"}', k, START + 60 * k) for k in range(100)])
    write("second.om", [(s, 200 + k, START + 60 * k) for s, k in minutes if k >= 50])


def conflict(url, ampql, data):
    """At 75 minutes the first block says 175 of m, the second 275."""
    time, query = START + 60 * 75, 'm{x=""}'
    said = {s["metric"]["i"]: s["value"][1] for s in Server(url).result(query, time)}
    also = {s["metric"]["i"]: s["value"][1] for s in Server(url).result("m", time) if "x" not in s["metric"]}
    print("contradicting blocks: of %s the server says %s, of m %s" % (query, sorted(said.items()), sorted(also.items())))
    if {*said.values(), *also.values()} != {"175", "275"}:
        raise SystemExit("FAIL the server does not contradict itself any more")
    command = [ampql, "query", "--source", data, "--time", seconds(time), "-o", "json"]
    done = subprocess.run(command + [query], capture_output=True, check=False)
    if done.returncode != 9 or b" has two values at " not in done.stderr:
        raise SystemExit("FAIL ampql answers: exit status %d: %s" % (done.returncode, done.stderr.decode()))
    done = subprocess.run(command + ["--on-conflict", "last", query], capture_output=True, check=True)
    mine = {s["value"][1] for s in json.loads(done.stdout)["data"]["result"]}
    if mine != {"275"}:
        raise SystemExit("FAIL --on-conflict last gives %s" % mine)


def dump(promtool, folder):
    nsamples = 0
    for path in glob.glob(os.path.join(folder, ULID, "meta.json")):
        with open(path, encoding="utf-8") as meta:
            nsamples += json.load(meta)["stats"]["numSamples"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([promtool, "tsdb", "dump", folder], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ns = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9
    print("promtool tsdb dump: %d samples, %.0f ms, %.1f ns CPU a sample" % (nsamples, ns / 1e6, ns / nsamples))


if __name__ == "__main__":
    {f.__name__: f for f in (snapshot, compare, overlap, delete, contradict, conflict, dump)}[sys.argv[1]](*sys.argv[2:])
