#!/usr/bin/env python3
"""Instructions that queries take, counted by callgrind: what no load of the machine changes.

    instructions.py BENCH_PROGRAM [--record]

Each line of instructions.tsv in a process of its own, decoding and JSON included, less what a process without a query takes. More
than a tenth over the recorded count fails; a tenth below asks for a new record. Counts are those of gcc 12 and of a processor
with AVX2: on others nothing is compared."""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, "instructions.tsv")
CAPTURE = os.path.join(HERE, "..", "..", "examples", "data", "cluster_day.aqc")
END = 1772409600
TOLERANCE = 0.1


def rows():
    with open(LIST, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, count, start, step, query = line.rstrip("\n").split("\t")
                yield name, int(count), start, step, query


def count(program, lines):
    """Thousands of instructions."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".tsv") as listing:
        listing.write(lines)
        listing.flush()
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, listing.name, "--source", CAPTURE,
                               "--warm", "0", "--rounds", "1"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("error: %s" % done.stderr)
    return int(re.search(r"Collected : ([0-9]+)", done.stderr).group(1)) // 1000


def can_compare():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        if " avx2" not in file.read():
            return False
    return subprocess.run(["gcc", "-dumpversion"], capture_output=True, text=True, check=False).stdout.startswith("12")


def record(counts):
    with open(LIST, encoding="utf-8") as file:
        head = [line for line in file if line.startswith("#")]
    lines = ["%s\t%d\t%s\t%s\t%s\n" % (name, counts[name], start, step, query) for name, _, start, step, query in list(rows())]
    with open(LIST, "w", encoding="utf-8") as file:
        file.writelines(head + lines)


def main():
    program = sys.argv[1]
    if not can_compare():
        print("no gcc 12 or no AVX2 here: instructions are not compared")
        return
    counts, failed = {}, 0
    start_of_all = count(program, "")
    for name, want, start, step, query in rows():
        counts[name] = count(program, "%s\t%s\t%d\t%s\t%s\n" % (name, start, END, step, query)) - start_of_all
        ratio = counts[name] / want if want else 1
        bad = ratio > 1 + TOLERANCE and "--record" not in sys.argv
        failed += bad
        print("  %s %s: %d thousand instructions, %.3f of the record%s" % (
            "FAIL" if bad else "OK  ", name, counts[name], ratio, "; record the new count" if ratio < 1 - TOLERANCE else ""))
    if "--record" in sys.argv:
        record(counts)
    if failed:
        raise SystemExit("%d queries take more instructions than recorded: make instructions RECORD=1, when there is a reason" % failed)


if __name__ == "__main__":
    main()
