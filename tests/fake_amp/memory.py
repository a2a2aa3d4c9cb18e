"""A tiny upstream that needs no Prometheus: hand-made samples, and only what a fetcher asks: `sel[W]`, a bare selector and
timestamp(sel), at one time or on a grid, and the probe of the dialect. Ranges and lookback are left-open or left-closed by
switch, so that samples exactly on the edges show who drops what.

Series are {"metric": {...}, "samples": [[seconds, "value" | "stale"], ...]}."""
import re
from decimal import Decimal

from answer import prometheus_error, success

UNITS_MS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000, "y": 31536000000}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SELECTOR = re.compile(r"\s*(%s)?\s*(?:\{(.*)\})?\s*(?:\[([0-9a-z]+)\])?\s*(?:offset\s+(-?)\s*([0-9a-z]+))?\s*$" % NAME, re.S)
MATCHER = re.compile(r'\s*(%s)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)' % NAME)
PROBE = re.compile(r"count_over_time\(vector\(1\)\[1m:1m\]\)")
LOOKBACK_MS = 300000


def duration_ms(text):
    return sum(int(number) * UNITS_MS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[smhdwy])", text))


def ms(text):
    """The API's seconds with decimals, as integer milliseconds."""
    return int(Decimal(text).scaleb(3).to_integral_value())


def api_time(t_ms):
    return t_ms // 1000 if t_ms % 1000 == 0 else t_ms / 1000


def parse_matchers(text):
    out, at = [], 0
    while text[at:].strip():
        match = MATCHER.match(text, at)
        if not match:
            raise ValueError("not a matcher: %s" % text[at:])
        value = re.sub(r"\\(.)", r"\1", match.group(3)[1:-1])
        out.append((match.group(1), match.group(2), value))
        at = match.end()
    return out


def matches(metric, matchers):
    for name, operator, wanted in matchers:
        value = metric.get(name, "")
        equal = value == wanted if operator in ("=", "!=") else re.fullmatch(wanted, value) is not None
        if equal == operator.startswith("!"):
            return False
    return True


class Memory:
    def __init__(self, series, left_open=True, ignores_match=False):
        self.left_open = left_open
        self.ignores_match = ignores_match  # in label names and values, as old servers do
        self.series = [(one["metric"], [(ms(str(t)), str(v)) for t, v in one["samples"]]) for one in series]

    def window(self, samples, until_ms, width_ms):
        from_ms = until_ms - width_ms
        return [(t, v) for t, v in samples if (from_ms < t if self.left_open else from_ms <= t) and t <= until_ms]

    def at(self, samples, t_ms):
        last = self.window(samples, t_ms, LOOKBACK_MS)[-1:]
        return last[0] if last and last[0][1] != "stale" else None

    def ask(self, path, parameters):
        wanted = dict(parameters)
        if path not in ("/api/v1/query", "/api/v1/query_range"):
            return self.names(path, [value for name, value in parameters if name == "match[]"])
        try:
            if path == "/api/v1/query":
                answer, cost = self.instant(wanted["query"], ms(wanted["time"]))
            else:
                answer, cost = self.range(wanted["query"], ms(wanted["start"]), ms(wanted["end"]), ms(wanted["step"]))
        except (ValueError, KeyError, ArithmeticError) as error:
            return prometheus_error(400, "bad_data", "memory upstream: %r in %r" % (error, wanted))
        if wanted.get("stats"):
            answer["stats"] = {"samples": {"totalQueryableSamples": cost, "totalQueryableSamplesPerStep": []}}
        out = success(answer)
        out.billed = cost
        return out

    def names(self, path, selectors):
        """labels, label values, series: at all times."""
        try:
            metrics = [metric for text in selectors for metric, _ in self.select(text)[0]] if selectors and not self.ignores_match \
                else [metric for metric, _ in self.series]
        except ValueError as error:
            return prometheus_error(400, "bad_data", "memory upstream: %r in %r" % (error, selectors))
        if path == "/api/v1/labels":
            return success(sorted({name for metric in metrics for name in metric}))
        if path.startswith("/api/v1/label/"):
            name = path.split("/")[4]
            return success(sorted({metric[name] for metric in metrics if name in metric}))
        return success(metrics if path == "/api/v1/series" else {})

    def select(self, query):
        """(samples of each matching series, range or 0, offset, is timestamp())"""
        is_timestamp = re.fullmatch(r"\s*timestamp\((.*)\)\s*", query, re.S)
        match = SELECTOR.match(is_timestamp.group(1) if is_timestamp else query)
        if not match:
            raise ValueError("not a selector")
        name, inside, width, minus, offset = match.groups()
        matchers = parse_matchers(inside or "") + ([("__name__", "=", name)] if name else [])
        shift = duration_ms(offset or "") * (-1 if minus else 1)
        chosen = [({key: value for key, value in metric.items() if not is_timestamp or key != "__name__"}, samples)
                  for metric, samples in self.series if matches(metric, matchers)]
        return chosen, duration_ms(width or ""), shift, is_timestamp is not None

    def points(self, samples, times, shift, is_timestamp):
        for t in times:
            sample = self.at(samples, t - shift)
            if sample:
                yield [api_time(t), str(api_time(sample[0])) if is_timestamp else sample[1]]

    def instant(self, query, t_ms):
        if PROBE.search(query):
            count = "1" if self.left_open or t_ms % 60000 else "2"
            return {"resultType": "vector", "result": [{"metric": {}, "value": [api_time(t_ms), count]}]}, 2
        chosen, width, shift, is_timestamp = self.select(query)
        result, cost = [], 0
        for metric, samples in chosen:
            if width:
                values = [[api_time(t), v] for t, v in self.window(samples, t_ms - shift, width) if v != "stale"]
                if values:
                    result.append({"metric": metric, "values": values})
                    cost += len(values)
            else:
                for point in self.points(samples, [t_ms], shift, is_timestamp):
                    result.append({"metric": metric, "value": point})
                    cost += 1
        return {"resultType": "matrix" if width else "vector", "result": result}, cost

    def range(self, query, start_ms, end_ms, step_ms):
        chosen, width, shift, is_timestamp = self.select(query)
        if width or step_ms <= 0:
            raise ValueError("a range has no range")
        result, cost = [], 0
        for metric, samples in chosen:
            values = list(self.points(samples, range(start_ms, end_ms + 1, step_ms), shift, is_timestamp))
            if values:
                result.append({"metric": metric, "values": values})
                cost += len(values)
        return {"resultType": "matrix", "result": result}, cost
