"""Real servers of their own processes, on the database of the test."""

import http.client
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from portal import serving

ROOT = Path(__file__).resolve().parents[1]


def database_url() -> str:
    """The tests' own database, for a server of its own process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Answer:
    status: int  # 0: nobody answered
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Asked:
    """Whatever answers at a port."""

    port: int
    host = "127.0.0.1"
    address: str  # as readers know it

    def get(self, path, *, method="GET", body=None, timeout=10, **headers) -> Answer:
        """On a connection of its own, so that any worker may answer."""
        line = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers.setdefault("Host", urlsplit(self.address).netloc)
        try:
            line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = line.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            return Answer(0, {}, b"")
        finally:
            line.close()


class Server(Asked):
    """Granian as `manage.py serve` starts it, with so many workers. Stop it."""

    def __init__(
        self, var_dir, *, workers=2, threads=2, port=None, database=None, machine=None, tree=ROOT, output=None,
        **environment,
    ):  # fmt: skip
        self.host, within, own_port = (machine.host, machine.within, machine.port) if machine else (self.host, [], None)
        self.port = port or own_port or free_port()
        self.address = environment.get("PUBLIC_ADDRESS", f"http://{self.host}:{self.port}")
        environment = {
            "SECRET_KEY": settings.SECRET_KEY,
            "DATABASE_URL": database or database_url(),
            "VAR_DIR": str(var_dir),
            "PUBLIC_ADDRESS": self.address,
            "DEBUG": "1",  # styles straight from the folder: nothing was collected
            **environment,
        }
        said = open(output, "w") if output else None  # noqa: SIM115 -- it stays open as long as the server
        self.process = subprocess.Popen(
            [
                *within,
                *serving.command(
                    "--host", self.host, "--port", self.port, "--workers", workers, "--blocking-threads", threads
                ),
            ],
            cwd=tree,
            env={**os.environ, **environment},
            start_new_session=True,
            stdout=said,
            stderr=said,
        )

    def wait(self, seconds=60):
        """Until it answers. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while self.get("/health/live").status != 200:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.address} did not answer within {seconds} seconds")
            time.sleep(0.1)
        return self

    def workers(self) -> list[int]:
        """Process numbers of the workers."""
        with suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            lines = {int(one): Path(f"/proc/{one}/cmdline").read_text() for one in children}
            return [number for number, line in lines.items() if "resource_tracker" not in line]
        return []

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # A worker that was being started anew while its server stopped is nobody's child.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
