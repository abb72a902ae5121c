"""The kept payloads (tests/data/xss)."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data" / "xss"


def payloads() -> list[str]:
    lines = [line for path in sorted(FOLDER.glob("*.txt")) for line in path.read_text().splitlines()]
    return [re.sub("⟪([0-9a-f]+)⟫", lambda found: chr(int(found[1], 16)), line) for line in lines]
