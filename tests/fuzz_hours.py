#!/usr/bin/env python3
"""Run one fuzz target until it has used so many hours of CPU, and write what it did into fuzz/LEDGER.tsv.

    tests/fuzz_hours.py TARGET [HOURS] [BINARY]

Hours are of processor time, user and system, of the fuzzer alone: however busy the machine is, an hour is an hour. The
corpus grows in build/fuzz/corpus/TARGET from run to run. A finding ends the run, and the row says so. A run that is stopped
(SIGINT, SIGTERM) has its row, too."""

import datetime
import os
import re
import resource
import signal
import subprocess
import sys

LEDGER = "fuzz/LEDGER.tsv"
PIECE_SECONDS = 300  # so that a run that is stopped loses little
COLUMNS = "date\ttarget\tcommit\tengine\tcpu_seconds\texecutions\tcorpus\tfindings\n"


def git(*words):
    return subprocess.run(["git", *words], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def command_of(target, seconds, binary):
    limits = [f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=600", "-rss_limit_mb=4096", "-verbosity=1"]
    if not binary:
        return ["sh", "tests/fuzz.sh", target, *limits]
    corpus = f"build/fuzz/corpus/{target}"
    os.makedirs(corpus, exist_ok=True)
    words = [binary, *limits, f"-artifact_prefix=build/fuzz/{target}-"]
    if os.path.exists(f"fuzz/{target}.dict"):
        words.append(f"-dict=fuzz/{target}.dict")
    return [*words, corpus, f"fuzz/corpus/{target}"]


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def record(target, commit, seconds, executions, findings):
    corpus = len(os.listdir(f"build/fuzz/corpus/{target}"))
    is_new = not os.path.exists(LEDGER)
    with open(LEDGER, "a", encoding="ascii") as out:
        if is_new:
            out.write(COLUMNS)
        today = datetime.date.today().isoformat()
        out.write(f"{today}\t{target}\t{commit}\tlibFuzzer+ASan+UBSan\t{seconds:.0f}\t{executions}\t{corpus}\t{findings}\n")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    target = sys.argv[1]
    wanted = 3600 * float(sys.argv[2] if len(sys.argv) > 2 else 1)
    binary = sys.argv[3] if len(sys.argv) > 3 else None
    commit = git("rev-parse", "--short", "HEAD")
    if not binary:  # building is not fuzzing
        subprocess.run(["sh", "tests/fuzz.sh", target, "-runs=0"], check=True, stderr=subprocess.DEVNULL)
    begin, executions, failed = used(), 0, False
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        while used() - begin < wanted and not failed:
            seconds = max(1, min(PIECE_SECONDS, int(wanted - (used() - begin)) + 1))
            run = subprocess.run(
                command_of(target, seconds, binary), stderr=subprocess.PIPE, text=True, errors="replace"
            )
            count = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.stderr)
            executions += int(count.group(1)) if count else 0
            failed = run.returncode != 0
            if failed:
                sys.stderr.write(run.stderr[-4000:])
            print(f"{target}: {used() - begin:.0f} CPU seconds, {executions} executions", flush=True)
    except KeyboardInterrupt:  # what was done counts; the executions of the last piece are not known
        print(f"{target}: stopped after {used() - begin:.0f} CPU seconds", flush=True)
    record(target, commit, used() - begin, executions, int(failed))
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
