"""Requests that two servers could understand in two ways: straight to ours, and through nginx in front of it.

Nobody may get an answer to a request that somebody else hid in theirs.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import suppress

import pytest

from tests import make
from tests.servers import Server, free_port

pytestmark = pytest.mark.django_db(transaction=True)
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
HIDDEN = "GET /robots.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Hidden: 1\r\n\r\n"


def request(*lines, body="", target="/en/symptoms/tremor/feedback/", method="POST"):
    form = "Content-Type: application/x-www-form-urlencoded"  # the target reads its body, so the line could go on
    head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", form, *lines])
    return f"{head}\r\n\r\n{body}".encode("latin-1")


CHUNKED = "Transfer-Encoding: chunked"
END = "0\r\n\r\n"
LENGTH = f"Content-Length: {len(END + HIDDEN)}"
AMBIGUOUS = {
    "length, then chunked": request(LENGTH, CHUNKED, body=END + HIDDEN),
    "chunked, then length": request(CHUNKED, LENGTH, body=END + HIDDEN),
    "short length and chunked": request("Content-Length: 4", CHUNKED, body=f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n{END}"),
    "chunked twice": request(CHUNKED, CHUNKED, LENGTH, body=END + HIDDEN),
    "chunked and something else": request(CHUNKED, "Transfer-Encoding: x", LENGTH, body=END + HIDDEN),
    "something else than chunked": request("Transfer-Encoding: xchunked", LENGTH, body=END + HIDDEN),
    "chunked, then identity": request("Transfer-Encoding: chunked, identity", LENGTH, body=END + HIDDEN),
    "chunked with a space before the colon": request("Transfer-Encoding : chunked", LENGTH, body=END + HIDDEN),
    "chunked with a tab": request("Transfer-Encoding:\tchunked", LENGTH, body=END + HIDDEN),
    "chunked with a vertical tab": request("Transfer-Encoding: \x0bchunked", LENGTH, body=END + HIDDEN),
    "chunked on a folded line": request("Transfer-Encoding:\r\n chunked", LENGTH, body=END + HIDDEN),
    "chunked behind a bare line feed": request("X: y\nTransfer-Encoding: chunked", LENGTH, body=END + HIDDEN),
    "chunked behind a bare carriage return": request("X: y\rTransfer-Encoding: chunked", LENGTH, body=END + HIDDEN),
    "chunked in upper case": request("TRANSFER-ENCODING: CHUNKED", LENGTH, body=END + HIDDEN),
    "chunked in quotes": request('Transfer-Encoding: "chunked"', LENGTH, body=END + HIDDEN),
    "chunked behind an underscore": request("Transfer_Encoding: chunked", LENGTH, body=END + HIDDEN),
    "two lengths": request("Content-Length: 0", LENGTH, body=END + HIDDEN),
    "two lengths in one": request(f"Content-Length: 0, {len(HIDDEN)}", body=HIDDEN),
    "a length with a sign": request("Content-Length: +0", body=HIDDEN),
    "a length below nothing": request("Content-Length: -1", body=HIDDEN),
    "a length in hexadecimal": request("Content-Length: 0x0", body=HIDDEN),
    "a length with a space in it": request("Content-Length: 1 0", body=HIDDEN),
    "a length of very many digits": request("Content-Length: 18446744073709551616", body=HIDDEN),
    "an empty length": request("Content-Length:", body=HIDDEN),
    "a length on a folded line": request("Content-Length:\r\n 0", f"Content-Length: {len(HIDDEN)}", body=HIDDEN),
    "a chunk's size with a sign": request(CHUNKED, body=f"+0\r\n\r\n{HIDDEN}"),
    "a chunk's size in 0x": request(CHUNKED, body=f"0x0\r\n\r\n{HIDDEN}"),
    "a chunk's size too large": request(CHUNKED, body=f"ffffffffffffffff0\r\n\r\n{HIDDEN}"),
    "a chunk that ends in a bare line feed": request(CHUNKED, body=f"1\nx\n0\n\n{HIDDEN}"),
    "a chunk's extension with a line feed": request(CHUNKED, body=f"1;a\nb\r\nx\r\n0\r\n\r\n{HIDDEN}"),
    "a chunk longer than it says": request(CHUNKED, body=f"1\r\nxyz\r\n0\r\n\r\n{HIDDEN}"),
    "chunked in HTTP/1.0": request(CHUNKED, LENGTH, body=END + HIDDEN).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a GET with a body": request(LENGTH, body=END + HIDDEN, method="GET"),
    "a space before the first header": request(body="").replace(b"Host:", b" Host:", 1) + HIDDEN.encode(),
    "a header without a name": request(": x", LENGTH, body=END + HIDDEN),
    "a header without a colon": request("nothing", LENGTH, body=END + HIDDEN),
    "a zero byte in a header": request("X: \x00", LENGTH, body=END + HIDDEN),
    "two hosts": request("Host: elsewhere.example", LENGTH, body=END + HIDDEN),
    "another host in the target": request(LENGTH, target="http://elsewhere.example/en/", body=END + HIDDEN),
    "a target with a line in it": request(target="/en/\r\nX: y", method="GET"),
    "HTTP/0.9": b"GET /robots.txt\r\n\r\n",
    "HTTP/9.9": request(method="GET").replace(b"HTTP/1.1", b"HTTP/9.9"),
    "the beginning of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade to HTTP/2": request("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade, HTTP2-Settings", method="GET"),
    "a method with a space before it": b" " + request(method="GET"),
    "a very long header": request("X: " + "y" * 500_000, method="GET"),
}  # fmt: skip


# Nothing at all, or a refusal: these have no meaning that two servers would agree on.
REFUSED = {
    name for name in AMBIGUOUS
    if re.search("two|sign$|below|hexadecimal|space|digits|empty|folded|vertical|carriage|quotes|else|identity|/1.0|zero|"
                 "without|0.9|9.9|line in it", name)
} - {"a chunk's size with a sign", "another host in the target"}  # fmt: skip


def said(port, sent, *, seconds=0.2) -> bytes:
    """Everything a server answers on one connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line, suppress(OSError):
        line.sendall(sent)
        while more := line.recv(65536):
            got += more
            line.settimeout(seconds)
    return got


def statuses(got):
    return re.findall(rb"HTTP/1\.[01] ([0-9]{3})", got)


@pytest.fixture
def server(tmp_path):
    make.published(make.symptom())
    running = Server(tmp_path / "var", workers=1).wait()
    yield running
    running.stop()


@pytest.fixture
def nginx(server, tmp_path):
    """In front of ours, with connections that many readers share, and a cache. Its port."""
    port = free_port()
    folders = "".join(
        f"{one}_temp_path {tmp_path}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"""{user} daemon off; pid {tmp_path}/pid; error_log /dev/null; events {{}}
        http {{ access_log off; {folders} proxy_cache_path {tmp_path}/cache keys_zone=kept:1m;
          upstream portal {{ server 127.0.0.1:{server.port}; keepalive 1; }}
          server {{ listen 127.0.0.1:{port}; proxy_cache kept; server_tokens off; location / {{
            proxy_pass http://portal; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; }} }} }}"""
    )
    running = subprocess.Popen([NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
    for _try in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield port
    running.terminate()
    running.wait()


def test_a_request_of_two_meanings_is_refused_or_answered_once(server):
    wrong = {}
    for name, sent in AMBIGUOUS.items():
        got = said(server.port, sent)
        answers = statuses(got)
        if name in REFUSED and not set(answers) <= {b"400"}:
            wrong[name] = answers
        if len(answers) > 1 or b"User-agent" in got or (answers == [b"200"] and b"elsewhere" in got):
            wrong[name] = answers
        assert not re.search(rb"(?i)\nserver: (?!granian\r)", got), name  # a name, and no version
    assert wrong == {}
    assert len(REFUSED) == 27
    # Two requests that mean one thing each are two answers: what hides above would have been seen.
    assert statuses(said(server.port, request(method="GET") + HIDDEN.encode(), seconds=5)) == [b"200", b"200"]


@pytest.mark.skipif(not NGINX, reason="no nginx on this machine")
def test_behind_nginx_nobody_gets_the_answer_to_what_somebody_else_hid(server, nginx):
    ask = request("Connection: close", target="/en/symptoms/tremor/", method="GET")
    clean = said(nginx, ask, seconds=30).partition(b"\r\n\r\n")[2]
    assert b"Tremor" in clean
    wrong = {}
    for name, sent in AMBIGUOUS.items():
        said(nginx, sent)
        for _reader in range(2):
            answer = said(nginx, ask, seconds=30)
            if statuses(answer) != [b"200"] or answer.partition(b"\r\n\r\n")[2] != clean:
                wrong[name] = answer[:300]
    assert wrong == {}
