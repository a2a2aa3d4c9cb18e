#!/usr/bin/env python3
"""OpenCost's queries over every form that a day of samples can take: one set of answers, bit for bit.

    formats.py URL AMPQL SNAPSHOT WORK DAY [REGEX]

URL is a server with a generated day, SNAPSHOT a snapshot of its blocks, WORK a folder for what is made. Every line of
queries.tsv is asked as differential.py asks it; REGEX keeps the cases whose name or text it finds. First of the server, through
ampql and on its own; then of

    the blocks; a capture of them; a capture of what the server answered (`ampql fetch`, `ampql capture merge`);
    that capture as each format of `ampql capture convert`, and as a capture again.

CONVERSIONS says of each what it cannot hold. Such a conversion is refused without --drop, in these words; with it, these
warnings come, and no others. Then exactly the queries that read what was dropped may differ, and each of those must say so;
all others give the same data, and what is said besides is the same. A file is asked every 29th case itself (it is read as a whole each time),
and all of them of the capture that is made of it; what is made of that capture again is the same bytes.

DAY is scraped, or aligned: `load --aligned 1`, for the format that has all series on one grid.

Prints a line for each form; exit status 1 when anything differs or nothing was compared."""
import collections
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys

import differential
from differential import Difference
from server import Server, seconds

# What is said of an instant selector over samples without markers.
NO_ENDS = ("the samples come without stale markers: an instant selector sees a series that ended for another 5m, "
           "unless stale-after says when a silent series has ended")
EVERY = 29

ANSWERS_LOSE = [r"\d+ answers on grids of times \(--drop grids\)", r"\d+ windows of what is known and what not \(--drop windows\)"]
ANSWERS_SAY = [r"left out: \d+ answers on grids of times", r"left out: \d+ windows of what is known and what not",
               r"what was captured comes from a prom2 server, and the output does not say so: use it with --dialect prom2"]
ENDS_LOSE = [r"\d+ stale markers, which say where series ended \(--drop ends\)"]
ENDS_SAY = [r"left out: \d+ stale markers, which say where series ended"]
ONE_GRID = [r"a unit test has all values on one grid: all these times are on one of 1ms, and that makes \d+ values, more than \d+"]
SAMPLES = [r"API JSON holds what a server answered, and these are samples"]

# A form: of which day, made of what, its name, what --drop gives up (None: there is no such form), what is refused without, what is
# warned of with it, and whether instant selectors lose their answers.
Conversion = collections.namedtuple("Conversion", "day of to drop refused warned loses_instants")
CONVERSIONS = [
    Conversion("scraped", "block.aqc", "csv", "", [], [], False),
    Conversion("scraped", "block.aqc", "om", "ends", ENDS_LOSE, ENDS_SAY, True),
    Conversion("scraped", "block.aqc", "dump", "ends", ENDS_LOSE, ENDS_SAY, True),
    Conversion("scraped", "block.aqc", "yml", None, ONE_GRID, [], False),
    Conversion("scraped", "block.aqc", "json/", None, SAMPLES, [], False),
    Conversion("scraped", "answers.aqc", "json/", "", [], [], False),
    Conversion("scraped", "answers.aqc", "csv", "grids,windows", ANSWERS_LOSE, ANSWERS_SAY, True),
    Conversion("scraped", "answers.aqc", "om", "grids,windows", ANSWERS_LOSE, ANSWERS_SAY, True),
    Conversion("scraped", "answers.aqc", "dump", "grids,windows", ANSWERS_LOSE, ANSWERS_SAY, True),
    Conversion("scraped", "answers.aqc", "yml", None, ONE_GRID, [], False),
    Conversion("aligned", "block.aqc", "yml", "", [], [], False),
    Conversion("aligned", "block.aqc", "csv", "", [], [], False),
    Conversion("aligned", "answers.aqc", "json/", "", [], [], False),
    Conversion("aligned", "answers.aqc", "yml", "grids,windows", ANSWERS_LOSE, [
        *ANSWERS_SAY[:2], r"what was read has no stale markers, and a unit test does not say so: over it instant selectors see series "
        r"that have ended without a warning", ANSWERS_SAY[2]], True),
]
# Over these an instant selector comes without NO_ENDS, although they may have lost it: the conversion has warned.
SILENT = {"yml"}


class Said:
    """What ampql says: numbers stay text, the order of series counts, too."""

    def __init__(self, status, out, err):
        self.status = status
        body = differential.parse(out) if out else {}
        self.data = body.get("data")
        self.notes = body.get("warnings", []) + body.get("infos", [])
        self.err = err.splitlines()

    def without(self, note):
        """Did it say so? It does no more."""
        had = note in self.notes
        self.notes = [n for n in self.notes if n != note]
        self.err = [line for line in self.err if note not in line]
        return had

    def __eq__(self, other):
        return (self.status, self.data, self.notes, self.err) == (other.status, other.data, other.notes, other.err)

    def against(self, other):
        """How this differs from other, in a line."""
        if (self.status, self.notes, self.err) != (other.status, other.notes, other.err):
            return "exit status %d, %s %s; not %d, %s %s" % (self.status, self.notes, self.err, other.status, other.notes, other.err)
        mine, wanted = differential.table(self.data), differential.table(other.data)
        for labels in wanted.keys() ^ mine.keys():
            return "series only %s: %s" % ("there" if labels in wanted else "here", dict(labels))
        for labels, points in wanted.items():
            for time in points.keys() | mine[labels].keys():
                if points.get(time) != mine[labels].get(time):
                    return "%s at %s: %s, not %s" % (dict(labels), time, mine[labels].get(time), points.get(time))
        return "another order of series"


class Formats:
    def __init__(self, url, ampql, snapshot, work, day, pattern):
        self.url, self.ampql, self.work, self.day = url, ampql, work, day
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        self.oracle = differential.Oracle(Server(url), ampql, os.path.join(work, "asked"))
        self.snapshot = snapshot
        self.cases = [row for row in differential.cases("queries.tsv") if pattern.search(row[0]) or pattern.search(row[1])]
        self.failed = 0

    def path(self, name):
        return os.path.join(self.work, name)

    def fail(self, *lines):
        self.failed += 1
        print("FAIL " + "\n     ".join(str(line) for line in lines))
        sys.stdout.flush()

    def ampql_run(self, *arguments):
        """(exit status, lines of standard error)"""
        done = subprocess.run([self.ampql, *arguments], capture_output=True, timeout=600, check=False)
        return done.returncode, done.stderr.decode("utf-8", "replace").splitlines()

    def must(self, *arguments):
        status, err = self.ampql_run(*arguments)
        if status or err:
            raise SystemExit("FAIL %s: exit status %d: %s" % (" ".join(arguments[:6]), status, "\n".join(err)))

    def say(self, source, query, times):
        return Said(*self.oracle.run("query", query, times, "--source", source))

    # ---- what all is compared with

    def ask_server(self):
        """The answers to all cases: by ampql of the server, which are the server's own."""
        self.wanted, self.instants, own = [], [], 0
        for name, query, times in self.cases:
            said = self.say(self.url, query, times)
            body = {"status": "success", "data": said.data} if said.status == 0 else {"status": "error", "error": said.err[0]}
            try:
                own += "in an order of its own" in self.oracle.judge(query, times, self.oracle.wanted(query, times), body)
            except Difference as difference:
                self.fail("%s over HTTP: %s" % (name, difference), query)
            status, out, _ = self.oracle.run("explain", query, times, "--caps", "answers")
            selects = json.loads(out)["selects"] if status == 0 else []
            self.wanted.append(said)
            self.instants.append(any(select["kind"] != "RAW" for select in selects))
        answered = [said for said in self.wanted if said.status == 0]
        filled = [said for said in answered if said.data["result"]]
        print("HTTP: %d cases, %d answered as by the server itself (%d with sums in an order of its own), %d not empty; "
              "%d read instant selectors" % (len(self.cases), len(answered), own, len(filled), sum(self.instants)))
        if not filled or not any(self.instants) or all(self.instants):
            self.fail("these cases compare nothing, or only one kind of selector")

    def record(self):
        """Captures of what the server answers, by the times that are asked; merged."""
        groups = collections.OrderedDict()
        for (_, query, times), said in zip(self.cases, self.wanted):
            if said.status == 0:
                groups.setdefault(tuple(times.items()), []).append(query)
        parts = []
        for times, queries in groups.items():
            flags = [word for name, value in times for word in ("--" + name, seconds(value))]
            parts.append(self.path("part%d.aqc" % len(parts)))
            self.must("fetch", "--source", self.url, "--out", parts[-1], *flags, "--", *queries)
        self.must("capture", "merge", *parts, self.path("answers.aqc"))
        self.must("capture", "convert", self.snapshot, self.path("block.aqc"))

    # ---- comparing

    def compare(self, source, what, loses_instants=False, every=1):
        """All that was asked of the server, of this source; loses_instants: instant selectors may differ, and must say so."""
        same = differ = warned = 0
        is_silent = any(what.startswith(name) or "." + name in what for name in SILENT)
        for i in range(0, len(self.cases), every):
            name, query, times = self.cases[i]
            said, wanted = self.say(source, query, times), self.wanted[i]
            may_differ = loses_instants and self.instants[i]
            if said.without(NO_ENDS) != (may_differ and not is_silent):
                self.fail("%s, %s: %s without stale markers" % (what, name, "does not warn of samples" if may_differ else "warns of samples"),
                          query)
            warned += may_differ
            if said == wanted:
                same += 1
            elif may_differ:
                differ += 1
            else:
                self.fail("%s, %s: %s" % (what, name, said.against(wanted)), query)
        text = "%s: %d answers, %d the same" % (what, len(range(0, len(self.cases), every)), same)
        print(text + (", %d of %d that lost their instant selectors differ" % (differ, warned) if loses_instants else ""))
        sys.stdout.flush()
        if same == 0 or (loses_instants and every == 1 and differ == 0):
            self.fail("%s: nothing was compared, or nothing lost" % what)

    # ---- converting

    def matches(self, what, lines, patterns, prefix):
        """Each line says one of the things, in their order, and nothing else is said."""
        if len(lines) != len(patterns) or not all(re.fullmatch(prefix + pattern, line) for pattern, line in zip(patterns, lines)):
            self.fail("%s says" % what, *lines, "expected", *patterns)

    def refused(self, row, source, to):
        status, err = self.ampql_run("capture", "convert", source, to)
        what = "%s to %s" % (row.of, row.to)
        if status not in (5, 6) or len(err) != 1 or not err[0].startswith("ampql: error: "):
            self.fail("%s: exit status %d: %s" % (what, status, err))
        for pattern in row.refused:
            if not err or not re.search(pattern, err[0]):
                self.fail("%s: expected %s in %s" % (what, pattern, err))
        if os.path.exists(to):
            self.fail("%s: refused, and something is there" % what)
        if row.drop is None:
            print("%s: no such form: %s" % (what, err[0][14:]))

    def convert(self, row):
        name = row.of[:-4] + "." + row.to
        source, to, back = self.path(row.of), self.path(name), self.path(row.of[:-4] + ".back.aqc")
        if row.refused:
            self.refused(row, source, to)
        if row.drop is None:
            return
        drop = ["--drop", row.drop] if row.drop else []
        status, err = self.ampql_run("capture", "convert", *drop, source, to)
        self.matches("%s to %s" % (row.of, row.to), err, row.warned, "ampql: warning: ")
        if status:
            return
        self.compare(to.rstrip("/"), name, row.loses_instants, 1 if os.path.isdir(to) else EVERY)
        self.must("capture", "convert", to.rstrip("/"), back)
        self.compare(back, "a capture of " + name, row.loses_instants)
        self.again(name, back, to)
        os.unlink(back)
        (shutil.rmtree if os.path.isdir(to) else os.unlink)(to.rstrip("/"))

    def again(self, name, back, to):
        """What is made of the capture is what the capture was made of."""
        again = self.path("again." + name)
        status, err = self.ampql_run("capture", "convert", back, again)
        if status:
            self.fail("%s: of the capture that was made of it: %s" % (name, err))
            return
        names = os.listdir(to) if os.path.isdir(to) else [""]
        for file in names:
            if not filecmp.cmp(os.path.join(again, file).rstrip("/"), os.path.join(to, file).rstrip("/"), shallow=False):
                self.fail("%s: other bytes of the capture that was made of it: %s" % (name, file))
        (shutil.rmtree if os.path.isdir(to) else os.unlink)(again.rstrip("/"))


def main():
    if len(sys.argv) not in (6, 7):
        raise SystemExit(__doc__)
    formats = Formats(*sys.argv[1:6], re.compile(sys.argv[6] if len(sys.argv) == 7 else ""))
    print("a day, %s:" % formats.day)
    formats.ask_server()
    formats.record()
    for source, what in ((formats.snapshot, "the blocks"), (formats.path("block.aqc"), "a capture of the blocks"),
                         (formats.path("answers.aqc"), "a capture of the answers")):
        formats.compare(source, what)
    rows = [row for row in CONVERSIONS if row.day == formats.day]
    for row in rows:
        formats.convert(row)
    print("a day, %s: %d cases, %d conversions, %d failed" % (formats.day, len(formats.cases), len(rows), formats.failed))
    sys.exit(formats.failed > 0 or not rows)


if __name__ == "__main__":
    main()
