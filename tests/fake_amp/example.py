#!/usr/bin/env python3
"""examples/amp.c before the fake AMP: signed requests, and the answer that the command gives, too.

    example.py AMPQL AMP_EXAMPLE"""
import subprocess
import sys

from fault_run import SERIES, TIME
from lab import CANARY, Lab, Tally, values

QUERY = "sum by (job) (avg_over_time(m[1h]))"


def main():
    tally, lab = Tally(), Lab(sys.argv[1])
    space = lab.space(series=SERIES, left_open=False)
    done = subprocess.run([sys.argv[2], space, "us-east-1", QUERY, str(TIME["time"]), lab.server.url], capture_output=True, text=True,
                          check=False, env=lab.environment(), timeout=60)
    wanted = values(lab.query(lab.amp(space), QUERY, TIME).out)
    got = {}
    for line in done.stdout.splitlines():
        labels, value = line.rsplit(" ", 1)
        got['{"job": %s}' % labels.strip("{}").partition("=")[2]] = float(value)
    if done.returncode or not wanted or got != {labels: float(pairs[0][1]) for labels, pairs in wanted.items()}:
        tally.fail("example amp", "exit code %d: %s%s, expected %s" % (done.returncode, done.stdout, done.stderr, wanted))
    elif CANARY in done.stdout + done.stderr or "samples billed" not in done.stderr:
        tally.fail("example amp", done.stderr)
    else:
        tally.ok("example amp", done.stderr.strip())
    lab.close()
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main())
