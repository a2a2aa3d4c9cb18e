"""Clients at once that ask `ampql serve`, and by turns the Prometheus 2.42 that it reads, what OpenCost asks.

    serve_load.py AMPQL PROMETHEUS_URL SECONDS CLIENTS SEED [FLAG...]

SECONDS in all, in slices that alternate between the two. Every answer must be a 200, and each query's the same in both but for the
order and last digits that Prometheus itself leaves open; after a warm-up the server's memory must not grow.
"""
import http.client
import json
import math
import random
import subprocess
import sys
import threading
import time
import urllib.parse

from differential import COMMON, END, cases, fill

SLICE = 15
GROWTH = 1.10  # of RSS after the warm-up, and
SLACK = 16     # MiB


def mix():
    """(name, path and form) of allocation's queries, over a day, halves and hours of it, and of a few range queries."""
    with open("tests/oracle/queries.tsv", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    windows = [("1d", 0), ("12h", 0), ("12h", 12)] + [("1h", n) for n in range(6)]
    for _, name, template in rows:
        if not name.startswith("allocation/"):
            continue
        for duration, back in windows:
            values = {**COMMON, "$FILTER": "", "$DUR": duration, "$RES2": "10m", "$RESm": "5m", "$RES": "5m", "$OFFSET": "",
                      "$LOCALSTORAGE": ""}
            form = {"query": fill(template, values), "time": END - back * 3600}
            yield f"{name} {duration} {back}", "/api/v1/query", urllib.parse.urlencode(form)
    for name, query, times in cases("queries.tsv"):
        if name.startswith("range/costdata") and not query.endswith("]"):
            yield name, "/api/v1/query_range", urllib.parse.urlencode({"query": query, **times})


def connect(url):
    return http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=300)


def ask(connection, question):
    connection.request("POST", question[1], question[2], {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def close(a, b):
    return a == b or math.isclose(float(a), float(b), rel_tol=1e-12, abs_tol=1e-12)


def table(body):
    data = json.loads(body)["data"]
    if data["resultType"] in ("scalar", "string"):
        return {"": [data["result"]]}
    return {json.dumps(s["metric"], sort_keys=True): s.get("values") or [s["value"]] for s in data["result"]}


def same(ours, theirs):
    a, b = table(ours), table(theirs)
    return a.keys() == b.keys() and all(len(a[k]) == len(b[k]) and all(x[0] == y[0] and close(x[1], y[1]) for x, y in zip(a[k], b[k]))
                                        for k in a)


class Clients:
    def __init__(self, questions, n, seed):
        self.questions, self.n = questions, n
        self.randoms = [random.Random(seed * 1000 + i) for i in range(n)]
        self.errors = []
        self.took = {}

    def slice(self, url, seconds):
        end = time.monotonic() + seconds
        took = self.took.setdefault(url, [[], 0.0])

        def client(mine):
            connection = connect(url)
            while time.monotonic() < end:
                question = mine.choice(self.questions)
                began = time.monotonic()
                try:
                    status, body = ask(connection, question)
                    if status != 200:
                        self.errors.append((url, question[0], status, body[:300]))
                except (OSError, http.client.HTTPException) as error:
                    self.errors.append((url, question[0], repr(error)))
                    connection = connect(url)
                took[0].append(time.monotonic() - began)
            connection.close()

        began = time.monotonic()
        threads = [threading.Thread(target=client, args=(r,)) for r in self.randoms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took[1] += time.monotonic() - began


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def metric(url, name):
    connection = connect(url)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")), 0)


def compare(mine, theirs, questions):
    """Each question to both, also so that both are warm."""
    ours, prometheus = connect(mine), connect(theirs)
    different = []
    for question in questions:
        a, b = ask(ours, question), ask(prometheus, question)
        if a[0] != 200 or b[0] != 200 or not same(a[1], b[1]):
            different.append((question[0], a[0], b[0], a[1][:200], b[1][:200]))
    return different


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def report(clients, mine, theirs):
    (ours, ours_s), (prometheus, prometheus_s) = clients.took[mine], clients.took[theirs]
    ours.sort()
    prometheus.sort()
    print(f"answers a second: {len(ours) / ours_s:.0f} and {len(prometheus) / prometheus_s:.0f}, "
          f"ratio {len(ours) / ours_s / (len(prometheus) / prometheus_s):.2f}")
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)):
        a, b = percentile(ours, share), percentile(prometheus, share)
        print(f"{name}: {a * 1000:.0f} ms and {b * 1000:.0f} ms, ratio {a / b:.2f}")


def main():
    ampql, theirs = sys.argv[1:3]
    seconds, n, seed = (int(a) for a in sys.argv[3:6])
    questions = list(mix())
    server = subprocess.Popen([ampql, "serve", "-s", theirs, "--listen", "127.0.0.1:0", *sys.argv[6:]], stderr=subprocess.PIPE, text=True)
    mine = server.stderr.readline().split()[-1]
    threading.Thread(target=server.stderr.read, daemon=True).start()
    different = compare(mine, theirs, questions)
    clients = Clients(questions, n, seed)
    slices = max(2, round(seconds / SLICE / 2))
    memory = []
    for i in range(slices):
        for url in (mine, theirs) if i % 2 == 0 else (theirs, mine):
            clients.slice(url, min(SLICE, seconds / 2 / slices))
            memory.append(rss_mib(server.pid))
    warm = memory[len(memory) // 4]
    print(f"{len(questions)} questions, {n} clients, {seconds} s: {len(clients.took[mine][0])} answers here, "
          f"{len(clients.took[theirs][0])} there; ours and Prometheus's")
    report(clients, mine, theirs)
    print(f"memory: {warm:.0f} MiB after the warm-up, {max(memory):.0f} MiB at most, of which "
          f"{metric(mine, 'ampql_cache_bytes') / 1048576:.0f} MiB cache; {metric(mine, 'ampql_cache_hits_total'):.0f} selects from it, "
          f"{metric(mine, 'ampql_cache_misses_total'):.0f} from the server in {metric(mine, 'ampql_source_requests_total'):.0f} requests")
    server.terminate()
    status = server.wait(timeout=60)
    for what in different[:5] + clients.errors[:5]:
        print("  ", what)
    grows = max(memory[len(memory) // 4:]) > warm * GROWTH + SLACK
    print(f"{len(clients.errors)} errors, {len(different)} answers differ, memory {'GROWS' if grows else 'is flat'}")
    sys.exit(1 if clients.errors or different or grows or status else 0)


main()
