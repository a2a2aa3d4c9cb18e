#!/usr/bin/env python3
"""What cppcheck, clang-tidy and gcc -fanalyzer say of the library and the command, without running it.

    analyze.py [TOOL...] [--files REGEX] -- FLAGS...

TOOL is cppcheck, clang-tidy or fanalyzer; all three by default. FLAGS are those of the compiler. A finding that analyze.tsv does
not list, with a reason, fails; a row that is found no longer fails, too, when all files were looked at."""
import concurrent.futures
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KNOWN = os.path.join(HERE, "analyze.tsv")
# Of clang-tidy what finds bugs; the rest of it is about style, which is settled otherwise.
TIDY = ",".join(["-*", "bugprone-*", "cert-err34-c", "cert-fio38-c", "clang-analyzer-core.*", "clang-analyzer-unix.*",
                 "clang-analyzer-deadcode.*", "misc-redundant-expression", "misc-misplaced-const",
                 # names of neighbours, lengths of literals, macros that are lists, and casts that say what they do are meant
                 "-bugprone-easily-swappable-parameters", "-bugprone-reserved-identifier", "-bugprone-macro-parentheses",
                 "-bugprone-narrowing-conversions", "-bugprone-implicit-widening-of-multiplication-result",
                 "-bugprone-assignment-in-if-condition", "-bugprone-branch-clone", "-bugprone-sizeof-expression"])
FINDING = re.compile(r"(src/[^:]+):(\d+):(?:\d+:)? (?:warning|error|performance|portability): (.*)")


def sources(pattern):
    return [os.path.join(at, name) for at, _, names in sorted(os.walk("src")) for name in sorted(names)
            if name.endswith(".c") and re.search(pattern, os.path.join(at, name))]


def command(tool, path, flags):
    if tool == "cppcheck":
        keep = [flag for flag in flags if re.match(r"-[ID]", flag)] + ["-Iinclude", "-Isrc"]
        return ["cppcheck", "--quiet", "--std=c11", "--enable=warning,portability", "--suppress=missingInclude", "--suppress=unknownMacro",
                "--template={file}:{line}: warning: {message} [{id}]"] + [f for f in keep if f.startswith("-D") or f in ("-Iinclude", "-Isrc")] + [path]
    if tool == "clang-tidy":
        return ["clang-tidy", "--quiet", "--checks=" + TIDY, path, "--"] + [f for f in flags if not f.startswith(("-W", "-fstack-clash"))]
    return ["gcc"] + [f for f in flags if not f.startswith("-W")] + ["-O1", "-fanalyzer", "-Wno-analyzer-too-complex", "-c", "-o", "/dev/null", path]


def look(tool, path, flags):
    done = subprocess.run(command(tool, path, flags), capture_output=True, text=True, check=False)
    found = set()
    for line in (done.stdout + done.stderr).splitlines():
        match = FINDING.match(line)
        if match and re.search(r"\[[\w.,=-]+\]$", match.group(3)):
            with open(match.group(1), encoding="utf-8") as file:
                text = file.read().split("\n")[int(match.group(2)) - 1].strip()
            check = re.search(r"\[([\w.,=-]+)\]$", match.group(3)).group(1)
            found.add((tool, match.group(1), check, text, "%s:%s: %s" % (match.group(1), match.group(2), match.group(3))))
    return found


def known():
    rows = {}
    with open(KNOWN, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                tool, path, check, text, reason = line.rstrip("\n").split("\t")
                rows[tool, path, check, text] = reason
    return rows


def main():
    args, flags = sys.argv[1:], []
    if "--" in args:
        args, flags = args[:args.index("--")], args[args.index("--") + 1:]
    pattern = args[args.index("--files") + 1] if "--files" in args else ""
    tools = [tool for tool in ("cppcheck", "clang-tidy", "fanalyzer") if tool in args] or ["cppcheck", "clang-tidy", "fanalyzer"]
    rows, failed = known(), 0
    for tool in tools:
        paths = sources(pattern)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = set().union(*pool.map(lambda path: look(tool, path, flags), paths))
        new = sorted(finding[4] for finding in found if not any(match(row, finding) for row in rows))
        for text in new:
            print("  FAIL %s: %s" % (tool, text))
        gone = [row for row in rows if row[0] == tool and not pattern and not any(match(row, finding) for finding in found)]
        for row in gone:
            print("  FAIL analyze.tsv lists what %s does not find: %s" % (tool, " ".join(row[1:])))
        failed += len(new) + len(gone)
        if not new and not gone:
            print("  OK   %s: %d files, %d findings, each listed with a reason" % (tool, len(paths), len(found)))
    if failed:
        raise SystemExit(1)


def match(row, finding):
    """A row's path may end in / and its text be *: all of a folder, any line."""
    return (row[0] == finding[0] and (row[1] == finding[1] or row[1].endswith("/") and finding[1].startswith(row[1])) and
            row[2] == finding[2] and row[3] in ("*", finding[3]))


if __name__ == "__main__":
    main()
