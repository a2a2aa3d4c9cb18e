#!/usr/bin/env python3
"""The comparison of rules_day.sh: recorded series in a Prometheus 2.42 against virtual series here, over the generated day.

    rules_day.py URL AMPQL RULES SNAPSHOT        URL holds SNAPSHOT and what `promtool tsdb create-blocks-from rules` recorded of RULES
    rules_day.py URL AMPQL RULES SNAPSHOT HOW    URL holds what `ampql rules backfill` wrote: a row of WRITTEN
    rules_day.py dump OPENMETRICS DUMP           what promtool's dump says of its blocks is what was written, sample by sample

What is asked of each record is SHAPES. promtool records no stale markers, so what is compared with it, and how:

    asked                            there     here                   because
    range selectors                  R[1d]     R[1d], markers or not  a range selector sees no markers
    instant selectors, subqueries    R         --rule-markers off     without markers a series that ended lives on for 5 minutes there;
                                                                      with them it does not here
    ends of series                   samples   R, with markers        at any time R has a sample of the newest tick, or has ended: all that
                                     not older                        a selector with markers can see is what a window of less than a tick
                                     than a tick                      sees there

A group's ticks in promtool are Prometheus's, which hash the file's name, but rounded to a millisecond, where the server itself
cuts: the phase is taken from what was recorded, and `--rule-phase hash:FILE` may differ from it by that millisecond.

promtool evaluates range queries, and there the order in which sums add up what operators give is a hash map's (README.md). A
recorded value may differ within 1e-12 if the server, asked for the rule's expression at that time alone, gives ours to the bit;
what functions make of such a record may differ within 1e-12, too. All of these are counted.

What is recorded here and written there is the same to the last bit, whatever is asked."""
import os
import re
import sys

import differential
from differential import END, START, Difference, table
from server import Server, seconds

INTERVAL, LOOKBACK, DAY = 60, 300, 86400

WINDOW, INSTANT, FRESH = "range selector", "instant selector", "newest tick"
ONCE, GRID, ODD, SPARSE = "once", "grid", "odd", "sparse"

# what is asked (R is the record), what it sees of R, when; the first three give the recorded values themselves
SHAPES = [
    ("R", INSTANT, GRID),
    ("R[1d]", WINDOW, ONCE),
    ("last_over_time(R[59999ms])", FRESH, ODD),
    ("max_over_time(R[1d])", WINDOW, ONCE),
    ("avg_over_time(R[1d])", WINDOW, ONCE),
    ("quantile_over_time(0.95, R[1d])", WINDOW, ONCE),
    ("count_over_time(R[1d])", WINDOW, ONCE),
    ("max(max_over_time(R[1d])) by (namespace, cluster_id)", WINDOW, ONCE),
    ("max_over_time(R{cluster_id=\"eks-prod\"}[1d])", WINDOW, ONCE),
    ("max_over_time(R{daemonset!=\"true\",namespace=~\"|[k-m].*\"}[1d])", WINDOW, ONCE),
    ("max_over_time(R[1h])", WINDOW, SPARSE),
    ("count_over_time(R[7m])", WINDOW, SPARSE),
    ("timestamp(R)", INSTANT, ODD),
    ("R offset 11m", INSTANT, SPARSE),
    ("R{container=~\"c.*\"}", INSTANT, SPARSE),
    ("sum(R)", INSTANT, SPARSE),
    ("count by (namespace) (R)", INSTANT, ODD),
    ("absent(R{namespace=\"monitoring\"})", INSTANT, SPARSE),
    ("max_over_time(R[1d:1m])", INSTANT, ONCE),
    ("count_over_time(R[6h:37s])", INSTANT, SPARSE),
    ("R @ %d" % (START + 40007), INSTANT, SPARSE),
]
# these go through the server's API, too: no stale markers are to be had there
FROM_ANSWERS = {"max_over_time(R[1d])", "R[1d]", "R offset 11m", "max_over_time(R[1d:1m])"}
# by `ampql rules backfill`, and the flags with which a virtual series is the same: OpenMetrics holds no stale markers
WRITTEN = {"remote-write": [], "openmetrics": ["--rule-markers", "off"]}
SAYS_VALUES = {"R", "R[1d]", "last_over_time(R[59999ms])", "R offset 11m"}


def moments(when, phase):
    """Times of a query, in the whole day."""
    return {ONCE: {"time": END},
            GRID: {"start": START + phase, "end": END + phase, "step": INTERVAL},
            ODD: {"start": START + 3.25, "end": END, "step": 97},
            SPARSE: {"start": START + 3600, "end": END, "step": 2711}}[when]


def read_rules(path):
    """[(record, {label: value}, expr)] of a file that is written as those in examples/rules are."""
    rule = re.compile(r'- expr: (.*)\n +record: (.*)\n(?: +labels:\n +(\w+): "(.*)"\n)?')
    with open(path, encoding="utf-8") as file:
        rules = [(record, {name: value} if name else {}, expr) for expr, record, name, value in rule.findall(file.read())]
    if len(rules) != 9:
        raise SystemExit("FAIL %s has %d rules, not nine" % (path, len(rules)))
    return rules


def tick_of(time, phase):
    """The newest tick that is not after the time: reckoned in whole milliseconds."""
    phase_ms, interval_ms = round(phase * 1000), INTERVAL * 1000
    return ((round(time * 1000) - phase_ms) // interval_ms * interval_ms + phase_ms) / 1000


class Recorded(differential.Oracle):
    """The server's recorded series against ours."""

    def __init__(self, server, ampql, rules, source):
        self.server, self.ampql, self.rules_file, self.source = server, ampql, rules, source
        self.rules = read_rules(rules)
        self.flags = []
        self.wobbling = set()  # records found in an order of their own
        self.nvalues = 0
        self.asked = None, 0, False  # record, phase, whether the recorded values themselves are

    def answer(self, query, times, source):
        status, out, err = self.run("query", query, times, "--source", source, "--rules", self.rules_file, *self.flags)
        if status:
            return {"status": "error", "error": "exit code %d: %s" % (status, err)}
        return differential.parse(out)

    def judge(self, query, times, wanted, got):
        said = super().judge(query, times, wanted, got)
        self.nvalues += sum(len(points) for points in table(wanted["data"]).values()) if wanted["status"] == "success" else 0
        return said

    def settle(self, query, times, doubtful):
        record, phase, says_values = self.asked
        labels, time, mine, value = doubtful[0]
        if not says_values and record not in self.wobbling:
            raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine, value))
        if not says_values:
            return
        known = {}
        for labels, time, mine, value in doubtful:
            plain = frozenset(pair for pair in labels if pair[0] != "__name__")
            newest = tick_of(float(time) - (660 if "offset" in query else 0), phase)
            if self.newest_value(known, record, newest, plain) != mine:
                raise Difference("%s at %s: %s, not %s, nor what the rule gives alone at %s or before"
                                 % (dict(labels), time, mine, value, seconds(newest)))
        self.wobbling.add(record)

    def newest_value(self, known, record, tick, labels):
        """What the rule gave alone when it last gave that series, as far back as the lookback: it may have ended, or have a gap."""
        for back in range(LOOKBACK // INTERVAL + 1):
            at = round(tick - back * INTERVAL, 3)
            if at not in known:
                known[at] = self.evaluate(record, at)
            if labels in known[at]:
                return known[at][labels]
        return None

    def evaluate(self, record, tick):
        """{labels without name: value} of the record's rules, evaluated by the server at that time alone."""
        out = {}
        for name, labels, expr in self.rules:
            if name == record:
                for series in differential.parse(self.server.instant(expr, tick))["data"]["result"]:
                    metric = {k: v for k, v in {**series["metric"], **labels}.items() if k != "__name__"}
                    out[frozenset(metric.items())] = series["value"][1]
        return out

    def records(self):
        return list(dict.fromkeys(record for record, _, _ in self.rules))


def rows_of(oracle, shape, sees):
    """[(kind, what is asked here, flags, source)] with all that both sides define."""
    if sees == FRESH:
        return [("ends/", "R", [], oracle.source)]
    off = ["--rule-markers", "off"]
    rows = [("", shape, off, oracle.source)]
    if sees == WINDOW:
        rows.append(("markers/", shape, [], oracle.source))
    if shape in FROM_ANSWERS:
        rows.append(("answers/", shape, off, oracle.server.url))
    return rows


def compare_record(oracle, report, record, phase):
    """Every shape, there and here."""
    nseries = 0
    for shape, sees, when in SHAPES:
        times = moments(when, phase)
        wanted = oracle.wanted(shape.replace("R", record), times)
        nseries += len(wanted["data"]["result"]) if wanted["status"] == "success" else 0
        oracle.asked = record, phase, shape in SAYS_VALUES
        for kind, here, flags, source in rows_of(oracle, shape, sees):
            oracle.flags = flags + (["--rule-phase", "%dms" % round(phase * 1000)] if phase else [])
            query = here.replace("R", record)
            report.line("%s%s, %s" % (kind, shape.replace("R", record), when), query, times,
                        lambda: oracle.judge(query, times, wanted, oracle.answer(query, times, source)))
    if nseries == 0:
        raise SystemExit("FAIL %s: nothing was recorded" % record)


def phase_of(server, record):
    """Of the samples that are there: a sample a tick, all at one phase."""
    found = {round(float(time) * 1000) % (INTERVAL * 1000)
             for series in server.result("%s[1h]" % record, END) for time, _ in series["values"]}
    if len(found) != 1:
        raise SystemExit("FAIL %s: samples at %d phases" % (record, len(found)))
    return found.pop() / 1000


def check_hash(oracle, report, record, phase):
    """Our hash of file and group gives the phase that promtool's blocks have, but for its rounding."""
    oracle.flags = ["--rule-phase", "hash:" + oracle.rules_file]
    query, times = "max(timestamp(%s))" % record, {"time": END}

    def judge():
        mine = float(oracle.answer(query, times, oracle.source)["data"]["result"][0]["value"][1]) % INTERVAL
        if not 0 <= round((phase - mine) * 1000) <= 1:
            raise Difference("the hash gives %.3f s, promtool's samples are at %.3f s" % (mine, phase))
        return "phase %.3f s" % mine
    report.line("hash/" + record, query, times, judge)


class Written(Recorded):
    def settle(self, query, times, doubtful):
        labels, time, mine, value = doubtful[0]
        raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine, value))


def compare_written(oracle, report, record, how):
    """Every shape, there and here."""
    nseries = 0
    oracle.flags = WRITTEN[how]
    for shape, _, when in SHAPES:
        query, times = shape.replace("R", record), moments(when, 0)
        wanted = oracle.wanted(query, times)
        nseries += len(wanted["data"]["result"]) if wanted["status"] == "success" else 0
        report.line("%s/%s, %s" % (how, query, when), query, times,
                    lambda: oracle.judge(query, times, wanted, oracle.answer(query, times, oracle.source)))
    if nseries == 0:
        raise SystemExit("FAIL %s: nothing was written" % record)


LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def sample_of(line):
    """(labels, value, time in ms) of a line of a dump."""
    series, _, rest = line.rpartition("} ")
    value, time = rest.split()
    return tuple(sorted(LABEL.findall(series))), float(value), int(time)


def sample_of_openmetrics(line):
    name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
    labels, _, rest = rest.rpartition("} ") if "{" in line else ("", "", rest)
    value, time = rest.split()
    return tuple(sorted(LABEL.findall(labels) + [("__name__", name)])), float(value), round(float(time) * 1000)


def dump(openmetrics, dumped):
    with open(openmetrics, encoding="utf-8") as file:
        written = sorted(sample_of_openmetrics(line) for line in file if not line.startswith("#"))
    with open(dumped, encoding="utf-8") as file:
        found = sorted(sample_of(line) for line in file)
    if not written or written != found:
        raise SystemExit("FAIL promtool dumps %d samples of the %d that were written, or others" % (len(found), len(written)))
    print("promtool's dump of its blocks has the %d samples of the OpenMetrics text" % len(written))


def end(oracle, report, how):
    print("%s%s: %d answers with %d values equal, %d failed; %d of the answers have no series; in an order of its own: %s"
          % (os.path.basename(oracle.rules_file), how and " by %s" % how, report.passed, oracle.nvalues, report.failed, report.empty,
             ", ".join(sorted(oracle.wobbling)) or "none"))
    sys.exit(report.failed > 0 or report.passed == 0 or oracle.nvalues == 0)


def check_day(server):
    """The day has what is hard: series that end, and counters that are reset."""
    resets = len(server.result("resets(container_cpu_usage_seconds_total[1d]) > 0", END))
    if resets == 0:
        raise SystemExit("FAIL no counter of the day was reset")
    print("the day has %d counters that were reset" % resets)


def main(url, ampql, rules, snapshot, how=""):
    oracle, report = (Written if how else Recorded)(Server(url), ampql, rules, snapshot), Report()
    if not how:
        check_day(oracle.server)
    nended = 0
    for record in oracle.records():
        if how:
            compare_written(oracle, report, record, how)
        else:
            phase = phase_of(oracle.server, record)
            check_hash(oracle, report, record, phase)
            compare_record(oracle, report, record, phase)
        nended += sum(float(s["value"][1]) < DAY // INTERVAL for s in oracle.server.result("count_over_time(%s[1d])" % record, END))
    if nended == 0:
        raise SystemExit("FAIL no recorded series ended within the day")
    print("%d recorded series are not there all day" % nended)
    end(oracle, report, how)


class Report(differential.Report):
    """Only what failed is told: a line an answer would be thousands."""

    def line(self, name, query, times, judge):
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            stdout, sys.stdout = sys.stdout, nowhere if os.environ.get("V") != "1" else sys.stdout
            failed = self.failed
            try:
                super().line(name, query, times, judge)
            finally:
                sys.stdout = stdout
        if self.failed > failed:
            self.failed = failed
            super().line(name, query, times, judge)


if __name__ == "__main__":
    dump(*sys.argv[2:]) if sys.argv[1] == "dump" else main(*sys.argv[1:])
