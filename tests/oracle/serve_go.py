"""What a client program prints of `ampql serve` and of the Prometheus that it reads: the same calls, the same outcomes.

    serve_go.py AMPQL PROMETHEUS_URL CLIENT
"""
import json
import subprocess
import sys
import urllib.request


def newest(url):
    with urllib.request.urlopen(url + "/api/v1/status/tsdb", timeout=60) as answer:
        return int(json.load(answer)["data"]["headStats"]["maxTime"]) // 1000


def outcomes(client, url, end):
    done = subprocess.run([client, url, str(end)], stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    return [normal(json.loads(line)) for line in done.stdout.splitlines()]


def normal(outcome):
    """Prometheus has no order of instant vectors that are made of hash maps."""
    value = outcome.get("value")
    if isinstance(value, dict) and value.get("type") in ("vector", "matrix") and value["value"]:
        value["value"].sort(key=lambda s: json.dumps(s["metric"], sort_keys=True))
    return outcome


def is_full(outcome):
    value = outcome.get("value")
    return bool(value["value"] if isinstance(value, dict) and "type" in value else value)


def main():
    ampql, url, client = sys.argv[1:]
    end = newest(url)
    serve = subprocess.Popen([ampql, "serve", "-s", url, "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    theirs, ours = outcomes(client, url, end), outcomes(client, serve.stderr.readline().split()[-1], end)
    serve.terminate()
    status = serve.wait(timeout=60)
    bad = [(a, b) for a, b in zip(theirs, ours) if a != b]
    for a, b in bad:
        print(f"{a['call']}\n  there {str(a)[:500]}\n  here  {str(b)[:500]}")
    full, errors = sum(map(is_full, ours)), sum("error" in o for o in ours)
    print(f"client_golang: {len(ours) - len(bad)} of {len(theirs)} calls have the same outcome, {full} with something in it, {errors} errors")
    sys.exit(1 if bad or status or len(theirs) != len(ours) or full < 20 or errors < 6 else 0)


main()
