#!/usr/bin/env python3
"""The command while system calls, or malloc, fail: each call of each command line, one after the other.

    processes.py AMPQL SHIMS calls|malloc [--stride N] [--jobs N] [--only TEXT]

  SHIMS     the folder of call_shim.so and malloc_shim.so
  calls     open, read, write, fsync, rename, close, socket, connect, send, recv, ... fail with the errors of KINDS, come short,
            or say that there is no more; once, and from then on
  malloc    every allocation of the process fails, its libraries' too; once, and from then on
  --stride  every N-th point only

A run ends with the right answer, or with an exit status of src/cli/exit.h and a line that says why; what is there under an
output's name is whole; nothing else is left but PART files, from which `fetch` goes on; no crash, no hang."""
import argparse
import concurrent.futures
import errno
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fake_amp"))
from lab import KEYS, Lab, Tally  # noqa: E402

PART, END = 0, -1
ONCE, KEEPS = 0, 1
HANGS_AFTER_S = 30
STATUSES = range(0, 11)  # src/cli/exit.h, but 70: a mistake of ours

# What fails how; an error that lasts (a full disk, no descriptors, a dead connection) also from then on.
FILES = [(errno.EINTR, ONCE), (errno.EIO, ONCE), (errno.EIO, KEEPS)]
FULL = [(errno.ENOSPC, ONCE), (errno.ENOSPC, KEEPS)]
SHORT = [(PART, ONCE), (PART, KEEPS)]
MANY = [(errno.EMFILE, ONCE), (errno.EMFILE, KEEPS)]
WIRE = [(errno.EINTR, ONCE), (errno.ECONNRESET, ONCE), (errno.ECONNRESET, KEEPS)]
KINDS = {
    "open": FILES + FULL + MANY,
    "read": FILES + SHORT,
    "pread": FILES + SHORT + [(END, ONCE)],
    "write": FILES + FULL + SHORT,
    "pwrite": FILES + FULL + SHORT,
    "fsync": FILES + FULL,
    "fdatasync": FILES + FULL,
    "rename": [(errno.EIO, ONCE), *FULL],
    "close": [(errno.EINTR, ONCE), (errno.EIO, ONCE)],
    "mmap": [(errno.ENOMEM, ONCE), (errno.ENOMEM, KEEPS)],
    "ftruncate": FILES + FULL,
    "flock": [(errno.EINTR, ONCE), (errno.ENOLCK, ONCE)],  # EWOULDBLOCK: the file is another process's
    "mkdir": [(errno.EIO, ONCE), *FULL],
    "fstat": [(errno.EIO, ONCE)],
    "readdir": [(errno.EIO, ONCE)],
    "fopen": [(errno.EIO, ONCE), *MANY],
    "fread": [(errno.EIO, ONCE)],
    "fwrite": [(errno.EIO, ONCE), *FULL],
    "fflush": [(errno.EIO, ONCE), *FULL],
    "fclose": [(errno.EIO, ONCE), (errno.ENOSPC, ONCE)],
    "socket": MANY,
    "bind": [(errno.EADDRINUSE, ONCE)],
    "listen": [(errno.EADDRINUSE, ONCE)],
    "accept": [(errno.EINTR, ONCE), (errno.ECONNABORTED, ONCE), *MANY],
    "connect": [*WIRE, (errno.ECONNREFUSED, ONCE)],
    "send": [*WIRE, (errno.EPIPE, ONCE), *SHORT],
    "recv": [*WIRE, *SHORT, (END, ONCE)],
    "poll": [(errno.EINTR, ONCE), (errno.ENOMEM, ONCE)],
    "pthread_create": [(errno.EAGAIN, ONCE), (errno.EAGAIN, KEEPS)],
}

B = 1772323200
SERIES = [{"metric": {"__name__": "m", "job": "job-%d" % job}, "samples": [[B + t, str(t // 60 * (job + 3) % 1009)] for t in
                                                                            range(0, 3601, 60)]} for job in range(3)]
SPACE = "ws-00000000-0000-4000-8000-0000000000fa"
SMALL = "tests/data/cli/small.prom"
RULES = "{data}/rules.yml"
HOUR = ["--start", "60", "--end", "180", "--step", "60"]

# name, command line, names of the outputs in the folder {out}
ROWS = [
    ("query, OpenMetrics", ["query", "-s", SMALL, *HOUR, "sum by (pod) (rate(requests_total[2m]))"], []),
    ("query, JSON", ["query", "-s", SMALL, "--time", "120", "-o", "json", "requests_total"], []),
    ("query, CSV", ["query", "-s", "{data}/small.csv", "--time", "120", "-o", "csv", "requests_total"], []),
    ("query, gzip", ["query", "-s", "tests/data/source/members.txt.gz", "--time", "1709403069", "up"], []),
    ("query, capture", ["query", "-s", "{data}/small.aqc", *HOUR, "requests_total * 2"], []),
    ("query, two sources", ["query", "-s", SMALL, "-s", "{data}/small.csv", "--time", "120", "requests_total"], []),
    ("query, folder of answers", ["query", "-s", "{data}/answers", "--time", str(B + 3600), "rate(m[1h])"], []),
    ("query, tsdb", ["query", "-s", "tests/data/source/tsdb/block", "--time", "1772318426",
                     "sum(container_cpu_cfs_periods_total)"], []),
    ("query, server", ["query", "-s", "{url}", "--retries", "1", "--time", str(B + 3600), "sum(rate(m[1h]))"], []),
    ("explain", ["explain", "-s", "{data}/small.aqc", "--time", "120", "rate(requests_total[2m])"], []),
    ("series", ["series", "-s", SMALL, "requests_total"], []),
    ("fetch, server", ["fetch", "-s", "{url}", "--retries", "1", "--chunk", "20m", "--time", str(B + 3600), "--out",
                       "{out}/day.aqc", "rate(m[1h])"], ["day.aqc"]),
    ("fetch, AMP", ["fetch", "-s", "amp:%s@us-east-1" % SPACE, "--endpoint", "{amp}", "--retries", "1", "--time",
                    str(B + 3600), "--out", "{out}/day.aqc", "m"], ["day.aqc"]),
    ("capture ls", ["capture", "ls", "{data}/small.aqc"], []),
    ("capture verify", ["capture", "verify", "{data}/small.aqc"], []),
    ("capture merge", ["capture", "merge", "{data}/fetched.aqc", "{data}/half.aqc", "{out}/new.aqc"], ["new.aqc"]),
    ("capture redact", ["capture", "redact", "--key-file", "{data}/key", "--map", "{out}/map", "{data}/small.aqc",
                        "{out}/new.aqc"], ["new.aqc", "map"]),
    ("convert to a capture", ["capture", "convert", SMALL, "{out}/new.aqc"], ["new.aqc"]),
    ("convert to CSV", ["capture", "convert", "{data}/small.aqc", "{out}/new.csv"], ["new.csv"]),
    ("convert to OpenMetrics", ["capture", "convert", "{data}/small.aqc", "{out}/new.om"], ["new.om"]),
    ("convert to JSON", ["capture", "convert", "{data}/fetched.aqc", "{out}/new/"], ["new"]),
    ("rules eval", ["rules", "eval", "-s", SMALL, "--time", "120", RULES], []),
    ("rules check", ["rules", "check", "-s", SMALL, RULES], []),
    ("rules backfill", ["rules", "backfill", "-s", SMALL, "--start", "0", "--end", "180", RULES], []),
    ("rules backfill to a capture", ["rules", "backfill", "-s", SMALL, "--start", "0", "--end", "180", "--out",
                                     "{out}/new.aqc", RULES], ["new.aqc"]),
    ("allocate", ["allocate", "-s", "{data}/small.aqc", "--window", "0,120", "--now", "180"], []),
    ("allocate to a page", ["allocate", "-s", SMALL, "--window", "0,120", "--now", "180", "--html", "{out}/bill.html"],
     ["bill.html"]),
    ("fmt", ["fmt", "sum by(a)(rate(c[5m]))"], []),
    ("test", ["test", "{data}/script.test", "--junit", "{out}/junit.xml"], ["junit.xml"]),
]


class World:
    """The command, files to read, a server, and a place for what is written."""

    def __init__(self, ampql, shims):
        self.ampql, self.shims = os.path.abspath(ampql), os.path.abspath(shims)
        self.lab = Lab(self.ampql)
        self.root = tempfile.mkdtemp(prefix="ampql-faults", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.data = os.path.join(self.root, "data")
        self.number = 0
        self.lab.server.spaces.put(SPACE, {"keys": KEYS, "series": SERIES})
        self.lab.server.spaces.put("open", {"auth": "none", "flavour": "prometheus", "series": SERIES})
        os.mkdir(self.data)
        self.make_files()

    def make_files(self):
        def run(*arguments):
            done = self.run([a.format(**self.words("")) for a in arguments], {})
            if done.status != 0:
                raise SystemExit("error: %s: %s" % (" ".join(arguments), done.err.decode()))
        run("capture", "convert", SMALL, "{data}/small.aqc")
        run("capture", "convert", SMALL, "{data}/small.csv")
        run("fetch", "-s", "{url}", "--time", str(B + 3600), "--out", "{data}/fetched.aqc", "rate(m[1h])", "m")
        run("fetch", "-s", "{url}", "--time", str(B + 1800), "--out", "{data}/half.aqc", "rate(m[30m])")
        run("capture", "convert", "{data}/fetched.aqc", "{data}/answers/")
        with open(os.path.join(self.data, "key"), "w", encoding="ascii") as file:
            file.write("a key of this test alone")
        with open(os.path.join(self.data, "rules.yml"), "w", encoding="ascii") as file:
            file.write("groups:\n- name: g\n  rules:\n  - {record: r, expr: 'sum by (pod) (rate(requests_total[2m]))'}\n"
                       "  - {record: s, expr: 'sum(r)'}\n")
        with open(os.path.join(self.data, "script.test"), "w", encoding="ascii") as file:
            file.write('load 1m\n  c{a="1"} 0+60x10\n\neval instant at 5m rate(c[2m])\n  {a="1"} 1\n')

    def words(self, out):
        return {"data": self.data, "out": out, "url": "%s/workspaces/open" % self.lab.server.url, "amp": self.lab.server.url}

    def folder(self):
        self.number += 1
        path = os.path.join(self.root, "run%d" % self.number)
        os.mkdir(path)
        return path

    def run(self, arguments, env):
        try:
            done = subprocess.run([self.ampql, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                  timeout=HANGS_AFTER_S, env=self.lab.environment(NO_COLOR="1", **env), close_fds=False)
            return Ended(done.returncode, done.stdout, done.stderr)
        except subprocess.TimeoutExpired:
            return Ended("hangs", b"", b"")

    def close(self):
        self.lab.close()
        shutil.rmtree(self.root)


class Ended:
    def __init__(self, status, out, err, files=None):
        self.status, self.out, self.err, self.files = status, out, err, files


class Wrong(Exception):
    pass


class Row:
    how_long = ({}, {"MALLOC_SHIM_KEEPS": "1"})  # malloc fails once, and from then on

    def __init__(self, world, name, arguments, outputs):
        self.world, self.name, self.arguments, self.outputs = world, name, arguments, outputs

    def run(self, env):
        out = self.world.folder()
        try:
            ended = self.start([a.format(**self.world.words(out)) for a in self.arguments], env)
            ended.out = ended.out.replace(out.encode(), b"OUT")
            ended.files = self.look(out)
            return ended
        finally:
            shutil.rmtree(out)

    def start(self, arguments, env):
        return self.world.run(arguments, env)

    def look(self, out):
        """{name: what stands for its content}; what is in a folder by FOLDER/NAME."""
        found = {}
        for folder, _, names in os.walk(out):
            for name in names:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, out)] = self.content(path)
        return found

    def content(self, path):
        if path.endswith(".aqc"):  # it says when it was made
            shown = self.world.run(["capture", "show", "-o", "json", path], {})
            return json.loads(shown.out)["id"] if shown.status == 0 else "damaged"
        with open(path, "rb") as file:
            text = file.read()
        return b"" if path.endswith(".xml") and text.endswith(b"</testsuites>\n") else text  # it says how long it took

    def check(self, ended, expected):
        if ended.status not in STATUSES:
            raise Wrong("ends with %s: %s" % (ended.status, ended.err.decode("utf-8", "replace")[-300:]))
        if ended.status == expected.status:
            if ended.out != expected.out and ended.status == 0:
                raise Wrong("another answer: %r" % ended.out[:300])
        elif ended.status == 0 or not ended.err + ended.out or ended.status in (1, 3) and expected.status == 0:
            raise Wrong("exit status %s, expected %s: %r" % (ended.status, expected.status, ended.err[:300]))
        for name, content in ended.files.items():
            to_go_on = name.endswith(".part") and self.arguments[0] == "fetch" and ended.status != 0
            if content != expected.files.get(name) and not to_go_on:
                raise Wrong("%s is left behind%s" % (name, ", and is not whole" if name in expected.files else ""))
        if ended.status == 0 and len(ended.files) != len(expected.files):
            raise Wrong("an output is missing, and the exit status is 0")


class Serve(Row):
    """A start, a request, a stop. A server that never again gets memory does not always stop: README.md."""

    how_long = ({},)

    def start(self, arguments, env):
        process = subprocess.Popen([self.world.ampql, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=self.world.lab.environment(NO_COLOR="1", **env), close_fds=False)
        first, body = b"", b""
        while b"http://" not in first and (line := process.stderr.readline()):
            first += line
        if b"http://" in first:
            try:
                body = self.ask(int(first.rsplit(b":", 1)[1]))
            except (OSError, http.client.HTTPException, ValueError):
                pass
            process.send_signal(signal.SIGTERM)
        try:
            err = first + process.communicate(timeout=HANGS_AFTER_S)[1]
            return Ended(process.returncode, body, err)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Ended("hangs", b"", b"")

    def ask(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        try:
            connection.request("GET", "/api/v1/query?time=120&query=requests_total")
            response = connection.getresponse()
            return response.read() if response.status == 200 else b""
        finally:
            connection.close()

    def check(self, ended, expected):
        if ended.status == 0 and not ended.out:
            ended.out = expected.out  # the client was not answered, and knows it
        super().check(ended, expected)


# ---- points

def count_calls(row, shims, stride):
    """[(environment, what it says)] of the points of a row."""
    path = os.path.join(row.world.root, "count")
    row.run({"LD_PRELOAD": os.path.join(shims, "call_shim.so"), "CALL_SHIM_COUNT": path})
    with open(path, encoding="ascii") as file:
        counts = [line.split() for line in file]
    points = []
    for name, n in counts:
        for k in range(1, int(n) + 1):
            points += [("%s %d %d %d" % (name, k, error, keeps)) for error, keeps in KINDS[name]]
    return [({"LD_PRELOAD": os.path.join(shims, "call_shim.so"), "CALL_SHIM_FAIL": point}, say(point)) for point in points[::stride]]


def say(point):
    name, k, error, keeps = point.split()
    what = {"0": "comes short", "-1": "says there is no more"}.get(error) or errno.errorcode[int(error)]
    return "%s %s: %s%s" % (name, k, what, " and all after it" if keeps == "1" else "")


def count_allocations(row, shims, stride):
    path = os.path.join(row.world.root, "count")
    shim = os.path.join(shims, "malloc_shim.so")
    row.run({"LD_PRELOAD": shim, "MALLOC_SHIM_AT": "0", "MALLOC_SHIM_COUNT": path})
    with open(path, encoding="ascii") as file:
        n = int(file.read())
    return [({"LD_PRELOAD": shim, "MALLOC_SHIM_AT": str(k), **more}, "allocation %d%s" % (k, " and all after it" if more else ""))
            for more in row.how_long for k in range(1, n + 1, stride)]


def run_point(row, expected, env, what):
    try:
        ended = row.run(env)
        row.check(ended, expected)
        return ended.status == expected.status, None
    except Wrong as wrong:
        return False, "%s: %s" % (what, wrong)


def run_row(row, points_of, shims, stride, pool, tally):
    expected = row.run({})
    again = row.run({})
    if expected.status not in (0, 1) or (again.status, again.out, again.files) != (expected.status, expected.out, expected.files):
        tally.fail(row.name, "without a fault: exit status %s, %s" % (expected.status, expected.err.decode()[-300:]))
        return 0
    points = points_of(row, shims, stride)
    ends = list(pool.map(lambda point: run_point(row, expected, *point), points))
    wrongs = [wrong for _, wrong in ends if wrong]
    if wrongs:
        tally.fail(row.name, "%d of %d points: %s" % (len(wrongs), len(points), "\n       ".join(wrongs[:6])))
    else:
        tally.ok(row.name, "%d points, %d of them as if nothing had failed" % (len(points), sum(same for same, _ in ends)))
    return len(points)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ampql")
    parser.add_argument("shims")
    parser.add_argument("what", choices=["calls", "malloc"])
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    world, tally = World(options.ampql, options.shims), Tally()
    rows = [Row(world, *row) for row in ROWS]
    rows.append(Serve(world, "serve", ["serve", "-s", SMALL, "--listen", "127.0.0.1:0", "--workers", "1"], []))
    rows = [row for row in rows if options.only in row.name]
    points_of = count_calls if options.what == "calls" else count_allocations
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            n = sum(run_row(row, points_of, world.shims, options.stride, pool, tally) for row in rows)
    finally:
        world.close()
    print("%s of the command: %d command lines, %d points, %d failed" %
          ("system calls" if options.what == "calls" else "allocations", len(rows), n, tally.failed))
    sys.exit(1 if tally.failed or not n else 0)


if __name__ == "__main__":
    main()
