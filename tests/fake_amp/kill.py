#!/usr/bin/env python3
"""`ampql fetch` killed (SIGKILL) at random moments, stopped by a full disk (RLIMIT_FSIZE, and a small file system where the
system lets us mount one) and by a network that goes away: each time what is on disk verifies, no capture is there, and going
on gives the content id of an undisturbed run without asking again for a window that was finished.

    kill.py AMPQL [KILLS] [SEED]

The data is hand-made (memory.py). One request is one window: --chunk is a window's length, too."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

from lab import KEYS, Lab, Leak, Tally

B = 1772323200  # a day
SERIES = [{"metric": {"__name__": name, "job": "job-%d" % job, "zone": "z%d" % (job % 3)},
           "samples": [[B + t, str((t // 60 * (job + 3)) % 1009)] for t in range(0, 86401, 60)]}
          for name in ("m", "n") for job in range(4)]
QUERIES = ["sum(rate(m[1d]))", 'avg_over_time(n{job!="job-1"}[20h] offset 90m)', "max_over_time(sum(m)[1d:1m])"]
NAME = "ws-00000000-0000-4000-8000-00000000dead"


class Wrong(Exception):
    pass


class Fetching:
    def __init__(self, lab, folder):
        self.lab, self.out = lab, os.path.join(folder, "day.aqc")
        self.part = self.out + ".part"
        self.arguments = ["fetch", *lab.amp(NAME), "--chunk", "1h", "--retries", "0", "--out", self.out, "--time",
                          str(B + 86400), *QUERIES]

    def space(self, faults=()):
        """The workspace with its log of requests emptied."""
        self.lab.server.spaces.put(NAME, {"keys": KEYS, "series": SERIES, "left_open": False, "faults": list(faults)})

    def asked(self):
        """Requests for samples since then."""
        return [entry for entry in self.lab.report(NAME)["log"] if entry["path"].startswith("/api/v1/query")
                and "vector(1)" not in dict(entry["params"])["query"]]

    def start(self, **how):
        return subprocess.Popen([self.lab.ampql, *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env=self.lab.environment(), **how)

    def windows(self):
        """How many the log of an unfinished capture has, after it was verified."""
        if os.path.exists(self.out):
            raise Wrong("there is a capture that was never finished")
        if not os.path.exists(self.part) or os.path.getsize(self.part) < 16:
            return 0
        done = self.lab.run("capture", "verify", "-o", "json", self.part)
        verdict = json.loads(done.out.splitlines()[-1])
        if done.status != 0 or not verdict["whole"] or verdict["finished"]:
            raise Wrong("the log does not verify: %s" % done)
        return verdict["usable"]

    def finish(self):
        """Run to the end; the content id, and how many requests that took."""
        self.space()
        done = self.lab.run(*self.arguments)
        if done.status != 0 or os.path.exists(self.part):
            raise Wrong("it cannot be finished: %s" % done)
        verified = self.lab.run("capture", "verify", self.out)
        if verified.status != 0:
            raise Wrong("it does not verify: %s" % verified)
        shown = json.loads(self.lab.run("capture", "show", "-o", "json", self.out).out)
        os.unlink(self.out)
        return shown["id"], len(self.asked())


class Undisturbed:
    def __init__(self, fetching):
        begin = time.monotonic()
        self.id, self.requests = fetching.finish()
        self.seconds = time.monotonic() - begin
        if self.requests < 60:
            raise SystemExit("error: only %d requests" % self.requests)


def go_on(fetching, undisturbed, held):
    got, requests = fetching.finish()
    if got != undisturbed.id:
        raise Wrong("another content id after going on from %d windows" % held)
    if requests != undisturbed.requests - held:
        raise Wrong("%d requests, of %d windows %d were there" % (requests, undisturbed.requests, held))


def kill_once(fetching, undisturbed, rng):
    """One to four kills of one capture, then to its end. Returns how many kills hit a run, and the windows at the last."""
    kills = held = 0
    for _ in range(rng.randint(1, 4)):
        run = fetching.start()
        time.sleep(rng.uniform(0, undisturbed.seconds * 1.1))
        if run.poll() is not None and os.path.exists(fetching.out):
            break  # it was faster
        run.send_signal(signal.SIGKILL)
        run.communicate()
        if os.path.exists(fetching.out):
            break
        now = fetching.windows()
        if now < held:
            raise Wrong("%d windows after %d" % (now, held))
        kills, held = kills + 1, now
    if os.path.exists(fetching.out):
        os.unlink(fetching.out)
    else:
        go_on(fetching, undisturbed, held)
    return kills, held


def stop_at(fetching, undisturbed, size):
    """No file may grow over `size` bytes: as on a full disk, writing fails."""
    run = fetching.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    err = run.communicate()[1].decode("utf-8", "replace")
    if run.returncode != 10 or "File too large" not in err:
        raise Wrong("at %d bytes: exit status %d: %s" % (size, run.returncode, err))
    held = fetching.windows()
    go_on(fetching, undisturbed, held)
    return held


# $0: where the log is kept, $1: the folder, $2: its size, $3: the log; then the command
ON_SMALL_DISK = """mount -t tmpfs -o "size=$2" none "$1" || exit 125
log=$3; shift 3
"$@"; status=$?
cp "$log" "$0"; exit $status"""


def on_small_disk(fetching, size, *command):
    """Run a command with a file system of its own in the capture's folder; its log stays behind."""
    keep = os.path.dirname(fetching.out) + ".kept"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", ON_SMALL_DISK, keep, os.path.dirname(fetching.out), "%dk" % (size // 1024),
                           fetching.part, *command], capture_output=True, text=True, env=fetching.lab.environment(), check=False)
    if os.path.exists(keep):
        os.rename(keep, fetching.part)
    return done


def fill_disk(fetching, undisturbed, size):
    done = on_small_disk(fetching, size, fetching.lab.ampql, *fetching.arguments)
    if done.returncode != 10 or "No space left on device" not in done.stderr:
        raise Wrong("on a disk of %d bytes: exit status %d: %s" % (size, done.returncode, done.stderr))
    held = fetching.windows()
    go_on(fetching, undisturbed, held)
    return held


def has_small_disks(fetching):
    try:
        return on_small_disk(fetching, 65536, "true").returncode != 125
    except OSError:  # no unshare
        return False


def lose_network(fetching, undisturbed, at):
    fetching.space([{"kind": "reset", "at": list(range(at, undisturbed.requests + 5)), "attempts": 0}])
    run = fetching.start()
    err = run.communicate()[1].decode("utf-8", "replace")
    if run.returncode != 7:
        raise Wrong("without network: exit status %d: %s" % (run.returncode, err))
    held = fetching.windows()
    go_on(fetching, undisturbed, held)
    return held


def largest(fetching, undisturbed):
    """Bytes of the log when all but one window is there."""
    fetching.space([{"kind": "reset", "at": undisturbed.requests - 1, "attempts": 0}])
    fetching.start().communicate()
    size = os.path.getsize(fetching.part)
    fetching.finish()
    return size


def check(tally, name, work):
    try:
        tally.ok(name, work())
    except (Wrong, Leak) as wrong:
        tally.fail(name, wrong)


def kills(fetching, undisturbed, wanted, rng):
    hits = captures = 0
    seen = set()
    while hits < wanted:
        more, held = kill_once(fetching, undisturbed, rng)
        hits, captures = hits + more, captures + 1
        seen.add(held)
    return "%d kills of %d captures, going on from %d different numbers of windows of %d" % (
        hits, captures, len(seen), undisturbed.requests)


def main():
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    tally = Tally()
    lab = Lab(os.path.abspath(sys.argv[1]))
    with tempfile.TemporaryDirectory(prefix="fake_amp_kill") as folder:
        fetching = Fetching(lab, folder)
        undisturbed = Undisturbed(fetching)
        full = largest(fetching, undisturbed)
        few = max(2, wanted // 6)
        check(tally, "fetch killed at random moments", lambda: kills(fetching, undisturbed, wanted, rng))
        check(tally, "fetch on a full disk", lambda: "stopped with %s windows" % sorted(
            stop_at(fetching, undisturbed, rng.randrange(20, full)) for _ in range(few)))
        if has_small_disks(fetching):
            check(tally, "fetch on a full file system", lambda: "stopped with %s windows" % sorted(
                fill_disk(fetching, undisturbed, rng.randrange(4096, full)) for _ in range(few)))
        else:
            print("  no file system may be mounted here: not tried on a full one")
        check(tally, "fetch without network", lambda: "stopped with %s windows" % sorted(
            lose_network(fetching, undisturbed, rng.randrange(undisturbed.requests)) for _ in range(few)))
    lab.close()
    return tally.failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(main())
