#!/usr/bin/env python3
"""Rule files that do not load: each fault is told with its place, here and not by promtool. tests/data/rules/bad.txt.

    rule_files.py AMPQL [PROMTOOL]

With PROMTOOL (2.42) its verdicts are compared with those that the file gives, too."""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def check(ampql, promtool, verdict, text, wanted):
    with tempfile.NamedTemporaryFile(suffix=".yml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([ampql, "rules", "check", "-o", "json", file.name], capture_output=True, timeout=60, check=False)
        findings = json.loads(done.stdout)["findings"]
        got = ["%d:%d: %s" % (f["line"], f["column"], f["message"]) for f in findings]
        if got != wanted or any(f["check"] != "syntax" for f in findings):
            return "told\n    " + "\n    ".join(got) + "\n  expected\n    " + "\n    ".join(wanted)
        if (done.returncode == 0) != (not wanted) or done.stderr:
            return "status %d, %s" % (done.returncode, done.stderr)
        if promtool:
            status = subprocess.run([promtool, "check", "rules", file.name], capture_output=True, timeout=60, check=False).returncode
            if (status == 0) != (verdict == "accepts"):
                return "promtool's status is %d, expected that it %s" % (status, verdict)
    return None


def main():
    ampql, promtool = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    with open(os.path.join(HERE, "data", "rules", "bad.txt"), "rb") as file:
        parts = re.split(rb"^=== (.*): promtool 2\.42 (accepts|refuses)\n", file.read(), flags=re.M)[1:]
    failed, ncases = 0, len(parts) // 3
    for name, verdict, body in zip(parts[::3], parts[1::3], parts[2::3]):
        text, *wanted = re.split(rb"^>>> (.*)\n", body, flags=re.M)
        why = check(ampql, promtool, verdict.decode(), text, [line.decode() for line in wanted[::2]])
        if why:
            failed += 1
            print("  FAIL rule file, %s: %s" % (name.decode(), why))
    print("  %s   rule files that do not load: %d of %d%s" % ("FAIL" if failed else "OK", ncases - failed, ncases,
                                                            ", with promtool's verdicts" if promtool else ""))
    return failed > 0


sys.exit(main())
