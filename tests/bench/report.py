"""Keeps figures in var/bench, and writes them into docs/benchmarks.md as a table and plots."""

import datetime as dt
import json

from tests.bench import places


def keep(what: str, vendor: str, found: dict) -> None:
    file = places.KEPT / "figures.json"
    said = json.loads(file.read_text()) if file.exists() else {}
    said.setdefault(what, {})[vendor] = {"on": dt.date.today().isoformat(), **found}
    file.write_text(json.dumps(said, indent=1))


def write():
    pass
