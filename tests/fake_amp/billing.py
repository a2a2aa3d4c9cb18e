#!/usr/bin/env python3
"""What the queries of an allocation cost in samples processed, which is what AMP charges: evaluated by the server, and evaluated
here over what is fetched.

    billing.py URL AMPQL [CHUNK]

URL is a Prometheus loaded with the generated day. Each figure is what the server says itself (stats=all), added up by the fake
from its log: of the server's own evaluation of each query, of each query alone evaluated here, and of the whole bill in one batch
(`ampql allocate`), where what several queries read is fetched once. Exits 1 when the batch costs more than the server's own
evaluation, or than the queries alone."""
import sys

from lab import Lab

import differential
from server import Server


def rows():
    for name, query, times in differential.cases("queries.tsv"):
        if name.startswith("day/allocation/"):
            yield name[len("day/allocation/"):], query, times


def billed(lab, run):
    """(samples, requests, MB) of what run(flags for the source) asks."""
    space = lab.space()
    done = run(lab.amp(space))
    if done.status != 0:
        raise SystemExit("billing.py: error: %s" % done)
    report = lab.report(space, drop=True)
    return report["billed"], report["requests"], sum(entry["bytes"] for entry in report["log"]) / 1e6


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    lab, chunk = Lab(sys.argv[2], sys.argv[1]), sys.argv[3] if len(sys.argv) == 4 else "1d"
    direct = lab.space(flavour="prometheus", auth="none")
    server = Server("%s/workspaces/%s" % (lab.server.url, direct))
    remote = alone = 0
    print("%-36s %12s %12s" % ("query, samples billed", "remote", "fetched"))
    for name, query, times in rows():
        before = lab.report(direct)["billed"]
        server.instant(query, times["time"])
        there = lab.report(direct)["billed"] - before
        here, _, _ = billed(lab, lambda source, query=query, times=times: lab.query(source, query, times, "--chunk", chunk))
        remote, alone = remote + there, alone + here
        print("%-36s %12d %12d" % (name, there, here))
    end = differential.END
    batch, requests, megabytes = billed(lab, lambda source: lab.run(
        "allocate", *source, "--chunk", chunk, "--window", "%d,%d" % (end - 86400, end), "--resolution", "5m", deadline_s=300))
    print("%-36s %12d %12d" % ("each query alone", remote, alone))
    print("%-36s %12d %12d  (%.2f of remote; %d requests, %.1f MB of JSON)"
          % ("ampql allocate, one batch", remote, batch, batch / max(remote, 1), requests, megabytes))
    sys.exit(batch > remote or batch > alone or batch == 0)


if __name__ == "__main__":
    main()
