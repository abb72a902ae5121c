"""The columns of one language, read and named outright: no fallback, no active language."""

from modeltranslation.utils import build_localized_fieldname


def column(field: str, language: str) -> str:
    """The column that holds a field in one language: ("name", "zh-hans") -> "name_zh_hans"."""
    return build_localized_fieldname(field, str(language))


def exactly(row, field: str, language: str) -> str:
    """What a row says in exactly this language; "" where it says nothing."""
    return getattr(row, column(field, language)) or ""


def lines(row, field: str, language: str) -> tuple[str, ...]:
    """A field that holds one name a line, in exactly this language, without blanks and repetitions."""
    return tuple(dict.fromkeys(filter(None, (line.strip() for line in exactly(row, field, language).splitlines()))))
