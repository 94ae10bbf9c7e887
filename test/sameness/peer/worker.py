#!/usr/bin/python3
"""Answers calls from another implementation of the guestfs API: one JSON object a line in, one a line out.

In:  {"call": NAME, "args": [...], "opts": {...}}
Out: {"result": ...} or {"error": {"errno": NAME or null, "message": TEXT}}

Values that JSON has no exact form for travel as objects with one key: {"int": DECIMAL}, {"float": TEXT},
{"bytes": BASE64}, {"map": ...} for every dictionary (a structure or a hash table: the binding makes no difference),
{"in": BASE64} for a file that is sent, {"out": true} for one that is received (its content is then the result).
"""
import base64
import ctypes
import errno
import json
import os
import sys
import tempfile
import warnings

import guestfs

library = ctypes.CDLL("libguestfs.so.0")
library.guestfs_last_errno.argtypes = [ctypes.c_void_p]


class Files:
    """The temporary files of one call, so that file arguments can be given as names."""

    def __init__(self):
        self.names = []
        self.received = None

    def make(self, content=b""):
        fd, name = tempfile.mkstemp(prefix="guestfs-sameness-")
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
        self.names.append(name)
        return name

    def remove(self):
        for name in self.names:
            os.unlink(name)


def decode(value, files):
    if isinstance(value, list):
        return [decode(item, files) for item in value]
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == "int":
        return int(content)
    if kind == "bytes":
        return base64.b64decode(content)
    if kind == "in":
        return files.make(base64.b64decode(content))
    if kind == "out":
        files.received = files.make()
        return files.received
    raise ValueError("unknown kind of value: " + kind)


def encode(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"int": str(int(value))}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return {"map": {key: encode(item) for key, item in value.items()}}


def forget_errors(handle):
    """Some functions fail without an error of their own, and would show the one of an earlier call, with its errno."""
    try:
        handle.set_backend("none")
    except RuntimeError:
        pass


def errno_of(handle, failure):
    if isinstance(failure, RuntimeError):
        return errno.errorcode.get(library.guestfs_last_errno(handle.c_pointer()))
    # The call is not one of the binding's at all: no outcome that could be the same elsewhere.
    return type(failure).__name__


def answer(handle, request):
    files = Files()
    try:
        args = [decode(value, files) for value in request.get("args", [])]
        opts = {name: decode(value, files) for name, value in request.get("opts", {}).items()}
        forget_errors(handle)
        result = getattr(handle, request["call"])(*args, **opts)
        if files.received is not None:
            with open(files.received, "rb") as stream:
                result = stream.read()
        return {"result": encode(result)}
    except (RuntimeError, AttributeError, TypeError, ValueError, OverflowError) as failure:
        return {"error": {"errno": errno_of(handle, failure), "message": str(failure)}}
    finally:
        files.remove()


def main():
    warnings.simplefilter("ignore", DeprecationWarning)
    handle = guestfs.GuestFS(python_return_dict=True)
    # Events go nowhere: standard output belongs to the answers.
    handle.set_event_callback(lambda *_: None, guestfs.EVENT_WARNING | guestfs.EVENT_TRACE)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(handle, json.loads(line))) + "\n")
        sys.stdout.flush()


main()
