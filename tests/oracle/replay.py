#!/usr/bin/env python3
"""examples/data/cluster_day.aqc without a server: what Prometheus 2.42 answered to the queries of an allocation and to the
recording rules on the day that was recorded there, and the check that ampql says the same from the recorded selects, bit for
bit.

    replay.py record URL FOLDER       ask the server that holds the day; FOLDER is new or empty
    replay.py check AMPQL FOLDER [REGEX]

FOLDER has the answers, gzipped bodies, and index.json: [{"name", "query", "file", and "time" or "start", "end", "step"}]."""
import gzip
import json
import os
import re
import subprocess
import sys

from differential import DAY, END, Difference, compare, fill, parse, table
from server import Server, seconds

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = {"start": END - 6 * 3600, "end": END, "step": 60}
# those whose value does not depend on the order in which a server adds up
AS_RANGE = ["cluster:cpu_usage:rate5m", "kubecost_container_memory_working_set_bytes", "kubecost_cluster_memory_working_set_bytes"]


def questions():
    with open(os.path.join(HERE, "queries.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    for _, name, template in rows:
        group, _, short = name.partition("/")
        if group in ("allocation", "rules") or name in ("guide/diagnostics", "guide/node_total_hourly_cost"):
            yield name, fill(template, DAY), {"time": END}
        if group == "rules" and short.rpartition("/")[2] in AS_RANGE:
            yield name + " over six hours", template, RULES


def save(server, folder):
    os.makedirs(folder, exist_ok=True)
    index = []
    for name, query, times in questions():
        if "time" in times:
            body = server.instant(query, times["time"])
        else:
            body = server.range(query, times["start"], times["end"], times["step"])
        file = "%03d.json.gz" % (len(index) + 1)
        with open(os.path.join(folder, file), "wb") as out:
            out.write(gzip.compress(body, 9, mtime=0))
        index.append({"name": name, "query": query, "file": file, **times})
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(entry) for entry in index) + "\n]\n")
    print("%d answers in %s" % (len(index), folder))


def check_one(ampql, source, folder, entry):
    with gzip.open(os.path.join(folder, entry["file"])) as file:
        wanted = parse(file.read())["data"]
    arguments = [ampql, "query", "--source", source, "-o", "json"]  # the dialect is in the capture
    for name in ("time", "start", "end", "step"):
        if name in entry:
            arguments += ["--" + name, seconds(entry[name])]
    done = subprocess.run([*arguments, "--", entry["query"]], capture_output=True, timeout=600, check=False)
    if done.returncode:
        raise Difference("exit code %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace").strip()))
    doubtful = compare(wanted, parse(done.stdout)["data"])
    for labels, time, mine, value in doubtful:
        raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine, value))
    return len(table(wanted))


def check(ampql, folder, pattern):
    source = os.path.join(HERE, "..", "..", "examples", "data", "cluster_day.aqc")
    with open(os.path.join(folder, "index.json"), encoding="utf-8") as file:
        index = [entry for entry in json.load(file) if re.search(pattern, entry["name"])]
    failed = series = 0
    for entry in index:
        try:
            series += check_one(ampql, source, folder, entry)
        except Difference as difference:
            failed += 1
            print("FAIL %s\n     %s\n     %s" % (entry["name"], entry["query"], difference))
    print("cluster_day: %d queries, %d series, %d differ from Prometheus" % (len(index), series, failed))
    return failed > 0 or not index


if __name__ == "__main__":
    if len(sys.argv) >= 4 and sys.argv[1] == "check":
        sys.exit(check(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else ""))
    if len(sys.argv) != 4 or sys.argv[1] != "record":
        raise SystemExit(__doc__)
    save(Server(sys.argv[2]), sys.argv[3])
