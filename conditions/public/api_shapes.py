"""The shapes of the JSON API's answers, and of what may be asked. Each description stands in the OpenAPI document."""

import datetime as dt
from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field

MOST = 100  # rows in one answer

Kind = Literal["condition", "symptom", "treatment", "term", "article"]
Code = Annotated[str, Field(pattern="^[a-z]{2,3}(-[a-z0-9]{2,8})*$", examples=["en", "zh-hans"])]
Key = Annotated[str, Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100, examples=["torsion-dystonia"])]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Field(ge=1, le=MOST)]


class Problem(Schema):
    """RFC 9457. `title` says what is wrong in one sentence, `detail` what to do."""

    title: str
    status: int
    detail: str = ""


class Terms(Schema):
    licence: str = Field(description="Address of the licence these words may be used under.")
    attribution: str = Field(description="What to say beside them.")


class Answer(Schema):
    terms: Terms


class Language(Schema):
    language: str
    tag: str = Field(description="BCP 47, for `lang` and `hreflang`.")
    name: str = Field(description="In the language itself.")
    direction: Literal["ltr", "rtl"]
    is_source: bool = Field(description="The language the medicine is written in.")


class Listed(Schema):
    kind: Kind
    key: str = Field(description="Never changes.")
    language: str
    title: str
    summary: str | None = Field(description="None while a safety change makes the old summary dangerous.")
    url: str = Field(description="For people.")
    api: str


class Languages(Answer):
    languages: list[Language]


class Pages(Answer):
    pages: list[Listed]
    next: str | None = Field(description="Address of the next stretch.")


class Found(Answer):
    pages: list[Listed] = Field(description="Those that have the words in a name, best first.")
    mentions: list[Listed] = Field(description="Those that only speak of it.")
    corrected: str = Field(description="What was looked for instead of misspelt words.")
    near: bool = Field(description="Nothing has these words; `pages` are the nearest.")


class Signature(Schema):
    name: str
    at: dt.datetime


class Stated(Schema):
    """One edition."""

    number: int
    digest: str = Field(description="SHA-256 of the words; equal words, equal digest.")
    published_at: dt.datetime
    significance: Literal["wording", "follow", "safety"] = Field(
        description="What its change meant for the one before."
    )
    change_note: str
    url: str
    api: str


class Editions(Answer):
    editions: list[Stated]


class Translated(Schema):
    """How a translation stands to its source."""

    language: str
    url: str | None
    matches: int | None = Field(description="The source edition it was compared with.")
    current: int | None = Field(description="The source edition of today; None: the source was withdrawn.")
    out_of_date: bool
    safety: bool = Field(description="The source changed because earlier words may harm.")


class Words(Schema):
    html: str = Field(description="Only p, ul, ol, li, h3, strong, em, br and a[href].")
    language: str = Field(description="Of these very words.")


class HelpCard(Schema):
    key: str
    urgency: Literal["emergency", "urgent", "routine"]
    heading: str
    when_to_act: Words
    what_to_do: Words


class Fact(Schema):
    kind: str
    heading: str
    text: str
    out_of_date: bool
    sources: list[int] = Field(description="Places in `sources`, counted from 1.")


class Named(Schema):
    name: str
    url: str | None
    note: str


class Group(Schema):
    heading: str
    members: list[Named]


class Section(Schema):
    key: str
    heading: str
    url: str
    words: Words | None
    groups: list[Group]
    out_of_date: bool = Field(description="The source says something else here, and this translation does not yet.")
    machine: bool = Field(description="Translated by a machine, and not compared by anybody since.")
    sources: list[int]


class Source(Schema):
    title: str
    language: str
    publisher: str
    year: int | None
    address: str
    accessed_on: dt.date | None


class MedicalCode(Schema):
    system: str
    code: str


class Picture(Schema):
    url: str
    width: int
    height: int
    alt: str
    caption: str
    credit: str


class Elsewhere(Schema):
    language: str
    tag: str
    url: str
    api: str


class Content(Answer):
    kind: Kind
    key: str
    language: str
    tag: str
    direction: Literal["ltr", "rtl"]
    url: str
    short_url: str
    is_current: bool = Field(description="False: an earlier edition. Do not show it as today's.")
    edition: Stated
    clinical_review: Signature | None = Field(description="None: no clinician reviewed these words. Say so.")
    language_review: Signature | None
    review_due_on: dt.date
    source: Translated | None = Field(description="None: this is the source language.")
    notices: str = Field(description="XHTML. What readers must know first. Show it whole, above the words.")
    title: str
    summary: str | None = Field(description="None while a safety change makes the old summary dangerous.")
    summary_out_of_date: bool
    also_known_as: list[str]
    help_cards: list[HelpCard] = Field(description="Show them before anything else.")
    facts: list[Fact]
    sections: list[Section]
    pictures: list[Picture]
    machine: list[str] = Field(description="Parts that a machine translated and nobody has compared since. Say so.")
    headings: list[str] = Field(description="Body areas and specialities.")
    codes: list[MedicalCode]
    sources: list[Source]
    languages: list[Elsewhere]


class Term(Schema):
    key: str
    term: str
    definition: str | None
    url: str


class Glossary(Answer):
    language: str
    terms_of_glossary: list[Term]


class Affected(Schema):
    language: str
    api: str


class Change(Schema):
    what: Literal["published", "restored", "withdrawn", "language"]
    at: dt.datetime
    language: str
    kind: Kind | None
    key: str | None
    edition: int | None = Field(description="Whose words the page shows since, or showed until it was withdrawn.")
    safety: bool = Field(description="Earlier words may harm.")
    offered: bool | None = Field(description="`language` only: read all its pages anew, or take them all down.")
    public_now: bool | None = Field(description="Whether the page can be read as you ask. If not, do not show it.")
    url: str | None
    api: str | None
    also_affects: list[Affected] = Field(
        description="Translations that a change of the original may have put a warning on. Read them anew as well."
    )


class Changes(Answer):
    changes: list[Change]
    cursor: str = Field(description="Give it back as `since`. Nothing that happens later is before it.")
    more: bool = Field(description="Ask again at once.")
    as_of: dt.datetime = Field(description="When this was true, to the minute. An old answer played back shows here.")


class PublicKey(Answer):
    algorithm: Literal["Ed25519"]
    public_key: str = Field(description="32 bytes in base64.")
