#!/usr/bin/env python3
"""Parts of tsdb.sh: what a Prometheus 2.42 says, and what ampql reads in its blocks.

    tsdb.py snapshot URL DATA TO             make a snapshot of the server whose data folder is DATA, as the folder TO
    tsdb.py compare URL AMPQL FOLDER NAME [REGEX]
                                             all queries of differential.py there, and here over FOLDER
    tsdb.py same AMPQL FOLDER CAPTURE [REGEX]
                                             the same queries over FOLDER and over a capture of it
    tsdb.py overlap URL FILE                 write some of the samples, and others between them, as OpenMetrics
    tsdb.py delete URL DATA TO               delete series, ranges of series and a metric; copy the blocks to TO
    tsdb.py contradict FOLDER                write two files that say different things of the same times
    tsdb.py conflict URL AMPQL DATA          what comes of them there and here
    tsdb.py dump PROMTOOL FOLDER             the CPU time of promtool tsdb dump
    tsdb.py blocks PROMTOOL AMPQL FOLDER TO  blocks that promtool makes of OpenMetrics by ampql, of FOLDER and of odd samples, are read
                                             back as the same bytes
    tsdb.py lines PROMTOOL AMPQL BLOCK       what it prints of a block is what ampql prints, but for the ends of series"""
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


def same(ampql, folder, capture, regex=""):
    pattern = re.compile(regex)
    over = {source: Blocks(None, ampql, source) for source in (folder, capture)}
    count = failed = 0
    for path in ("queries.tsv", "language.tsv"):
        for row, query, times in differential.cases(path):
            if not pattern.search(row) and not pattern.search(query):
                continue
            answers = [blocks.run("query", query, times, "--source", blocks.source)[:2] for blocks in over.values()]
            count += 1
            if answers[0] != answers[1]:
                failed += 1
                print("FAIL %s: other bytes from a capture of the blocks\n     %s\n     %s" % (row, query, times))
    print("a capture of the blocks: %d answers, %d different" % (count, failed))
    sys.exit(failed > 0 or count == 0)


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


def stats(folder, what):
    """What the blocks' own statistics say: numSamples, numSeries."""
    total = 0
    for path in glob.glob(os.path.join(folder, ULID, "meta.json")):
        with open(path, encoding="utf-8") as meta:
            total += json.load(meta)["stats"][what]
    return total


def dump_ns(promtool, folder):
    """CPU time of a sample."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([promtool, "tsdb", "dump", folder], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9 / stats(folder, "numSamples")


def dump(promtool, folder):
    print("promtool tsdb dump: %d samples, %.1f ns CPU a sample" % (stats(folder, "numSamples"), dump_ns(promtool, folder)))


# Samples that text spoils easily: -0, NaN, the smallest and the largest number, times with all their ms, escapes, two blocks of them.
ODD = """metric,labels,timestamp,value
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323200.001,-0
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323200.002,NaN
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323215,5e-324
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323230,+Inf
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323245,-Inf
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772323260.999,0.30000000000000004
odd,"{""a"":""back\\\\slash \\""quote\\"" line\\nbreak""}",1772330460.999,1.7976931348623157e+308
odd_total,{},1772323200.001,12345678901234567890
"""


def blocks(promtool, ampql, folder, to):
    os.makedirs(to)
    with open(os.path.join(to, "odd.csv"), "w", encoding="utf-8") as out:
        out.write(ODD)
    for source in (folder, os.path.join(to, "odd.csv")):
        name = os.path.join(to, os.path.basename(source))
        data = name + ".data"
        subprocess.run([ampql, "capture", "convert", "--drop", "ends", source, name + ".om"], capture_output=True, check=True)
        subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", name + ".om", data], capture_output=True, check=True)
        subprocess.run([ampql, "capture", "convert", data, name + ".again.om"], capture_output=True, check=True)
        with open(name + ".om", "rb") as file:
            text = file.read()
        with open(name + ".again.om", "rb") as file:
            if file.read() != text:
                raise SystemExit("FAIL what promtool made of %s.om is read back as %s.again.om" % (name, name))
        print("OpenMetrics of %s: %d lines, %d blocks by promtool, read back as the same bytes"
              % (os.path.basename(source), text.count(b"\n"), len(glob.glob(os.path.join(data, ULID)))))


def lines(promtool, ampql, block):
    folder = os.path.abspath("build/oracle/tsdb.lines")
    shutil.rmtree(folder, ignore_errors=True)
    with open(os.path.join(block, "meta.json"), encoding="utf-8") as meta:
        shutil.copytree(block, os.path.join(folder, json.load(meta)["ulid"]))
    for name in ("wal", "chunks_head"):
        os.mkdir(os.path.join(folder, name))
    theirs = subprocess.run([promtool, "tsdb", "dump", folder], capture_output=True, check=True).stdout
    subprocess.run([ampql, "capture", "convert", "--drop", "ends", block, folder + ".dump"], capture_output=True, check=True)
    with open(folder + ".dump", "rb") as file:
        mine = file.read()
    os.unlink(folder + ".dump")
    theirs = sorted(line for line in theirs.splitlines() if b"} NaN " not in line)
    if sorted(mine.splitlines()) != theirs:
        raise SystemExit("FAIL a dump by ampql is not promtool's")
    print("%d lines of promtool tsdb dump are ampql's" % len(theirs))


if __name__ == "__main__":
    {f.__name__: f for f in (snapshot, compare, same, overlap, delete, contradict, conflict, dump, blocks, lines)}[sys.argv[1]](*sys.argv[2:])
