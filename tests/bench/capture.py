#!/usr/bin/env python3
"""A generated day as a Prometheus block, as API JSON and as captures: bytes a sample, and CPU time to read all of it.

    capture.py URL SNAPSHOT BUILD_FOLDER PROMTOOL [ORACLE]

URL is the server that has the day, SNAPSHOT a folder with its one block; ORACLE the program of tests/oracle/newest, when there
is one. Prints a table; exit status 1 when a capture is larger than the block, or more than a fifteenth of the raw JSON."""
import glob
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

from differential import END
from server import Server

WINDOW = "25h"


def block_bytes(folder):
    """Chunks and index."""
    files = glob.glob(os.path.join(folder, "*", "chunks", "*")) + glob.glob(os.path.join(folder, "*", "index"))
    return sum(os.path.getsize(path) for path in files)


def count(folder, what):
    """What the blocks' own statistics say: numSamples, numSeries."""
    total = 0
    for path in glob.glob(os.path.join(folder, "*", "meta.json")):
        with open(path, encoding="utf-8") as file:
            total += json.load(file)["stats"][what]
    return total


def ask_all(server, names):
    """Bytes of all answers, gzip'd, and their samples."""
    raw = packed = samples = 0
    for name in names:
        body = server.instant('%s[%s]' % (name, WINDOW), END)
        raw, packed = raw + len(body), packed + len(gzip.compress(body, 6))
        samples += sum(len(series["values"]) for series in json.loads(body)["data"]["result"])
    return raw, packed, samples


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("error: %s: %s" % (" ".join(command[:3]), done.stderr.strip()))
    return done.stdout


def ns_a_sample(text):
    return float(re.search(r"([0-9.]+) ns CPU a sample", text).group(1))


def promtool_ns(promtool, folder, samples):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([promtool, "tsdb", "dump", folder], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9 / samples


def main():
    url, snapshot, build, promtool = sys.argv[1:5]
    oracle = sys.argv[5] if len(sys.argv) > 5 else None
    ampql, server = os.path.join(build, "ampql"), Server(url)
    names = json.loads(server.get("/api/v1/label/__name__/values", {}))["data"]
    samples, block = count(snapshot, "numSamples"), block_bytes(snapshot)
    raw, packed, answered = ask_all(server, names)
    with tempfile.TemporaryDirectory(prefix="capture") as folder:
        of_block, of_answers = os.path.join(folder, "block.aqc"), os.path.join(folder, "answers.aqc")
        run(ampql, "capture", "convert", snapshot, of_block)
        run(ampql, "fetch", "--source", url, "--out", of_answers, "--time", str(END), *["%s[%s]" % (n, WINDOW) for n in names])
        sizes = os.path.getsize(of_block), os.path.getsize(of_answers)
        ours = [ns_a_sample(run(os.path.join(build, "bench", "capture"), path)) for path in (of_block, of_answers)]
        from_block = ns_a_sample(run(os.path.join(build, "bench", "tsdb"), snapshot))
    os.makedirs(os.path.join(snapshot, "wal"), exist_ok=True)  # promtool wants a data folder
    os.makedirs(os.path.join(snapshot, "chunks_head"), exist_ok=True)
    rows = [("raw JSON of the query API", raw, answered, ""), ("the same, gzip'd", packed, answered, ""),
            ("a capture of these answers", sizes[1], answered, "%.1f" % ours[1]),
            ("a Prometheus block, chunks and index", block, samples, "%.1f" % from_block),
            ("a capture of that block, stale markers too", sizes[0], samples, "%.1f" % ours[0])]
    print("| %d series, %d samples | bytes | a sample | ns CPU a sample to read whole, here |" % (count(snapshot, "numSeries"), samples))
    print("|---|---|---|---|")
    for name, size, nsamples, ns in rows:
        print("| %s | %d | %.3f | %s |" % (name, size, size / nsamples, ns))
    print("the block by promtool tsdb dump: %.0f ns CPU a sample" % promtool_ns(promtool, snapshot, samples))
    if oracle:
        print("the block by the newest Prometheus's own code: %.1f ns CPU a sample" % ns_a_sample(run(oracle, "scan", snapshot)))
    else:
        print("no go here: the block is not read by Prometheus's own code")
    if sizes[0] > block or sizes[1] * 15 > raw:
        raise SystemExit("FAIL a capture is too large")


if __name__ == "__main__":
    main()
