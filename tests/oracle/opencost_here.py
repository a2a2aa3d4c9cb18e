"""Clusters by seed as CSV, and OpenCost's bills of them in process and over HTTP: see opencost_here.sh.

    opencost_here.py AMPQL PROGRAM FOLDER FIRST COUNT"""
import csv
import json
import os
import struct
import subprocess
import sys

import cost_cluster
from opencost import PRICES

DAY, STEP, START = 86400, 60, 1709424000


def write(path, series):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("metric", "labels", "timestamp", "value"))
        for labels, points in series:
            rest = json.dumps({name: text for name, text in labels.items() if name != "__name__"})
            for t, v in points:
                stale = struct.pack("<d", v) == struct.pack("<d", cost_cluster.STALE)
                out.writerow((labels["__name__"], rest, t, "stale" if stale else repr(v)))


def main():
    ampql, program, folder, first, count = sys.argv[1], sys.argv[2], os.path.abspath(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    failed = 0
    with open(os.path.join(folder, "default.json"), "w", encoding="utf-8") as out:
        json.dump(PRICES, out)
    for seed in range(first, first + count):
        path = os.path.join(folder, "cluster.csv")
        write(path, cost_cluster.Cluster(seed, START, START + DAY, STEP).fill())
        server = subprocess.Popen([ampql, "serve", "-s", path, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        url = server.stderr.readline().rsplit(" ", 1)[-1].strip()
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            done = subprocess.run([program, path, url, folder, str(START), str(START + DAY)], stdout=subprocess.PIPE, stderr=log,
                                  text=True, check=False)
        server.terminate()
        server.wait()
        print(done.stdout.replace("OpenCost in process:", "OpenCost in process, cluster %d:" % seed)[:2000], end="")
        failed += done.returncode != 0 or "  OK " not in done.stdout
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
