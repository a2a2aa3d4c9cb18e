"""Small clusters by seed, with everything that the cost model looks at, and pushing them into a Prometheus (remote write)."""
import random
import struct
import urllib.request

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


class Cluster:
    def __init__(self, seed, start, end, step):
        self.random, self.start, self.end, self.step = random.Random(seed), start, end, step
        self.series, self.have = [], set()

    def add(self, name, labels, value, start=None, end=None, gap=None):
        """value: a number, a list to choose from at each scrape, or ("rate", per second) for a counter. A series is there
        once: pods of one ReplicaSet name its owner each, and a server refuses samples before the last it has."""
        labels = {name_: text for name_, text in labels.items() if text}
        key = name, *sorted(labels.items())
        if key in self.have:
            return
        self.have.add(key)
        r, points, total = self.random, [], 0.0
        start, end = start or self.start - 600, end or self.end + 600
        t = start - start % self.step
        while t <= end:
            if not gap or not gap[0] <= t < gap[1]:
                if isinstance(value, tuple):
                    v = total
                elif isinstance(value, list):
                    v = r.choice(value)
                else:
                    v = value
                points.append((t, v))
            if isinstance(value, tuple):
                total = 0.0 if r.random() < 0.002 else total + value[1] * self.step * r.random() * 2
            t += self.step
        if points and end < self.end:
            points.append((points[-1][0] + self.step, STALE))
        self.series.append(({"__name__": name, **labels}, points))

    def fill(self):
        for name in self.random.sample(["", "east", "west"], self.random.choice([1, 1, 2])):
            self.fill_one(name)
        return self.series

    def fill_one(self, name):
        r, c = self.random, {"cluster_id": name}
        nodes = ["m%d" % i for i in range(r.randint(1, 3))]
        for node in nodes:
            self.add_node(c, node)
        for what, price in (("zone", 0.01), ("region", 0.02), ("internet", 0.12)):
            if r.random() < 0.8:
                self.add("kubecost_network_%s_egress_cost" % what, c, price)
        for ns in ["shop", "kube-system", "data"][:r.randint(1, 3)]:
            self.add_namespace(c, ns, nodes)

    def add_node(self, c, node):
        r = self.random
        provider = r.choice(["aws:///us-east-1a/i-%04x", "gce://project/zone/vm-%d", "plain-%d"]) % r.randrange(1000)
        labels = dict(c, node=node, instance_type=r.choice(["m5.large", "e2-standard-2"]), provider_id=provider)
        # gone early, so that idle costs may be less than nothing
        end = self.end - r.choice([0, 0, 0, (self.end - self.start) // 3])
        end = end if end < self.end else None
        cpu, ram, gpu = r.choice([0.03, 0.05, 0.0]), r.choice([0.004, 0.0045]), r.choice([0.0, 0.95])
        self.add("node_cpu_hourly_cost", labels, [cpu, cpu * 1.01], end=end)
        self.add("node_ram_hourly_cost", labels, ram, end=end)
        self.add("node_gpu_hourly_cost", labels, gpu, end=end)
        self.add("node_total_hourly_cost", labels, cpu * 8 + ram * 32, end=end)
        self.add("kubecost_node_is_spot", labels, r.choice([0, 1]), end=end)
        self.add("kube_node_status_capacity_cpu_cores", dict(c, node=node), 8, end=end)
        self.add("kube_node_status_capacity_memory_bytes", dict(c, node=node), 32 * 2**30, end=end)
        if gpu:
            self.add("node_gpu_count", dict(c, node=node, provider_id=provider), 2, end=end)
        self.add("kube_node_labels", dict(c, node=node, label_topology_kubernetes_io_zone="z" + node, label_other="x"), 1)

    def add_namespace(self, c, ns, nodes):
        r, c = self.random, dict(c, namespace=ns)
        self.add("kube_namespace_labels", dict(c, label_team=r.choice(["red", "blue"])), 1)
        if r.random() < 0.5:
            self.add("kube_namespace_annotations", dict(c, annotation_owner="o-" + ns), 1)
        apps = ["web", "db", "job_runner"]
        self.add("deployment_match_labels", dict(c, deployment="web", label_app="web"), 1)
        if r.random() < 0.5:
            self.add("deployment_match_labels", dict(c, deployment="job_runner", label_app="job_runner"), 1)
            self.add("deployment_match_labels", dict(c, deployment="job-runner", label_app="web"), 1)
        self.add("statefulSet_match_labels", dict(c, statefulSet="db", label_app="db"), 1)
        for service in ("front", "back"):
            self.add("service_selector_labels", dict(c, service=service, label_app=r.choice(apps)), 1)
            if r.random() < 0.6:
                start = r.choice([None, self.start + (self.end - self.start) // 2])
                self.add("kubecost_load_balancer_cost",
                         dict(c, service_name=service, ingress_ip=r.choice(["10.1.2.3", "54.1.2.3"])), 0.025, start=start)
        claims = self.add_volumes(c)
        for number in range(r.randint(1, 4)):
            self.add_pod(c, "p%d" % number, r.choice(apps), nodes, claims)

    def add_volumes(self, c):
        r, claims = self.random, []
        for number in range(r.randint(0, 3)):
            name = "pv-%s-%d" % (c["namespace"], number)
            volume = dict(cluster_id=c["cluster_id"], persistentvolume=name)
            size = r.choice([2**30, 10 * 2**30])
            self.add("kube_persistentvolume_capacity_bytes", volume, size)
            self.add("pv_hourly_cost", dict(volume, volumename=name), 0.0001)
            if r.random() < 0.7:
                self.add("kubecost_pv_info", dict(volume, provider_id="vol-" + name, storageclass="gp2"), 1)
            if r.random() < 0.8:
                claim = dict(c, persistentvolumeclaim="c%d" % number)
                start = r.choice([None, None, self.start + (self.end - self.start) // 4])
                self.add("kube_persistentvolumeclaim_info", dict(claim, volumename=name, storageclass="gp2"), 1, start=start)
                self.add("kube_persistentvolumeclaim_resource_requests_storage_bytes", claim, size / 2, start=start)
                claims.append((claim["persistentvolumeclaim"], name))
        return claims

    def lifetime(self):
        r, length = self.random, self.end - self.start
        return r.choice([(None, None), (None, None), (None, self.start + length // 2), (self.start + length // 3, None),
                         (self.start + length // 4, self.start + length // 2),
                         (self.start + length // 2, self.start + length // 2)])

    def add_pod(self, c, name, app, nodes, claims):
        r, (start, end) = self.random, self.lifetime()
        pod = dict(c, pod=name)
        places = self.places(nodes, start, end)
        gap = r.choice([None, None, None, (self.start + 1200, self.start + 2400)])
        if r.random() < 0.9:
            self.add("kube_pod_labels", dict(pod, label_app=app, label_release=r.choice(["a", "b"])), 1, start, end)
        if r.random() < 0.4:
            self.add("kube_pod_annotations", dict(pod, annotation_note="n"), 1, start, end)
        self.add_owner(c, pod, start, end)
        for container in ["main", "side", "init"][:r.randint(1, 3)]:
            self.add_container(pod, container, places, gap)
        for metric, rate in (("container_network_receive_bytes_total", 1e4), ("container_network_transmit_bytes_total", 3e4)):
            self.add(metric, dict(pod, interface="eth0"), ("rate", rate), start, end)
        for zone in (dict(internet="true", same_zone="false", same_region="false"),
                     dict(internet="false", same_zone="false", same_region="true"),
                     dict(internet="false", same_zone="false", same_region="false")):
            if r.random() < 0.6:
                self.add("kubecost_pod_network_egress_bytes_total", dict(c, pod_name=name, **zone), ("rate", 5e4), start, end)
        for claim, volume in r.sample(claims, r.randint(0, len(claims))):
            self.add("pod_pvc_allocation", dict(pod, persistentvolumeclaim=claim, persistentvolume=volume), 1, start, end)

    def places(self, nodes, start, end):
        """[(node, start, end)]: where the pod ran; now and then it was moved."""
        r, middle = self.random, (self.start + self.end) // 2
        node, other = r.choice(nodes), r.choice(nodes)
        if start or end or node == other or r.random() < 0.6:
            return [(node, start, end)]
        return [(node, None, middle), (other, middle + self.step, None)]

    def add_owner(self, c, pod, start, end):
        r = self.random
        kind, owner = r.choice([("DaemonSet", "agent"), ("Job", "nightly-1700000000"), ("Job", "once"), ("ReplicaSet", "rs-1"),
                                ("ReplicaSet", "rs-2"), (None, None)])
        if not kind:
            return
        self.add("kube_pod_owner", dict(pod, owner_kind=kind, owner_name=owner), 1, start, end)
        if kind == "ReplicaSet" and owner == "rs-1":
            self.add("kube_replicaset_owner", dict(c, replicaset=owner, owner_kind="<none>", owner_name="<none>"), 1)
        elif kind == "ReplicaSet":
            self.add("kube_replicaset_owner", dict(c, replicaset=owner, owner_kind="Rollout", owner_name="roll"), 1)

    def add_container(self, pod, container, places, gap):
        r, seen = self.random, dict(pod, container=container)
        self.add("kube_pod_container_status_running", dict(seen, uid="u-" + pod["pod"]), 1, places[0][1], places[-1][2], gap)
        used, allocated, requested, cores = r.choice([0.1, 0.5, 600]), r.random() < 0.9, r.random() < 0.7, r.choice([0.2, 1.0])
        rate, gpu = r.choice([0.05, 0.4]), r.random() < 0.2
        for node, start, end in places:
            at = dict(seen, node=node)
            if allocated:
                self.add("container_cpu_allocation", at, [used, used * 1.5], start, end)
                self.add("container_memory_allocation_bytes", at, [2**28, 2**29], start, end)
            for resource, unit, value in (("cpu", "core", cores), ("memory", "byte", 2**29)) if requested else ():
                self.add("kube_pod_container_resource_requests", dict(at, resource=resource, unit=unit), value, start, end)
            self.add("container_cpu_usage_seconds_total", dict(seen, instance=node), ("rate", rate), start, end)
            self.add("container_memory_working_set_bytes", dict(seen, instance=node), [2**27, 2**28, 2**28 + 4096], start, end)
            if gpu:
                self.add("container_gpu_allocation", at, 1, start, end)
        if gpu:
            self.add("DCGM_FI_PROF_GR_ENGINE_ACTIVE", seen, [0.2, 0.7], places[0][1], places[-1][2])


# ---- remote write: protobuf in snappy's format, uncompressed


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def encode(series):
    labels, points = series
    out = b"".join(field(1, field(1, name.encode()) + field(2, text.encode())) for name, text in sorted(labels.items()))
    return out + b"".join(field(2, b"\x09" + struct.pack("<d", v) + b"\x10" + varint(int(t * 1000))) for t, v in points)


def snappy(data):
    out = [varint(len(data))]
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out.append(bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece)
    return b"".join(out)


def push(url, series):
    for at in range(0, len(series), 20):
        body = snappy(b"".join(field(1, encode(one)) for one in series[at:at + 20]))
        request = urllib.request.Request(url + "/api/v1/write", data=body, headers={
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"})
        urllib.request.urlopen(request, timeout=60).read()
