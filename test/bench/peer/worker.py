#!/usr/bin/python3
"""Runs calls for a benchmark and says how long they took: one JSON object a line in, one a line out.

In:  {"call": NAME, "args": [...], "opts": {...}, "count": N}
Out: {"ms": MILLISECONDS} or {"error": TEXT}; the time is that of the calls alone.
"""
import json
import sys
import time

import guestfs


def run(handle, request):
    method = getattr(handle, request["call"])
    args, opts = request.get("args", []), request.get("opts", {})
    start = time.perf_counter()
    for _ in range(request.get("count", 1)):
        method(*args, **opts)
    return (time.perf_counter() - start) * 1000


def main():
    handle = guestfs.GuestFS(python_return_dict=True)
    for line in sys.stdin:
        try:
            answer = {"ms": run(handle, json.loads(line))}
        except RuntimeError as failure:
            answer = {"error": str(failure)}
        print(json.dumps(answer), flush=True)


main()
