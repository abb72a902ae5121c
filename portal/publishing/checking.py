"""Which parts of a translation were compared with which source edition. Reads, never writes.

A signature beside a source edition says it of every part; a row of Checked of the parts it names. The newest counts.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from portal.publishing import compare
from portal.publishing.models import Checked, Edition, How, SignOff


@dataclass(frozen=True)
class Check:
    """One comparison: beside which source edition, how, by whom (a name), when."""

    source_edition: Edition
    how: str
    by: str
    at: dt.datetime
    parts: frozenset[str] | None  # None: every part

    def says(self, part: str) -> str:
        return words_of(self.source_edition).get(part, "")


class Checks:
    """Every comparison of one object in one language."""

    def __init__(self, checks: Iterable[Check] = ()):
        self._checks = sorted(checks, key=lambda check: check.at, reverse=True)

    def __bool__(self):
        return bool(self._checks)

    def of(self, part: str) -> Check | None:
        """The newest that was about this part."""
        return next((check for check in self._checks if check.parts is None or part in check.parts), None)

    def is_current(self, part: str, source: str) -> bool:
        """Whether these words of the source are what this part was last compared with."""
        check = self.of(part)
        return check is not None and normal(check.says(part)) == normal(source)

    def is_unread_machine(self, part: str) -> bool:
        """A machine wrote it, and nobody has said since that it is right."""
        check = self.of(part)
        return check is not None and check.how == How.MACHINE


def checks(kind: str, key: str, in_languages: Iterable[str] | None = None) -> dict[str, Checks]:
    """language -> its comparisons, in three queries. Without `in_languages`: of every language that has any."""
    wanted = None if in_languages is None else [str(language) for language in in_languages]
    only = {"kind": kind, "key": key} | ({} if wanted is None else {"language__in": wanted})
    rows = list(Checked.objects.filter(**only).select_related("by"))
    signed = list(SignOff.objects.filter(**only, source_edition__isnull=False))
    beside = Edition.objects.in_bulk({row.source_edition_id for row in (*rows, *signed)}) if rows or signed else {}
    found = {language: [] for language in wanted or ()}
    for row in rows:
        name = (row.by.get_full_name() or row.by.get_username()) if row.by else ""
        check = Check(beside[row.source_edition_id], row.how, name, row.at, frozenset(row.parts))
        found.setdefault(row.language, []).append(check)
    for row in signed:
        check = Check(beside[row.source_edition_id], How.PERSON, row.signed_as, row.at, None)
        found.setdefault(row.language, []).append(check)
    return {language: Checks(of_language) for language, of_language in found.items()}


def words_of(edition: Edition) -> dict[str, str]:
    """part -> what an edition says there. Editions never change, so it is read once for each object in memory."""
    if not hasattr(edition, "_words_of_parts"):
        edition._words_of_parts = dict(compare.parts(edition.content))
    return edition._words_of_parts


@lru_cache(maxsize=4096)
def normal(said: str) -> str:
    """What two texts must share to be the same for a translator: NFC, white space folded; digits and case kept."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", said)).strip()
