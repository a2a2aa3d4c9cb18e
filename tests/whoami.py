#!/usr/bin/env python3
"""Credentials over the network: `ampql whoami` against fakes of STS, the container endpoint and IMDSv2 on loopback.

    whoami.py AMPQL [REGEX]

A row is an environment, what the fakes do, and what must come out: the exit status and texts. The fakes write down what
they were asked, so that the bytes on the wire are checked too (signatures are checked by tests/fake_amp, against which
queries run). Every secret here contains the word canary, in some spelling, and no output of any run may."""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

ID = "ASIACHOSENKEY42"
SECRET = "cAnArY/secret+key"
TOKEN = "CANARY<session>&token//=="
WEB = "canary.web.identity-token-0123456789"
POD = "canary-pod-token-0123456789"
IMDS = "canary-imds-token=="
ARN = "arn:aws:iam::123456789012:role/reader"


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&#x3e;")


def credentials_xml(order="TSEK", until=None, **over):
    parts = {"T": ("SessionToken", TOKEN), "S": ("SecretAccessKey", SECRET), "K": ("AccessKeyId", ID)}
    parts["E"] = ("Expiration", until or utc(3600))
    return "".join("<%s>%s</%s>" % (n, escape(over.get(n, v)), n) for n, v in (parts[o] for o in order))


def assumed(inside=None, root="AssumeRoleWithWebIdentity"):
    inside = credentials_xml() if inside is None else inside
    return (
        f'<{root}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n <{root}Result><Audience>a &amp; b</Audience>'
        f"<Credentials>{inside}</Credentials></{root}Result><ResponseMetadata><RequestId>r-ok</RequestId></ResponseMetadata>"
        f"</{root}Response>"
    )


def identity():
    return (
        '<?xml version="1.0"?><GetCallerIdentityResponse><GetCallerIdentityResult>'
        "<Arn>arn:aws:sts::123456789012:assumed-role/reader/a&amp;b</Arn><UserId>AROA:s</UserId><Account>123456789012</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


def error(code, text, status=400):
    return status, (
        "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
        "<RequestId>r-%d</RequestId></ErrorResponse>" % (code, escape(text), status)
    )


def keys_json(**over):
    keys = {"AccessKeyId": ID, "SecretAccessKey": SECRET, "Token": TOKEN, "Expiration": utc(3600), "AccountId": "1"}
    return json.dumps({**keys, **over})


class Fake(BaseHTTPRequestHandler):
    """Answers with what the row says; `answers` maps a path or an STS action to a function, a status and body, or a
    list of them, one a request, the last one again and again."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
        form = {k: v[0] for k, v in parse_qs(body, keep_blank_values=True).items()}
        name = form.get("Action") if self.path == "/sts" else self.path
        with self.server.lock:
            self.server.seen.append((self.command, name, dict(self.headers.items()), body, form))
            answer = self.server.answers.get(name, (404, "no such thing"))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(self, form)
        status, text = answer[0], answer[1].encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("x-amzn-RequestId", "r-header")
        for header in answer[2:]:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do


def slow(_handler, _form):
    time.sleep(3)
    return 200, "late"


def late_token(_handler, _form):
    time.sleep(1.5)
    return 200, IMDS


def echo(handler, form):
    """A server that says what it was sent."""
    return error("AccessDenied", "you sent " + json.dumps(form) + json.dumps(dict(handler.headers.items())), 403)


def skewed(handler, _form):
    """A clock that is ten minutes ahead, and a signature that must follow it."""
    ahead = time.time() + 600
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(ahead))
    signed = time.mktime(time.strptime(handler.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")) - time.timezone
    if abs(signed - ahead) > 300:
        status, text = error("SignatureDoesNotMatch", "Signature expired: is now earlier than", 403)
        handler.date_time_string = lambda timestamp=None: date
        return status, text
    return 200, identity()


ROLES = "/imds/latest/meta-data/iam/security-credentials/"
GOOD = {
    "AssumeRoleWithWebIdentity": (200, assumed()),
    "AssumeRole": (200, assumed(root="AssumeRole")),
    "GetCallerIdentity": (200, identity()),
    "/pod": (200, keys_json()),
    "/imds/latest/api/token": (200, IMDS),
    ROLES: (200, "node-role"),
    ROLES + "node-role": (200, keys_json(Code="Success", Type="AWS-HMAC")),
}
STS = {"AWS_ENDPOINT_URL_STS": "{url}/sts", "AWS_REGION": "us-east-1"}
IRSA = {**STS, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/web", "AWS_ROLE_ARN": ARN}
PODS = {**STS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/pod", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/pod"}
# a busy machine may take longer than the second that is usual
NODE = {**STS, "AWS_EC2_METADATA_DISABLED": "", "AWS_METADATA_SERVICE_TIMEOUT": "60", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}/imds/"}
KEYS = {**STS, "AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
WHO = ["123456789012", "arn:aws:sts::123456789012:assumed-role/reader/a&b"]


def sts(*answers):
    return {"AssumeRoleWithWebIdentity": list(answers)}


ROWS = [
    # name, environment, answers other than the good ones, exit status, texts, flags
    ("keys of the environment", KEYS, {}, 0, ["environment", "never", *WHO], []),
    ("keys, as JSON", KEYS, {}, 0, ['"provider":"environment"', '"expires":null', '"account":"123456789012"'], ["-o", "json"]),
    ("IRSA", IRSA, {}, 0, ["web identity", "(IRSA)", ARN, "***********EY42", "in 59 min", *WHO], []),
    ("IRSA: elements in another order", IRSA, sts((200, assumed(credentials_xml("KEST")))), 0, WHO, []),
    ("IRSA: a prefix, CDATA and comments", IRSA, sts((200, "<!-- x --><n:R xmlns:n='u'><n:Credentials>" + credentials_xml("ESK")
     + "<n:SessionToken><![CDATA[canary]]></n:SessionToken></n:Credentials></n:R>")), 0, WHO, []),
    ("IRSA before Pod Identity", {**PODS, **IRSA}, {"/pod": (500, "")}, 0, ["web identity", "not used", "container endpoint"], []),
    ("keys before IRSA", {**IRSA, **KEYS}, sts((500, "")), 0, ["environment", "not used", "web identity: AWS_WEB_IDENTITY_TOKEN_FILE"], []),
    ("Pod Identity", PODS, {}, 0, ["container endpoint", "EKS Pod Identity", *WHO], []),
    ("Pod Identity: token in the environment", {**PODS, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN": POD},
     {}, 0, WHO, []),
    ("instance", NODE, {}, 0, ["instance metadata", *WHO], []),
    ("role on top", KEYS, {}, 0, ["environment", ARN, *WHO], ["--role-arn", ARN, "--external-id", "x 7&", "--session-name", "me@x"]),
    ("region of the source", {**KEYS, "AWS_REGION": "eu-west-1"}, {}, 0, ["ap-southeast-2 (asked for)"], ["-s", "amp:ws-1@ap-southeast-2"]),
    ("keys that end at once", PODS, {"/pod": [lambda *_: (200, keys_json(Expiration=utc(2))), (200, keys_json())]}, 0, WHO, []),
    # tried again
    ("IRSA: 500, then good", IRSA, sts((500, "oops"), (200, assumed())), 0, WHO, []),
    ("IRSA: throttled, then good", IRSA, sts(error("Throttling", "Rate exceeded"), (200, assumed())), 0, WHO, []),
    ("IRSA: provider unreachable, then good", IRSA, sts(error("IDPCommunicationError", "x"), (200, assumed())), 0, WHO, []),
    ("Pod Identity: 503, then good", PODS, {"/pod": [(503, ""), (200, keys_json())]}, 0, WHO, []),
    ("the clock is off", KEYS, {"GetCallerIdentity": skewed}, 0, WHO, []),
    # each error of STS
    *[("IRSA: " + code, IRSA, sts(error(code, "told & <quoted>", status)), exit_status,
       ["web identity: HTTP %d %s: \"told & <quoted>\" (request id \"r-%d\"): " % (status, code, status), what], [])
      for code, status, exit_status, what in (
          ("ExpiredTokenException", 400, 8, "the token has expired; look whether its file is renewed"),
          ("InvalidIdentityToken", 400, 8, "knows no OIDC provider for this cluster"),
          ("IDPRejectedClaim", 403, 8, "rejected the token"),
          ("IDPCommunicationError", 400, 7, "could not reach the identity provider"),
          ("AccessDenied", 403, 8, "the role's trust policy must name this caller"),
          ("RegionDisabledException", 403, 8, "AWS_STS_REGIONAL_ENDPOINTS=legacy"),
          ("MalformedPolicyDocument", 400, 8, "malformed"),
          ("PackedPolicyTooLarge", 400, 8, "too large"),
          ("ValidationError", 400, 8, "look at the role's ARN"),
      )],
    ("IRSA: an error that is not known", IRSA, sts(error("NewError", "x", 400)), 8, ["web identity: HTTP 400 NewError"], []),
    ("IRSA: 500 for good", IRSA, sts((500, "<html>oops</html>")), 7, ["web identity: HTTP 500", "r-header"], []),
    ("IRSA: no element", IRSA, sts((200, assumed(credentials_xml("TSE")))), 9, ["no XML element: \\\"AccessKeyId\\\""], []),
    ("IRSA: malformed XML", IRSA, sts((200, assumed()[:-40])), 9, ["web identity: HTTP 200", "that is not how STS answers"], []),
    ("IRSA: an HTML page", IRSA, sts((200, "<html><body>Sign in<br></body></html>")), 9, ["AWS_ENDPOINT_URL_STS another server"], []),
    ("IRSA: nothing", IRSA, sts((200, "")), 9, ["that is not how STS answers"], []),
    ("IRSA: a redirect", IRSA, sts((302, "", ("Location", "http://127.0.0.1:1/"))), 9, ["web identity: HTTP 302"], []),
    ("IRSA: expired already", IRSA, sts((200, assumed(credentials_xml(until="2020-01-01T00:00:00Z")))), 8, ["expired at 2020-01-01"], []),
    ("IRSA: a server that repeats the token", IRSA, {"AssumeRoleWithWebIdentity": echo}, 8, ["its message repeats a secret"], []),
    ("IRSA: no token file", {**IRSA, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/none"}, {}, 8, ["web identity: token file", "No such file"], []),
    ("IRSA: a bad session name", {**IRSA, "AWS_ROLE_SESSION_NAME": "a b"}, {}, 9, ["role session name \"a b\""], []),
    ("IRSA: STS cannot be reached", {**IRSA, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1/sts"}, {}, 7, ["web identity: ", "127.0.0.1"], []),
    ("role: refused", KEYS, {"AssumeRole": error("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole", 403)}, 8,
     ["role \"" + ARN + "\": HTTP 403 AccessDenied", "and an external id if it asks"], ["--role-arn", ARN]),
    ("role: a server that repeats all", KEYS, {"AssumeRole": echo}, 8, ["its message repeats a secret"], ["--role-arn", ARN]),
    ("keys that AWS does not know", KEYS, {"GetCallerIdentity": error("InvalidClientTokenId", "The security token is invalid", 403)}, 8,
     ["environment", "sts GetCallerIdentity: HTTP 403 InvalidClientTokenId"], []),
    ("keys that have expired", KEYS, {"GetCallerIdentity": error("ExpiredToken", "The security token is expired", 403)}, 8,
     ["get new credentials"], []),
    ("identity: a server that repeats all", KEYS, {"GetCallerIdentity": echo}, 8, ["its message repeats a secret"], []),
    ("identity: not to be reached", {**KEYS, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1/"}, {}, 0, ["environment", "warning: sts"], []),
    # endpoints
    ("Pod Identity: refused", PODS, {"/pod": (403, '{"code":"AccessDenied","message":"no"}')}, 8,
     ["container endpoint: HTTP 403 AccessDenied: \"no\""], []),
    ("Pod Identity: 404", PODS, {"/pod": (404, "")}, 8, ["container endpoint: HTTP 404", "is there a Pod Identity association"], []),
    ("Pod Identity: cut JSON", PODS, {"/pod": (200, keys_json()[:40])}, 9, ["container endpoint: HTTP 200, but not a JSON object"], []),
    ("Pod Identity: an error in a 200", PODS, {"/pod": (200, '{"code":"ClientError","message":"x"}')}, 8, ["ClientError"], []),
    ("Pod Identity: no key", PODS, {"/pod": (200, "{}")}, 9, ["no AccessKeyId in the JSON"], []),
    ("Pod Identity: line break in the token", {**PODS, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/broken"}, {}, 8,
     ["container endpoint: token file", "line break"], []),
    ("Pod Identity: line break in the variable",
     {**PODS, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary\nx"}, {}, 8, ["line break"], []),
    ("Pod Identity: foreign host", {**PODS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"}, {}, 8, ["192.0.2.1"], []),
    ("Pod Identity: a server that repeats all", PODS, {"/pod": echo}, 8, ["its message repeats a secret"], []),
    ("instance: slow, and waited for", {**NODE, "AWS_METADATA_SERVICE_TIMEOUT": "60"}, {"/imds/latest/api/token": late_token}, 0, WHO, []),
    ("instance: busy, and tried again", {**NODE, "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2"},
     {ROLES: [(503, ""), (200, "node-role")]}, 0, WHO, []),
    ("instance: patience that is no number", {**NODE, "AWS_METADATA_SERVICE_TIMEOUT": "1s"}, {}, 8,
     ["instance metadata: AWS_METADATA_SERVICE_TIMEOUT: expected a whole number from 1 to 300"], []),
    ("instance: too many tries", {**NODE, "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "21"}, {}, 8,
     ["instance metadata: AWS_METADATA_SERVICE_NUM_ATTEMPTS: expected a whole number from 1 to 20"], []),
    ("instance: too slow", {**NODE, "AWS_METADATA_SERVICE_TIMEOUT": ""}, {"/imds/latest/api/token": slow}, 8,
     ["no AWS credentials in environment, profile, web identity or container endpoint", "in a pod use IRSA or Pod Identity"], []),
    ("instance: nobody there", {**NODE, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}, {}, 8, ["no AWS credentials in"], []),
    ("instance: only v1", NODE, {"/imds/latest/api/token": (404, "")}, 8, ["instance metadata: HTTP 404", "only IMDSv2 is asked"], []),
    ("instance: no role", NODE, {ROLES: (404, "")}, 8, ["this instance has no role"], []),
    ("instance: 500", NODE, {ROLES + "node-role": (500, "")}, 7, ["instance metadata: HTTP 500"], []),
    ("instance: a role with a path in it", NODE, {ROLES: (200, "../../x")}, 9, ["no name of a role"], []),
    ("instance: an error in a 200", NODE, {ROLES + "node-role": (200, '{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot"}')}, 8,
     ["instance metadata: HTTP 200 AssumeRoleUnauthorizedAccess: \"EC2 cannot\""], []),
    ("nothing", STS, {}, 8, ["no AWS credentials: no AWS_ACCESS_KEY_ID"], []),
    ("half of a key", {**STS, "AWS_ACCESS_KEY_ID": ID}, {}, 8, ["AWS_SECRET_ACCESS_KEY"], []),
]


class Failure(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failure(text)


def one(seen, name):
    found = [s for s in seen if s[1] == name]
    check(found, f"{name} was not asked: {[s[1] for s in seen]}")
    return found[0]


def wire(name, seen):
    """The bytes that the wire formats ask for, of rows whose name is here."""
    if name == "IRSA":
        method, _, headers, body, _ = one(seen, "AssumeRoleWithWebIdentity")
        session = re.search("RoleSessionName=(ampql-[0-9]+)&", body)
        check(session, body)
        check(body == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader"
              f"&RoleSessionName={session[1]}&WebIdentityToken={WEB}", body)
        check(method == "POST" and headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8", headers)
        check("authorization" not in headers, headers)
        check(one(seen, "GetCallerIdentity")[2]["x-amz-security-token"] == TOKEN, "the session token is not the one of the XML")
    if name == "role on top":
        _, _, headers, body, form = one(seen, "AssumeRole")
        check(form["ExternalId"] == "x 7&" and form["RoleSessionName"] == "me@x" and "ExternalId=x%207%26" in body, body)
        check(f"Credential={ID}/" in headers["authorization"] and "/us-east-1/sts/aws4_request" in headers["authorization"], headers)
        check("SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token," in headers["authorization"], headers)
    if name.startswith("Pod Identity") and name in ("Pod Identity", "Pod Identity: token in the environment"):
        method, _, headers, _, _ = one(seen, "/pod")
        check(method == "GET" and headers["authorization"] == POD and headers["accept"] == "application/json", headers)
    if name == "instance":
        method, _, headers, _, _ = one(seen, "/imds/latest/api/token")
        check(method == "PUT" and headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600", headers)
        check(one(seen, ROLES + "node-role")[2]["x-aws-ec2-metadata-token"] == IMDS, "no IMDSv2 token")
    if name == "instance: only v1":
        check(len(seen) == 1, "IMDSv1 was tried")
    if name == "IRSA: a redirect":
        check(len(seen) == 1, "the redirect was followed, or asked again")


def run(ampql, server, home, row):
    name, env, answers, status, texts, flags = row
    url = "http://127.0.0.1:%d" % server.server_port
    server.seen, server.answers = [], {**GOOD, **answers}
    env = {k: v.replace("{url}", url).replace("{home}", home) for k, v in {"AWS_EC2_METADATA_DISABLED": "true", **env}.items()}
    env |= {"HOME": home, "PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    done = subprocess.run([ampql, "whoami", *flags], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    check("canary" not in said.lower(), "a secret came out: " + said)
    check(done.returncode == status, f"exit status {done.returncode}, expected {status}: {said}")
    for text in texts:
        check(text in said, f"{text!r} is not in: {said}")
    wire(name, server.seen)


def main():
    ampql, wanted = sys.argv[1], re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.lock, server.daemon_threads = threading.Lock(), True
    server.handle_error = lambda *_: None  # clients that gave up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        for name, text in (("web", WEB), ("pod", POD + "\n"), ("broken", "canary\r\nX: y")):
            with open(os.path.join(home, name), "w", encoding="ascii", newline="") as file:
                file.write(text)
        rows = [row for row in ROWS if wanted.search(row[0])]
        for row in rows:
            try:
                run(ampql, server, home, row)
            except (Failure, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"{row[0]}: {problem}")
    print(f"  {'FAIL' if failed or not rows else 'OK  '} whoami: {len(rows) - failed} of {len(rows)}")
    sys.exit(1 if failed or not rows else 0)


main()
