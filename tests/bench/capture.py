#!/usr/bin/env python3
"""A generated day as a Prometheus block, as API JSON and as captures: bytes a sample, and CPU time to read all of it.

    capture.py URL PID SNAPSHOT BUILD_FOLDER PROMTOOL [ORACLE]

URL is the server that has the day, PID its process, SNAPSHOT a folder with its one block; ORACLE the program of
tests/oracle/newest, when there is one. Prints a table; exit status 1 when a capture is larger than the block, or more than a
fifteenth of the raw JSON."""
import glob
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

from bench import server_cpu_ns
from differential import END
from server import Server
from tsdb import dump_ns, stats

WINDOW = "27h"  # all that is loaded
NAMES = 'group by (name) (label_replace(last_over_time({__name__!=""}[%s]), "name", "$1", "__name__", "(.*)"))' % WINDOW


def block_bytes(folder):
    """Chunks and index."""
    files = glob.glob(os.path.join(folder, "*", "chunks", "*")) + glob.glob(os.path.join(folder, "*", "index"))
    return sum(os.path.getsize(path) for path in files)


def ask_all(server, names):
    """Bytes of all answers, gzip'd, and their samples."""
    raw = packed = samples = 0
    for name in names:
        body = server.instant("%s[%s]" % (name, WINDOW), END)
        raw, packed = raw + len(body), packed + len(gzip.compress(body, 6))
        samples += sum(len(series["values"]) for series in json.loads(body)["data"]["result"])
    return raw, packed, samples


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("error: %s: %s" % (" ".join(command[:3]), done.stderr.strip()))
    return done.stdout


def said_ns(text):
    return float(re.search(r"([0-9.]+) ns CPU a sample", text).group(1))


def count_all(names):
    """A query that reads everything; without names series could not be told from one another."""
    return " + ".join("sum(count_over_time(%s[%s]))" % (name, WINDOW) for name in names)


def server_scan_ns(server, pid, query, samples):
    before = server_cpu_ns(pid)
    if float(server.result(query, END)[0]["value"][1]) != samples:
        raise SystemExit("error: the server does not count %d samples" % samples)
    return (server_cpu_ns(pid) - before) / samples


def our_scan_ns(ampql, path, query, samples):
    """The whole process, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = run(ampql, "query", "--source", path, "--time", str(END), "-o", "json", query)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if float(json.loads(said)["data"]["result"][0]["value"][1]) != samples:
        raise SystemExit("error: %s does not give %d samples" % (path, samples))
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9 / samples


def speed(ns):
    return "%.1f, %.3g million a second" % (ns, 1e3 / ns)


def print_sizes(rows, nseries, raw):
    print("| %d series | bytes | samples | bytes a sample | of the raw JSON |\n|---|---|---|---|---|" % nseries)
    for name, size, samples in rows:
        print("| %s | %d | %d | %.3f | 1/%.1f |" % (name, size, samples, size / samples, raw / size))


def print_times(rows):
    print("\n| all of it read, one core | CPU ns a sample |\n|---|---|")
    for name, ns in rows:
        print("| %s | %s |" % (name, speed(ns)))


def main():
    url, pid, snapshot, build, promtool = sys.argv[1:6]
    oracle = sys.argv[6] if len(sys.argv) > 6 else None
    ampql, server, program = os.path.join(build, "ampql"), Server(url), os.path.join(build, "bench", "capture")
    names = sorted(series["metric"]["name"] for series in server.result(NAMES, END))
    nseries, samples, block = stats(snapshot, "numSeries"), stats(snapshot, "numSamples"), block_bytes(snapshot)
    raw, packed, answered = ask_all(server, names)
    times = [("the server's `count_over_time` of all, over HTTP", server_scan_ns(server, pid, count_all(names), answered))]
    with tempfile.TemporaryDirectory(prefix="capture") as folder:
        of_block, of_answers = os.path.join(folder, "block.aqc"), os.path.join(folder, "answers.aqc")
        run(ampql, "capture", "convert", snapshot, of_block)
        run(ampql, "fetch", "--source", url, "--out", of_answers, "--time", str(END), *["%s[%s]" % (n, WINDOW) for n in names])
        sizes = os.path.getsize(of_block), os.path.getsize(of_answers)
        times += [("the same by `ampql query` of a capture, process and all", our_scan_ns(ampql, of_block, count_all(names), answered)),
                  ("a capture, decoded", said_ns(run(program, of_block))),
                  ("the block, decoded here", said_ns(run(os.path.join(build, "bench", "tsdb"), snapshot)))]
    if oracle:
        times += [("the block, decoded by the newest Prometheus's own code", said_ns(run(oracle, "scan", snapshot)))]
    else:
        print("no go here: the block is not read by Prometheus's own code")
    os.makedirs(os.path.join(snapshot, "wal"), exist_ok=True)  # promtool wants a data folder
    os.makedirs(os.path.join(snapshot, "chunks_head"), exist_ok=True)
    times += [("the block, by `promtool tsdb dump`", dump_ns(promtool, snapshot))]
    print_sizes([("raw JSON of the query API", raw, answered), ("the same, gzip'd", packed, answered),
                 ("a Prometheus block, chunks and index", block, samples),
                 ("a capture of that block, stale markers too", sizes[0], samples),
                 ("a capture of those answers", sizes[1], answered)], nseries, raw)
    print_times(times)
    if sizes[0] > block or sizes[1] * 15 > raw:
        raise SystemExit("FAIL a capture is too large")


if __name__ == "__main__":
    main()
