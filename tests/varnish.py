"""Varnish with deploy/varnish.vcl, in front of servers of a test."""

import http.client
import shutil
import subprocess
import time
from pathlib import Path

from tests import servers

VARNISHD = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin")
VCL = Path(__file__).resolve().parents[1] / "deploy" / "varnish.vcl"
SECRET = "portal:tests-only"


class Varnish(servers.Asked):
    """The file as it is handed out, with the test's machines and secret. Stop it."""

    def __init__(self, folder: Path, machines, port: int):
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        folder.mkdir()
        secret = folder / "secret"
        secret.write_text(SECRET + "\n")
        vcl = VCL.read_text()
        for said, ours in (
            ('.port = "8000";\n    .probe', f'.port = "{machines[0].port}";\n    .probe'),
            ("# backend two {", f'backend two {{ .host = "127.0.0.1"; .port = "{machines[1].port}"; }}\n#'),
            ("# machines.add_backend(two);", "machines.add_backend(two);"),
            ("/etc/varnish/portal.secret", str(secret)),
        ):
            assert vcl.count(said) == 1, said
            vcl = vcl.replace(said, ours)
        (folder / "portal.vcl").write_text(vcl)
        self.process = subprocess.Popen(
            [VARNISHD, "-F", "-j", "none", "-n", folder / "own", "-f", folder / "portal.vcl", "-a", f"127.0.0.1:{port}"]
            + ["-s", "malloc,32m", "-T", "none", "-p", "thread_pools=1", "-p", "thread_pool_min=20"],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while self.get("/health/live").status != 200:
            if time.monotonic() > until or self.process.poll() is not None:
                raise TimeoutError("Varnish did not answer")
            time.sleep(0.1)

    def purge(self, key="words", *, from_="127.0.0.1", **headers) -> int:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10, source_address=(from_, 0))
        line.request("PURGE", "/", headers={"Surrogate-Key": key, **headers})
        status = line.getresponse().status
        line.close()
        return status

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
