#!/usr/bin/env python3
"""How the cost of a query grows: with series, with steps, with groups. Tables, and a figure.

    growth.py BENCH_PROGRAM OUT.svg

Needs no server: the bench program holds the generated cluster in memory, ampql reads the result's rows, CPU time, medians of
ROUNDS (5) rounds. Where cost is in proportion a line is flat: it shows the time of one sample, of one value, of one sample again.
MAX_CONTAINERS (16000) is for smaller machines: 16,000 take 2 GB."""
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

from differential import END, START

ROUNDS = os.environ.get("ROUNDS", "5")
MOST = int(os.environ.get("MAX_CONTAINERS", "16000"))
CPU = 'container_cpu_usage_seconds_total{container!=""}'
METRICS = "container_cpu_usage_seconds_total,container_memory_allocation_bytes,container_cpu_allocation,node_cpu_hourly_cost"

SHAPES = [
    ("sum by (namespace) (rate), range", 600, "sum by (namespace) (rate(%s[30m]))" % CPU),
    ("sum of a group_left join, range", 600,
     "sum by (namespace) (container_cpu_allocation * on (cluster_id, node) group_left() node_cpu_hourly_cost)"),
    ("avg_over_time of a day", 0, "avg(avg_over_time(container_memory_allocation_bytes[1d])) by (namespace)"),
    ("the largest irate of a day, subquery", 0, "max(max_over_time(irate(%s[30m])[1d:10m])) by (namespace)" % CPU),
]
GROUPINGS = ["cluster_id", "node", "namespace", "namespace, pod", "namespace, pod, container, node, cluster_id"]


def measure(program, containers, interval, rows):
    """[(median CPU ns, samples, series of the result)] of rows (step, query)."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as listing:
        for i, (step, query) in enumerate(rows):
            listing.write("%d\t%d\t%d\t%s\t%s\n" % (i, START if step else END, END, step, query))
        listing.flush()
        done = subprocess.run([program, listing.name, "--containers", str(containers), "--interval", str(interval), "--only", METRICS,
                               "--rounds", ROUNDS], stdout=subprocess.PIPE, text=True, check=True)
    said = [row for row in map(json.loads, done.stdout.splitlines()) if row["name"]]
    return [(statistics.median(row["evaluated_ns"]), row["samples"], row["series"]) for row in said]


def by_series(program):
    """Lines of (samples, ns a sample)."""
    lines = {name: [] for name, _, _ in SHAPES}
    containers = 250
    while containers <= MOST:
        for (name, _, _), (ns, samples, _) in zip(SHAPES, measure(program, containers, 600, [shape[1:] for shape in SHAPES])):
            lines[name].append((samples, ns / samples))
        containers *= 4
    return lines


def by_steps(program):
    """Lines of (steps, ns a series and step)."""
    queries = [("sum (rate)", "sum(rate(%s[5m]))" % CPU), ("sum by (namespace, pod)", "sum by (namespace, pod) (container_cpu_allocation)")]
    lines = {name: [] for name, _ in queries}
    nseries = [series for _, _, series in measure(program, 250, 60, [(0, CPU), (0, "container_cpu_allocation")])]
    for steps in (1, 10, 100, 1000, 10000):
        step = "0" if steps == 1 else "%.3f" % ((END - START) / (steps - 1))
        for (name, _), (ns, _, _), n in zip(queries, measure(program, 250, 60, [(step, query) for _, query in queries]), nseries):
            lines[name].append((steps, ns / steps / n))
    return lines


def by_groups(program):
    """A line of (groups, ns a sample)."""
    rows = [(600, "sum by (%s) (container_memory_allocation_bytes)" % grouping) for grouping in GROUPINGS]
    return {"sum by one label to five, range": sorted((groups, ns / samples) for ns, samples, groups in measure(program, MOST, 600, rows))}


# ---- the figure

WIDTH, HEIGHT, LEFT, TOP = 420, 300, 50, 40
COLORS = ["#1b6ca8", "#c8553d", "#3a7d44", "#7b4fa3"]


def place(value, low, high, size):
    return size * (value - low) / (high - low if high > low else 1)


def panel(number, title, unit, lines):
    """SVG of one set of lines: x logarithmic, y from 0."""
    xs = [math.log10(x) for line in lines.values() for x, _ in line]
    top = max(y for line in lines.values() for _, y in line) * 1.15
    low, high = math.floor(min(xs)), math.ceil(max(xs))
    width, height = WIDTH - LEFT - 20, HEIGHT - TOP - 90
    parts = ['<g transform="translate(%d,0)">' % (number * WIDTH),
             '<text x="%d" y="22" font-weight="bold">%s</text>' % (LEFT, title),
             '<path d="M%d,%dv%dh%d" fill="none" stroke="#888"/>' % (LEFT, TOP, height, width)]
    for power in range(low, high + 1):
        parts.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            LEFT + place(power, low, high, width), TOP + height + 16, format(10 ** power, ",")))
    for share in (0, 0.5, 1):
        parts.append('<text x="%d" y="%.1f" text-anchor="end">%.3g</text>' % (LEFT - 5, TOP + height * (1 - share) + 4, top * share))
    for i, (name, line) in enumerate(lines.items()):
        points = " ".join("%.1f,%.1f" % (LEFT + place(math.log10(x), low, high, width), TOP + height - place(y, 0, top, height))
                          for x, y in line)
        parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (points, COLORS[i]))
        parts.append('<text x="%d" y="%d" fill="%s">%s</text>' % (LEFT, TOP + height + 34 + 14 * i, COLORS[i], name))
    parts.append('<text x="%d" y="36" fill="#666">%s</text></g>' % (LEFT, unit))
    return parts


def figure(panels):
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">' % (
        WIDTH * len(panels), HEIGHT), '<rect width="100%" height="100%" fill="white"/>']
    for i, (title, unit, lines) in enumerate(panels):
        parts += panel(i, title, unit, lines)
    return "\n".join(parts + ["</svg>\n"])


def main():
    program, out = sys.argv[1:]
    panels = [("Samples", "ns CPU a sample", by_series(program)), ("Steps", "ns CPU a series and step", by_steps(program)),
              ("Groups", "ns CPU a sample", by_groups(program))]
    for title, unit, lines in panels:
        print("%s: %s" % (title, unit))
        for name, line in lines.items():
            print("  %-40s %s" % (name, "  ".join("%s: %.2f" % (format(x, ","), y) for x, y in line)))
    with open(out, "w", encoding="utf-8") as file:
        file.write(figure(panels))
    print("a figure: %s" % out)


if __name__ == "__main__":
    main()
