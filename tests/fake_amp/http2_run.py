#!/usr/bin/python3
"""Signed queries over TLS and HTTP/2, and what comes of streams and frames that break: the exact answer or a typed error.

    http2_run.py AMPQL [REGEX]        environment: JOBS (4)

Run by Debian's python3, whose python3-h2 is the server's side. Over HTTP/1.1 the same front sends an answer that nobody asked
for behind each."""
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from fault_rows import ANSWER, BAD, LIMIT, NETWORK, QUERY, Error
from fault_run import DEADLINE_S, SERIES, TIME, judge
from http2 import KINDS, Front
from lab import Lab, Leak, Tally, values
from tls import authority, certificate

AGAIN = (ANSWER, Error((NETWORK, BAD), ""))
BROKEN = Error((NETWORK, BAD, LIMIT), "")
SLOW = ("--timeout", "3s")

# What comes of a fault that hits one attempt (None: not tried), all attempts, and flags. Those that are answered are exact.
ROWS = {
    "whole": (None, ANSWER), "refuses": (ANSWER, BROKEN), "resets": (ANSWER, BROKEN), "resets without error": (ANSWER, BROKEN),
    "calms down": (ANSWER, BROKEN), "wants HTTP/1.1": (AGAIN, (ANSWER, BROKEN)), "resets after the headers": (ANSWER, BROKEN),
    "resets in the body": (ANSWER, BROKEN), "resets in the body without error": (ANSWER, BROKEN),
    "cancels in the body": (ANSWER, BROKEN), "goes away first": (ANSWER, ANSWER), "goes away after": (ANSWER, ANSWER),
    "goes away instead": (ANSWER, BROKEN), "goes away in the body": (ANSWER, BROKEN), "closes in the body": (ANSWER, BROKEN),
    "breaks in the body": (ANSWER, BROKEN), "ends early": (ANSWER, BROKEN), "ends early unsaid": (ANSWER, BROKEN),
    "is too long": (AGAIN, BROKEN), "pings": (ANSWER, ANSWER), "pings in the body": (None, BROKEN, SLOW),
    "settings": (ANSWER, ANSWER), "pads": (ANSWER, ANSWER), "trails": (ANSWER, ANSWER), "informs": (ANSWER, ANSWER),
    "unknown frame": (ANSWER, ANSWER), "other stream": (AGAIN, (ANSWER, BROKEN)), "pushes": (AGAIN, (ANSWER, BROKEN)),
    "huge frame": (AGAIN, BROKEN), "head twice": (AGAIN, BROKEN), "no status": (AGAIN, BROKEN), "capitals": (AGAIN, (ANSWER, BROKEN)),
    "bad block": (AGAIN, BROKEN), "huge head": (AGAIN, (ANSWER, BROKEN)), "endless head": (AGAIN, BROKEN),
    "stalls": (None, BROKEN, SLOW), "long body": (ANSWER, ANSWER),
}


class Run:
    def __init__(self, ampql, folder):
        self.folder = folder
        self.lab = Lab(ampql)
        authority(folder, "ours")
        certificate(folder, "right", "ours", "DNS:localhost,IP:127.0.0.1")
        self.front = Front(self.lab.server.url, f"{folder}/right.pem", f"{folder}/right.key")
        with open(f"{folder}/http1.yml", "w", encoding="ascii") as out:
            out.write("enable_http2: false\n")
        self.wanted = self.nrequests = None

    def ask(self, faults, *flags):
        space = self.lab.space(series=SERIES, left_open=False)
        self.front.add(space, faults)
        source = ["--source", "amp:%s@us-east-1" % space, "--endpoint", self.front.url, "--ca-file", self.folder + "/ours.pem",
                  "--chunk", "1h", "--retries", "2"]
        done = self.lab.query(source, QUERY, TIME, *flags, deadline_s=DEADLINE_S)
        report = self.lab.report(space, drop=True)
        return done, self.front.seen[space], report

    def plain(self, tally):
        """Without faults: over several connections at once, each used again and again."""
        done, (links, by2, by1, most), report = self.ask([])
        self.wanted = values(done.out) if done.status == 0 else None
        self.nrequests = report["requests"] - 1  # without the probe
        if done.status or by1 or not 1 < most <= 5 or links > 5 or links * 2 > by2 or report["unsigned"]:
            tally.fail("over HTTP/2", "%s; %d connections, %d requests, %d by HTTP/1.1, %d at once" % (done, links, by2, by1, most))
        else:
            tally.ok("over HTTP/2", "%d requests over %d connections, %d at once" % (by2, links, most))

    def unasked(self, tally):
        done, (links, by2, by1, _), _ = self.ask([], "--http.config.file", self.folder + "/http1.yml", "--concurrency", "1")
        wrong = judge(ANSWER, done, self.wanted)
        if wrong or by2 or links != by1:
            tally.fail("unasked answers over HTTP/1.1 and TLS", "%s; %d connections, %d and %d requests" % (wrong, links, by1, by2))
        else:
            tally.ok("unasked answers over HTTP/1.1 and TLS", "%d requests, each over a connection of its own" % by1)

    def work(self, pattern):
        for kind, (once, always, *flags) in ROWS.items():
            for attempts, expected in ((1, once), (0, always)):
                places = [("first", 0), ("last", self.nrequests - 1)] + ([("every", "every")] if expected is ANSWER else [])
                for where, at in places if expected and pattern.search(kind) else ():
                    fault = {"kind": kind, "at": at, "attempts": attempts}
                    yield "%s, %s, %s" % (kind, where, "once" if attempts else "always"), fault, expected, *flags

    def one(self, work):
        name, fault, expected, *flags = work
        try:
            done, (_, _, by1, _), report = self.ask([fault], *(flags[0] if flags else ()))
            wrong = judge(expected, done, self.wanted)
        except (Leak, ValueError, KeyError) as error:
            return name, repr(error)
        if not wrong and report["requests"] > 600:
            wrong = "%d requests for one query" % report["requests"]
        return name, wrong or (by1 and fault["kind"] != "wants HTTP/1.1" and "%d requests by HTTP/1.1" % by1)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    tally, faults = Tally(), 0
    pattern = re.compile(sys.argv[2] if len(sys.argv) == 3 else "")
    if ROWS.keys() != KINDS.keys():
        raise SystemExit("error: rows and faults differ: %s" % (ROWS.keys() ^ KINDS.keys()))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(sys.argv[1], folder)
        run.plain(tally)
        run.unasked(tally)
        with ThreadPoolExecutor(int(os.environ.get("JOBS", 4))) as pool:
            for name, wrong in pool.map(run.one, list(run.work(pattern))):
                faults += 1
                if wrong:
                    tally.fail("HTTP/2 %s" % name, wrong)
                else:
                    tally.passed += 1
    print("HTTP/2: %d kinds of broken streams, %d runs; %d passed, %d failed" % (len(ROWS), faults, tally.passed, tally.failed))
    sys.exit(tally.failed > 0)


if __name__ == "__main__":
    main()
