#!/usr/bin/env python3
"""OpenCost's queries of the day over HTTP, over the capture recorded from that server, over the capture of its blocks, and over
what these two become in every other format and back.

    formats.py URL AMPQL SNAPSHOT FOLDER [REGEX]

URL is a Prometheus 2.42 loaded with the generated day, SNAPSHOT its blocks, FOLDER where files go. Over HTTP the answers are the
server's own; over both captures and over what they were converted to they are equal in every bit, but where the command named
what a format loses: without ends and grids only what reads ranges alone must be. REGEX keeps the queries whose name it finds.
Prints a table; exits 1 when anything differs that may not."""
import json
import os
import re
import shutil
import subprocess
import sys

import differential
from differential import END
from server import Server

FORMATS = ("json", "csv", "unittest", "openmetrics", "dump")
SUFFIX = {"json": "/", "csv": ".csv", "unittest": ".yml", "openmetrics": ".om", "dump": ".dump"}
# what has no place there, of answers of a server and of samples with their ends
LOSES = {"answers": {"json": [], "csv": ["grids", "windows"], "unittest": ["grids", "windows", "times"],
                     "openmetrics": ["grids", "windows"], "dump": ["grids", "windows"]},
         "samples": {"json": ["windows"], "csv": ["windows"], "unittest": ["windows", "times"],
                     "openmetrics": ["ends", "windows"], "dump": ["ends", "windows"]}}


class Failed(Exception):
    pass


class Here:
    """The command, and the queries that it is asked."""

    def __init__(self, ampql, folder, pattern):
        self.ampql, self.folder = ampql, folder
        self.queries = [(name, query) for name, query, times in differential.cases("queries.tsv")
                        if name.startswith("day/") and times == {"time": END} and pattern.search(name)]
        self.ranges_only = {name for name, query in self.queries if self.reads_ranges_only(query)}

    def run(self, *arguments):
        return subprocess.run([self.ampql, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def good(self, *arguments):
        done = self.run(*arguments)
        if done.returncode:
            raise Failed("ampql %s: exit status %d: %s" % (" ".join(arguments)[:200], done.returncode, done.stderr.strip()))
        return done.stdout

    def reads_ranges_only(self, query):
        selects = json.loads(self.good("explain", "-o", "json", "--dialect", "prom2", "--time", str(END), query))["selects"]
        return all(select["kind"] == "RAW" for select in selects)

    def path(self, name):
        return os.path.join(self.folder, name)

    def answers(self, source):
        """{name: the answer as JSON} of all queries over a source; None where it has no answer."""
        out = {}
        for name, query in self.queries:
            done = self.run("query", "--dialect", "prom2", "-s", source, "--time", str(END), "-o", "json", query)
            out[name] = differential.parse(done.stdout) if done.returncode == 0 else None
        return out


def losses(here, capture, fmt, out):
    """The words of --drop that converting wants, one refusal after the other."""
    wanted = []
    while True:
        drop = ["--drop", ",".join(wanted)] if wanted else []
        done = here.run("capture", "convert", "--to", fmt, *drop, capture, out)
        if done.returncode == 0:
            return wanted
        words = re.findall(r"--drop ([a-z,]+)", done.stderr)
        if not words or done.returncode != 5 or os.path.exists(out) or len(wanted) > 8:
            raise Failed("to %s: exit status %d: %s" % (fmt, done.returncode, done.stderr.strip()))
        wanted += [word for word in words[0].split(",") if word not in wanted]


def same(a, b):
    return a is not None and b is not None and differential.table(a["data"]) == differential.table(b["data"])


def there_and_back(here, base, capture, fmt, wanted):
    """The row of one format: what it loses, and how many answers are as before."""
    out, back = here.path(base + "." + fmt + SUFFIX[fmt]), here.path(base + "." + fmt + ".aqc")
    lost = losses(here, capture, fmt, out)
    here.good("capture", "convert", out.rstrip("/"), back)
    shutil.rmtree(out) if os.path.isdir(out) else os.unlink(out)  # half a gigabyte
    got = here.answers(back)
    equal = {name for name in got if same(wanted[name], got[name])}
    must = set(got) if not {"ends", "grids"} & set(lost) else here.ranges_only
    print("| %s | %s | %s | %d of %d | %d of %d |" % (base, fmt, ", ".join(lost) or "-", len(equal), len(got),
                                                    len(equal & here.ranges_only), len(here.ranges_only)))
    if sorted(lost) != sorted(LOSES[base][fmt]):
        raise Failed("%s as %s lose %s, not %s" % (base, fmt, lost, LOSES[base][fmt]))
    for name in sorted(must - equal):
        raise Failed("%s by way of %s: %d answers differ, such as %s" % (base, fmt, len(must - equal), name))


def main():
    url, ampql, snapshot, folder = sys.argv[1:5]
    os.makedirs(folder)
    here = Here(os.path.abspath(ampql), folder, re.compile(sys.argv[5] if len(sys.argv) > 5 else ""))
    oracle = differential.Oracle(Server(url), ampql, os.path.join(folder, "asked"))
    captures = {"answers": here.path("answers.aqc"), "samples": here.path("samples.aqc")}
    here.good("fetch", "--source", url, "--out", captures["answers"], "--time", str(END), *[query for _, query in here.queries])
    here.good("capture", "convert", snapshot, captures["samples"])
    ways = {"HTTP": here.answers(url), **{base: here.answers(path) for base, path in captures.items()}}
    failed = []
    for name, query in here.queries:
        wanted = oracle.wanted(query, {"time": END})
        for way, answers in ways.items():
            try:
                if answers[name] is None:
                    raise differential.Difference("no answer")
                oracle.judge(query, {"time": END}, wanted, answers[name])
            except differential.Difference as difference:
                failed.append("%s over %s: %s" % (name, way, difference))
    empty = sum(not ways["HTTP"][name]["data"]["result"] for name, _ in here.queries if ways["HTTP"][name])
    print("%d queries over HTTP, over the capture of the answers and over the capture of the blocks: %d differ, %d are empty"
          % (len(here.queries), len(failed), empty))
    print("| capture of | as | loses | equal answers | of those that read ranges alone |\n|---|---|---|---|---|")
    for base, path in captures.items():
        for fmt in FORMATS:
            try:
                there_and_back(here, base, path, fmt, ways[base])
            except Failed as wrong:
                failed.append(str(wrong))
    for line in failed:
        print("FAIL %s" % line)
    sys.exit(bool(failed) or empty * 2 > len(here.queries))


if __name__ == "__main__":
    main()
