#!/usr/bin/env python3
"""What the bill of a day costs to compute: `ampql allocate` from a capture, and OpenCost's queries in a Prometheus 2.42.

    bill.py --load AMPQL                what load.c is to load for it
    bill.py URL PID AMPQL CAPTURE       measure, and print a table

The queries are those that `ampql allocate --print-queries` says, with idle costs. The server, PID, is asked five at a time, as
OpenCost asks; its CPU time is that of all its threads, its answers are thrown away, and what OpenCost would compute from them is
not counted. ampql is the whole command, its JSON thrown away too. Each is run twice, and the second run counts."""
import concurrent.futures
import re
import subprocess
import sys
import time

from bench import server_cpu_ns, status_bytes
from differential import END, START
from server import Server

BEFORE = 900  # what windows reach back to before the day, in seconds
CONCURRENCY = 5
WINDOW = ["--window", "%d,%d" % (START, END), "--idle", "--progress", "none"]


def queries(ampql, source):
    done = subprocess.run([ampql, "allocate", "-s", source, *WINDOW, "--print-queries"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def metrics(texts):
    return sorted({name for text in texts for name in re.findall(r"([A-Za-z_]+)\{", text)})


def ask_all(server, texts):
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
        return sum(map(len, pool.map(lambda text: server.instant(text, END), texts)))


def measure_server(url, pid, texts):
    """Wall and CPU seconds, peak bytes."""
    server = Server(url)
    ask_all(server, texts)
    with open("/proc/%s/clear_refs" % pid, "w", encoding="ascii") as file:
        file.write("5")  # the peak is counted from here
    cpu, wall = server_cpu_ns(pid), time.monotonic()
    if ask_all(server, texts) < 1000 * len(texts):
        raise SystemExit("error: the server has hardly an answer")
    return time.monotonic() - wall, (server_cpu_ns(pid) - cpu) / 1e9, status_bytes(pid, "VmHWM")


def measure_command(*command):
    """Wall and CPU seconds, peak bytes, its error output."""
    for _ in range(2):
        wall = time.monotonic()
        done = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, check=True)
        wall = time.monotonic() - wall
    *said, last = done.stderr.splitlines()
    user, system, kib = map(float, last.split())
    return (wall, user + system, kib * 1024), said


def print_table(theirs, ours):
    print("| | Prometheus 2.42 | ampql | ratio |\n|---|---|---|---|")
    for name, unit, a, b in zip(("wall", "CPU", "peak memory"), ("s", "s", "MiB"), theirs, ours):
        scale = 1 << 20 if unit == "MiB" else 1
        print("| %s | %.4g %s | %.4g %s | %.1f |" % (name, a / scale, unit, b / scale, unit, a / b))


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--load":
        names = metrics(queries(sys.argv[2], "examples/data/cluster_day.aqc"))
        print("--start %d --duration %d --only %s" % (START - BEFORE, END - START + BEFORE + 1, ",".join(names)))
        return
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    url, pid, ampql, capture = sys.argv[1:]
    texts = queries(ampql, capture)
    theirs = measure_server(url, pid, texts)
    ours, said = measure_command(ampql, "allocate", "-s", capture, *WINDOW, "--max-samples", "1000000000", "--stats", "-o", "json")
    print("\n".join(said))
    print("%d queries" % len(texts))
    print_table(theirs, ours)


if __name__ == "__main__":
    main()
