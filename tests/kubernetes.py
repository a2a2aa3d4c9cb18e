#!/usr/bin/env python3
"""examples/kubernetes: the YAML parses, its parts name each other, and `ampql serve` takes the Deployment's command line.

    kubernetes.py AMPQL
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

FOLDER = "examples/kubernetes"
failures = []


def check(what, ok, shown=""):
    if not ok:
        failures.append(what)
        print(f"  failed: {what}: {str(shown)[:600]}")


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return [document for document in yaml.safe_load_all(f) if document]


def mounted(args, pod, container, objects, folder):
    """The arguments with the files of mounted volumes written to a folder, as the kubelet would."""
    volumes = {v["name"]: v for v in pod["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "configMap" in volume:
            files = objects["ConfigMap", volume["configMap"]["name"]]["data"]
        else:
            files = {"TOKEN": "0123456789abcdef0123456789abcdef\n"}
        place = os.path.join(folder, mount["name"])
        os.mkdir(place)
        for name, text in files.items():
            with open(os.path.join(place, name), "w", encoding="utf-8") as f:
                f.write(text)
        args = [a.replace(mount["mountPath"], place) for a in args]
    return args


def runs(ampql, args):
    done = subprocess.run([ampql, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def names_agree(objects, accounts, values, pod, container):
    labels = objects["Deployment", "ampql"]["spec"]["template"]["metadata"]["labels"]
    service = objects["Service", "ampql"]
    port = service["spec"]["ports"][0]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    policy = objects["NetworkPolicy", "ampql"]["spec"]
    check("the Deployment finds its pods", objects["Deployment", "ampql"]["spec"]["selector"]["matchLabels"].items() <= labels.items())
    check("the Service finds them", service["spec"]["selector"].items() <= labels.items() and port["targetPort"] in ports)
    check("the NetworkPolicy finds them", policy["podSelector"]["matchLabels"].items() <= labels.items())
    check("and lets the port in", policy["ingress"][0]["ports"][0]["port"] == ports[port["targetPort"]])
    check("it listens there", any(a == f"--listen=0.0.0.0:{ports['http']}" for a in container["args"]), container["args"])
    for probe, path in (("readinessProbe", "/-/ready"), ("livenessProbe", "/-/healthy")):
        check(probe, container[probe]["httpGet"] == {"path": path, "port": "http"})
    for account in accounts:
        check("a service account", account["metadata"]["name"] == pod["serviceAccountName"], account)
    where = values["global"]["prometheus"]
    workspace = next(re.search(r"ws-[0-9a-f-]+", a).group() for a in container["args"] if a.startswith("--source="))
    check("Kubecost asks the Service", where["fqdn"] == f"http://ampql.kubecost.svc:{port['port']}/workspaces/{workspace}", where)
    check("with its token", where["queryServiceBearerTokenSecretName"] == "ampql-token"
          == next(v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v))
    check("and no signing proxy", values["global"]["amp"] == {"enabled": False})


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    objects = {(o["kind"], o["metadata"]["name"]): o for o in load("ampql.yaml")}
    accounts = load("serviceaccount-irsa.yaml") + load("serviceaccount-pod-identity.yaml")
    (values,) = load("kubecost-values.yaml")
    pod = objects["Deployment", "ampql"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    names_agree(objects, accounts, values, pod, container)
    with open("examples/rules/kubecost.yml", encoding="utf-8") as f:
        check("the ConfigMap is examples/rules/kubecost.yml", objects["ConfigMap", "ampql-rules"]["data"] == {"kubecost.yml": f.read()})
    with open(os.path.join(FOLDER, "policy.json"), encoding="utf-8") as f:
        check("the policy is read-only", all(re.match("aps:(Get|Query)", a) for a in json.load(f)["Statement"][0]["Action"]))
    with tempfile.TemporaryDirectory() as folder:
        args = mounted(container["args"], pod, container, objects, folder)
        check("ampql serve takes its arguments", runs(sys.argv[1], [*args, "--check"]) == (0, ""), runs(sys.argv[1], [*args, "--check"]))
        for i, flag in enumerate(args):
            if flag.startswith(("--token-file", "--rules")):
                broken = args[:i] + [flag + "x"] + args[i + 1:]
                check(f"not with another {flag}", runs(sys.argv[1], [*broken, "--check"])[0] not in (0, None))
        beside = ["--listen=127.0.0.1:8005" if a.startswith("--listen") else a for a in args if not a.startswith("--token-file")]
        check("nor does it refuse them beside Kubecost", runs(sys.argv[1], [*beside, "--check"])[0] == 0)
    print(f"  {'FAIL' if failures else 'OK  '} kubernetes: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
