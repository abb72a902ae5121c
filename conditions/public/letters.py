"""Under which letter a name stands in the lists, and in what order."""

import unicodedata

from babel import Locale
from pypinyin import lazy_pinyin

from portal.publishing.folding import fold

# Letters that a language counts as its own, though they are written with a mark.
_OWN_LETTERS = {"es": "Ññ", "ru": "Йй"}


def letter(name: str, language: str) -> str:
    """The heading: "T", "Д", "ت"; for Chinese the first letter of the pinyin."""
    return _key(name, language)[0][:1].upper() or "#"


def by_letter(pages, language: str) -> list[tuple[str, list]]:
    """Pages (anything with a title) in alphabetical groups, sorted within."""
    groups = {}
    for page in sorted(pages, key=lambda page: _key(page.title, language)):
        groups.setdefault(letter(page.title, language), []).append(page)
    return list(groups.items())


def _key(name: str, language: str) -> tuple[str, str]:
    script = Locale.parse(language, sep="-").script or language
    if language.startswith("zh") or script in {"Hans", "Hant"}:
        return (" ".join(lazy_pinyin(name)).lower(), name)
    first = name.strip()[:1]
    if first in _OWN_LETTERS.get(language, ""):
        # After its plain neighbour: ñ follows n, й follows и.
        plain = unicodedata.normalize("NFD", first)[0]
        return (first.lower() + fold(name)[1:], plain.lower() + "\uffff" + fold(name)[1:])
    folded = fold(name)
    if language in {"ar", "fa"} and folded.startswith("ال") and len(folded) > 4:
        folded = folded[2:]  # the article does not count
    return (folded, name)
