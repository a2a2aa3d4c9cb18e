#!/usr/bin/env python3
"""Writes tests/data/sigv4/CASE/: requests with the texts on the way to their signatures.

The requests are those of the suite that AWS publishes for signers (names and inputs as AWS documents
them), and requests of our own to AMP and STS. Every expected text is computed by botocore, which must
be installed; nothing here shares code with src/source/sigv4*.c. Run it again after adding a case:

    python3 tests/oracle/sigv4_cases.py tests/data/sigv4
"""
import os
import sys
from unittest import mock
from datetime import datetime, timezone
from urllib.parse import quote, unquote, urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "https://example.amazonaws.com"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
STS_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuw"
    "thAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHN"
    "VXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
FORM = "application/x-www-form-urlencoded"
SUITE = dict(region="us-east-1", service="service", date="20150830T123600Z", token="", keeps_dots=False)
CASES = {}


def case(name, method, url, headers=(), body=b"", **context):
    CASES[name] = dict(SUITE, method=method, url=url, headers=list(headers), body=body, **context)


def both(name, path):
    case(f"get-{name}-normalized", "GET", HOST + path)
    case(f"get-{name}-unnormalized", "GET", HOST + path, keeps_dots=True)


# AWS's suite
H1 = "My-Header1"
case("get-header-key-duplicate", "GET", HOST + "/", [(H1, "value2"), (H1, "value2"), (H1, "value1")])
case("get-header-value-multiline", "GET", HOST + "/", [(H1, "value1\n  value2\n     value3")])
case("get-header-value-order", "GET", HOST + "/", [(H1, f"value{i}") for i in (4, 1, 3, 2)])
case("get-header-value-trim", "GET", HOST + "/", [(H1, " value1"), ("My-Header2", ' "a   b   c"')])
both("relative", "/example/..")
both("relative-relative", "/example1/example2/../..")
both("slash", "//")
both("slash-dot-slash", "/./")
both("slash-pointless-dot", "/./example")
both("slashes", "//example//")
both("space", "/example space/")
case("get-unreserved", "GET", HOST + "/" + UNRESERVED)
case("get-utf8", "GET", HOST + "/\u1234")
case("get-vanilla", "GET", HOST + "/")
case("get-vanilla-empty-query-key", "GET", HOST + "/?Param1=value1")
case("get-vanilla-query", "GET", HOST + "/")
case("get-vanilla-query-order-encoded", "GET", HOST + "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1")
case("get-vanilla-query-order-key", "GET", HOST + "/?Param1=value2&Param1=Value1")
case("get-vanilla-query-order-key-case", "GET", HOST + "/?Param2=value2&Param1=value1")
case("get-vanilla-query-order-value", "GET", HOST + "/?Param1=value2&Param1=value1")
case("get-vanilla-query-unreserved", "GET", HOST + f"/?{UNRESERVED}={UNRESERVED}")
case("get-vanilla-utf8-query", "GET", HOST + "/?\u1234=bar")
case("get-vanilla-with-session-token", "GET", HOST + "/", token=TOKEN)
case("post-header-key-case", "POST", HOST + "/")
case("post-header-key-sort", "POST", HOST + "/", [(H1, "value1")])
case("post-header-value-case", "POST", HOST + "/", [(H1, "VALUE1")])
# the token travels, but is not signed: to the signer a request without one
case("post-sts-header-after", "POST", HOST + "/")
case("post-sts-header-before", "POST", HOST + "/", token=STS_TOKEN)
case("post-vanilla", "POST", HOST + "/")
case("post-vanilla-empty-query-value", "POST", HOST + "/?Param1=value1")
case("post-vanilla-query", "POST", HOST + "/?Param1=value1")
PARAM_HASH = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
for name, kind in (("", FORM), ("-parameters", FORM + "; charset=utf8")):
    case(
        "post-x-www-form-urlencoded" + name,
        "POST",
        HOST + "/",
        [("Content-Type", kind), ("Content-Length", "13"), ("X-Amz-Content-Sha256", PARAM_HASH)],
        b"Param1=value1",
    )

# AMP and STS
P = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-12345678-abcd-1234-efgh-123456789012/api/v1"
QUERY = (
    'max(max_over_time(container_memory_working_set_bytes{container!="",pod=~"a b+c|d~e/\u00e9",x="100%"}[1h:5m]'
    " @ 1709403009 offset -5m)) by (pod)"
)
Q = f"query={quote(QUERY, safe='-._~')}&stats=all&time=1709403009.25"
AMP = dict(region="us-east-1", service="aps", date="20260102T030405Z")
AMP_TOKEN = dict(AMP, token="TOKEN//abc+def==")
case("aps-get-query", "GET", f"{P}/query?{Q}", **AMP)
case("aps-get-query-token", "GET", f"{P}/query?{Q}", **AMP_TOKEN)
case("aps-get-query-shuffled", "GET", f"{P}/query?time=1709403009.25&stats=all&{Q.split('&')[0].lower()}", **AMP)
case("aps-post-query", "POST", f"{P}/query", [("Content-Type", FORM)], Q.encode(), **AMP)
case(
    "aps-get-series",
    "GET",
    P + "/series?end=1709406600&match%5B%5D=up%7Bjob%3D%22a%22%7D&match%5B%5D=%7B__name__%3D~%22kube_.%2B%22%7D"
    "&start=1709403000",
    **AMP,
)
case("aps-get-series-brackets", "GET", P + '/series?start=1&match[]=up{job="a"}&match[]=a&match[]', **AMP)
case("aps-post-query-token", "POST", f"{P}/query", [("Content-Type", FORM)], b"query=up", **AMP_TOKEN)
case(
    "aps-post-remote-write",
    "POST",
    f"{P}/remote_write",
    [
        ("Content-Type", "application/x-protobuf"),
        ("Content-Encoding", "snappy"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ],
    bytes(range(256)),
    **AMP_TOKEN,
)
case("aps-port-and-case", "GET", "http://LocalHost:8080/workspaces/ws-1/api/v1/labels", **AMP)
case("aps-own-port", "GET", "https://aps.example:443/workspaces/ws-1/api/v1/labels", **AMP)
case(
    "aps-unsigned-headers",
    "GET",
    P + "/labels",
    [("User-Agent", "x"), ("Connection", "keep-alive"), ("Expect", "100-continue"), ("Accept", "a/b,\tc/d")],
    **AMP,
)
case(
    "sts-assume-role",
    "POST",
    "https://sts.us-east-1.amazonaws.com/",
    [("Content-Type", FORM + "; charset=utf-8")],
    b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Famp-reader"
    b"&RoleSessionName=kc-1&DurationSeconds=3600",
    **dict(AMP, service="sts"),
)

# What facts/amp.md and AWS's suite give for some of them, so that a mistake here would show.
KNOWN = {
    "get-vanilla": "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    "post-vanilla": "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    "get-vanilla-with-session-token": "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    "get-header-key-duplicate": "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    "aps-get-query": "a270964562d4009736b80ab3e3bb8597a4118705080883a26c2d9c82026ac60c",
    "aps-get-query-token": "a70b0e7c1bc26c708907fe907426b5cb14077ad547f332c31ee5645eb53688f4",
    "aps-post-query": "3ff255bf6bafa94fceb573ecae5e89887061460a457b5c7efa38c66583c43801",
    "aps-get-series": "42c7314f755e4951a494564897624c71f2881dcce0d298d7c0e2d1a9c69a2158",
    "aps-post-query-token": "edd2145ee401357fb346cb6720f8e26739ae3d14990fc8b4c0792002e39e3720",
    "aps-post-remote-write": "d413ee8f195d49e5aa39c69f6639dc425e124af3098f993292efa6883c127e10",
    "sts-assume-role": "263c425bf4b97d8132c62a7612f124db895730d93d1603073cf888b0d329b410",
}


class Signer(botocore.auth.SigV4Auth):
    keeps_dots = False

    def _normalize_url_path(self, path):
        return quote(path, safe="/~") if self.keeps_dots else super()._normalize_url_path(path)


def sign(c):
    """botocore's canonical request, string to sign and authorization header."""
    bare, _, query = c["url"].partition("?")
    # botocore signs a query in a URL as it is, names and values in `params` are encoded by it
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    params = [(quote(unquote(k), safe="-._~"), quote(unquote(v), safe="-._~")) for k, v in pairs]
    url = bare + ("?" + "&".join(f"{k}={v}" for k, v in params) if params else "")
    request = AWSRequest(method=c["method"], url=url, data=c["body"])
    for name, value in c["headers"]:
        request.headers.add_header(name, value)
    signer = Signer(Credentials("AKIDEXAMPLE", SECRET, c["token"] or None), c["service"], c["region"])
    signer.keeps_dots = c["keeps_dots"]
    now = datetime.strptime(c["date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda: now):
        signer.add_auth(request)
        authorization = request.headers["Authorization"]
        del request.headers["Authorization"]
        canonical = signer.canonical_request(request)
        return canonical, signer.string_to_sign(request, canonical), authorization


def write(folder, name, c):
    canonical, string_to_sign, authorization = sign(c)
    known = KNOWN.get(name)
    assert not known or authorization.endswith(known), name
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    context = [
        f"region {c['region']}",
        f"service {c['service']}",
        f"date {c['date']}",
        "access_key_id AKIDEXAMPLE",
        f"secret_access_key {SECRET}",
    ]
    if c["token"]:
        context.append(f"session_token {c['token']}")
    if c["keeps_dots"]:
        context.append("keeps_dots true")
    head = [f"{c['method']} {c['url']}"] + [f"{k}:{v}" for k, v in c["headers"]]
    files = {
        "context.txt": "\n".join(context) + "\n",
        "request.txt": ("\n".join(head) + "\n\n").encode() + c["body"],
        "canonical_request.txt": canonical + "\n",
        "string_to_sign.txt": string_to_sign + "\n",
        "authorization.txt": authorization + "\n",
    }
    for file, text in files.items():
        with open(os.path.join(path, file), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())


def main():
    for name, c in CASES.items():
        write(sys.argv[1], name, c)
    print(f"{len(CASES)} cases, {len(KNOWN)} of them checked against published signatures")


main()
