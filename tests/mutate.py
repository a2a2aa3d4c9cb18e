#!/usr/bin/env python3
"""Do the tests notice a fault? Small faults are put into src/eval, src/plan and src/cost, one at a time.

    mutate.py [--n 500] [--seed 1] [--files REGEX] [--skip K] [--list] [--log FILE]

A mutant changes one place: an operator, a comparison, a constant, a negated or dropped condition, a dropped statement. Only its
file is compiled, into one shared library that all test programs share; then the tests that reach the changed line run, quickest
first, until one fails. Outcomes: killed (a test failed, crashed or ran out of time), survived, not compilable, and same code: the
compiler makes the same object of it, so that it is no fault. A survivor that mutation.tsv does not list with a reason fails.

`make mutation` builds what it needs: objects of its own, and all tests with COVERAGE=1, which say which test reaches which line."""
import argparse
import collections
import json
import os
import random
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = "build/mutation"
COUNTED = "build/coverage"
KNOWN = os.path.join(HERE, "mutation.tsv")
MAP = os.path.join(BUILD, "reached.json")
FOLDERS = ("src/eval", "src/plan", "src/cost")
MAX_TEST_S = 12  # of CPU: longer tests are left out,
SLOW_S, ENOUGH = 8, 8  # and those over SLOW_S, too, where ENOUGH quicker ones reach the line

SWAPS = {"<": ["<=", ">"], "<=": ["<", ">"], ">": [">=", "<"], ">=": [">", "<"], "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
         "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "++": ["--"], "--": ["++"], "+=": ["-="], "-=": ["+="], "*=": ["/="],
         "/=": ["*="], "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"], "true": ["false"], "false": ["true"], "|=": ["&="], "&=": ["|="]}
TOKEN = re.compile(r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<number>0[xX][0-9a-fA-F]+\w*|\d[\w.]*(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_]\w*)|(?P<op><<=|>>=|\.\.\.|->|\+\+|--|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<|>>|.)""", re.S | re.X)
TYPES = {"int", "size_t", "double", "struct", "enum", "const", "static", "bool", "char", "void", "unsigned", "return", "uint8_t", "uint32_t",
         "uint64_t", "int64_t", "int32_t", "uint16_t", "long", "float", "goto", "break", "continue", "case", "default", "else", "if", "for", "while",
         "do", "switch", "typedef", "extern", "union", "assert", "_Static_assert"}
UNARY_BEFORE = set("(,=?:[{;!~&|+-*/%<>") | {"return", "case", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "<<", ">>"}

Mutant = collections.namedtuple("Mutant", "path begin end text line what")


def tokens(source):
    """(kind, text, begin) of what is code: no comments, strings or preprocessor lines."""
    blank = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group()), source, flags=re.M)
    return [(m.lastgroup, m.group(), m.start()) for m in TOKEN.finditer(blank) if m.lastgroup != "space"]


def closing(words, i):
    """The index of the parenthesis that closes the one at i."""
    depth = 0
    for k in range(i, len(words)):
        depth += words[k][1] == "("
        depth -= words[k][1] == ")"
        if depth == 0:
            return k
    return len(words) - 1


def number_changes(text):
    match = re.fullmatch(r"(\d+)([uUlL]*)", text)
    if match:
        value = int(match.group(1))
        return [str(v) + match.group(2) for v in ([1] if value == 0 else [value + 1, value - 1])]
    if re.fullmatch(r"\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+", text):
        return ["(%s + 1)" % text, "(%s * 0.5)" % text]
    return []


def mutants_of(path):
    with open(path, encoding="utf-8") as file:
        source = file.read()
    words, found, depth, parens, asserted = tokens(source), [], 0, 0, -1

    def add(begin, end, text):
        old = re.sub(r"\s+", " ", source[begin:end])
        old = old if len(old) <= 60 else old[:57] + "..."
        found.append(Mutant(path, begin, end, text, source.count("\n", 0, begin) + 1, "%s -> %s" % (old, text[:60] or "nothing")))

    for i, (kind, text, begin) in enumerate(words):
        depth += (text == "{") - (text == "}")
        parens += (text in "([") - (text in ")]")
        before = words[i - 1][1] if i else ""
        if text in ("assert", "_Static_assert", "sizeof"):
            asserted = closing(words, i + 1)
        if i <= asserted or depth == 0:
            continue
        if kind == "number":
            for new in number_changes(text):
                add(begin, begin + len(text), new)
        elif text == "!" and kind == "op":
            add(begin, begin + 1, "")
        elif text in SWAPS and (kind == "op" or text in ("true", "false")):
            if text in "+-*&" and (before in UNARY_BEFORE or words[i - 1][0] == "name" and before in TYPES | {"return"}):
                continue  # a sign, an address or a pointer
            for new in SWAPS[text]:
                add(begin, begin + len(text), new)
        elif text in ("if", "while") and i + 1 < len(words) and words[i + 1][1] == "(":
            end = words[closing(words, i + 1)][2]
            inner = source[words[i + 1][2] + 1:end]
            add(words[i + 1][2] + 1, end, "!(%s)" % inner)
            add(words[i + 1][2] + 1, end, "0 && (%s)" % inner)
            if text == "if":
                add(words[i + 1][2] + 1, end, "1 || (%s)" % inner)
        elif text in ("break", "continue") and words[i + 1][1] == ";":
            add(begin, begin + len(text), "")
        elif parens == 0 and before in (";", "{", "}") and (kind == "name" and text not in TYPES or text == "*"):
            end = statement_end(words, i)
            if end and (words[i + 1][0] != "name" or text == "*"):
                add(begin, words[end][2], "")
    return found


def statement_end(words, i):
    """The index of the semicolon of the expression statement at i, or None when it is a label, an initialiser or a declaration."""
    depth = 0
    for k in range(i, len(words)):
        text = words[k][1]
        depth += (text in "([{") - (text in ")]}")
        if depth < 0 or depth == 0 and text in (":", ",") and k == i + 1:
            return None
        if depth == 0 and text == ";":
            return k
    return None


def all_mutants(pattern):
    found = []
    for folder in FOLDERS:
        for at, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(at, name)
                if name.endswith(".c") and re.search(pattern, path):
                    found += mutants_of(path)
    return found


# ---- tests


def test_list():
    """name -> command, with B as the folder of the build"""
    tests = {}
    for name in sorted(os.listdir("tests")):
        match = re.fullmatch(r"(test_\w+)\.c", name)
        if match and os.path.exists(os.path.join(BUILD, "tests", match.group(1))):
            tests[match.group(1)] = ["B/tests/" + match.group(1)]
    for at, _, names in sorted(os.walk("tests/data/promql")):
        for name in sorted(names):
            if name.endswith(".test"):
                path = os.path.join(at, name)
                tests[path] = ["B/ampql", "test", path]
    tests["examples/rules"] = ["B/ampql", "test", "examples/rules"]
    for name in sorted(os.listdir("tests/data/cli")):
        if name.endswith(".sh") and name not in ("lib.sh", "serve.sh", "fetch.sh", "whoami.sh", "remote.sh", "help.sh", "completion.sh"):
            tests["cli " + name[:-3]] = ["sh", "tests/cli.sh", name[:-3]]
    return tests


def run(command, build, cpu_s, wall_s, env=None):
    """(exit status or None when time ran out, CPU seconds)"""
    environment = dict(os.environ, AMPQL=os.path.join(ROOT, build, "ampql"), **(env or {}))
    words = [re.sub(r"^B/", build + "/", word) for word in command]

    def limits():
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                               preexec_fn=limits)
    try:
        status = process.wait(wall_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        status = None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return status, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lines_reached(folder):
    """The lines of the mutated folders whose counts lie below folder: {path: [line, ...]}"""
    reached = collections.defaultdict(set)
    data = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".gcda")]
    data = [path for path in data if any("/obj/%s/" % wanted in path for wanted in FOLDERS)]
    for path in data:
        note = os.path.join(COUNTED, "obj", path.split("/obj/", 1)[1][:-5] + ".gcno")
        os.symlink(os.path.abspath(note), path[:-5] + ".gcno")
    done = subprocess.run(["gcov", "--json-format", "--stdout"] + data, capture_output=True, text=True, check=True) if data else None
    for document in done.stdout.splitlines() if done else []:
        for entry in json.loads(document)["files"] if document.startswith("{") else []:
            if entry["file"].startswith(FOLDERS):
                reached[entry["file"]].update(line["line_number"] for line in entry["lines"] if line["count"])
    return {path: sorted(lines) for path, lines in reached.items()}


def make_map(log):
    """Which test reaches which line, kept in MAP."""
    own, reached = os.path.abspath(os.path.join(BUILD, "counts")), {}
    if os.path.exists(MAP):
        with open(MAP, encoding="utf-8") as file:
            reached = json.load(file)
    for name, command in test_list().items():
        if name in reached or not os.path.exists(COUNTED + "/ampql"):
            continue
        subprocess.run(["rm", "-rf", own], check=True)
        strip = str(len([part for part in ROOT.split("/") if part]))
        status, cpu_s = run(command, BUILD, 60, 300)
        if status != 0 or cpu_s > MAX_TEST_S:
            log("left out: %s: exit status %s, %.1f s" % (name, status, cpu_s))
            reached[name] = {"cpu_s": cpu_s, "lines": {}}
            continue
        run(command, COUNTED, 300, 600, {"GCOV_PREFIX": own, "GCOV_PREFIX_STRIP": strip})
        reached[name] = {"cpu_s": cpu_s, "lines": lines_reached(own)}
        log("%s: %.2f s, %d files" % (name, cpu_s, len(reached[name]["lines"])))
        with open(MAP + ".new", "w", encoding="utf-8") as file:
            json.dump(reached, file)
        os.replace(MAP + ".new", MAP)
    return reached


# ---- one mutant


class Builder:
    """Compiles and links mutants; what for, tests/strict.mk has written beside the objects."""

    def __init__(self):
        self.flags, self.objects, self.libs, self.tests, self.support = (
            open(os.path.join(BUILD, name), encoding="utf-8").read().split() for name in ("flags", "objects", "libs", "tests.o", "support.o"))
        self.library = os.path.join(BUILD, "libmutant.so")
        self.same = {}

    def compile(self, path, source, out):
        """The same folder and name for the original and all its mutants, so that equal code is an equal object."""
        place = os.path.join(BUILD, "mutant.c")
        with open(place, "w", encoding="utf-8") as file:
            file.write('#line 1 "%s"\n' % path + source)
        return subprocess.run(self.flags + ["-c", "-o", out, place], capture_output=True, check=False).returncode == 0

    def link(self, path="", replacement=""):
        own = os.path.join(BUILD, "obj", path + ".o")
        objects = [replacement if name == own else name for name in self.objects]
        subprocess.run(["g++", "-shared", "-o", self.library + ".new"] + objects + self.libs, check=True)
        os.replace(self.library + ".new", self.library)

    def programs(self):
        """The command and the test programs, over the library as it is."""
        self.link()
        os.makedirs(os.path.join(BUILD, "tests"), exist_ok=True)
        tail = ["-L" + BUILD, "-lmutant", "-Wl,-rpath," + os.path.abspath(BUILD)] + self.libs
        main = os.path.join(BUILD, "obj/src/cli/main.c.o")
        subprocess.run(["g++", "-o", os.path.join(BUILD, "ampql"), main] + tail, check=True)
        for name in self.tests:
            out = os.path.join(BUILD, "tests", os.path.basename(name)[:-4])
            if os.path.exists(out) and os.path.getmtime(out) > os.path.getmtime(name):
                continue
            subprocess.run(["g++", "-o", out, name] + self.support + tail + ["-lcmocka"], check=True)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def try_mutant(mutant, builder, reached):
    """outcome, what decided it"""
    with open(mutant.path, encoding="utf-8") as file:
        source = file.read()
    base, changed = os.path.join(BUILD, "base.o"), os.path.join(BUILD, "mutant.o")
    if mutant.path not in builder.same:
        assert builder.compile(mutant.path, source, base), mutant.path
        builder.same[mutant.path] = read(base)
    if not builder.compile(mutant.path, source[:mutant.begin] + mutant.text + source[mutant.end:], changed):
        return "not compilable", ""
    if read(changed) == builder.same[mutant.path]:
        return "same code", ""
    last = mutant.line + source[mutant.begin:mutant.end].count("\n")
    near = set(range(mutant.line, last + 1))
    tests = [(entry["cpu_s"], name) for name, entry in reached.items() if near & set(entry["lines"].get(mutant.path, []))]
    if not tests:  # a table or a constant, a loop that has a clone for another processor, or nobody reaches it
        tests = [(entry["cpu_s"], name) for name, entry in reached.items() if entry["lines"].get(mutant.path)]
    quick = [test for test in tests if test[0] <= SLOW_S]
    tests = quick if len(quick) >= ENOUGH else tests
    builder.link(mutant.path, changed)
    commands = test_list()
    for base_s, name in sorted(tests):
        status, _ = run(commands[name], BUILD, 5 * base_s + 3, 20 * base_s + 60)
        if status != 0:
            return "killed", "%s%s" % (name, " (no end)" if status in (None, -24, -9) else "")
    return "survived", "%d tests" % len(tests)


def known():
    rows = {}
    with open(KNOWN, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                path, text, what, reason = line.rstrip("\n").split("\t")
                rows[path, text, what] = reason
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--files", default="")
    parser.add_argument("--log", default=os.path.join(BUILD, "mutation.log"))
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    os.chdir(ROOT)
    mutants = all_mutants(args.files)
    random.Random(args.seed).shuffle(mutants)
    print("  %d mutants of %d files" % (len(mutants), len({m.path for m in mutants})))
    if args.list:
        for m in mutants[:args.n]:
            print("%s:%d: %s" % (m.path, m.line, m.what))
        return
    with open(args.log, "a", encoding="utf-8") as log_file:

        def log(text):
            print(text, file=log_file, flush=True)

        builder = Builder()
        builder.programs()
        judge(mutants[args.skip:], args.n, builder, make_map(log), log)


def judge(mutants, wanted, builder, reached, log):
    listed, counts, unlisted, begin = known(), collections.Counter(), [], time.time()
    for mutant in mutants:
        if counts["killed"] + counts["survived"] == wanted:
            break
        outcome, why = try_mutant(mutant, builder, reached)
        counts[outcome] += 1
        with open(mutant.path, encoding="utf-8") as file:
            text = file.read().split("\n")[mutant.line - 1].strip()
        log("%s\t%s:%d\t%s\t%s\t%s" % (outcome, mutant.path, mutant.line, text, mutant.what, why))
        if outcome == "survived":
            counts["listed"] += (mutant.path, text, mutant.what) in listed
            if (mutant.path, text, mutant.what) not in listed:
                unlisted.append("%s:%d: %s (%s)" % (mutant.path, mutant.line, mutant.what, why))
    tried = counts["killed"] + counts["survived"]
    for row in unlisted:
        print("  FAIL survives, and is not listed with a reason: " + row)
    print("  %d faults tried in %.0f s: %d killed (%.1f%%), %d survived, %d of them listed; %d more did not compile, %d gave the same code" % (
        tried, time.time() - begin, counts["killed"], 100.0 * counts["killed"] / max(tried, 1), counts["survived"], counts["listed"],
        counts["not compilable"], counts["same code"]))
    if unlisted or counts["killed"] < 0.9 * tried:
        raise SystemExit(1)
    print("  OK   mutation")


if __name__ == "__main__":
    main()
