"""A pseudo-language for developers: every word of the interface longer, accented, in brackets; in Arabic letters.

What still reads as plain English on a page was never made translatable; what breaks a layout will break in German.
"""

import re

import polib

_KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^<>]+>|&\w+;|\n)")
_ACCENTED = str.maketrans("aceilnorsuyzACEILNORSUYZ", "àçéîľñøŕšüýžÀÇÉÎĽÑØŔŠÜÝŽ")
_FROM_THE_RIGHT = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "ابجدهفغحيجكلمنوبقرستوفوخيز" * 2
)
LONGER = 0.4  # German and Finnish interface words are a third longer than English ones


def pseudo(said: str, direction: str = "ltr") -> str:
    """The same text as nobody writes it; placeholders, tags and line ends stay."""
    if not said.strip():
        return said
    table = _FROM_THE_RIGHT if direction == "rtl" else _ACCENTED
    made = "".join(piece if _KEPT.fullmatch(piece) else piece.translate(table) for piece in _KEPT.split(said))
    more = " ~" * max(1, int(len(_KEPT.sub("", said)) * LONGER / 2))
    lead, body, tail = re.fullmatch(r"(\s*)(.*?)(\s*)", made, re.DOTALL).groups()
    return f"{lead}⟦{body}{more}⟧{tail}"


def catalogue(real: polib.POFile, direction: str) -> polib.POFile:
    """Every entry of a catalogue in the pseudo-language."""
    made = polib.POFile()
    made.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": real.metadata["Plural-Forms"]}
    for entry in real:
        twin = polib.POEntry(msgctxt=entry.msgctxt, msgid=entry.msgid, msgid_plural=entry.msgid_plural)
        if entry.msgid_plural:
            twin.msgstr_plural = dict.fromkeys(entry.msgstr_plural, pseudo(entry.msgid_plural, direction))
        else:
            twin.msgstr = pseudo(entry.msgid, direction)
        made.append(twin)
    return made
