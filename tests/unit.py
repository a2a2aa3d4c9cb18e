#!/usr/bin/env python3
"""Rule unit tests that are told what comes of them, here and by promtool: tests/data/unit/*.case.

    unit.py AMPQL [PROMTOOL]

A case is a comment, `promtool: pass|fail`, `ampql: STATUS`, files (`--- NAME`), and the output (`--- output`, lines of standard
error marked "! "); an output that is empty stands for passed tests only. With PROMTOOL (2.42) its verdicts are compared, too."""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def read(path):
    with open(path, encoding="utf-8") as f:
        head, *parts = re.split(r"^--- (\S+)\n", f.read(), flags=re.M)
    files = dict(zip(parts[::2], parts[1::2]))
    keys = dict(line.split(": ", 1) for line in head.splitlines() if line and not line.startswith("#"))
    return keys, files.pop("output"), files


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, "".join("! %s\n" % line for line in done.stderr.splitlines())


def check(ampql, promtool, path):
    keys, output, files = read(path)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        status, out, err = run([ampql, "test", "-q", "--dialect", "prom2", "test.yml"], folder)
        if status != int(keys["ampql"]):
            return "status %d, expected %s\n%s%s" % (status, keys["ampql"], out, err)
        if output and out + err != output:
            return "prints\n%s%sexpected\n%s" % (out, err, output)
        if not output and (err or not re.fullmatch(r"[1-9]\d* passed, 0 failed, 0 skipped\n", out)):
            return "prints\n%s%sexpected passed tests only" % (out, err)
        if not promtool:
            return None
        status, out, err = run([promtool, "test", "rules", "test.yml"], folder)
        if (status == 0) != (keys["promtool"] == "pass"):
            return "promtool's status is %d, expected it to %s\n%s%s" % (status, keys["promtool"], out, err)
    return None


def main():
    ampql = os.path.abspath(sys.argv[1])
    promtool = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
    paths, failed = sorted(glob.glob(os.path.join(HERE, "data", "unit", "*.case"))), 0
    for path in paths:
        why = check(ampql, promtool, path)
        if why:
            failed += 1
            print("  FAIL %s: %s" % (os.path.relpath(path), why))
    print("  %s   rule unit tests: %d of %d%s" % ("FAIL" if failed else "OK", len(paths) - failed, len(paths),
                                                   ", with promtool's verdicts" if promtool else ""))
    return failed > 0


sys.exit(main())
