"""What the checks share: a fake in this process, the command under test in a clean environment, and its canaries.

The canaries are the secrets that a run is given; none may ever be seen in what it writes."""
import json
import os
import subprocess
import sys
import tempfile
import time

import fake_amp
from upstream import NoUpstream, Upstream

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))

KEY_ID = "ASIACANARY7EXAMPLE"
CANARY = "Canary"  # in every secret that a run is given, and nowhere else
SECRET, TOKEN, BEARER = "CanarySecret/k3y+Never0Shown0Anywhere0x", "CanaryToken//never+shown==", "CanaryBearer-never-shown"
KEYS = {KEY_ID: {"secret": SECRET, "token": TOKEN}}


class Done:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def __str__(self):
        return "exit code %s after %.1f s: %s" % (self.status, self.seconds, (self.err.strip() or self.out)[:600])


class Leak(Exception):
    pass


class Lab:
    """A fake before an upstream (its URL, or None), and the command."""

    def __init__(self, ampql, upstream=None):
        self.ampql = ampql
        self.server = fake_amp.start(Upstream(upstream) if upstream else NoUpstream())
        self.home = tempfile.mkdtemp(prefix="fake_amp")
        self.number = 0

    def close(self):
        self.server.stop()
        os.rmdir(self.home)

    def space(self, **settings):
        """A new workspace's name."""
        self.number += 1
        name = "ws-%08d-0000-4000-8000-000000000000" % self.number
        self.server.spaces.put(name, {"keys": KEYS, **settings})
        return name

    def report(self, space, drop=False):
        spaces = self.server.spaces
        return (spaces.drop(space) if drop else spaces.get(space)).report()

    def amp(self, space, region="us-east-1"):
        """Flags for that workspace as AMP."""
        return ["--source", "amp:%s@%s" % (space, region), "--endpoint", self.server.url]

    def http(self, space):
        """Flags for it as any Prometheus-compatible API."""
        return ["--source", "%s/workspaces/%s" % (self.server.url, space)]

    def environment(self, **more):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.home, "AWS_ACCESS_KEY_ID": KEY_ID,
               "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN, "AWS_EC2_METADATA_DISABLED": "true"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(more)
        return env

    def run(self, *arguments, deadline_s=120, env=None):
        """Run the command; a run that does not end in time has the status "hang"."""
        begin = time.monotonic()
        try:
            done = subprocess.run([self.ampql, *arguments], capture_output=True, timeout=deadline_s, check=False,
                                  env=env or self.environment(), stdin=subprocess.DEVNULL)
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            status, out, err = "hang", late.stdout or b"", late.stderr or b""
        done = Done(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.monotonic() - begin)
        if CANARY in done.out or CANARY in done.err:
            raise Leak("a secret was shown: %s" % done)
        return done

    def query(self, source, query, times, *more, **how):
        """times has time, or start, end and step, as seconds."""
        arguments = ["query", *source, "-o", "json", *more]
        for name, value in times.items():
            arguments += ["--" + name, "%.3f" % value if isinstance(value, float) else str(value)]
        return self.run(*arguments, "--", query, **how)


def values(text):
    """{labels as JSON: [[time, value]]} of an answer's JSON; numbers stay texts."""
    data = json.loads(text, parse_float=str, parse_int=str)["data"]
    if data["resultType"] in ("scalar", "string"):
        return {"": [data["result"]]}
    return {json.dumps(series["metric"], sort_keys=True): series["values"] if "values" in series else [series["value"]]
            for series in data["result"]}


class Tally:
    """Lines as .ci/run counts them."""

    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, name, note=""):
        self.passed += 1
        print("  OK   %s%s" % (name, note and ": " + note), flush=True)

    def fail(self, name, why):
        self.failed += 1
        print("  FAIL %s: %s" % (name, why), flush=True)
