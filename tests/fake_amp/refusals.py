#!/usr/bin/env python3
"""What a person gets wrong, or has not been given: each must be told with who signed or sent it, the HTTP status, AWS's request id
and what to do, and never with a secret; by `ampql query`, and by `ampql doctor`.

    refusals.py AMPQL [REGEX]"""
import os
import re
import sys
import tempfile

from fault_run import SERIES, TIME
from lab import BEARER, KEY_ID, SECRET, TOKEN, Lab, Leak, Tally
from provider_run import ARN, IRSA, NO_KEYS, POD, STS, WEB, profile

QUERY = "sum(sum_over_time(m[6h]))"
NETWORK, DENIED, BAD = 7, 8, 9
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
REFUSED = ("HTTP 403", "request id ")
BY_ENVIRONMENT = (*REFUSED, "signed with the keys of environment")
BY_IRSA = (*REFUSED, "signed as role \"%s\" with the keys of web identity" % ARN)
XML = {"status": 200, "body": "<AssumeRoleWithWebIdentityResponse><Credentials>", "attempts": 0}
HTML = {"status": 200, "body": "<html>Sign in</html>", "attempts": 0}
NOT_STS = ("web identity", "HTTP 200", "request id ", "that is not how STS answers")
LOST = "ws-99999999-0000-4000-8000-000000000000"


def token_file(path, variable="AWS_WEB_IDENTITY_TOKEN_FILE", **base):
    return {**(base or IRSA), variable: "{home}/" + path}


# name, environment, how it is asked, exit code, texts. How: settings of the workspace; "space", "region" and "source" instead of
# the right ones, "flags"
ROWS = (
    ("another region", {}, {"region": "eu-west-1"}, DENIED, (*BY_ENVIRONMENT, "the region is not the workspace's")),
    ("no region at all", {}, {"source": ["amp:" + LOST]}, BAD, ("expected amp:WORKSPACE@REGION",)),
    ("a region that is none", {}, {"region": "useast1"}, BAD, ("with a region such as eu-west-1",)),
    ("another workspace", {}, {"space": LOST}, NETWORK, ("HTTP 404", "request id ", "check the URL's path, or workspace and region")),
    ("a workspace that is none", {}, {"space": "ws 1"}, BAD, ("expected amp:WORKSPACE@REGION such as",)),
    ("another path", {}, {"source": ["{url}/nothing", "--sign", "--region", "us-east-1"]}, NETWORK,
     ("HTTP 404", "request id ", "check the URL's path")),
    ("another port", {}, {"source": ["http://127.0.0.1:1"]}, NETWORK, ("cannot connect", "is the way out open")),
    ("another host", {}, {"source": ["https://nowhere.invalid"]}, NETWORK, ("the host is not known", "is the region or host spelt right")),
    ("https where http is spoken", {}, {"source": ["https://{host}"]}, NETWORK, ("the TLS handshake failed", "Is it http rather?")),
    ("a page for people", {}, {"faults": [{"kind": "html", "class": "any", "attempts": 0}]}, BAD,
     ("HTTP 200", "request id ", "a page for people: a login, something in between, or a path that is not the API's")),
    ("keys that have expired", {}, {"faults": [{"kind": "expired", "class": "any", "attempts": 0}]}, DENIED, (*BY_ENVIRONMENT, "have expired")),
    ("expired though renewed", IRSA, {"faults": [{"kind": "expired", "class": "any", "attempts": 0}]}, DENIED, (*BY_IRSA, "renewing them did not help")),
    ("keys that may not", {}, {"faults": [{"kind": "denied", "class": "any", "attempts": 0}]}, DENIED, (*BY_ENVIRONMENT, "the role needs aps:QueryMetrics")),
    ("a role that may not", IRSA, {"faults": [{"kind": "denied", "class": "any", "attempts": 0}]}, DENIED, (*BY_IRSA, "the role needs aps:QueryMetrics")),
    ("a key that AWS does not know", {"AWS_ACCESS_KEY_ID": "ASIAANOTHER"}, {}, DENIED, (*BY_ENVIRONMENT, "AWS does not know this access key")),
    ("the secret of another key", {"AWS_SECRET_ACCESS_KEY": "AnotherCanary"}, {}, DENIED, (*BY_ENVIRONMENT, "does not belong to this access key")),
    ("a profile that may not", profile(credentials="[default]\naws_access_key_id = ASIAANOTHER\naws_secret_access_key = Canary\n"), {},
     DENIED, (*REFUSED, "signed with the keys of shared credentials file")),
    # two providers: the first is the one, also when it fails, and it is said that there is another
    ("stray keys before IRSA", {**IRSA, **KEYS, "AWS_ACCESS_KEY_ID": "ASIASTRAY"}, {}, DENIED,
     (*BY_ENVIRONMENT, "not used although configured: web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set")),
    ("IRSA before Pod Identity", {**POD, **IRSA}, {"providers": {"fail": {"sts": {"code": "InvalidIdentityToken", "attempts": 0}}}}, DENIED,
     ("web identity", "HTTP 400", "request id ")),
    ("half a key before IRSA", {**IRSA, "AWS_ACCESS_KEY_ID": KEY_ID}, {}, DENIED, ("environment", "AWS_SECRET_ACCESS_KEY")),
    # what a provider needs
    ("no token file", token_file("missing"), {}, DENIED, ("web identity", "/missing", "is the token mounted, and readable by this user?")),
    ("a folder as token file", token_file("."), {}, DENIED, ("web identity", "token file", "is the token mounted")),
    ("an empty token file", token_file("empty"), {}, DENIED, ("web identity", "/empty", "is empty")),
    ("a token file of two lines", token_file("broken"), {}, DENIED, ("web identity", "/broken", "line break")),
    ("no token file for the pod", token_file("missing", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", **POD), {}, DENIED,
     ("container endpoint", "/missing", "is the token mounted")),
    ("a pod's token that is not good", POD, {"providers": {"container": "another"}}, DENIED,
     ("container endpoint", "HTTP 403", "request id ", "is its token file the one that is mounted")),
    ("STS: a token that has expired", IRSA, {"providers": {"fail": {"sts": {"code": "ExpiredTokenException", "attempts": 0}}}}, DENIED,
     ("web identity", "HTTP 400", "ExpiredTokenException", "request id ", "look whether its file is renewed")),
    ("STS: XML cut short", IRSA, {"providers": {"fail": {"sts": XML}}}, BAD, NOT_STS),
    ("STS: a page for people", IRSA, {"providers": {"fail": {"sts": HTML}}}, BAD, NOT_STS),
    ("STS: another external id", {**profile(config="[default]\nrole_arn = %s\nsource_profile = base\n[profile base]\n"
                                            "aws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n"
                                            % (ARN, KEY_ID, SECRET, TOKEN)), **STS}, {"providers": {"external_id": "x7"}}, DENIED,
     ("role \"%s\"" % ARN, "HTTP 403", "AccessDenied", "request id ", "trust policy")),
    ("no provider", NO_KEYS, {}, DENIED, ("no AWS credentials: no AWS_ACCESS_KEY_ID",)),
    # other servers
    ("a token that is not good", {}, {"auth": "bearer:another", "source": ["{url}/workspaces/{space}", "--header", "Authorization: Bearer " + BEARER]},
     DENIED, ("HTTP 401", "request id ", "sent with the header Authorization", "are these the right credentials")),
    ("nothing said", {}, {"auth": "bearer:another", "source": ["{url}/workspaces/{space}"]}, DENIED,
     ("HTTP 401", "request id ", "the server wants to know who asks: give credentials")),
    ("not signed", {}, {"source": ["{url}/workspaces/{space}"]}, DENIED, ("HTTP 403", "request id ", "or give --sign")),
)


class Run:
    def __init__(self, ampql):
        self.lab = Lab(ampql)

    def environment(self, home, space, env):
        for name, text in {"web": WEB, "pod": "CanaryPodToken", "broken": "Canary\nX: y", "empty": "", **env.get("files", {})}.items():
            with open(os.path.join(home, name), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        full = self.lab.environment(HOME=home)
        for key, value in {**STS, **env}.items():
            full.pop(key, None)
            if isinstance(value, str):
                full[key] = value.replace("{home}", home).replace("{aws}", "%s/_aws/%s" % (self.lab.server.url, space))
        return full

    def source(self, space, how):
        words = {"{url}": self.lab.server.url, "{host}": self.lab.server.url.partition("://")[2], "{space}": space}
        if "source" not in how:
            return self.lab.amp(how.get("space", space), how.get("region", "us-east-1"))
        return ["--source"] + [re.sub("{[a-z]+}", lambda found: words[found[0]], word) for word in how["source"]]

    def one(self, env, how, code, texts):
        """What is wrong."""
        settings = {key: value for key, value in how.items() if key not in ("space", "region", "source")}
        settings["providers"] = {"web_identity": WEB, "container": "CanaryPodToken", **settings.get("providers", {})}
        space, wrong = self.lab.space(series=SERIES, left_open=False, **settings), []
        with tempfile.TemporaryDirectory(prefix="refusals") as home:
            full = self.environment(home, space, env)
            for command in ("query", "doctor"):
                arguments = ["--time", str(TIME["time"]), "--retries", "1", QUERY] if command == "query" else []
                done = self.lab.run(command, *self.source(space, how), *arguments, env=full)
                said = done.err if command == "query" else done.out + done.err
                missing = [text for text in texts if text not in said]
                # what the command line gets wrong, doctor calls usage
                if done.status not in ((code,) if command == "query" else (code, 2)) or missing or (command == "query" and done.out):
                    wrong.append("%s: %s\n       not exit code %d with %s" % (command, done, code, missing or texts))
        return "; ".join(wrong)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    pattern = re.compile(sys.argv[2] if len(sys.argv) == 3 else "")
    run, tally = Run(sys.argv[1]), Tally()
    for name, *row in ROWS:
        if pattern.search(name):
            try:
                wrong = run.one(*row)
            except Leak as leak:
                wrong = str(leak)
            if wrong:
                tally.fail("refusal: " + name, wrong)
            else:
                tally.passed += 1
    print("refusals: %d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0 or (tally.passed == 0 and len(sys.argv) == 2))


if __name__ == "__main__":
    main()
