"""Workspaces: the settings, faults, clock and log of each, made by the control requests of fake_amp.py."""
import itertools
import json
import threading
import time

from amp import DEFAULTS, Bucket
from faults import Faults
from memory import Memory


class Space:
    def __init__(self, name, settings, upstream):
        unknown = settings.keys() - DEFAULTS.keys()
        if unknown:
            raise ValueError("unknown settings: %s" % ", ".join(sorted(unknown)))
        self.name = name
        self.settings = {**DEFAULTS, **settings}
        self.upstream = upstream
        if self.settings["series"] is not None:
            self.upstream = Memory(self.settings["series"], self.settings["left_open"], self.settings["ignores_match"])
        self.faults = Faults(self.settings["faults"])
        self.bucket = Bucket()
        self.lock = threading.Lock()
        self.log = []
        self.written = {}  # by remote write: {labels: {t_ms: 8 bytes of a value}}
        self.ids = itertools.count(1)

    def __getitem__(self, name):
        return self.settings[name]

    def now_s(self):
        return time.time() + self.settings["skew_s"]

    def request_id(self):
        with self.lock:
            return "fa4e%04x-0000-4000-8000-%012x" % (hash(self.name) & 0xFFFF, next(self.ids))

    def note(self, entry):
        with self.lock:
            entry["n"] = len(self.log)
            self.log.append(entry)

    def report(self):
        with self.lock:
            log = list(self.log)
        return {"log": log, "requests": len(log), "billed": sum(entry["billed"] for entry in log),
                "unsigned": sum(not entry["signature_ok"] for entry in log), "hits": self.faults.hits()}


class Spaces:
    """All workspaces by name. Unknown ones do not exist, unless there is a default for all."""

    def __init__(self, upstream, default, log_path):
        self.upstream = upstream
        self.default = default
        self.lock = threading.Lock()
        self.all = {}
        self.log_file = open(log_path, "a", encoding="utf-8") if log_path else None

    def get(self, name):
        with self.lock:
            if name not in self.all and self.default is not None:
                self.all[name] = Space(name, self.default, self.upstream)
            return self.all.get(name)

    def put(self, name, settings):
        space = Space(name, {**(self.default or {}), **settings}, self.upstream)
        with self.lock:
            self.all[name] = space

    def drop(self, name):
        with self.lock:
            return self.all.pop(name, None)

    def note(self, space, entry):
        space.note(entry)
        if self.log_file:
            with self.lock:
                self.log_file.write(json.dumps({"workspace": space.name, **entry}) + "\n")
                self.log_file.flush()
