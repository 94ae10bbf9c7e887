#!/usr/bin/python3
"""Stands in for qemu: connects a guestfsd of this machine to the socket on which libguestfs listens.

libguestfs asks its hypervisor for its version and features first; those questions go to the real qemu. Set as
LIBGUESTFS_HV. The daemon works on this machine's own files.
"""
import os
import shutil
import socket
import sys

arguments = sys.argv[1:]
chardev = next((item for item in arguments if item.startswith("socket,") and "channel0" in item), None)
if chardev is None:
    qemu = shutil.which("qemu-system-" + os.uname().machine)
    os.execv(qemu, [qemu, *arguments])

path = next(part[5:] for part in chardev.split(",") if part.startswith("path="))
channel = socket.socket(socket.AF_UNIX)
channel.connect(path)
channel.set_inheritable(True)
daemon = shutil.which("guestfsd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
os.execv(daemon, [daemon, "-r", "-c", "fd:%d" % channel.fileno()])
