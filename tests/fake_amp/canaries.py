#!/usr/bin/env python3
"""Secrets: every command that reads from a server, with each of its ways to say more, while the server is well, refuses, breaks off
or repeats what it was sent. The canaries that the runs are given are looked for in all that they write: both outputs, and every
file they leave. And a command that is killed while it has secrets leaves no core file, where one without any does.

    canaries.py AMPQL [REGEX]        environment: JOBS (4)"""
import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from fault_run import B, SERIES
from lab import BEARER, CANARY, SECRET, TOKEN, Lab, Leak, Tally

RULES = """groups:
- name: g
  interval: 1m
  rules:
  - record: r
    expr: sum(m) by (job)
"""
AT, SPAN = ["--time", str(B + 3600)], ["--start", str(B + 1800), "--end", str(B + 3600)]

# Name, words before and behind the flags of the source; {folder} is the run's own.
COMMANDS = (
    ("query", ["query", *AT], ["--", "sum(rate(m[5m]))"]),
    ("query, recorded", ["query", *AT, "--record", "{folder}/q.aqc"], ["--", "m"]),
    ("query, with rules", ["query", *AT, "--rules", "{folder}/rules.yml"], ["--", "r"]),
    ("series", ["series", *SPAN], ["m"]),
    ("labels", ["labels", *SPAN], ["m"]),
    ("explain", ["explain", *AT], ["m"]),
    ("fetch", ["fetch", *AT, "--out", "{folder}/f.aqc"], ["sum_over_time(m[1h])"]),
    ("fetch, predicted", ["fetch", *AT, "--dry-run"], ["sum_over_time(m[1h])"]),
    ("rules eval", ["rules", "eval", "{folder}/rules.yml", *AT], []),
    ("rules backfill", ["rules", "backfill", "{folder}/rules.yml", *SPAN], []),
    ("rules check", ["rules", "check", "{folder}/rules.yml"], []),
    ("allocate", ["allocate", "--window", "%d,%d" % (B, B + 3600)], []),
    ("doctor", ["doctor"], []),
)
VOICES = ([], ["--stats"], ["--error-format", "json"], ["--stats", "--progress", "json"])
EVERY = {"at": "every", "attempts": 0, "class": "any"}
# And what the command ends with; doctor says 1 where the metrics of costs are not there.
FAULTS = (
    ("well", [], {0, 1}),
    ("repeats it, 400", [{"kind": "echo", **EVERY}], {5, 7}),
    ("repeats it, 403", [{"kind": "echo", "status": 403, **EVERY}], {8}),
    ("reset", [{"kind": "reset", **EVERY}], {7}),
    ("ends early", [{"kind": "close_early", **EVERY}], {7, 9}),
    ("HTML", [{"kind": "html", "status": 502, "title": "502 Bad Gateway", **EVERY}], {7}),
    ("redirects", [{"kind": "redirect", **EVERY}], {7}),
)


def spellings(secret):
    """How a secret may stand in a file."""
    raw = secret.encode()
    return {raw, urllib.parse.quote(secret, safe="").encode(), base64.b64encode(raw).rstrip(b"="), raw.hex().encode(),
            raw.decode().encode("utf-16-le")}


NEEDLES = [spelled for secret in (SECRET, TOKEN, BEARER) for spelled in spellings(secret)]


def look_into(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                data = f.read()
            if CANARY.encode() in data or any(spelled in data for spelled in NEEDLES):
                raise Leak("a secret is in %s" % name)


def run_one(lab, command, fault, voice, way):
    """The exit status. A Leak when anything shows a secret."""
    _, before, behind = command
    folder = tempfile.mkdtemp(prefix="canaries")
    try:
        with open(os.path.join(folder, "rules.yml"), "w", encoding="utf-8") as f:
            f.write(RULES)
        settings = {"series": SERIES, "left_open": False, "faults": fault}
        if way == "http":
            settings.update(auth="bearer:" + BEARER, flavour="prometheus")
        space = lab.space(**settings)
        source = lab.amp(space) if way == "amp" else [*lab.http(space), "--header", "Authorization: Bearer " + BEARER]
        words = [word.replace("{folder}", folder) for word in (*before, *source, "--retries", "1", *voice, *behind)]
        done = lab.run(*words)
        lab.report(space, drop=True)
        for spelled in NEEDLES:
            if spelled in done.out.encode() or spelled in done.err.encode():
                raise Leak("a secret was shown: %s" % done)
        look_into(folder)
        return done.status
    finally:
        shutil.rmtree(folder)


def takes(ampql, before, flag):
    """Some commands have no statistics, or nothing to show on their way."""
    words = [word for word in before if not word.startswith("-")][:2]
    words = words if words[0] == "rules" else words[:1]
    return flag in subprocess.run([ampql, *words, "--help"], capture_output=True, text=True, check=False).stdout


def work(lab, pattern):
    """(name, command, fault, voices, way, exit statuses)"""
    for command in COMMANDS:
        voices = [voice for voice in VOICES if all(takes(lab.ampql, command[1], flag) for flag in voice if flag.startswith("--"))]
        for fault_name, fault, wanted in FAULTS:
            for way in ("amp", "http"):
                name = "%s, server %s, %s" % (command[0], fault_name, way)
                if pattern.search(name):
                    yield name, command, fault, voices, way, wanted


def check_outputs(lab, tally, pattern):
    def one(row):
        name, command, fault, voices, way, wanted = row
        for voice in voices:
            try:
                status = run_one(lab, command, fault, voice, way)
            except Leak as leak:
                return name, str(leak)
            if status not in wanted:
                return name, "exit status %s, not of %s" % (status, wanted)
        return name, len(voices)

    nruns = 0
    with ThreadPoolExecutor(int(os.environ.get("JOBS", 4))) as pool:
        for name, found in pool.map(one, work(lab, pattern)):
            if isinstance(found, str):
                tally.fail(name, found)
            else:
                tally.passed += 1
                nruns += found
    tally.ok("no secret in what %d runs wrote" % nruns)


# ---- cores

def killed(ampql, arguments, env, folder):
    """Did it dump core when it was killed while it waited?"""
    child = subprocess.Popen([ampql, *arguments], env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, preexec_fn=allow_cores)
    time.sleep(1)
    child.send_signal(signal.SIGABRT)
    _, status = os.waitpid(child.pid, 0)
    child.stdin.close()
    child.returncode = -signal.SIGABRT
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGABRT:
        raise RuntimeError("it ended before it was killed: %d" % status)
    return os.WCOREDUMP(status)


def allow_cores():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def check_cores(lab, tally):
    folder = tempfile.mkdtemp(prefix="canaries")
    space = lab.space(series=SERIES, left_open=False, faults=[{"kind": "stall", **EVERY}])
    if not killed(lab.ampql, ["query", "-s", "-", *AT, "m"], lab.environment(), folder):
        tally.ok("core files: this system makes none, so that nothing can be said of them")
    elif killed(lab.ampql, ["query", *lab.amp(space), *AT, "m"], lab.environment(), folder):
        tally.fail("core files", "a command that has secrets leaves one")
    else:
        tally.ok("no core file of a command that has secrets")
    lab.report(space, drop=True)
    shutil.rmtree(folder)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    lab, tally = Lab(os.path.abspath(sys.argv[1])), Tally()
    check_outputs(lab, tally, re.compile(sys.argv[2] if len(sys.argv) == 3 else ""))
    check_cores(lab, tally)
    lab.close()
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0)


main()
