#!/usr/bin/python3
"""Makes calls with tracing on and prints the lines of each as a JSON list of lists.

Arguments: a disk image, and a JSON list of calls, each [NAME, [ARGUMENT, ...], {OPTION: VALUE, ...}]. Only the first
and the last line of a call is kept: between them are the calls that the library makes by itself.
"""
import json
import sys
import warnings

import guestfs

warnings.simplefilter("ignore")
lines = []
g = guestfs.GuestFS(python_return_dict=True)
g.add_drive_opts(sys.argv[1], format="raw")
g.set_event_callback(lambda _event, _handle, line, _array: lines.append(line), guestfs.EVENT_TRACE)
g.set_trace(True)
traced = []
for name, arguments, options in json.loads(sys.argv[2]):
    lines.clear()
    try:
        getattr(g, name)(*arguments, **options)
    except RuntimeError:
        pass
    traced.append([lines[0], lines[-1]] if lines else [])
print(json.dumps(traced))
g.close()
