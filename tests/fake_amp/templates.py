#!/usr/bin/env python3
"""OpenCost's and Kubecost's queries, evaluated here over what is fetched through the fake, equal the server's own answers.

    templates.py URL AMPQL [REGEX]

URL is a Prometheus loaded with the generated day, pods that ended inside of it and stale markers. The allocation queries are
asked for five chunk sizes, the others for one each; through `amp:` with signatures and flooring, and as plain http. The last
of each is recorded, and asked again of the capture alone: the same bytes.
Afterwards: that the raw samples alone would have got the pods that ended wrong. REGEX keeps the queries it finds."""
import itertools
import json
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from lab import Lab, Leak, Tally, values

import differential
from server import Server, check_markers

CHUNKS = ("1d", "7h", "2h", "61m", "2221s")
END = differential.END


def questions(pattern):
    """(name, query, times, chunk sizes)"""
    turn = itertools.cycle(CHUNKS)
    for name, query, times in differential.cases("queries.tsv"):
        kind, _, rest = name.partition("/")
        if not pattern.search(name):
            continue
        if kind == "day":
            yield name, query, times, CHUNKS if rest.startswith("allocation/") else [next(turn)]
        elif rest.startswith("allocation/") or kind == "range":
            yield name, query, times, [next(turn)]


class Check:
    def __init__(self, url, ampql):
        self.lab = Lab(ampql, url)
        self.dialect = Server(url).dialect()
        self.folder = tempfile.mkdtemp(prefix="templates")
        self.oracle = differential.Oracle(Server(url), ampql, self.folder)
        self.spaces = {"amp": self.lab.space(), "http": self.lab.space(flavour="prometheus", auth="none")}

    def replay(self, capture, query, times, wanted):
        """The capture answers the same, and nothing that it does not have is asked of it."""
        done = self.lab.query(["--source", capture], query, times)
        os.unlink(capture)
        if done.status or done.out != wanted:
            raise differential.Difference("the recording answers otherwise: %s" % done)

    def ask(self, row):
        """(name, what is wrong or None, series, billed)"""
        name, query, times, chunks = row
        wanted = self.oracle.wanted(query, times)
        said = ""
        file, capture = tempfile.mkstemp(suffix=".aqc", dir=self.folder)
        os.close(file)
        for chunk, way in zip(chunks, itertools.cycle(("amp", "http"))):
            source = getattr(self.lab, way)(self.spaces[way])
            try:
                is_last = chunk == chunks[-1]
                done = self.lab.query(source, query, times, "--chunk", chunk, *(["--record", capture] if is_last else []))
                got = differential.parse(done.out) if done.status == 0 else {"status": "error", "error": str(done)}
                said = self.oracle.judge(query, times, wanted, got)
                if is_last and done.status == 0:
                    self.replay(capture, query, times, done.out)
            except (differential.Difference, Leak, ValueError, KeyError) as wrong:
                return name, "%s, chunks of %s: %s\n       %s" % (way, chunk, wrong, query), ""
        return name, None, "%s, %d chunk sizes" % (said, len(chunks))


def raw_only(check, tally):
    """Samples without their markers: a pod goes on for a lookback after its end, and its minutes are wrong."""
    server = check.oracle.server
    metric, window = "kube_pod_container_status_running", "1d"
    query = "count_over_time((sum by (pod, uid) (%s))[%s:1m])" % (metric, window)
    wanted = values(server.instant(query, END))
    done = check.lab.query(check.lab.amp(check.spaces["amp"]), query, {"time": END})
    if done.status or values(done.out) != wanted:
        tally.fail("ended pods", "the fetched answer is not the server's: %s" % done)
        return
    with tempfile.NamedTemporaryFile("w", suffix=".prom") as file:
        for series in json.loads(server.instant("%s[%ds]" % (metric, 86400 + 600), END))["data"]["result"]:
            labels = ",".join("%s=%s" % (name, json.dumps(value)) for name, value in series["metric"].items() if name != "__name__")
            for t, v in series["values"]:
                file.write("%s{%s} %s %d\n" % (metric, labels, v, t * 1000))
        file.flush()
        done = check.lab.query(["--source", file.name, "--dialect", check.dialect], query, {"time": END})
    if done.status:
        tally.fail("ended pods", done)
        return
    longer = [int(points[0][1]) - int(wanted[labels][0][1]) for labels, points in values(done.out).items() if labels in wanted]
    wrong = [minutes for minutes in longer if minutes]  # the lookback after the end, and what gaps lose their markers
    if len(longer) == len(wanted) and len(wrong) > 10 and all(0 < minutes <= 15 for minutes in wrong):
        tally.ok("ended pods", "right as fetched; from raw samples alone %d of %d pods would live %s to %s minutes too long"
                 % (len(wrong), len(longer), min(wrong), max(wrong)))
    else:
        tally.fail("ended pods", "raw samples alone give %s" % longer)


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    check = Check(sys.argv[1], sys.argv[2])
    pattern = re.compile(sys.argv[3] if len(sys.argv) == 4 else "")
    tally = Tally()
    check_markers(check.oracle.server, differential.LOADED, END)
    answered = 0
    with ThreadPoolExecutor(3) as pool:
        for name, wrong, said in pool.map(check.ask, questions(pattern)):
            if wrong:
                tally.fail("template " + name, wrong)
            else:
                tally.passed += 1
                answered += not said.startswith("0 series")
    raw_only(check, tally)
    reports = [check.lab.report(space) for space in check.spaces.values()]
    print("templates: %d equal the server's own answer, recorded and replayed too (%d of them not empty), %d do not; %d requests,"
          " %d samples billed, %s"
          % (tally.passed, answered, tally.failed, sum(report["requests"] for report in reports),
             sum(report["billed"] for report in reports), check.dialect))
    if reports[0]["unsigned"] or not reports[0]["requests"] or answered * 3 < tally.passed:
        tally.fail("templates", "%d requests to AMP were not signed properly, of %d" % (reports[0]["unsigned"], reports[0]["requests"]))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0)


if __name__ == "__main__":
    main()
