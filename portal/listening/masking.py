"""Personal details out of a reader's words. No machine finds a name; what has a shape it finds in every script."""

import re
import unicodedata

MASK = "[…]"

# \d is a digit of any script. Between two of a telephone number stands little: spaces, dashes, brackets, joiners.
_BETWEEN = r"[^\S\n]?[-‐‑‒–—−－./·()（）\u200c\u200d\ufe0f\u20e3]{0,2}[^\S\n]?"
# Chinese stands beside an address without a space, and is not part of it.
_IN_ADDRESS = r"[^\s@＠<>,;:!?()\[\]{}\"'“”«»،؛؟\u2e80-\u9fff\uff00-\uffef]"
_PERSONAL = re.compile(
    "|".join(
        (
            r"(?i:\b(?:https?|ftp)://|\bwww\.)[^\s<>\"«»“”،؛\u2e80-\u9fff\uff00-\uffef]+",
            rf"{_IN_ADDRESS}+[^\S\n]?(?:[@＠]|[(\[](?i:at)[)\]])[^\S\n]?{_IN_ADDRESS}+",
            r"\b(?:[A-Za-z0-9-]+\.)+(?:[a-z]{2,}/[^\s]*|(?:com|org|net|info|edu|gov|io|eu|ru|cn|es|fr|de|uk|us)\b)",
            rf"[(（]?(?:[+＋][^\S\n]?)?[(（]?\d(?:{_BETWEEN}\d){{6,}}",  # also a date of birth
            rf"[+＋][^\S\n]?\d(?:{_BETWEEN}\d){{5,}}",
            r"\d{6,}",
        )
    )
)
_JOINERS = "\u200c\u200d"  # they spell words in Persian and Hindi


def plain(text: str) -> str:
    """Without control characters and changes of direction; lines end with \\n alone."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    kept = (c for c in text if c in _JOINERS or c == "\n" or unicodedata.category(c)[0] != "C")
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()


def masked(text: str) -> str:
    """Plain text with e-mail and web addresses, telephone numbers and long numbers masked."""
    return _PERSONAL.sub(MASK, plain(text))


def is_personal(text: str) -> bool:
    """Whether this looks like somebody's details: an address, or six digits and more, wherever they stand."""
    return bool(_PERSONAL.search(text)) or sum(c.isdecimal() for c in text) >= 6
