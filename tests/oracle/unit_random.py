#!/usr/bin/env python3
"""Random rule unit tests through promtool 2.42 and through ampql: what each says comes out must be the same.

    unit_random.py AMPQL PROMTOOL [N [SEED]]

The tests expect nothing, so both list all that there is: samples, firing alerts with their texts, and rules that fail."""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

SET = r'(\S*?)\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}'
LABEL = re.compile(r'([a-zA-Z_]\w*)=("(?:[^"\\]|\\.)*")')
RECORDS = ["r1", "r2", "lvl:metric:op"]
EXPRS = ["sum by (a) (x)", "x", "x > 3", "x and y", "x or y", "x unless on (a) y", "absent(z)", "rate(x[2m])", "increase(y[3m])",
         "count_over_time(r1[3m])", "max_over_time(r2[2m:])", "avg_over_time(x[90s])", "r1 + 1", "r2 * 2", "lvl:metric:op offset 1m",
         "count(r1)", "x / on (a, b) y", "x / on (a) group_left y", "time() / 10", "5", "changes(x[5m])", "-x",
         "label_replace(x, \"c\", \"$1\", \"a\", \"(.*)\")", "max without (b) (y) != 2", "ALERTS", "count by (alertstate) (ALERTS)",
         "x{b=\"\"}", "y{a!=\"1\"} == bool 2", "vector(1) unless x", "timestamp(x) - 60", "{__name__=~\"x|y\",a=\"2\"}", "last_over_time(x[1m])"]
TEXTS = ["{{ $value }}", "{{ .Value | humanize }}", "a={{ $labels.a }}{{ $labels.none }}", "{{ humanizeDuration .Value }}", "plain",
         "{{ printf \"%.2f %s\" $value $labels.b }}", "{{ humanize1024 $value }} {{ $value | humanizePercentage }}",
         "{{- $labels.a | title -}} x", "{{ $externalLabels.zone }}@{{ $externalURL }}", "{{ $labels }}", "{{/* nothing */}}",
         "{{ \"q\\\"\" }}{{ `r` }}", "{{ printf \"%6.1f|%-4s|%v\" .Value \"s\" .Value }}", "{{ (humanize $value) | toUpper }}"]


def values(rnd):
    words = []
    for _ in range(rnd.randint(1, 12)):
        words.append(rnd.choice(["%d" % rnd.randint(0, 9), "_", "stale", "%d+%dx%d" % (rnd.randint(0, 9), rnd.randint(0, 5), rnd.randint(1, 5)),
                                 "_x%d" % rnd.randint(1, 8), "%dx%d" % (rnd.randint(0, 9), rnd.randint(1, 6)), "0.5", "-3", "123456.75"]))
    return " ".join(words)


def rules(rnd):
    groups = []
    for g in range(rnd.randint(1, 3)):
        group = {"name": "g%d" % g, "rules": []}
        if rnd.random() < 0.1:
            group["limit"] = rnd.randint(1, 6)
        for _ in range(rnd.randint(1, 4)):
            expr = rnd.choice(EXPRS)
            labels = {rnd.choice("abc"): rnd.choice(["", "1", "new"])} if rnd.random() < 0.3 else {}
            if rnd.random() < 0.65:
                group["rules"].append({"record": rnd.choice(RECORDS), "expr": expr, "labels": labels})
                continue
            alert = {"alert": rnd.choice(["A", "B"]), "expr": expr, "labels": labels}
            if rnd.random() < 0.6:
                alert["for"] = rnd.choice(["0s", "30s", "1m", "3m"])
            if rnd.random() < 0.4:
                alert["keep_firing_for"] = rnd.choice(["30s", "2m", "5m"])
            if rnd.random() < 0.3:
                alert["labels"]["t"] = rnd.choice(TEXTS)
            alert["annotations"] = {"n%d" % i: rnd.choice(TEXTS) for i in range(rnd.randint(0, 3))}
            group["rules"].append(alert)
        groups.append(group)
    return {"groups": groups}


def unit_test(rnd, rule_file, ngroups):
    order = ["g%d" % g for g in range(ngroups)]
    rnd.shuffle(order)
    tests = []
    for _ in range(rnd.randint(1, 2)):
        series = sorted({'%s{a="%d"%s}' % (rnd.choice("xyyx"), rnd.randint(1, 2), rnd.choice(["", ',b="1"', ',b="2"'])) for _ in range(rnd.randint(1, 6))})
        times = ["0s", "30s", "1m", "2m", "2m30s", "5m", "7m", "10m", "15m"]
        exprs = RECORDS + ["ALERTS", "ALERTS_FOR_STATE", "count_over_time(%s[10m])" % rnd.choice(RECORDS), rnd.choice(EXPRS)]
        tests.append({
            "interval": rnd.choice(["15s", "30s", "1m", "2m"]),
            "external_labels": {"zone": "eu"}, "external_url": "http://a.example/b",
            "input_series": [{"series": s, "values": values(rnd)} for s in series],
            "promql_expr_test": [{"expr": rnd.choice(exprs), "eval_time": rnd.choice(times), "exp_samples": []} for _ in range(8)],
            "alert_rule_test": [{"eval_time": rnd.choice(times), "alertname": rnd.choice(["A", "B"]), "exp_alerts": []} for _ in range(4)]})
    return {"rule_files": [rule_file], "evaluation_interval": rnd.choice(["15s", "30s", "1m", "90s"]), "group_eval_order": order, "tests": tests}


def labels(name, inside):
    found = {key: json.loads(value) for key, value in LABEL.findall(inside)}
    if name:
        found["__name__"] = name
    return tuple(sorted(found.items()))


def number(text):
    return float(text.replace("Inf", "inf"))


def of_promtool(text):
    """{file: sorted list of what came out}"""
    files, out, what, pending = {}, None, None, None
    for line in text.splitlines():
        if line.startswith("Unit Testing:"):
            out = files.setdefault(line.split(":", 1)[1].strip(), [])
        elif match := re.match(r' *expr: (".*"), time: (\w+),$', line):
            what = ("expr", json.loads(match[1]), match[2])
        elif match := re.match(r' *expr: (".*"), time: (\w+), err: ', line):
            out.append(("error", json.loads(match[1]), match[2]))
        elif match := re.match(r" *alertname: (\w+), time: (\w+), *$", line):
            what = ("alert", match[1], match[2])
        elif match := re.match(r" *rule: (\S+), time: (\w+), err: ", line):
            out.append(("rule", match[1]))
        elif line.strip().startswith("got: ") and "nil" not in line:
            out += [what + (labels(name, inside), number(v)) for name, inside, v in re.findall(SET + r" (\S+?)(?:,|$)", line.strip()[5:])]
        elif line.strip().startswith("Labels:"):
            pending = labels("", line)
        elif line.strip().startswith("Annotations:"):
            out.append(what + (pending, labels("", line)))
    return {name: sorted(lines, key=repr) for name, lines in files.items()}


def of_ampql(text, names):
    files, out, what = {name: [] for name in names}, None, None
    for line in text.splitlines():
        if match := re.match(r"(\S+?):\d+: alert (\w+) at (\w+)$", line):
            out, what = files[match[1]], ("alert", match[2], match[3])
        elif match := re.match(r"(\S+?):\d+: rule (\S+) at (\w+)$", line):
            files[match[1]].append(("rule", match[2]))
            what = None
        elif match := re.match(r"(t\d+\.yml):\d+: (.*) at (\w+)$", line):
            out, what = files[match[1]], ("expr", match[2], match[3])
        elif line.startswith("    error ") and what:
            out.append(("error",) + what[1:])
        elif line.startswith("    too many ") and what[0] == "alert":
            (n1, s1), (n2, s2) = re.findall(SET, line[13:])[:2]
            out.append(what + (labels(n1, s1), labels(n2, s2)))
        elif line.startswith("    too many "):
            name, inside, v = re.match(SET + r" (\S+)$", line[13:]).groups()
            out.append(what + (labels(name, inside), number(v)))
    return {name: sorted(lines, key=repr) for name, lines in files.items()}


def same(a, b):
    """The last digits of a sum depend on the order in which a storage keeps its series."""
    if a == b:
        return True
    return len(a) == len(b) and a[:-1] == b[:-1] and isinstance(a[-1], float) and isinstance(b[-1], float) and \
        (a[-1] != a[-1] and b[-1] != b[-1] or abs(a[-1] - b[-1]) <= 1e-12 * max(abs(a[-1]), abs(b[-1])))


def main():
    ampql, promtool = (os.path.abspath(p) for p in sys.argv[1:3])
    count, seed = int(sys.argv[3]) if len(sys.argv) > 3 else 300, int(sys.argv[4]) if len(sys.argv) > 4 else 1
    rnd, different, things = random.Random(seed), 0, 0
    for begin in range(0, count, 100):
        with tempfile.TemporaryDirectory() as folder:
            names = []
            for i in range(begin, min(begin + 100, count)):
                rule_file = rules(rnd)
                for name, document in (("r%d.yml" % i, rule_file), ("t%d.yml" % i, unit_test(rnd, "r%d.yml" % i, len(rule_file["groups"])))):
                    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                        json.dump(document, f)
                names.append("t%d.yml" % i)
            theirs = subprocess.run([promtool, "test", "rules", *names], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            ours = subprocess.run([ampql, "test", "-q", "--dialect", "prom2", *names], cwd=folder, capture_output=True, text=True, check=False)
            want, got = of_promtool(theirs.stdout), of_ampql(ours.stdout, names)
            for name in names:
                things += len(want[name])
                if len(want[name]) == len(got[name]) and all(map(same, want[name], got[name])):
                    continue
                different += 1
                if different <= 3:
                    print("  FAIL %s of seed %d" % (name, seed))
                    print("    promtool only:", [x for x in want[name] if not any(same(x, y) for y in got[name])])
                    print("    ampql only:   ", [x for x in got[name] if not any(same(x, y) for y in want[name])], ours.stderr[:300])
                    keep = os.environ.get("KEEP")
                    if keep:
                        for f in (name, name.replace("t", "r", 1)):
                            with open(os.path.join(folder, f), encoding="utf-8") as src, open(os.path.join(keep, f), "w", encoding="utf-8") as to:
                                to.write(src.read())
    print("  %s   random rule unit tests: %d, %d of them different, %d samples, alerts and failures (seed %d)" % (
        "FAIL" if different else "OK", count, different, things, seed))
    return different > 0


sys.exit(main())
