"""The receiving end of remote write: snappy and protobuf undone by hand, and what AMP takes of it."""
import struct

from answer import Answer, aws_error

PATHS = {"amp": "/api/v1/remote_write", "prometheus": "/api/v1/write"}
HEADERS = (("content-type", "application/x-protobuf"), ("content-encoding", "snappy"),
           ("x-prometheus-remote-write-version", "0.1.0"))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at


def unsnap(data):
    """A snappy block: its length, then literals and copies of what came before."""
    length, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            n = tag >> 2
            if n >= 60:
                extra = n - 59
                n = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if tag & 3 == 1:
            n, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            size = 2 if tag & 3 == 2 else 4
            n, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + size], "little")
            at += size
        if not 0 < offset <= len(out):
            raise ValueError("a copy of what is not there")
        for _ in range(n):
            out.append(out[-offset])
    if len(out) != length:
        raise ValueError("%d bytes, %d expected" % (len(out), length))
    return bytes(out)


def fields(data):
    """[(number, value)]: bytes, or 8 bytes, or a whole number."""
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif key & 7 == 2:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
            if len(value) != n:
                raise ValueError("cut")
        else:
            raise ValueError("wire type %d" % (key & 7))
        found.append((key >> 3, value))
    return found


def decode(body):
    """[(labels as a tuple of pairs, [(t_ms, 8 bytes of the value)])]"""
    out = []
    for number, series in fields(body):
        if number != 1:
            raise ValueError("field %d of a request" % number)
        labels, samples = [], []
        for kind, inside in fields(series):
            values = dict(fields(inside))
            if kind == 1:
                labels.append((values[1].decode(), values[2].decode()))
            else:
                t_ms = values.get(2, 0)
                samples.append((t_ms - (1 << 64) if t_ms >> 63 else t_ms, values[1]))
        out.append((tuple(labels), samples))
    return out


def wrong(space, series, now_ms):
    """What AMP says of samples that it does not take; None: it takes them."""
    for labels, samples in series:
        names = [name for name, _ in labels]
        if names != sorted(set(names)) or "__name__" not in names or any(not value for _, value in labels):
            return "labels of a series are not sorted, not unique, empty or without a name"
        times = [t for t, _ in samples]
        if times != sorted(set(times)):
            return "out of order sample"
        known = space.written.get(labels, {})
        for t_ms, value in samples:
            if space["max_age_s"] and t_ms < now_ms - space["max_age_s"] * 1000:
                return "sample is too old"
            if known and t_ms < max(known):
                return "out of order sample"
            if known.get(t_ms, value) != value:
                return "duplicate sample for timestamp"
    return None


def take(space, request):
    for name, value in HEADERS:
        if request.header(name) != value:
            return aws_error(400, "ValidationException", "%s is %s" % (name, request.header(name)))
    try:
        plain = unsnap(request.body)
        series = decode(plain)
    except (ValueError, IndexError, KeyError, struct.error) as error:
        return aws_error(400, "ValidationException", "not a write request: %s" % error)
    if space["max_write_bytes"] and len(request.body) > space["max_write_bytes"]:
        return Answer(413, "request too large", "text/plain")
    refused = wrong(space, series, space.now_s() * 1000)
    if refused:
        return aws_error(400, "ValidationException", refused)
    for labels, samples in series:
        space.written.setdefault(labels, {}).update(samples)
    return Answer(200 if space["flavour"] == "amp" else 204, "", "text/plain")
