"""Faults by name: what goes wrong, and what must come of it. One row a fault:

    Row(NAME, FAULT, once=EXPECTED, always=EXPECTED, ...)

  FAULT    of faults.py, without "at": it hits the first, the middle and the last request in turn
  once     when only the first attempt of that request is hit; always: when every attempt is. None: not tried
  settings of the workspace (amp.py's DEFAULTS);  query  another than QUERY;  flags  for the command;  way  "amp" or "http"
  every    hit all requests at once, in place of first, middle and last

EXPECTED is ANSWER, the exact answer; or an Error: exit codes of which it must be one, and a text that standard error must have; or
Text(VALUE), the answer that a changed but proper body stands for. A tuple of them: any."""

ANSWER = "the exact answer"


class Error:
    def __init__(self, codes, text):
        self.codes = codes if isinstance(codes, tuple) else (codes,)
        self.text = text

    def __str__(self):
        return "exit code %s with %r" % (" or ".join(map(str, self.codes)), self.text)


class Text:
    """An answer with this value; note: what standard error must say as well."""

    def __init__(self, value, note=""):
        self.value = value
        self.note = note

    def __str__(self):
        return "the value %s%s" % (self.value, self.note and " and %r" % self.note)


class Row:
    def __init__(self, name, fault, once=ANSWER, always=None, settings=None, query=None, flags=(), way="amp", every=False,
                 region="us-east-1", env=None):
        self.name, self.fault, self.once, self.always = name, fault, once, always
        self.settings, self.query, self.flags, self.way, self.every = settings or {}, query, list(flags), way, every
        self.region, self.env = region, env or {}


QUERY_REFUSED, LIMIT, NETWORK, DENIED, BAD = 5, 6, 7, 8, 9
WINDOWS = "\\["          # RAW requests: those with a range
GRIDS = "^[^\\[]*$"      # GRID requests

# keys that can be renewed: from a container endpoint
POD = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "C",
       "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{aws}/container"}

# over hours, in chunks of one: some RAW requests, and some GRID ones
QUERY = "sum(sum_over_time(m[6h])) + sum(sum_over_time(n[6h:10m]))"


def net(text):
    return Error(NETWORK, text)


ROWS = (
    # the connection
    Row("connection reset", {"kind": "reset"}, ANSWER, net("")),
    Row("reset after the headers", {"kind": "reset_after_headers"}, ANSWER, net("")),
    Row("reset in the body", {"kind": "cut", "reset": True}, ANSWER, net("")),
    Row("body ends early", {"kind": "cut"}, ANSWER, net("")),
    Row("body ends before its first byte", {"kind": "cut", "at_byte": 0}, ANSWER, net("")),
    Row("body ends before its last byte", {"kind": "cut", "at_byte": 1 << 40}, ANSWER, net("")),
    Row("half a document, no length", {"kind": "close_early"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("cut at every k-th byte", {"kind": "cut", "stride": 37}, ANSWER, None, every=True),
    Row("reset at every k-th byte", {"kind": "cut", "stride": 41, "reset": True}, ANSWER, None, every=True),
    Row("half a document at every k-th byte", {"kind": "close_early", "stride": 43}, ANSWER, None, every=True),
    Row("last chunk missing", {"kind": "chunk_missing_last"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("chunk sizes that are none", {"kind": "chunk_bad_size"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("chunk size overflows", {"kind": "chunk_huge_size"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("length too small", {"kind": "length_too_small"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("length too large", {"kind": "length_too_large"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("length negative", {"kind": "length_negative"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("length twice, different", {"kind": "length_twice"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("an answer nobody asked for behind each", {"kind": "unasked"}, None, ANSWER, every=True, flags=("--concurrency", "1")),
    Row("not HTTP", {"kind": "not_http"}, ANSWER, Error((NETWORK, BAD), "")),
    # what is too large is asked for in parts, which the fault does not meet again
    Row("a megabyte of header", {"kind": "header_huge"}, (ANSWER, Error((NETWORK, LIMIT, BAD), "")),
        (ANSWER, Error((NETWORK, LIMIT, BAD), ""))),
    Row("headers without end", {"kind": "headers_endless"}, (ANSWER, Error((NETWORK, LIMIT, BAD), "")),
        (ANSWER, Error((NETWORK, LIMIT, BAD), ""))),
    Row("many 100 Continue", {"kind": "continues", "n": 200}, (ANSWER, net("")), (ANSWER, Error((NETWORK, LIMIT), ""))),
    Row("one byte at a time", {"kind": "drip", "every_s": 0.3}, None, Error((LIMIT, NETWORK), ""), flags=("--timeout", "3s")),
    Row("stalls in the body", {"kind": "stall"}, None, Error((LIMIT, NETWORK), ""), flags=("--timeout", "3s")),
    Row("stalls before the headers", {"kind": "stall_before"}, None, Error((LIMIT, NETWORK), ""), flags=("--timeout", "3s")),
    Row("late, but whole", {"kind": "slow", "s": 0.5}, ANSWER, ANSWER),
    # redirects: zero requests at the other port
    Row("301 to another port", {"kind": "redirect", "status": 301}, None, net("301")),
    Row("302 to another port", {"kind": "redirect", "status": 302}, None, net("302")),
    Row("307 to another port", {"kind": "redirect", "status": 307}, None, net("307")),
    Row("308 to another port", {"kind": "redirect", "status": 308}, None, net("308")),
    Row("307 with bearer token", {"kind": "redirect", "status": 307}, None, net("307"), way="http"),
    # refusals
    Row("400 plain text", {"kind": "status", "status": 400, "body": "no"}, None, Error(QUERY_REFUSED, "400")),
    Row("400 ThrottlingException", {"kind": "throttled_400"}, ANSWER, Error((NETWORK, LIMIT), "hrottl")),
    Row("401", {"kind": "status", "status": 401, "body": "who are you"}, None, Error(DENIED, "401")),
    Row("403 expired, keys that stay", {"kind": "expired"}, Error(DENIED, "expired"), Error(DENIED, "expired")),
    Row("403 expired, new keys", {"kind": "expired"}, ANSWER, Error(DENIED, "expired"), env=POD, settings={"providers": {"container": "C"}}),
    Row("403 denied", {"kind": "denied"}, None, Error(DENIED, "not authorized to perform")),
    Row("404", {"kind": "status", "status": 404, "body": "404 page not found"}, None, net("404")),
    Row("408", {"kind": "status", "status": 408}, ANSWER, (ANSWER, net("408"))),
    Row("413", {"kind": "too_large"}, ANSWER, ANSWER),
    Row("413 always", {"kind": "too_large"}, None, Error((LIMIT, NETWORK), "response larger"), every=True),
    Row("422 execution", {"kind": "error", "status": 422, "text": "expanding series: something broke"}, None,
        Error(QUERY_REFUSED, "something broke")),
    Row("422 samples", {"kind": "error", "status": 422,
                        "text": "query processing would load too many samples into memory in query execution"}, ANSWER, ANSWER),
    Row("422 series", {"kind": "error", "status": 422, "text": "expanding series: the query hit the max number of series limit"
                       " (limit: 7 series)"}, ANSWER, ANSWER),
    Row("422 chunks", {"kind": "error", "status": 422, "text": "expanding series: the query hit the max number of chunks limit"
                       " (limit: 7 chunks)"}, ANSWER, ANSWER),
    Row("422 bytes", {"kind": "error", "status": 422, "text": "expanding series: the query hit the aggregated data size limit"
                      " (limit: 7 bytes)"}, ANSWER, ANSWER),
    Row("422 query timeout", {"kind": "error", "status": 422, "text": "query timeout"}, ANSWER, ANSWER),
    Row("429", {"kind": "throttled_429"}, ANSWER, Error((NETWORK, LIMIT), "429")),
    Row("429, Retry-After 0", {"kind": "throttled_429", "retry_after": "0"}, ANSWER, Error((NETWORK, LIMIT), "429")),
    Row("429, Retry-After 1", {"kind": "throttled_429", "retry_after": "1"}, ANSWER, None),
    Row("429, Retry-After huge", {"kind": "throttled_429", "retry_after": "1000000000"}, (ANSWER, Error((NETWORK, LIMIT), "")), None),
    Row("429, Retry-After a date", {"kind": "throttled_429", "retry_after": {"date_s": 1}}, ANSWER, None),
    Row("429, Retry-After a past date", {"kind": "throttled_429", "retry_after": {"date_s": -1000}}, ANSWER, None),
    Row("429, Retry-After garbage", {"kind": "throttled_429", "retry_after": "soon\x01;;"}, ANSWER, None),
    Row("500", {"kind": "status", "status": 500, "body": "oops"}, ANSWER, net("500")),
    Row("502 HTML", {"kind": "html", "status": 502, "title": "502 Bad Gateway"}, ANSWER, net("502")),
    Row("503", {"kind": "status", "status": 503}, ANSWER, net("503")),
    Row("504", {"kind": "html", "status": 504, "title": "504 Gateway Time-out"}, ANSWER, (ANSWER, net("504"))),
    Row("secrets echoed in an error", {"kind": "echo"}, None, Error(QUERY_REFUSED, "400")),
    Row("secrets echoed in a 403", {"kind": "echo", "status": 403}, None, Error(DENIED, "")),
    Row("secrets echoed, bearer", {"kind": "echo"}, None, Error(QUERY_REFUSED, "400"), way="http"),
    # who may
    Row("wrong region", {"kind": "add", "members": {}}, Error((NETWORK, DENIED), "valid region"), None, region="eu-west-1", every=True),
    Row("key not known", {"kind": "add", "members": {}}, Error(DENIED, "is invalid"), None, settings={"keys": {}}, every=True),
    Row("another secret", {"kind": "add", "members": {}}, Error(DENIED, "does not match"), None, every=True,
        env={"AWS_SECRET_ACCESS_KEY": "AnotherCanarySecret"}),
    Row("no token", {"kind": "add", "members": {}}, Error(DENIED, "is invalid"), None, every=True, env={"AWS_SESSION_TOKEN": ""}),
    Row("no credentials", {"kind": "add", "members": {}}, Error(DENIED, ""), None, every=True,
        env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}),
    Row("clock 4 minutes ahead", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": -240}, every=True),
    Row("clock 4 minutes behind", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": 240}, every=True),
    Row("clock 6 minutes ahead", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": -360}, every=True),
    Row("clock 6 minutes behind", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": 360}, every=True),
    Row("clock 20 minutes ahead", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": -1200}, every=True),
    Row("clock 20 minutes behind", {"kind": "add", "members": {}}, ANSWER, None, settings={"skew_s": 1200}, every=True),
    # 200, but no answer
    Row("200 HTML", {"kind": "html"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("200 empty", {"kind": "empty"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("204", {"kind": "empty", "status": 204}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("206", {"kind": "empty", "status": 206}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "206")),
    Row("200 status error", {"kind": "body", "text": '{"status":"error","errorType":"execution","error":"it broke"}'},
        (ANSWER, Error((NETWORK, BAD, 5), "")), Error((NETWORK, BAD, 5), "it broke")),
    Row("200 no data", {"kind": "drop", "member": "data"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("200 null data", {"kind": "data", "data": None}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("200 no status", {"kind": "drop", "member": "status"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("trailing rubbish", {"kind": "trailing", "text": "<!-- x -->"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("a second document", {"kind": "trailing", "text": '{"status":"success"}'}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("rubbish before", {"kind": "prefix", "text": ")]}',"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("scalar", {"kind": "wrong_type"}, Error((QUERY_REFUSED, BAD), "scalar"), Error((QUERY_REFUSED, BAD), "scalar")),
    Row("a vector for a window", {"kind": "wrong_type", "type": "vector", "match": WINDOWS}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("another query's series", {"kind": "other_labels", "labels": {"__name__": "x"}}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("another query's times", {"kind": "times_shifted", "by_s": -86400 * 7}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("points off the grid", {"kind": "time_shifted", "by_s": 1, "match": GRIDS}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("times in ms", {"kind": "times_in_ms"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    # bytes and numbers
    Row("gzip", {"kind": "add", "members": {}}, ANSWER, None, flags=("--compress", "on"), every=True),
    Row("gzip corrupt", {"kind": "gzip_corrupt"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("gzip without its end", {"kind": "gzip_cut"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("gzip claimed", {"kind": "gzip_claimed"}, ANSWER, Error((NETWORK, BAD), "")),
    Row("gzip bomb", {"kind": "gzip_bomb", "bytes": 1 << 25}, None, Error((NETWORK, BAD, LIMIT), "")),
    Row("an encoding nobody knows", {"kind": "unknown_encoding"}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("NaN", {"kind": "value", "value": "NaN", "point": 1, "match": WINDOWS}, Text("NaN"), Text("NaN"), query="sum(sum_over_time(m[6h]))"),
    Row("+Inf", {"kind": "value", "value": "+Inf", "point": 1, "match": WINDOWS}, Text("+Inf"), Text("+Inf"), query="sum(sum_over_time(m[6h]))"),
    Row("1e400", {"kind": "value", "value": "1e400", "point": 1, "match": WINDOWS}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("a comma", {"kind": "value", "value": "1,5", "point": 1, "match": WINDOWS}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("a word as value", {"kind": "value", "value": "many", "point": 1, "match": WINDOWS}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("a bare number as value", {"kind": "value", "value": 5, "point": 1, "match": WINDOWS}, (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("invalid UTF-8", {"kind": "text_replaced", "old": '"job":"', "new": '"job":"\xff'}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("a key twice", {"kind": "text_replaced", "old": '"status":', "new": '"status":"error","status":'},
        (ANSWER, Error((NETWORK, BAD), "")), Error((NETWORK, BAD), "")),
    Row("histograms", {"kind": "histograms", "match": WINDOWS}, Error((NETWORK, BAD, 5), "histogram"), Error((NETWORK, BAD, 5), "histogram")),
    Row("histograms alone", {"kind": "histograms", "only": True, "match": WINDOWS}, Error((NETWORK, BAD, 5), "histogram"),
        Error((NETWORK, BAD, 5), "histogram")),
    # order and repetition
    Row("series unsorted", {"kind": "series_reversed"}, ANSWER, ANSWER),
    Row("a series twice, same", {"kind": "series_twice"}, (ANSWER, Error((NETWORK, BAD), "")), (ANSWER, Error((NETWORK, BAD), ""))),
    Row("a series twice, different", {"kind": "series_twice", "value": "99"}, (ANSWER, Error((NETWORK, BAD), "")),
        Error((NETWORK, BAD), "")),
    Row("samples out of order", {"kind": "points_swapped"}, (ANSWER, Error((NETWORK, BAD), "")),
        (ANSWER, Error((NETWORK, BAD), ""))),
    Row("a sample twice, same", {"kind": "point_twice"}, (ANSWER, Error((NETWORK, BAD), "")), (ANSWER, Error((NETWORK, BAD), ""))),
    # where it is the sample at the left end of a part, both are dropped, and the answer is exact
    Row("a sample twice, different", {"kind": "point_twice", "value": "99"}, (ANSWER, Error((NETWORK, BAD), "")),
        (ANSWER, Error((NETWORK, BAD), ""))),
    # documents as no server has them
    Row("members in another order", {"kind": "members_reversed"}, None, ANSWER, every=True),
    Row("status error behind the data", {"kind": "members_reversed", "members": {"status": "error", "error": "it broke"}}, None,
        Error((NETWORK, BAD, 5), "it broke"), every=True),
    Row("an error beside the data", {"kind": "add", "members": {"error": "it broke", "errorType": "execution"}}, None,
        (ANSWER, Error((NETWORK, BAD, 5), "it broke")), every=True),
    Row("nesting without end", {"kind": "text_replaced", "old": '{"status"', "new": '{"x":' + "[" * 200000 + "]" * 200000 + ',"status"'},
        None, Error((NETWORK, BAD, LIMIT), "nest"), every=True),
    Row("a label of 100 kB", {"kind": "other_labels", "labels": {"note": "x" * 100000}}, None,
        (ANSWER, Error((NETWORK, BAD, LIMIT), "")), every=True),
    Row("a thousand labels", {"kind": "other_labels", "labels": {"l%d" % n: "x" for n in range(1000)}}, None,
        (ANSWER, Error((NETWORK, BAD, LIMIT), "labels")), every=True),
    Row("a label without a name", {"kind": "other_labels", "labels": {"": "x"}}, None, Error((NETWORK, BAD), ""), every=True),
    Row("a label that is a number", {"kind": "other_labels", "labels": {"x": 5}}, None, Error((NETWORK, BAD), ""), every=True),
    Row("a label twice", {"kind": "text_replaced", "old": '"job":"', "new": '"job":"z","job":"'}, None, Error((NETWORK, BAD), ""),
        every=True),
    Row("NUL in a label", {"kind": "other_labels", "labels": {"note": "a\0b"}}, None, (ANSWER, Error((NETWORK, BAD), "")), every=True),
    Row("times as texts", {"kind": "points_as", "shape": "text"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("times and values swapped", {"kind": "points_as", "shape": "swapped"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("points of one", {"kind": "points_as", "shape": "one"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("points of three", {"kind": "points_as", "shape": "three"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("points as objects", {"kind": "points_as", "shape": "object"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("points that are null", {"kind": "points_as", "shape": "null"}, None, Error((NETWORK, BAD), ""), every=True),
    Row("series that are null", {"kind": "data", "data": {"resultType": "matrix", "result": [None]}}, None, Error((NETWORK, BAD), ""),
        every=True),
    Row("a part of a millisecond", {"kind": "times_shifted", "by_s": 0.0004}, None, ANSWER, every=True),
    Row("times beyond all", {"kind": "times_shifted", "by_s": 1e300}, None, Error((NETWORK, BAD), ""), every=True),
    Row("statistics that lie", {"kind": "text_replaced", "old": '"totalQueryableSamples":', "new":
                                '"totalQueryableSamples":99999999999999999999999,"totalQueryableSamples":-'}, None,
        (ANSWER, Error((NETWORK, BAD), "")), every=True),
    Row("a warning of 100 kB", {"kind": "add", "members": {"warnings": ["x" * 100000] * 3}}, None,
        (Text(ANSWER, "xxx"), Error((NETWORK, BAD, LIMIT), "")), every=True),
    Row("warnings that are none", {"kind": "add", "members": {"warnings": 5}}, None, (ANSWER, Error((NETWORK, BAD), "")), every=True),
    # headers that want something: nobody is sent a cookie, and nothing reaches the other port
    Row("headers that want something", {"kind": "headers", "headers": [
        ["Set-Cookie", "CanarySession=1; Path=/"], ["Refresh", "0; url={recorder}/"], ["Location", "{recorder}/"],
        ["Content-Location", "{recorder}/"], ["Alt-Svc", 'h2="127.0.0.1:1"; ma=86400, h3=":1"'], ["WWW-Authenticate", "Negotiate"],
        ["Link", "<{recorder}/>; rel=preload"], ["Upgrade", "h2c"]]}, None, ANSWER, every=True),
    # said beside the answer
    Row("a warning", {"kind": "add", "members": {"warnings": ["PromQL warning: look out"]}}, Text(ANSWER, "look out"),
        Text(ANSWER, "look out")),
    Row("an info", {"kind": "add", "members": {"infos": ["PromQL info: by the way"]}}, ANSWER, ANSWER),
    Row("truncated by a limit", {"kind": "add", "members": {"warnings": ["results truncated due to limit"]}},
        Error((NETWORK, LIMIT, BAD), "truncated"), Error((NETWORK, LIMIT, BAD), "truncated")),
    # limits of the workspace
    Row("limit on series", {"kind": "add", "members": {}}, ANSWER, None, settings={"max_series": 2}, every=True),
    Row("limit on series, labels not narrowed", {"kind": "add", "members": {}}, ANSWER, None,
        settings={"max_series": 2, "ignores_match": True}, every=True),
    Row("limit on the response", {"kind": "add", "members": {}}, ANSWER, None, settings={"max_response_bytes": 2500}, every=True),
    Row("limit on samples", {"kind": "add", "members": {}}, ANSWER, None, settings={"max_samples": 150}, every=True),
    Row("limit on bytes", {"kind": "add", "members": {}}, ANSWER, None, settings={"max_bytes": 2500}, every=True),
    Row("limit on points", {"kind": "add", "members": {}}, (ANSWER, net("11,000")), None, settings={"max_points": 3}, every=True),
    Row("limit that nothing meets", {"kind": "add", "members": {}}, Error((NETWORK, LIMIT), ""), None,
        settings={"max_response_bytes": 20}, every=True),
    Row("limit on the rate", {"kind": "add", "members": {}}, ANSWER, None, settings={"max_per_second": 20}, every=True),
    Row("chunked transfer", {"kind": "add", "members": {}}, ANSWER, None, settings={"transfer": "chunked"}, every=True),
    Row("ended by closing", {"kind": "add", "members": {}}, ANSWER, None, settings={"transfer": "close"}, every=True),
)
