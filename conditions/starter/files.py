"""The starter content: a bundle that comes with the portal."""

from functools import cache
from pathlib import Path

from conditions.bundle import reading
from conditions.bundle.form import Bundle, BundleTopic

CONTENT = Path(__file__).with_name("content")


@cache
def bundle() -> Bundle:
    """Raises Mistakes naming every file at fault."""
    return reading.read(CONTENT)


def topics() -> list[BundleTopic]:
    return bundle().topics


def sources() -> dict[str, dict]:
    return bundle().sources
