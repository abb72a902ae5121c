"""Names folded for finding: case, Latin accents and Arabic vowel signs do not matter."""

import re
import unicodedata

_ARABIC_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None})


def fold(text: str) -> str:
    """Lower case, without marks, words joined by one space. Russian й and ё fold as well; Chinese stays as it is."""
    text = unicodedata.normalize("NFKD", text.translate(_ARABIC_LETTERS)).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", text)).strip()
