#!/usr/bin/env python3
"""Samples exactly on the edges, by hand: of windows, of chunks, of lookback, of grids. Both dialects, every chunk size.

    edges.py AMPQL [URL]

A tiny scripted server (memory.py) holds one sample a minute, on the minute, and markers where series end. What must come out is
written down here, and the same for every way to cut the windows. With the URL of a real server the same series are pushed to it
and it answers behind the fake, in its own dialect: Prometheus 2.42 in `make fetch`, the newest engine in `make newest-fetch`."""
import sys

from lab import Lab, Leak, Tally, values

from push import push
from server import Server

B = 1772337000  # 2026-03-01T03:50Z: all times are from here; a multiple of 7 minutes and of 37 s
M = 60
LAST = 700 * M


def minutes(*pieces):
    """Samples each minute: (first, end, value or None for the minute's number); a marker: (minute, "stale")."""
    out = []
    for first, end, *value in pieces:
        if end == "stale":
            out.append([B + first * M, "stale"])
        else:
            out += [[B + k * M, value[0] if value else str(k)] for k in range(first, end)]
    return out


SERIES = [
    {"metric": {"__name__": "m", "job": "a"}, "samples": minutes((0, 701))},
    {"metric": {"__name__": "m", "job": "b"}, "samples": minutes((0, 701))},
    {"metric": {"__name__": "ended"}, "samples": minutes((0, 600, "1"), (600, "stale"))},
    {"metric": {"__name__": "silent"}, "samples": minutes((0, 600, "1"))},
    {"metric": {"__name__": "gap"}, "samples": minutes((0, 100, "1"), (100, "stale"), (130, 200, "2"))},
    {"metric": {"__name__": "odd"}, "samples": [["%d.%03d" % (B + t, t % 1000), str(t)] for t in range(7, 36000, 13)]},
]

# name, query, time, prom3's value, prom2's value (None: no series)
ROWS = (
    ("window", "count_over_time(m{job='a'}[10m])", 600 * M, "10", "11"),
    ("sum in a window", "sum_over_time(m{job='a'}[10m])", 600 * M, "5955", "6545"),
    ("one sample", "count_over_time(m{job='a'}[1m])", 600 * M, "1", "2"),
    ("less than an interval", "count_over_time(m{job='a'}[59s])", 600 * M, "1", "1"),
    ("one millisecond", "count_over_time(m{job='a'}[1ms])", 600 * M, "1", "1"),
    ("just after", "count_over_time(m{job='a'}[10m])", 600 * M + 0.001, "10", "10"),
    ("just before", "count_over_time(m{job='a'}[10m])", 600 * M - 0.001, "10", "10"),
    ("ten hours", "count_over_time(m{job='a'}[10h])", 600 * M, "600", "601"),
    ("ten hours of two", "sum(count_over_time(m[10h]))", 600 * M, "1200", "1202"),
    ("offset", "count_over_time(m{job='a'}[10h] offset 1h)", 660 * M, "600", "601"),
    ("negative offset", "count_over_time(m{job='a'}[9h] offset -1h)", 540 * M, "540", "541"),
    ("at", "count_over_time(m{job='a'}[10h] @ %d)" % (B + 600 * M), 700 * M, "600", "601"),
    ("increase", "increase(m{job='a'}[10h])", 600 * M, "600", "600"),
    ("odd times", "count_over_time(odd[9h])", 36000.5, "2492", "2492"),
    ("odd times, odd edge", "count_over_time(odd[1299300ms])", 15087.087, "100", "101"),
    ("odd times, all", "sum_over_time(odd[10h])", 36000, "49839231", "49839231"),
    ("lookback at its edge", "silent", 604 * M, None, "1"),
    ("lookback inside", "silent", 604 * M - 0.001, "1", "1"),
    ("marker", "ended", 600 * M, None, None),
    ("before the marker", "ended", 600 * M - 0.001, "1", "1"),
    ("subquery over an end", "count_over_time(ended[10h:5m])", 620 * M, "115", "116"),
    ("subquery over silence", "count_over_time(silent[10h:1m])", 620 * M, "583", "585"),
    ("subquery over a gap", "sum_over_time(gap[5h:1m])", 300 * M, "247", "250"),
    ("subquery on its grid", "count_over_time(m{job='a'}[10h:7m])", 600 * M, "85", "86"),
    ("subquery with an edge point", "count_over_time(m{job='a'}[70m:7m])", 693 * M, "10", "11"),
    ("subquery of odd seconds", "count_over_time(odd[37m:37s])", 35520, "60", "61"),
    ("timestamp", "timestamp(m{job='a'}) - %d" % B, 600 * M + 30, "36000", "36000"),
    ("timestamps of several metrics", "sum(floor(timestamp({__name__=~'m|odd'}) - %d))" % B, 600 * M + 30, "107991", "107991"),
    ("timestamps in a subquery", "sum_over_time((timestamp(silent) - %d)[1h:1m])" % B, 603 * M, "2064000", "2096580"),
)
# range queries: the times at which there are points
RANGES = (
    ("ended", (590 * M, 610 * M, 120), range(590 * M, 600 * M, 120)),
    ("ended", (591 * M + 17, 610 * M, 113), range(591 * M + 17, 600 * M, 113)),
    ("m{job='a'}", (3, 700 * M + 3, 997), range(3, 700 * M + 4, 997)),
    ("timestamp(m{job='a'})", (90, 700 * M, 3600), range(90, 700 * M + 1, 3600)),
    ("timestamp({job='a'})", (90, 700 * M, 3600), range(90, 700 * M + 1, 3600)),
    ("gap offset 7m", (100 * M, 140 * M, 60), [*range(100 * M, 107 * M, 60), *range(137 * M, 140 * M + 1, 60)]),
)
CHUNKS = ("1d", "10h", "3h", "61m", "7m")


def check(lab, tally, left_open, settings):
    dialect = "prom3" if left_open else "prom2"
    for flavour in ("amp", "prometheus"):
        space = lab.space(flavour=flavour, **settings)
        source = lab.amp(space)
        for name, query, at, prom3, prom2 in ROWS:
            wanted = prom3 if left_open else prom2
            for chunk in CHUNKS if flavour == "amp" else CHUNKS[2:4]:
                judge(lab, tally, "%s, %s, chunks of %s" % (name, dialect, chunk), source, query, {"time": B + at}, chunk,
                      lambda got: [points[0][1] for points in got.values()], [] if wanted is None else [wanted])
        for query, (start, end, step), wanted in RANGES:
            for chunk in CHUNKS:
                times = {"start": B + start, "end": B + end, "step": step}
                judge(lab, tally, "%s %s, %s, chunks of %s" % (query, times, dialect, chunk), source, query, times, chunk,
                      lambda got: [float(t) - B for points in got.values() for t, _ in points], [float(t) for t in wanted])
        if lab.report(space)["unsigned"]:
            tally.fail("edges", "a request was not signed properly")


def judge(lab, tally, name, source, query, times, chunk, look, wanted):
    try:
        done = lab.query(source, query, times, "--chunk", chunk)
        got = look(values(done.out)) if done.status == 0 else done
    except (Leak, ValueError, KeyError) as wrong:
        got = wrong
    if got == wanted:
        tally.passed += 1
    else:
        tally.fail("edge: " + name, "%s, not %s\n       %s" % (got, wanted, query))


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    tally = Tally()
    if len(sys.argv) == 2:
        lab = Lab(sys.argv[1])
        for left_open in (True, False):
            check(lab, tally, left_open, {"series": SERIES, "left_open": left_open})
        where = "a scripted server of both dialects"
    else:
        push(sys.argv[2], SERIES)
        lab, where = Lab(sys.argv[1], sys.argv[2]), Server(sys.argv[2]).dialect()
        check(lab, tally, where == "prom3", {})
    print("edges: %d passed, %d failed, over %s" % (tally.passed, tally.failed, where))
    sys.exit(tally.failed > 0 or tally.passed == 0)


if __name__ == "__main__":
    main()
