"""Prepared portals to measure: on SQLite and on PostgreSQL, of so many pages. Kept below var/bench, made once."""

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "bench"
SECRET = "bench-only-bench-only-bench-only-bench-only"
MADE_BY = (
    "portal/publishing/*.py", "portal/*/migrations/*.py", "conditions/migrations/*.py", "conditions/*.py",
    "conditions/starter/**/*", "tests/bench/large.py", "tests/make.py", "portal/languages.toml",
)  # fmt: skip


def environment(database_url: str, var_dir: Path, **more) -> dict[str, str]:
    """For a program that is to run on this database."""
    for name in ("DATABASE_URL", "DEBUG", "PUBLIC_ADDRESS"):
        os.environ.pop(name, None)
    own = {"SECRET_KEY": SECRET, "DATABASE_URL": database_url, "VAR_DIR": str(var_dir), "DEMO": "1", "CLOCK": "0"}
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", **own, **more}


def _name() -> str:
    """Of everything that a prepared database depends on."""
    digest = hashlib.sha256()
    for pattern in MADE_BY:
        for path in sorted(one for one in ROOT.glob(pattern) if one.is_file() and "__pycache__" not in one.parts):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def prepare(env: dict[str, str], pages: int) -> None:
    """Starter content, published as a demonstration; then copies of it until there are so many pages."""
    manage = [sys.executable, "manage.py", "serve", "--prepare-only"]
    subprocess.run(manage, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    if pages:
        subprocess.run([sys.executable, "-m", "tests.bench.places", str(pages)], cwd=ROOT, env=env, check=True)


def _kept(kind: str) -> Path:
    """The folder for prepared databases; those of an older portal go."""
    KEPT.mkdir(parents=True, exist_ok=True)
    here = KEPT / f"{kind}-{_name()}"
    for other in KEPT.glob(f"{kind}-*"):
        if other != here:
            shutil.rmtree(other)
    here.mkdir(exist_ok=True)
    return here


class Portals:
    """Portals on one database system: `portals(pages)` gives the environment of one, prepared."""

    def __init__(self, vendor: str, here: Path, url):
        self.vendor, self._here, self._url = vendor, here, url

    def another(self, name: str) -> str:
        """The address of an empty database beside them."""
        return self._url(name, True)

    def __call__(self, pages: int) -> dict[str, str]:
        done = self._here / f"{pages}-done"
        var_dir = self._here / f"var-{pages}"
        if not done.exists():
            shutil.rmtree(var_dir, ignore_errors=True)
            var_dir.mkdir()
            env = environment(self._url(pages, True), var_dir)
            print(f"Making a portal of {pages or 306} pages on {self.vendor}, once ...", flush=True)
            prepare(env, pages)
            done.touch()
        return environment(self._url(pages, False), var_dir)


@contextmanager
def on(vendor: str):
    """Portals on "SQLite" or "PostgreSQL"; None where there is no PostgreSQL here."""
    if vendor == "SQLite":
        here = _kept("sqlite")
        yield Portals(vendor, here, lambda pages, new: f"sqlite:///{here}/var-{pages}/portal.sqlite3")
        return
    folder, as_other = postgres.binaries(), []
    if folder is None or (os.geteuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True).returncode):
        yield None
        return
    here = _kept("postgresql")
    if os.geteuid() == 0:
        as_other = ["runuser", "-u", "postgres", "--"]
        (here / "cluster").mkdir(exist_ok=True)
        shutil.chown(here / "cluster", "postgres")
    place = here / "cluster"
    data = place / "data"
    if not (data / "PG_VERSION").exists():
        initdb = [folder / "initdb", "-D", data, "-U", "portal", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run([*as_other, *initdb], check=True, stdout=subprocess.DEVNULL, cwd=place)
    options = f"-k {place} -c listen_addresses='' -c max_connections=60 -c shared_buffers=512MB -c max_wal_size=4GB"
    ctl = [*as_other, folder / "pg_ctl", "-D", data, "-w", "-t", "120"]
    start = [*ctl, "-o", options, "-l", place / "log", "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd=place)

    def url(pages, new):
        name = f"portal{pages}"
        if new:
            for tool in ([folder / "dropdb", "--if-exists"], [folder / "createdb"]):
                subprocess.run([*as_other, *tool, "-h", place, "-U", "portal", name], check=True, cwd=place)
        return f"postgres://portal@/{name}?host={place}"

    try:
        yield Portals(vendor, here, url)
    finally:
        subprocess.run([*ctl, "-m", "fast", "stop"], stdout=subprocess.DEVNULL, cwd=place)


def fill(pages: int):
    """In a process of its own, with the environment of the portal."""
    import django  # noqa: PLC0415 -- after the settings' environment

    django.setup()
    from django.conf import settings  # noqa: PLC0415

    from tests.bench import large  # noqa: PLC0415

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    large.fill(pages, lambda words: print(f"  {words}", flush=True))


if __name__ == "__main__":
    fill(int(sys.argv[1]))
