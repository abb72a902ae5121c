"""Under which letter a name stands in the lists, and in what order."""

import re

from babel import Locale

from portal.publishing.folding import fold

# Letters that a language counts as its own, though they are written with a mark.
_OWN_LETTERS = {"es": "Ññ", "ru": "Йй"}
# What pypinyin may know a sound of: all of Unicode's Chinese characters, and some that only fonts know.
_CHINESE = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\ue815-\ue864\uf900-\ufaff\U00020000-\U0003ffff]")


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
        return (_pinyin(name).lower(), name)
    folded = fold(name)
    if name.strip()[:1] in _OWN_LETTERS.get(language, ""):
        return (folded[:1] + "\uffff" + folded[1:], name)  # after its plain neighbour: ñ follows n, й follows и
    if language in {"ar", "fa"} and folded.startswith("ال") and len(folded) > 4:
        folded = folded[2:]  # the article does not count
    return (folded, name)


def _pinyin(name: str) -> str:
    if not _CHINESE.search(name):
        return name
    from pypinyin import lazy_pinyin  # noqa: PLC0415 -- 55 MB of phrases, and whoever only reads needs none of them

    return " ".join(lazy_pinyin(name))


def place(title: str, language: str) -> bytes:
    """The same, for a database to sort by: in the order of Unicode, whatever the database's own language is."""
    return "\0".join(key(title, language)).encode()[:400]


def standing(page, language: str) -> tuple[str, bytes]:
    """Letter and place of a page: as they were written with it, or worked out where they are not those of its title."""
    written = vars(page).get("place") or b""  # not asked for where a query left it out
    if bytes(written).endswith(b"\0" + page.title.encode()):
        return page.letter, bytes(written)
    return letter(page.title, language), place(page.title, language)


def in_order(letters, language: str) -> list[str]:
    return sorted(letters, key=lambda one: key(one, language) if one != "#" else ("", ""))
