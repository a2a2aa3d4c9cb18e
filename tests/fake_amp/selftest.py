#!/usr/bin/env python3
"""The fake by itself: what it takes and refuses, its limits, and that each fault is the fault it says. No Prometheus needed.

The signer here is another piece of code than the verifier: straight down AWS's list of tasks for one request. Where botocore is
installed, it signs too. The signatures of AWS_VECTORS were made with botocore 1.43.11."""
import datetime
import gzip
import hashlib
import hmac
import http.client
import json
import socket
import time
import unittest
from urllib.parse import quote, urlencode, urlsplit

import fake_amp
import faults
from answer import FORM
from memory import Memory
from sigv4_verify import Refused, canonical_query, canonical_request, signature, verify

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    botocore = None

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = {"AKIDEXAMPLE": {"secret": SECRET, "token": None}, "ASIAEXAMPLE": {"secret": SECRET, "token": "TOKEN//abc+def=="}}
SERIES = [{"metric": {"__name__": "up", "job": job}, "samples": [[t, str(t)] for t in range(1000, 2000, 10)]} for job in "ab"]


def sign(method, url, body=b"", content_type=None, key="AKIDEXAMPLE", secret=SECRET, token=None, at=None, region="us-east-1",
         service="aps"):
    """Headers of a signed request. url is already canonical."""
    at = at or datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    signed = {"host": parts.netloc, "x-amz-date": at}
    if content_type:
        signed["content-type"] = content_type
    if token:
        signed["x-amz-security-token"] = token
    names = sorted(signed)
    # task 1: the canonical request; task 2: the string to sign; task 3: the signature; task 4: the header
    task1 = method + "\n" + parts.path + "\n" + parts.query + "\n"
    for name in names:
        task1 += name + ":" + signed[name] + "\n"
    task1 += "\n" + ";".join(names) + "\n" + hashlib.sha256(body).hexdigest()
    day = at.split("T")[0]
    task2 = "AWS4-HMAC-SHA256\n" + at + "\n" + day + "/" + region + "/" + service + "/aws4_request\n"
    task2 += hashlib.sha256(task1.encode()).hexdigest()

    def mac(with_key, text):
        return hmac.new(with_key, text.encode(), hashlib.sha256).digest()
    task3 = mac(mac(mac(mac(mac(("AWS4" + secret).encode(), day), region), service), "aws4_request"), task2).hex()
    headers = {name: value for name, value in signed.items() if name != "host"}
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s" % (
        key, day, region, service, ";".join(names), task3)
    return headers


def form(**parameters):
    return urlencode(sorted(parameters.items()), quote_via=quote).encode()


class Client:
    def __init__(self, server, space):
        self.base = "%s/workspaces/%s" % (server.url, space)
        self.netloc = urlsplit(server.url).netloc

    def send(self, method, path, body=b"", headers=None, timeout=5):
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        try:
            connection.request(method, self.base[len("http://" + self.netloc):] + path, body or None, headers or {})
            answer = connection.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, path, body, headers=None, **how):
        headers = {**sign("POST", self.base + path, body, FORM, **how), **(headers or {})}
        return self.send("POST", path, body, headers)

    def query(self, **parameters):
        status, _, body = self.post("/api/v1/query", form(**parameters))
        return status, body


class Fake(unittest.TestCase):
    number = 0

    @classmethod
    def setUpClass(cls):
        cls.server = fake_amp.start(Memory(SERIES))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def space(self, **settings):
        Fake.number += 1
        name = "ws-%d" % Fake.number
        self.server.spaces.put(name, {"keys": KEYS, **settings})
        self.name = name
        return Client(self.server, name)

    def report(self):
        return self.server.spaces.get(self.name).report()

    def hit(self, kind, **fault):
        client = self.space(faults=[{"kind": kind, **fault}], **({"auth": "none"}))
        status, headers, body = client.send("POST", "/api/v1/query", form(query="up[1m]", time="1500"), {"Content-Type": FORM})
        self.assertEqual(self.report()["hits"], 1)
        return status, headers, body


class Signatures(Fake):
    def test_vectors(self):
        host, path = "aps-workspaces.us-east-1.amazonaws.com", "/workspaces/ws-12345678-abcd-1234-efgh-123456789012/api/v1"
        q = ("query=max%28max_over_time%28container_memory_working_set_bytes%7Bcontainer%21%3D%22%22%2Cpod%3D~%22a%20b%2Bc%7Cd"
             "~e%2F%C3%A9%22%2Cx%3D%22100%25%22%7D%5B1h%3A5m%5D%20%40%201709403009%20offset%20-5m%29%29%20by%20%28pod%29"
             "&stats=all&time=1709403009.25")
        series = ("end=1709406600&match%5B%5D=up%7Bjob%3D%22a%22%7D&match%5B%5D=%7B__name__%3D~%22kube_.%2B%22%7D"
                  "&start=1709403000")
        token = ("x-amz-security-token", "TOKEN//abc+def==")
        kind = ("content-type", FORM)
        rows = (
            ("GET", path + "/query?" + q, [], b"", "a270964562d4009736b80ab3e3bb8597a4118705080883a26c2d9c82026ac60c"),
            ("GET", path + "/query?" + q, [token], b"", "a70b0e7c1bc26c708907fe907426b5cb14077ad547f332c31ee5645eb53688f4"),
            ("POST", path + "/query", [kind], q.encode(), "3ff255bf6bafa94fceb573ecae5e89887061460a457b5c7efa38c66583c43801"),
            ("GET", path + "/series?" + series, [], b"", "42c7314f755e4951a494564897624c71f2881dcce0d298d7c0e2d1a9c69a2158"),
            ("POST", path + "/query", [kind, token], b"query=up",
             "edd2145ee401357fb346cb6720f8e26739ae3d14990fc8b4c0792002e39e3720"),
        )
        for method, target, more, body, wanted in rows:
            headers = [("host", host), ("x-amz-date", "20260102T030405Z"), *more]
            signed = sorted(name for name, _ in headers)
            canonical = canonical_request(method, target, headers, signed, body)
            self.assertEqual(signature(SECRET, "20260102T030405Z", "us-east-1", "aps", canonical), wanted)

    def test_query_is_canonical(self):
        for wire_query, wanted in (("b=2&a=1", "a=1&b=2"), ("a", "a="), ("a=b+c", "a=b%20c"), ("a=%7e%2f", "a=~%2F"),
                                   ("Param-3=1&Param=2&%E1%88%B4=3", "%E1%88%B4=3&Param=2&Param-3=1"),
                                   ("m=b&m=a", "m=a&m=b"), ("", "")):
            self.assertEqual(canonical_query(wire_query), wanted)

    def test_taken_and_refused(self):
        client = self.space()
        body = form(query="up[1m]", time="1500")
        self.assertEqual(client.post("/api/v1/query", body)[0], 200)
        self.assertEqual(client.post("/api/v1/query", body, key="ASIAEXAMPLE", token="TOKEN//abc+def==")[0], 200)
        get = "/api/v1/query?" + body.decode()
        self.assertEqual(client.send("GET", get, headers=sign("GET", client.base + get))[0], 200)
        rows = (({"secret": SECRET[:-1]}, "does not match"), ({"key": "AKIDOTHER"}, "token included in the request is invalid"),
                ({"token": "x"}, "is invalid"), ({"key": "ASIAEXAMPLE"}, "is invalid"), ({"region": "eu-west-1"}, "valid region"),
                ({"service": "sts"}, "correct service: 'aps'"))
        for how, text in rows:
            status, headers, answer = client.post("/api/v1/query", body, **how)
            self.assertEqual(status, 403, how)
            self.assertIn(text, json.loads(answer)["message"])
            self.assertIn("x-amzn-requestid", headers)
        status, _, answer = client.send("POST", "/api/v1/query", body, {"Content-Type": FORM})
        self.assertEqual((status, json.loads(answer)["message"]), (403, "Missing Authentication Token"))
        headers = sign("POST", client.base + "/api/v1/query", body + b"x", FORM)
        self.assertEqual(client.send("POST", "/api/v1/query", body, headers)[0], 403)  # another body than was signed
        self.assertEqual(self.report()["unsigned"], len(rows) + 2)

    def test_clock(self):
        for skew, is_taken, text in ((240, True, ""), (-240, True, ""), (360, False, "Signature expired: "),
                                     (-360, False, "Signature not yet current: "), (1200, False, "expired"),
                                     (-1200, False, "not yet")):
            client = self.space(skew_s=skew)
            status, headers, answer = client.post("/api/v1/query", form(query="up[1m]", time="1500"))
            self.assertEqual(status == 200, is_taken, skew)
            self.assertIn(text, answer.decode())
            date = datetime.datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S %Z")
            server = date.replace(tzinfo=datetime.timezone.utc).timestamp()
            self.assertLess(abs(server - time.time() - skew), 5)

    @unittest.skipUnless(botocore, "botocore is not installed")
    def test_botocore(self):
        for key, token in (("AKIDEXAMPLE", None), ("ASIAEXAMPLE", KEYS["ASIAEXAMPLE"]["token"])):
            credentials = botocore.credentials.Credentials(key, SECRET, token)
            for method, url, data in (("POST", "http://h:8/workspaces/w/api/v1/query", form(query='a{b=~".+ é"}[5m]')),
                                      ("GET", "http://h:8/w/api/v1/series?match%5B%5D=a%7B%7D&match%5B%5D=b", b"")):
                request = botocore.awsrequest.AWSRequest(method, url, data=data, headers={"Content-Type": FORM} if data else {})
                botocore.auth.SigV4Auth(credentials, "aps", "us-east-1").add_auth(request)
                headers = [("Host", "h:8"), *request.headers.items()]
                self.assertEqual(verify(method, url[len("http://h:8"):], headers, data, KEYS, "us-east-1", "aps", time.time()), key)
                with self.assertRaises(Refused):
                    verify(method, url[len("http://h:8"):], headers, data + b" ", KEYS, "us-east-1", "aps", time.time())


class Rules(Fake):
    def test_where_parameters_may_be(self):
        client = self.space(auth="none")
        query = form(query="up", time="1500").decode()
        is_form = {"Content-Type": FORM}
        for method, path, body, headers, wanted in (
                ("GET", "/api/v1/query?" + query, "", {}, 200), ("POST", "/api/v1/query", query, is_form, 200),
                ("POST", "/api/v1/query?" + query, "", {}, 200),
                ("POST", "/api/v1/query?" + query, "", is_form, 400), ("GET", "/api/v1/query?" + query, "", is_form, 400),
                ("POST", "/api/v1/query", query, {"Content-Type": "text/plain"}, 400),
                ("GET", "/api/v1/label/job/values", "", {}, 200), ("POST", "/api/v1/label/job/values", "", is_form, 405),
                ("GET", "/api/v1/status/buildinfo", "", {}, 404), ("POST", "/api/v1/read", "", {}, 404)):
            status, _, answer = client.send(method, path, body.encode(), headers)
            self.assertEqual(status, wanted, (method, path, answer))
        self.assertIn("URL cannot include query-string parameters (after '?'): '/workspaces/",
                      json.loads(client.send("POST", "/api/v1/query?x=1", b"", is_form)[2])["message"])

    def ask(self, client, path="/api/v1/query", **parameters):
        status, _, body = client.send("POST", path, form(**parameters), {"Content-Type": FORM})
        return status, body.decode()

    def test_flooring(self):
        for flavour, first in (("amp", 1400), ("prometheus", 1437)):
            client = self.space(auth="none", flavour=flavour)
            _, body = self.ask(client, "/api/v1/query_range", query="up", start="1437", end="1737.5", step="100")
            times = [t for t, _ in json.loads(body)["data"]["result"][0]["values"]]
            self.assertEqual(times, [first + 100 * n for n in range(4)])

    def test_limits(self):
        rows = (({"max_response_bytes": 300}, 413, "response larger than the max ("),
                ({"max_samples": 10}, 422, "too many samples into memory"), ({"max_series": 1}, 422, "max number of series limit"),
                ({"max_chunks": 1}, 422, "max number of chunks limit"), ({"max_bytes": 100}, 422, "aggregated data size limit"),
                ({"max_timeout_samples": 10}, 422, "query timeout"), ({}, 200, "success"))
        for settings, wanted, text in rows:
            status, body = self.ask(self.space(auth="none", **settings), query="up[5m]", time="1500")
            self.assertEqual(status, wanted)
            self.assertIn(text, body)
        client = self.space(auth="none", max_points=10)
        self.assertEqual(self.ask(client, query="up[32d]", time="1500")[0], 200)
        status, body = self.ask(client, query="up[33d]", time="1500")
        self.assertEqual(status, 422)
        self.assertIn("queries with long day range", body)
        for end, wanted in ((1100, 200), (1110, 400)):
            self.assertEqual(self.ask(client, "/api/v1/query_range", query="up", start="1000", end=end, step="10")[0], wanted)
        status, body = self.ask(client, "/api/v1/query_range", query="up", start="0", end=96 * 86400, step="1d")
        self.assertIn("query time range exceeds the limit", body)
        fuse = {"max_samples_processed_error_threshold": 10}
        self.assertEqual(self.ask(client, query="up[5m]", time="1500", **fuse)[0], 422)
        self.assertEqual(self.ask(client, query="up[50s]", time="1500", **fuse)[0], 200)

    def test_rate(self):
        client = self.space(auth="none", max_per_second=2)
        got = [client.send("GET", "/api/v1/query?query=up&time=1500")[:2] for _ in range(8)]
        self.assertTrue(any(status == 429 and headers["retry-after"] == "1" for status, headers in got))

    def test_stats_and_log(self):
        client = self.space(auth="none")
        self.assertNotIn("stats", json.loads(self.ask(client, query="up", time="1500")[1])["data"])
        data = json.loads(self.ask(client, query="up[1m]", time="1500", stats="all")[1])["data"]
        self.assertEqual(data["stats"]["samples"]["totalQueryableSamples"], 12)
        report = self.report()
        self.assertEqual((report["requests"], report["billed"], report["unsigned"]), (2, 2 + 12, 0))
        self.assertEqual(dict(report["log"][1]["params"])["query"], "up[1m]")

    def test_other_ways_in(self):
        for auth, headers in (("basic:me:pass", {"Authorization": "Basic bWU6cGFzcw=="}), ("bearer:t", {"Authorization": "Bearer t"}),
                              ("header:X-Scope-OrgID:7", {"X-Scope-OrgID": "7"}), ("none", {})):
            client = self.space(auth=auth)
            self.assertEqual(client.send("GET", "/api/v1/query?query=up&time=1500", headers=headers)[0], 200)
            headers = {"Authorization": "Basic eDp5"}
            self.assertEqual(client.send("GET", "/api/v1/query?query=up&time=1500", headers=headers)[0], 401)


class Edges(Fake):
    def test_boundaries(self):
        for left_open, wanted in ((True, ["1450", "1500"]), (False, ["1400", "1450", "1500"])):
            samples = [[t, str(t)] for t in (1400, 1450, 1500)]
            client = self.space(auth="none", series=[{"metric": {"__name__": "m"}, "samples": samples}], left_open=left_open)
            answer = client.send("GET", "/api/v1/query?query=m%5B100s%5D&time=1500")[2]
            self.assertEqual([v for _, v in json.loads(answer)["data"]["result"][0]["values"]], wanted)
            answer = client.send("GET", "/api/v1/query?query=m&time=1800")[2]
            self.assertEqual(len(json.loads(answer)["data"]["result"]), 0 if left_open else 1)
            answer = client.send("GET", "/api/v1/query?query=count_over_time(vector(1)%5B1m%3A1m%5D)&time=1200")[2]
            self.assertEqual(json.loads(answer)["data"]["result"][0]["value"][1], "1" if left_open else "2")

    def test_markers(self):
        samples = [[1400, "1"], [1460, "stale"]]
        client = self.space(auth="none", series=[{"metric": {"__name__": "m"}, "samples": samples}])
        answer = client.send("GET", "/api/v1/query_range?query=m&start=1380&end=1560&step=20")[2]
        self.assertEqual([t for t, _ in json.loads(answer)["data"]["result"][0]["values"]], [1400, 1420, 1440])
        answer = client.send("GET", "/api/v1/query?query=m%5B5m%5D&time=1500")[2]
        self.assertEqual(json.loads(answer)["data"]["result"][0]["values"], [[1400, "1"]])
        answer = client.send("GET", "/api/v1/query_range?query=timestamp(m)&start=1420&end=1420&step=20")[2]
        self.assertEqual(json.loads(answer)["data"]["result"], [{"metric": {}, "values": [[1420, "1400"]]}])


class Providers(Fake):
    def ask(self, method, path, body=b"", headers=None):
        client = Client(self.server, self.name)
        client.base = "%s/_aws/%s" % (self.server.url, self.name)
        return client.send(method, path, body, headers)

    def test_sts(self):
        self.space(providers={"web_identity": "good", "external_id": "x"})
        body = form(Action="AssumeRoleWithWebIdentity", Version="2011-06-15", RoleArn="arn:aws:iam::1:role/r", RoleSessionName="ss",
                    WebIdentityToken="good")
        status, _, answer = self.ask("POST", "/sts/", body)
        self.assertEqual(status, 200)
        self.assertIn("<AccessKeyId>ASIAISSUED000001</AccessKeyId>", answer.decode())
        self.assertIn("CanaryToken&amp;&lt;000001&gt;//+==", answer.decode())
        self.assertEqual(self.ask("POST", "/sts", body.replace(b"good", b"bad"))[0], 400)
        for external, secret, wanted in (("x", SECRET, 200), ("y", SECRET, 403), ("x", "no", 403)):
            body = form(Action="AssumeRole", Version="2011-06-15", RoleArn="arn:aws:iam::1:role/r", RoleSessionName="ss",
                        ExternalId=external)
            headers = sign("POST", "%s/_aws/%s/sts" % (self.server.url, self.name), body, FORM, secret=secret, service="sts")
            self.assertEqual(self.ask("POST", "/sts", body, headers)[0], wanted)

    def test_container_and_imds(self):
        client = self.space(providers={"container": "t", "fail": {"container": {"status": 500}}})
        self.assertEqual(self.ask("GET", "/container", headers={"Authorization": "t"})[0], 500)
        self.assertEqual(self.ask("GET", "/container", headers={"Authorization": "u"})[0], 403)
        key = json.loads(self.ask("GET", "/container", headers={"Authorization": "t"})[2])
        more = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "token": key["Token"]}
        self.assertEqual(client.post("/api/v1/query", form(query="up", time="1500"), **more)[0], 200)
        self.assertEqual(self.ask("GET", "/imds/latest/meta-data/iam/security-credentials/")[0], 401)
        token = self.ask("PUT", "/imds/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})[2].decode()
        headers = {"X-aws-ec2-metadata-token": token}
        role = self.ask("GET", "/imds/latest/meta-data/iam/security-credentials/", headers=headers)[2].decode()
        answer = self.ask("GET", "/imds/latest/meta-data/iam/security-credentials/" + role, headers=headers)[2]
        self.assertEqual(json.loads(answer)["Code"], "Success")


class FaultTests(Fake):
    def test_replaced(self):
        rows = (("too_large", {}, 413, "response larger"), ("throttled_400", {}, 400, "ThrottlingException"),
                ("expired", {}, 403, "expired"), ("denied", {}, 403, "not authorized to perform"), ("html", {}, 200, "<html>"),
                ("html", {"status": 502, "title": "502 Bad Gateway"}, 502, "Bad Gateway"), ("empty", {}, 200, ""),
                ("empty", {"status": 204}, 204, ""), ("error", {"status": 422, "text": "nope"}, 422, "nope"),
                ("body", {"text": "{}"}, 200, "{}"), ("aws", {"status": 403, "type": "X", "text": "no"}, 403, '"message": "no"'), ("no_series", {}, 200, '"result":[]'))
        for kind, more, status, text in rows:
            got = self.hit(kind, **more)
            self.assertEqual(got[0], status)
            self.assertIn(text, got[2].decode())

    def test_retry_after(self):
        self.assertEqual(self.hit("throttled_429", retry_after="7")[1]["retry-after"], "7")
        date = self.hit("throttled_429", retry_after={"date_s": 3})[1]["retry-after"]
        at = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=datetime.timezone.utc).timestamp()
        self.assertLess(abs(at - time.time() - 3), 3)
        self.assertNotIn("retry-after", self.hit("throttled_429")[1])

    def test_redirect_is_recorded_only_when_followed(self):
        before = len(self.server.records)
        status, headers, _ = self.hit("redirect", status=308)
        self.assertEqual((status, headers["location"].startswith(self.server.recorder)), (308, True))
        self.assertEqual(len(self.server.records), before)
        parts = urlsplit(headers["location"])
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        connection.request("GET", parts.path, headers={"Authorization": "x"})
        connection.getresponse().read()
        connection.close()
        self.assertEqual(len(self.server.records), before + 1)
        self.assertIn(["Authorization", "x"], [list(pair) for pair in self.server.records[-1]["headers"]])

    def test_echo(self):
        client = self.space(faults=[{"kind": "echo"}])
        status, _, body = client.post("/api/v1/query", form(query="up", time="1500"), key="ASIAEXAMPLE", token="TOKEN//abc+def==")
        self.assertEqual(status, 400)
        self.assertIn("TOKEN//abc+def==", body.decode())

    def test_changed(self):
        good = json.loads(self.hit("add", members={})[2])
        for kind, more in (("value", {"value": "NaN"}), ("values", {"value": 1}), ("times_shifted", {"by_s": 1}),
                           ("time_shifted", {"by_s": 1}), ("times_in_ms", {}), ("series_twice", {}), ("series_reversed", {}),
                           ("points_swapped", {}), ("point_twice", {}), ("histograms", {"only": True}), ("histograms", {}),
                           ("add", {"members": {"warnings": ["w"]}}), ("wrong_type", {}), ("wrong_type", {"type": "vector"}),
                           ("other_labels", {"labels": {"__name__": "other"}}), ("points_as", {"shape": "text"}),
                           ("members_reversed", {"members": {"status": "error"}}), ("drop", {"member": "data"}), ("data", {"data": None})):
            status, _, body = self.hit(kind, **more)
            self.assertEqual(status, 200)
            self.assertNotEqual(json.loads(body), good, kind)

    def test_wire(self):
        for kind in ("reset", "reset_after_headers", "cut", "chunk_missing_last", "chunk_bad_size", "length_too_large", "not_http",
                     "headers_endless", "stall_before", "header_huge", "chunk_huge_size"):
            with self.assertRaises((OSError, http.client.HTTPException, ArithmeticError, ValueError), msg=kind):
                self.hit(kind, **({"s": 0.3} if kind.startswith("stall") else {}))
        for kind, is_json in (("close_early", False), ("length_too_small", False), ("continues", True), ("slow", True)):
            status, _, body = self.hit(kind, s=0.1, n=50)
            self.assertEqual(status, 200)
            try:
                self.assertEqual(json.loads(body)["status"], "success")
                self.assertTrue(is_json, kind)
            except ValueError:
                self.assertFalse(is_json, kind)
        self.assertEqual(self.hit("unknown_encoding")[1]["content-encoding"], "x-rot13")
        self.assertEqual(self.hit("length_negative")[1]["content-length"], "-1")
        self.assertNotEqual(self.hit("length_twice")[2][-1:], b"")
        self.assertTrue(self.hit("trailing", text="x")[2].endswith(b"}x"))
        self.assertTrue(self.hit("prefix", text="x")[2].startswith(b"x{"))
        self.assertIn(b"error", self.hit("text_replaced", old="success", new="error")[2])

    def test_unasked(self):
        client = self.space(auth="none", faults=[{"kind": "unasked"}])
        host, port = client.netloc.split(":")
        path = client.base[len("http://" + client.netloc):] + "/api/v1/query?query=up&time=1500"
        with socket.create_connection((host, int(port)), timeout=5) as link:
            link.sendall(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path).encode())
            got = b""
            while not got.endswith(b'"result":[]}}'):
                got += link.recv(1 << 16)
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 2)

    def test_headers(self):
        _, headers, body = self.hit("headers", headers=[["X-There", "{recorder}/x"]])
        self.assertEqual(headers["x-there"], self.server.recorder + "/x")
        self.assertEqual(json.loads(body)["status"], "success")

    def test_gzip(self):
        client = self.space(auth="none")
        _, headers, body = client.send("GET", "/api/v1/query?query=up%5B5m%5D&time=1500", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["content-encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(body))["status"], "success")
        for kind in ("gzip_corrupt", "gzip_cut", "gzip_claimed"):
            with self.assertRaises((OSError, EOFError, gzip.zlib.error), msg=kind):
                gzip.decompress(self.hit(kind)[2])
        self.assertEqual(len(gzip.decompress(self.hit("gzip_bomb", bytes=1 << 20)[2])) >> 20, 1)

    def test_drip_and_stall(self):
        begin = time.monotonic()
        self.hit("drip", every_s=0.0001)
        self.assertGreater(time.monotonic() - begin, 0.05)
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.hit("stall", s=0.2)

    def test_transfers(self):
        for transfer in ("length", "chunked", "close"):
            client = self.space(auth="none", transfer=transfer)
            self.assertEqual(json.loads(client.send("GET", "/api/v1/query?query=up&time=1500")[2])["status"], "success")

    def test_which_request(self):
        rows = (({"at": 0}, [1, 0, 0, 0]), ({"at": 2}, [0, 0, 1, 0]), ({"at": -1, "count": 4}, [0, 0, 0, 1]),
                ({"at": "every"}, [1, 1, 1, 1]), ({"at": [1, 3]}, [0, 1, 0, 1]), ({"at": 0, "attempts": 0}, [2, 0, 0, 0]),
                ({"at": 0, "match": "b"}, [0, 1, 0, 0]), ({"at": 0, "class": "probe"}, [0, 0, 0, 0]))
        for row, wanted in rows:
            one = faults.Faults([{"kind": "reset", **row}])
            hits = [0] * 4
            for _ in range(2):  # each request once more, as a retry would
                for n, query in enumerate("abcd"):
                    hits[n] += one.choose("/api/v1/query", [("query", query)]) is not None
            self.assertEqual(hits, wanted, row)

    def test_every_fault_is_tested(self):
        with open(__file__, encoding="utf-8") as file:
            text = file.read()
        for kind in (faults.REPLACE.keys() | faults.MUTATE.keys() | faults.WIRE) - {"status"}:
            self.assertTrue('"%s"' % kind in text, kind)
        with self.assertRaises(ValueError):
            faults.Faults([{"kind": "no such"}])


if __name__ == "__main__":
    unittest.main()
