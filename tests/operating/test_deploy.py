"""What stands in deploy/ is run as far as it can be without a container engine or systemd as the first process."""

import http.server
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings as portal_settings

from conditions.management.commands import settings_reference
from portal import serving
from tests.documented import documented
from tests.servers import ROOT, Server, database_url, free_port

DEPLOY = ROOT / "deploy"
SETTINGS = {name for _place, name, _default in settings_reference._settings((ROOT / "portal/settings.py").read_text())}
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
ANALYZE = shutil.which("systemd-analyze")


# The container file


def instructions():
    said = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.M)
    return [tuple(line.split(None, 1)) for line in said.splitlines() if line.strip()]


def of(word):
    return [rest for name, rest in instructions() if name == word]


def test_the_container_file_installs_what_is_pinned_and_takes_only_what_it_names():
    pip = next(rest for rest in of("RUN") if "pip" in rest)
    flags = re.search(r"^INSTALL := (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
    assert f"pip {flags} --no-cache-dir -r requirements.lock" in pip
    copied = [rest.split() for rest in of("COPY")]
    assert all(Path(ROOT / part).exists() for one in copied if "--from=made" not in one for part in one[:-1])
    assert not {part for one in copied for part in one} & {".", "var", "tests", ".git", ".env"}
    assert of("USER") == ["10001:10001"]
    bases = of("FROM")
    assert len(bases) == 2 and bases[0] == f"{bases[1]} AS made"
    said = " ".join(rest for _name, rest in instructions())
    assert "SECRET_KEY" not in said and "DATABASE_URL" not in said
    named = {part.partition("=")[0] for rest in of("ENV") for part in rest.split()}
    assert {one for one in named if not one.startswith("PYTHON")} <= SETTINGS


@pytest.mark.on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_what_the_container_runs_prepares_serves_and_is_well_and_writes_nothing_beside_the_code(tmp_path):
    """Its own steps, in a folder that holds what it copies, with this environment's packages for its own."""
    code, var = tmp_path / "portal", tmp_path / "written"
    code.mkdir()
    for rest in of("COPY"):
        for part in rest.split()[:-1] if "--from" not in rest else ():
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("*.mo", "__pycache__"))
            else:
                shutil.copy(ROOT / part, code / part)
    (code / ".venv").symlink_to(sys.prefix)
    environment = {
        "PATH": os.environ["PATH"], "SECRET_KEY": "s" * 40, "PUBLIC_ADDRESS": "https://health.example.org",
        "BEHIND_PROXY": "1", **dict(part.split("=", 1) for rest in of("ENV") for part in rest.split()),
        "VAR_DIR": str(var), "DATABASE_URL": database_url(), "RELEASE": "r1", "METRICS_TOKEN": "only-for-this-test-of-deploying",
    }  # fmt: skip
    for step in of("RUN"):
        if "manage.py" in step:
            step = step.replace("/tmp/build", str(tmp_path / "build"))
            subprocess.run(step, shell=True, cwd=code, check=True, env={"PATH": os.environ["PATH"]})
    assert list(code.glob("locale/*/LC_MESSAGES/*.mo"))
    before = sorted(path for path in code.rglob("*"))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    subprocess.run(compose["prepare"]["command"], cwd=code, env=environment, check=True, stdout=subprocess.DEVNULL)
    port = str(free_port())
    command = [port if part == "8000" else part for part in json.loads(of("CMD")[0])]
    command[command.index("0.0.0.0")] = "127.0.0.1"
    well = json.loads(of("HEALTHCHECK")[0].partition(" CMD ")[2])
    well[-1] = well[-1].replace("8000", port)
    running = subprocess.Popen(command, cwd=code, env=environment)
    try:
        until = time.monotonic() + 60
        while subprocess.run(well, cwd=code, stderr=subprocess.DEVNULL).returncode:
            assert time.monotonic() < until and running.poll() is None
            time.sleep(0.3)
        running.terminate()
        assert running.wait(45) == 0
    finally:
        running.kill()
    assert subprocess.run(well, cwd=code, stderr=subprocess.DEVNULL).returncode
    assert sorted(path for path in code.rglob("*")) == before


@pytest.mark.parametrize("where", ["Containerfile", "portal.service"])
def test_it_is_served_as_make_run_serves_it_and_as_the_benchmark_measures(where):
    line = of("CMD")[0] if where == "Containerfile" else unit(where)["ExecStart"][0]
    given = json.loads(line) if line.startswith("[") else shlex.split(line)
    more = ["--host", "0.0.0.0"] if where == "Containerfile" else []
    wanted = serving.command(*more, "--port", 8000)
    assert given[0].endswith(".venv/bin/python")
    assert given[1:] == wanted[1:]


# The compose file


def test_the_compose_file_gives_each_service_no_more_than_it_needs():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"], name
        for variable, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|DATABASE_URL", variable):
                assert "${" in value and ":?" in value, variable
        if "postgres:" not in service["image"]:
            assert set(service["environment"]) <= SETTINGS
            assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
            assert (ROOT / service["build"]["dockerfile"]).exists()
    assert set(compose["services"]) == {"database", "prepare", "portal", "backup"}
    portal = compose["services"]["portal"]
    assert portal["restart"] == "unless-stopped" and "healthcheck" not in portal  # the image's own
    written = portal["volumes"][0].partition(":")[2]
    assert f"VAR_DIR={written}" in of("ENV")[0] and of("VOLUME") == [written]


# systemd


def unit(name) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.skipif(not ANALYZE, reason="no systemd-analyze on this machine")
def test_systemd_understands_the_units_and_finds_little_exposed(tmp_path):
    verify = documented("systemd-analyze verify")
    units = [Path(part).name for part in verify if part.startswith("deploy/")]
    assert sorted(units) == sorted(path.name for path in DEPLOY.iterdir() if path.suffix in {".service", ".timer"})
    for name in units:
        (tmp_path / "deploy").mkdir(exist_ok=True)
        (tmp_path / "deploy" / name).write_text((DEPLOY / name).read_text().replace("/opt/portal", str(ROOT)))
    done = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True)
    # Of our own units; others of the machine are none of this test's business.
    assert not [line for line in done.stderr.splitlines() if "portal" in line], done.stderr
    for name in units[:2]:
        security = [part.replace("portal.service", name) for part in documented("systemd-analyze security")]
        done = subprocess.run(security, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-300:]
    told = {part.partition("=")[0] for name in units[:2] for part in unit(name)["Environment"][0].split()}
    assert {one for one in told if not one.startswith("PYTHON")} <= SETTINGS


# nginx


class Upstream(http.server.ThreadingHTTPServer):
    """In the portal's place: remembers what it was asked, and over how many connections."""

    daemon_threads = True

    def __init__(self):
        self.asked, self.connections = [], 0
        super().__init__(("127.0.0.1", 0), Remembering)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        self.connections += 1
        return super().get_request()


class Remembering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, dict(self.headers), len(body)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *args):
        pass


class Nginx:
    """deploy/nginx.conf as it stands, with ports, certificate and upstream of this machine."""

    def __init__(self, folder, upstream):
        self.plain, self.tls, self.folder = free_port(), free_port(), folder
        self.certificate()
        said = (DEPLOY / "portal-upstream.conf").read_text() + (DEPLOY / "nginx.conf").read_text()
        said = re.sub(r"^\s*listen \[::\].*\n", "", said, flags=re.M)
        for given, ours in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"), ("listen 443 ", f"listen 127.0.0.1:{self.tls} "),
            ("/etc/ssl/portal/", f"{folder}/"), ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ):  # fmt: skip
            assert given in said
            said = said.replace(given, ours)
        temporary = "".join(
            f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{user} daemon off; pid {folder}/pid; error_log stderr emerg; events {{}}\nhttp {{ {temporary}\n{said}\n}}"
        )
        flags = ["-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
        tried = subprocess.run([NGINX, *documented("nginx -t")[1:], *flags], capture_output=True, text=True)
        assert tried.returncode == 0, tried.stderr
        self.said = folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen([NGINX, *flags], stdout=said, stderr=said)
        until = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", self.tls)):
            assert time.monotonic() < until
            time.sleep(0.05)

    def certificate(self):
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "health.example.org")])
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("health.example.org")]), critical=False)
        pem = serialization.Encoding.PEM
        (self.folder / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "privkey.pem").write_bytes(private)

    def line(self, *protocols):
        context = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        if protocols:
            context.set_alpn_protocols(protocols)
        raw = socket.create_connection(("127.0.0.1", self.tls), timeout=15)
        return context.wrap_socket(raw, server_hostname="health.example.org")

    def ask(self, path, *, head="", method="GET", body=b""):
        """(status, everything that came back)."""
        with self.line() as line:
            said = f"{method} {path} HTTP/1.1\r\nHost: health.example.org\r\nConnection: close\r\n{head}"
            said += f"Content-Length: {len(body)}\r\n\r\n" if body else "\r\n"
            answer = b""
            with suppress(OSError):  # refused while it was sent; why, stands in the answer
                line.sendall(said.encode() + body)
            while more := line.recv(65536):
                answer += more
        return int(answer.split(None, 2)[1]), answer.decode(errors="replace")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def before_a_stand_in(tmp_path):
    upstream = Upstream()
    nginx = Nginx(tmp_path, upstream.server_port)
    yield nginx, upstream
    nginx.stop()
    upstream.shutdown()


@pytest.mark.skipif(not NGINX, reason="no nginx on this machine")
def test_nginx_says_who_asks_by_itself_keeps_slow_clients_and_writes_nothing_down(before_a_stand_in):
    nginx, upstream = before_a_stand_in
    forged = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\nForwarded: for=x\r\nX-Request-ID: zebrapox\r\n"
    forged += "X-Forwarded-Host: evil.example\r\n"
    for _ in range(5):
        assert nginx.ask("/en/conditions/zebrapox/", head=forged)[0] == 200
    path, headers, _length = upstream.asked[0]
    assert path == "/en/conditions/zebrapox/"
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == ("127.0.0.1", "https")
    assert headers["Host"] == "health.example.org"
    assert not set(headers) & {"Forwarded", "X-Forwarded-Host", "X-Request-ID", "X-Request-Id", "Connection"}
    assert upstream.connections == 1  # kept open, and used again

    slow = nginx.line()
    slow.sendall(b"POST /en/ HTTP/1.1\r\nHost: health.example.org\r\nContent-Length: 100\r\n\r\nhalf")
    time.sleep(1)
    assert len(upstream.asked) == 5
    slow.close()

    large = b"x" * (6 * 1024 * 1024)
    assert nginx.ask("/en/", method="POST", body=large)[0] == 413
    assert len(upstream.asked) == 5
    assert nginx.ask("/admin/", method="POST", body=large)[0] == 200
    assert upstream.asked[-1][2] == len(large)
    for hidden in ("/metrics", "/health/ready"):
        status, said = nginx.ask(hidden)
        assert status == 404 and not re.search(r"nginx/\d", said)
    with nginx.line("h2", "http/1.1") as line:
        assert (line.selected_alpn_protocol(), line.version()) == ("h2", "TLSv1.3")
    with socket.create_connection(("127.0.0.1", nginx.plain), timeout=5) as plain:
        plain.sendall(b"GET /en/?q=1 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert b"Location: https://health.example.org/en/?q=1\r\n" in plain.recv(4096)
    assert nginx.said.read_text() == ""
    files = [path for path in nginx.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"zebrapox" in path.read_bytes()]


@pytest.mark.skipif(not NGINX, reason="no nginx on this machine")
def test_nginx_lets_through_what_the_portal_takes_and_no_more():
    said = (DEPLOY / "nginx.conf").read_text()
    sizes = [int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m;", said)]
    assert sizes[0] == portal_settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    from conditions import bundle_desk, pictures  # noqa: PLC0415 -- models are there only now

    assert sizes[1] > max(bundle_desk.MOST_BYTES, pictures.MOST_BYTES)


@pytest.mark.skipif(not NGINX, reason="no nginx on this machine")
@pytest.mark.django_db(transaction=True)
def test_behind_nginx_the_portal_knows_that_it_is_encrypted(tmp_path):
    server = Server(
        tmp_path, workers=1, PUBLIC_ADDRESS="https://health.example.org", BEHIND_PROXY="1", FRONT_CACHE_MB="1"
    )
    nginx = None
    try:
        server.wait()
        nginx = Nginx(tmp_path, server.port)
        for _ in range(2):  # made, then from memory
            status, said = nginx.ask("/en/")
            assert status == 200 and "strict-transport-security: max-age=31536000" in said.lower()
        assert server.get("/en/", Host="health.example.org").status == 301  # past nginx: no TLS
        status, said = nginx.ask("/admin/login/")
        assert status == 200 and re.search(r"set-cookie: __Secure-csrf=.*; Secure", said, re.IGNORECASE)
        assert nginx.ask("/nowhere", head="X-Forwarded-Proto: http\r\n")[0] == 404
        server.stop()
        status, said = nginx.ask("/en/")
        assert status == 503 and "try again in a minute" in said and not re.search(r"nginx/\d", said)
        assert "Retry-After: 10\r\n" in said and "Cache-Control: no-store\r\n" in said
    finally:
        server.stop()
        if nginx:
            nginx.stop()
