"""Starts a server with the demonstration content, lets wapiti crawl and attack it for a few minutes, and reads what it found.

Only an address of this machine is ever asked. What is found and stands in explained.toml has its reason there.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
MODULES = "cookieflags,crlf,csp,csrf,exec,file,http_headers,ldap,methods,permanentxss,redirect,sql,ssrf,timesql,upload,xss,xxe"
# Signing out would end the crawl; the rest would take it through every row of every table.
LEFT_ALONE = ("/admin/logout/", "/admin/password_change/", "/static/", "/media/")


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--address", help="a server that runs already, on this machine")
    asked.add_argument(
        "--seconds", type=int, default=90, help="for each crawl; attacks take as long again for each kind, at most"
    )
    asked.add_argument("--wapiti", default=ROOT / ".venv/audit/bin/wapiti", type=Path)
    said = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = None
        address = said.address or "http://127.0.0.1:8766"
        if not re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", address):
            sys.exit("Only a server on this machine is crawled: http://127.0.0.1:8000")
        try:
            if not said.address:
                server = started(address, Path(folder) / "var")
            found = crawled(said.wapiti, address, f"{address}/", folder, "readers", said.seconds)
            found += crawled(
                said.wapiti, address, f"{address}/admin/", folder, "desk", said.seconds, cookie=signed_in(address)
            )
        finally:
            if server:
                server.terminate()
                server.wait()
    sys.exit(told(found))


def started(address, var_dir):
    environment = {**os.environ, "DEMO": "1", "VAR_DIR": str(var_dir), "PUBLIC_ADDRESS": address, "DATABASE_URL": ""}
    command = [sys.executable, "manage.py", "serve", "--port", address.rpartition(":")[2]]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    for _try in range(900):
        with suppress(OSError), urllib.request.urlopen(f"{address}/health/live", timeout=2):
            return server
        time.sleep(1)
    server.terminate()
    sys.exit("The server did not start within 15 minutes.")


def signed_in(address) -> str:
    """The cookies of somebody who may do everything a clinician may."""
    kept = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(kept))
    form = browser.open(f"{address}/admin/login/").read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
    from portal.settings import DEMO_PASSWORD  # noqa: PLC0415 -- the settings want an environment

    given = {"username": "clinician", "password": DEMO_PASSWORD, "csrfmiddlewaretoken": token, "next": "/admin/"}
    request = urllib.request.Request(
        f"{address}/admin/login/", urlencode(given).encode(), {"Referer": f"{address}/admin/login/"}
    )
    browser.open(request)
    if len(kept) < 2:
        sys.exit("Nobody could sign in: is the demonstration content there?")
    return "; ".join(f"{one.name}={one.value}" for one in kept)


def crawled(wapiti, address, start, folder, name, seconds, cookie=""):
    """[(who, what was found, where)]"""
    report = Path(folder) / f"{name}.json"
    command = [
        wapiti, "--url", start, "--scope", "folder", "--depth", "4", "--max-links-per-page", "40",
        "--max-files-per-dir", "8", "--max-parameters", "40", "--max-scan-time", str(seconds), "--max-attack-time", str(seconds),
        "--tasks", "4", "--timeout", "20", "--scan-force", "normal", "--module", MODULES, "--level", "2", "--flush-session", "--no-bugreport",
        "--store-session", Path(folder) / "session", "--store-config", Path(folder) / "config", "--format", "json", "--output", report,
        "--verbose", "0",
    ]  # fmt: skip
    for one in LEFT_ALONE:
        command += ["--exclude", f"{address}{one}*"]
    if cookie:
        command += ["--cookie-value", cookie]
    subprocess.run(command, check=True, timeout=40 * seconds, stdout=subprocess.DEVNULL)
    said = json.loads(report.read_text())
    print(f"{name}: {said['infos'].get('crawled_pages_nbr')} pages crawled")
    return [
        (name, f"{kind}: {one['info']}", f"{one['method']} {one['path']} {one.get('parameter') or ''}".strip())
        for part in ("vulnerabilities", "anomalies")
        for kind, several in said[part].items()
        for one in several
    ]


def told(found) -> int:
    """Prints what was found, with the reasons. Returns 1 where one has none."""
    explained = tomllib.loads((HERE / "explained.toml").read_text())["explained"]
    unexplained = 0
    for what in sorted({(who, what) for who, what, _where in found}):
        places = sorted({where for *said, where in found if tuple(said) == what})
        reason = next((one["because"] for one in explained if one["says"] in what[1]), None)
        unexplained += reason is None
        print(
            f"{'explained' if reason else 'UNEXPLAINED'}  {what[0]}: {what[1]}\n    {len(places)} places, such as {places[:3]}"
        )
        print(f"    {reason}\n" if reason else "")
    print(f"{len(found)} findings, {unexplained} kinds of them unexplained")
    return int(bool(unexplained))


main()
