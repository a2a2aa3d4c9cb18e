#!/usr/bin/env python3
"""The content id of a capture says what was asked and answered: it is the same in any chunks, over any number of connections,
whichever answers come late, in whatever order the expressions stand, brought up to date bit by bit, or merged.

    content.py AMPQL [WAYS] [SEED]

The data and questions are kill.py's."""
import json
import os
import random
import sys
import tempfile

from kill import B, NAME, QUERIES, SERIES, Wrong, check
from lab import KEYS, Lab, Tally

CHUNKS = ("1d", "7h", "1h", "35m", "2221s")
SLOW = {"kind": "slow", "s": 0.2, "attempts": 0}
END = B + 86400


class Fetching:
    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.number = 0

    def path(self):
        self.number += 1
        return os.path.join(self.folder, "%d.aqc" % self.number)

    def fetch(self, path, queries, *more, at=END, slow=()):
        self.lab.server.spaces.put(NAME, {"keys": KEYS, "series": SERIES, "left_open": False,
                                          "faults": [dict(SLOW, at=list(slow))] if slow else []})
        self.run("fetch", *self.lab.amp(NAME), "--out", path, "--time", str(at), *more, *queries)
        return path

    def run(self, *arguments):
        done = self.lab.run(*arguments)
        if done.status:
            raise Wrong("%s: %s" % (" ".join(arguments), done))
        return done.out

    def id(self, path):
        self.run("capture", "verify", path)
        return json.loads(self.run("capture", "show", "-o", "json", path))["id"]


def any_way(fetching, wanted, ways, rng):
    """Chunks, connections, the order of expressions and of answers."""
    for way in range(ways):
        connections, chunk = 1 + way * 7 // max(1, ways - 1) % 8, rng.choice(CHUNKS)
        queries = rng.sample(QUERIES, len(QUERIES))
        path = fetching.fetch(fetching.path(), queries, "--chunk", chunk, "--concurrency", str(connections),
                              slow=rng.sample(range(8), 2))
        if fetching.id(path) != wanted:
            raise Wrong("another id in chunks of %s over %d connections" % (chunk, connections))
    return "%d ways" % ways


def in_pieces(fetching, rng):
    """A day of raw samples and of a grid at once, hour by hour into one capture, and as captures that are merged."""
    def questions(hours):
        return ["m[%dh]" % hours, "max_over_time(m[%dh:1m])" % hours]

    whole = fetching.id(fetching.fetch(fetching.path(), questions(24)))
    appended, parts, done = fetching.path(), [], 0
    while done < 24:
        hours = min(rng.randint(2, 7), 24 - done)
        done += hours
        at = B + 3600 * done
        fetching.fetch(appended, questions(done), *(["--append"] if parts else []), at=at)
        parts.append(fetching.fetch(fetching.path(), questions(hours), at=at))
    if fetching.id(appended) != whole:
        raise Wrong("another id when it is brought up to date")
    for _ in range(3):
        rng.shuffle(parts)
        merged = fetching.path()
        fetching.run("capture", "merge", *parts, merged)
        if fetching.id(merged) != whole:
            raise Wrong("another id when %d parts are merged" % len(parts))
    return "%d times brought up to date, %d parts merged in 3 orders" % (len(parts) - 1, len(parts))


def main():
    ways = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally()
    lab = Lab(os.path.abspath(sys.argv[1]))
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # making files last is not what this is about
    with tempfile.TemporaryDirectory(prefix="fake_amp_content", dir=memory) as folder:
        fetching = Fetching(lab, folder)
        wanted = fetching.id(fetching.fetch(fetching.path(), QUERIES))
        check(tally, "the content id in other windows, connections and orders", lambda: any_way(fetching, wanted, ways, rng))
        check(tally, "the content id in pieces", lambda: in_pieces(fetching, rng))
    lab.close()
    return tally.failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(main())
