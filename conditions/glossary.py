"""The glossary as translators need it: which of its terms a text names, and what was agreed for them."""

import re

from conditions import models
from portal import languages
from portal.translating.checks import AgreedTerm
from portal.translating.columns import column, exactly, lines


def agreed(language: str) -> list[AgreedTerm]:
    """Every term of the glossary with its names in the source language and in this one. One query."""
    fields = ("name", "also_known_as", "avoid")
    columns = [column(field, code) for field in fields for code in (languages.SOURCE, language)]
    return [
        AgreedTerm(
            str(term),
            exactly(term, "name", language),
            lines(term, "avoid", language),
            term.do_not_translate,
            lines(term, "also_known_as", language),
            (exactly(term, "name", languages.SOURCE), *lines(term, "also_known_as", languages.SOURCE)),
        )
        for term in models.Term.objects.only("key", "kind", "do_not_translate", *columns)
    ]


def _names(name: str, said: str) -> bool:
    # First whether it is there at all: an expression for each term of a long glossary would cost more than the page.
    return name in said and re.search(rf"\b{re.escape(name)}\b", said) is not None


def terms(said: str, language: str) -> list[AgreedTerm]:
    """Those that the source names."""
    said = said.casefold()
    found = [term for term in agreed(language) if any(_names(name.casefold(), said) for name in term.names if name)]
    return sorted(found, key=lambda term: term.source)
