#!/usr/bin/env python3
"""Every row of fault_rows.py at the first, the middle and the last request: the exact answer or a typed error, in time, and
never a wrong number, a secret in any output, or a request at the port that a redirect points to.

    fault_run.py AMPQL [REGEX]        environment: JOBS (4)

The data is hand-made (memory.py), so that each answer is known; faults hit real signed requests of the command."""
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from fault_rows import ANSWER, QUERY, ROWS, Error, Text
from lab import BEARER, Lab, Leak, Tally, values

B = 1772337000
TIME = {"time": B + 6 * 3600}
DEADLINE_S = 90  # a busy machine is no hang
SERIES = [{"metric": {"__name__": name, "job": job, "zone": "z%d" % (n % 3)},
           "samples": [[B + t, str(n + t // 60 % 7)] for t in range(0, 6 * 3600 + 1, 120)]}
          for name in ("m", "n") for n, job in enumerate("abcde")]


class Plan:
    """A query as it goes without faults: its answer, and how many requests a fault's "match" finds."""

    def __init__(self, lab, row):
        self.lab, self.row, self.query = lab, row, row.query or QUERY
        self.space = lab.space(series=SERIES, left_open=False)
        done = self.ask(self.space, {"way": "amp"})
        if done.status != 0:
            raise SystemExit("error: without a fault: %s" % done)
        self.wanted = values(done.out)
        self.log = [entry for entry in lab.report(self.space, drop=True)["log"]
                    if entry["path"].startswith("/api/v1/query") and "vector(1)" not in dict(entry["params"])["query"]]

    def count(self, match):
        found = {json.dumps(entry["params"]) for entry in self.log if re.search(match, dict(entry["params"])["query"])}
        return len(found)

    def ask(self, space, how):
        source = getattr(self.lab, how["way"])(space, *([how["region"]] if "region" in how else []))
        flags = ["--chunk", "1h", "--retries", "2", *how.get("flags", [])]
        if how["way"] == "http":
            flags += ["--header", "Authorization: Bearer " + BEARER]
        aws = "%s/_aws/%s" % (self.lab.server.url, space)
        env = self.lab.environment(**{name: value.replace("{aws}", aws) for name, value in how.get("env", {}).items() if value})
        for name, value in how.get("env", {}).items():
            if not value:
                env.pop(name, None)
        return self.lab.query(source, self.query, TIME, *flags, deadline_s=DEADLINE_S, env=env)


def judge(expected, done, wanted):
    """None, or what is wrong."""
    if done.status == "hang":
        return "hangs: no end after %d s" % DEADLINE_S
    for one in expected if isinstance(expected, tuple) else (expected,):
        if isinstance(one, Error):
            if done.status in one.codes and one.text in done.err and not done.out.strip():
                return None
        elif done.status == 0:
            value = ANSWER if one is ANSWER else one.value
            got = values(done.out)
            is_right = got == wanted if value is ANSWER else [points[0][1] for points in got.values()] == [value]
            if is_right and (one is ANSWER or one.note in done.err):
                return None
    if done.status == 0 and values(done.out) != wanted:
        return "a wrong number: %s, not %s" % (done.out.strip()[:300], wanted)
    names = " or ".join(map(str, expected)) if isinstance(expected, tuple) else expected
    return "%s, not %s" % (done if done.status else "the answer, stderr %r" % done.err[:300], names)


def tries(plan, row):
    """(where, fault, expected)"""
    total = plan.count(row.fault.get("match", ""))
    places = [("every", "every")] if row.every else [("first", 0), ("middle", total // 2), ("last", total - 1)]
    for attempts, expected in ((1, row.once), (0, row.always)):
        if expected is None:
            continue
        for where, at in places:
            yield "%s, %s" % (where, "once" if attempts else "always"), {**row.fault, "at": at, "attempts": attempts}, expected


class Run:
    def __init__(self, ampql):
        self.lab = Lab(ampql)
        self.plans = {}

    def plan(self, row):
        if row.query not in self.plans:
            self.plans[row.query] = Plan(self.lab, row)
        return self.plans[row.query]

    def one(self, work):
        """(name, where, what is wrong or None)"""
        row, where, fault, expected = work
        plan, lab = self.plans[row.query], self.lab
        settings = {"series": SERIES, "left_open": False, **row.settings}
        if row.way == "http":
            settings.update(auth="bearer:" + BEARER, flavour="prometheus")
        space = lab.space(faults=[fault], **settings)
        how = {"way": row.way, "flags": row.flags, "env": row.env}
        if row.way == "amp":
            how["region"] = row.region
        try:
            done = plan.ask(space, how)
            wrong = judge(expected, done, plan.wanted)
        except (Leak, ValueError, KeyError) as error:
            wrong = repr(error)
        report = lab.report(space, drop=True)
        if not wrong and not report["hits"] and not isinstance(expected, Error):
            wrong = "the fault hit no request"
        if not wrong and any("cookie" in entry.get("headers", ()) for entry in report["log"]):
            wrong = "a cookie was sent back"
        if not wrong and report["requests"] > 600:
            wrong = "%d requests for one query" % report["requests"]
        return row.name, where, wrong, done.seconds if not wrong else 0

    def work(self, pattern):
        for row in ROWS:
            if pattern.search(row.name):
                for where, fault, expected in tries(self.plan(row), row):
                    yield row, where, fault, expected


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    run, tally, slowest = Run(sys.argv[1]), Tally(), (0, "")
    names = set()
    work = list(run.work(re.compile(sys.argv[2] if len(sys.argv) == 3 else "")))
    with ThreadPoolExecutor(int(os.environ.get("JOBS", 4))) as pool:
        for name, where, wrong, seconds in pool.map(run.one, work):
            names.add(name)
            slowest = max(slowest, (seconds, "%s, %s" % (name, where)))
            if wrong:
                tally.fail("fault %s, %s" % (name, where), wrong)
            else:
                tally.passed += 1
    if run.lab.server.records:
        tally.fail("redirects", "%d requests reached the other port" % len(run.lab.server.records))
    if len(names) < 40 and len(sys.argv) == 2:
        tally.fail("faults", "only %d of them" % len(names))
    print("faults: %d of them, %d runs as they should be, %d not; nothing at the redirects' port; the slowest %.1f s (%s)"
          % (len(names), tally.passed, tally.failed, *slowest))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0 or (tally.passed == 0 and len(sys.argv) == 2))


if __name__ == "__main__":
    main()
