#!/usr/bin/env python3
"""Ask a Prometheus-compatible server for selects and save its answers, bodies as they came, with a selects.json.

    record.py URL FOLDER LIST.json

LIST.json is a list of {"query", "kind": "RAW" | "GRID" | "GRID_TIMESTAMP", and "time" or "start", "end", "step"}; its
"query" is the text to send (for GRID_TIMESTAMP with or without the timestamp() around it). What is written is described in
examples/data/README.md."""
import gzip
import json
import os
import sys

from server import Server


def ask(server, select):
    """The body for one select and its entry in selects.json, without the file."""
    query = select["query"]
    if select["kind"] == "GRID_TIMESTAMP" and not query.startswith("timestamp("):
        query = "timestamp(%s)" % query
    entry = {"kind": select["kind"], "query": query}
    if "time" in select:
        entry["time"] = select["time"]
        return server.instant(query, select["time"]), entry
    for name in ("start", "end", "step"):
        entry[name] = select[name]
    return server.range(query, select["start"], select["end"], select["step"]), entry


def record(server, folder, selects, lookback="5m"):
    """Write the answers to the selects, each once, into a folder that is new or empty."""
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder):
        raise SystemExit("error: %s is not empty" % folder)
    dialect = server.dialect()
    answers = []
    seen = set()
    for select in selects:
        body, entry = ask(server, select)
        key = json.dumps(entry, sort_keys=True)
        if key in seen:
            continue
        seen.add(key)
        if json.loads(body).get("status") != "success":
            raise SystemExit("error: %s: the server did not answer with success" % select["query"])
        entry = {"file": "%03d.json.gz" % (len(answers) + 1), **entry, "lookback": lookback, "dialect": dialect}
        with open(os.path.join(folder, entry["file"]), "wb") as out:
            # no name and no time in the header: the same answers give the same bytes
            out.write(gzip.compress(body, 9, mtime=0))
        answers.append(entry)
    with open(os.path.join(folder, "selects.json"), "w", encoding="utf-8") as out:
        out.write('{\n  "version": 1,\n  "answers": [\n')
        out.write(",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in answers))
        out.write("\n  ]\n}\n")
    return answers


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    with open(sys.argv[3], encoding="utf-8") as file:
        selects = json.load(file)
    answers = record(Server(sys.argv[1]), sys.argv[2], selects)
    print("%d answers in %s" % (len(answers), sys.argv[2]))


if __name__ == "__main__":
    main()
