"""The portal beside nginx and Wagtail, measured in turns on one core, the load on another: issue "Fast".

python -m tests.bench.serving [SQLite] [PostgreSQL]; the figures go to var/bench/serving.json.
"""

import gzip
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from tests.bench import load, places

SERVER_CORE, LOAD_CORE = "0", "1"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "3"))
READERS = 16  # connections at once
PAGE = "/en/conditions/torsion-dystonia/"
WAGTAIL = ("wagtail==8.0.1", "gunicorn==27.0.1", "psycopg[binary]==3.3.9")
PUBLISHES = int(os.environ.get("PUBLISHES", "100"))
HOT_PAGES = 2_000
WAYS = {
    "gzip": {"Accept-Encoding": "gzip"},
    "identity": {},
    "304": {"Accept-Encoding": "gzip"},  # with the ETag of each server
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, **headers):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        line.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        line.close()


@contextmanager
def running(command, port, path, *, env=None, cwd=places.ROOT):
    """A server on the servers' core until the end, once it answers. Gives its process and the seconds that took."""
    begun = time.perf_counter()
    with open(places.KEPT / "servers.log", "a") as said:
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *map(str, command)], cwd=cwd, env=env, stdout=said, stderr=said
        )
    try:
        while True:
            with suppress(OSError, http.client.HTTPException):
                if get(port, path)[0] == 200:
                    break
            if process.poll() is not None or time.perf_counter() - begun > 60:
                raise RuntimeError(f"{command[0]} did not start; see {places.KEPT / 'servers.log'}")
            time.sleep(0.01)
        yield process, time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def portal(env, **more):
    """Granian with the flags of `manage.py serve`."""
    import django  # noqa: PLC0415 -- after the settings' environment

    os.environ.update(env)
    django.setup()
    from portal import serving  # noqa: PLC0415

    port = free_port()
    env = {**env, "PUBLIC_ADDRESS": f"http://127.0.0.1:{port}", **more}
    return port, running(serving.command("--port", port), port, PAGE, env=env)


def nginx(place: Path, files: dict[str, bytes]):
    """Serving files as they lie, and compressed as they lie beside them."""
    port = free_port()
    shutil.rmtree(place, ignore_errors=True)
    for name, content in files.items():
        (place / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "files" / name).write_bytes(content)
        (place / "files" / f"{name}.gz").write_bytes(gzip.compress(content, 6, mtime=0))
    (place / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;\n"
        f"  default_type text/html; server {{ listen 127.0.0.1:{port}; root {place}/files; gzip_static on; }} }}\n"
    )
    for folder in (place, *place.rglob("*")):
        folder.chmod(0o755 if folder.is_dir() else 0o644)
    return port, running(["nginx", "-p", place, "-c", place / "nginx.conf"], port, "/page.html")


def fixed(body: Path):
    """Granian with our flags before an application that does nothing."""
    from portal import serving  # noqa: PLC0415 -- after the settings' environment

    port = free_port()
    granian = Path(sys.executable).with_name("granian")
    command = [granian, *serving.FLAGS, "--port", port, "tests.bench.fixed:application"]
    return port, running(command, port, "/", env={**os.environ, "FIXED_BODY": str(body)})


def wagtail(place: Path, database: str, length: int):
    """A Wagtail page of that many bytes, its own environment and site made once."""
    venv = places.KEPT / "wagtail-venv"
    python = venv / "bin" / "python"
    if not (venv / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *WAGTAIL], check=True, stderr=subprocess.DEVNULL)
        (venv / "done").touch()
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(places.ROOT / "tests" / "bench" / "wagtail_site", place)
    env = {**os.environ, "WAGTAIL_DATABASE": database, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(place)}
    subprocess.run(
        [python, "-m", "django", "make_site", str(length)], cwd=place, env=env, check=True, stdout=subprocess.DEVNULL
    )
    port = free_port()
    flags = [
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "4",
        "--keep-alive",
        "60",
        "--no-control-socket",
    ]
    command = [venv / "bin" / "gunicorn", *flags, "--bind", f"127.0.0.1:{port}", "wsgi:application"]
    return port, running(command, port, "/torsion-dystonia/", env=env, cwd=place)


def wrk(port, path, seconds=SECONDS, **headers) -> float:
    """Requests a second. Raises RuntimeError where anything but the wanted answer came."""
    told = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{READERS}", f"-d{seconds}s", *told]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1])


def in_turns(contenders, rounds=ROUNDS) -> dict[str, list[float]]:
    """name -> requests a second, once a round; each round begins with another contender."""
    found = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(contenders[name]())
    return found


def throughput(portals, wagtail_database) -> dict[str, list[float]]:
    """Requests a second of everything, in turns."""
    env = portals(0)
    place = places.KEPT / f"beside-{portals.vendor}"
    with ExitStack() as stack:
        port, server = portal(env)
        stack.enter_context(server)
        cold_port, server = portal(env, FRONT_CACHE_MB="0")
        stack.enter_context(server)
        status, headers, page = get(port, PAGE)
        tag = get(port, PAGE, Accept_Encoding="gzip")[1]["etag"]
        nginx_port, server = nginx(place / "nginx", {"page.html": page})
        stack.enter_context(server)
        fixed_port, server = fixed(place / "nginx" / "files" / "page.html.gz")
        stack.enter_context(server)
        nginx_tag = get(nginx_port, "/page.html", Accept_Encoding="gzip")[1]["etag"]
        wagtail_port, server = wagtail(place / "wagtail", wagtail_database, len(page))
        stack.enter_context(server)
        contenders = {
            "nginx, gzip_static": lambda: wrk(nginx_port, "/page.html", **WAYS["gzip"]),
            "hot, gzip": lambda: wrk(port, PAGE, **WAYS["gzip"]),
            "granian, the same bytes": lambda: wrk(fixed_port, "/", **WAYS["gzip"]),
            "nginx, identity": lambda: wrk(nginx_port, "/page.html"),
            "hot, identity": lambda: wrk(port, PAGE),
            "nginx, 304": lambda: wrk(nginx_port, "/page.html", **WAYS["gzip"], **{"If-None-Match": nginx_tag}),
            "hot, 304": lambda: wrk(port, PAGE, **WAYS["gzip"], **{"If-None-Match": tag}),
            "cold": lambda: wrk(cold_port, PAGE, **WAYS["gzip"]),
            "Wagtail": lambda: wrk(wagtail_port, "/torsion-dystonia/", **WAYS["gzip"]),
        }
        for ask in contenders.values():
            ask()  # everything is warm
        found = in_turns(contenders)
    found["bytes"] = [len(page), len(gzip.compress(page, 6))]
    return found


# The mixed crowd


def addresses(env) -> tuple[list[str], list[str]]:
    """(pages that everybody reads, many others of full size)."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.serving", "--addresses"], cwd=places.ROOT, env=env, text=True,
        capture_output=True, check=True,
    ).stdout.split()  # fmt: skip
    hot = [one for one in said if one.startswith("/en/") and one.count("/") == 4][:40]
    others = [one for one in said if one not in set(hot)]
    random.Random(3).shuffle(others)
    return hot, others


def list_addresses():
    import django  # noqa: PLC0415 -- after the settings' environment

    django.setup()
    from conditions import labels  # noqa: PLC0415
    from portal.publishing.models import Page  # noqa: PLC0415

    pages = list(Page.objects.filter(withdrawn_at=None).order_by("pk"))
    spoken = sorted({page.language for page in pages})
    for page in pages:
        print(quote(f"/{page.language}/{labels.PATHS[page.kind]}/{page.slug}/"))
    for page in pages:
        here = quote(f"/{page.language}/{labels.PATHS[page.kind]}/{page.slug}/")
        print(f"{here}editions/1/")
        print(f"{here}embed/")
        for other in spoken:
            if other != page.language:
                print(f"{here}with/{other}/")


def crowd(hot, cold, seed):
    """90 of a hundred requests for what everybody reads, 8 for a page that nobody read before, 2 searches."""
    dice = random.Random(seed)
    rare = iter(cold)
    words = itertools.cycle(("dystonia", "tremor", "muscle+pain", "botulinum", "dysfonia", "baclofen", "sleep", "neck"))
    while True:
        what = dice.random()
        if what < 0.90:
            yield "hot", dice.choice(hot)
        elif what < 0.98:
            yield "cold", next(rare)
        else:
            yield "search", f"/en/search/?q={next(words)}"


def mixed(portals, rounds=3, seconds=10.0, **flags) -> dict:
    """The top rate of the mixed crowd, then its times at half of it; each round on a server that has read nothing."""
    env = portals(0)
    hot, cold = addresses(env)
    tops, p50, p99, kinds, wrong = [], [], [], {}, 0
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    try:
        for turn in range(rounds):
            for rate in (None, statistics.median(tops) / 2 if tops else 0):
                port, server = portal(env, **flags)
                with server:
                    for path in hot * 4:  # every worker has read them
                        get(port, path, Accept_Encoding="gzip")
                    if rate is None:
                        found = load.as_fast_as_possible(port, crowd(hot, cold, turn), seconds, READERS)
                        tops.append(found.rate)
                    else:
                        rate = rate or tops[-1] / 2
                        found = load.at_rate(port, crowd(hot, cold[::-1], turn), seconds, rate)
                        p50.append(found.percentile(0.5))
                        p99.append(found.percentile(0.99))
                        for kind, taken in found.kinds.items():
                            kinds.setdefault(kind, []).append(taken[int(len(taken) * 0.99)] * 1000)
                    wrong += found.wrong
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count())))
    kinds = {kind: statistics.median(found) for kind, found in kinds.items()}
    return {"top": tops, "p50": p50, "p99": p99, "p99 by kind": kinds, "wrong": wrong}


# From publish to seen


def workers(process) -> list[int]:
    """Process numbers of a granian's workers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(one) for one in children if "resource_tracker" not in Path(f"/proc/{one}/cmdline").read_text()]


class Line:
    """A connection to one worker, and which one it is."""

    def __init__(self, port):
        self.port, self.of = port, None
        self._connect()

    def _connect(self):
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.line.connect()
        self.here = self.line.sock.getsockname()[1]

    def get(self, path, **headers):
        try:
            return self._get(path, headers)
        except (ConnectionError, http.client.HTTPException):  # closed, because nobody had asked for a while
            for _try in range(100):
                self._connect()
                found = self._get(path, headers)
                if self.of is None or self.worker([self.of]) == self.of:
                    return found
            raise

    def _get(self, path, headers):
        self.line.request("GET", path, headers=headers)
        answer = self.line.getresponse()
        return answer.status, answer.read()

    def worker(self, among) -> int | None:
        inode = None
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            parts = row.split()
            if int(parts[2].split(":")[1], 16) == self.here:
                inode = parts[9]
        for pid in among:
            for one in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if os.readlink(one) == f"socket:[{inode}]":
                        return pid
        return None


def one_line_each(port, process) -> dict[int, Line]:
    """worker -> a connection to it."""
    found, among, until = {}, workers(process), time.monotonic() + 30
    while len(found) < len(among):
        if time.monotonic() > until:
            raise RuntimeError("no connection reached one of the workers")
        lines = [Line(port) for _n in range(4)]
        for line in lines:
            line.get("/health/live")
            line.of = line.worker(among)
            if line.of is not None:
                found.setdefault(line.of, line)
    return found


def publish_to_seen(portals, publishes=PUBLISHES) -> list[float]:
    """Of each publish: seconds from its commit until every worker of two process trees had shown it."""
    env = portals(0)
    with ExitStack() as stack:
        lines = []
        for _tree in range(2):
            port, server = portal(env)
            process, _seconds = stack.enter_context(server)
            lines += one_line_each(port, process).values()
        publisher = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.serving", "--publish"], cwd=places.ROOT, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        found = []
        dice = random.Random(11)
        for number in range(publishes):
            mark = f"mark {number} of {os.getpid()}"
            time.sleep(dice.random() * 0.3)  # at any moment between two looks
            publisher.stdin.write(f"{mark}\n")
            publisher.stdin.flush()
            path, at = publisher.stdout.readline().split()
            unseen, last = list(lines), float(at)
            while unseen:
                unseen = [line for line in unseen if mark.encode() not in line.get(path)[1]]
                last = time.time()
                if last - float(at) > 10:
                    raise RuntimeError("a publish was not seen within 10 seconds")
            found.append(last - float(at))
        publisher.stdin.close()
        publisher.wait(20)
    return found


def publish():
    """In a process of its own: publishes each line as the words of one symptom; says where, and when it was done."""
    import django  # noqa: PLC0415 -- after the settings' environment

    django.setup()
    from conditions import editions, models  # noqa: PLC0415
    from portal.publishing import actions  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    by = make.signatory()
    symptom = models.Symptom.objects.get(key="tremor")
    for line in sys.stdin:
        symptom.overview_en = f"<p>{line.strip()}</p>"
        symptom.save()
        words = editions.manuscript(editions.topic("symptom", pk=symptom.pk), "en")
        actions.sign_off(words, by=by, capacity="clinical")
        actions.publish(words, by=by, change_note="Measured.")
        print("/en/symptoms/tremor/", time.time(), flush=True)


# Memory and start


def memory(portals) -> dict:
    """Megabytes of each worker with 2,000 hot pages (its own, with its share of what is shared; and all of it)."""
    env = portals(0)
    hot, others = addresses(env)
    port, server = portal(env)
    with server as (process, _seconds):
        lines = one_line_each(port, process)
        paths = [*hot, *others][:HOT_PAGES]
        for path in paths:
            for line in lines.values():
                line.get(path, **{"Accept-Encoding": "gzip"})
        found = {"pages": len(paths), "rss": [], "pss": []}
        for pid in lines:
            said = Path(f"/proc/{pid}/smaps_rollup").read_text()
            for name in ("rss", "pss"):
                found[name].append(int(re.search(rf"{name.capitalize()}:\s+(\d+)", said)[1]) / 1024)
    return found


def start(portals, times=5) -> list[float]:
    """Seconds from the command to the first answer."""
    env, found = portals(0), []
    for _n in range(times):
        _port, server = portal(env)
        with server as (_process, seconds):
            found.append(seconds)
    return found


def wagtail_database(portals, place):
    """A database of its own on the same system."""
    if portals.vendor == "SQLite":
        (places.KEPT / "wagtail.sqlite3").unlink(missing_ok=True)
        return f"sqlite:///{places.KEPT}/wagtail.sqlite3"
    return portals.another("wagtail")


def measure(vendor: str) -> dict | None:
    with places.on(vendor) as portals:
        if portals is None:
            print("PostgreSQL: not measured, because no PostgreSQL 15 or newer was found")
            return None
        found = {}
        parts = (
            ("throughput", lambda: throughput(portals, wagtail_database(portals, places.KEPT))),
            ("mixed", lambda: mixed(portals)),
            ("seen", lambda: publish_to_seen(portals)),
            ("memory", lambda: memory(portals)),
            ("start", lambda: start(portals)),
        )
        for name, ask in parts:
            begun = time.perf_counter()
            found[name] = ask()
            print(json.dumps(found[name]), flush=True)
            print(f"{vendor}: {name} took {time.perf_counter() - begun:.0f} s", flush=True)
        return found


def missing() -> list[str]:
    return [program for program in ("wrk", "nginx", "taskset") if shutil.which(program) is None]


def main():
    if without := missing():
        sys.exit(f"Not measured: without {', '.join(without)}. sudo apt-get install wrk nginx util-linux")
    if os.cpu_count() < 2:
        sys.exit("Not measured: the server and the load each need a core of their own.")
    from tests.bench import report  # noqa: PLC0415 -- what only the main program needs

    for vendor in sys.argv[1:] or ("SQLite", "PostgreSQL"):
        if found := measure(vendor):
            report.keep("serving", vendor, found)
    report.write()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--addresses"]:
            list_addresses()
        case ["--publish"]:
            publish()
        case _:
            main()
