"""A Prometheus HTTP API as these scripts need it: one request, the body as it came; standard library only."""
import json
import urllib.error
import urllib.parse
import urllib.request


class ApiError(Exception):
    """The server's own error answer."""

    def __init__(self, status, body):
        super().__init__("HTTP %d: %s" % (status, body[:300]))
        self.status = status
        self.body = body


def seconds(x):
    """A time in seconds as the API takes it: at most three decimals, none when it is whole."""
    text = "%.3f" % x
    return text.rstrip("0").rstrip(".") if "." in text else text


class Server:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, parameters):
        data = urllib.parse.urlencode(parameters).encode()
        request = urllib.request.Request(self.url + path, data=data)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode("utf-8", "replace")) from None

    def instant(self, query, time):
        return self.get("/api/v1/query", {"query": query, "time": seconds(time)})

    def range(self, query, start, end, step):
        return self.get("/api/v1/query_range", {"query": query, "start": seconds(start), "end": seconds(end),
                                                "step": seconds(step)})

    def result(self, query, time):
        return json.loads(self.instant(query, time))["data"]["result"]

    def dialect(self):
        """prom2: ranges include their left end; prom3: they do not."""
        points = self.result("count_over_time(vector(1)[1m:1m])", 1200)[0]["value"][1]
        return {"1": "prom3", "2": "prom2"}[points]


def asker(server):
    """ask(query, time) as cost_model.py wants it: [(labels, [(t, value), ...])]"""
    def ask(query, time):
        return [(s["metric"], [(float(t), float(v)) for t, v in s.get("values") or [s["value"]]])
                for s in server.result(query, time)]
    return ask


def check_markers(server, start, end):
    """Loaded data has its stale markers: a pod that ended is gone four minutes after its last sample, when a lookback of
    five minutes without markers would still show it."""
    metric = "kube_pod_container_status_running"
    gone = 0
    for series in server.result("%s[%ds]" % (metric, int(end - start)), end):
        last = series["values"][-1][0]
        if last > end - 900:
            continue
        labels = ",".join('%s="%s"' % (name, value) for name, value in series["metric"].items() if name in ("uid", "container"))
        selector = "%s{%s}" % (metric, labels)
        if not server.result(selector, last) or server.result(selector, last + 240):
            raise SystemExit("error: %s does not end at its last sample %s: no stale markers?" % (selector, last))
        gone += 1
        if gone == 20:
            break
    if gone == 0:
        raise SystemExit("error: no pod ended in the loaded data")
    return gone
