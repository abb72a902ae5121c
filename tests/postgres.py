"""Runs a command with DATABASE_URL at a throw-away PostgreSQL cluster: python tests/postgres.py pytest ..."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MISSING = 77  # the exit code for "no PostgreSQL binaries here"


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl of PostgreSQL 15 or newer."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            version = subprocess.run([folder / "initdb", "--version"], capture_output=True, text=True).stdout.split()[
                -1
            ]
            number = next((word for word in version.split(".") if word.isdigit()), "0")
            if int(number) >= 15 or folder.parent.name.isdigit() and int(folder.parent.name) >= 15:
                return folder
    return None


def main(command: list[str]) -> int:
    folder = binaries()
    if folder is None:
        return MISSING
    # PostgreSQL refuses to run as root, so root borrows the account its package made.
    as_other = []
    if os.geteuid() == 0:
        as_other = ["runuser", "-u", "postgres", "--"]
        if subprocess.run(["id", "postgres"], capture_output=True).returncode:
            return MISSING
    with tempfile.TemporaryDirectory(prefix="portal-pg-") as place:
        if as_other:
            shutil.chown(place, "postgres")
        data = Path(place) / "data"
        subprocess.run(
            [*as_other, folder / "initdb", "-D", data, "-U", "portal", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd=place,
        )  # fmt: skip
        # No TCP port to collide with: a socket in our own folder. Durability is not what is tested.
        options = f"-k {place} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=60"
        if any("pytest" in part for part in command):
            # A test that is rolled back leaves its tables empty and large. Where autovacuum notes that they hold nothing,
            # the next test's long transaction is planned for no rows at all: a second of it takes a quarter of an hour.
            options += " -c autovacuum=off"
        ctl = [*as_other, folder / "pg_ctl", "-D", data, "-w"]
        subprocess.run(
            [*ctl, "-o", options, "-l", Path(place) / "log", "start"], check=True, stdout=subprocess.DEVNULL, cwd=place
        )
        try:
            subprocess.run(
                [*as_other, folder / "createdb", "-h", place, "-U", "portal", "portal"], check=True, cwd=place
            )
            return subprocess.run(
                command, env={**os.environ, "DATABASE_URL": f"postgres://portal@/portal?host={place}"}
            ).returncode
        finally:
            subprocess.run([*ctl, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd=place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
