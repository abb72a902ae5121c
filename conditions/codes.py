"""Medical codes: how each system writes them, what others call the systems, and which code is broader than another."""

import re

FORMATS = {
    # WHO: letter, two digits, optionally a point and one or two more.
    "icd-10": (r"[A-Z][0-9]{2}(\.[0-9]{1,2})?", "G24.1"),
    # The American modifications: a letter may stand third, and from the fourth place on; up to seven characters.
    "icd-10-cm": (r"[A-Z][0-9][0-9AB](\.[0-9A-Z]{1,4})?", "G24.02"),
    "icd-9-cm": (r"([0-9]{3}|V[0-9]{2})(\.[0-9]{1,2})?|E[0-9]{3}(\.[0-9])?", "333.6"),
    # WHO ICD-11 MMS stem codes: no I and no O but in the second place, a digit third, optionally a point and two.
    "icd-11": (r"[0-9A-HJ-NP-Z][A-HJ-NP-Z][0-9][0-9A-HJ-NP-Z](\.[0-9A-HJ-NP-Z]{1,2})?", "8A02.0Y"),
    "orpha": (r"[0-9]{1,6}", "256"),
    "snomed-ct": (r"[1-9][0-9]{5,17}", "24700007"),
    "mesh": (r"[CD][0-9]{6,9}", "D004422"),
    "omim": (r"[1-6][0-9]{5}", "128100"),
    "umls": (r"C[0-9]{7}", "C1851945"),
    "hpo": (r"HP:[0-9]{7}", "HP:0001332"),
    "atc": (r"[A-DGHJLMNPRSV]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", "N04AA01"),
    "rxnorm": (r"[1-9][0-9]{0,7}", "6375"),
    # Labeller, product and, where only one package is meant, package: 5-4-2 digits, as claims write it.
    "ndc": (r"[0-9]{5}-[0-9]{4}(-[0-9]{2})?", "00187-4051"),
}

# What record systems call them (HL7's registry of object identifiers). LOINC is known, though no page has such a code.
OIDS = {
    "2.16.840.1.113883.6.3": "icd-10",
    "2.16.840.1.113883.6.90": "icd-10-cm",
    "2.16.840.1.113883.6.103": "icd-9-cm",
    "2.16.840.1.113883.6.347": "icd-11",
    "2.16.840.1.113883.2.4.3.46.10.4.1": "orpha",
    "2.16.840.1.113883.6.96": "snomed-ct",
    "2.16.840.1.113883.6.177": "mesh",
    "2.16.840.1.113883.6.174": "omim",
    "2.16.840.1.113883.6.86": "umls",
    "2.16.840.1.113883.6.339": "hpo",
    "2.16.840.1.113883.6.73": "atc",
    "2.16.840.1.113883.6.88": "rxnorm",
    "2.16.840.1.113883.6.69": "ndc",
    "2.16.840.1.113883.6.1": "loinc",
}
# The same in FHIR: HL7's own name where it has given one, else urn:oid (FHIR R5, "Using codes", 4.3.0).
URIS = {
    "icd-10": "http://hl7.org/fhir/sid/icd-10",
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd-9-cm": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd-11": "http://id.who.int/icd/release/11/mms",
    "orpha": "http://www.orpha.net",
    "snomed-ct": "http://snomed.info/sct",
    "mesh": "urn:oid:2.16.840.1.113883.6.177",
    "omim": "http://www.omim.org",
    "umls": "http://www.nlm.nih.gov/research/umls",
    "hpo": "http://human-phenotype-ontology.org",
    "atc": "http://www.whocc.no/atc",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ndc": "http://hl7.org/fhir/sid/ndc",
    "loinc": "http://loinc.org",
}
_SYSTEMS = OIDS | {f"urn:oid:{oid}": system for oid, system in OIDS.items()} | {u: s for s, u in URIS.items()}


def system_called(name: str) -> str | None:
    """Our name of a code system from its OID (with or without urn:oid:) or its FHIR address; None: not known here."""
    return _SYSTEMS.get(name)


def oid(system: str) -> str:
    return next(oid for oid, ours in OIDS.items() if ours == system)


def is_valid(system: str, code: str) -> bool:
    """Whether the code has its system's form; for SNOMED CT also whether its check digit fits."""
    pattern, _example = FORMATS[system]
    if not re.fullmatch(pattern, code):
        return False
    return system != "snomed-ct" or _verhoeff(code)


def normal(system: str, code: str) -> str:
    """The code as pages carry it, whatever spelling it comes in; what is no code of the system comes back as it was.

    ICD without its point, ORPHA and HPO with or without their letters, NDC with 10 digits in three groups or 11 in one.
    """
    code = code.strip().upper()
    if system in {"icd-10", "icd-10-cm", "icd-9-cm"} and "." not in code:
        begins = 4 if system == "icd-9-cm" and code.startswith("E") else 3
        return f"{code[:begins]}.{code[begins:]}" if len(code) > begins else code
    if system == "orpha":
        return re.sub(r"^ORPHA(NET)?[:_]?\s?", "", code)
    if system == "hpo":
        return re.sub(r"^(HP[:_]?)?([0-9]{7})$", r"HP:\2", code)
    if system == "ndc":
        return _ndc(code)
    return code


def _ndc(code: str) -> str:
    if re.fullmatch("[0-9]{11}", code):
        return f"{code[:5]}-{code[5:9]}-{code[9:]}"
    groups = code.split("-")  # ten digits in one piece could be cut in three ways, and are no code we know
    if len(groups) not in (2, 3) or not all(group.isdecimal() for group in groups):
        return code
    return "-".join(group.zfill(width) for group, width in zip(groups, (5, 4, 2), strict=False))


def broader(system: str, code: str) -> list[str]:
    """The codes of the same system that hold this one, nearest first; only where the code itself says which they are.

    ICD and ATC are written from the general to the special; an NDC of a package begins with that of its product. Other
    systems keep their order in tables that are not ours to copy.
    """
    if not is_known(system, code):
        return []
    if system.startswith("icd-"):
        category, point, rest = code.partition(".")
        return [f"{category}{point}{rest[:n]}" for n in range(len(rest) - 1, 0, -1)] + ([category] if rest else [])
    if system == "atc":
        return [code[:n] for n in (5, 4, 3, 1) if n < len(code)]
    if system == "ndc" and code.count("-") == 2:
        return [code.rpartition("-")[0]]
    return []


def is_known(system: str, code: str) -> bool:
    """Whether a page could carry this code at all."""
    return system in FORMATS and is_valid(system, code)


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
