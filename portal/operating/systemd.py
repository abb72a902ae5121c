"""Told to systemd (Type=notify): from now on, this server answers."""

import os
import socket


def say_ready():
    """Nothing where nobody listens. systemd names a socket; "@" stands for a name that is in no folder."""
    if not (where := os.environ.get("NOTIFY_SOCKET")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.sendto(b"READY=1", "\0" + where[1:] if where.startswith("@") else where)
