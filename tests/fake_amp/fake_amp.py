#!/usr/bin/env python3
"""Amazon Managed Service for Prometheus on loopback, for tests: a real Prometheus answers behind SigV4 and AMP's rules.

    fake_amp.py --upstream URL [--listen HOST:PORT] [--port-file F] [--faults F] [--keys F] [--log F] [--dialect prom2|prom3]

  --upstream   a Prometheus 2.42, or the newest engine's server (tests/oracle/newest): whose answers are passed on
  --dialect    what the upstream must be: it is asked once, and another one is an error
  --listen     127.0.0.1:0 when not given: a free port
  --port-file  written when it listens: its URL, and the URL of the second listener, a line each
  --faults     JSON: settings (amp.py's DEFAULTS, among them "faults") of every workspace that no control request made
  --keys       JSON: {access key id: {"secret": ..., "token": ...}} of those; without --faults and --keys they do not exist
  --log        one JSON line a request

Workspaces are /workspaces/NAME/api/v1/...; each has its own settings, so that one fake serves many tests at once:

    PUT    /_fake/NAME       make it anew; the body is its settings as JSON
    GET    /_fake/NAME       its log and sums: requests, billed, unsigned, hits (of faults)
    DELETE /_fake/NAME
    /_aws/NAME/...           STS, container endpoint and IMDS that give out keys for it: providers.py
    GET    /_fake            what the second listener got: redirects go there, and it writes down everything

Remote write is taken, too: receiver.py.

The files: sigv4_verify.py, amp.py (rules and limits), faults.py and wire.py, upstream.py and memory.py,
providers.py, space.py."""
import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import amp
import faults
import providers
import receiver
import wire
from answer import Answer, aws_error, prometheus_error
from sigv4_verify import Refused, verify
from space import Spaces
from upstream import NoUpstream, Upstream


class Request:
    def __init__(self, handler, body, recorder):
        self.method = handler.command
        self.target = handler.requestline.split(" ")[1]
        self.headers = [(name, value) for name, value in handler.headers.items()]
        self.body = body
        self.recorder = recorder

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    is_stopping = False

    def handle_error(self, request, client_address):
        kind = sys.exc_info()[0]
        if not issubclass(kind, (ConnectionError, BrokenPipeError, TimeoutError, OSError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def read_body(self):
        size = self.headers.get("Content-Length")
        return self.rfile.read(int(size)) if size else b""

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass  # the client, or a fault of ours, has closed it


class Recorder(Handler):
    """The second listener: writes down what reaches it. Nothing ever should."""

    def record(self):
        body = self.read_body()
        self.server.records.append({"method": self.command, "target": self.path, "headers": self.headers.items(),
                                    "body": body.decode("latin-1")})
        wire.send(self, Answer(200, '{"status":"success","data":{"resultType":"matrix","result":[]}}'))

    do_GET = do_POST = do_PUT = do_HEAD = record


class Amp(Handler):
    def do_any(self):
        request = Request(self, self.read_body(), self.server.recorder)
        path = request.target.partition("?")[0]
        if path == "/_fake" or path.startswith("/_fake/"):
            wire.send(self, self.control(request, path[len("/_fake/"):]))
            return
        if path.startswith("/_aws/"):
            self.provide(request, path)
            return
        parts = path.split("/", 3)
        space = self.server.spaces.get(unquote(parts[2])) if len(parts) == 4 and parts[1] == "workspaces" else None
        if space is None:
            lost = aws_error(404, "ResourceNotFoundException", "Workspace not found")
            wire.send(self, lost.with_headers([("x-amzn-RequestId", "fa4e0404-0000-4000-8000-000000000404")]))
            return
        self.serve(request, space, "/" + parts[3])

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_any

    # ---- control

    def control(self, request, name):
        spaces = self.server.spaces
        if name == "":
            return Answer(200, json.dumps({"recorded": self.server.records}))
        if request.method == "PUT":
            try:
                spaces.put(name, json.loads(request.body))
            except (ValueError, TypeError) as error:
                return Answer(400, str(error), "text/plain")
            return Answer(200, "{}")
        space = spaces.drop(name) if request.method == "DELETE" else spaces.get(name)
        return Answer(200, json.dumps(space.report())) if space else Answer(404, "no such workspace", "text/plain")

    # ---- where credentials come from

    def provide(self, request, path):
        _, _, name, which, rest = (path + "///").split("/", 4)
        space = self.server.spaces.get(unquote(name))
        if space is None:
            wire.send(self, Answer(404, "no such workspace", "text/plain"))
            return
        answer = providers.answer(space, request, which, rest.rstrip("/"))
        self.decorate(answer, space)
        space.note({"method": request.method, "path": path, "signature_ok": True, "billed": 0, "status": answer.status, "params": [],
                    "bytes": len(answer.body), "provider": which, "fault": None})
        try:
            wire.send(self, answer)
        except OSError:
            self.close_connection = True  # it did not wait

    # ---- AMP

    def serve(self, request, space, path):
        entry = {"method": request.method, "path": path, "signature_ok": False, "reason": "", "billed": 0, "fault": None,
                 "params": [], "headers": sorted(name.lower() for name, _ in request.headers), "at_s": time.time()}
        fault = None
        try:
            answer, fault = self.answer(request, space, path, entry)
        except (OSError, ValueError) as error:
            answer = prometheus_error(503, "unavailable", "fake_amp: upstream: %s" % error)
        self.decorate(answer, space)
        entry.update(status=answer.status, bytes=len(answer.body), fault=fault and fault["kind"])
        self.server.spaces.note(space, entry)  # before it is sent, so that a test that has its answer finds it
        self.transmit(request, space, answer, fault)

    def transmit(self, request, space, answer, fault):
        try:
            if fault and fault["kind"] in faults.WIRE:
                wire.improper(self, answer, fault)
                return
            offered = (request.header("accept-encoding") or "").lower()
            if space["gzip"] and "gzip" in offered and len(answer.body) > 200 and not answer.header("Content-Encoding"):
                wire.compress(answer)
            wire.send(self, answer, space["transfer"])
        except OSError:
            self.close_connection = True  # the client has gone

    def decorate(self, answer, space):
        answer.headers += [("Date", faults.http_date(space.now_s())), ("x-amzn-RequestId", space.request_id())]
        if space["flavour"] == "amp":
            answer.headers.append(("Server", "amazon"))

    def answer(self, request, space, path, entry):
        """(answer, the fault that hit it or None)"""
        parameters, wrong = amp.read_parameters(request.method, request.target, request.header("content-type"), request.body)
        entry["params"] = parameters
        try:
            self.authenticate(request, space, entry)
        except Refused as refused:
            entry["reason"] = refused.message
            return aws_error(403 if space["auth"] == "sigv4" else 401, refused.kind, refused.message), None
        is_write = path == receiver.PATHS[space["flavour"]] and request.method == "POST"
        wrong = wrong or (None if is_write else amp.allowed(request.method, path, space["flavour"]))
        if wrong:
            return wrong, None
        if is_write:
            parameters = [("body", hashlib.sha256(request.body).hexdigest())]
        fault = space.faults.choose(path, parameters)
        if fault and fault["kind"] in faults.REPLACE:
            return faults.REPLACE[fault["kind"]](fault, request), fault
        answer = receiver.take(space, request) if is_write else self.honest(space, path, parameters)
        entry["billed"] = answer.billed if answer.status == 200 else 0
        if fault and fault["kind"] in faults.MUTATE and answer.status == 200:
            answer = faults.mutate(answer, fault)
        if fault and fault["kind"] == "headers":
            answer.headers += [(name, value.replace("{recorder}", self.server.recorder)) for name, value in fault["headers"]]
        return answer, fault

    def honest(self, space, path, parameters):
        if space.bucket.is_full(space["max_per_second"]):
            return amp.throttled()
        parameters = [pair for pair in parameters if pair[0] != "lookback_delta"]  # AMP has none
        refused = amp.before(space, path, parameters)
        if refused:
            return refused
        if path == "/api/v1/query_range" and space["flavour"] == "amp":
            parameters = amp.floor_to_step(parameters)
        asked = [pair for pair in parameters if not pair[0].startswith("max_samples_processed_")]
        answer = space.upstream.ask(path, asked)
        return amp.after(space, parameters, answer) if answer.status == 200 else answer

    def authenticate(self, request, space, entry):
        how, _, rest = space["auth"].partition(":")
        if how == "sigv4":
            entry["key"] = verify(request.method, request.target, request.headers, request.body, space["keys"], space["region"],
                                  "aps", space.now_s())
        elif how != "none":
            if how == "basic":
                name, wanted = "authorization", "Basic " + base64.b64encode(rest.encode()).decode()
            elif how == "bearer":
                name, wanted = "authorization", "Bearer " + rest
            else:
                name, _, wanted = rest.partition(":")
            if request.header(name.lower()) != wanted:
                raise Refused("Unauthorized", "Unauthorized")
        elif request.header("authorization"):
            raise Refused("Unauthorized", "there is an Authorization header that nobody asked for")
        entry["signature_ok"] = True


def read_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("upstream", "port-file", "faults", "keys", "log"):
        parser.add_argument("--" + name)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--dialect", choices=("prom2", "prom3"))
    return parser.parse_args()


def check_dialect(upstream, wanted):
    answer = upstream.ask("/api/v1/query", [("query", "count_over_time(vector(1)[1m:1m])"), ("time", "1200")])
    points = json.loads(answer.body)["data"]["result"][0]["value"][1]
    if {"1": "prom3", "2": "prom2"}.get(points) != wanted:
        raise SystemExit("fake_amp.py: error: the upstream is not of dialect %s" % wanted)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Server6(Server):
    address_family = socket.AF_INET6


def origin(server, scheme="http"):
    host, port = server.server_address[:2]
    return "%s://%s:%d" % (scheme, "[%s]" % host if ":" in host else host, port)


def start(upstream, host="127.0.0.1", port=0, default=None, log=None, tls=None):
    """The server, listening and served by threads of its own; .url, .recorder, .records, .stop(). tls: (certificate, key)"""
    kind = Server6 if ":" in host else Server
    recorder = kind((host, 0), Recorder)
    server = kind((host, port), Amp)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    recorder.records = server.records = []
    server.recorder = origin(recorder)
    server.url = origin(server, "https" if tls else "http")
    server.spaces = Spaces(upstream, default, log)
    for one in (server, recorder):
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop():
        server.is_stopping = True
        for one in (server, recorder):
            one.shutdown()
            one.server_close()
    server.stop = stop
    return server


def main():
    arguments = read_arguments()
    upstream = Upstream(arguments.upstream) if arguments.upstream else NoUpstream()
    if arguments.dialect:
        check_dialect(upstream, arguments.dialect)
    default = read_json(arguments.faults) if arguments.faults else None
    if arguments.keys:
        default = {**(default or {}), "keys": read_json(arguments.keys)}
    host, _, port = arguments.listen.rpartition(":")
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise SystemExit("fake_amp.py: error: --listen is for loopback only")
    server = start(upstream, host, int(port), default, arguments.log)
    text = "%s\n%s\n" % (server.url, server.recorder)
    if arguments.port_file:
        with open(arguments.port_file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(arguments.port_file + ".new", arguments.port_file)
    else:
        print(text, end="", flush=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
