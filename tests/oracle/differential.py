#!/usr/bin/env python3
"""The same queries to a real Prometheus 2.42 and to ampql: label sets and value texts must be equal, bit for bit.

    differential.py URL AMPQL BENCH LOAD_OPTIONS FOLDER [REGEX]

ampql answers twice: from the samples themselves with their stale markers, held in memory (the program BENCH generates them as
the loader did for the server); and as the command AMPQL, which gets that server's answers to the selects that it asks for.

Every line of queries.tsv and language.tsv is asked in four ways: over the whole loaded day at its end; over some hours ending at no round
time, for one cluster, with an offset; and as range queries on round and on odd times. REGEX keeps the queries whose name or
text it finds.

The order of series has no meaning. One more thing may differ: where a sum or average in a range query or subquery reads
series that Prometheus keeps in a hash map, it adds them up in an order that changes from request to request. A difference
within 1e-12 is accepted when the server, asked again, gives several answers itself for that very value, or gives ours when
asked for that time alone (an instant query needs no hash map); they are counted.

Prints a line a query and a summary; exits 1 when there was a difference."""
import json
import os
import re
import shutil
import subprocess
import sys

import record
from server import ApiError, Server, check_markers, seconds

HERE = os.path.dirname(os.path.abspath(__file__))
LOADED, START, END = 1772316000, 1772323200, 1772409600  # 2026-02-28T22:00Z, 2026-03-01T00:00Z, 2026-03-02T00:00Z
REPEATS = 40

COMMON = {"$CL": "cluster_id", "$HOURS_PER_RES": "0.083333", "$USD_PER_GIB_HR": "0.000055", "$F": "0.083333", "$RESMIN": "5"}
DAY = {**COMMON, "$FILTER": "", "$DUR": "1d", "$RES2": "10m", "$RESm": "5m", "$RES": "5m", "$OFFSET": "", "$LOCALSTORAGE": ""}
HOURS = {**COMMON, "$FILTER": 'cluster_id="eks-prod"', "$DUR": "7h", "$RES2": "20m", "$RESm": "10m", "$RES": "10m",
         "$OFFSET": "offset 1h", "$LOCALSTORAGE": ' + sum(avg(node_total_hourly_cost{cluster_id="eks-prod"}) by (node))'}
STEPS = {**DAY, "$DUR": "2h"}
FINE = {**DAY, "$DUR": "1h"}


def fill(template, values):
    """The template with its placeholders filled; longer names first, since $RES begins $RES2."""
    for name in sorted(values, key=len, reverse=True):
        template = template.replace(name, values[name])
    return template


def cases(path):
    """(name, query, times): times has time, or start, end and step."""
    with open(os.path.join(HERE, path), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    for how, name, template in rows:
        if how != "range":
            yield "day/" + name, fill(template, DAY), {"time": END}
            yield "hours/" + name, fill(template, HOURS), {"time": END - 22234.5}
        if how == "both":
            yield "range/" + name, fill(template, FINE), {"start": END - 6 * 3600, "end": END, "step": 60}
        else:
            yield "range/" + name, fill(template, STEPS), {"start": END - 5 * 3600, "end": END, "step": 3600}
            yield "odd/" + name, fill(template, STEPS), {"start": END - 50000, "end": END - 38000, "step": 2711}


class Difference(Exception):
    pass


def parse(body):
    """Numbers stay the text they were."""
    return json.loads(body, parse_float=str, parse_int=str)


def table(data):
    """{labels: {time: value}} of any result type."""
    if data["resultType"] in ("scalar", "string"):
        return {(): {data["result"][0]: data["result"][1]}}
    out = {}
    for series in data["result"]:
        labels = tuple(sorted(series["metric"].items()))
        if labels in out:
            raise Difference("labels twice: %s" % dict(labels))
        points = series["values"] if "values" in series else [series["value"]]
        out[labels] = dict((time, value) for time, value in points)
        if len(out[labels]) != len(points):
            raise Difference("a time twice in %s" % dict(labels))
    return out


def close(a, b):
    a, b = float(a), float(b)
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def compare(wanted, got):
    """The points whose values differ in the last digits; Difference for anything more."""
    if wanted["resultType"] != got["resultType"]:
        raise Difference("a %s, not a %s" % (got["resultType"], wanted["resultType"]))
    wanted, got = table(wanted), table(got)
    for labels in wanted.keys() - got.keys():
        raise Difference("%d of %d series missing, such as %s" % (len(wanted.keys() - got.keys()), len(wanted), dict(labels)))
    for labels in got.keys() - wanted.keys():
        raise Difference("%d series too many, such as %s" % (len(got.keys() - wanted.keys()), dict(labels)))
    doubtful = []
    for labels, points in wanted.items():
        mine = got[labels]
        if points.keys() != mine.keys():
            one = sorted(points.keys() ^ mine.keys())[0]
            raise Difference("%s has %d points, not %d; %s only %s" % (dict(labels), len(mine), len(points), one,
                                                                     "there" if one in points else "here"))
        for time, value in points.items():
            if mine[time] == value:
                continue
            if not close(mine[time], value):
                raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine[time], value))
            doubtful.append((labels, time, mine[time], value))
    return doubtful


class Oracle:
    def __init__(self, server, ampql, folder):
        self.server = server
        self.ampql = ampql
        self.folder = folder
        self.pool = {}  # select -> entry of selects.json
        os.makedirs(os.path.join(folder, "pool"))

    def wanted(self, query, times):
        try:
            if "time" in times:
                return parse(self.server.instant(query, times["time"]))
            return parse(self.server.range(query, times["start"], times["end"], times["step"]))
        except ApiError as error:
            return parse(error.body)

    def run(self, command, query, times, *more):
        arguments = [self.ampql, command, "--dialect", "prom2", "-o", "json", *more]
        for name, value in times.items():
            arguments += ["--" + name, seconds(value)]
        arguments += ["--", query]
        try:
            done = subprocess.run(arguments, capture_output=True, timeout=600, check=False)
        except OSError as error:
            return 1, b"", str(error)
        return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip()

    def record(self, selects, folder):
        """Make a folder with the server's answers to these selects."""
        entries = []
        os.makedirs(folder)
        for select in selects:
            key = json.dumps(select, sort_keys=True)
            if key not in self.pool:
                body, entry = record.ask(self.server, select)
                entry = {"file": "%d.json" % len(self.pool), **entry, "lookback": "5m", "dialect": "prom2"}
                with open(os.path.join(self.folder, "pool", entry["file"]), "wb") as file:
                    file.write(body)
                self.pool[key] = entry
            entry = self.pool[key]
            if entry not in entries:
                entries.append(entry)
                os.link(os.path.join(self.folder, "pool", entry["file"]), os.path.join(folder, entry["file"]))
        with open(os.path.join(folder, "selects.json"), "w", encoding="utf-8") as file:
            json.dump({"version": 1, "answers": entries}, file, indent=1)

    def from_answers(self, query, times, folder):
        """What the command says, as the API would."""
        status, out, err = self.run("explain", query, times, "--caps", "answers")
        if status == 0:
            self.record(json.loads(out)["selects"], folder)
            status, out, err = self.run("query", query, times, "--source", folder)
        if status:
            return {"status": "error", "error": "exit code %d: %s" % (status, err)}
        return parse(out)

    def settle(self, query, times, doubtful):
        """The server disagrees with itself on each of these values, or it is a difference."""
        seen = {}
        for _ in range(REPEATS):
            answer = table(self.wanted(query, times)["data"])
            for labels, time, _, value in doubtful:
                seen.setdefault((labels, time), {value}).add(answer[labels][time])
        for labels, time, mine, value in doubtful:
            if len(seen[labels, time]) == 1 and not self.says_alone(query, times, labels, time, mine):
                raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine, value))

    def says_alone(self, query, times, labels, time, mine):
        if "time" in times:
            return False
        answer = parse(self.server.instant(query, float(time)))
        return [*table(answer["data"]).get(labels, {}).values()] == [mine]

    def judge(self, query, times, wanted, got):
        """What to say when they agree; Difference when not."""
        if wanted["status"] == "error":
            if got["status"] != "error":
                raise Difference("accepted, where the server says %s" % wanted["error"])
            return "refused by both: %s" % wanted["error"]
        if got["status"] == "error":
            raise Difference(got["error"])
        doubtful = compare(wanted["data"], got["data"])
        if not doubtful:
            return "%d series" % len(table(wanted["data"]))
        self.settle(query, times, doubtful)
        return "%d series, %d values in an order of its own" % (len(table(wanted["data"])), len(doubtful))


def from_samples(bench, options, rows, folder):
    """What the library says to all queries over the samples, as the API would: [len(rows)]."""
    path = os.path.join(folder, "queries.tsv")
    with open(path, "w", encoding="utf-8") as file:
        for _, query, times in rows:
            end = times.get("time", times.get("end"))
            fields = ["", seconds(times.get("start", end)), seconds(end), seconds(times.get("step", 0)), query]
            file.write("\t".join(fields) + "\n")
    done = subprocess.run([bench, path, *options.split(), "--rounds", "0"], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit("error: %s: %s" % (bench, done.stderr.decode("utf-8", "replace")))
    return [parse(line) for line in done.stdout.decode("utf-8").splitlines()]


class Report:
    def __init__(self):
        self.passed = self.failed = self.empty = 0

    def line(self, name, query, times, judge):
        try:
            said = judge()
        except Difference as difference:
            self.failed += 1
            print("FAIL %s\n     %s\n     %s\n     %s" % (name, query, times, difference))
        else:
            self.passed += 1
            self.empty += said.startswith("0 series")
            print("ok   %s: %s" % (name, said))
        sys.stdout.flush()


def main():
    if len(sys.argv) not in (6, 7):
        raise SystemExit(__doc__)
    url, ampql, bench, options, folder = sys.argv[1:6]
    server = Server(url)
    pattern = re.compile(sys.argv[6] if len(sys.argv) == 7 else "")
    print("%d ended containers are gone at once: stale markers arrived" % check_markers(server, LOADED, END))
    rows = [row for path in ("queries.tsv", "language.tsv") for row in cases(path)
            if pattern.search(row[0]) or pattern.search(row[1])]
    oracle = Oracle(server, ampql, folder)
    report = Report()
    samples = from_samples(bench, options, rows, folder)
    for number, (name, query, times) in enumerate(rows):
        wanted = oracle.wanted(query, times)
        report.line("samples/" + name, query, times, lambda: oracle.judge(query, times, wanted, samples[number]))
        kept = os.path.join(folder, "queries", "%04d" % number)
        before = report.failed
        report.line("answers/" + name, query, times,
                    lambda: oracle.judge(query, times, wanted, oracle.from_answers(query, times, kept)))
        if report.failed > before:
            print("     answers kept in %s" % kept)
        else:
            shutil.rmtree(kept, ignore_errors=True)
    print("%d passed, %d failed (%d of the passed answers have no series)" % (report.passed, report.failed, report.empty))
    sys.exit(report.failed > 0 or report.passed == 0)


if __name__ == "__main__":
    main()
