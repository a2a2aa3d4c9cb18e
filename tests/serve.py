#!/usr/bin/env python3
"""`ampql serve` over real sockets: its answers beside those of the command, refusals, what it does when clients hang up, too
many come, or it is told to stop.

    serve.py AMPQL
"""
import concurrent.futures
import gzip
import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

DAY = "examples/data/cluster_day.aqc"
MIDNIGHT = "1772409600"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
failures = []


def check(what, ok, shown=""):
    if not ok:
        failures.append(what)
        print(f"  failed: {what}: {str(shown)[:600]}")


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Upstream(http.server.BaseHTTPRequestHandler):
    """A Prometheus without series; an answer about `slow` waits until it is let go."""

    let_go = threading.Event()
    asked = 0

    def do_POST(self):
        body = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        query = body.get("query", [""])[0]
        result = []
        if query.startswith("count_over_time(vector(1)"):
            result = [{"metric": {}, "value": [float(body["time"][0]), "1"]}]
        if "slow" in query:
            Upstream.asked += 1
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


class Server:
    """An `ampql serve` at a free port, or at a path."""

    def __init__(self, *flags, source=DAY, listen="127.0.0.1:0"):
        self.process = subprocess.Popen([sys.argv[1], "serve", "-s", source, "--listen", listen, *flags], stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True, env={**os.environ, "NO_COLOR": "1"})
        line = self.process.stderr.readline()
        self.port = int(line.rsplit(":", 1)[1]) if "http://" in line else 0
        self.first_line = line
        self.rest = []
        self.reader = threading.Thread(target=lambda: self.rest.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Every server ends as it should: a sanitizer's report, leaks too, is another exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join()
        if status != 0:
            sys.stderr.writelines(self.rest)
        check("every server ends well", status == 0, (self.process.args, status))

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, target, method="GET", body=None, headers=None):
        connection = self.connect()
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data, response.headers

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("/metrics")[1].decode(), re.M)
        return float(found.group(1)) if found else None


def ampql(*args):
    done = subprocess.run([sys.argv[1], *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(" ".join(args), done.returncode == 0, done.stderr)
    return done.stdout if done.returncode == 0 else "{}"


def encoded(**params):
    return urllib.parse.urlencode({k.rstrip("_"): v for k, v in params.items()})


# ---- answers

def same_as_the_command(server):
    instant = "sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d]))"
    wanted = json.loads(ampql("query", "-s", DAY, "--time", MIDNIGHT, "-o", "json", instant))
    form = encoded(query=instant, time=MIDNIGHT)
    for what, got in {
        "GET": server.ask("/api/v1/query?" + form),
        "POST form": server.ask("/api/v1/query", "POST", form, FORM),
        "POST with the query string": server.ask("/api/v1/query?" + form, "POST"),
        "the proxy's path": server.ask("/workspaces/ws-12/api/v1/query?" + form),
    }.items():
        check(what, got[0] == 200 and json.loads(got[1]) == wanted, got)
    times = {"start": "1772323200", "end": MIDNIGHT, "step": "4h"}
    wanted = json.loads(ampql("query", "-s", DAY, *(x for k, v in times.items() for x in ("--" + k, v)), "-o", "json", "sum(node_total_hourly_cost)"))
    got = server.ask("/api/v1/query_range", "POST", encoded(query="sum(node_total_hourly_cost)", **times), FORM)
    check("a range", got[0] == 200 and json.loads(got[1]) == wanted and wanted["data"]["result"], got)
    selector = 'kube_pod_owner{namespace="kube-system"}'
    wanted = json.loads(ampql("series", "-s", DAY, "-o", "json", selector))
    got = server.ask("/api/v1/series?" + encoded(match=selector).replace("match=", "match[]="))
    check("series", json.loads(got[1]) == wanted and wanted["data"], got)
    wanted = json.loads(ampql("labels", "-s", DAY, "-o", "json", "namespace"))
    got = server.ask("/api/v1/label/namespace/values")
    check("values", json.loads(got[1]) == wanted and wanted["data"], got)
    wanted = json.loads(ampql("labels", "-s", DAY, "-o", "json", "--match", "kube_node_labels"))
    got = server.ask("/api/v1/labels", "POST", "match%5B%5D=kube_node_labels", FORM)
    check("labels", json.loads(got[1]) == wanted and wanted["data"], got)


def bills(server):
    window = "2026-03-01T00:00:00Z,2026-03-02T00:00:00Z"
    flags = ("allocate", "-s", DAY, "--window", window)
    got = server.ask("/allocation?" + encoded(window=window, aggregate="namespace"))
    check("a bill", json.loads(got[1]) == json.loads(ampql(*flags, "-a", "namespace", "-o", "json")), got)
    got = server.ask("/model/allocation/summary?" + encoded(window=window, aggregate="pod", filter='namespace:"kubecost"', idle="true",
                                                             shareIdle="true", step="12h", accumulate="true"))
    wanted = ampql(*flags, "-a", "pod", "-f", 'namespace:"kubecost"', "--idle", "--share-idle", "--step", "12h", "--accumulate", "all",
                   "-o", "summary")
    check("a summary", json.loads(got[1]) == json.loads(wanted), got)
    for target in ("/allocation", "/allocation?window=x", "/allocation?window=1d&step=x", "/allocation?window=1d&idle=x",
                   "/allocation?window=1d&aggregate=x", "/allocation?window=1d&shareSplit=x", "/allocation?window=1d&shareCost=x"):
        status, body, _ = server.ask(target)
        check(target, status == 400 and json.loads(body)["code"] == 400 and json.loads(body)["message"], body)


def the_rest(server):
    check("metadata", json.loads(server.ask("/api/v1/metadata")[1]) == {"status": "success", "data": {}})
    check("version", json.loads(server.ask("/api/v1/status/buildinfo")[1])["data"]["version"] == "2.42.0")
    check("interval", "scrape_interval: 1m\n" in json.loads(server.ask("/api/v1/status/config")[1])["data"]["yaml"])
    check("flags", json.loads(server.ask("/api/v1/status/flags")[1])["data"]["query.timeout"] == "2m")
    check("healthy", server.ask("/-/healthy")[0] == 200 and server.ask("/-/ready", "HEAD")[0] == 200)
    stats = json.loads(server.ask("/api/v1/query?stats=all&query=count(up)&time=" + MIDNIGHT)[1])["data"]["stats"]
    check("stats", stats["samples"]["totalQueryableSamples"] > 0 and stats["timings"]["evalTotalTime"] >= 0, stats)
    plain = server.ask("/api/v1/series?match[]=kube_pod_labels")
    packed = server.ask("/api/v1/series?match[]=kube_pod_labels", headers={"Accept-Encoding": "gzip"})
    check("gzip", packed[2]["Content-Encoding"] == "gzip" and gzip.decompress(packed[1]) == plain[1] and len(packed[1]) < len(plain[1]))
    text = server.ask("/metrics")[1].decode()
    check("metrics", text.endswith("# EOF\n") and 'ampql_http_requests_total{path="/api/v1/query",status="2xx"}' in text, text)


# ---- refusals

REFUSED = [  # target, status, errorType, part of the message
    ("/api/v1/query?query=rate(up", 400, "bad_data", 'invalid parameter "query": 1:8: parse error: unclosed left parenthesis'),
    ("/api/v1/query", 400, "bad_data", 'invalid parameter "query": 1:1: parse error: no expression found in input'),
    ("/api/v1/query?query=up&time=x", 400, "bad_data", 'invalid parameter "time": Invalid time value for \'time\': cannot parse "x"'),
    ("/api/v1/query?query=up&timeout=x", 400, "bad_data", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
    ("/api/v1/query_range?query=up&end=1&step=1", 400, "bad_data", 'invalid parameter "start": cannot parse "" to a valid timestamp'),
    ("/api/v1/query_range?query=up&start=2&end=1&step=1", 400, "bad_data", 'invalid parameter "end": end timestamp must not be before'),
    ("/api/v1/query_range?query=up&start=1&end=1&step=0", 400, "bad_data", 'invalid parameter "step": zero or negative'),
    ("/api/v1/query_range?query=up&start=1&end=1&step=x", 400, "bad_data", 'invalid parameter "step": cannot parse "x"'),
    ("/api/v1/query_range?query=up&start=0&end=11001&step=1", 400, "bad_data", "exceeded maximum resolution of 11,000 points"),
    ("/api/v1/query_range?query=up[5m]&start=0&end=1&step=1", 400, "bad_data", "invalid expression type"),
    ("/api/v1/series", 400, "bad_data", "no match[] parameter provided"),
    ("/api/v1/series?match[]=up{", 400, "bad_data", 'invalid parameter "match[]": 1:4: parse error'),
    ("/api/v1/label/a-b/values", 400, "bad_data", 'invalid label name: "a-b"'),
    ("/api/v1/query?query=%zz", 400, "bad_data", "invalid URL escape"),
    ("/api/v1/query?time=" + MIDNIGHT + "&query=" + urllib.parse.quote("kube_pod_labels * on() group_left() kube_pod_labels"), 422, "execution",
     "found duplicate series"),
    ("/api/v1/nothing", 404, "not_found", "nothing is served at"),
]


def refusals(server):
    for target, status, kind, message in REFUSED:
        got, body, _ = server.ask(target)
        answer = json.loads(body)
        check(target, got == status and answer["status"] == "error" and answer["errorType"] == kind and message in answer["error"],
              (got, body))
    check("a method", server.ask("/api/v1/query", "DELETE")[0] == 405)
    check("another host", server.ask("/api/v1/labels", headers={"Host": "rebound.example"})[0] == 403)
    check("a long form", server.ask("/api/v1/query", "POST", "query=" + "1" * (5 << 20), FORM)[0] == 413)
    for text in (b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                 b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"A" * 300000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            try:
                raw.sendall(text)
                raw.shutdown(socket.SHUT_WR)
                answer = raw.recv(65536)
            except OSError:
                answer = b""
        check(f"malformed {text[:20]}", not answer.startswith(b"HTTP/1.1 2"), answer)
    check("goes on", server.ask("/-/healthy")[0] == 200)


def usage():
    def status(*flags):
        try:
            return subprocess.run([sys.argv[1], "serve", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                                  timeout=60).returncode
        except subprocess.TimeoutExpired:
            return "it serves"
    check("no source", status() == 2)
    check("the whole network without a token", status("-s", DAY, "--listen", "0.0.0.0:0") == 2)
    check("no such place", status("-s", DAY, "--listen", "nowhere") == 2)
    check("standard input by several", status("-s", "-") == 2)
    check("no room for a message", status("-s", DAY, "--listen", "127.0.0.1:0", "--max-answer-bytes", "100") == 2)
    check("no such file", status("-s", "nothing.aqc", "--listen", "127.0.0.1:0") == 7)


def long_answers():
    with Server("--max-answer-bytes", "65536") as server:
        status, body, _ = server.ask("/api/v1/series?" + encoded(match='{__name__=~".+"}').replace("match=", "match[]="))
        check("a long answer", status == 422 and "longer than --max-answer-bytes" in json.loads(body)["error"], body)


def silent_connections():
    with Server("--idle-timeout", "500ms") as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        try:
            check("less than a second is not for ever", raw.recv(1) == b"")
        except TimeoutError:
            check("a silent connection is closed", False)


def tokens(folder):
    path = os.path.join(folder, "token")
    with open(path, "w", encoding="utf-8") as f:
        f.write("0123456789-canary-token\n")
    with Server("--token-file", path, "--access-log", listen="0.0.0.0:0") as server:
        check("no token", server.ask("/api/v1/labels")[0] == 401)
        check("a wrong token", server.ask("/api/v1/labels", headers={"Authorization": "Bearer 0123456789-canary-tokem"})[0] == 401)
        good = {"Authorization": "Bearer 0123456789-canary-token", "Host": "cost.example"}
        check("the token", server.ask("/api/v1/labels", headers=good)[0] == 200)
        check("a query", server.ask("/api/v1/query?query=%22canary%22", headers=good)[0] == 200)
        check("probes need none", server.ask("/-/ready")[0] == 200)
        server.stop()
        server.reader.join()
        log = "".join(server.rest)
        check("a line for each answer", log.count("\ntime=") + log.startswith("time=") == 5, log)
        check("no secret in it", "canary" not in log, log)


def unix_sockets(folder):
    path = os.path.join(folder, "socket")
    with Server(listen="unix:" + path) as server:
        check("its owner's alone", os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode))
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(path)
            raw.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n")
            raw.settimeout(20)
            check("a socket with a path", raw.recv(65536).startswith(b"HTTP/1.1 200 OK"))
        check("its end", server.stop() == 0 and not os.path.exists(path))


def rules():
    with Server("--rules", "examples/rules/kubecost.yml") as server:
        query = 'count(kubecost_container_cpu_usage_irate)'
        wanted = json.loads(ampql("query", "-s", DAY, "--rules", "examples/rules/kubecost.yml", "--time", MIDNIGHT, "-o", "json", query))
        got = json.loads(server.ask("/api/v1/query?" + encoded(query=query, time=MIDNIGHT))[1])
        check("virtual series", got == wanted, (got, wanted))


def caches(server):
    """Held data are not read again; what is answered from them is what was answered without."""
    target = "/api/v1/query?" + encoded(query="sum by (namespace) (avg_over_time(container_memory_allocation_bytes[6h]))", time=MIDNIGHT)
    part = "/api/v1/query?" + encoded(query="max_over_time(container_memory_allocation_bytes[1h])", time=MIDNIGHT)
    first, samples = server.ask(target), server.metric("ampql_cache_misses_total")
    again, smaller = server.ask(target), server.ask(part)
    check("read once", first[1] == again[1] and server.metric("ampql_cache_misses_total") == samples, samples)
    check("hits", server.metric("ampql_cache_hits_total") >= 2 and server.metric("ampql_cache_bytes") > 0)
    with Server("--no-cache") as other:
        check("the same without a cache", other.ask(target)[1] == first[1] and other.ask(part)[1] == smaller[1])
        check("no cache, no metrics of it", other.metric("ampql_cache_hits_total") is None)


# ---- under way

def many_at_once(server):
    queries = ["count(up)", "sum(node_total_hourly_cost)", "count(kube_pod_labels)", "1 +", "topk(2, container_memory_allocation_bytes)"]
    targets = ["/api/v1/query?" + encoded(query=q, time=MIDNIGHT) for q in queries]
    wanted = [server.ask(t)[:2] for t in targets]

    def client(n):
        connection = server.connect()
        for i in range(20):
            connection.request("GET", targets[(n + i) % len(targets)])
            response = connection.getresponse()
            if (response.status, response.read()) != wanted[(n + i) % len(targets)]:
                return False
        connection.close()
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        check("16 clients, 20 questions each", all(pool.map(client, range(16))))


def slow_upstream():
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    source = f"http://127.0.0.1:{upstream.server_port}"
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
    upstream.shutdown()
    upstream.server_close()


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


def can_ask(server):
    try:
        return server.ask("/-/healthy")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


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


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    usage()
    with Server() as server:
        same_as_the_command(server)
        bills(server)
        the_rest(server)
        refusals(server)
        caches(server)
        many_at_once(server)
        check("stops", server.stop() == 0)
    with tempfile.TemporaryDirectory() as folder:
        tokens(folder)
        unix_sockets(folder)
    rules()
    long_answers()
    silent_connections()
    slow_upstream()
    too_many_connections()
    half_requests()
    stop_under_load()
    print(f"  {'FAIL' if failures else 'OK  '} serve: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
