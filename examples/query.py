#!/usr/bin/env python3
"""libampql from Python, with nothing but ctypes: memory by namespace over a day, as examples/instant.c.

    query.py [SOURCE [QUERY]]        AMPQL_LIBRARY: the shared library; libampql.so.0 of the system when not set
"""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p


class Error(ctypes.Structure):
    _fields_ = [("code", c_int), ("start", c_size_t), ("end", c_size_t), ("has_span", c_bool), ("message", c_char * 2048)]


class String(ctypes.Structure):
    _fields_ = [("data", POINTER(c_char)), ("size", c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.size).decode("utf-8", "replace")


class Label(ctypes.Structure):
    _fields_ = [("name", String), ("value", String)]


class Series(ctypes.Structure):
    _fields_ = [("labels", POINTER(Label)), ("nlabels", c_size_t), ("t_ms", POINTER(c_int64)), ("values", POINTER(c_double)),
                ("present", POINTER(c_uint64)), ("n", c_size_t)]


class RunOptions(ctypes.Structure):
    """The first members of struct ampql_run_options; its size says how many, and all others are as if zero."""

    _fields_ = [("size", c_size_t), ("start_ms", c_int64), ("end_ms", c_int64), ("step_ms", c_int64), ("dialect", c_int)]


def library():
    lib = ctypes.CDLL(os.environ.get("AMPQL_LIBRARY", "libampql.so.0"))
    for name, result, *arguments in (
        ("ampql_engine_new", c_int, c_void_p, POINTER(c_void_p), POINTER(Error)),
        ("ampql_source_file", c_int, c_void_p, c_char_p, c_void_p, POINTER(c_void_p), POINTER(Error)),
        ("ampql_source_dialect", c_int, c_void_p),
        ("ampql_query_compile", c_int, c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(Error)),
        ("ampql_query_run", c_int, c_void_p, c_void_p, POINTER(RunOptions), POINTER(c_void_p), POINTER(Error)),
        ("ampql_result_count", c_size_t, c_void_p),
        ("ampql_result_series", Series, c_void_p, c_size_t),
        ("ampql_result_free", None, c_void_p),
        ("ampql_query_free", None, c_void_p),
        ("ampql_source_free", None, c_void_p),
        ("ampql_engine_free", None, c_void_p),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def main():
    lib, error = library(), Error()
    path = sys.argv[1] if len(sys.argv) > 1 else "examples/data/cluster_day.aqc"
    text = (sys.argv[2] if len(sys.argv) > 2 else
            "sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d])) / 2^20").encode()
    engine, source, query, result = (c_void_p() for _ in range(4))

    def check(code):
        if code:
            sys.exit(error.message.decode())

    check(lib.ampql_engine_new(None, byref(engine), byref(error)))
    check(lib.ampql_source_file(engine, path.encode(), None, byref(source), byref(error)))
    check(lib.ampql_query_compile(engine, text, len(text), byref(query), byref(error)))
    options = RunOptions(size=ctypes.sizeof(RunOptions), start_ms=1772409600000, dialect=lib.ampql_source_dialect(source))
    check(lib.ampql_query_run(query, source, byref(options), byref(result), byref(error)))
    for i in range(lib.ampql_result_count(result)):
        series = lib.ampql_result_series(result, i)
        labels = ["%s=%s" % (series.labels[k].name, series.labels[k].value) for k in range(series.nlabels)]
        print(*labels, "%.3f MiB" % series.values[0])
    lib.ampql_result_free(result)
    lib.ampql_query_free(query)
    lib.ampql_source_free(source)
    lib.ampql_engine_free(engine)


if __name__ == "__main__":
    main()
