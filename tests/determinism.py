#!/usr/bin/env python3
"""The same bytes, whatever the run, the threads, the locale, the seed of the hash and the compiler's options.

    determinism.py AMPQL [--runs N] [--builds] [--seeds N]

A fixed list of commands over the bundled day (queries in every format, a bill, recording rules, captures and what they convert
to) is run once; then again and again, each time with one thing changed, and everything that it writes is compared.

    --runs N    times without a change, 100 when not given; each has a seed of the hash and an address space of its own
    --builds    builds by gcc (and clang, when it is here) at -O0, -O2, -O3 and with link-time optimisation; takes minutes
    --seeds N   a build whose seed of the hash is set: 1 to N"""
import argparse
import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

DAY = "examples/data/cluster_day.aqc"
RULES = "examples/rules/kubecost.yml"
AT = "2026-03-02T00:00:00Z"
RANGE = ("--start", "2026-03-01T00:00:00Z", "--end", AT, "--step", "30m")
WINDOW = "2026-03-01T00:00:00Z,2026-03-02T00:00:00Z"
DROPS = tuple("--drop=" + what for what in ("ends", "nans", "grids", "windows", "warnings", "lists", "times"))
FORMATS = ("table", "json", "csv", "promql", "openmetrics")
INSTANTS = (
    "sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=\"\"}[5m]))",
    "avg(container_memory_working_set_bytes) by (pod, namespace, node) / on (node) group_left () sum by (node) (kube_node_status_allocatable_memory_bytes or container_memory_working_set_bytes)",
    "count by (node) (kube_pod_container_resource_requests)",
    "topk(3, sum by (pod) (container_memory_working_set_bytes))",
    "node_total_hourly_cost * on (node) group_left () node_cpu_hourly_cost",
    "quantile by (namespace) (0.9, container_memory_working_set_bytes)",
    "sort_desc(node_total_hourly_cost or node_ram_hourly_cost or node_cpu_hourly_cost)",
    "count_values(\"v\", kube_pod_container_resource_requests)",
)
RANGES = ("sum(node_total_hourly_cost)", "node_total_hourly_cost")
THREADS = (1, 2, 4)
LOCALES = (("de_DE", "UTF-8"), ("tr_TR", "UTF-8"), ("fa_IR", "UTF-8"))
SETS_LOCALE = "#include <locale.h>\n__attribute__((constructor)) static void begin(void) { setlocale(LC_ALL, \"\"); }\n"


class Wrong(Exception):
    pass


def commands(folder, threads):
    """Name, arguments, and the file that is made; None: standard output is what counts."""
    share = ("--threads", str(threads))
    for i, text in enumerate(INSTANTS):
        for form in FORMATS:
            yield "instant %d %s" % (i, form), ("query", "-s", DAY, "--time", AT, "-o", form, *share, text), None
    for i, text in enumerate(RANGES):
        for form in FORMATS:
            yield "range %d %s" % (i, form), ("query", "-s", DAY, *RANGE, "-o", form, *share, text), None
    for form in ("json", "csv", "table"):
        yield "bill " + form, ("allocate", "-s", DAY, "--window", WINDOW, "--idle", "-o", form, *share), None
    yield "bill by hour", ("allocate", "-s", DAY, "--window", WINDOW, "--step", "1h", "-o", "json", *share), None
    yield "rules", ("rules", "eval", RULES, "-s", DAY, "--time", AT, "-o", "json"), None
    made = os.path.join(folder, "made.aqc")
    yield "recorded", ("query", "-s", DAY, "--time", AT, "--now", AT, "--record", made, INSTANTS[0]), made
    for name in ("made.csv", "made.om"):
        path = os.path.join(folder, name)
        yield name, ("capture", "convert", *DROPS, made, path), path


def content_id(ampql, path, environment):
    """Of a capture what it holds counts; it also says when it was made."""
    shown = subprocess.run([ampql, "capture", "show", path], env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line for line in shown.stdout.splitlines() if "content" in line)


def outputs(ampql, threads=1, environment=None):
    """What all commands write, and how they end, by name."""
    own = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", **(environment or {})}
    out = {}
    with tempfile.TemporaryDirectory(prefix="ampql-determinism-") as folder:
        for name, arguments, made in commands(folder, threads):
            done = subprocess.run([ampql, *arguments], env=own, capture_output=True)
            said = done.stdout + done.stderr.replace(folder.encode(), b"")
            if made and made.endswith(".aqc"):
                said += content_id(ampql, made, own).encode()
            elif made and os.path.exists(made):
                with open(made, "rb") as file:
                    said += file.read()
            out[name] = "%d %s" % (done.returncode, hashlib.sha256(said).hexdigest())
    return out


class Comparison:
    def __init__(self, ampql):
        self.ampql = ampql
        self.first = outputs(ampql)
        self.n = 0
        failed = [name for name, said in self.first.items() if not said.startswith("0 ")]
        # what a format has no place for is refused, the same way each time
        if len(failed) > len(self.first) // 3:
            raise Wrong("most commands fail: %s" % ", ".join(failed))

    def add(self, what, others):
        for name, said in others.items():
            self.n += 1
            if said != self.first[name]:
                raise Wrong("%s: other bytes of: %s" % (what, name))

    def section(self, what, runs, leaves_out=""):
        before = self.n
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for label, others in pool.map(lambda run: (run[0], outputs(*run[1:])), runs):
                self.add(label, {name: said for name, said in others.items() if not leaves_out or leaves_out not in name})
        print("  OK   determinism: %s, %d comparisons" % (what, self.n - before), flush=True)


def locales(folder):
    """Of the system's definitions, built here; names as LC_ALL takes them. Without definitions: what is installed."""
    if not shutil.which("localedef") or not os.path.isdir("/usr/share/i18n/locales"):
        listed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
        return listed[:3], {}
    for name, charset in LOCALES:
        subprocess.run(["localedef", "-c", "-i", name, "-f", charset, os.path.join(folder, "%s.%s" % (name, charset))],
                       capture_output=True, check=False)
    return ["%s.%s" % locale for locale in LOCALES], {"LOCPATH": folder}


def setter(folder):
    """A library that makes any program take its environment's locale, as one that embeds ampql may."""
    path = os.path.join(folder, "setter.so")
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-x", "c", "-o", path, "-"], input=SETS_LOCALE.encode(),
                   check=True)
    return path


def build(variant, *settings):
    command = "build/%s/ampql" % variant
    done = subprocess.run(["make", "--no-print-directory", "-j2", "VARIANT=" + variant, *settings, command],
                          capture_output=True, text=True)
    if done.returncode:
        raise Wrong("%s is not built: %s" % (variant, done.stderr[-2000:]))
    return command


def builds():
    compilers = [("gcc", "g++")] + ([("clang", "clang++")] if shutil.which("clang") else [])
    for cc, cxx in compilers:
        for name, options in (("O0", "-O0"), ("O2", "-O2"), ("O3", "-O3"), ("lto", "-O2 -flto")):
            if (cc, name) == ("clang", "lto") and not shutil.which("lld"):
                continue
            yield "%s %s" % (cc, options), build("determinism-%s-%s" % (cc, name), "CC=" + cc, "CXX=" + cxx, "OPT=" + options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ampql")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--builds", action="store_true")
    parser.add_argument("--seeds", type=int, default=0)
    asked = parser.parse_args()
    ampql = os.path.abspath(asked.ampql)
    all_of_it = Comparison(ampql)
    all_of_it.section("%d runs" % asked.runs, [("run %d" % i, ampql) for i in range(asked.runs)])
    all_of_it.section("threads 1, 2 and 4", [("%d threads" % n, ampql, n) for n in THREADS])
    with tempfile.TemporaryDirectory(prefix="ampql-locales-") as folder:
        names, environment = locales(folder)
        said = ", ".join(names)
        all_of_it.section("in locales " + said, [("locale " + name, ampql, 2, {**environment, "LC_ALL": name}) for name in names])
        # The command takes no locale. A program that does and has the library in it: all but the command's own tables.
        environment["LD_PRELOAD"] = setter(folder)
        all_of_it.section("where the program takes them",
                          [("set " + name, ampql, 2, {**environment, "LC_ALL": name}) for name in names], "bill table")
    if asked.seeds:
        seeded = os.path.abspath(build("determinism-seed", "CFLAGS=-DAMPQL_HASH_SEED_OF_TESTS"))
        all_of_it.section("seeds of the hash 1 to %d" % asked.seeds,
                          [("seed %d" % i, seeded, 1 + i % 2, {"AMPQL_HASH_SEED": str(i)}) for i in range(1, asked.seeds + 1)])
    if asked.builds:
        made = list(builds())
        all_of_it.section("builds " + ", ".join(name for name, _ in made),
                          [("%s, %d threads" % (name, n), os.path.abspath(command), n) for name, command in made for n in (1, 2)])
    print("  OK   determinism: %d commands, %d comparisons, the same bytes" % (len(all_of_it.first), all_of_it.n))


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        print("  FAIL determinism: %s" % wrong)
        sys.exit(1)
