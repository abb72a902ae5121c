"""Under which letter a name stands in the lists, and in what order."""

from babel import Locale
from pypinyin import lazy_pinyin

from portal.publishing.folding import fold

# Letters that a language counts as its own, though they are written with a mark.
_OWN_LETTERS = {"es": "Ññ", "ru": "Йй"}


def by_letter(pages, language: str) -> list[tuple[str, list]]:
    """Pages (anything with a title) in alphabetical groups, sorted within: "T", "Д", "ت"; Chinese by its pinyin."""
    groups = {}
    for page in sorted(pages, key=lambda page: _key(page.title, language)):
        first = page.title.strip()[:1].upper()
        if first not in _OWN_LETTERS.get(language, ""):
            first = _key(page.title, language)[0][:1].upper() or "#"
        groups.setdefault(first, []).append(page)
    return list(groups.items())


def _key(name: str, language: str) -> tuple[str, str]:
    script = Locale.parse(language, sep="-").script or language
    if language.startswith("zh") or script in {"Hans", "Hant"}:
        return (" ".join(lazy_pinyin(name)).lower(), name)
    folded = fold(name)
    if name.strip()[:1] in _OWN_LETTERS.get(language, ""):
        return (folded[:1] + "\uffff" + folded[1:], name)  # after its plain neighbour: ñ follows n, й follows и
    if language in {"ar", "fa"} and folded.startswith("ال") and len(folded) > 4:
        folded = folded[2:]  # the article does not count
    return (folded, name)
