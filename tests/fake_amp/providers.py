"""Where AWS credentials come from, faked: STS, the container endpoint (Pod Identity, ECS) and IMDSv2. The keys that are given out
are the workspace's from then on, so that a query signed with them is let in.

    POST /_aws/NAME/sts                              AWS_ENDPOINT_URL_STS
    GET  /_aws/NAME/container                        AWS_CONTAINER_CREDENTIALS_FULL_URI
         /_aws/NAME/imds/latest/...                  AWS_EC2_METADATA_SERVICE_ENDPOINT = .../imds

What they want is in the workspace's settings "providers": {"web_identity": the token that is good, "container": the
Authorization, "external_id": ..., "lifetime_s": 3600, "grace_s": 0, "fail": {"sts" | "container" | "imds": how}}. `how` has status and
body, or code and text of an STS error, or slow_s; and "attempts", of which 0 is all (1 when not given). Keys are good for grace_s
longer than is told, so that a busy machine makes no difference."""
import json
import time
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from answer import Answer
from sigv4_verify import Refused, verify

ROLE = "reader"
IMDS_TOKEN = "CanaryInstanceToken=="


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def issue(space, wanted):
    """New keys, known from now on."""
    with space.lock:
        number = sum(key.startswith("ASIAISSUED") for key in space["keys"]) + 1
        key = {"id": "ASIAISSUED%06d" % number, "secret": "CanarySecret/Issued%06d" % number,
               "token": "CanaryToken&<%06d>//+==" % number, "told": utc(space.now_s() + wanted.get("lifetime_s", 3600)),
               "until": utc(space.now_s() + wanted.get("lifetime_s", 3600) + wanted.get("grace_s", 0))}
        space.settings["keys"] = {**space["keys"], key["id"]: key}
    return key


def fails(space, wanted, name):
    """The failure that is due, or None."""
    how = wanted.get("fail", {}).get(name)
    if not how:
        return None
    with space.lock:
        how["done"] = how.get("done", 0) + 1
        if how.get("attempts", 1) and how["done"] > how.get("attempts", 1):
            return None
    time.sleep(how.get("slow_s", 0))
    return how


def xml(space, text, status=200):
    body = '<?xml version="1.0" encoding="UTF-8"?>\n' + text
    return Answer(status, body, "text/xml", [("x-amzn-RequestId", space.request_id())])


def sts_error(space, code, text, status=400):
    return xml(space, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>%s</Code>"
               "<Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>"
               % (escape(code), escape(text), space.request_id()), status)


def sts_success(space, action, key):
    credentials = ("<Credentials>\n  <SessionToken>%s</SessionToken>\n  <SecretAccessKey>%s</SecretAccessKey>\n  <Expiration>%s"
                   "</Expiration>\n  <AccessKeyId>%s</AccessKeyId>\n</Credentials>"
                   % (escape(key["token"]), escape(key["secret"]), key["told"], key["id"]))
    subject = "<SubjectFromWebIdentityToken>system:serviceaccount:kubecost:a &amp; b</SubjectFromWebIdentityToken>"
    user = ("<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/reader/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId>"
            "</AssumedRoleUser>")
    return xml(space, '<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult>%s%s%s</%sResult><ResponseMetadata>'
               "<RequestId>%s</RequestId></ResponseMetadata></%sResponse>"
               % (action, action, subject, user, credentials, action, space.request_id(), action))


def identity(space):
    return xml(space, '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>'
               "arn:aws:sts::123456789012:assumed-role/reader/s</Arn><UserId>AROA:s</UserId><Account>123456789012</Account>"
               "</GetCallerIdentityResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
               % space.request_id())


def sts(space, request, wanted):
    parameters = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    action = parameters.get("Action", "")
    how = fails(space, wanted, "sts")
    if how and "code" in how:
        return sts_error(space, how["code"], how.get("text", "no"), how.get("status", 400))
    if how and "status" in how:
        return xml(space, how.get("body", ""), how["status"])
    if parameters.get("Version") != "2011-06-15":
        return sts_error(space, "NoSuchVersion", "Version is 2011-06-15")
    if action == "AssumeRoleWithWebIdentity":
        if request.header("authorization"):
            return sts_error(space, "InvalidAction", "this call is not signed")
        if parameters.get("WebIdentityToken") != wanted.get("web_identity"):
            return sts_error(space, "InvalidIdentityToken", "No OpenIDConnect provider found & so on")
    elif action in ("AssumeRole", "GetCallerIdentity"):
        try:
            verify(request.method, request.target, request.headers, request.body, space["keys"], space["region"], "sts", space.now_s())
        except Refused as refused:
            return sts_error(space, "SignatureDoesNotMatch", refused.message, 403)
        if action == "GetCallerIdentity":
            return identity(space)
        if parameters.get("ExternalId") != wanted.get("external_id"):
            return sts_error(space, "AccessDenied", "is not authorized to perform: sts:AssumeRole", 403)
    else:
        return sts_error(space, "InvalidAction", "Could not find operation %s" % action)
    if not parameters.get("RoleArn", "").startswith("arn:aws:iam::") or not 2 <= len(parameters.get("RoleSessionName", "")) <= 64:
        return sts_error(space, "ValidationError", "RoleArn and RoleSessionName")
    return sts_success(space, action, issue(space, wanted))


def container(space, request, wanted):
    how = fails(space, wanted, "container")
    if how and "status" in how:
        return Answer(how["status"], how.get("body", ""))
    if request.method != "GET" or request.header("authorization") != wanted.get("container"):
        return Answer(403, '{"code":"AccessDenied","message":"the token is not good"}')
    key = issue(space, wanted)
    return Answer(200, json.dumps({"AccessKeyId": key["id"], "SecretAccessKey": key["secret"], "Token": key["token"],
                                   "Expiration": key["told"], "AccountId": "123456789012"}))


def imds(space, request, wanted, path):
    how = fails(space, wanted, "imds")
    if how and "status" in how:
        return Answer(how["status"], how.get("body", ""), "text/plain")
    if path == "latest/api/token":
        if request.method != "PUT" or not request.header("x-aws-ec2-metadata-token-ttl-seconds"):
            return Answer(400, "", "text/plain")
        return Answer(200, IMDS_TOKEN, "text/plain")
    if request.header("x-aws-ec2-metadata-token") != IMDS_TOKEN or request.method != "GET":
        return Answer(401, "", "text/plain")
    root = "latest/meta-data/iam/security-credentials"
    if path.rstrip("/") == root:
        return Answer(200, ROLE, "text/plain")
    if path != "%s/%s" % (root, ROLE):
        return Answer(404, "", "text/plain")
    if how and "code" in how:
        return Answer(200, json.dumps({"Code": how["code"], "Message": how.get("text", "no")}), "text/plain")
    key = issue(space, wanted)
    return Answer(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key["id"], "LastUpdated": utc(0),
                                   "SecretAccessKey": key["secret"], "Token": key["token"], "Expiration": key["told"]}),
                  "text/plain")


def answer(space, request, which, path):
    wanted = space["providers"]
    if which == "sts" and request.method == "POST":
        return sts(space, request, wanted)
    if which == "container":
        return container(space, request, wanted)
    return imds(space, request, wanted, path) if which == "imds" else Answer(404, "", "text/plain")
