#!/usr/bin/env python3
"""What the command does while it fetches, as a person or a script sees it: progress, interrupts, budgets and predictions, waits
that a server asks for, credentials that end in the middle, proxies, IPv6.

    conduct.py AMPQL [REGEX]        environment: JOBS (4)

Each check is a function; its first line says what must hold. It raises Wrong, or returns what there is to say."""
import http.client
import http.server
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import fake_amp
from fault_run import B, SERIES, TIME
from lab import KEYS, Lab, Leak, Tally, values
from tls import authority, certificate
from upstream import NoUpstream

QUERY = "sum(sum_over_time(m[6h])) + sum(sum_over_time(n[6h]))"
SAMPLES = 2 * 5 * 180  # of the two selects, one every two minutes
CONTAINER = "Canary-container-token"
LIMIT, NETWORK, INTERRUPTED = 6, 7, 130
PROMPT_S = 20  # sooner than what would last for ever, however busy the machine is


class Wrong(Exception):
    pass


def expect(holds, *what):
    if not holds:
        raise Wrong(" ".join(str(one)[:700] for one in what))


def is_data(entry):
    return entry["path"].startswith("/api/v1/query") and "vector(1)" not in dict(entry["params"])["query"]


class Case:
    """A workspace of its own with the usual series."""

    def __init__(self, lab, **settings):
        self.lab = lab
        self.name = lab.space(series=SERIES, left_open=True, **settings)

    def heal(self):
        """As it was, without faults and without a log."""
        self.lab.server.spaces.put(self.name, {"keys": KEYS, "series": SERIES, "left_open": True})

    def run(self, *flags, command="query", query=(QUERY,), **how):
        times = ["--time", str(TIME["time"])]
        return self.lab.run(command, *self.lab.amp(self.name), *times, *flags, *(["-o", "json"] if command == "query" else []), "--",
                            *query, **how)

    def start(self, *flags, command="query", query=(QUERY,), **how):
        arguments = [self.lab.ampql, command, *self.lab.amp(self.name), "--time", str(TIME["time"]), *flags, "--", *query]
        return subprocess.Popen(arguments, env=self.lab.environment(), stdin=subprocess.DEVNULL,
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how})

    def log(self):
        return self.lab.report(self.name)["log"]

    @staticmethod
    def wait_for(holds):
        end = time.monotonic() + 20
        while not holds():
            expect(time.monotonic() < end, "it never came to that")
            time.sleep(0.01)


def settled(path, seconds):
    """Is there a file that nobody has written to for so long?"""
    return os.path.exists(path) and time.time() - os.path.getmtime(path) > seconds


# ---- progress

def progress_json(lab):
    """--progress json: a line a second and one at the end, whose counts are the server's."""
    case = Case(lab, faults=[{"kind": "slow", "s": 1.3, "at": 2}])
    done = case.run("--chunk", "1h", "--progress", "json", "--concurrency", "1")
    lines = [json.loads(line)["progress"] for line in done.err.splitlines()]
    expect(done.status == 0 and len(lines) >= 2, done)
    last, log = lines[-1], case.log()
    expect(last["windows_done"] == last["windows"] == len([entry for entry in log if is_data(entry)]), last, len(log))
    expect(last["requests"] == len(log) and last["retries"] == 0, last, len(log))
    expect(last["billed_samples"] == sum(entry["billed"] for entry in log), last)
    expect(last["samples"] == SAMPLES, last)
    expect(all(a["windows_done"] <= b["windows_done"] and a["elapsed_ms"] <= b["elapsed_ms"] for a, b in zip(lines, lines[1:])), lines)
    expect(json.loads(done.out)["status"] == "success", done.out)


def progress_on_a_terminal(lab):
    """A line that is written over, after a second, and gone at the end; nothing where there is no terminal."""
    for mode in ("auto", "none"):
        case = Case(lab, faults=[{"kind": "slow", "s": 1.5, "at": 2}])
        master, slave = pty.openpty()
        process = case.start("--chunk", "1h", "--progress", mode, "--concurrency", "1", stderr=slave)
        os.close(slave)
        out, _ = process.communicate(timeout=30)
        said = b""
        try:
            while piece := os.read(master, 4096):
                said += piece
        except OSError:
            pass
        os.close(master)
        expect(process.returncode == 0 and out, process.returncode, said)
        if mode == "none":
            expect(said == b"", said)
        else:
            expect(re.search(rb"\r\x1b\[K\d+/\d+ windows, .*samples/s, .*MB/s", said) and said.endswith(b"\r\x1b[K"), said)
    silent = Case(lab).run("--chunk", "1h")
    expect(silent.status == 0 and silent.err == "", silent)


# ---- interrupts

def interrupt(lab):
    """SIGINT ends a query that waits for a server, at once, without output."""
    case = Case(lab, faults=[{"kind": "stall_before"}])
    process = case.start("--chunk", "1h")
    case.wait_for(lambda: len(case.log()) >= 2)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    expect(process.returncode == INTERRUPTED and out == b"" and b"canceled" in err, process.returncode, out, err)
    expect(time.monotonic() - begin < PROMPT_S, "it took %.1f s" % (time.monotonic() - begin))


def interrupted_fetch(lab):
    """A fetch that was interrupted goes on where it was, and the capture is the one that it would have been."""
    queries = ("sum_over_time(m[6h])", "sum_over_time(n[6h])", "m{job='a'}")
    with tempfile.TemporaryDirectory() as folder:
        whole, path = os.path.join(folder, "whole.aqc"), os.path.join(folder, "x.aqc")
        case = Case(lab, faults=[{"kind": "stall_before", "match": "^m.job"}])
        process = case.start("--out", path, command="fetch", query=queries, stdout=subprocess.DEVNULL)
        case.wait_for(lambda: settled(path + ".part", 0.5))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        expect(process.returncode == INTERRUPTED and not os.path.exists(path) and os.path.exists(path + ".part"),
               process.returncode, err, os.listdir(folder))
        case.heal()
        done = case.run("--out", path, command="fetch", query=queries)
        asked = [dict(entry["params"])["query"] for entry in case.log() if is_data(entry)]
        expect(done.status == 0 and 'm{job="a"}' in asked, done, asked)
        done = case.run("--out", whole, command="fetch", query=queries)
        shown = [lab.run("capture", "ls", name).out for name in (whole, path)]
        expect(shown[0] and shown[0] == shown[1] and not os.path.exists(path + ".part"), *shown)


# ---- money

def fuse_before(lab):
    """--max-billed-samples refuses a run that is predicted to cost more, and asks for no data."""
    case = Case(lab)
    done = case.run("--max-billed-samples", "3000")
    expect(done.status == LIMIT and "would bill about 3600 samples" in done.err and not done.out, done)
    expect(not any(map(is_data, case.log())), "data were asked for")


def fuse_during(lab):
    """A prediction may be wrong: AMP gets what is left as its own threshold, and nothing more is asked after it."""
    dense = [{"metric": {"__name__": "m"}, "samples": [[B + t, "1"] for t in range(0, 6 * 3600, 10)]}]
    name = lab.space(series=dense, left_open=True)
    done = lab.query(lab.amp(name), "sum_over_time(m[6h])", TIME, "--chunk", "1h", "--max-billed-samples", "1000", "--concurrency", "1")
    log = [entry for entry in lab.report(name)["log"] if is_data(entry)]
    left = [int(dict(entry["params"])["max_samples_processed_error_threshold"]) for entry in log]
    expect(done.status == LIMIT and "--max-billed-samples" in done.err and not done.out, done)
    expect(left[0] == 1000 and left == sorted(left, reverse=True) and len(left) == 3, left)
    expect(sum(entry["billed"] for entry in log[:-1]) <= 1000 and log[-1]["status"] == 422, log[-1])


def fuse_unmet(lab):
    """A run within its budget gives its answer."""
    case = Case(lab)
    done = case.run("--max-billed-samples", "3600", "--stats")
    expect(done.status == 0 and "billed_samples=%d " % SAMPLES in done.err, done)


def predictions(lab):
    """fetch --dry-run and explain predict what is then billed, and how many requests it takes."""
    case = Case(lab)
    planned = case.run("--dry-run", "--interval", "2m", "--chunk", "1h", command="fetch")
    explained = case.run("--chunk", "1h", command="explain")
    expect(not any(map(is_data, case.log())), "data were asked for")
    match = re.search(r"predicted: (\d+) samples billed, (\d+) requests", planned.err)
    expect(planned.status == 0 and match and explained.status == 0, planned, explained)
    expect("predicted: 3600 samples billed, 12 requests" in explained.err, explained.err)  # of one a minute
    done = case.run("--chunk", "1h")
    data = [entry for entry in case.log() if is_data(entry)]
    billed = sum(entry["billed"] for entry in data)
    expect(done.status == 0 and (int(match.group(1)), int(match.group(2))) == (billed, len(data)), match.group(0), billed, len(data))


# ---- lists

def lists_that_break(lab):
    """Lists of series and names are whole or an error, whatever came before the attempt that was whole."""
    command = ["series", "--start", str(B), "--end", str(TIME["time"]), "m"]
    wanted = lab.run(*command, *lab.amp(Case(lab).name))
    expect(wanted.status == 0 and len(wanted.out.splitlines()) >= 5, wanted)
    other = '{"status":"success","data":[{"__name__":"m","job":"stray"},{"__name__":"m","job":'
    faults = ({"kind": "cut"}, {"kind": "cut", "at_byte": 0}, {"kind": "reset"}, {"kind": "throttled_429", "retry_after": "0"},
              {"kind": "close_early"}, {"kind": "body", "text": other}, {"kind": "trailing", "text": "{}"}, {"kind": "gzip_cut"})
    for fault in faults:
        for attempts in (1, 0):
            case = Case(lab, faults=[{"class": "meta", "attempts": attempts, **fault}])
            done = lab.run(*command, *lab.amp(case.name), "--retries", "2")
            is_whole = done.status == 0 and done.out == wanted.out
            is_refused = done.status in (LIMIT, NETWORK, 9) and not done.out
            expect(is_refused or (attempts and is_whole), fault, attempts, done)
            expect(not attempts or is_whole or fault["kind"] in ("body", "trailing", "close_early"), fault, done)


# ---- waiting

def retry_after(lab):
    """Retry-After is waited for, in either form, and nothing else is asked meanwhile."""
    for wait in ("1", {"date_s": 2}):
        case = Case(lab, faults=[{"kind": "throttled_429", "retry_after": wait, "at": 0}])
        done = case.run("--chunk", "1h", "--concurrency", "1")  # nothing else is under way when it is refused
        data = [entry for entry in case.log() if is_data(entry)]
        refused = next(entry["at_s"] for entry in data if entry["status"] == 429)
        later = [entry["at_s"] - refused for entry in data if entry["at_s"] > refused]
        expect(done.status == 0 and later and 0.9 <= min(later) < PROMPT_S, done, later)


def sleeps_no_longer(lab):
    """A Retry-After beyond the budget is an error at once."""
    case = Case(lab, faults=[{"kind": "throttled_429", "retry_after": "86400", "attempts": 0}])
    done = case.run("--chunk", "1h")
    expect(done.status == NETWORK and "429" in done.err and done.seconds < PROMPT_S, done)


# ---- credentials

def pod(lab, case, path):
    env = lab.environment(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path,
                          AWS_CONTAINER_CREDENTIALS_FULL_URI="%s/_aws/%s/container" % (lab.server.url, case.name))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del env[name]
    return env


def renewal(lab):
    """Keys that end while parts are fetched are renewed, once for all that wait, with the token that is in its file by then."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token")

        def put(token):
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write(token)
            os.rename(path + ".new", path)
        put(CONTAINER)
        case = Case(lab, providers={"container": CONTAINER, "lifetime_s": 3, "grace_s": 600}, faults=[{"kind": "slow", "s": 0.8}])
        space, seen = lab.server.spaces.get(case.name), []

        def rotate():
            end = time.monotonic() + 20
            while time.monotonic() < end and not seen:
                if any(entry.get("provider") for entry in case.log()):
                    seen.append(True)
                time.sleep(0.01)
            space.settings["providers"] = {**space["providers"], "container": CONTAINER + "-2"}
            put(CONTAINER + "-2")
        thread = threading.Thread(target=rotate)
        thread.start()
        done = case.run("--chunk", "1h", "--concurrency", "3", env=pod(lab, case, path))
        thread.join()
        log = case.log()
        asked = [entry["status"] for entry in log if entry.get("provider")]
        expect(done.status == 0 and values(done.out) == lab.wanted, done)
        # they are renewed when half of what was left of three seconds has gone, by one of those that wait
        expect(2 <= len(asked) <= 2 + done.seconds and set(asked) == {200}, asked, done.seconds)
        expect(all(entry["signature_ok"] for entry in log), "a signature was not good")


BASIC, BEARER = "basic:reader:CanaryPassword", "bearer:CanaryBearer"
WAYS_IN = (  # what the server wants, the config file, flags; whether it is let in
    (BASIC, "basic_auth: {username: reader, password: CanaryPassword}", [], True),
    (BASIC, "basic_auth: {username: reader, password: CanaryAnother}", [], False),
    (BASIC, "basic_auth: {username: reader, password_file: password}", [], True),
    (BASIC, "", ["--header", "Authorization: Basic cmVhZGVyOkNhbmFyeVBhc3N3b3Jk"], True),
    (BEARER, "authorization: {credentials: CanaryBearer}", [], True),
    (BEARER, "authorization: {credentials_file: token}", [], True),
    (BEARER, "bearer_token_file: token", [], True),
    (BEARER, "", ["--header", "Authorization: Bearer CanaryBearer"], True),
    (BEARER, "", [], False),
    ("header:X-Scope-OrgID:CanaryTenant", "http_headers: {X-Scope-OrgID: {secrets: [CanaryTenant]}}", [], True),
    ("header:X-Scope-OrgID:CanaryTenant", "", ["--header", "X-Scope-OrgID: CanaryTenant"], True),
    ("sigv4", "sigv4: {region: us-east-1}", [], True),
    ("sigv4", "sigv4: {region: eu-west-1}", [], False),
    ("sigv4", "", ["--sign", "--region", "us-east-1"], True),
    ("sigv4", "", [], False),
)


def ways_in(lab):
    """Each way of saying who asks is what the server wants, or an error of credentials that shows none of them."""
    for wanted, config, flags, is_in in WAYS_IN:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("config.yml", config), ("password", "CanaryPassword\n"), ("token", "CanaryBearer\n")):
                with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                    file.write(text + "\n")
            case = Case(lab, auth=wanted, flavour="prometheus")
            more = (["--http.config.file", folder + "/config.yml"] if config else []) + flags
            done = lab.query(lab.http(case.name), QUERY, TIME, "--chunk", "3h", *more)
            right = done.status == 0 and values(done.out) == lab.wanted if is_in else done.status == 8 and not done.out
            expect(right and (not is_in or all(entry["signature_ok"] for entry in case.log())), wanted, config, flags, done)


def rotated_files(lab):
    """Password and token files are read again for every request."""
    for first, second, config in ((BASIC, BASIC + "2", "basic_auth: {username: reader, password_file: secret}"),
                                  (BEARER, BEARER + "2", "authorization: {credentials_file: secret}")):
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/config.yml", "w", encoding="ascii") as file:
                file.write(config + "\n")
            case = Case(lab, auth=first, flavour="prometheus", faults=[{"kind": "slow", "s": 0.5}])
            space = lab.server.spaces.get(case.name)

            def put(secret):
                with open(folder + "/secret", "w", encoding="ascii") as file:
                    file.write(secret.rpartition(":")[2])
            put(first)
            times = ["--time", str(TIME["time"]), "-o", "json"]
            process = subprocess.Popen([lab.ampql, "query", *lab.http(case.name), "--chunk", "1h", "--concurrency", "1", *times,
                                        "--http.config.file", folder + "/config.yml", QUERY], env=lab.environment(),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            case.wait_for(lambda: any(map(is_data, case.log())))
            put(second)
            space.settings["auth"] = second
            out, err = process.communicate(timeout=30)
            expect(process.returncode == 0 and values(out.decode()) == lab.wanted, config, process.returncode, err)


def in_the_clear(lab):
    """Nothing secret goes over http beyond this machine, unless a flag says so."""
    for flags, config in ((["--sign", "--region", "us-east-1"], ""), ([], "basic_auth: {username: u, password: CanaryPassword}"),
                          ([], "authorization: {credentials: CanaryBearer}"), (["--header", "Authorization: Bearer CanaryBearer"], "")):
        proxy = Proxy(refuse=418)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(config + "\n")
            file.flush()
            arguments = ["--source", "http://prometheus.example"], "up", TIME, "--http.config.file", file.name, "--dialect", "prom3"
            env = lab.environment(http_proxy="http://" + proxy.address)
            done = lab.query(*arguments, *flags, env=env)
            expect(done.status in (2, 8, 9) and "--insecure-http" in done.err and not proxy.seen, flags, config, done, proxy.seen)
            done = lab.query(*arguments, *flags, "--insecure-http", env=env)
            expect(done.status == NETWORK and proxy.seen, flags, config, done)
        proxy.close()


# ---- ways to the server

class Proxy:
    """Takes requests for absolute URLs, and CONNECT, and passes all of them to one place."""

    def __init__(self, to_http=None, to_tls=None, refuse=0):
        self.seen = seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self):
                seen.append((self.command, self.path, self.headers.get("Proxy-Authorization")))
                if refuse or not to_http:
                    self.send_error(refuse or 502)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                link = http.client.HTTPConnection(*to_http, timeout=20)
                headers = [(k, v) for k, v in self.headers.items() if not k.lower().startswith("proxy-")]
                link.putrequest(self.command, "/" + self.path.split("/", 3)[3], skip_host=True, skip_accept_encoding=True)
                for pair in headers:
                    link.putheader(*pair)
                link.endheaders(body)
                got = link.getresponse()
                text = got.read()
                self.send_response(got.status)
                for name, value in got.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
                link.close()

            do_GET = do_POST = do_any

            def do_CONNECT(self):
                seen.append((self.command, self.path, self.headers.get("Proxy-Authorization")))
                if refuse:
                    self.send_error(refuse)
                    return
                with socket.create_connection(to_tls) as there:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=self.pump, args=(there, self.connection))
                    back.start()
                    self.pump(self.connection, there)
                    back.join()
                self.close_connection = True

            @staticmethod
            def pump(here, there):
                try:
                    while data := here.recv(65536):
                        there.sendall(data)
                    there.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            def log_message(self, *_):
                pass
        self.server = fake_amp.Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def signed_for(lab, case, endpoint, env, *flags):
    return lab.query(["--source", "amp:%s@us-east-1" % case.name, "--endpoint", endpoint], QUERY, TIME, "--chunk", "1h", "--retries", "1",
                     *flags, env=lab.environment(**env), deadline_s=30)


def proxies_for_http(lab):
    """http_proxy of the environment is used, with its password, but not for this machine, nor for what no_proxy names."""
    host, port = lab.server.server_address[:2]
    proxy = Proxy((host, port))
    case, user = Case(lab), "http://user:CanaryProxyPassword@"
    done = signed_for(lab, case, "http://prometheus.example", {"http_proxy": user + proxy.address}, "--insecure-http")
    expect(done.status == 0 and values(done.out) == lab.wanted, done)
    expect(proxy.seen and all(path.startswith("http://prometheus.example/") and who for _, path, who in proxy.seen), proxy.seen)
    count = len(proxy.seen)
    done = signed_for(lab, case, lab.server.url, {"http_proxy": user + proxy.address, "all_proxy": user + proxy.address})
    expect(done.status == 0 and len(proxy.seen) == count, done, proxy.seen[count:])
    done = signed_for(lab, case, "http://nowhere.invalid", {"http_proxy": user + proxy.address, "no_proxy": ".invalid"}, "--insecure-http")
    expect(done.status == NETWORK and len(proxy.seen) == count, done, proxy.seen[count:])
    proxy.close()


def proxies_that_refuse(lab):
    """A proxy that is not there, or says no, is an error that shows neither its password nor an answer."""
    for refuse, scheme in ((407, "http"), (502, "http"), (407, "https"), (403, "https")):
        proxy = Proxy(refuse=refuse)
        env = {scheme + "_proxy": "http://user:CanaryProxyPassword@" + proxy.address}
        done = signed_for(lab, Case(lab), scheme + "://prometheus.example", env, "--insecure-http")
        expect(done.status in (NETWORK, 8) and not done.out and str(refuse) in done.err, refuse, scheme, done)
        proxy.close()
    done = signed_for(lab, Case(lab), "https://prometheus.example", {"https_proxy": "http://user:CanaryProxyPassword@127.0.0.1:1"})
    expect(done.status == NETWORK and not done.out, done)


def proxies_for_https(lab):
    """https goes through a proxy as a tunnel, and the certificate is the server's, whoever carries it."""
    with tempfile.TemporaryDirectory() as folder:
        authority(folder, "ours")
        certificate(folder, "right", "ours", "DNS:prometheus.example")
        certificate(folder, "wrong", "ours", "DNS:other.example")
        for name, is_right in (("right", True), ("wrong", False)):
            server = fake_amp.start(NoUpstream(), tls=(f"{folder}/{name}.pem", f"{folder}/{name}.key"))
            server.spaces = lab.server.spaces
            proxy = Proxy(to_tls=server.server_address[:2])
            done = signed_for(lab, Case(lab), "https://prometheus.example", {"HTTPS_PROXY": "http://" + proxy.address}, "--ca-file",
                              folder + "/ours.pem")
            if is_right:
                expect(done.status == 0 and values(done.out) == lab.wanted, done)
            else:
                expect(done.status == NETWORK and "certificate" in done.err and not done.out, done)
            expect(proxy.seen and {path for _, path, _ in proxy.seen} == {"prometheus.example:443"}, proxy.seen)
            proxy.close()
            server.stop()


def ipv6(lab):
    """Addresses of IPv6 in brackets, in the URL and in what is signed."""
    try:
        server = fake_amp.start(NoUpstream(), host="::1")
    except OSError as error:
        return "not here: %s" % error
    server.spaces = lab.server.spaces
    done = signed_for(lab, Case(lab), server.url, {})
    server.stop()
    expect(done.status == 0 and values(done.out) == lab.wanted and "[::1]" in server.url, done)
    for url in ("http://[::1", "http://::1:9090", "http://[::1]x/", "http://[fe80::1%25eth0]/"):
        done = lab.query(["--source", url], "up", TIME)
        expect(done.status in (2, 9) and not done.out, url, done)
    return None


CHECKS = (progress_json, progress_on_a_terminal, interrupt, interrupted_fetch, fuse_before, fuse_during, fuse_unmet, predictions, lists_that_break,
          retry_after, sleeps_no_longer, renewal, ways_in, rotated_files, in_the_clear, proxies_for_http, proxies_that_refuse,
          proxies_for_https, ipv6)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it, and its children do
    lab, tally = Lab(sys.argv[1]), Tally()
    pattern = re.compile(sys.argv[2] if len(sys.argv) == 3 else "")
    done = Case(lab).run("--chunk", "1h")
    lab.wanted = values(done.out) if done.status == 0 else done

    def one(check):
        try:
            return check, check(lab), None
        except (Wrong, Leak, ValueError, KeyError, IndexError, StopIteration, subprocess.TimeoutExpired, OSError) as wrong:
            return check, None, repr(wrong)
    with ThreadPoolExecutor(int(os.environ.get("JOBS", 4))) as pool:
        for check, note, wrong in pool.map(one, [check for check in CHECKS if pattern.search(check.__name__)]):
            name = check.__name__.replace("_", " ")
            if wrong:
                tally.fail("conduct: " + name, "%s\n       must hold: %s" % (wrong, check.__doc__))
            else:
                tally.ok("conduct: " + name, note or "")
    print("conduct: %d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0 or (tally.passed == 0 and len(sys.argv) == 2))


if __name__ == "__main__":
    main()
