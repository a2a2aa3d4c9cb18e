#!/usr/bin/env python3
"""`ampql serve` over real sockets: its answers beside those of the command, and refusals. serve_faults.py has what goes wrong.

    serve.py AMPQL
"""
import concurrent.futures
import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse

from serve_lab import DAY, FORM, MIDNIGHT, Server, check, encoded, finish


def ampql(*args):
    done = subprocess.run([sys.argv[1], *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(" ".join(args), done.returncode == 0, done.stderr)
    return done.stdout if done.returncode == 0 else "{}"


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
    check("--check opens nothing", status("-s", "nothing.aqc", "--check") == 0)
    check("but reads what is said", status("-s", "nothing.aqc", "--listen", "nowhere", "--check") == 2)
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
        f.write("0123456789-canary-token\n\n0123456789-canary-other\n")
    with Server("--token-file", path, "--access-log", listen="0.0.0.0:0") as server:
        check("no token", server.ask("/api/v1/labels")[0] == 401)
        check("a wrong token", server.ask("/api/v1/labels", headers={"Authorization": "Bearer 0123456789-canary-tokem"})[0] == 401)
        good = {"Authorization": "Bearer 0123456789-canary-token", "Host": "cost.example"}
        check("the token", server.ask("/api/v1/labels", headers=good)[0] == 200)
        check("another token", server.ask("/api/v1/labels", headers={**good, "Authorization": "Bearer 0123456789-canary-other"})[0] == 200)
        check("a query", server.ask("/api/v1/query?query=%22canary%22", headers=good)[0] == 200)
        check("probes need none", server.ask("/-/ready")[0] == 200)
        server.stop()
        server.reader.join()
        log = "".join(server.rest)
        check("a line for each answer", log.count("\ntime=") + log.startswith("time=") == 6, log)
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
    finish("serve")


main()
