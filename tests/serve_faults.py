#!/usr/bin/env python3
"""`ampql serve` when something goes wrong: upstreams that are down, slow or throttle, clients that hang up, greedy ones, malformed
requests, too many connections, and a stop under load.

    serve_faults.py AMPQL
"""
import concurrent.futures
import http.client
import http.server
import json
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

from serve_lab import MIDNIGHT, Server, can_ask, check, encoded, finish, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_amp"))
from lab import CANARY, KEYS, Lab  # noqa: E402


class Upstream(http.server.BaseHTTPRequestHandler):
    """A Prometheus without series; an answer about `slow` waits until it is let go."""

    let_go = threading.Event()
    asked = 0
    order = []

    def do_POST(self):
        body = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        query = body.get("query", [""])[0]
        result = []
        if query.startswith("count_over_time(vector(1)"):
            result = [{"metric": {}, "value": [float(body["time"][0]), "1"]}]
        if "slow" in query:
            Upstream.asked += 1
            Upstream.order.append(query)
            Upstream.let_go.wait(30)
        answer = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            pass

    do_GET = do_POST

    def log_message(self, *_):
        pass


class SlowUpstream:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        Upstream.let_go.clear()
        Upstream.asked, Upstream.order = 0, []
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        Upstream.let_go.set()
        self.server.shutdown()
        self.server.server_close()


# ---- clients that hang up, wait, or are many

def slow_upstream(source):
    with Server("--workers", "2", "--max-queue", "1", source=source) as server:
        raw = socket.create_connection(("127.0.0.1", server.port))
        raw.sendall(b"GET /api/v1/query?query=slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check("it is computed", until(lambda: Upstream.asked == 1 and server.metric("ampql_running_requests") == 1))
        raw.close()
        check("a client that hangs up ends its query", until(lambda: server.metric("ampql_running_requests") == 0))
        check("it is counted", until(lambda: server.metric("ampql_abandoned_requests_total") == 1))

        status, body, _ = server.ask("/api/v1/query?query=slow&timeout=200ms")
        check("a timeout", status == 503 and json.loads(body)["errorType"] == "timeout", body)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            first = []
            for n in (1, 2):  # not both at once: one of them could find the queue full
                first.append(pool.submit(server.ask, "/api/v1/query?query=slow"))
                check(f"{n} computed", until(lambda n=n: server.metric("ampql_running_requests") == n))
            third = pool.submit(server.ask, "/api/v1/query?query=slow")
            check("one waits", until(lambda: server.metric("ampql_queued_requests") == 1))
            status, body, headers = server.ask("/api/v1/query?query=slow")
            check("no more may wait", status == 503 and headers["Retry-After"] == "1" and b"too many requests" in body, body)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            check("it does not end before its answers", server.process.poll() is None)
            Upstream.let_go.set()
            answers = [f.result()[:2] for f in [*first, third]]
            empty = (200, b'{"status":"success","data":{"resultType":"vector","result":[]}}')
            check("all are answered", answers == [empty] * 3, answers)
        check("then it ends", server.process.wait(timeout=60) == 0)
        try:
            server.ask("/-/healthy")
            check("nobody is there", False)
        except OSError:
            pass


def slow(name):
    return "/api/v1/query?" + encoded(query=f'slow{{n="{name}"}}')


def queued(server, n):
    return until(lambda: server.metric("ampql_queued_requests") == n)


def turns(source):
    """One client's sixth request does not come before another one's first."""
    with Server("--workers", "1", source=source) as server, concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(server.ask, slow("a0"))]
        check("it is computed", until(lambda: Upstream.asked == 1))
        for n in range(1, 6):
            answers.append(pool.submit(server.ask, slow(f"a{n}")))
            check("it waits", queued(server, n))
        for n in range(2):
            answers.append(pool.submit(server.ask, slow(f"b{n}"), client="127.0.0.2"))
            check("it waits, too", queued(server, 6 + n))
        Upstream.let_go.set()
        check("all are answered", all(a.result()[0] == 200 for a in answers))
        order = [q.split('"')[1] for q in Upstream.order]
        check("by turns", order == ["a0", "a1", "b0", "a2", "b1", "a3", "a4", "a5"], order)


def full_queue(source):
    """Who has most of the places makes room for who has fewer."""
    with Server("--workers", "1", "--max-queue", "3", source=source) as server, concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(server.ask, slow("a0"))]
        check("it is computed", until(lambda: Upstream.asked == 1))
        for n in range(1, 4):
            answers.append(pool.submit(server.ask, slow(f"a{n}")))
            check("it waits", queued(server, n))
        status, body, _ = server.ask(slow("a4"))
        check("full for the same client", status == 503 and json.loads(body)["errorType"] == "unavailable", body)
        other = pool.submit(server.ask, slow("b0"), client="127.0.0.2")
        status, body, headers = answers[3].result()
        check("its newest makes room", status == 503 and headers["Retry-After"] == "1" and b"too many requests" in body, body)
        check("they are counted", until(lambda: server.metric("ampql_queue_refused_total") == 2))
        Upstream.let_go.set()
        check("the others are answered", all(a.result()[0] == 200 for a in [*answers[:3], other]))


def waiting(source):
    """The wait counts as the query's time, and ends when that is over, or when the client hangs up."""
    with Server("--workers", "1", source=source) as server, concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(server.ask, slow("first"))
        check("it is computed", until(lambda: Upstream.asked == 1))
        for target in (slow("late") + "&timeout=300ms", "/api/v1/series?match[]=late&timeout=0.3"):
            status, body, _ = server.ask(target)
            answer = json.loads(body)
            check("timed out while it waited", (status, answer["errorType"], answer["error"])
                  == (503, "timeout", "query timed out in query queue"), body)
        check("counted", server.metric("ampql_queue_expired_total") == 2)
        raw = socket.create_connection(("127.0.0.1", server.port))
        raw.sendall(b"GET /api/v1/query?query=gone HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check("it waits", queued(server, 1))
        raw.close()
        check("nobody waits for who has hung up", queued(server, 0))
        check("the first is still computed", not first.done() and Upstream.asked == 1)
        Upstream.let_go.set()
        check("and answered", first.result()[0] == 200)


def mid_answer():
    """Clients that take a part of a long answer and go leave nothing behind."""
    with Server() as server:
        target = "/api/v1/series?" + encoded(match='{__name__=~".+"}').replace("match=", "match[]=")
        for _ in range(20):
            raw = socket.create_connection(("127.0.0.1", server.port))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            raw.recv(1)
            raw.close()
        check("they are forgotten", until(lambda: server.metric("ampql_connections") == 1))
        check("the next one is answered", server.ask(target)[0] == 200)


def malformed():
    """Requests with bytes changed, dropped and doubled: refused, closed, or answered as JSON."""
    good = (b"POST /api/v1/query?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 15\r\n\r\nquery=vector(1)")
    mine = random.Random(1)
    with Server("--idle-timeout", "1s") as server:
        for _ in range(400):
            data = bytearray(good)
            for _ in range(mine.randint(1, 6)):
                at = mine.randrange(len(data))
                data[at:at + mine.randint(0, 2)] = bytes(mine.choice(b"\r\n :;/%\0\xff9aZ=&?") for _ in range(mine.randint(0, 3)))
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
                try:
                    raw.sendall(data)
                    raw.shutdown(socket.SHUT_WR)
                    answer = raw.recv(65536)
                except OSError:
                    answer = b""
            if answer and not answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
                check("an answer is HTTP", False, (bytes(data), answer))
        check("it goes on", server.ask("/-/healthy")[0] == 200)
        check("nothing is left of them", until(lambda: server.metric("ampql_connections") == 1 and server.metric("ampql_running_requests") == 0))


def a_crowd():
    """10,000 that connect and say nothing: the first are kept, all others told to come back, and who asks is answered."""
    kept = 512
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 20000 if hard == resource.RLIM_INFINITY else min(hard, 20000)
    n = min(10000, most - 300)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    with Server("--max-connections", str(kept), "--idle-timeout", "0") as server:
        crowd = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(n)]
        refused = 0
        for one in crowd[kept:]:
            answer = one.recv(4096)
            refused += answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n") and b"\r\nRetry-After: " in answer
        check(f"{n - kept} of {n} are told to come back", refused == n - kept, refused)
        crowd[0].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check("those that were kept are answered", crowd[0].recv(4096).startswith(b"HTTP/1.1 200"))
        for one in crowd:
            one.close()
        check("there is room again", until(lambda: can_ask(server)))
        check("they are counted", server.metric("ampql_refused_connections_total") >= refused)


def too_many_connections():
    with Server("--max-connections", "20") as server:
        open_ones = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        check("the last of them is served", until(lambda: len(open_ones) == 20))
        open_ones[-1].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        open_ones[-1].settimeout(20)
        check("20 fit", open_ones[-1].recv(4096).startswith(b"HTTP/1.1 200"))
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
                answer = raw.recv(4096)
                if not answer.startswith(b"HTTP/1.1 503"):
                    check("the others are told to come back", False, answer)
                    break
        for one in open_ones:
            one.close()
        check("there is room again", until(lambda: can_ask(server)))
        check("they are counted", server.metric("ampql_refused_connections_total") >= 200)


def half_closed():
    """A client that has closed its end in the middle of a request is not waited for."""
    with Server() as server:
        halves = []
        for text in (b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nquery=",
                     b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
                     b"POST /api/v1/query HTTP/1.1\r\nHost: local", b"POST /api", b""):
            halves.append(socket.create_connection(("127.0.0.1", server.port)))
            halves[-1].sendall(text)
            halves[-1].shutdown(socket.SHUT_WR)
        check("half-closed requests are forgotten", until(lambda: server.metric("ampql_connections") == 1),
              server.metric("ampql_connections"))
        for half in halves:
            half.close()


def half_requests():
    with Server() as server:
        halves = []
        for ends in (False, True):
            halves.append(socket.create_connection(("127.0.0.1", server.port)))
            halves[-1].sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nquery=")
            if ends:
                halves[-1].shutdown(socket.SHUT_WR)
        check("it has them", until(lambda: server.metric("ampql_connections") >= 2))
        server.process.send_signal(signal.SIGTERM)
        try:  # --stop-timeout is 30s
            server.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            check("half a request holds no stop up", False)
        for half in halves:
            half.close()


def stop_under_load():
    with Server() as server:
        lost, answered = [], []

        def client():
            target = "/api/v1/query?" + encoded(query="count(up)", time=MIDNIGHT)
            connection = server.connect()
            while True:
                try:
                    connection.request("GET", target)
                except OSError:
                    return  # nobody listens any more: nothing was asked
                try:
                    response = connection.getresponse()
                    body = response.read()
                except (OSError, http.client.HTTPException) as e:
                    lost.append(repr(e))
                    return
                answered.append(response.status == 200 and b'"success"' in body)
                if response.headers.get("Connection") == "close":
                    return

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: len(answered) > 200)
        check("stopped under load", server.stop() == 0)
        for thread in threads:
            thread.join()
        check("no answer is lost", not lost and all(answered), lost)




# ---- an AMP that fails

START = 1767225600
METRIC = [{"metric": {"__name__": "m", "job": job}, "samples": [[START + 60 * i, str(i)] for i in range(60)]} for job in "ab"]
SUM = "/api/v1/query?" + encoded(query="sum(sum_over_time(m[1h]))", time=START + 3540)


class Workspace:
    """A workspace of the fake AMP, and a server that reads it."""

    def __init__(self, lab, *flags):
        self.lab, self.name = lab, lab.space(series=METRIC)
        self.server = Server(*lab.amp(self.name), *flags, source=None, env=lab.environment())

    def put(self, *faults):
        self.lab.server.spaces.put(self.name, {"keys": KEYS, "series": METRIC, "faults": list(faults)})

    def sum(self, more=""):
        status, body, _ = self.server.ask(SUM + more)
        return status, json.loads(body)

    def requests(self):
        return [e for e in self.lab.server.spaces.get(self.name).report()["log"] if e["path"].startswith("/api/v1/query")
                and "vector(1)" not in dict(e["params"])["query"]]


FAULTS = [  # fault, flags, more of the target, status, errorType, part of the message
    ({"kind": "reset", "at": "every", "attempts": 0}, ("--retries", "1"), "", 503, "unavailable", ""),
    ({"kind": "cut", "at": "every", "attempts": 0}, ("--retries", "1"), "", 503, "unavailable", ""),
    ({"kind": "throttled_429", "at": "every", "attempts": 0, "retry_after": "0"}, ("--retries", "1"), "", 503, "unavailable", "429"),
    ({"kind": "status", "status": 503, "at": "every", "attempts": 0}, ("--retries", "1"), "", 503, "unavailable", "503"),
    ({"kind": "stall_before", "at": "every", "attempts": 0}, (), "&timeout=500ms", 503, "timeout", "timed out"),
    ({"kind": "denied", "at": "every", "attempts": 0}, (), "", 502, "unavailable", "403"),
]


def upstream_faults(lab):
    for fault, flags, more, status, kind, message in FAULTS:
        space = Workspace(lab, "--access-log", *flags)
        with space.server as server:
            space.put(fault)
            got, answer = space.sum(more)
            check(f"{fault['kind']}: status and body", (got, answer.get("errorType")) == (status, kind) and message in answer.get("error", ""),
                  (got, answer))
            check(f"{fault['kind']}: counted", until(lambda: re_total(server, "ampql_errors_total") == 1))
            space.put()
            got, answer = space.sum()
            check(f"{fault['kind']}: a failure is not kept", got == 200 and answer["data"]["result"][0]["value"][1] == "3540", answer)
            server.stop()
            server.reader.join()
            check("no secret is shown", CANARY not in "".join(server.rest), server.rest)


def re_total(server, name):
    text = server.ask("/metrics")[1].decode()
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def upstream_throttles(lab):
    space = Workspace(lab)
    with space.server as server:
        space.put({"kind": "throttled_429", "at": "every", "attempts": 2, "retry_after": "0"})
        check("throttled twice, then answered", space.sum()[0] == 200)
        check("retries are counted", server.metric("ampql_source_retries_total") >= 2)
        check("and what was billed", server.metric("ampql_source_billed_samples_total") == 120, server.metric("ampql_source_billed_samples_total"))


def upstream_is_asked_once(lab):
    """Eight clients that ask the same at once, and one later, cost one request."""
    space = Workspace(lab, "--workers", "8")
    with space.server as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: space.sum(), range(8))) + [space.sum()]
        check("all the same", all(a == answers[0] and a[0] == 200 for a in answers), answers)
        check("asked once", len(space.requests()) == 1, space.requests())
        check("billed once", server.metric("ampql_source_billed_samples_total") == 120)


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for test in (slow_upstream, turns, full_queue, waiting):
        with SlowUpstream() as source:
            test(source)
    lab = Lab(sys.argv[1])
    for test in (upstream_faults, upstream_throttles, upstream_is_asked_once):
        test(lab)
    lab.close()
    mid_answer()
    malformed()
    too_many_connections()
    half_closed()
    half_requests()
    stop_under_load()
    a_crowd()
    finish("serve faults")


main()
