"""HTTP/2 before a fake: TLS that offers h2 and HTTP/1.1, requests passed on to the fake, and what can go wrong with streams
and frames. Needs Debian's python3-h2.

A fault is {"kind": NAME, "at": ..., "attempts": ...} as in faults.py; KINDS has the names."""
import http.client
import socket
import ssl
import struct
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from answer import Answer
from faults import Faults
from wire import reset, unasked

CODES = h2.errors.ErrorCodes
DATA, HEADERS, PUSH, CONTINUATION = 0, 1, 5, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload, size=None):
    """A frame byte by byte, for those that the library would not make."""
    length = len(payload) if size is None else size
    return struct.pack(">BHBBL", length >> 16, length & 0xFFFF, kind, flags, stream) + payload


class Link:
    """One connection: the library's state, its socket, and what a fault needs of both."""

    def __init__(self, sock):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def raw(self, data):
        self.flush()
        self.sock.sendall(data)

    def head(self, stream, answer, more=(), end=False, length=None):
        pairs = [(":status", str(answer.status))] + [(name.lower(), value) for name, value in answer.headers]
        if length is not False:
            pairs.append(("content-length", str(len(answer.body) if length is None else length)))
        self.h2.send_headers(stream, pairs + list(more), end_stream=end)

    def room(self, stream):
        """How much may be sent now; waits until it is something."""
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room > 0:
                return room
            self.flush()
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the client has gone")
            self.h2.receive_data(data)

    def body(self, stream, data, end=True, pad=None):
        at = 0
        while at < len(data):
            n = min(self.room(stream), 4000 if pad else 1 << 20)
            self.h2.send_data(stream, data[at:at + n], pad_length=pad)
            self.flush()
            at += n
        if end:
            self.h2.end_stream(stream)
        self.flush()

    def whole(self, stream, answer):
        self.head(stream, answer)
        self.body(stream, answer.body)

    def half(self, stream, answer, end=False, length=None):
        self.head(stream, answer, length=length)
        self.body(stream, answer.body[:len(answer.body) // 2], end)

    def go_away(self, code, last):
        """Without the library's opinion of what may follow."""
        self.raw(frame(7, 0, 0, struct.pack(">LL", last, int(code))))

    def end(self):
        """A proper end of the connection, also for clients that go on sending."""
        self.flush()
        self.sock.shutdown(socket.SHUT_WR)


class Over(Exception):
    """The connection is to be closed."""


# ---- faults: f(link, stream, answer)

def resets(code):
    def before(link, stream, answer):
        link.h2.reset_stream(stream, code)
        link.flush()
    return before


def resets_after_headers(link, stream, answer):
    link.head(stream, answer)
    link.h2.reset_stream(stream, CODES.INTERNAL_ERROR)
    link.flush()


def resets_in_body(code):
    def inside(link, stream, answer):
        link.half(stream, answer)
        link.h2.reset_stream(stream, code)
        link.flush()
    return inside


def goes_away_first(link, stream, answer):
    link.go_away(CODES.NO_ERROR, stream)
    link.whole(stream, answer)
    raise Over


def goes_away_after(link, stream, answer):
    link.whole(stream, answer)
    link.go_away(CODES.NO_ERROR, stream)
    raise Over


def goes_away_instead(link, stream, answer):
    link.go_away(CODES.NO_ERROR, stream - 2 if stream > 1 else 0)
    raise Over


def goes_away_in_body(link, stream, answer):
    link.half(stream, answer)
    link.go_away(CODES.INTERNAL_ERROR, stream)
    raise Over


def closes_in_body(link, stream, answer):
    link.half(stream, answer)
    raise Over


def breaks_in_body(link, stream, answer):
    link.half(stream, answer)
    reset(socket.socket(fileno=link.sock.detach()))  # and no close_notify
    raise Over


def ends_early(link, stream, answer):
    link.half(stream, answer, end=True)


def ends_early_unsaid(link, stream, answer):
    link.half(stream, answer, end=True, length=False)


def is_too_long(link, stream, answer):
    link.head(stream, answer, length=len(answer.body) // 2)
    link.body(stream, answer.body)


def pings(link, stream, answer):
    for _ in range(500):
        link.h2.ping(b"12345678")
    link.flush()
    link.whole(stream, answer)


def pings_in_body(link, stream, answer):
    link.half(stream, answer)
    while True:
        link.h2.ping(b"12345678")
        link.flush()
        time.sleep(0.05)


def settings(link, stream, answer):
    for _ in range(50):
        link.raw(frame(4, 0, 0, struct.pack(">HL", 3, 100)))
    link.whole(stream, answer)


def pads(link, stream, answer):
    link.head(stream, answer)
    link.body(stream, answer.body, pad=200)


def trails(link, stream, answer):
    link.head(stream, answer)
    link.body(stream, answer.body, end=False)
    link.h2.send_headers(stream, [("x-after", "1")], end_stream=True)
    link.flush()


def informs(link, stream, answer):
    link.h2.send_headers(stream, [(":status", "103"), ("link", "</x>")])
    link.whole(stream, answer)


def unknown_frame(link, stream, answer):
    link.raw(frame(0xEE, 0xFF, stream, b"what is this"))
    link.whole(stream, answer)


def other_stream(link, stream, answer):
    link.raw(frame(DATA, END_STREAM, stream + 2, answer.body))
    link.whole(stream, answer)


def pushes(link, stream, answer):
    block = link.h2.encoder.encode([(":method", "GET"), (":path", "/api/v1/query"), (":scheme", "https"), (":authority", "x")])
    link.raw(frame(PUSH, END_HEADERS, stream, struct.pack(">L", 2) + block))
    link.whole(stream, answer)


def huge_frame(link, stream, answer):
    link.head(stream, answer)
    link.raw(frame(DATA, 0, stream, answer.body, size=0xFFFFFF))
    raise Over


def head_twice(link, stream, answer):
    link.head(stream, answer)
    link.raw(frame(HEADERS, END_HEADERS, stream, link.h2.encoder.encode([(":status", "200")])))
    link.body(stream, answer.body)


def no_status(link, stream, answer):
    link.raw(frame(HEADERS, END_HEADERS, stream, link.h2.encoder.encode([("content-type", "application/json")])))
    link.raw(frame(DATA, END_STREAM, stream, answer.body))


def capitals(link, stream, answer):
    block = link.h2.encoder.encode([(":status", "200"), ("X-Capital", "1")])
    link.raw(frame(HEADERS, END_HEADERS, stream, block))
    link.raw(frame(DATA, END_STREAM, stream, answer.body))


def bad_block(link, stream, answer):
    link.raw(frame(HEADERS, END_HEADERS, stream, b"\xff" * 40))
    raise Over


def huge_head(link, stream, answer):
    link.head(stream, answer, more=[("x-padding-%d" % n, "x" * 4000) for n in range(24)])
    link.body(stream, answer.body)


def endless_head(link, stream, answer):
    link.raw(frame(HEADERS, 0, stream, link.h2.encoder.encode([(":status", "200")])))
    for n in range(100000):
        link.raw(frame(CONTINUATION, 0, stream, link.h2.encoder.encode([("x-%d" % n, "y" * 100)])))


def stalls(link, stream, answer):
    link.flush()
    link.sock.settimeout(10)
    link.sock.recv(1)
    raise Over


def long_body(link, stream, answer):
    """Over all windows of flow control many times."""
    answer.body += b" " * (3 << 20)
    link.whole(stream, answer)


KINDS = {
    "whole": Link.whole, "refuses": resets(CODES.REFUSED_STREAM), "resets": resets(CODES.INTERNAL_ERROR),
    "resets without error": resets(CODES.NO_ERROR), "calms down": resets(CODES.ENHANCE_YOUR_CALM),
    "wants HTTP/1.1": resets(CODES.HTTP_1_1_REQUIRED), "resets after the headers": resets_after_headers,
    "resets in the body": resets_in_body(CODES.INTERNAL_ERROR), "resets in the body without error": resets_in_body(CODES.NO_ERROR),
    "cancels in the body": resets_in_body(CODES.CANCEL), "goes away first": goes_away_first, "goes away after": goes_away_after,
    "goes away instead": goes_away_instead, "goes away in the body": goes_away_in_body, "closes in the body": closes_in_body,
    "breaks in the body": breaks_in_body, "ends early": ends_early, "ends early unsaid": ends_early_unsaid,
    "is too long": is_too_long, "pings": pings, "pings in the body": pings_in_body, "settings": settings, "pads": pads,
    "trails": trails, "informs": informs, "unknown frame": unknown_frame, "other stream": other_stream, "pushes": pushes,
    "huge frame": huge_frame, "head twice": head_twice, "no status": no_status, "capitals": capitals, "bad block": bad_block,
    "huge head": huge_head, "endless head": endless_head, "stalls": stalls, "long body": long_body,
}


class Front:
    """Listens with TLS, speaks h2 to who wants it and HTTP/1.1 to others; what is asked goes to the fake."""

    def __init__(self, fake_url, certificate, key):
        self.fake = urlsplit(fake_url)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "https://localhost:%d" % self.listener.getsockname()[1]
        self.faults = {}  # by workspace
        self.lock = threading.Lock()
        self.seen = {}  # workspace: [connections, requests by h2, requests by HTTP/1.1, most connections at once]
        self.now = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def add(self, space, faults):
        self.faults[space] = Faults(faults, KINDS.keys())
        self.seen[space], self.now[space] = [0, 0, 0, 0], 0

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def count(self, space, which, more=1):
        with self.lock:
            self.seen[space][which] += more

    def serve(self, plain):
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(20)
            with self.context.wrap_socket(plain, server_side=True) as sock:
                (self.serve_h2 if sock.selected_alpn_protocol() == "h2" else self.serve_h1)(sock)
        except (OSError, ValueError, Over, h2.exceptions.ProtocolError, http.client.HTTPException):
            pass  # the client, or a fault, has ended it

    def fetch(self, method, target, headers, body):
        link = http.client.HTTPConnection(self.fake.hostname, self.fake.port, timeout=30)
        try:
            link.request(method, target, body or None, dict(headers))
            got = link.getresponse()
            answer = Answer(got.status, got.read(), got.getheader("content-type"))
            answer.headers += [(name, value) for name, value in got.getheaders()
                               if name.lower() in ("date", "x-amzn-requestid", "retry-after")]
            return answer
        finally:
            link.close()

    def answer(self, link, stream, headers, body):
        asked = dict(headers)
        target, space = asked[":path"], asked[":path"].split("/")[2]
        passed = [(name, value) for name, value in headers if name[0] != ":"] + [("Host", asked[":authority"])]
        with self.lock:
            self.now[space] += 1
            self.seen[space][1] += 1
            self.seen[space][3] = max(self.seen[space][3], self.now[space])
        try:
            answer = self.fetch(asked[":method"], target, passed, body)
            path = "/" + target.partition("?")[0].split("/", 3)[3]
            fault = self.faults[space].choose(path, parse_qsl(body.decode()))
            KINDS[fault["kind"] if fault else "whole"](link, stream, answer)
        finally:
            with self.lock:
                self.now[space] -= 1

    def serve_h2(self, sock):
        link, asked, space = Link(sock), {}, None
        while True:
            data = sock.recv(65536)
            if not data:
                return
            for event in link.h2.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    asked[event.stream_id] = (event.headers, bytearray())
                    if space is None:
                        space = dict(event.headers)[":path"].split("/")[2]
                        self.count(space, 0)
                elif isinstance(event, h2.events.DataReceived):
                    asked[event.stream_id][1].extend(event.data)
                    link.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    headers, body = asked.pop(event.stream_id)
                    try:
                        self.answer(link, event.stream_id, headers, bytes(body))
                    except Over:
                        link.end()
                        while sock.recv(65536):
                            continue
                        return
            link.flush()

    def serve_h1(self, sock):
        """Each answer with another behind it that nobody asked for, in one piece of TLS."""
        file, space = sock.makefile("rb"), None
        while True:
            words = file.readline().decode().split()
            if not words:
                return
            headers = [line.decode().rstrip("\r\n").split(": ", 1) for line in iter(file.readline, b"\r\n")]
            size = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            answer = self.fetch(words[0], words[1], headers, file.read(size))
            if space is None:
                space = words[1].split("/")[2]
                self.count(space, 0)
            self.count(space, 2)
            sock.sendall(unasked(answer))
