"""Commands of docs/running.md, for the tests that run them: so that the page says what was run."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAID = (ROOT / "docs" / "running.md").read_text()


def boxes() -> list[tuple[str, list[str]]]:
    """(the test that is named above it, or ""; its lines) of each box."""
    found = re.findall(r"^(?:<!-- run by (\S+) -->\n)?```sh\n(.*?)^```", SAID, re.S | re.M)
    return [(test, box.splitlines()) for test, box in found]


def documented(beginning: str) -> list[str]:
    """The one command that begins so, in its parts."""
    (line,) = (line for _test, lines in boxes() for line in lines if line.startswith(beginning))
    return shlex.split(line)
