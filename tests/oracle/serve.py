"""The same questions to `ampql serve` and to the Prometheus 2.42 that it reads: status and body must be equal.

    serve.py AMPQL PROMETHEUS_URL PROMTOOL
"""
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

QUERIES = [
    "sum by (namespace) (container_memory_allocation_bytes)",
    "avg_over_time(node_total_hourly_cost[1h])",
    "count(kube_pod_container_status_running) by (namespace)",
    "rate(container_cpu_usage_seconds_total[10m])",
    "kube_node_status_capacity_cpu_cores * on (node) group_left () node_total_hourly_cost",
    "max_over_time(container_cpu_allocation[2h:10m])",
    "absent(nothing)", "vector(1)", "1", '"text"', "time()", "container_cpu_allocation[3m]",
]
SELECTORS = ["node_total_hourly_cost", '{__name__=~"kube_node.*"}', 'kube_pod_labels{namespace!=""}', "nothing"]
ERRORS = [
    "query?query=rate(up", "query", "query?query=up&time=x", "query?query=up&timeout=x", "query?query=1&time=1e400", "query?query=1&time=now",
    "query_range?query=up&end=1&step=1", "query_range?query=up&start=2&end=1&step=1", "query_range?query=up&start=1&end=1&step=0",
    "query_range?query=up&start=1&end=1&step=x", "query_range?query=1&start=1&end=2&step=-1", "query_range?query=1&start=1&end=2&step=1e20",
    "query_range?query=up&start=0&end=11001&step=1", "query_range?query=up[5m]&start=0&end=1&step=1",
    "query_range?query=rate(up&start=0&end=1&step=1", "series", "series?match[]=up%7B", "series?match[]=up&start=x",
    "series?match[]=up&end=x", "labels?match[]=up%7B", "label/job/values?match[]=up%7B",
    *(path + "?match[]=" + empty for path in ("series", "labels", "label/job/values") for empty in ("%7B%7D", "%7Ba%3D%22%22%7D")), "label/a-b/values",
]


def ask(url, path, parameters=None, way="GET"):
    """Status and body. way  "POST": a form; "POST query": the parameters in the URL of a POST"""
    text = urllib.parse.urlencode(parameters or [])
    target = f"{url}/api/v1/{path}" + ("?" + text if text and way != "POST" else "")
    data = None if way == "GET" else text.encode() if way == "POST" else b""
    try:
        with urllib.request.urlopen(urllib.request.Request(target, data=data), timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def normal(answer):
    """Prometheus has no order of instant vectors that are made of hash maps."""
    status, text = answer
    try:
        body = json.loads(text)
    except ValueError:
        return status, text
    if isinstance(body.get("data"), dict) and isinstance(body["data"].get("result"), list) and body["data"]["resultType"] in ("vector", "matrix"):
        body["data"]["result"].sort(key=lambda s: json.dumps(s["metric"], sort_keys=True))
    return status, body


def is_full(body):
    data = body.get("data") if isinstance(body, dict) else None
    return bool(data["result"] if isinstance(data, dict) and "result" in data else data)


def questions(end):
    times = [("start", end - 3600), ("end", end), ("step", "300")]
    for query in QUERIES:
        for way in ("GET", "POST", "POST query"):
            yield "query", [("query", query), ("time", end)], way
        yield "query_range", [("query", query), *times], "POST"  # as Grafana asks
        yield "query_range", [("query", query), *times[:2], ("step", "10m")], "GET"
    for selector in SELECTORS:
        for path in ("series", "labels", "label/namespace/values", "label/__name__/values"):
            yield path, [("match[]", selector), *times[:2]], "GET"
    yield "series", [("match[]", s) for s in SELECTORS] + times[:2], "POST"
    yield "labels", times[:2], "GET"
    yield "label/__name__/values", times[:2], "GET"
    for error in ERRORS:
        yield error, None, "GET"


def grafana(end):
    """What Grafana's data source sends: its health check, then a dashboard's variables and panels, its explorer, its annotations."""
    start, stop = f"{end - 3600}.000", f"{end}.000"
    span = [("start", start), ("end", stop)]
    yield "query", [("query", "1+1"), ("time", stop)], "POST"
    yield "labels", span, "POST"
    yield "labels", [*span, ("match[]", '{namespace="kubecost"}')], "POST"
    yield "label/__name__/values", span, "GET"
    yield "label/namespace/values", [*span, ("match[]", "kube_pod_labels")], "GET"
    yield "series", [*span, ("match[]", 'kube_pod_labels{namespace=~".+"}')], "POST"
    yield "metadata", None, "GET"
    yield "metadata", [("limit", "1"), ("metric", "nothing")], "GET"
    for query in QUERIES[:4]:
        for step in ("15", "15.000", "60", "1m"):
            yield "query_range", [("query", query), *span, ("step", step)], "POST"
        yield "query", [("query", query), ("time", stop)], "POST"


CURL = {  # arguments for a query; each gives the body, then status and the headers that matter
    "GET": lambda url, form: [url + "?" + urllib.parse.urlencode(form)],
    "GET with --data": lambda url, form: ["-G", *data(form), url],
    "POST form": lambda url, form: [*data(form), url],
    "POST with the query string": lambda url, form: ["-X", "POST", url + "?" + urllib.parse.urlencode(form)],
    "POST of an empty form with the query string": lambda url, form: ["-d", "", url + "?" + urllib.parse.urlencode(form)],
    "half in the form, half in the query string": lambda url, form: [*data(form[:1]), url + "?" + urllib.parse.urlencode(form[1:])],
    "gzip": lambda url, form: ["--compressed", *data(form), url],
    "HTTP/1.0": lambda url, form: ["--http1.0", *data(form), url],
    "Expect: 100-continue": lambda url, form: ["-H", "Expect: 100-continue", *data(form), url],
    "chunked": lambda url, form: ["-H", "Transfer-Encoding: chunked", *data(form), url],
    "a charset": lambda url, form: ["-H", "Content-Type: application/x-www-form-urlencoded; charset=utf-8", *data(form), url],
    "multipart": lambda url, form: [word for name, value in form for word in ("--form-string", f"{name}={value}")] + [url],
    "DELETE": lambda url, form: ["-X", "DELETE", url],
}


def data(form):
    return [word for name, value in form for word in ("--data-urlencode", f"{name}={value}")]


def curl_says(arguments, url):
    """Body and status; of curl alone, without what it was configured to do."""
    done = subprocess.run(["curl", "-q", "-sS", "-o", "-", "-w", "\n%{http_code} %{content_type}", *arguments], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=120)
    body, _, status = done.stdout.rpartition("\n")
    return normal((status.split(";")[0], body)) if status.startswith("2") else status.split()[0]


def curl_questions(end):
    for path in ("query", "query_range"):
        form = [("query", QUERIES[0]), ("time", end)] if path == "query" else [
            ("query", QUERIES[1]), ("start", end - 3600), ("end", end), ("step", "5m")]
        for name, arguments in CURL.items():
            yield f"{name} {path}", lambda url, a=arguments, p=path, f=form: a(f"{url}/api/v1/{p}", f)


def promtool_says(promtool, url, words):
    done = subprocess.run([promtool, "query", words[0], *words[1](url)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, sorted(done.stdout.replace(url, "URL").splitlines())


def promtool_questions(end):
    span = ["--start", str(end - 3600), "--end", str(end)]
    yield "instant", lambda url: ["--time", str(end), url, QUERIES[0]]
    yield "instant", lambda url: [url, "rate(up"]
    yield "range", lambda url: [*span, "--step", "5m", url, QUERIES[1]]
    yield "series", lambda url: [*span, "--match", SELECTORS[0], url]
    yield "labels", lambda url: [*span, url, "namespace"]


def main():
    ampql, url, promtool = sys.argv[1:]
    end = newest(url)
    serve = subprocess.Popen([ampql, "serve", "-s", url, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    mine = serve.stderr.readline().split()[-1]
    n = bad = full = 0
    for path, parameters, way in [*questions(end), *grafana(end)]:
        n += 1
        theirs, ours = (normal(ask(u, path, parameters, way)) for u in (url, mine))
        full += is_full(theirs[1])
        if theirs != ours:
            bad += 1
            print(f"{way} {path} {parameters}\n  there {str(theirs)[:400]}\n  here  {str(ours)[:400]}")
    for name, arguments in curl_questions(end):
        n += 1
        theirs, ours = (curl_says(arguments(u), u) for u in (url, mine))
        if theirs != ours:
            bad += 1
            print(f"curl {name}\n  there {str(theirs)[:400]}\n  here  {str(ours)[:400]}")
    for words in promtool_questions(end):
        n += 1
        theirs, ours = (promtool_says(promtool, u, words) for u in (url, mine))
        if theirs != ours:
            bad += 1
            print(f"promtool {words[0]}\n  there {str(theirs)[:400]}\n  here  {str(ours)[:400]}")
    serve.terminate()
    status = serve.wait(timeout=60)
    print(f"serve: {n - bad} of {n} answers are equal, {full} of them with series or values")
    if full < 60:
        raise SystemExit(f"error: only {full} answers have anything in them")
    sys.exit(1 if bad or status else 0)


def newest(url):
    """The time of the newest sample, Unix seconds."""
    with urllib.request.urlopen(url + "/api/v1/status/tsdb", timeout=60) as answer:
        return int(json.load(answer)["data"]["headStats"]["maxTime"]) // 1000


main()
