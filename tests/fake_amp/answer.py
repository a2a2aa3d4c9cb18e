"""An answer before it goes on the wire, and the bodies in which AMP, Prometheus, proxies and portals say no."""
import json

FORM = "application/x-www-form-urlencoded"


class Answer:
    def __init__(self, status, body=b"", content_type="application/json", headers=()):
        self.status = status
        self.body = body if isinstance(body, bytes) else body.encode()
        self.headers = [("Content-Type", content_type)] if content_type else []
        self.headers += list(headers)
        self.billed = 0

    def with_headers(self, headers):
        self.headers += list(headers)
        return self

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def prometheus_error(status, kind, message):
    return Answer(status, json.dumps({"status": "error", "errorType": kind, "error": message}))


def aws_error(status, kind, message, key="message"):
    return Answer(status, json.dumps({key: message}), headers=[("x-amzn-ErrorType", kind)])


def text_error(status, message):
    return Answer(status, message, "text/plain; charset=utf-8", [("Vary", "Accept-Encoding")])


def html(status, title):
    page = "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n"
    return Answer(status, page % (title, title), "text/html")


def success(data, **more):
    return Answer(200, json.dumps({"status": "success", "data": data, **more}, separators=(",", ":")))
