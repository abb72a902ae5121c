"""Numbers that processes share: none is lost with a process, none is counted twice."""

import fcntl
import os
import subprocess
import sys

from portal.operating.numbers import Numbers
from portal.operating.requests import KINDS, kind_of

COUNT = """
import sys, time
from pathlib import Path
from portal.operating.numbers import Numbers
numbers = Numbers(["asked"], ["now"])
numbers.share(Path(sys.argv[1]))
numbers.slots[0] += int(sys.argv[2])
numbers.slots[1] = 1
print(numbers.piece, flush=True)
time.sleep(60)
"""


def worker(root, count):
    process = subprocess.Popen([sys.executable, "-c", COUNT, root, str(count)], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


def sums(numbers):
    pieces = list(numbers.all())
    return sum(slots[0] for _n, _lives, slots in pieces), sum(slots[1] for _n, lives, slots in pieces if lives)


def test_what_a_killed_process_counted_stays_and_the_next_goes_on_from_there(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getppid", os.getpid)  # of one server: the test is the parent of the others
    ours = Numbers(["asked"], ["now"])
    ours.share(tmp_path / "root")
    ours.slots[0], ours.slots[1] = 5, 1
    first, piece = worker(tmp_path / "root", 10)
    second, _piece = worker(tmp_path / "root", 100)
    try:
        assert sums(ours) == (115, 3)
        first.kill()
        first.wait()
        assert sums(ours) == (115, 2)
        third, taken = worker(tmp_path / "root", 1000)
        try:
            assert taken == piece
            assert sums(ours) == (1115, 3)
            assert len(list(ours.folder.iterdir())) == 3
        finally:
            third.kill()
            third.wait()
    finally:
        second.kill()
        second.wait()


def test_what_a_server_left_behind_is_cleared_away_by_the_next_and_a_living_one_is_left_alone(tmp_path):
    root = tmp_path / "root"
    for server in ("1-1-gone", "2-2-lives"):
        (root / server).mkdir(parents=True)
        (root / server / "0").touch()
    root.chmod(0o700)
    with open(root / "2-2-lives" / "0") as piece:
        fcntl.flock(piece, fcntl.LOCK_EX)
        Numbers(["asked"], []).share(root)
    assert not (root / "1-1-gone").exists() and (root / "2-2-lives").exists()


def test_a_folder_that_somebody_else_made_is_not_used(tmp_path):
    root = tmp_path / "root"
    root.mkdir(mode=0o777)
    root.chmod(0o777)
    numbers = Numbers(["asked"], ["now"])
    numbers.share(root)
    numbers.slots[0] += 1
    assert numbers.folder is None and list(root.iterdir()) == []
    assert sums(numbers) == (1, 0)


def test_kinds_of_address_name_no_page():
    asked = {
        "/": "start", "/en/": "page", "/ar/conditions/torsion-dystonia/": "page", "/en/search/": "search",
        "/en/search/suggest": "search", "/en/conditions/x/leaflet.pdf": "leaflet", "/en/safety.atom": "feed",
        "/en/conditions/x/feedback/": "feedback", "/api/v1/pages/en": "api", "/fhir/r4/Composition": "fhir",
        "/infobutton": "infobutton", "/admin/login/": "desk", "/static/css/base.css": "file", "/metrics": "operators",
        "/health/ready": "operators", "/torsion-dystonia": "other", "": "start", "//": "start",
    }  # fmt: skip
    assert {path: kind_of(path) for path in asked} == asked
    assert set(asked.values()) < set(KINDS)
