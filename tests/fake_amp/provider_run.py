#!/usr/bin/env python3
"""A query with credentials from each provider, and from each that fails: the answer, or an error that names the provider and never
shows a secret.

    provider_run.py AMPQL [REGEX]

STS, the container endpoint and IMDS are fakes (providers.py); what they give out has to sign the query."""
import json
import os
import re
import sys
import tempfile

from fault_run import B, SERIES, TIME
from lab import CANARY, KEY_ID, SECRET, TOKEN, Lab, Leak, Tally, values

QUERY = "sum(sum_over_time(m[6h]))"
WEB = "CanaryWebIdentity.header.payload"
ARN = "arn:aws:iam::123456789012:role/reader"
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None}
IRSA = {**NO_KEYS, "AWS_ROLE_ARN": ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/web", "AWS_ENDPOINT_URL_STS": "{aws}/sts"}
POD = {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{aws}/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/pod"}
NODE = {**NO_KEYS, "AWS_EC2_METADATA_DISABLED": None, "AWS_METADATA_SERVICE_TIMEOUT": "60", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{aws}/imds"}
STATIC = "aws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n" % (KEY_ID, SECRET, TOKEN)
STS = {"AWS_ENDPOINT_URL_STS": "{aws}/sts"}


def profile(**files):
    """The environment that points to profile files, with those files' text."""
    env = dict(NO_KEYS)
    for name, variable in (("config", "AWS_CONFIG_FILE"), ("credentials", "AWS_SHARED_CREDENTIALS_FILE")):
        if name in files:
            env[variable] = "{home}/" + name
    return {**env, "files": files}


PROCESS = "[default]\ncredential_process = {home}/process 'a b'\n"
# name, environment, providers' settings, wanted: None for the answer, else (exit codes, texts of the error); flags
ROWS = (
    ("environment", {}, {}, None, []),
    ("profile", profile(credentials="[default]\n" + STATIC), {}, None, []),
    ("named profile", profile(config="[profile other]\n" + STATIC), {}, None, ["--profile", "other"]),
    ("named profile by environment", {**profile(config="[profile other]\n" + STATIC), "AWS_PROFILE": "other"}, {}, None, []),
    ("profile with role", {**profile(config="[default]\nrole_arn = %s\nsource_profile = base\nexternal_id = x7\n[profile base]\n%s"
                                     % (ARN, STATIC)), **STS}, {"external_id": "x7"}, None, []),
    ("profile with another external id", {**profile(config="[default]\nrole_arn = %s\nsource_profile = base\n[profile base]\n%s"
                                                    % (ARN, STATIC)), **STS}, {"external_id": "x7"}, (8, ["sts:AssumeRole", "403"]), []),
    ("profile with web identity", {**profile(config="[default]\nrole_arn = %s\nweb_identity_token_file = {home}/web\n" % ARN), **STS},
     {}, None, []),
    ("profile in a circle", profile(config="[default]\nrole_arn = %s\nsource_profile = b\n[profile b]\nrole_arn = %s\n"
                                    "source_profile = default\n" % (ARN, ARN)), {}, ((8, 9), [""]), []),
    ("credential_process", profile(config=PROCESS), {}, None, []),
    ("credential_process that fails", profile(config="[default]\ncredential_process = /bin/false\n"), {}, (8, ["credential_process"]), []),
    ("IRSA", IRSA, {}, None, []),
    ("IRSA, STS late", IRSA, {"fail": {"sts": {"slow_s": 0.3}}}, None, []),
    ("IRSA, STS 500 once", IRSA, {"fail": {"sts": {"status": 500, "body": "oops"}}}, None, []),
    ("IRSA, IDP unreachable once", IRSA, {"fail": {"sts": {"code": "IDPCommunicationError"}}}, None, []),
    ("IRSA, token expired", IRSA, {"fail": {"sts": {"code": "ExpiredTokenException", "text": "Token expired: x &lt; y", "attempts": 0}}},
     (8, ["web identity", "ExpiredTokenException", "400"]), []),
    ("IRSA, token not known", IRSA, {"web_identity": "another"}, (8, ["web identity", "InvalidIdentityToken"]), []),
    ("IRSA, no token file", {**IRSA, "AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/missing"}, {}, (8, ["{home}/missing"]), []),
    ("IRSA, malformed XML", IRSA, {"fail": {"sts": {"status": 200, "body": "<AssumeRoleWithWebIdentityResponse><Credentials>",
                                                    "attempts": 0}}}, ((8, 9, 7), ["web identity"]), []),
    ("IRSA, HTML", IRSA, {"fail": {"sts": {"status": 200, "body": "<html>Sign in</html>", "attempts": 0}}}, ((8, 9, 7), ["web identity"]), []),
    ("IRSA before Pod Identity", {**POD, **IRSA}, {"container": "another"}, None, []),
    ("environment before IRSA", {**IRSA, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN},
     {"web_identity": "another"}, None, []),
    ("Pod Identity", POD, {}, None, []),
    ("Pod Identity, 500 once", POD, {"fail": {"container": {"status": 500}}}, None, []),
    ("Pod Identity, token not good", POD, {"container": "another"}, (8, ["container", "403"]), []),
    ("Pod Identity, line break in the token", {**POD, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/broken"}, {}, ((8, 9), ["container"]),
     []),
    ("Pod Identity, foreign host", {**POD, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/c"}, {}, ((8, 9), ["192.0.2.1"]), []),
    ("Pod Identity, JSON cut short", POD, {"fail": {"container": {"status": 200, "body": '{"AccessKeyId":"A', "attempts": 0}}},
     ((8, 9, 7), ["container"]), []),
    ("IMDS", NODE, {}, None, []),
    ("IMDS, 404", NODE, {"fail": {"imds": {"status": 404, "attempts": 0}}}, ((8, 7), ["404"]), []),
    ("IMDS, 500", NODE, {"fail": {"imds": {"status": 500, "attempts": 0}}}, ((8, 7), ["500"]), []),
    ("IMDS, error in a 200", NODE, {"fail": {"imds": {"code": "AssumeRoleUnauthorizedAccess", "attempts": 0}}},
     (8, ["AssumeRoleUnauthorizedAccess"]), []),
    ("role on top", STS, {"external_id": "x7"}, None, ["--role-arn", ARN, "--external-id", "x7"]),
    ("keys that end in a second", POD, {"lifetime_s": 1, "grace_s": 600}, None, []),
    ("nothing", NO_KEYS, {}, (8, ["credential"]), []),
)


class Run:
    def __init__(self, ampql):
        self.lab = Lab(ampql)
        space = self.lab.space(series=SERIES, left_open=False)
        self.wanted = values(self.lab.query(self.lab.amp(space), QUERY, TIME).out)

    def files(self, home, given):
        process = json.dumps({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN})
        script = "#!/bin/sh\n[ \"$1\" = 'a b' ] && echo '%s'\n" % process
        for name, text in {"web": WEB, "pod": "CanaryPodToken", "broken": "Canary\r\nX: y", "process": script, **given}.items():
            path = os.path.join(home, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("{home}", home))
            os.chmod(path, 0o700)

    def one(self, name, env, providers, wanted, flags):
        """What is wrong, or None."""
        lab = self.lab
        space = lab.space(series=SERIES, left_open=False,
                          providers={"web_identity": WEB, "container": "CanaryPodToken", **providers})
        with tempfile.TemporaryDirectory(prefix="provider") as home:
            self.files(home, env.get("files", {}))
            full = lab.environment(HOME=home)
            for key, value in env.items():
                full.pop(key, None)
                if isinstance(value, str):
                    full[key] = value.replace("{home}", home).replace("{aws}", "%s/_aws/%s" % (lab.server.url, space))
            try:
                done = lab.query(lab.amp(space), QUERY, TIME, *flags, env=full, deadline_s=120)
                who = lab.run("whoami", *lab.amp(space)[:2], *flags, env=full, deadline_s=120)
            except Leak as leak:
                return str(leak)
            if wanted is None:
                if done.status != 0 or values(done.out) != self.wanted:
                    return str(done)
                return None if who.status == 0 and who.out.strip() else "whoami: %s" % who
            codes, texts = wanted
            codes = codes if isinstance(codes, tuple) else (codes,)
            missing = [text for text in texts if text.replace("{home}", home) not in done.err]
            return None if done.status in codes and not missing else "%s, not exit code %s with %s" % (done, codes, texts)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    pattern = re.compile(sys.argv[2] if len(sys.argv) == 3 else "")
    run, tally = Run(sys.argv[1]), Tally()
    assert CANARY in WEB and B < TIME["time"]
    for name, *row in ROWS:
        if pattern.search(name):
            wrong = run.one(name, *row)
            if wrong:
                tally.fail("provider: " + name, wrong)
            else:
                tally.passed += 1
    print("providers: %d passed, %d failed" % (tally.passed, tally.failed))
    sys.exit(tally.failed > 0 or (tally.passed == 0 and len(sys.argv) == 2))


if __name__ == "__main__":
    main()
