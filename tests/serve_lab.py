"""What the tests of `ampql serve` share: a server at a free port, and what failed."""
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

DAY = "examples/data/cluster_day.aqc"
MIDNIGHT = "1772409600"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
failures = []


def check(what, ok, shown=""):
    if not ok:
        failures.append(what)
        print(f"  failed: {what}: {str(shown)[:600]}")


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Server:
    """An `ampql serve` at a free port, or at a path."""

    def __init__(self, *flags, source=DAY, listen="127.0.0.1:0", env=None):
        self.process = subprocess.Popen([sys.argv[1], "serve", *(["-s", source] if source else []), "--listen", listen, *flags], stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True, env={**(env or os.environ), "NO_COLOR": "1"})
        line = self.process.stderr.readline()
        self.port = int(line.rsplit(":", 1)[1]) if "http://" in line else 0
        self.first_line = line
        self.rest = []
        self.reader = threading.Thread(target=lambda: self.rest.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Every server ends as it should: a sanitizer's report, leaks too, is another exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join()
        if status != 0:
            sys.stderr.writelines(self.rest)
        check("every server ends well", status == 0, (self.process.args, status))

    def connect(self, client="127.0.0.1"):
        """client: the address that asks, which is whose turn it is in the queue"""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(client, 0))

    def ask(self, target, method="GET", body=None, headers=None, client="127.0.0.1"):
        connection = self.connect(client)
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data, response.headers

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("/metrics")[1].decode(), re.M)
        return float(found.group(1)) if found else None


def encoded(**params):
    return urllib.parse.urlencode({k.rstrip("_"): v for k, v in params.items()})


def can_ask(server):
    try:
        return server.ask("/-/healthy")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def finish(name):
    print(f"  {'FAIL' if failures else 'OK  '} {name}: {len(failures)} failures")
    sys.exit(1 if failures else 0)
