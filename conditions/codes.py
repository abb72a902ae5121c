"""The formats of medical codes, as each system writes them."""

import re

FORMATS = {
    # WHO: letter, two digits, optionally a point and one or two more.
    "icd-10": (r"[A-Z][0-9]{2}(\.[0-9]{1,2})?", "G24.1"),
    # WHO ICD-11 MMS stem codes: no I and no O but in the second place, a digit third, optionally a point and two.
    "icd-11": (r"[0-9A-HJ-NP-Z][A-HJ-NP-Z][0-9][0-9A-HJ-NP-Z](\.[0-9A-HJ-NP-Z]{1,2})?", "8A02.0Y"),
    "orpha": (r"[0-9]{1,6}", "256"),
    "snomed-ct": (r"[1-9][0-9]{5,17}", "24700007"),
    "mesh": (r"[CD][0-9]{6,9}", "D004422"),
    "omim": (r"[1-6][0-9]{5}", "128100"),
    "umls": (r"C[0-9]{7}", "C1851945"),
    "hpo": (r"HP:[0-9]{7}", "HP:0001332"),
    "atc": (r"[A-DGHJLMNPRSV]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", "N04AA01"),
}


def is_valid(system: str, code: str) -> bool:
    """Whether the code has its system's form; for SNOMED CT also whether its check digit fits."""
    pattern, _example = FORMATS[system]
    if not re.fullmatch(pattern, code):
        return False
    return system != "snomed-ct" or _verhoeff(code)


# SNOMED CT identifiers end in a Verhoeff check digit (SNOMED CT Release File Specifications, 5.5).
_PERMUTED = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _round in range(6):
    _PERMUTED.append([_PERMUTED[-1][n] for n in _PERMUTED[1]])


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of order ten."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def _verhoeff(number: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = _dihedral(check, _PERMUTED[place % 8][int(digit)])
    return check == 0
