"""OpenCost's ComputeAllocation a second time: written from its rules, slowly and plainly, over a server's own answers.

compute(ask, start, end, res) gives {name: allocation} of one computation, accumulate(...) adds such sets up, idle(...) says what
nodes cost beyond them. `ask(query, time)` gives [(labels, [(t, value), ...])]. Nothing here knows how ampql does it.
"""
import ipaddress
import math
import re

PRICES = dict(cpu=0.031611, ram=0.004237, gpu=0.95, spot_cpu=0.006655, spot_ram=0.000892)
GIB = 2.0**30
NODE_LABELS = ("cloud_google_com_gke_nodepool", "eks_amazonaws_com_nodegroup", "kubernetes_azure_com_agentpool",
               "node_kubernetes_io_instance_type", "topology_kubernetes_io_region", "topology_kubernetes_io_zone")
COSTS = ("cpu_cost", "ram_cost", "gpu_cost", "network_cost", "network_cross_zone_cost", "network_cross_region_cost",
         "network_internet_cost", "load_balancer_cost", "shared_cost")
SUMS = COSTS + ("cpu_core_hours", "ram_byte_hours", "gpu_hours", "network_transfer_bytes", "network_receive_bytes")
AVERAGES = ("cpu_core_request_average", "cpu_core_usage_average", "ram_byte_request_average", "ram_byte_usage_average",
            "gpu_request_average", "gpu_usage_average")
TEXTS = ("cluster", "node", "namespace", "pod", "container", "controller", "controller_kind", "provider_id")


def duration(seconds):
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds % size == 0:
            return "%d%s" % (seconds // size, unit)


def templates(path="tests/data/cost/queries.txt"):
    """Of a day at five minutes, with variables for what depends on the window."""
    text = open(path, encoding="utf-8").read().split("[day]\n")[1].split("\n[filtered]")[0]
    return [line.split(" ", 1) for line in text.strip().split("\n")]


class Answers:
    def __init__(self, ask, start, end, res):
        self.ask, self.start, self.end, self.res = ask, start, end, res
        self.texts = {}
        for name, text in templates():
            text = text.replace("[1d:5m]", "[%s:%s]" % (duration(end - start), duration(res)))
            text = text.replace("[1d]", "[%s]" % duration(end - start)).replace("[10m]", "[%s]" % duration(2 * res))
            self.texts[name] = text

    def rows(self, name):
        """[(labels, first value, first time, last time)]; what is no number is 0, times go to the nearest 10 s."""
        rows = []
        for labels, points in self.ask(self.texts[name], self.end):
            value = points[0][1]
            times = [math.floor(t / 10 + 0.5) * 10 for t, _ in (points[0], points[-1])]
            rows.append((labels, value if math.isfinite(value) else 0.0, times[0], times[1]))
        return sorted(rows, key=lambda row: sorted(row[0].items()))

    def span(self, first, last):
        if first == last:
            first, last = first - self.res / 2, last + self.res / 2
        return max(first, self.start), min(last, self.end)


def cluster(labels):
    return labels.get("cluster_id", "")


def prefixed(labels, prefix):
    return {name[len(prefix):]: value for name, value in labels.items() if name.startswith(prefix)}


def provider_id(text):
    match = re.match(r"aws:///[^/]*/(.*)", text) or re.match(r"gce://[^/]*/[^/]*/(.*)", text)
    return match.group(1) if match else text


class Pod:
    def __init__(self, key, start, end):
        self.key, self.start, self.end = key, start, end
        self.node, self.labels, self.has_labels, self.annotations = "", {}, False, {}
        self.containers = {}

    def container(self, name):
        if name not in self.containers:
            a = dict.fromkeys(SUMS + AVERAGES, 0.0)
            a.update(dict.fromkeys(TEXTS, ""), start=self.start, end=self.end, cluster=self.key[0], namespace=self.key[1],
                     pod=self.key[2], container=name, services=[], labels={}, annotations={}, pvs={}, lbs={},
                     cpu_core_usage_max=0.0, ram_byte_usage_max=0.0)
            self.containers[name] = a
        return self.containers[name]

    def hours(self):
        return (self.end - self.start) / 3600


class Model:
    def __init__(self, answers):
        self.a = answers
        self.pods = {}

    def find(self, labels):
        return self.pods.get((cluster(labels), labels.get("namespace"), labels.get("pod") or labels.get("pod_name")))

    def unmounted(self, cluster_name, namespace=None):
        none = "__unmounted__"
        key = (cluster_name, namespace or none, "%s-unmounted-pvcs" % namespace if namespace else none)
        if key not in self.pods:
            self.pods[key] = Pod(key, self.a.start, self.a.end)
        self.pods[key].container(none)
        return self.pods[key]

    def each(self, name, older=False):
        for labels, value, _, _ in self.a.rows(name):
            pod = self.find(labels)
            container = labels.get("container") or (labels.get("container_name") if older else None)
            if pod and container:
                yield pod, pod.container(container), value, labels

    # ---- in the order of the computation

    def read_pods(self):
        for labels, _, first, last in self.a.rows("Pods"):
            if labels.get("namespace") and labels.get("pod"):
                key = cluster(labels), labels["namespace"], labels["pod"]
                start, end = self.a.span(first, last)
                if key in self.pods:
                    start, end = min(start, self.pods[key].start), max(end, self.pods[key].end)
                self.pods[key] = Pod(key, start, end)

    def read_resources(self):
        for allocated, requests, hours, request, most in (
                ("CPUCoresAllocated", "CPURequests", "cpu_core_hours", "cpu_core_request_average", 512),
                ("RAMBytesAllocated", "RAMRequests", "ram_byte_hours", "ram_byte_request_average", math.inf)):
            for pod, c, value, labels in self.each(allocated):
                c[hours] = (0 if value > most else value) * pod.hours()
                pod.node = c["node"] = labels["node"]
            for pod, c, value, labels in self.each(requests):
                c[request] = value
                have = c[hours] / pod.hours() if pod.hours() > 0 else 0
                if have < value:
                    c[hours] = value * pod.hours()
                pod.node = c["node"] = labels["node"]
        for _, c, value, _ in self.each("CPUUsageAvg", True):
            c["cpu_core_usage_average"] = 0 if value > 512 else value
        recorded = self.a.rows("CPUUsageMaxRecordingRule")
        for name, field in (("CPUUsageMaxRecordingRule" if recorded else "CPUUsageMaxSubquery", "cpu_core_usage_max"),
                            ("RAMUsageAvg", "ram_byte_usage_average"), ("RAMUsageMax", "ram_byte_usage_max"),
                            ("GPUsUsageAvg", "gpu_usage_average")):
            for _, c, value, _ in self.each(name, True):
                c[field] = value
        gpus = "GPUsAllocated" if self.a.rows("GPUsAllocated") else "GPUsRequested"
        for pod, c, value, _ in self.each(gpus):
            c["gpu_hours"], c["gpu_request_average"] = value * pod.hours(), value

    def read_network(self):
        for name, field in (("NetTransferBytes", "network_transfer_bytes"), ("NetReceiveBytes", "network_receive_bytes")):
            for labels, value, _, _ in self.a.rows(name):
                pod = self.find(labels)
                for c in pod.containers.values() if pod else ():
                    c[field] = value / len(pod.containers)
        for kind, field in (("Zone", "network_cross_zone_cost"), ("Region", "network_cross_region_cost"),
                            ("Internet", "network_internet_cost")):
            price = {cluster(labels): value for labels, value, _, _ in self.a.rows("Net%sCostPerGiB" % kind)}
            for labels, value, _, _ in self.a.rows("Net%sGiB" % kind):
                pod = self.find(labels)
                for c in pod.containers.values() if pod else ():
                    cost = value / len(pod.containers) * price.get(cluster(labels), 0)
                    c[field] = cost
                    c["network_cost"] += cost

    def read_labels(self):
        nodes, spaces, notes = {}, {}, {}
        for labels, _, _, _ in self.a.rows("NodeLabels"):
            have = prefixed(labels, "label_")
            kept = {name: have[name] for name in NODE_LABELS if name in have}
            nodes.setdefault((cluster(labels), labels.get("node")), {}).update(kept)
        for labels, _, _, _ in self.a.rows("NamespaceLabels"):
            spaces.setdefault((cluster(labels), labels.get("namespace")), {}).update(prefixed(labels, "label_"))
        for labels, _, _, _ in self.a.rows("NamespaceAnnotations"):
            notes.setdefault(labels.get("namespace"), {}).update(prefixed(labels, "annotation_"))
        for labels, _, _, _ in self.a.rows("PodLabels"):
            pod = self.find(labels)
            if pod:
                pod.has_labels = True
                pod.labels.update(prefixed(labels, "label_"))
        for labels, _, _, _ in self.a.rows("PodAnnotations"):
            pod = self.find(labels)
            if pod:
                pod.annotations.update(prefixed(labels, "annotation_"))
        for pod in self.pods.values():
            for c in pod.containers.values():
                c["labels"] = {**nodes.get((pod.key[0], pod.node), {}), **spaces.get(pod.key[:2], {}), **pod.labels}
                c["annotations"] = {**notes.get(pod.key[1], {}), **pod.annotations}

    def selected(self, query, label):
        """[(name, pod)] in the order of names."""
        selectors = {}
        for labels, _, _, _ in self.a.rows(query):
            if label in labels and "namespace" in labels:
                key = cluster(labels), labels["namespace"], labels[label]
                selectors.setdefault(key, {}).update(prefixed(labels, "label_"))
        for key in sorted(selectors):
            twin = key[:2] + (key[2].replace("_", "-"),)
            if "_" in key[2] and twin in selectors:
                continue
            for pod in self.pods.values():
                fits = all(pod.labels.get(name) == value for name, value in selectors[key].items())
                if pod.key[:2] == key[:2] and pod.has_labels and fits:
                    yield key[2], pod

    def set_controller(self, pod, name, kind):
        for c in pod.containers.values():
            c["controller"], c["controller_kind"] = name, kind

    def read_controllers(self):
        for query, label, kind in (("DeploymentLabels", "deployment", "deployment"),
                                   ("StatefulSetLabels", "statefulSet", "statefulset")):
            for name, pod in reversed(list(self.selected(query, label))):
                self.set_controller(pod, name, kind)
        for query, kind in (("DaemonSetLabels", "daemonset"), ("JobLabels", "job")):
            for labels, _, _, _ in self.a.rows(query):
                pod, name = self.find(labels), labels.get("owner_name", "")
                match = re.match(r"^(.+)-(\d{10}|\d{8})$", name) if kind == "job" else None
                if pod:
                    self.set_controller(pod, match.group(1) if match else name, kind)
        sets = {"replicaset": set(), "rollout": set()}
        for query, kind in (("ReplicaSetsWithoutOwners", "replicaset"), ("ReplicaSetsWithRolloutOwner", "rollout")):
            for labels, _, _, _ in self.a.rows(query):
                sets[kind].add((cluster(labels), labels["namespace"], labels["replicaset"]))
        for labels, _, _, _ in self.a.rows("PodsWithReplicaSetOwner"):
            pod, key = self.find(labels), (cluster(labels), labels.get("namespace"), labels.get("owner_name"))
            for kind in ("rollout", "replicaset"):
                if pod and key in sets[kind]:
                    self.set_controller(pod, key[2], kind)

    # ---- volumes

    def read_volumes(self):
        volumes, claims = {}, {}
        for labels, _, first, last in self.a.rows("PVActiveMins"):
            start, end = self.a.span(first, last)
            volumes[cluster(labels), labels["persistentvolume"]] = dict(start=start, end=end, bytes=0.0, price=0.0, id="", used=False)
        for labels, value, _, _ in self.a.rows("PVCostPerGiBHour"):
            if (cluster(labels), labels.get("volumename")) in volumes:
                volumes[cluster(labels), labels["volumename"]]["price"] = value
        for labels, _, _, _ in self.a.rows("PVMeta"):
            if (cluster(labels), labels["persistentvolume"]) in volumes and labels.get("provider_id"):
                volumes[cluster(labels), labels["persistentvolume"]]["id"] = provider_id(labels["provider_id"])
        for labels, value, _, _ in self.a.rows("PVBytes"):
            if (cluster(labels), labels["persistentvolume"]) in volumes:
                volumes[cluster(labels), labels["persistentvolume"]]["bytes"] = 0 if value >= 10 * 2**50 else value
        for labels, _, first, last in self.a.rows("PVCInfo"):
            volume = (cluster(labels), labels.get("volumename"))
            if labels.get("storageclass") and volume in volumes:
                start, end = self.a.span(first, last)
                claims[cluster(labels), labels["namespace"], labels["persistentvolumeclaim"]] = dict(
                    start=start, end=end, volume=volume, bytes=0.0, users=[])
                volumes[volume]["used"] = True
        for labels, value, _, _ in self.a.rows("PVCBytesRequested"):
            key = cluster(labels), labels["namespace"], labels["persistentvolumeclaim"]
            if key in claims:
                claims[key]["bytes"] = value
        for labels, _, _, _ in self.a.rows("PodPVCAllocation"):
            key = cluster(labels), labels["namespace"], labels["persistentvolumeclaim"]
            pod = self.find(labels)
            if key in claims and (key[0], labels["persistentvolume"]) in volumes and pod and pod.containers:
                if pod not in claims[key]["users"]:
                    claims[key]["users"].append(pod)
        for key, claim in sorted(claims.items()):
            if claim["users"]:
                self.share_claim(key, claim, volumes[claim["volume"]])
        for key, claim in sorted(claims.items()):
            if not claim["users"]:
                self.give_volume(self.unmounted(key[0], key[1]), claim["volume"], volumes[claim["volume"]])
        for key, volume in sorted(volumes.items()):
            if not volume["used"]:
                self.give_volume(self.unmounted(key[0]), key, volume)

    def add_volume(self, c, key, volume, byte_hours, cost):
        part = c["pvs"].setdefault(key, dict(byte_hours=0.0, cost=0.0, id=volume["id"]))
        part["byte_hours"] += byte_hours
        part["cost"] += cost

    def give_volume(self, pod, key, volume):
        hours = (volume["end"] - volume["start"]) / 3600
        self.add_volume(pod.container("__unmounted__"), key, volume, volume["bytes"] * hours,
                        volume["price"] * volume["bytes"] / GIB * hours)

    def share_claim(self, key, claim, volume):
        length = claim["end"] - claim["start"]
        if length <= 0:
            return
        points = []
        for pod in claim["users"]:
            points.append((max(pod.start, claim["start"]), 0, pod))
            points.append((min(pod.end, claim["end"]), 1, pod))
        points.sort(key=lambda p: p[:2])
        coefs, active, now = {}, [], claim["start"]
        for t, is_end, pod in points:
            if t != now:
                for user in active or [None]:
                    coefs[user] = coefs.get(user, 0) + (t - now) / length / max(len(active), 1)
                now = t
            if is_end:
                active.remove(pod)
            else:
                active.append(pod)
        if now < claim["end"]:
            coefs[None] = coefs.get(None, 0) + (claim["end"] - now) / length
        assert abs(sum(coefs.values()) - 1) < 1e-9
        for pod, coef in coefs.items():
            pod = pod or self.unmounted(key[0], key[1])
            for c in pod.containers.values():
                part = coef / len(pod.containers)
                self.add_volume(c, claim["volume"], volume, claim["bytes"] * pod.hours() * part,
                                volume["price"] * claim["bytes"] / GIB * pod.hours() * part)

    # ---- services and load balancers

    def read_balancers(self):
        users = {}
        for name, pod in self.selected("ServiceLabels", "service"):
            for c in pod.containers.values():
                c["services"].append(name)
                users.setdefault((pod.key[0], pod.key[1], name), []).append(c)
        balancers = {}
        for labels, _, first, last in self.a.rows("LBActiveMins"):
            start, end = self.a.span(first, last)
            balancers[cluster(labels), labels["namespace"], labels["service_name"]] = dict(
                start=start, end=end, cost=0.0, ip="", private=False)
        for labels, value, _, _ in self.a.rows("LBCostPerHr"):
            b = balancers.get((cluster(labels), labels["namespace"], labels["service_name"]))
            if not b or not labels.get("ingress_ip"):
                continue
            hours = (b["end"] - b["start"]) / 3600
            b["cost"] += value * (hours + self.a.res / 3600)
            b["end"] += self.a.res
            b["ip"], b["private"] = labels["ingress_ip"], ipaddress.ip_address(labels["ingress_ip"]).is_private
        for key, b in sorted(balancers.items()):
            shares = [(c, (min(c["end"], b["end"]) - max(c["start"], b["start"])) / 3600) for c in users.get(key, [])]
            shares = [(c, max(hours, 0)) for c, hours in shares]
            total = sum(hours for _, hours in shares)
            for c, hours in shares:
                c["load_balancer_cost"] += b["cost"] * hours / total if total else 0
            for c, hours in shares:  # also of those that were not there with it
                c["lbs"]["/".join(key)] = dict(service="%s/%s" % key[1:], cost=c["load_balancer_cost"], private=b["private"],
                                               ip=b["ip"], hours=hours)
            for _ in range((not total) + (not shares)):  # both of its branches bill what has no users
                c = self.unmounted(key[0]).container("__unmounted__")
                c["load_balancer_cost"] += b["cost"]
                c["services"].append(key[2])

    # ---- prices

    def nodes(self, replaces_zero=True):
        """Prices; those of allocations that are 0 are replaced, those of assets stay."""
        nodes = {}
        for query, field in (("NodeCostPerCPUHr", "cpu"), ("NodeCostPerRAMGiBHr", "ram"), ("NodeCostPerGPUHr", "gpu")):
            for labels, value, _, _ in self.a.rows(query):
                key = cluster(labels), labels["node"]
                node = nodes.setdefault(key, dict(cpu=0.0, ram=0.0, gpu=0.0, spot=False, id=labels.get("provider_id", "")))
                node[field] = value
        for labels, value, _, _ in self.a.rows("NodeIsSpot"):
            if value > 0 and (cluster(labels), labels.get("node")) in nodes:
                nodes[cluster(labels), labels["node"]]["spot"] = True
        for node in nodes.values():
            for field in ("cpu", "ram"):
                if replaces_zero and node[field] == 0:
                    node[field] = PRICES["spot_" + field if node["spot"] else field]
        return nodes

    def price(self):
        nodes = self.nodes()
        for pod in self.pods.values():
            for c in pod.containers.values():
                node = nodes.get((c["cluster"], c["node"]), dict(PRICES, id=""))
                c["provider_id"] = provider_id(node["id"])
                c["cpu_cost"] = c["cpu_core_hours"] * node["cpu"]
                c["ram_cost"] = c["ram_byte_hours"] / GIB * node["ram"]
                c["gpu_cost"] = c["gpu_hours"] * node["gpu"]

    def assets(self):
        """{(cluster, node): {cpu_cost, ram_cost, gpu_cost}}"""
        capacity = {}
        for query, field in (("NodeCPUCoresCapacity", "cpu"), ("NodeRAMBytesCapacity", "ram")):
            for labels, value, _, _ in self.a.rows(query):
                capacity[cluster(labels), labels["node"], field] = value
        counts = {(cluster(labels), labels["node"]): value for labels, value, _, _ in self.a.rows("NodeGPUCount")}
        nodes, assets = self.nodes(False), {}
        for labels, _, first, last in self.a.rows("NodeActiveMins"):
            key = cluster(labels), labels["node"]
            start, end = self.a.span(first, last)
            hours, node = (end - start) / 3600, nodes[key]
            assets[key] = dict(cpu_cost=node["cpu"] * hours * capacity.get(key + ("cpu",), 1),
                               ram_cost=node["ram"] / GIB * hours * capacity.get(key + ("ram",), 1),
                               gpu_cost=node["gpu"] * hours * counts.get(key, 0))
        return assets

    def run(self):
        self.read_pods()
        self.read_resources()
        self.read_network()
        self.read_labels()
        self.read_controllers()
        self.read_volumes()
        self.read_balancers()
        self.price()
        out = {}
        for pod in self.pods.values():
            for c in pod.containers.values():
                c["services"].sort()
                out["/".join(c[field] for field in TEXTS[:5])] = finish(c)
        return out


def finish(a):
    a["minutes"] = (a["end"] - a["start"]) / 60
    hours = a["minutes"] / 60
    a["pv_cost"] = sum(part["cost"] for part in a["pvs"].values())
    a["pv_byte_hours"] = sum(part["byte_hours"] for part in a["pvs"].values())
    for field, of in (("cpu_cores", "cpu_core_hours"), ("ram_bytes", "ram_byte_hours"), ("gpu_count", "gpu_hours"),
                      ("pv_bytes", "pv_byte_hours")):
        a[field] = a[of] / hours if hours > 0 else 0
    a["total_cost"] = sum(a[f] for f in ("cpu_cost", "ram_cost", "gpu_cost", "pv_cost", "network_cost", "load_balancer_cost",
                                         "shared_cost"))

    def efficiency(kind, cost):
        usage, request = a[kind + "_usage_average"], a[kind + "_request_average"]
        return usage / request if request > 0 else 0 if usage == 0 or cost == 0 else 1

    a["cpu_efficiency"] = efficiency("cpu_core", a["cpu_cost"])
    a["ram_efficiency"] = efficiency("ram_byte", a["ram_cost"])
    a["gpu_efficiency"] = efficiency("gpu", a["gpu_cost"])
    both = a["cpu_cost"] + a["ram_cost"]
    a["total_efficiency"] = (a["cpu_efficiency"] * a["cpu_cost"] + a["ram_efficiency"] * a["ram_cost"]) / both if both > 0 else 0
    return a


def add(a, b):
    """Both, as rates over the whole span."""
    sum_ = dict(a, pvs={k: dict(v) for k, v in a["pvs"].items()}, lbs={k: dict(v) for k, v in a["lbs"].items()})
    sum_["start"], sum_["end"] = min(a["start"], b["start"]), max(a["end"], b["end"])
    minutes = (sum_["end"] - sum_["start"]) / 60
    for field in AVERAGES:
        over = a[field] * (a["end"] - a["start"]) / 60 + b[field] * (b["end"] - b["start"]) / 60
        sum_[field] = over / minutes if minutes > 0 else 0
    for field in SUMS:
        sum_[field] = a[field] + b[field]
    for field in TEXTS:
        if a[field] != b[field]:
            sum_[field] = ""
    if all(a[field] == b[field] for field in TEXTS[:5]) and a["controller"] != b["controller"]:
        sum_["controller"] = min(filter(None, (a["controller"], b["controller"])))
    for lists, fields in (("pvs", ("byte_hours", "cost")), ("lbs", ("hours", "cost"))):
        for key, part in b[lists].items():
            if key in sum_[lists]:
                for field in fields:
                    sum_[lists][key][field] += part[field]
            else:  # what the first has not loses its id and address
                sum_[lists][key] = dict(part, **{name: type(part[name])() for name in ("id", "ip", "private") if name in part})
    return finish(sum_)


def compute(ask, start, end, res):
    return Model(Answers(ask, start, end, res)).run()


def assets(ask, start, end, res):
    return Model(Answers(ask, start, end, res)).assets()


def accumulate(sets):
    """Pieces of one computation: labels, annotations, services and peaks of all of them are kept."""
    out = {}
    for piece in sets:
        for name, a in piece.items():
            if name not in out:
                out[name] = dict(a)
                continue
            old = out[name]
            out[name] = add(old, a)
            out[name].update(labels={**old["labels"], **a["labels"]}, annotations={**old["annotations"], **a["annotations"]},
                             services=sorted(set(old["services"]) | set(a["services"])))
            for field in ("cpu_core_usage_max", "ram_byte_usage_max"):
                out[name][field] = max(old[field], a[field])
    return out
