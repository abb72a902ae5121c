"""The words for kinds, parts and classes, once: readers see them as headings, editors as labels."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

KINDS = {
    "condition": _("Condition"),
    "symptom": _("Symptom"),
    "treatment": _("Treatment"),
    "term": _("Glossary term"),
    "article": _("About this information"),
}
PLURALS = {
    "condition": _("Conditions"),
    "symptom": _("Symptoms"),
    "treatment": _("Treatments"),
    "term": _("Glossary"),
    "article": _("About this information"),
}
# What readers come for; an article is about the portal itself.
MEDICAL_KINDS = tuple(kind for kind in KINDS if kind != "article")
# As they stand in an address; the same in every language, so that nobody must guess them.
PATHS = {
    "condition": "conditions",
    "symptom": "symptoms",
    "treatment": "treatments",
    "term": "glossary",
    "article": "about",
}

SECTIONS = {
    "condition": {
        "overview": _("Overview"),
        "causes": _("Causes"),
        "triggers": _("What can set it off or make it worse"),
        "diagnosis": _("Diagnosis"),
        "treatment_intro": pgettext_lazy("heading of a part", "Treatment"),
        "living_with": _("Living with it"),
        "outlook": _("Outlook"),
        "prevention": _("Prevention"),
    },
    "symptom": {
        "overview": _("What it is"),
        "causes": _("Causes"),
        "self_care": _("What can help"),
    },
    "treatment": {
        "overview": _("What it is for"),
        "how_it_works": _("How it works"),
        "what_to_expect": _("What to expect"),
        "benefits": _("Benefits"),
        "side_effects": _("Side effects"),
        "who_should_not": _("Who should not have it"),
    },
    "term": {},
    "article": {
        "who_writes": _("Who writes it"),
        "how_checked": _("How it is made and checked"),
        "funding": _("Who pays for it"),
        "privacy": _("Your privacy"),
        "reuse": _("Using it elsewhere"),
        "contact": _("How to reach us"),
    },
}
PARTS = {
    "name": _("Name"),
    "slug": _("Address"),
    "also_known_as": _("Also known as"),
    "misspellings": _("Misspellings people search for"),
    "summary": _("In short"),
    "help_cards": _("When to get help"),
    "facts": _("Key facts"),
    "symptoms": _("Symptoms"),
    "treatments": _("Treatments"),
    "sources": _("Sources"),
    "avoid": _("Words to avoid"),
    "images": _("Pictures"),
    "codes": _("Codes"),
    "see_also": _("See also"),
    "broader": _("Broader condition"),
    "treatment_kind": _("Kind of treatment"),
    "machine": _("Translated by a machine"),
    "headings": _("Body areas and specialities"),
}
# What a row of a part says, as editors see it in comparisons.
LEAVES = {
    "urgency": _("Urgency"),
    "when_to_act": _("When to act"),
    "what_to_do": _("What to do"),
    "value": _("Value"),
    "sources": _("Sources"),
    "sections": _("Supports"),
    "frequency": _("Frequency"),
    "place": _("Place"),
    "note": _("Note"),
    "alt": _("Alternative text"),
    "caption": _("Caption"),
    "credit": _("Credit"),
    "title": _("Title"),
    "publisher": _("Publisher or journal"),
    "year": _("Year"),
    "address": _("Web address"),
    "accessed_on": _("Accessed on"),
}
URGENCIES = {"emergency": _("Emergency"), "urgent": _("Urgent"), "routine": _("Not urgent")}
# A help card's heading is the instruction; its list finishes the sentence.
HELP_HEADINGS = {
    "emergency": _("Get emergency help now if:"),
    "urgent": _("Call a doctor today if:"),
    "routine": _("Make an appointment if:"),
}
FACTS = {
    "prevalence": _("How common it is"),
    "onset": _("When it begins"),
    "sex": _("Women and men"),
    "inheritance": _("How it runs in families"),
    "cause": _("Main cause"),
    "course": _("How it goes on"),
    "life-expectancy": _("Length of life"),
    "contagious": _("Can it be caught?"),
    "works-after": _("Begins to work"),
    "lasts": _("Lasts"),
}
# The six classes of the Human Phenotype Ontology (HP:0040280 to HP:0040285), with its own ranges.
FREQUENCIES = {
    "obligate": pgettext_lazy("frequency of a symptom", "Always present"),
    "very-frequent": pgettext_lazy("frequency of a symptom", "Very common: 80 to 99 of 100 people"),
    "frequent": pgettext_lazy("frequency of a symptom", "Common: 30 to 79 of 100 people"),
    "occasional": pgettext_lazy("frequency of a symptom", "Sometimes: 5 to 29 of 100 people"),
    "very-rare": pgettext_lazy("frequency of a symptom", "Rare: 1 to 4 of 100 people"),
    "excluded": pgettext_lazy("frequency of a symptom", "Does not belong to it"),
    "": pgettext_lazy("frequency of a symptom", "How often is not known"),
}
# The same as a picture: of ten people, so many at least, and so many at most. In whole people, rounded up.
OF_TEN = {
    "obligate": (10, 10),
    "very-frequent": (8, 10),
    "frequent": (3, 8),
    "occasional": (1, 3),
    "very-rare": (0, 1),
}
PLACES = {
    "first-choice": pgettext_lazy("place of a treatment", "First choice"),
    "alternative": pgettext_lazy("place of a treatment", "Another option"),
    "specialist": pgettext_lazy("place of a treatment", "In special centres"),
    "supportive": pgettext_lazy("place of a treatment", "Supportive"),
}
# What readers browse by, beside the letters. Only headings under which this language has a page are shown.
BODY_AREAS = {
    "whole-body": _("Whole body"),
    "brain-nerves": _("Brain and nerves"),
    "mind": _("Mind and feelings"),
    "head-face": _("Head and face"),
    "eyes": _("Eyes"),
    "ears-nose-throat": _("Ears, nose and throat"),
    "neck-back": _("Neck and back"),
    "arms-hands": _("Arms and hands"),
    "legs-feet": _("Legs and feet"),
    "muscles-bones-joints": _("Muscles, bones and joints"),
    "heart-vessels": _("Heart and blood vessels"),
    "lungs-breathing": _("Lungs and breathing"),
    "stomach-bowel": _("Stomach and bowel"),
    "kidneys-bladder": _("Kidneys and bladder"),
    "skin": _("Skin, hair and nails"),
    "hormones": _("Hormones and metabolism"),
    "blood-immune": _("Blood and immune system"),
    "reproduction": _("Sexual health and pregnancy"),
}
SPECIALITIES = {
    "neurology": _("Neurology"),
    "neurosurgery": _("Neurosurgery"),
    "genetics": _("Genetics"),
    "mental-health": _("Mental health care"),
    "rehabilitation": _("Rehabilitation"),
    "speech-therapy": _("Speech and swallowing therapy"),
    "eye-medicine": _("Eye medicine"),
    "ear-nose-throat-medicine": _("Ear, nose and throat medicine"),
    "paediatrics": _("Medicine for children"),
    "heart-medicine": _("Heart medicine"),
    "lung-medicine": _("Lung medicine"),
    "digestive-medicine": _("Digestive medicine"),
    "kidney-medicine": _("Kidney medicine"),
    "hormone-medicine": _("Hormone medicine"),
    "skin-medicine": _("Skin medicine"),
    "bone-joint-medicine": _("Bone and joint medicine"),
    "cancer-medicine": _("Cancer medicine"),
    "blood-medicine": _("Blood medicine"),
    "infections": _("Infectious diseases"),
    "womens-health": _("Women's health"),
    "general-practice": _("General practice"),
}
HEADINGS = {**BODY_AREAS, **SPECIALITIES}
HEADING_GROUPS = ((_("Body area"), BODY_AREAS), (_("Speciality"), SPECIALITIES))
TREATMENT_KINDS = {
    "medicine": _("Medicine"),
    "procedure": _("Procedure"),
    "therapy": _("Therapy"),
    "self-care": _("Self-care"),
}
CODE_SYSTEMS = {
    "icd-10": "ICD-10",
    "icd-10-cm": "ICD-10-CM",
    "icd-9-cm": "ICD-9-CM",
    "icd-11": "ICD-11",
    "orpha": "ORPHA",
    "snomed-ct": "SNOMED CT",
    "mesh": "MeSH",
    "omim": "OMIM",
    "umls": "UMLS",
    "hpo": "HPO",
    "atc": "ATC",
    "rxnorm": "RxNorm",
    "ndc": "NDC",
}


def part(kind: str, where: str) -> str:
    """The words for a part such as "sections.causes" or "help_cards.breathing.when_to_act"."""
    first, _dot, rest = where.partition(".")
    if first == "sections":
        return SECTIONS[kind][rest]
    return PARTS[first]


def part_in_words(kind: str, where: str) -> str:
    """A part with what tells it from its neighbours: "When to get help (breathing): What to do"."""
    first, _dot, rest = where.partition(".")
    if first == "sections" and rest in SECTIONS[kind]:
        return str(SECTIONS[kind][rest])
    row, _dot, leaf = rest.rpartition(".") if rest.rpartition(".")[2] in LEAVES else (rest, "", "")
    if first == "facts" and row in FACTS:
        words = str(FACTS[row])
    else:
        words = str(PARTS.get(first, first.replace("_", " ")))
        words = f"{words} ({row})" if row else words
    return f"{words}: {LEAVES[leaf]}" if leaf and leaf != "value" else words


_CODES = {
    "urgency": URGENCIES,
    "frequency": FREQUENCIES,
    "place": PLACES,
    "treatment_kind": TREATMENT_KINDS,
    "headings": HEADINGS,
    "kind": KINDS,
}


def code_in_words(kind: str, where: str, said: dict[str, str], names: dict[str, str]) -> str:
    """The name of the code that a content says there, where it is one: "Not urgent" for "routine"; else "".

    `said`: all that this content says, by part. `names`: "kind/key" -> the name of another page.
    """
    code, first, last = said[where], where.partition(".")[0], where.rpartition(".")[2]
    if first in {"see_also", "broader"} and last != "kind":
        return names.get(code.replace(".", "/", 1), "") or names.get(f"condition/{code}", "")
    if first == "machine":
        return ", ".join(part_in_words(kind, one) for one in code.split(", "))
    if first == "sources" and last == "sections":
        return ", ".join(str(SECTIONS[kind].get(one) or PARTS.get(one, one)) for one in code.split(", "))
    if first == "facts" and last == "sources":
        return ", ".join(said.get(f"sources.{one}.title", one) for one in code.split(", "))
    if first in {"help_cards", "symptoms", "treatments", "broader", "treatment_kind", "headings"}:
        return str(_CODES.get(last if first != "headings" else first, {}).get(code, ""))
    return ""


def whole_part(where: str) -> str:
    """The part that is commented on as one: a section, a fact, a help card, a picture; all sources together."""
    steps = where.split(".")
    return ".".join(steps[:2]) if steps[0] in {"sections", "facts", "help_cards", "images"} else steps[0]
