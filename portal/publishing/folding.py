"""Names folded for finding: case, Latin accents and Arabic vowel signs do not matter."""

import unicodedata

ARABIC_LETTERS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": None}
)
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})  # to Unicode they are letters of their own
# Marks with a combining class below this are letters of Indic scripts in all but name: vowel signs, virama, nukta.
FIRST_ACCENT = 10


def fold(text: str) -> str:
    """Lower case, without marks, words joined by one space. Russian й and ё fold as well; Chinese stays as it is."""
    text = unicodedata.normalize("NFKD", text.translate(ARABIC_LETTERS)).casefold().translate(LIGATURES)
    text = "".join(c for c in text if unicodedata.combining(c) < FIRST_ACCENT)
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text).split())
