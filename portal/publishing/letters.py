"""Under which letter a name stands in the lists, and in what order."""

from babel import Locale
from pypinyin import lazy_pinyin

from portal.publishing.folding import fold

# Letters that a language counts as its own, though they are written with a mark.
_OWN_LETTERS = {"es": "Ññ", "ru": "Йй"}


def letter(title: str, language: str) -> str:
    """ "T", "Д", "ت"; of Chinese that of its pinyin; "#" where there is none."""
    first = title.strip()[:1].upper()
    if first in _OWN_LETTERS.get(language, ""):
        return first or "#"
    return key(title, language)[0][:1].upper() or "#"


def key(name: str, language: str) -> tuple[str, str]:
    """What a language's names are sorted by."""
    script = Locale.parse(language, sep="-").script or language
    if language.startswith("zh") or script in {"Hans", "Hant"}:
        return (" ".join(lazy_pinyin(name)).lower(), name)
    folded = fold(name)
    if name.strip()[:1] in _OWN_LETTERS.get(language, ""):
        return (folded[:1] + "\uffff" + folded[1:], name)  # after its plain neighbour: ñ follows n, й follows и
    if language in {"ar", "fa"} and folded.startswith("ال") and len(folded) > 4:
        folded = folded[2:]  # the article does not count
    return (folded, name)


def place(title: str, language: str) -> bytes:
    """The same, for a database to sort by: in the order of Unicode, whatever the database's own language is."""
    return "\0".join(key(title, language)).encode()[:400]


def in_order(letters, language: str) -> list[str]:
    return sorted(letters, key=lambda one: key(one, language) if one != "#" else ("", ""))
