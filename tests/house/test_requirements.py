"""What is installed is what was meant: every package has its version, its reason and its hashes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def canonical(line):
    return re.sub(r"[-_.]+", "-", line.partition("[")[0].partition("==")[0]).lower() + "==" + line.partition("==")[2]


def pinned(name):
    """The lines of a file for people, without their reasons."""
    found = set()
    for line in (ROOT / name).read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            found |= pinned(line.removeprefix("-r "))
        elif line:
            assert re.fullmatch(r"[A-Za-z0-9_.\-]+(\[[a-z,]+\])?==[0-9A-Za-z.]+", line), line
            found.add(canonical(line))
    return found


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_hashes_are_those_of_the_versions_that_are_meant(name):
    locked = re.findall(
        r"^(\S+==\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", (ROOT / f"{name}.lock").read_text(), re.M
    )
    assert {canonical(line) for line, _hashes in locked} == pinned(f"{name}.txt"), "Run: make lock"
    assert (ROOT / f"{name}.lock").read_text().count("==") == len(locked)  # no line without a hash


def test_what_is_asked_for_says_why():
    for name in ("requirements.txt", "requirements-dev.txt"):
        asked = (ROOT / name).read_text().partition("# What those need.")[0]
        for line in asked.splitlines():
            if "==" in line:
                assert re.search(r"# \S.{8,}", line), line


def test_what_is_installed_is_held_to_its_hashes():
    makefile = (ROOT / "Makefile").read_text()
    assert "--require-hashes --only-binary :all:" in makefile
    assert (
        set(re.findall(r"-m pip (.*)", makefile))
        == {
            "$(INSTALL) -r requirements.lock",
            "$(INSTALL) -r requirements-dev.lock",
            "$(subst --only-binary :all:,,$(INSTALL)) -r tests/audit/requirements.lock",  # wapiti's, of which some are source
        }
    )
