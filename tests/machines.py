"""Two machines on one: network namespaces with an address each, or two ports where those are not permitted."""

import os
import shutil
import subprocess
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field

IP = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")


@dataclass
class Machine:
    host: str = "127.0.0.1"
    within: list[str] = field(default_factory=list)  # words before a command that is to run there
    port: int | None = None  # None: any


def _ip(*words):
    subprocess.run([IP, *words], check=True, capture_output=True, text=True)


@contextmanager
def two():
    """Two machines. Where it is two ports only, that is said among what was not run."""
    made, machines = [], []
    try:
        for number in range(2):
            name, device = f"portal-{os.getpid()}-{number}", f"pt{os.getpid()}v{number}"
            ours, its = (f"10.213.{os.getpid() % 250}.{4 * number + last}" for last in (1, 2))
            _ip("netns", "add", name)
            made.append(name)
            _ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("addr", "add", f"{ours}/30", "dev", device)
            _ip("link", "set", device, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "addr", "add", f"{its}/30", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            machines.append(Machine(its, [IP, "netns", "exec", name], 8000))
    except (OSError, TypeError, subprocess.CalledProcessError) as error:
        machines = [Machine(), Machine()]
        _say(f"two machines in network namespaces: two ports instead ({getattr(error, 'stderr', '') or error})")
    try:
        yield machines
    finally:
        for name in made:
            _ip("netns", "del", name)


def _say(line):
    warnings.warn(line, stacklevel=3)
    if report := os.environ.get("NOT_RUN_REPORT"):
        with open(report, "a", encoding="utf-8") as file:
            file.write(line + "\n")
