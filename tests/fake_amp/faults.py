"""Everything that goes wrong, on demand. A fault is

    {"kind": NAME, "at": 0 | [0, 7] | "every", "attempts": 1, "class": "data", "match": REGEX, ...}

  kind      a row of REPLACE, MUTATE or WIRE; other members are that row's parameters
  at        which request, counted from 0 in order of first arrival among those of its class; negative: from count's end
  count     how many requests there are (needed for a negative "at")
  attempts  how often that same request (path and parameters) is hit; 0: always
  class     "data" (query and query_range, but no probe), "probe", "meta" (all else) or "any"
  match     only requests whose query or path it finds

REPLACE answers in place of AMP, MUTATE changes the JSON of a good answer, WIRE changes how its bytes travel. "headers" adds some
to a good answer; {recorder} in them is the URL of the second listener."""
import json
import re
import threading
import time

from answer import Answer, aws_error, html, prometheus_error, success, text_error


def http_date(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


def retry_after(fault):
    """Retry-After as asked for: a text, or {"date_s": seconds from now}."""
    value = fault.get("retry_after")
    if isinstance(value, dict):
        value = http_date(time.time() + value["date_s"])
    return [] if value is None else [("Retry-After", str(value))]


# ---- instead of an answer: f(fault, request) -> Answer; request has headers, target and recorder (the other port's URL)

def redirect(fault, request):
    to = fault.get("to") or request.recorder
    return Answer(fault.get("status", 307), "", "text/html", [("Location", to + request.target)])


def echo(fault, request):
    """A server that quotes the request's headers, secrets and all."""
    return aws_error(fault.get("status", 400), "ValidationException", "cannot read the request: %s"
                     % "; ".join("%s: %s" % pair for pair in request.headers))


REPLACE = {
    "status": lambda fault, request: Answer(fault["status"], fault.get("body", ""), fault.get("type", "text/plain"),
                                            retry_after(fault)),
    "error": lambda fault, request: prometheus_error(fault["status"], fault.get("type", "execution"), fault["text"]),
    "aws": lambda fault, request: aws_error(fault["status"], fault["type"], fault["text"], fault.get("key", "message")
                                            ).with_headers(retry_after(fault)),
    "too_large": lambda fault, request: text_error(413, "response larger than the max (181673024 vs 52428800)"),
    "throttled_400": lambda fault, request: aws_error(400, "ThrottlingException", "ThrottlingException: Rate exceeded"),
    "throttled_429": lambda fault, request: aws_error(429, "ThrottlingException", "Rate exceeded", "Message"
                                                      ).with_headers(retry_after(fault)),
    "expired": lambda fault, request: aws_error(403, "ExpiredTokenException",
                                                "The security token included in the request is expired"),
    "denied": lambda fault, request: aws_error(
        403, "AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/reader/x is not authorized to perform:"
        " aps:QueryMetrics on resource: arn:aws:aps:us-east-1:123456789012:workspace/ws-1", "Message"),
    "redirect": redirect,
    "echo": echo,
    "html": lambda fault, request: html(fault.get("status", 200), fault.get("title", "Sign in to the network")),
    "empty": lambda fault, request: Answer(fault.get("status", 200), "", fault.get("type", "application/json")),
    "body": lambda fault, request: Answer(fault.get("status", 200), fault["text"]),
    "no_series": lambda fault, request: success({"resultType": fault.get("result", "matrix"), "result": []}),
}


# ---- a good answer made bad: f(document, fault) changes it in place, or returns another

def points(series):
    return series["values"] if "values" in series else [series["value"]]


def each_point(change):
    def mutate(document, fault):
        for series in document["data"]["result"]:
            for point in points(series):
                change(point, fault)
    return mutate


def first_point(change):
    def mutate(document, fault):
        for series in document["data"]["result"][:1]:
            change(points(series)[fault.get("point", 0)], fault)
    return mutate


def set_value(point, fault):
    point[1] = fault["value"]


def shift_time(point, fault):
    point[0] += fault["by_s"]


def in_ms(point, fault):
    point[0] = int(point[0] * 1000)


def series_twice(document, fault):
    result = document["data"]["result"]
    if result:
        copy = json.loads(json.dumps(result[0]))
        if fault.get("value") is not None:
            points(copy)[0][1] = fault["value"]
        result.append(copy)


def series_reversed(document, fault):
    document["data"]["result"].reverse()


def points_swapped(document, fault):
    for series in document["data"]["result"]:
        if len(series.get("values", ())) > 1:
            series["values"][0], series["values"][1] = series["values"][1], series["values"][0]


def point_twice(document, fault):
    for series in document["data"]["result"]:
        if series.get("values"):
            series["values"].insert(0, list(series["values"][0]))
            if fault.get("value") is not None:
                series["values"][0][1] = fault["value"]


HISTOGRAM = {"count": "5", "sum": "18.4", "buckets": [[0, "0.5", "1", "2"], [3, "-0.001", "0.001", "3"]]}


def histograms(document, fault):
    for series in document["data"]["result"]:
        if "values" in series:
            series["histograms"] = [[series["values"][0][0], HISTOGRAM]]
            if fault.get("only"):
                del series["values"]
        else:
            series["histogram"] = [series.pop("value")[0], HISTOGRAM]


def add_member(document, fault):
    document.update(fault["members"])


def wrong_type(document, fault):
    document["data"]["resultType"] = fault.get("type", "scalar")
    if fault.get("type", "scalar") == "scalar":
        document["data"]["result"] = [1772409600, "1"]


def other_labels(document, fault):
    for series in document["data"]["result"]:
        series["metric"].update(fault["labels"])


def drop_member(document, fault):
    document.pop(fault["member"], None)


def put_data(document, fault):
    document["data"] = fault["data"]


SHAPES = {"text": lambda t, v: [str(t), v], "one": lambda t, v: [t], "three": lambda t, v: [t, v, v], "null": lambda t, v: None,
          "object": lambda t, v: {"time": t, "value": v}, "swapped": lambda t, v: [v, t]}


def points_as(document, fault):
    for series in document["data"]["result"]:
        if "values" in series:
            series["values"] = [SHAPES[fault["shape"]](*point) for point in series["values"]]
        else:
            series["value"] = SHAPES[fault["shape"]](*series["value"])


def members_reversed(document, fault):
    """As no server has them, but as JSON may; and with others behind them."""
    data = document.get("data")
    if isinstance(data, dict):
        document["data"] = dict(reversed(data.items()))
    return {**dict(reversed(document.items())), **fault.get("members", {})}


MUTATE = {
    "value": first_point(set_value), "values": each_point(set_value), "times_shifted": each_point(shift_time),
    "time_shifted": first_point(shift_time), "times_in_ms": each_point(in_ms), "series_twice": series_twice,
    "series_reversed": series_reversed, "points_swapped": points_swapped, "point_twice": point_twice,
    "histograms": histograms, "add": add_member, "wrong_type": wrong_type, "other_labels": other_labels,
    "drop": drop_member, "data": put_data, "points_as": points_as, "members_reversed": members_reversed,
}

# ---- how bytes travel: wire.py knows these names
WIRE = frozenset((
    "reset", "reset_after_headers", "cut", "close_early", "chunk_missing_last", "chunk_bad_size", "chunk_huge_size",
    "length_too_small", "length_too_large", "length_negative", "length_twice", "trailing", "prefix", "gzip_corrupt",
    "gzip_cut", "gzip_claimed", "gzip_bomb", "unknown_encoding", "drip", "stall", "stall_before", "continues",
    "headers_endless", "header_huge", "text_replaced", "not_http", "slow", "unasked"))


def request_class(path, parameters):
    if path not in ("/api/v1/query", "/api/v1/query_range"):
        return "meta"
    return "probe" if "vector(1)" in dict(parameters).get("query", "") else "data"


class Faults:
    """Which fault, if any, hits a request. One for a workspace, shared by its threads."""

    def __init__(self, rows, kinds=REPLACE.keys() | MUTATE.keys() | WIRE | {"headers"}):
        self.lock = threading.Lock()
        self.rows = [dict(row) for row in rows]
        for row in self.rows:
            if row["kind"] not in kinds:
                raise ValueError("no such fault: %s" % row["kind"])
            row["seen"], row["hits"] = {}, {}

    def choose(self, path, parameters):
        with self.lock:
            fired = [row for row in self.rows if self.fires(row, path, parameters)]
        return fired[0] if fired else None

    def fires(self, row, path, parameters):
        kind = row.get("class", "data")
        if kind not in ("any", request_class(path, parameters)):
            return False
        if not re.search(row.get("match", ""), dict(parameters).get("query", path)):
            return False
        identity = (path, tuple(sorted(parameters)))
        number = row["seen"].setdefault(identity, len(row["seen"]))
        at = row.get("at", "every")
        wanted = [n if n >= 0 else row["count"] + n for n in ([at] if isinstance(at, int) else at if at != "every" else [])]
        if at != "every" and number not in wanted:
            return False
        row["hits"][identity] = row["hits"].get(identity, 0) + 1
        return row.get("attempts", 1) == 0 or row["hits"][identity] <= row.get("attempts", 1)

    def hits(self):
        with self.lock:
            return sum(min(count, row.get("attempts", 1) or count) for row in self.rows for count in row["hits"].values())


def mutate(answer, fault):
    document = json.loads(answer.body)
    document = MUTATE[fault["kind"]](document, fault) or document
    answer.body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return answer
