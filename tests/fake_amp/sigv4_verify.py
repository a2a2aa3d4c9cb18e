"""AWS Signature Version 4, the server's side: is this request signed by a key that is known, for this region and service, now?

Written from AWS's description of the algorithm, without a look at the product's signer, and strict where AWS is: the canonical
form is made from what came over the wire, decoded and encoded again, so a client that signs other bytes than it sends is found
out."""
import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import unquote_to_bytes

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]{64})")
SKEW_S = 300

MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
            " and signing method. Consult the service documentation for details.")


class Refused(Exception):
    """Why a request is not let in: AWS's error type and its message."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
        self.message = message


def encode(data, keep=frozenset()):
    return "".join(chr(b) if b in UNRESERVED or b in keep else "%%%02X" % b for b in data)


def canonical_path(path):
    """Segments as they came, empty and dot segments resolved, each encoded once more (every service but S3)."""
    segments = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(encode(segment.encode("latin-1")))
    slash = "/" if path.endswith("/") and segments else ""
    return "/" + "/".join(segments) + slash


def canonical_query(query):
    """Pairs decoded, encoded again, and sorted as encoded: by name, then by value."""
    pairs = []
    for part in query.split("&") if query else []:
        if part:
            name, _, value = part.partition("=")
            pairs.append(tuple(encode(unquote_to_bytes(text.replace("+", " "))) for text in (name, value)))
    return "&".join("%s=%s" % pair for pair in sorted(pairs))


def canonical_request(method, target, headers, signed, body):
    path, _, query = target.partition("?")
    lines = [method, canonical_path(path), canonical_query(query)]
    for name in signed:
        values = [" ".join(value.split()) for key, value in headers if key.lower() == name]
        lines.append("%s:%s" % (name, ",".join(values)))
    return "\n".join(lines + ["", ";".join(signed), hashlib.sha256(body).hexdigest()])


def signature(secret, date_time, region, service, canonical):
    key = ("AWS4" + secret).encode()
    for part in (date_time[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = "/".join((date_time[:8], region, service, "aws4_request"))
    text = "\n".join(("AWS4-HMAC-SHA256", date_time, scope, hashlib.sha256(canonical.encode("latin-1")).hexdigest()))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def check_time(date_time, now_s):
    try:
        signed_s = calendar.timegm(time.strptime(date_time, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.") from None
    if signed_s < now_s - SKEW_S:
        raise Refused("InvalidSignatureException", "Signature expired: %s is now earlier than %s (%s - 5 min.)"
                      % (date_time, stamp(now_s - SKEW_S), stamp(now_s)))
    if signed_s > now_s + SKEW_S:
        raise Refused("InvalidSignatureException", "Signature not yet current: %s is still later than %s (%s + 5 min.)"
                      % (date_time, stamp(now_s + SKEW_S), stamp(now_s)))


def verify(method, target, headers, body, keys, region, service, now_s):
    """The access key's id; Refused when the request is not to be served.

    target   the request line's second word;  headers  [(name, value)] as they came
    keys     {access key id: {"secret", "token" (or None), "expired" (bool)}}"""
    found = {}
    for name, value in headers:
        found.setdefault(name.lower(), value.strip())
    if "authorization" not in found:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = AUTHORIZATION.fullmatch(found["authorization"])
    if not match:
        raise Refused("IncompleteSignatureException", "Authorization header requires 'Credential', 'SignedHeaders' and"
                      " 'Signature' parameters.")
    scope, signed = match.group(1).split("/"), match.group(2).split(";")
    date_time = found.get("x-amz-date", "")
    if len(scope) != 5 or scope[4] != "aws4_request" or scope[1] != date_time[:8]:
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid date and end in 'aws4_request'.")
    if scope[2] != region:
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid region.")
    if scope[3] != service:
        raise Refused("InvalidSignatureException", "Credential should be scoped to correct service: '%s'." % service)
    must = {"host", "x-amz-date"} | ({"x-amz-security-token"} & found.keys())
    if signed != sorted(set(signed)) or not must <= set(signed) or not set(signed) <= found.keys():
        raise Refused("InvalidSignatureException", "'SignedHeaders' must be sorted, present, and name %s." % ", ".join(sorted(must)))
    if "x-amz-content-sha256" in found and found["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        raise Refused("InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    key = keys.get(scope[0])
    if key is None or (key.get("token") or "") != found.get("x-amz-security-token", ""):
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    check_time(date_time, now_s)
    canonical = canonical_request(method, target, headers, signed, body)
    if not hmac.compare_digest(signature(key["secret"], date_time, region, service, canonical), match.group(3)):
        raise Refused("InvalidSignatureException", MISMATCH)
    if key.get("expired"):
        raise Refused("ExpiredTokenException", "The security token included in the request is expired")
    return scope[0]
