#!/usr/bin/env python3
"""Servers behind certificates that are right and wrong, and what the command makes of them: an answer only from a server that
is proven to be the one that was asked.

    tls.py AMPQL        needs openssl (the command)"""
import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading

ANSWER = {"status": "success", "data": {"resultType": "vector", "result": [
    {"metric": {"__name__": "up"}, "value": [60, "1"]}]}}
NETWORK, BAD_DATA = 7, 9


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients that refuse a certificate hang up


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=" + name, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def certificate(folder, name, by, names, days="30"):
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as out:
        out.write("subjectAltName=%s\n" % names)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
    openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{by}.pem", "-CAkey", f"{folder}/{by}.key",
            "-CAcreateserial", "-days", days, "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.pem")


def serve(folder, name, client_by=None, is_plain=False):
    server = Quiet(("127.0.0.1", 0), Handler)
    if not is_plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
        if client_by:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(f"{folder}/{client_by}.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def ask(ampql, url, *flags):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run([ampql, "query", "up", "--time", "60", "--dialect", "prom3", "--retries", "0", "--source", url, *flags],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)


def main():
    ampql, passed, failed = sys.argv[1], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        authority(folder, "ours")
        authority(folder, "theirs")
        certificate(folder, "right", "ours", "DNS:localhost,IP:127.0.0.1")
        certificate(folder, "named", "ours", "DNS:prometheus.example")
        certificate(folder, "expired", "ours", "DNS:localhost", days="-1")
        certificate(folder, "client", "ours", "DNS:client")
        certificate(folder, "stranger", "theirs", "DNS:stranger")
        ca = ["--ca-file", f"{folder}/ours.pem"]

        def own(name):
            return ["--cert-file", f"{folder}/{name}.pem", "--key-file", f"{folder}/{name}.key"]

        right, plain = serve(folder, "right"), serve(folder, None, is_plain=True)
        named, expired, mutual = serve(folder, "named"), serve(folder, "expired"), serve(folder, "right", client_by="ours")
        alone = serve(folder, "ours")  # signed by itself
        rows = [  # what, URL, flags, exit status, words of the error
            ("our authority", f"https://localhost:{right}", ca, 0, ""),
            ("by address", f"https://127.0.0.1:{right}", ca, 0, ""),
            ("the system's authorities", f"https://localhost:{right}", [], NETWORK, "certificate"),
            ("another authority", f"https://localhost:{right}", ["--ca-file", f"{folder}/theirs.pem"], NETWORK, "certificate"),
            ("no such authority file", f"https://localhost:{right}", ["--ca-file", f"{folder}/none.pem"], None, "none.pem"),
            ("another name", f"https://localhost:{named}", ca, NETWORK, "localhost"),
            ("expired", f"https://localhost:{expired}", ca, NETWORK, "expired"),
            ("signed by itself", f"https://localhost:{alone}", [], NETWORK, "certificate"),
            ("no client certificate", f"https://localhost:{mutual}", ca, NETWORK, ""),
            ("a client certificate", f"https://localhost:{mutual}", ca + own("client"), 0, ""),
            ("a stranger's certificate", f"https://localhost:{mutual}", ca + own("stranger"), NETWORK, ""),
            ("a key that is another's", f"https://localhost:{mutual}",
             ca + ["--cert-file", f"{folder}/client.pem", "--key-file", f"{folder}/stranger.key"], None, ""),
            ("https to a plain server", f"https://localhost:{plain}", ca, NETWORK, ""),
            ("http to a server of TLS", f"http://localhost:{right}", [], None, ""),
        ]
        for what, url, flags, status, words in rows:
            done = ask(ampql, url, *flags)
            is_answer = done.returncode == 0 and "=> 1 @[60]" in done.stdout
            is_right = is_answer if status == 0 else (
                not done.stdout and done.returncode in ([status] if status else range(1, 11)) and words in done.stderr
                and done.stderr.startswith("ampql: error: "))
            passed, failed = passed + is_right, failed + (not is_right)
            if not is_right:
                print("  FAIL tls %s: exit status %d, %r, %r" % (what, done.returncode, done.stdout, done.stderr))
    print("tls: %d passed, %d failed" % (passed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
