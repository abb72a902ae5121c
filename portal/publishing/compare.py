"""Which parts of two contents differ. Parts are named as in problems: "sections.causes"."""

from typing import Any

Difference = tuple[str, str, str]  # part, before, after


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Every leaf that was changed, added or taken away, in the order of the new content."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        (part, old.get(part, ""), new.get(part, ""))
        for part in {**new, **old}
        if old.get(part, "") != new.get(part, "")
    ]


def _leaves(value: Any, path: str = ""):
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, (list, tuple)) and any(isinstance(row, dict) for row in value):
        for row in value:
            name = ".".join(str(row[part]) for part in ("system", "kind", "key", "code") if row.get(part))
            rest = {part: said for part, said in row.items() if part not in {"system", "kind", "key", "code"}}
            if set(rest) == {"html"}:
                rest = rest["html"]
            yield from _leaves(rest or name, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        yield path, ", ".join(map(str, value))
    elif value not in (None, ""):
        yield path, str(value)
