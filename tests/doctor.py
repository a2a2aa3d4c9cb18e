#!/usr/bin/env python3
"""`ampql doctor` against servers on loopback that are well, and that are not: doctor.py AMPQL [REGEX]"""
import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

SECRET = "CANARY/secret+key"
TOKEN = "canary-session-token-0123456789=="


def vector(count):
    sample = {"metric": {}, "value": [1709403000, count]}
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": [sample]}})


class Fake(BaseHTTPRequestHandler):
    """The first question is answered as the row says; series that are asked for are those of `series`."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + self.server.row.get("clock_s", 0)))

    def do_POST(self):
        row = self.server.row
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        if self.path == "/sts":
            self.sts(row)
            return
        query = form.get("query", [""])[0]
        status, text = row.get("status", 200), row.get("body", vector("1"))
        if not query.startswith("count_over_time(vector(1)"):
            metric = re.match("[a-zA-Z_:]*", form.get("match[]", [query])[0])[0]
            found = [{"__name__": metric, "cluster_id": "qa"}] if metric in row.get("series", []) else []
            status, text = 200, json.dumps({"status": "success", "data": found})
            if not self.path.endswith("/series"):
                text = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}})
        if "echo" in row and self.path != "/sts":
            text = json.dumps({"message": self.headers["x-amz-security-token"] + " is what you sent"})
        text = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("x-amzn-RequestId", "r-1")
        for header in row.get("headers", []):
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def sts(self, row):
        code = row.get("sts")
        text = (
            f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            if code
            else "<R><Arn>arn:aws:sts::123456789012:assumed-role/reader/s</Arn><UserId>u</UserId><Account>1</Account></R>"
        )
        self.send_response(403 if code else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


AMP = "amp:ws-1@us-east-1"
MODEL = ["kube_pod_container_status_running", "container_memory_working_set_bytes"]
ROWS = [
    # name, what the server does, exit status, texts
    ("well", {"series": MODEL}, 0, ["ok    connection     http://127.0.0.1", "ok    clock          0 s ahead of", "prom3", 'cluster_id is "qa"']),
    ("prom2", {"body": vector("2"), "series": MODEL}, 0, ["ok    dialect        prom2"]),
    ("no data", {}, 1, ["fail  data        none of the cost model's metrics"]),
    ("clock a bit off", {"clock_s": 100, "series": MODEL}, 0, ["warn  clock", "s behind the server's"]),
    ("clock off", {"clock_s": -600, "series": MODEL}, 1, ["fail  clock", "s ahead of the server's", "run NTP"]),
    ("denied", {"status": 403, "body": '{"message":"User: x is not authorized to perform: aps:QueryMetrics"}'}, 8,
     ["fail  permission", "HTTP 403", "r-1", "aps:QueryMetrics"]),
    ("no such workspace", {"status": 404, "body": '{"message":"no workspace"}'}, 7, ["fail  connection", "404"]),
    ("a page", {"body": "<html>Sign in</html>"}, 9, ["not what a Prometheus answers"]),
    ("an error in a 200", {"body": '{"status":"error","error":"x"}'}, 9, ["not what a Prometheus answers"]),
    ("cut JSON", {"body": vector("1")[:-3]}, 9, ["not what a Prometheus answers"]),
    ("a redirect", {"status": 302, "headers": [("Location", "http://127.0.0.1:1/")]}, 7, ["302"]),
    ("busy", {"status": 503, "body": "later"}, 7, ["503"]),
    ("nobody there", {"url": "http://127.0.0.1:1"}, 7, ["fail  connection", "127.0.0.1:1", "is the way out open"]),
    ("no such host", {"url": "http://nowhere.invalid"}, 7, ["fail  connection", "nowhere.invalid"]),
    ("AMP", {"url": AMP, "series": MODEL}, 0, ["ok    credentials    environment", "ok    identity       \"arn:aws:sts", "prom3"]),
    ("AMP: keys not known", {"url": AMP, "sts": "InvalidClientTokenId"}, 8, ["fail  identity", "AWS knows no such access key"]),
    ("AMP: denied", {"url": AMP, "status": 403, "body": '{"message":"User: x is not authorized"}'}, 8,
     ["ok    identity", "fail  permission", "AmazonPrometheusQueryAccess"]),
    ("AMP: a server that repeats all", {"url": AMP, "status": 403, "echo": True}, 8, ["fail  permission", "repeats a secret"]),
    ("AMP: no credentials", {"url": AMP, "env": {"AWS_ACCESS_KEY_ID": ""}}, 8, ["fail  credentials", "no AWS credentials: no AWS_ACCESS"]),
    ("AMP: half of a key", {"url": AMP, "env": {"AWS_SECRET_ACCESS_KEY": ""}}, 8, ["fail  credentials", "ampql whoami shows"]),
    ("AMP: a role", {"url": AMP, "env": {"AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}, "series": MODEL}, 0,
     ["ok    credentials    environment", "warn  credentials    not used although configured: web identity"]),
    ("https where http is spoken", {"url": "https://127.0.0.1:{port}"}, 7, ["fail  connection"]),
]


def run(ampql, server, row):
    name, does, status, texts = row
    server.row = does
    url = does.get("url", "http://127.0.0.1:{port}").replace("{port}", str(server.server_port))
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_EC2_METADATA_DISABLED": "true",
           "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN, "AWS_REGION": "us-east-1",
           "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:%d/sts" % server.server_port, **does.get("env", {}),
           **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    flags = ["--endpoint", "http://127.0.0.1:%d" % server.server_port] if url == AMP else []
    done = subprocess.run([ampql, "doctor", "-s", url, *flags], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    problems = [f"{text!r} is missing" for text in texts if text not in said]
    if done.returncode != status:
        problems.append(f"exit status {done.returncode}, expected {status}")
    if "canary" in said.lower():
        problems.append("a secret came out")
    if problems:
        print(f"{name}: {'; '.join(problems)}\n{said}")
    return not problems


def main():
    wanted = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.daemon_threads, server.handle_error = True, lambda *_: None  # clients that gave up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = [row for row in ROWS if wanted.search(row[0])]
    good = sum(run(sys.argv[1], server, row) for row in rows)
    print(f"  {'OK  ' if good == len(rows) > 0 else 'FAIL'} doctor: {good} of {len(rows)}")
    sys.exit(not good == len(rows) > 0)


main()
