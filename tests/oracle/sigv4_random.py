#!/usr/bin/env python3
"""Signs random requests here and with botocore, and compares: sigv4_random.py SIGNER COUNT SEED

Paths, queries, headers, bodies, keys, tokens, regions and times are random, with everything in them that
canonical forms are about: encoded bytes in both cases, what need not be encoded and is, dots, empty
segments and pairs, repeated names, blanks, ports, UTF-8. botocore signs a query in a URL as it is written,
so it is given the URL that the signer under test says it would send; that this URL asks for the same
names and values is checked here.
"""
import random
import string
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from unittest import mock
from urllib.parse import quote, unquote_to_bytes

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATH_BYTES = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@"
TEXT = string.ascii_letters + string.digits + " -._~!$&'()*+,;=:@/?#[]{}|\\^`\"<>%\u00e9\u1234\U0001f600"
TOKEN = string.ascii_letters + string.digits + "+/="
NAMES = ["Content-Type", "Accept", "X-Custom", "x-custom", "User-Agent", "My-Header", "Connection", "Te", "Range"]


def text(rng, alphabet, most, least=0):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def encoded(rng, raw):
    """The text with bytes percent-encoded that must be, and some that need not."""
    out = ""
    for byte in raw.encode():
        if chr(byte) in "-._~" + string.ascii_letters + string.digits and rng.random() < 0.9:
            out += chr(byte)
        elif chr(byte) in "/?:@!$'()*,;{}[]|\"" and rng.random() < 0.5:
            out += chr(byte)
        else:
            out += f"%{byte:02x}" if rng.random() < 0.5 else f"%{byte:02X}"
    return out


def make(rng):
    segments = [
        rng.choice(["", ".", "..", text(rng, PATH_BYTES, 8), encoded(rng, text(rng, TEXT, 4)).translate(UNSAFE)])
        for _ in range(rng.randint(0, 6))
    ]
    path = "/" + "/".join(segments)
    pairs = [
        (text(rng, TEXT, 6, 1), text(rng, TEXT, 12)) if rng.random() < 0.8 else ("match[]", text(rng, TEXT, 6))
        for _ in range(rng.choice([0, 0, 1, 2, 5, 12]))
    ]
    query = "&".join(encoded(rng, k) + "=" + encoded(rng, v) + rng.choice(["", "", "&"]) for k, v in pairs)
    host = rng.choice(["aps-workspaces.us-east-1.amazonaws.com", "LocalHost", "127.0.0.1", "[::1]"])
    host += rng.choice(["", ":8080", ":443", ":80"])
    headers = [(rng.choice(NAMES), text(rng, TEXT.replace("\\", "") + "  \t", 16)) for _ in range(rng.choice([0, 1, 3]))]
    day = datetime(2000, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(3_000_000_000))
    return {
        "method": rng.choice(["GET", "POST", "PUT"]),
        "url": f"{rng.choice(['http', 'https'])}://{host}{path}" + (f"?{query}" if query else ""),
        "pairs": sorted((k.encode(), v.encode()) for k, v in pairs),
        "headers": headers,
        "body": rng.choice([b"", rng.randbytes(rng.randint(0, 300))]),
        "region": rng.choice(["us-east-1", "eu-west-3", "cn-north-1"]),
        "service": rng.choice(["aps", "sts"]),
        "id": text(rng, string.ascii_uppercase + string.digits, 20, 16),
        "secret": text(rng, TOKEN, 40, 1),
        "token": rng.choice(["", text(rng, TOKEN, 900, 1)]),
        "day": day,
    }


UNSAFE = {ord(c): None for c in "/?[]{}|\"#<>\\^` "}


def ours(signer, c):
    lines = {
        "region": c["region"],
        "service": c["service"],
        "date": c["day"].strftime("%Y%m%dT%H%M%SZ"),
        "access_key_id": c["id"],
        "secret_access_key": c["secret"],
        "session_token": c["token"],
    }
    context = "".join(f"{k} {v}\n" for k, v in lines.items() if v).encode()
    head = f"{c['method']} {c['url']}\n" + "".join(f"{k}:{v}\n" for k, v in c["headers"])
    request = head.encode() + b"\n" + c["body"]
    signer.stdin.write(b"%d %d\n" % (len(context), len(request)) + context + request)
    signer.stdin.flush()
    return signer.stdout.readline().decode().rstrip("\n").partition("\t")[::2]


def theirs(c, url):
    request = AWSRequest(method=c["method"], url=url, data=c["body"])
    for name, value in c["headers"]:
        request.headers.add_header(name, value)
    auth = botocore.auth.SigV4Auth(Credentials(c["id"], c["secret"], c["token"] or None), c["service"], c["region"])
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda: c["day"]):
        auth.add_auth(request)
    return request.headers["Authorization"]


def asked(url):
    query = url.partition("?")[2]
    pairs = (pair.partition("=")[::2] for pair in query.split("&") if pair)
    return sorted((unquote_to_bytes(k), unquote_to_bytes(v)) for k, v in pairs)


def main():
    binary, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    wrong = 0
    with subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as signer:
        for i in range(count):
            c = make(rng)
            url, got = ours(signer, c)
            ok = url.startswith("http") and asked(url) == c["pairs"] and got == theirs(c, url)
            if not ok:
                wrong += 1
                print(f"request {i} of seed {seed}: {c}\n  here     {url} {got}")
                if url.startswith("http"):
                    print(f"  botocore {theirs(c, url)}")
            if wrong == 5:
                break
        signer.stdin.close()
    print(f"{count} requests signed as botocore {botocore.__version__} signs them" if not wrong else f"{wrong} differ")
    sys.exit(wrong > 0)


main()
