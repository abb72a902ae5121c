"""What follows from what happened at the gate: dependent words are looked at again."""

from conditions import editions


def changed(kind: str, key: str) -> None:
    """A page came, changed or went: its translations are built anew, and what waited for it is looked at again."""
    editions.refresh(editions.topic(kind, key=key))
    editions.refresh_waiting(kind, key)
