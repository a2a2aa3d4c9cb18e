"""Bills of OpenCost and of an independent model, kept in files: what `ampql allocate` is held to where there is no Prometheus.

    cost_saved.py record AMPQL URL FOLDER     push clusters into a server, save captures of it and the model's answers
    cost_saved.py check AMPQL FOLDER          compare every field of every container and line with them, to 1e-9

An answer NAME.json holds what cost_model.py made of the server's answers to OpenCost's queries; fields that are 0 or empty are
left out. NAME.opencost.json holds what OpenCost's own code made of them (opencost.py). NAME.aqc holds the raw series.
"""
import json
import math
import os
import sys

import cost_cluster
import cost_model
from cost_check import Bill, Check, check_bill, check_row
from server import Server, asker

HOUR, DAY, RES = 3600, 86400, 300
BASE = 1709251200  # 2024-03-01T00:00:00Z

# name, seed, start, length, scrape interval, longest computation; the server takes samples in the order of time
CLUSTERS = [
    ("leap_day", 1010, BASE - DAY, 4 * HOUR, 120, DAY),
    ("hour", 1002, BASE + 7 * HOUR, HOUR, 60, DAY),
    ("odd_hour", 1001, BASE + 11 * HOUR + 2340, HOUR, 60, DAY),
    ("three_hours", 1004, BASE + 15 * HOUR, 3 * HOUR, 120, DAY),
    ("pieces", 1005, BASE + 20 * HOUR, 3 * HOUR, 120, HOUR),
    ("uneven_pieces", 1016, BASE + 25 * HOUR, 3 * HOUR, 150, 2 * HOUR),
    ("two_clusters", 1003, BASE + 30 * HOUR, 2 * HOUR, 120, DAY),
    ("day", 1008, BASE + 2 * DAY, DAY, 300, DAY),
    ("two_days", 1009, BASE + 4 * DAY, 2 * DAY, 300, DAY),
    ("clock_change", 1011, BASE + 394 * DAY, 3 * HOUR, 120, DAY),
    ("months_end", 1012, BASE + 396 * DAY - 2 * HOUR, 4 * HOUR, 120, DAY),
    ("years_end", 1013, BASE + 671 * DAY - HOUR, 2 * HOUR, 60, DAY),
]

KEYS = {
    "cluster": lambda a: a["cluster"],
    "node": lambda a: a["node"],
    "namespace": lambda a: a["namespace"],
    "controller": lambda a: ":".join(filter(None, (a["controller_kind"], a["controller"]))) or "__unallocated__",
    "label:app": lambda a: a["labels"].get("app") or "__unallocated__",
}
RESOURCES = ("cpu_cost", "ram_cost", "gpu_cost")


def lines_of(answers, key):
    lines = {}
    for name in sorted(answers):
        a = answers[name]
        lines[key(a)] = cost_model.add(lines[key(a)], a) if key(a) in lines else dict(a)
    return lines


def idle_of(answers, assets):
    """{node: {resource: [what it costs, what of it is allocated]}}"""
    idle = {}
    for node, asset in assets.items():
        used = [a for a in answers.values() if (a["cluster"], a["node"]) == node]
        idle["/".join(node)] = {r: [asset[r], math.fsum(a[r] for a in used)] for r in RESOURCES}
    return idle


# ---- what the clusters together must have, so that no part of the model goes untested

def node_cost(saved, a):
    node = saved["idle"].get(a["cluster"] + "/" + a["node"])
    return node and node["cpu_cost"][0]


FEATURES = {
    "GPUs": lambda a, s: a["gpu_cost"] > 0,
    "used GPUs": lambda a, s: a["gpu_usage_average"] > 0,
    "restarts": lambda a, s: len(s["places"].get((a["cluster"], a["namespace"], a["pod"], a["container"]), ())) > 1,
    "a pod of one point": lambda a, s: a["minutes"] == RES / 60,
    "a mounted volume": lambda a, s: a["pvs"] and a["container"] != "__unmounted__",
    "an unmounted claim": lambda a, s: a["pvs"] and a["pod"].endswith("-unmounted-pvcs"),
    "an unmounted volume": lambda a, s: a["pvs"] and a["pod"] == "__unmounted__",
    "a shared volume": lambda a, s: any(len(s["users"][key]) > 1 for key in a["pvs"]),
    "a load balancer": lambda a, s: a["load_balancer_cost"] > 0 and a["container"] != "__unmounted__",
    "one without pods": lambda a, s: a["load_balancer_cost"] > 0 and a["container"] == "__unmounted__",
    "a private address": lambda a, s: any(b["private"] for b in a["lbs"].values()),
    "traffic to zones": lambda a, s: a["network_cross_zone_cost"] > 0,
    "traffic to regions": lambda a, s: a["network_cross_region_cost"] > 0,
    "traffic out": lambda a, s: a["network_internet_cost"] > 0,
    "services": lambda a, s: len(a["services"]) > 1,
    "annotations": lambda a, s: len(a["annotations"]) > 1,
    "labels of nodes": lambda a, s: "topology_kubernetes_io_zone" in a["labels"],
    "a provider's name cut": lambda a, s: a["provider_id"].startswith("i-"),
    "a node without a price": lambda a, s: a["cpu_cost"] > 0 and node_cost(s, a) == 0,
    "a node of negative idle costs": lambda a, s: any(n["cpu_cost"][0] < n["cpu_cost"][1] for n in s["idle"].values()),
    "two clusters": lambda a, s: len({b["cluster"] for b in s["answers"].values()}) > 1,
    "spot nodes": lambda a, s: s["spot"],
    "a cron job": lambda a, s: (a["controller_kind"], a["controller"]) == ("job", "nightly"),
    "a job": lambda a, s: (a["controller_kind"], a["controller"]) == ("job", "once"),
    **{"a " + kind: lambda a, s, kind=kind: a["controller_kind"] == kind
       for kind in ("deployment", "statefulset", "daemonset", "replicaset", "rollout")},
}


def check_features(saved):
    missing = []
    for what, has in FEATURES.items():
        if not any(has(a, s) for s in saved for a in s["answers"].values()):
            missing.append(what)
    if missing:
        sys.exit("no cluster has " + ", ".join(missing))


def facts_of(series, answers, idle):
    users, places = {}, {}
    for name, a in answers.items():
        for key in a["pvs"]:
            users.setdefault(key, set()).add(name)
    for labels, _ in series:
        if labels["__name__"] == "container_memory_allocation_bytes":
            key = tuple(labels.get(name, "") for name in ("cluster_id", "namespace", "pod", "container"))
            places.setdefault(key, set()).add(labels["node"])
    spot = any(points[0][1] for labels, points in series if labels["__name__"] == "kubecost_node_is_spot")
    return dict(answers=answers, idle=idle, users=users, places=places, spot=spot)


# ---- files

def pack(a):
    """Without what is 0 or empty; volumes, whose keys are pairs, as a list."""
    kept = {name: value for name, value in a.items() if value or name in ("start", "end")}
    if a["pvs"]:
        kept["pvs"] = [[*key, part] for key, part in a["pvs"].items()]
    return kept


def unpack(kept):
    a = cost_model.finish(cost_model.Pod(("", "", ""), 0, 0).container(""))
    a.update(kept)
    a["pvs"] = {(cluster, name): part for cluster, name, part in kept.get("pvs", [])}
    return a


def write(path, saved):
    """A line a thing, so that a change can be read."""
    with open(path, "w", encoding="utf-8") as out:
        for number, (name, value) in enumerate(saved.items()):
            out.write("%s%s: " % (",\n" if number else "{", json.dumps(name)))
            if name in ("answers", "lines", "idle"):
                rows = ["%s: %s" % (json.dumps(key), json.dumps(row)) for key, row in value.items()]
                out.write("{\n%s}" % ",\n".join(rows))
            else:
                out.write(json.dumps(value))
        out.write("}\n")


def record(ampql, url, folder):
    ask, saved = asker(Server(url)), []
    for name, seed, start, length, step, longest in CLUSTERS:
        end, flags = start + length, ["--max-duration", "%ds" % longest]
        series = cost_cluster.Cluster(seed, start, end, step).fill()
        cost_cluster.push(url, series)
        Bill(ampql, url, (start, end), os.path.join(folder, name + ".aqc"), flags)
        pieces = [cost_model.compute(ask, t, min(t + longest, end), RES) for t in range(start, end, longest)]
        answers = cost_model.accumulate(pieces)
        idle = idle_of(answers, cost_model.assets(ask, start, end, RES))
        lines = {keys + "=" + line: pack(a) for keys, key in KEYS.items() for line, a in lines_of(answers, key).items()}
        saved.append(facts_of(series, answers, idle))
        write(os.path.join(folder, name + ".json"), dict(
            seed=seed, window=(start, end), flags=flags, answers={key: pack(a) for key, a in answers.items()}, lines=lines,
            idle=idle))
        print("%s: %d containers" % (name, len(answers)), flush=True)
    check_features(saved)


def read_opencost(path):
    """{name: row}, of the fields that OpenCost 1.108 has."""
    with open(path, encoding="utf-8") as file:
        saved = json.load(file)
    rows = {}
    for name, kept in saved["answers"].items():
        row = dict(dict.fromkeys(saved["numbers"], 0), **dict.fromkeys(cost_model.TEXTS, ""), services=[], labels={},
                   annotations={}, pvs=[], lbs={})
        row.update(kept)
        row["pvs"] = {(part["cluster"], part["name"]): part for part in row["pvs"]}
        rows[name] = row
    return rows


def check_idle(check, bill, idle):
    rows = bill.lines("--idle", "--split-idle", "--quirk", "idle-of-disks=off", "--quirk", "lonely-idle=off")
    rows = {name[:-len("/__idle__")]: row for name, row in rows.items() if name.endswith("/__idle__")}
    check.equal("nodes with idle costs", sorted(rows), sorted(idle))
    for name in sorted(set(rows) & set(idle)):
        for resource, (cost, used) in idle[name].items():
            check.near("idle %s of %s" % (resource, name), float(rows[name][resource]) + used, cost, used)


def check_lines(check, bill, keys, want):
    rows = bill.lines("-a", keys)
    check.equal("lines by " + keys, sorted(rows), sorted(want))
    for name in sorted(set(rows) & set(want)):
        check_row(check, keys + "=" + name, rows[name], unpack(want[name]))


def check_all(ampql, folder):
    fields, failures = 0, []
    names = sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".aqc"))
    for name in names:
        path = os.path.join(folder, name)
        with open(path + ".json", encoding="utf-8") as file:
            saved = json.load(file)
        check, bill = Check(name), Bill(ampql, None, saved["window"], path + ".aqc", saved["flags"])
        check_bill(check, bill, {key: unpack(a) for key, a in saved["answers"].items()})
        check.what = name + " by OpenCost"
        check_bill(check, bill, read_opencost(path + ".opencost.json"))
        check.what = name
        for keys in KEYS:
            check_lines(check, bill, keys, {line[len(keys) + 1:]: a for line, a in saved["lines"].items()
                                            if line.startswith(keys + "=")})
        check_idle(check, bill, saved["idle"])
        fields, failures = fields + check.fields, failures + check.failures
    for failure in failures[:40]:
        print(failure)
    print("%d clusters, %d fields, %d differences" % (len(names), fields, len(failures)))
    sys.exit(bool(failures) or len(names) < 10)


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "record":
        record(*sys.argv[2:])
    elif len(sys.argv) == 4 and sys.argv[1] == "check":
        check_all(*sys.argv[2:])
    else:
        sys.exit(__doc__)
