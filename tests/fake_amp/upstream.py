"""Where the answers come from: a real Prometheus (or what speaks its API), over one kept connection a thread."""
import http.client
import json
import threading
from urllib.parse import urlencode, urlsplit

from answer import FORM, Answer, prometheus_error


class Upstream:
    """ask(path, parameters [(name, value)]) -> Answer, with .billed; stats are taken out unless they were asked for."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host, self.port, self.prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self.local = threading.local()

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            self.local.connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        return self.local.connection

    def send(self, method, path, body, headers):
        for attempt in (1, 2):  # a kept connection may have been closed at the other end
            try:
                connection = self.connection()
                connection.request(method, self.prefix + path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheader("Content-Type"), answer.read()
            except (OSError, http.client.HTTPException):
                self.local.connection = None
                if attempt == 2:
                    raise
        return None

    def ask(self, path, parameters):
        is_query = path in ("/api/v1/query", "/api/v1/query_range")
        wants_stats = any(name == "stats" and value for name, value in parameters)
        if is_query:
            parameters = [pair for pair in parameters if pair[0] != "stats"] + [("stats", "all")]
        encoded = urlencode(parameters)
        if path.startswith("/api/v1/label/") or path == "/api/v1/metadata":
            status, kind, body = self.send("GET", path + ("?" + encoded if encoded else ""), None, {})
        else:
            status, kind, body = self.send("POST", path, encoded, {"Content-Type": FORM})
        answer = Answer(status, body, kind)
        if is_query and status == 200:
            take_stats(answer, wants_stats)
        return answer


def take_stats(answer, keep):
    """Read what the query cost from its stats; unless they are kept, make the body what it is without stats=all."""
    mark = b',"stats":{'
    at = answer.body.rfind(mark)  # in a label value the quotes would be escaped
    if at < 0:
        return
    tail = answer.body[at + len(mark) - 1:].decode()
    stats, length = json.JSONDecoder().raw_decode(tail)
    answer.billed = stats["samples"]["totalQueryableSamples"]
    if not keep:
        answer.body = answer.body[:at] + tail[length:].encode()


class NoUpstream:
    """For a fake that is only asked for what needs no data."""

    def ask(self, path, parameters):
        return prometheus_error(503, "unavailable", "this fake has no upstream")
