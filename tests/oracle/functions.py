#!/usr/bin/env python3
"""Functions and aggregations on random series, to a real Prometheus 2.42 and to ampql: values must be equal as bits.

    functions.py URL AMPQL FOLDER SEED [REGEX]

The series are irregular in time and hold what functions treat as special: equal neighbours, resets, NaN, infinities, -0,
values huge, tiny and subnormal. They are written to the server, and to a file that ampql reads. Each query is asked at some
times and over a range; an instant query's order counts where the language says what it is. REGEX keeps the queries whose
text it finds.

What test_parser says that 2.42 refuses is asked there, too.

Prints a line for each query that differs and a summary; exits 1 when there was one."""
import itertools
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import urllib.request

from differential import Difference, parse, table
from server import ApiError, Server, seconds

START, STEPS = 1772316000, 240  # 2026-02-28T22:00Z, minutes

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-310, -1e-310, 5e-324, 1e-300, 1e300, -1e300, 1.7976931348623157e308, 709.7, 710.0,
           -745.1, -746.0, 1e15, 2.0**53, -(2.0**53), 2.0**63, -(2.0**63), 1e19, -1e19, 2.0**-1022, 3.0, 10.0, 100.0, 1000.0,
           math.nan, math.inf, -math.inf, 0.1, 0.7071067811865476, 0.7071067811865475, 1e22, 253402300800.0, -62135596800.0,
           951782399.0, 951782400.0, 4107542399.0]


def number(value):
    return "NaN" if math.isnan(value) else "+Inf" if value == math.inf else "-Inf" if value == -math.inf else repr(value)


# ---- series: {labels: [(ms, value)]}

def times(rnd):
    """Mostly every 15 s, with jitter, gaps and bursts."""
    t = START * 1000 + rnd.randrange(60000)
    end = (START + STEPS * 60) * 1000
    while t < end:
        yield t
        t += rnd.choice([15000, 15000, 15000, 15000 + rnd.randrange(-400, 400), 1, 330000 * (rnd.random() < 0.05) + 15000])


def walks(rnd):
    kinds = {
        "gauge": lambda v: v + rnd.gauss(0, 1),
        "counter": lambda v: rnd.random() if rnd.random() < 0.02 else v + rnd.random() * 10,
        "small": lambda v: float(rnd.randrange(4)),
        "large": lambda v: 1e9 + rnd.gauss(0, 1e-3),
        "mixed": lambda v: rnd.choice(SPECIAL) if rnd.random() < 0.1 else v + rnd.gauss(0, 5) if math.isfinite(v) else 1.0,
        "flat": lambda v: 7.25,
    }
    for name, step in kinds.items():
        for i in range(7):
            value, points = step(1.0), []
            for t in times(rnd):
                points.append((t, value))
                value = step(value)
            yield {"__name__": name, "i": str(i), "g": "abc"[i % 3]}, points


def values(rnd):
    """One value a series, present all the time: for functions of a value and for aggregations."""
    draw = [lambda: rnd.gauss(0, 1), lambda: rnd.uniform(-40, 40), lambda: math.exp(rnd.uniform(-700, 700)),
            lambda: -math.exp(rnd.uniform(-700, 700)), lambda: struct.unpack("d", struct.pack("Q", rnd.getrandbits(64)))[0],
            lambda: rnd.uniform(-4e9, 8e9), lambda: rnd.uniform(0, 1), lambda: math.ldexp(rnd.random(), -1022), lambda: rnd.uniform(-746, -700),
            lambda: rnd.uniform(700, 710), lambda: rnd.uniform(-1, 1), lambda: 1 + math.ldexp(rnd.uniform(-1, 1), -rnd.randrange(50)),
            lambda: math.ldexp(rnd.uniform(-1, 1), rnd.randrange(-60, 60))]
    drawn = SPECIAL + [draw[i % len(draw)]() for i in range(6000)]
    for i, value in enumerate(drawn):
        value = math.nan if math.isnan(value) else value  # no stale marker by chance
        yield {"__name__": "value", "i": "%04d" % i, "g": str(i % 250)}, [
            (t, value) for t in range(START * 1000, START * 1000 + 600001, 120000)]


def histograms(rnd):
    bounds = ["0.1", "0.25", "0.5", "1", "1.0", "2.5", "5", "10", "+Inf", "-1", "0", "x", "1e1", "Inf"]
    for i in range(12):
        kept = bounds[:9] if i < 6 else rnd.sample(bounds, rnd.randrange(1, 12))
        counts = {le: 0.0 for le in kept}
        points = {le: [] for le in kept}
        for t in range(START * 1000, (START + STEPS * 60) * 1000, 60000):
            seen = rnd.expovariate(0.7)
            for le in kept:
                bound = float(le) if le != "x" else 0
                counts[le] += float(seen <= bound) * rnd.choice([1, 1, 1, 3]) if i % 2 else float(seen <= bound)
                if rnd.random() < 0.99:
                    points[le].append((t, counts[le]))
        for le in kept:
            yield {"__name__": rnd.choice(["h_bucket", "h_bucket", "k_bucket"]) if i > 8 else "h_bucket", "i": str(i),
                   "le": le}, points[le]


def series(seed):
    rnd = random.Random(seed)
    rows = [*walks(rnd), *values(rnd), *histograms(rnd)]
    return sorted(rows, key=lambda row: sorted(row[0].items()))  # the order in which the server creates and keeps them


# ---- to the server: remote write, protobuf in uncompressed Snappy; to a file: OpenMetrics

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(tag, data):
    return varint(tag << 3 | 2) + varint(len(data)) + data


def message(labels, points):
    out = b"".join(field(1, field(1, name.encode()) + field(2, labels[name].encode())) for name in sorted(labels))
    for t, value in points:
        bits = 0x7FF8000000000001 if math.isnan(value) else struct.unpack("Q", struct.pack("d", value))[0]
        out += field(2, b"\x09" + struct.pack("<Q", bits) + b"\x10" + varint(t))
    return out


def snappy(data):
    out = varint(len(data))
    for i in range(0, len(data), 60000):
        piece = data[i:i + 60000]
        out += b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
    return out


def write_server(url, rows):
    for i in range(0, len(rows), 200):
        body = snappy(b"".join(field(1, message(labels, points)) for labels, points in rows[i:i + 200]))
        request = urllib.request.Request(url + "/api/v1/write", data=body, headers={
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=60):
            pass


def write_file(path, rows):
    by_name = {}
    for labels, points in rows:
        by_name.setdefault(labels["__name__"], []).append((labels, points))
    with open(path, "w", encoding="ascii") as file:
        for name, family in by_name.items():
            for labels, points in family:
                text = ",".join('%s="%s"' % (n, v) for n, v in labels.items() if n != "__name__")
                for t, value in points:
                    file.write("%s{%s} %s %d.%03d\n" % (name, text, number(value), t // 1000, t % 1000))
        file.write("# EOF\n")


# ---- queries

WALKS = ["gauge", "counter", "small", "large", "mixed", "flat"]
DATES = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"]
TRIG = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"]
AGAIN = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]


def queries():
    """(query, kind), kind being
    "ordered"  an instant query's series come in a given order, "values" its values do
    "near"     the last digits do not count
    "refused"  only whether it is refused counts, and how
    "instant"  not as a range query: of predict_linear with @, 2.42 moves the window along with the steps"""
    for name in WALKS:
        for f in ["changes", "resets", "deriv", "stddev_over_time", "stdvar_over_time", "delta", "rate", "increase", "irate",
                  "idelta", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time", "count_over_time"]:
            for window in ["47s", "5m", "1h13m"]:
                yield "%s(%s[%s])" % (f, name, window), ""
        for q in ["0", "0.37", "0.5", "0.99", "1", "-1", "2", "NaN", "scalar(flat{i=\"0\"}) / 11"]:
            yield "quantile_over_time(%s, %s[5m])" % (q, name), ""
            yield "quantile by (g) (%s, %s)" % (q, name), ""
        yield "quantile_over_time(0.9, %s[2h])" % name, ""
        yield "quantile_over_time(0.9, %s[10m:17s])" % name, ""
        for seconds_ahead in ["3600", "-60", "time() - 1772316000"]:
            yield "predict_linear(%s[10m], %s)" % (name, seconds_ahead), ""
            yield "predict_linear(%s[10m] offset 3m, %s)" % (name, seconds_ahead), ""
        yield "predict_linear(%s[10m] @ %d, 60)" % (name, START + 1800), "instant"
        yield "holt_winters(%s[10m], 0.3, 0.7)" % name, ""
        yield "holt_winters(%s[10m], 0.01, 0.99)" % name, ""
        for op in AGAIN:
            yield "%s(%s)" % (op, name), ""
            yield "%s by (g) (%s)" % (op, name), ""
        for op in ["topk", "bottomk"]:
            for k in ["1", "2", "3", "5", "100", "0", "-1", "2.9"]:
                yield "%s(%s, %s)" % (op, k, name), "ordered"
                yield "%s by (g) (%s, %s)" % (op, k, name), "ordered"
        yield "count_values(\"v\", %s)" % name, ""
        yield "count_values by (g) (\"v\", round(%s))" % name, ""
        yield "count_values without (g) (\"g\", round(%s))" % name, ""
        yield "count_values without (i) (\"g\", round(%s))" % name, ""
        yield "count_values by (g) (\"g\", round(%s))" % name, ""
        yield "sort(%s)" % name, "values"
        yield "sort_desc(%s)" % name, "values"
    for f in ["abs", "ceil", "floor", "sqrt", "exp", "ln", "log2", "log10", "sgn", "round", "deg", "rad", *DATES]:
        yield "%s(value)" % f, ""
    for f in TRIG:
        yield "%s(value)" % f, ""
    for f in DATES:
        yield "%s()" % f, ""
    for n in ["0.1", "0.01", "10", "3", "0", "-2", "Inf", "NaN"]:
        yield "round(value, %s)" % n, ""
    for n in ["0", "-0", "1", "-1", "NaN", "Inf", "-Inf", "2.5"]:
        yield "clamp_min(value, %s)" % n, ""
        yield "clamp_max(value, %s)" % n, ""
        for m in ["0", "-0", "3", "NaN", "Inf", "-Inf"]:
            yield "clamp(value, %s, %s)" % (n, m), ""
    for y in ["2", "3", "-1", "0.5", "-0.5", "2.5", "1e3", "1e19", "NaN", "Inf", "-Inf", "0", "1", "-3"]:
        yield "value ^ %s" % y, ""
        yield "%s ^ value" % y, ""
    yield "value % 3", ""
    yield "value ^ on (i) value", ""
    yield "value atan2 1", ""
    yield "1 atan2 value", ""
    yield "value atan2 -0.37", ""
    for op in AGAIN:
        yield "%s by (g) (value)" % op, ""
    for q in ["0.5", "0.9"]:
        yield "quantile by (g) (%s, value)" % q, ""
    for q in ["0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"]:
        yield "histogram_quantile(%s, h_bucket)" % q, ""
        yield "histogram_quantile(%s, rate(h_bucket[10m]))" % q, ""
        yield "histogram_quantile(%s, {__name__=~\"[hk]_bucket\"})" % q, ""
    yield "histogram_quantile(0.5, value)", ""
    yield "histogram_count(value)", ""
    yield "histogram_sum(value)", ""
    yield "histogram_fraction(0, 1, h_bucket)", ""
    # refused by both
    for query in ["topk(NaN, gauge)", "topk(1e30, gauge)", "topk(-1e30, gauge)", "topk(Inf, gauge)", "bottomk(-Inf, gauge)",
                  "topk(9223372036854774784, flat)", "topk(9223372036854775807, flat)", "holt_winters(gauge[5m], 2, 0.5)",
                  "holt_winters(gauge[5m], 0.5, 0)", "holt_winters(gauge[5m], -0.25, 0)", "holt_winters(gauge[5m], Inf, 0)",
                  "holt_winters(gauge[5m], 0.5, 1e20)", "count_values(\"a b\", gauge)", "count_values(\"\", gauge)",
                  "count_values(\"é\", gauge)", "count_values(\"__name__\", round(small))"]:
        yield query, ""


def literal(text):
    """A C string literal's bytes."""
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def refused(path):
    """The expressions of test_parser's table of what is refused: its words are 2.42's."""
    with open(path, encoding="ascii") as file:
        table = re.search(r"\n} refused\[\] = \{\n(.*?)\n};", file.read(), re.S).group(1)
    for row in re.finditer(r'\{((?:"(?:[^"\\]|\\.)*"\s*)+),', re.sub(r"/\*.*?\*/", "", table, flags=re.S)):
        text = b"".join(literal(part) for part in re.findall(r'"((?:[^"\\]|\\.)*)"', row.group(1)))
        if b"\0" not in text:
            yield text.decode("utf-8", "surrogateescape"), "refused"


# ---- comparing

def near(a, b):
    a, b = float(a), float(b)
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-6 * min(abs(a) + abs(b), sys.float_info.max)


def compare(wanted, got, kind):
    if wanted["status"] == "error" or got["status"] == "error":
        says = ["%s: %s" % (answer.get("errorType"), answer.get("error")) for answer in (wanted, got)]
        if says[0] != says[1]:
            raise Difference("%s, not %s" % (says[1], says[0]))
        return 0
    a, b = table(wanted["data"]), table(got["data"])
    if a.keys() != b.keys():
        odd = sorted(a.keys() ^ b.keys())
        raise Difference("%d series, not %d; for example %s" % (len(b), len(a), dict(odd[0])))
    count = 0
    for labels, points in a.items():
        mine = b[labels]
        if points.keys() != mine.keys():
            raise Difference("%s: %d points, not %d" % (dict(labels), len(mine), len(points)))
        for time, value in points.items():
            count += 1
            if mine[time] != value and not (kind == "near" and near(mine[time], value)):
                raise Difference("%s at %s: %s, not %s" % (dict(labels), time, mine[time], value))
    if wanted["data"]["resultType"] == "vector" and kind in ("ordered", "values"):
        order = [[s["value"][1] if kind == "values" else s["metric"] for s in x["data"]["result"]] for x in (wanted, got)]
        if order[0] != order[1]:
            raise Difference("in another order: %s, not %s" % (order[1], order[0]))
    return count


def ask_server(server, query, at):
    try:
        return parse(server.instant(query, *at) if len(at) == 1 else server.range(query, *at))
    except ApiError as error:
        return parse(error.body)


def refusal(line):
    """The API's answer for the error object that ampql prints; the API gives a position only to what does not parse."""
    error = json.loads(line)
    if error["code"] == "PARSE":
        place = error["position"]
        error["message"] = 'invalid parameter "query": %d:%d: parse error: %s' % (place["line"], place["column"], error["message"])
    return {"status": "error", "errorType": error["errorType"], "error": error["message"]}


def ask_ampql(ampql, path, query, at):
    names = ["--time"] if len(at) == 1 else ["--start", "--end", "--step"]
    arguments = [ampql, "query", "--source", path, "--dialect", "prom2", "-o", "json", "--error-format", "json"]
    for name, value in zip(names, at):
        arguments += [name, seconds(value)]
    done = subprocess.run([*arguments, "--", query], capture_output=True, timeout=600, check=False)
    if done.returncode == 0:
        return parse(done.stdout)
    lines = [line for line in done.stderr.splitlines() if line.startswith(b'{"level":"error"')]
    return refusal(lines[0]) if lines else {"status": "error", "error": done.stderr.decode("utf-8", "replace")}


def main():
    if len(sys.argv) not in (5, 6):
        raise SystemExit(__doc__)
    url, ampql, folder, seed = sys.argv[1:5]
    pattern = re.compile(sys.argv[5] if len(sys.argv) == 6 else "")
    server, rows = Server(url), series(int(seed))
    whole, each = os.path.join(folder, "whole.om"), os.path.join(folder, "value.om")
    write_server(server.url, rows)
    write_file(whole, [row for row in rows if row[0]["__name__"] != "value"])
    write_file(each, [row for row in rows if row[0]["__name__"] == "value"])
    nvalues = nqueries = nfailed = 0
    for query, kind in itertools.chain(queries(), refused("tests/test_parser.c")):
        if not pattern.search(query):
            continue
        path = each if "value" in query and "values" not in query else whole
        ats = [(START + 300,), (START + 480, START + 600, 120)] if path == each else [
            (START + 3600,), (START + 5432.125,), (START + 13000,), (START + 600, START + 9000, 37), (START, START + 14400, 601.5)]
        for at in ats:
            if (kind == "instant" and len(at) > 1) or (kind == "refused" and at != ats[0]):
                continue
            nqueries += 1
            try:
                nvalues += compare(ask_server(server, query, at), ask_ampql(ampql, path, query, at), kind)
            except Difference as difference:
                nfailed += 1
                print("FAIL %s at %s\n     %s" % (query, at, str(difference)[:400]))
                sys.stdout.flush()
    print("%d queries, %d values, %d queries differ" % (nqueries, nvalues, nfailed))
    sys.exit(nfailed > 0 or nqueries == 0)


if __name__ == "__main__":
    main()
