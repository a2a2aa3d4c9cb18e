#!/usr/bin/env python3
"""`ampql rules run` on a real Prometheus 2.42, which is both source and receiver, at one second: what it recorded is what the rules
say, at every second, with stale markers, over a restart in between.

    ruler_run.py AMPQL URL"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fake_amp"))
from push import push  # noqa: E402

RULES = """groups:
- name: g
  interval: 1s
  rules:
  - {record: 'doubled', expr: 'x * 2', labels: {by: ampql}}
  - {record: 'doubled:sum', expr: 'sum(doubled)'}
  - {record: 'fails', expr: 'x * on () x'}
"""


def ask(url, query, at_s):
    with urllib.request.urlopen("%s/api/v1/query?%s" % (url, urllib.parse.urlencode({"query": query, "time": at_s})), timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def run(ampql, url, folder, seconds):
    command = [ampql, "rules", "run", "rules.yml", "-s", url, "--remote-write", url + "/api/v1/write", "--remote-write.state", "state",
               "--catch-up", "1m", "--stats"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def main():
    ampql, url = os.path.abspath(sys.argv[1]), sys.argv[2]
    begin = int(time.time())
    # b ends after five seconds
    push(url, [{"metric": {"__name__": "x", "job": "a"}, "samples": [(begin + i, i) for i in range(60)]},
               {"metric": {"__name__": "x", "job": "b"}, "samples": [(begin + i, 100 + i) for i in range(5)] + [(begin + 5, "stale")]}])
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rules.yml"), "w", encoding="utf-8") as file:
            file.write(RULES)
        first = run(ampql, url, folder, 3.5)
        time.sleep(2)
        second = run(ampql, url, folder, 3.5)
    told = first[2] + second[2]
    wrong = []
    if (first[0], second[0]) != (0, 0) or first[1] or second[1]:
        wrong.append("status %d and %d" % (first[0], second[0]))
    if "many-to-many matching not allowed" not in told or told.count("evaluated ") != 2:
        wrong.append("what failed and what was done is not told")
    end = begin + 60
    series = {s["metric"].get("job", "sum"): {int(t) - begin: float(v) for t, v in s["values"]}
              for query in ("doubled[10m]", "doubled:sum[10m]") for s in ask(url, query, end)}
    seconds = sorted(series.get("a", {}))
    if not seconds or seconds != list(range(seconds[0], seconds[-1] + 1)) or len(seconds) < 8:
        wrong.append("seconds of a: %s" % seconds)
    for second in seconds:
        wanted = {"a": 2.0 * second, "b": 200.0 + 2 * second if second < 5 else None}
        wanted["sum"] = wanted["a"] + (wanted["b"] or 0)
        got = {name: series.get(name, {}).get(second) for name in wanted}
        if got != wanted:
            wrong.append("second %d: %s, expected %s" % (second, got, wanted))
    # an instant query sees a series until its marker
    for second, wanted in ((4, 1), (5, 0)):
        found = len(ask(url, 'doubled{job="b"}', begin + second))
        if seconds and seconds[0] <= 4 and found != wanted:
            wrong.append("at second %d b has %d series, expected %d" % (second, found, wanted))
    for line in wrong:
        print("  FAIL ruler: %s" % line)
    if wrong:
        print(told)
    else:
        print("  OK   ruler on a real Prometheus: %d seconds in two runs, restart and stale markers" % len(seconds))
    return bool(wrong)


sys.exit(main())
