#!/usr/bin/python3
"""Launches python3-guestfs on a disk, plays a small session, and says when each step was done, as JSON.

Arguments: the disk. Output: {"launched", "first", "session"} in milliseconds since the start, and {"rss"} in MB.
"""
import json
import sys
import time

import guestfs


def resident(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


start = time.perf_counter()
done = {}


def mark(name):
    done[name] = (time.perf_counter() - start) * 1000


g = guestfs.GuestFS(python_return_dict=True)
g.add_drive(sys.argv[1], format="raw")
g.launch()
mark("launched")
assert g.list_devices() == ["/dev/sda"]
mark("first")
g.part_disk("/dev/sda", "gpt")
g.mkfs("ext4", "/dev/sda1")
g.mount("/dev/sda1", "/")
g.write("/file", b"content")
assert g.read_file("/file") == b"content"
g.sync()
mark("session")
done["rss"] = resident(g.get_pid())
g.close()
print(json.dumps(done))
