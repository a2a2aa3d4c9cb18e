#!/usr/bin/env python3
"""Which lines and branches of the library the tests run, by gcc's own counts.

    coverage.py BUILD [--record] [--show FILE...] [--missing OUT]

BUILD holds objects built with COVERAGE=1 whose tests have run. A file, and a layer, is compared with coverage.tsv: a fall of more
than SLACK fails, a rise asks for a new record. --show prints what is not reached, line by line.

Not counted, and nothing else:
  * branches of assert(), whose other side is a fault of ours;
  * what coverage_exclusions.tsv lists: a file, a line's text, and why no test can reach it. A row that matches no line, or one that
    is reached after all, fails, so that the list cannot outlive its reasons.
"""
import collections
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "coverage.tsv")
EXCLUSIONS = os.path.join(HERE, "coverage_exclusions.tsv")
LAYERS = ["base", "series", "lang", "plan", "eval", "source", "engine", "rules", "cost", "serve", "api"]
# What issue and README speak of, by the files that do it.
GROUPS = [("lexer and parser", r"src/lang/"), ("plan", r"src/plan/"), ("evaluator", r"src/eval/"), ("series", r"src/series/"),
          ("readers", r"src/source/(answers|text|held|folder|tsdb|failure|wire|store|read)|src/base/(json|yaml|csv)"),
          ("SigV4 and auth", r"src/source/(auth|sigv4|aws|credentials|amp)"), ("capture", r"src/source/capture"), ("cost", r"src/cost/")]
SLACK = 0.2  # of a hundred: threads and random inputs move a line or two
ASSERT = re.compile(r"\b(static_)?assert\(|_Static_assert")


class File:
    """Counts of one source file, summed over the objects that it is compiled into."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.defaultdict(collections.Counter)  # line -> (function, number) -> count


def gcov(objects):
    """JSON documents of gcov, one an object."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities"] + objects, capture_output=True, text=True, check=True)
    for text in done.stdout.splitlines():
        if text.startswith("{"):
            yield json.loads(text)


def read_counts(build):
    files = collections.defaultdict(File)
    notes = []
    for layer in LAYERS:
        for folder, _, names in os.walk(os.path.join(build, "obj", "src", layer)):
            notes += [os.path.join(folder, name) for name in sorted(names) if name.endswith(".gcno")]
    for i in range(0, len(notes), 20):
        for document in gcov(notes[i:i + 20]):
            for entry in document["files"]:
                path = os.path.normpath(entry["file"])
                if path.startswith("src/"):
                    add(files[path], entry)
    return files


def add(file, entry):
    for line in entry["lines"]:
        number = line["line_number"]
        file.lines[number] += line["count"]
        for i, branch in enumerate(line["branches"]):
            if not branch["throw"]:
                file.branches[number][line.get("function_name", ""), i] += branch["count"]


def read_exclusions():
    """(path, text) -> reason"""
    rows = {}
    with open(EXCLUSIONS, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                path, text, reason = line.rstrip("\n").split("\t")
                rows[path, text] = reason
    return rows


class Sum:
    def __init__(self):
        self.lines = self.reached = self.branches = self.taken = 0
        self.missing = []  # (line, text, what)

    def add(self, other):
        self.lines += other.lines
        self.reached += other.reached
        self.branches += other.branches
        self.taken += other.taken

    def line_share(self):
        return 100.0 * self.reached / self.lines if self.lines else 100.0

    def branch_share(self):
        return 100.0 * self.taken / self.branches if self.branches else 100.0


def weigh(path, file, exclusions, used):
    total = Sum()
    with open(path, encoding="utf-8") as source:
        text = [""] + [line.strip() for line in source]
    for number in sorted(file.lines):
        excluded = (path, text[number]) in exclusions
        branches = list(file.branches[number].values())
        if excluded:
            used[path, text[number]] = max(used.get((path, text[number]), 0), int(file.lines[number] > 0 and all(branches)))
            continue
        total.lines += 1
        total.reached += file.lines[number] > 0
        if file.lines[number] == 0:
            total.missing.append((number, text[number], "never"))
        if ASSERT.search(text[number]):
            continue
        total.branches += len(branches)
        total.taken += sum(count > 0 for count in branches)
        if file.lines[number] and not all(branches):
            total.missing.append((number, text[number], "%d of %d branches" % (sum(count > 0 for count in branches), len(branches))))
    return total


def read_record():
    rows = {}
    if os.path.exists(RECORD):
        with open(RECORD, encoding="utf-8") as file:
            for line in file:
                if not line.startswith("#"):
                    name, lines, branches = line.rstrip("\n").split("\t")
                    rows[name] = float(lines), float(branches)
    return rows


def write_record(sums):
    with open(RECORD, "w", encoding="utf-8") as file:
        file.write("# What the tests reach: file, lines and branches of a hundred. Written by make coverage RECORD=1\n")
        for name in sorted(sums):
            file.write("%s\t%.1f\t%.1f\n" % (name, sums[name].line_share(), sums[name].branch_share()))


def compare(sums):
    """Whether nothing fell."""
    record, fell, rose = read_record(), 0, 0
    for name in sorted(sums):
        now = sums[name].line_share(), sums[name].branch_share()
        if name not in record:
            rose += 1
            continue
        for what, new, old in zip(("lines", "branches"), now, record[name]):
            if new < old - SLACK:
                print("  FAIL %s: %.1f%% of its %s are reached, %.1f%% when recorded" % (name, new, what, old))
                fell += 1
            rose += new > old + SLACK
    if rose:
        print("  %d figures are new or better than recorded: make coverage RECORD=1" % rose)
    return fell == 0


def main():
    args = sys.argv[1:]
    build, show = args[0], args[args.index("--show") + 1:] if "--show" in args else []
    exclusions, used = read_exclusions(), {}
    sums = {path: weigh(path, file, exclusions, used) for path, file in read_counts(build).items()}
    for path in show:
        for number, text, what in sums[path].missing:
            print("%s:%d: %s: %s" % (path, number, what, text))
    if show:
        return
    good = True
    for (path, text), _ in exclusions.items():
        if used.get((path, text), 1):
            print("  FAIL coverage_exclusions.tsv: %s: %s: %s" % (path, text, "is reached" if (path, text) in used else "no such line"))
            good = False
    parts = [(name, re.compile(pattern)) for name, pattern in GROUPS] + [("layer " + name, re.compile("src/%s/" % name)) for name in LAYERS]
    parts.append(("library", re.compile("")))
    for name, pattern in parts:
        total = Sum()
        for path in sums:
            if pattern.match(path):
                total.add(sums[path])
        print("  %-18s %5.1f%% of %5d lines, %5.1f%% of %5d branches" % (
            name, total.line_share(), total.lines, total.branch_share(), total.branches))
    if "--record" in args:
        write_record(sums)
    elif not compare(sums):
        good = False
    if not good:
        raise SystemExit("coverage fell, or an exclusion no longer holds")
    print("  OK   coverage: %d files, nothing fell" % len(sums))


if __name__ == "__main__":
    main()
