"""A public page in schema.org's words (JSON-LD), for search engines and assistants.

It says what the reader's page says and no more: a review only where a clinician really signed, a summary only while
readers are shown it. Vocabulary: schema.org 30.0; `tests/conditions/test_being_found.py` holds it against that.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from conditions import labels
from portal import addresses, languages

_ABOUT = {"condition": "MedicalCondition", "symptom": "MedicalSignOrSymptom", "term": "DefinedTerm"}
_TREATMENTS = {
    "medicine": "Drug",
    # A procedure is no therapy in schema.org, and only therapies may be a possible treatment.
    "procedure": ["MedicalTherapy", "SurgicalProcedure"],
    "therapy": "MedicalTherapy",
    "self-care": "LifestyleModification",
}

# What a section is about, in schema.org's list of health aspects; a section that fits none goes without.
_ASPECTS = {
    "overview": "Overview", "causes": "Causes", "symptoms": "Symptoms",
    "diagnosis": "Screening", "treatment_intro": "Treatments", "treatments": "Treatments",
    "living_with": "LivingWith", "outlook": "Prognosis", "prevention": "Prevention", "self_care": "SelfCare",
    "how_it_works": "HowItWorks", "what_to_expect": "PatientExperience", "benefits": "Benefits",
    "side_effects": "SideEffects", "who_should_not": "Safety",
}  # fmt: skip


def of_page(context: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON-LD of a page, from the same context that its template gets."""
    page, edition, content = context["page"], context["edition"], context["content"]
    language = languages.get(edition.language)
    address = absolute(context["url"])
    clinical = context["clinical"]
    list_address = absolute(addresses.address("public:list", edition.language, edition.kind))
    home = absolute(addresses.address("public:home", edition.language))
    said = {} if context["summary_moved"] else {"description": content.summary}
    return _without_empty(
        {
            "@context": "https://schema.org",
            "@type": "AboutPage" if edition.kind == "article" else "MedicalWebPage",
            "@id": address,
            "url": address,
            "name": content.name,
            **said,
            "inLanguage": language.tag,
            "version": str(edition.number),
            "dateModified": edition.published_at.date().isoformat(),
            "archivedAt": absolute(
                addresses.address("public:edition", page.language, page.kind, page.slug, edition.number)
            ),
            "lastReviewed": clinical.at.date().isoformat() if clinical else None,
            "reviewedBy": {"@type": "Person", "name": clinical.signed_as} if clinical else None,
            "medicalAudience": {"@type": "MedicalAudience", "audienceType": "Patient"}
            if edition.kind != "article"
            else None,
            "isPartOf": {"@type": "WebSite", "@id": home, "url": home, "name": _("Patient information")},
            "about": _about(context, said),
            "hasPart": _parts(context, address, language),
            "citation": [_source(source) for source, _accessed in context["sources"]],
            "translationOfWork": _translation_of(context),
            "workTranslation": _translations(context),
            "breadcrumb": {
                "@type": "BreadcrumbList",
                "itemListElement": [
                    {"@type": "ListItem", "position": place, "name": str(name), "item": {"@id": where}}
                    for place, (name, where) in enumerate(
                        [(_("Home"), home), (context["plural"], list_address), (content.name, address)], 1
                    )
                ],
            },
        }
    )


def absolute(url: str) -> str:
    return settings.PUBLIC_ADDRESS + url


def _about(context, said):
    content, kind = context["content"], context["kind"]
    if kind == "article":
        return None
    if kind == "term":
        terms = absolute(addresses.address("public:list", context["edition"].language, kind))
        return {"@type": "DefinedTerm", "name": content.name, "inDefinedTermSet": terms, **said}
    parts = {part.key: part for part in context["parts"]}
    treated = parts.get("treatment_intro") or parts.get("treatments")
    is_condition = kind == "condition"
    return {
        "@type": _TREATMENTS.get(content.treatment_kind, "MedicalTherapy") if kind == "treatment" else _ABOUT[kind],
        "name": content.name,
        "alternateName": list(content.also_known_as),
        **said,
        "code": [
            {"@type": "MedicalCode", "codingSystem": labels.CODE_SYSTEMS.get(c.system, c.system), "codeValue": c.code}
            for c in content.codes
        ],
        "signOrSymptom": _named(parts.get("symptoms"), "MedicalSignOrSymptom") if is_condition else None,
        "possibleTreatment": _named(treated, "MedicalTherapy") if is_condition else None,
    }


def _named(part, what):
    """The objects a part names, without the symptoms of which it says that they do not belong to the condition."""
    groups = part.groups if part else ()
    return [
        {"@type": what, "name": one.name, "url": absolute(one.url) if one.url else None}
        for label, members, _figures in groups
        if label != labels.FREQUENCIES["excluded"]
        for one in members
    ]


def _parts(context, address, language):
    """The page's sections, each in its true language: words that no translation has followed yet are the source's."""
    return [
        {
            "@type": "HealthTopicContent",
            "url": f"{address}#{part.key}",
            "name": str(part.heading),
            "hasHealthAspect": {"@id": f"https://schema.org/{_ASPECTS[part.key]}HealthAspect"}
            if part.key in _ASPECTS
            else None,
            "inLanguage": (part.language or language).tag,
        }
        for part in context["parts"]
    ]


def _source(source):
    return {
        "@type": "CreativeWork",
        "name": source.title,
        "inLanguage": source.language,
        "url": source.address,
        "publisher": {"@type": "Organization", "name": source.publisher} if source.publisher else None,
        "datePublished": str(source.year) if source.year else None,
    }


def _translation_of(context):
    source = context["source_page"]
    return {"@id": absolute(_url(source))} if context["is_translation"] and source else None


def _translations(context):
    if context["is_translation"]:
        return None
    others = [choice for choice in context["choices"] if choice.exists and not choice.current]
    return [{"@id": absolute(choice.url), "inLanguage": choice.language.tag} for choice in others]


def _url(page):
    return addresses.address("public:page", page.language, page.kind, page.slug)


def _without_empty(value):
    if isinstance(value, dict):
        return {key: _without_empty(one) for key, one in value.items() if one not in (None, "", [], {})}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value


def as_script(data: dict[str, Any]) -> str:
    """For a <script> element: no word in it can end the element or begin another."""
    said = json.dumps(data, ensure_ascii=False).translate(_ESCAPED)
    return mark_safe(said)  # nosec B308, B703 # no "<", ">" or "&" is left in it


_ESCAPED = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}
