"""Bytes on the wire, properly or not. A fault of WIRE takes over from the headers on.

handler is a BaseHTTPRequestHandler; after anything improper its connection is closed."""
import functools
import gzip
import socket
import struct
import time

REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
LONG_S = 3600
EMPTY = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'


def head(answer, headers, status=None):
    status = status or answer.status
    lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status"))]
    lines += ["%s: %s" % pair for pair in answer.headers + headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(body, size=8192):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))


def send(handler, answer, transfer="length"):
    """The whole answer, its end marked in one of the three ways."""
    if transfer == "chunked":
        data = head(answer, [("Transfer-Encoding", "chunked")]) + chunked(answer.body) + b"0\r\n\r\n"
    elif transfer == "close":
        data = head(answer, [("Connection", "close")]) + answer.body
        handler.close_connection = True
    elif answer.status == 204:
        data = head(answer, [])
    else:
        data = head(answer, [("Content-Length", str(len(answer.body)))]) + answer.body
    handler.wfile.write(data)
    handler.wfile.flush()


def reset(connection):
    """RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def compress(answer):
    answer.body = gzip.compress(answer.body, 1)
    answer.headers.append(("Content-Encoding", "gzip"))
    return answer


def cut_place(answer, fault):
    """Where the body ends early: "at_byte", or a "stride" that walks over the body from one request to the next."""
    total = len(answer.body)
    if "stride" in fault:
        fault["walk"] = fault.get("walk", 0) + fault["stride"]
        return fault["walk"] % max(total, 1)
    return min(fault.get("at_byte", total // 2), max(total - 1, 0))


def hold(handler, seconds):
    """Nothing more for so long, or until the client has gone."""
    handler.connection.settimeout(0.1)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not handler.server.is_stopping:
        try:
            if handler.connection.recv(1) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return


def length(n):
    return [("Content-Length", str(n))]


@functools.lru_cache
def bomb(size):
    """Small on the wire, huge when unpacked, and JSON up to there."""
    return gzip.compress(b'{"status":"success","data":{"resultType":"matrix","result":[' + b" " * size, 9)


def unasked(answer):
    """A second answer behind the first, in one piece with it, which the first is too long to be read along with."""
    body = answer.body + b" " * 20000
    return head(answer, length(len(body))) + body + head(answer, length(len(EMPTY)), 200) + EMPTY


def improper(handler, answer, fault):
    kind, write, body = fault["kind"], handler.wfile.write, answer.body
    place = cut_place(answer, fault)
    if kind == "unasked":
        write(unasked(answer))
        handler.wfile.flush()
        return  # the connection stays
    if kind == "reset":
        reset(handler.connection)
    elif kind == "reset_after_headers":
        write(head(answer, length(len(body))))
        handler.wfile.flush()
        time.sleep(0.02)
        reset(handler.connection)
    elif kind == "cut":  # the length promises more
        write(head(answer, length(len(body))) + body[:place])
        handler.wfile.flush()
        if fault.get("reset"):
            time.sleep(0.02)
            reset(handler.connection)
    elif kind == "close_early":  # no length: only the JSON tells
        write(head(answer, [("Connection", "close")]) + body[:place])
    elif kind == "chunk_missing_last":
        write(head(answer, [("Transfer-Encoding", "chunked")]) + chunked(body))
    elif kind == "chunk_bad_size":
        write(head(answer, [("Transfer-Encoding", "chunked")]) + b"zz\r\n" + body + b"\r\n0\r\n\r\n")
    elif kind == "chunk_huge_size":
        write(head(answer, [("Transfer-Encoding", "chunked")]) + b"fffffffffffffffffff\r\n" + body + b"\r\n0\r\n\r\n")
    elif kind == "length_too_small":
        write(head(answer, length(place)) + body)
    elif kind == "length_too_large":
        write(head(answer, length(len(body) + 10)) + body)
    elif kind == "length_negative":
        write(head(answer, length(-1)) + body)
    elif kind == "length_twice":
        write(head(answer, length(len(body)) + length(place)) + body)
    elif kind == "header_huge":
        write(head(answer, [("X-Padding", "x" * (1 << 20))] + length(len(body))) + body)
    elif kind == "headers_endless":
        write(b"HTTP/1.1 200 OK\r\n")
        for n in range(1 << 20):
            write(b"X-%d: y\r\n" % n)
    elif kind == "continues":  # informational answers without end, then the real one
        write(b"HTTP/1.1 100 Continue\r\n\r\n" * fault.get("n", 1000) + head(answer, length(len(body))) + body)
    elif kind == "not_http":
        write(fault.get("text", "SSH-2.0-OpenSSH_9.2\r\n").encode())
    elif kind in ("trailing", "prefix", "text_replaced"):
        if kind == "text_replaced":
            body = body.replace(fault["old"].encode(), fault["new"].encode("latin-1"), fault.get("n", 1))
        else:
            text = fault["text"].encode("latin-1")
            body = body + text if kind == "trailing" else text + body
        write(head(answer, length(len(body))) + body)
    elif kind.startswith("gzip"):
        packed = {"gzip_corrupt": lambda: flip(gzip.compress(body)), "gzip_cut": lambda: gzip.compress(body)[:-12],
                  "gzip_claimed": lambda: body, "gzip_bomb": lambda: bomb(fault.get("bytes", 1 << 30))}[kind]()
        write(head(answer, [("Content-Encoding", "gzip")] + length(len(packed))) + packed)
    elif kind == "unknown_encoding":
        write(head(answer, [("Content-Encoding", "x-rot13")] + length(len(body))) + body)
    else:
        slowly(handler, answer, fault)
    handler.close_connection = True


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 0xFF,)) + data[middle + 1:]


def slowly(handler, answer, fault):
    kind, write, body = fault["kind"], handler.wfile.write, answer.body
    if kind == "stall_before":
        hold(handler, fault.get("s", LONG_S))
        return
    if kind == "slow":  # late, but whole
        time.sleep(fault["s"])
        send(handler, answer)
        return
    write(head(answer, length(len(body))))
    if kind == "stall":
        write(body[:len(body) // 2])
        handler.wfile.flush()
        hold(handler, fault.get("s", LONG_S))
        return
    for at in range(len(body)):  # drip
        write(body[at:at + 1])
        handler.wfile.flush()
        time.sleep(fault.get("every_s", 1))
        if handler.server.is_stopping:
            return
