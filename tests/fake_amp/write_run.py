#!/usr/bin/env python3
"""Remote write through the fake: each fault at the first, the middle and the last request. Either all samples arrive, bit for bit, or
the command says why not, in the server's words; and never a secret in any output or a request at the port of a redirect. A job that
broke off is taken up again where it was, whether or not the last request had arrived.

    write_run.py AMPQL [REGEX]        environment: JOBS (12)"""
import os
import re
import struct
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from fault_rows import Error
from faults import Faults
from lab import KEYS, Lab, Leak, Tally

NSERIES, T = 30, [1772337000, 1772337060, 1772337120]
RULES = """groups:
- name: g
  rules:
  - {record: 'copied', expr: 'm * 1.5', labels: {from: rule}}
"""
WANTED = {(("__name__", "copied"), ("from", "rule"), ("n", "%d" % n)): {t * 1000: struct.pack("<d", (n + i) * 1.5) for i, t in enumerate(T)}
          for n in range(NSERIES)}
ALL, NREQUESTS = "all samples", 9  # three a time
LOST = {"kind": "reset"}  # the samples are taken

# (name, fault, what comes of it once, and always; settings)
ROWS = [
    ("no fault", None, ALL, None, {}),
    ("429", {"kind": "throttled_429"}, ALL, Error(7, "HTTP 429, ThrottlingException: \"Rate exceeded\""), {}),
    ("429 with Retry-After", {"kind": "throttled_429", "retry_after": "1"}, ALL, Error(7, "tried 3 times"), {}),
    ("Retry-After as a date", {"kind": "throttled_429", "retry_after": {"date_s": 1}}, ALL, Error(7, "HTTP 429"), {}),
    ("Retry-After of a day", {"kind": "throttled_429", "retry_after": "86400"}, Error(7, "HTTP 429"), None, {}),
    ("400 that throttles", {"kind": "throttled_400"}, ALL, Error(7, "Rate exceeded"), {}),
    ("500", {"kind": "status", "status": 500, "body": "oops"}, ALL, Error(7, "HTTP 500, \"oops\""), {}),
    ("502", {"kind": "status", "status": 502}, ALL, Error(7, "HTTP 502"), {}),
    ("503", {"kind": "status", "status": 503}, ALL, Error(7, "HTTP 503"), {}),
    ("504", {"kind": "status", "status": 504}, ALL, Error(7, "HTTP 504"), {}),
    ("501", {"kind": "status", "status": 501}, Error(7, "HTTP 501"), None, {}),
    ("404", {"kind": "status", "status": 404, "body": "404 page not found"}, Error(7, "404 page not found"), None, {}),
    ("404, receiver is off", {"kind": "status", "status": 404, "body": "remote write receiver needs to be enabled with"
                              " --web.enable-remote-write-receiver"}, Error(7, "start it with --web.enable-remote-write"), None, {}),
    ("out of order", {"kind": "status", "status": 400, "body": "out of order sample"}, Error(10, "\"out of order sample\""), None, {}),
    ("duplicate", {"kind": "status", "status": 400, "body": "duplicate sample for timestamp"}, Error(10, "another value"), None, {}),
    ("out of bounds", {"kind": "status", "status": 400, "body": "out of bounds"}, Error(10, "too old"), None, {}),
    ("AMP's 400", {"kind": "aws", "status": 400, "type": "ValidationException", "text": "err: sample too old"},
     Error(10, "ValidationException: \"err: sample too old\""), None, {}),
    ("a quota", {"kind": "aws", "status": 400, "type": "ValidationException", "text": "per-user series limit of 1000 exceeded"},
     Error(6, "a quota of the receiver"), None, {}),
    ("another 400", {"kind": "status", "status": 400, "body": "no"}, Error(10, "HTTP 400, \"no\""), None, {}),
    ("denied", {"kind": "denied"}, Error(8, "aps:RemoteWrite"), None, {}),
    ("expired", {"kind": "expired"}, Error(8, "have expired"), None, {}),
    ("413", {"kind": "too_large"}, ALL, None, {}),
    ("413 for all", {"kind": "too_large", "at": "every", "attempts": 0}, Error(6, "HTTP 413"), None, {}),
    ("reset", {"kind": "reset"}, ALL, Error(7, "tried 3 times"), {}),
    ("reset after the headers", {"kind": "reset_after_headers"}, ALL, ALL, {}),
    ("closed early", {"kind": "close_early"}, ALL, None, {}),
    ("not HTTP", {"kind": "not_http"}, ALL, Error((7, 9), ""), {}),
    ("redirect", {"kind": "redirect"}, Error(7, "redirects are not followed"), None, {}),
    ("a page", {"kind": "html"}, Error(7, "no receiver of remote write"), None, {}),
    ("an echo of the headers", {"kind": "echo"}, Error(10, "ValidationException"), None, {}),
    ("small requests only", None, ALL, None, {"max_write_bytes": 120}),
    ("the server's clock is ahead", None, ALL, None, {"skew_s": 7200}),
    ("another region", None, Error(8, "region"), None, {"region": "eu-west-3"}),
    ("another key", None, Error(8, ""), None, {"keys": {}}),
    ("AMP takes nothing old", None, Error(10, "AMP takes no samples older than an hour"), None, {"max_age_s": 3600}),
    ("a Prometheus without authentication", None, ALL, None, {"flavour": "prometheus", "auth": "none"}),
    ("a Prometheus that wants a password", None, ALL, None, {"flavour": "prometheus", "auth": "basic:writer:CanaryPassword"}),
    ("a Prometheus that wants another", None, Error(8, "credentials"), None, {"flavour": "prometheus", "auth": "basic:writer:other"}),
]


def judge(lab, space, expected, done):
    written = lab.server.spaces.get(space).written
    if done.status == "hang":
        return "hangs"
    if lab.server.records:
        return "a request went where a redirect pointed to"
    if expected == ALL:
        if done.status != 0:
            return "expected all samples: %s" % done
        return None if written == WANTED else "other samples arrived: %d series" % len(written)
    if done.status not in expected.codes or expected.text not in done.err:
        return "expected %s: %s" % (expected, done)
    wrong = [labels for labels, samples in written.items() if not samples.items() <= WANTED.get(labels, {}).items()]
    return "wrong samples arrived: %s" % wrong[:3] if wrong else None


def run(lab, folder, row, at, attempts):
    name, fault, once, always, settings = row
    faults = [{"class": "any", "at": at, "attempts": attempts, **fault}] if fault else []
    space = lab.space(faults=faults, **{"keys": KEYS, **settings})
    to = ["amp:%s@us-east-1" % space, "--endpoint", lab.server.url]
    if settings.get("flavour") == "prometheus":
        to = ["%s/workspaces/%s/api/v1/write" % (lab.server.url, space)]
        if settings["auth"] != "none":
            to += ["--remote-write.config.file", os.path.join(folder, "config.yml")]
    try:
        done = backfill(lab, folder, *to)
    except Leak as leak:
        return "%s" % leak
    headers = {header for entry in lab.report(space)["log"] for header in entry["headers"]}
    if "x-of-the-source" in headers:
        return "what is for the source went to the receiver"
    return judge(lab, space, always if attempts == 0 else once, done)


def backfill(lab, folder, *to):
    return lab.run("rules", "backfill", os.path.join(folder, "rules.yml"), "-s", os.path.join(folder, "data.prom"), "--stale-after", "5m",
                   "--start", str(T[0]), "--end", str(T[-1]), "--retries", "2", "--remote-write.max-samples",
                   str(NSERIES * len(T) // NREQUESTS), "--header", "X-Of-The-Source: CanaryHeader", "--remote-write", *to)


def resume(lab, folder, at, fault):
    """Break off at a request, then go on: only what is of that time is sent again."""
    space = lab.space(faults=[{"class": "any", "at": at, "attempts": 0, **fault}], keys={}, flavour="prometheus", auth="none")
    name = os.path.join(folder, "%s.%d" % (fault["kind"], at))
    to = ["%s/workspaces/%s/api/v1/write" % (lab.server.url, space), "--remote-write.state", name]
    first = backfill(lab, folder, *to)
    if first.status != 7:
        return "expected to break off: %s" % first
    lab.server.spaces.get(space).faults = Faults([])
    again = at // len(T) * NSERIES  # samples before the time of that request
    done = backfill(lab, folder, *to)
    if "%d had arrived before" % again not in done.err:
        return "expected %d to have arrived before: %s" % (again, done)
    return judge(lab, space, ALL, done)


def main():
    lab, tally = Lab(os.path.abspath(sys.argv[1])), Tally()
    rows = [row for row in ROWS if re.search(sys.argv[2] if len(sys.argv) > 2 else "", row[0])]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("rules.yml", RULES), ("data.prom", "".join('m{n="%d"} %d %d000\n' % (n, n + i, t) for n in range(NSERIES) for i, t in enumerate(T))),
                           ("config.yml", "basic_auth: {username: writer, password: CanaryPassword}\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        jobs = [(row, at, attempts) for row in rows for attempts in ((1, 0) if row[3] else (1,))
                for at in ((0, 4, 8) if row[1] else (0,))]
        with ThreadPoolExecutor(int(os.environ.get("JOBS", "12"))) as pool:
            done = list(pool.map(lambda job: run(lab, folder, *job), jobs))
            broken = [(at, fault) for at in range(NREQUESTS) for fault in (LOST, {"kind": "status", "status": 503})]
            resumed = list(pool.map(lambda job: resume(lab, folder, *job), broken))
        for (at, fault), why in zip(broken, resumed):
            if why:
                tally.fail("remote write goes on, request %d, %s" % (at, fault["kind"]), why)
            else:
                tally.passed += 1
        for row in rows:
            wrong = ["request %d, %s: %s" % (job[1], "always" if job[2] == 0 else "once", why)
                     for job, why in zip(jobs, done) if job[0] is row and why]
            if wrong:
                tally.fail("remote write, %s" % row[0], wrong[0])
            else:
                tally.passed += 1
    print("  %s   remote write: %d of %d faults and jobs that go on, in %d runs"
          % ("FAIL" if tally.failed else "OK", tally.passed, len(rows) + len(broken), len(jobs) + 2 * len(broken)))
    lab.close()
    return tally.failed > 0


sys.exit(main())
