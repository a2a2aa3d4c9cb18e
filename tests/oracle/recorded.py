#!/usr/bin/env python3
"""Parts of recorded.sh: recorded series there, virtual ones here.

    recorded.py times                                  the day, as promtool's flags
    recorded.py compare URL AMPQL FOLDER RULES [REGEX]

URL has the day and what promtool recorded of the rule file RULES; AMPQL has the day (FOLDER, a snapshot with stale markers) and
the file. Of every recorded name each sample of the day must be equal, and what selectors, windows and functions make of them, at
random times and over ranges. promtool writes no stale markers, so here they are switched off.

The rule of equality is differential.py's: a sum over what Prometheus keeps in a hash map may differ in the last digits. promtool
evaluates rules as range queries, which have that; so a sample that differs within 1e-12 must be what the server says of the rule's
expression as an instant query at its time. REGEX keeps the queries that it finds."""
import random
import re
import sys

from differential import END, START, Difference, Oracle, Report, close, compare, parse, table
from server import Server, seconds

ASKED = 60  # samples of a series of sums, of which the expression is asked for
UNTIL = END + 1800

# {r}: a recorded name. At random instants, and over ranges.
INSTANT = ["{r}", "timestamp({r})", "{r} offset 17m", "sum_over_time({r}[45m])", "max_over_time({r}[1d])", "count_over_time({r}[3h])",
           "rate({r}[20m])", "avg_over_time({r}[2h:7m])", "quantile_over_time(0.9, {r}[1h] offset 3m)", "{r} @ %d" % (START + 54321),
           'count({{__name__="{r}"}}) by (container, daemonset, source)', "absent({r})", "topk(3, {r})", "{r} > 1 unless {r} offset 1h"]
RANGE = ["{r}", "max_over_time({r}[1h])", "{r} - {r} offset 10m", "max by (container) ({r})", "changes({r}[30m])", "count_over_time({r}[6m])",
         "last_over_time({r}[10m:30s])"]


def times():
    print("--start %d --end %d" % (START, END))


class Rule:
    def __init__(self, record, expr, labels):
        self.record, self.expr, self.labels = record, expr, labels

    def label_set(self, metric):
        """What the rule makes of the labels of its expression's result."""
        metric = {**metric, "__name__": self.record, **self.labels}
        return tuple(sorted((k, v) for k, v in metric.items() if v))


def read_rules(path):
    """The rules of a file in the style of the examples: a field a line, labels below or in braces."""
    rules, fields = [], {}

    def end():
        if fields:
            rules.append(Rule(fields.pop("record"), fields.pop("expr"), dict(fields)))
            fields.clear()
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"\s*(- )?(\w+):\s*(.*)$", line)
            if not match:
                continue
            begins, field, text = match.groups()
            if begins and field in ("expr", "record", "name"):
                end()
            if field == "labels" and text:
                fields.update((k, v.strip('"')) for k, v in re.findall(r"(\w+): (\"[^\"]*\"|\w+)", text))
            elif field not in ("labels", "name", "groups", "rules", "interval"):
                fields[field] = text.strip('"')
    end()
    return rules


class Virtual(Oracle):
    def __init__(self, server, ampql, folder, path):  # the base class makes folders for answers, which are not needed
        self.server, self.ampql, self.source, self.path = server, ampql, folder, path
        self.rules = read_rules(path)
        self.varies = set()  # names of which a sample was in an order of its own

    def answer(self, query, at):
        status, out, err = self.run("query", query, at, "--source", self.source, "--rules", self.path, "--rule-phase", "hash:" + self.path,
                                    "--rule-markers", "off", "--max-points", "100000")
        if status:
            return {"status": "error", "error": "exit code %d: %s" % (status, err)}
        return parse(out)

    def says_rule(self, labels, time, mine):
        """Does the server say so of the expression, asked for this time alone?"""
        for rule in self.rules:
            if rule.record != dict(labels)["__name__"]:
                continue
            for series in parse(self.server.instant(rule.expr, float(time)))["data"]["result"]:
                if isinstance(series, dict) and rule.label_set(series["metric"]) == labels and series["value"][1] == mine:
                    return True
        return False

    def samples(self, name):
        query, at = name + "[%ds]" % (UNTIL - START), {"time": UNTIL}
        wanted, got = parse(self.server.instant(query, UNTIL)), self.answer(query, at)
        if got["status"] == "error":
            raise Difference(got["error"])
        doubtful = compare(wanted["data"], got["data"])
        for labels, time, mine, value in random.sample(doubtful, min(len(doubtful), ASKED)):
            if not self.says_rule(labels, time, mine):
                raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine, value))
        if doubtful:
            self.varies.add(name)
        data = table(wanted["data"])
        return "%d series, %d samples, %d in an order of its own" % (len(data), sum(map(len, data.values())), len(doubtful))

    def settle(self, query, times, doubtful):
        """Values made of samples that vary: compare() has seen that they are close."""
        if not any(name in query for name in self.varies):
            raise Difference("%s at %s: %s, not %s" % doubtful[0])


def cases(names, pattern):
    for name in names:
        for template in INSTANT:
            query = template.format(r=name)
            if pattern.search(query):
                yield query, {"time": START + random.randrange(3600000, 86400000 + 600000) / 1000}
        for template in RANGE:
            query = template.format(r=name)
            if pattern.search(query):
                start = START + random.randrange(0, 40000)
                yield query, {"start": start, "end": start + random.randrange(20000, 46000), "step": random.choice((60, 60, 31, 600, 437.5))}


def compare_all(url, ampql, folder, path, regex=""):
    random.seed(path)
    pattern = re.compile(regex)
    virtual = Virtual(Server(url), ampql, folder, path)
    report = Report()
    names = sorted({rule.record for rule in virtual.rules})
    for name in names:
        report.line("samples/" + name, name, {}, lambda: virtual.samples(name))
    for query, at in cases(names, pattern):
        report.line("query", query, at, lambda: virtual.judge(query, at, virtual.wanted(query, at), virtual.answer(query, at)))
    print("%s: %d passed, %d failed (%d of the passed answers have no series)" % (path, report.passed, report.failed, report.empty))
    sys.exit(report.failed > 0 or report.passed == 0 or report.empty > report.passed / 2)


if __name__ == "__main__":
    {"times": times, "compare": compare_all}[sys.argv[1]](*sys.argv[2:])
