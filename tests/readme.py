#!/usr/bin/env python3
"""The list of functions in README.md is the one that the command has: tests/readme.py AMPQL [--write]"""
import json
import re
import subprocess
import sys
import textwrap

BEGIN, END = "<!-- functions -->\n", "<!-- end of functions -->"


def listing(ampql):
    rows = json.loads(subprocess.run([ampql, "functions", "-o", "json"], capture_output=True, check=True, text=True).stdout)
    kinds = [
        ("Functions", [r for r in rows if not r["aggregation"] and not r["experimental"]]),
        ("Aggregations", [r for r in rows if r["aggregation"] and not r["experimental"]]),
        ("Experimental (an engine option)", [r for r in rows if r["experimental"]]),
    ]
    lines = []
    for title, some in kinds:
        text = "**%s:** %s." % (title, ", ".join("`%s`" % r["name"] for r in some))
        lines += textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False) + [""]
    return "\n".join(lines)


def main():
    with open("README.md", encoding="utf-8") as file:
        text = file.read()
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    fresh = re.sub(pattern, lambda _: BEGIN + "\n" + listing(sys.argv[1]) + "\n" + END, text, flags=re.S)
    if "--write" in sys.argv:
        with open("README.md", "w", encoding="utf-8") as file:
            file.write(fresh)
    elif fresh != text or BEGIN not in text:
        raise SystemExit("  FAIL README.md does not list the functions that there are: tests/readme.py build/ampql --write")
    else:
        print("  OK   README's functions")


if __name__ == "__main__":
    main()
