"""What AMP lays over a Prometheus: which requests it takes, the flooring of query_range, its limits, and what they cost.

A workspace is a dict of settings (DEFAULTS says which) with a log. Limits of 0 are off."""
import re
import time
from urllib.parse import parse_qsl

from answer import FORM, aws_error, prometheus_error, text_error
from memory import duration_ms, ms

DEFAULTS = {
    "flavour": "amp",          # or "prometheus": no flooring, and buildinfo is there
    "auth": "sigv4",           # "none"; "basic:USER:PASSWORD"; "bearer:TOKEN"; "header:NAME:VALUE"
    "region": "us-east-1",
    "keys": {},                # {access key id: {"secret", "token", "expired"}}
    "skew_s": 0,               # how far this server's clock is ahead of ours
    "gzip": True,              # compress for who offers it
    "transfer": "length",      # "chunked" or "close": how bodies end
    "max_response_bytes": 52428800,
    "max_points": 11000,
    "max_instant_days": 32,
    "max_range_days": 95,
    "max_samples": 0, "max_series": 0, "max_chunks": 0, "max_bytes": 0, "max_timeout_samples": 0,
    "max_per_second": 0,       # requests, then 429
    "max_write_bytes": 1 << 20, "max_age_s": 0,  # of remote write
    "faults": [],              # faults.py
    "providers": {},           # providers.py
    "series": None,            # memory.py's, in place of the upstream
    "left_open": True,
    "ignores_match": False,
}
QUERIES = ("/api/v1/query", "/api/v1/query_range")
GET_AND_POST = QUERIES + ("/api/v1/series", "/api/v1/labels")
DAY_MS = 86400000
COUNTED = b'{"metric":'


def read_parameters(method, target, content_type, body):
    """([(name, value)], error Answer or None): the front end's rule for where parameters may be."""
    path, _, query = target.partition("?")
    is_form = (content_type or "").partition(";")[0].strip().lower() == FORM
    if is_form and query:
        return [], aws_error(400, "ValidationException", "When Content-Type:application/x-www-form-urlencoded, URL cannot"
                             " include query-string parameters (after '?'): '%s?%s'" % (path, query))
    pairs = parse_qsl(query, keep_blank_values=True)
    if method == "POST" and is_form:
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    elif body and method == "GET":
        return [], aws_error(400, "ValidationException", "A GET request has no body")
    return pairs, None


def allowed(method, path, flavour):
    """None, or why there is no such operation."""
    if path in GET_AND_POST:
        return None if method in ("GET", "POST") else aws_error(405, "MethodNotAllowedException", "Method Not Allowed")
    if re.fullmatch(r"/api/v1/label/[a-zA-Z_][a-zA-Z0-9_]*/values", path) or path == "/api/v1/metadata":
        return None if method == "GET" else aws_error(405, "MethodNotAllowedException", "Method Not Allowed")
    if flavour == "prometheus" and path == "/api/v1/status/buildinfo" and method == "GET":
        return None
    return text_error(404, "404 page not found\n") if flavour == "prometheus" else \
        aws_error(404, "UnknownOperationException", "Not Found", key="Message")


def text_of(t_ms):
    return "%d.%03d" % divmod(t_ms, 1000) if t_ms % 1000 else str(t_ms // 1000)


def floor_to_step(parameters):
    """start and end floored to multiples of step, as Cortex aligns them; what cannot be read is left to the upstream."""
    wanted = dict(parameters)
    try:
        step = ms(wanted["step"]) if re.fullmatch(r"[0-9.]+", wanted["step"]) else duration_ms(wanted["step"])
        floors = {name: text_of(ms(wanted[name]) // step * step) for name in ("start", "end")}
    except (KeyError, ArithmeticError, ValueError):
        return parameters
    return [(name, floors.get(name, value)) for name, value in parameters]


def longest_range_ms(query):
    return max((duration_ms(width) for width in re.findall(r"\[([0-9a-z]+)(?:\]|:)", query)), default=0)


def before(space, path, parameters):
    """Refusals that need no answer from the engine."""
    wanted = dict(parameters)
    try:
        if path == QUERIES[0] and space["max_instant_days"]:
            if longest_range_ms(wanted.get("query", "")) > space["max_instant_days"] * DAY_MS:
                return prometheus_error(422, "execution", "queries with long day range (32d to 95d) are currently only"
                                        " supported for range type queries")
        if path == QUERIES[1]:
            length = ms(wanted["end"]) - ms(wanted["start"])
            if space["max_range_days"] and length > space["max_range_days"] * DAY_MS:
                return prometheus_error(422, "execution", "the query time range exceeds the limit (query length: %dh0m0s,"
                                        " limit: %dh0m0s)" % (length // 3600000, space["max_range_days"] * 24))
            step = ms(wanted["step"]) if re.fullmatch(r"[0-9.]+", wanted["step"]) else duration_ms(wanted["step"])
            if space["max_points"] and length > space["max_points"] * step:
                return prometheus_error(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try"
                                        " decreasing the query resolution (?step=XX)")
    except (KeyError, ArithmeticError, ValueError):
        return None  # the upstream says what is wrong with it
    return None


def after(space, parameters, answer):
    """The answer, or the limit that it breaks."""
    nseries = answer.body.count(COUNTED)
    fuse = dict(parameters).get("max_samples_processed_error_threshold", "")
    texts = (
        (int(fuse) if fuse.isdigit() else 0, answer.billed,
         "the query processed more samples than max_samples_processed_error_threshold (limit: %d)"),
        (space["max_samples"], answer.billed,
         "query processing would load too many samples into memory in query execution (limit: %d)"),
        (space["max_series"], nseries, "expanding series: the query hit the max number of series limit (limit: %d series)"),
        (space["max_chunks"], answer.billed // 120 + nseries,
         "expanding series: the query hit the max number of chunks limit (limit: %d chunks)"),
        (space["max_bytes"], len(answer.body),
         "expanding series: the query hit the aggregated data size limit (limit: %d bytes)"),
        (space["max_timeout_samples"], answer.billed, "query timeout"),
    )
    for limit, value, text in texts:
        if limit and value > limit:
            return prometheus_error(422, "execution", text % limit if "%d" in text else text)
    if space["max_response_bytes"] and len(answer.body) >= space["max_response_bytes"]:
        return text_error(413, "response larger than the max (%d vs %d)" % (len(answer.body), space["max_response_bytes"]))
    return answer


class Bucket:
    """Requests per second: a window of one second, as coarse as AMP's."""

    def __init__(self):
        self.second, self.count = 0, 0

    def is_full(self, limit):
        now = int(time.monotonic())
        if now != self.second:
            self.second, self.count = now, 0
        self.count += 1
        return limit and self.count > limit


def throttled(headers=(("Retry-After", "1"),)):
    return aws_error(429, "ThrottlingException", "Rate exceeded", key="Message").with_headers(headers)
