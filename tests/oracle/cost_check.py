"""Bills of `ampql allocate`, and what is compared in them: every field of every container."""
import csv
import datetime
import json
import math
import subprocess
import sys

import cost_model


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("%s: %s" % (" ".join(args[1:]), done.stderr))
    return done.stdout


def table(command, *flags):
    """{name: row} of a bill as CSV."""
    rows = csv.DictReader(run(*command, "-o", "csv", *flags).splitlines())
    return {row["name"]: row for row in rows}


class Bill:
    """Bills of one window: with a URL the first one fetches into a capture, and the others are of that."""

    def __init__(self, ampql, url, window, capture, flags=()):
        flags = ["-w", "%d,%d" % tuple(window), "--progress", "none", "--now", str(window[1]), *flags]
        self.start = [ampql, "allocate", "-s", capture, *flags]
        if url:
            self.server = [ampql, "allocate", "-s", url, *flags]
            run(*self.server, "--idle", "--record", capture)

    def lines(self, *flags):
        return table(self.start, *flags)

    def items(self, *flags):
        return json.loads(run(*self.start, "-o", "json", *flags))["data"][0]

    def total(self, *flags):
        return math.fsum(float(row["total_cost"]) for row in self.lines(*flags).values())


class Check:
    def __init__(self, what):
        self.what, self.fields, self.failures = what, 0, []

    def near(self, where, got, want, scale=0.0):
        """scale: the greatest of what was added up to `got`, when they cancel out."""
        self.fields += 1
        if not math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9 * max(1e-6, abs(scale))):
            self.failures.append("%s: %s is %.17g, want %.17g" % (self.what, where, got, want))

    def equal(self, where, got, want):
        self.fields += 1
        if got != want:
            self.failures.append("%s: %s is %r, want %r" % (self.what, where, got, want))


class Tally:
    """What came of all clusters, printed as they come."""

    def __init__(self):
        self.fields = self.failed = 0

    def add(self, seed, kind, ncontainers, check):
        self.fields += check.fields
        self.failed += len(check.failures)
        print("seed %d, %s: %d containers, %d fields, %d differences" % (
            seed, kind, ncontainers, check.fields, len(check.failures)), flush=True)
        for failure in check.failures[:12]:
            print("  " + failure)

    def end(self, what):
        print("%s, %d fields, %d differences" % (what, self.fields, self.failed))
        sys.exit(self.failed > 0)


def check_row(check, name, row, want):
    for field in cost_model.TEXTS[:7]:
        check.equal(name + " " + field, row[field], want[field])
    for field, value in want.items():
        if field in row and isinstance(value, (int, float)) and field not in ("start", "end"):
            check.near(name + " " + field, float(row[field]), value)
    for field in ("start", "end"):
        check.equal(name + " " + field, row[field], iso(want[field]))


def check_item(check, name, row, item, want):
    check_row(check, name, row, want)
    properties = item["properties"]
    for field in ("labels", "annotations"):
        check.equal(name + " " + field, properties.get(field, {}), want[field])
    check.equal(name + " services", properties.get("services", []), want["services"])
    check.equal(name + " providerID", properties.get("providerID", ""), want["provider_id"])
    pvs = {"cluster=%s:name=%s" % key: part for key, part in want["pvs"].items()}
    check.equal(name + " pvs", sorted(item["pvs"] or {}), sorted(pvs))
    for key, part in pvs.items():
        check.near(name + " " + key, item["pvs"][key]["byteHours"], part["byte_hours"])
        check.near(name + " " + key, item["pvs"][key]["cost"], part["cost"])
    check.equal(name + " lbs", sorted(item["lbAllocations"] or {}), sorted(want["lbs"]))
    for key, part in want["lbs"].items():
        for field in {"hours", "cost"} & set(part):
            check.near(name + " " + key, item["lbAllocations"][key][field], part[field])
        check.equal(name + " private", item["lbAllocations"][key]["private"], part["private"])
    raw = item.get("rawAllocationOnly", {})
    check.near(name + " cpuCoreUsageMax", raw.get("cpuCoreUsageMax", 0), want["cpu_core_usage_max"])
    check.near(name + " ramByteUsageMax", raw.get("ramByteUsageMax", 0), want["ram_byte_usage_max"])


def iso(t):
    return datetime.datetime.fromtimestamp(int(t), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_bill(check, bill, want):
    rows, items = bill.lines(), bill.items()
    check.equal("names", sorted(rows), sorted(want))
    for name in sorted(set(rows) & set(want)):
        check_item(check, name, rows[name], items[name], want[name])
