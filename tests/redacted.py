#!/usr/bin/env python3
"""A redacted capture answers the queries of the bundled day as the day itself does, once tokens are values again: bit for bit
where the order of labels was kept, and otherwise wherever nothing is added up. So does the bill.

    redacted.py AMPQL FOLDER      FOLDER is for what is made on the way"""
import csv
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DAY = os.path.join(HERE, "..", "examples", "data", "cluster_day.aqc")
WINDOW = "2026-03-01T00:00:00Z,2026-03-02T00:00:00Z"
# values are added up in the order of labels, so that other labels may give other last digits
ADDS = re.compile(r"\b(sum|avg|stddev|stdvar)\b\s*(by|without|\()")
TOKEN = re.compile(r'r_(?:[0-9a-f]{8}_)?[0-9a-f]{16}')


def run(*arguments):
    done = subprocess.run(arguments, capture_output=True, timeout=600, check=False)
    if done.returncode:
        sys.exit("%s: exit code %d: %s" % (" ".join(arguments), done.returncode, done.stderr.decode()))
    return done.stdout.decode()


def redact(ampql, folder, name, *flags):
    """The capture's path, and the value of each token."""
    key, out, tokens = (os.path.join(folder, name + suffix) for suffix in (".key", ".aqc", ".csv"))
    with open(key, "w", encoding="utf-8") as file:
        file.write("a key of this test alone\n")
    run(ampql, "capture", "redact", "--key-file", key, "--map", tokens, *flags, DAY, out)
    with open(tokens, encoding="utf-8", newline="") as file:
        return out, {row["token"]: row["value"] for row in csv.DictReader(file)}


def ask(ampql, source, entry, query):
    times = [word for name in ("time", "start", "end", "step") if name in entry for word in ("--" + name, str(entry[name]))]
    return run(ampql, "query", "-s", source, "-o", "json", *times, "--", query)


def table(body, values):
    """{labels: values}, with values in place of tokens."""
    data = json.loads(body)["data"]
    if data["resultType"] == "scalar":
        return {(): data["result"]}
    return {tuple(sorted((name, values.get(value, value)) for name, value in series["metric"].items())):
            series.get("values", series.get("value")) for series in data["result"]}


def rewrite(query, tokens):
    """The query that asks for tokens: literals of matchers, but for those that stayed."""
    return re.sub(r'((?:!=|=)\s*")([^"]+)"', lambda m: m[1] + tokens.get(m[2], m[2]) + '"', query)


def check(ampql, folder, name, is_exact, questions, *flags):
    source, values = redact(ampql, folder, name, *flags)
    tokens = {value: token for token, value in values.items()}
    failed = compared = series = 0
    for entry, wanted in questions:
        found = table(ask(ampql, source, entry, rewrite(entry["query"], tokens)), values)
        if not is_exact and ADDS.search(entry["query"]):
            same = wanted.keys() == found.keys()
        else:
            same = wanted == found
            compared += 1
        series += len(wanted)
        if not same:
            failed += 1
            print("FAIL %s, redacted: %s" % (entry["name"], entry["query"]))
    print("%s: %d queries, %d series, %d compared bit for bit, %d differ" % (name, len(questions), series, compared, failed))
    return failed, source, values


def bill(ampql, source, values):
    text = run(ampql, "allocate", "-s", source, "--window", WINDOW, "-o", "json")
    text = TOKEN.sub(lambda m: json.dumps(values[m[0]])[1:-1] if m[0] in values else m[0], text)
    data = json.loads(text)["data"]
    for item in data[0].values():  # these are cut out of the values' text
        item["properties"].pop("providerID", None)
        item["properties"].pop("controller", None)
    return data


def contains_nothing(ampql, folder, source, values):
    """No value that has a token is left, neither in what the capture holds nor in its bytes."""
    text = run(ampql, "capture", "ls", source)
    out = os.path.join(folder, "redacted.dump")
    run(ampql, "capture", "convert", "--drop", "grids,windows,warnings", source, out)
    seen = set()
    with open(out, encoding="utf-8") as file:
        for line in file:
            seen.add(line[:line.rindex("}")])
    with open(source, "rb") as file:
        raw = file.read()
    failed = 0
    for value in values.values():
        quoted = '="%s"' % value
        kept = ('resource="', 'device="', 'owner_kind="', 'unit="')
        left = [head for head in seen if quoted in head and not any(word + value in head for word in kept)]
        if left or ('"%s"' % value) in text or (len(value) > 12 and value.encode() in raw):
            failed += 1
            print("FAIL a value is left: %r %s" % (value, left[:1]))
    print("no value left: %d looked for, %d found" % (len(values), failed))
    return failed


def main():
    ampql, folder = sys.argv[1:]
    with open(os.path.join(HERE, "data", "cluster_day", "index.json"), encoding="utf-8") as file:
        questions = [(entry, table(ask(ampql, DAY, entry, entry["query"]), {})) for entry in json.load(file)]
    failed, ordered, values = check(ampql, folder, "in order", True, questions, "--keep-order")
    if bill(ampql, DAY, {}) != bill(ampql, ordered, values):
        failed += 1
        print("FAIL the bill of a redacted capture differs")
    more, plain, values = check(ampql, folder, "redacted", False, questions)
    failed += more + contains_nothing(ampql, folder, plain, values)
    sys.exit(1 if failed else 0)


main()
