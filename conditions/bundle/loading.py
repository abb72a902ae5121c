"""A bundle into the working copy: first what would happen, then all of it or nothing. Never publishes.

A part (a topic's shape, or its words in one language) is written where the working copy says nothing there yet, or
still says what was last loaded, or what it said when the bundle was exported. Otherwise somebody was there, and it is
kept, unless whoever loads names the topic. So loading twice changes nothing, and what was interrupted goes on.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import override

from conditions import editions, models
from conditions.bundle import collecting
from conditions.bundle.form import (
    NAMED_BY,
    SHAPE,
    Bundle,
    BundleTopic,
    Mistakes,
    digest,
    flat,
    place,
    row_of,
    whole,
    whole_source,
)
from portal import languages
from portal.translating.admin import may_translate
from portal.translating.columns import column

# What a condition names comes before it.
ORDER = ("term", "symptom", "treatment", "condition", "article")
AT_ONCE = 200  # so many objects are looked at in one query


@dataclass(frozen=True)
class Part:
    """What becomes of one part: new, updated, unchanged, kept, refused."""

    place: str
    what: str
    topic: str = ""  # kind/key, or source/key: what to name to have it overwritten
    why: str = ""


@dataclass
class Plan:
    parts: list[Part] = field(default_factory=list)

    @property
    def counts(self) -> Counter:
        return Counter(part.what for part in self.parts)

    def only(self, *what: str) -> list[Part]:
        return [part for part in self.parts if part.what in what]


@dataclass
class _Work:
    """One object's share: what is to be written, and what the working copy remembers of it."""

    of: BundleTopic
    topic: models.Topic | None
    shape: dict | None = None  # None: not to be written
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    remembered: dict[str, str] = field(default_factory=dict)  # part -> digest of what stands there afterwards


def look(bundle: Bundle, *, by=None, overwrite: Collection[str] = ()) -> Plan:
    """What loading it would do today. Writes nothing. Raises Mistakes."""
    return _look(bundle, by, overwrite, lock=False)[0]


@transaction.atomic
def load(bundle: Bundle, *, by=None, overwrite: Collection[str] = ()) -> Plan:
    """Write what can be written, all of it or nothing. Raises Mistakes.

    `by`: whoever does it at the desk; parts that this person may not change are refused. None: whoever runs the server.
    `overwrite`: kind/key or source/key of what is written even where somebody changed it since.
    """
    plan, sources, works = _look(bundle, by, overwrite, lock=True)
    for key, row in sources.items():
        models.Source.objects.update_or_create(key=key, defaults=row)
    works = [work for work in works if work.shape is not None or work.words or work.remembered]
    topics = {work.of.key: work.topic for work in works if work.topic}
    for work in works:
        if work.topic is None:
            topics[work.of.key] = work.topic = editions.MODELS[work.of.kind].objects.create(key=work.of.key)
    named = {key for work in works if work.shape for key in _named(work.shape)} - topics.keys()
    for model in editions.MODELS.values():
        topics |= {topic.key: topic for topic in model.objects.filter(key__in=named)}
    known = {row.key: row for row in models.Source.objects.filter(key__in=_cited(works))}
    for work in works:
        _write(work, topics, known, bundle.pictures)
    changed = {(work.of.kind, work.of.key): work for work in works if work.shape is not None or work.words}
    touched = changed.keys() | _citing(sources)
    for kind in editions.MODELS:
        for topic in editions.topics(kind).filter(key__in=[key for a_kind, key in touched if a_kind == kind]):
            work = changed.get((kind, topic.key))
            said = [languages.SOURCE] if work is None or work.shape is not None else []
            editions.refresh(topic, by=by, changed={*said, *(work.words if work else ())})
    return plan


def in_batches(bundle: Bundle, size: int, *, tell: Callable[[int, int], None], **options) -> Plan:
    """The same in one transaction for each so many objects. Interrupted, it goes on where it stopped.

    Everything is looked at before anything is written, so mistakes still leave the working copy as it was.
    """
    look(bundle, **options)
    plan = Plan()
    with transaction.atomic():  # so that each batch may name what comes in another
        for one in _missing(bundle):
            editions.MODELS[one.kind].objects.create(key=one.key)
    ordered = _ordered(bundle.topics)
    for begin in range(0, len(ordered), size):
        sources = bundle.sources if begin == 0 else {}
        share = Bundle(ordered[begin : begin + size], sources, bundle.pictures, bundle.exported)
        plan.parts += load(share, **options).parts
        tell(min(begin + size, len(ordered)), len(ordered))
    return plan


def _ordered(topics: Iterable[BundleTopic]) -> list[BundleTopic]:
    return sorted(topics, key=lambda topic: ORDER.index(topic.kind))


def _missing(bundle: Bundle) -> Iterator[BundleTopic]:
    named = {key for one in bundle.topics for key in _named(one.shape)}
    there = _kinds(named)
    return (one for one in bundle.topics if one.key in named and one.key not in there)


def _kinds(keys: Iterable[str]) -> dict[str, str]:
    """key -> kind, of those that the working copy has."""
    keys, found = list(keys), {}
    for begin in range(0, len(keys), 500):
        found |= dict(models.Topic.objects.filter(key__in=keys[begin : begin + 500]).values_list("key", "kind"))
    return found


# Looking


def _look(bundle: Bundle, by, overwrite, lock: bool) -> tuple[Plan, dict, list[_Work]]:
    plan = Plan()
    sources = dict(_look_at_sources(bundle, by, overwrite, plan))
    ordered = _ordered(bundle.topics)
    if wrong := list(_not_here(bundle)):
        raise Mistakes(wrong)
    works = []
    for begin in range(0, len(ordered), AT_ONCE):
        share = ordered[begin : begin + AT_ONCE]
        there = {}
        for kind in {one.kind for one in share}:
            wanted = editions.topics(kind).filter(key__in=[one.key for one in share if one.kind == kind])
            if lock:  # nobody saves one of them between the look and the writing
                wanted = wanted.select_for_update(of=("self", "topic_ptr"))
            there |= {topic.key: topic for topic in wanted}
        works += [_look_at(one, there.get(one.key), bundle.exported, by, overwrite, plan) for one in share]
    return plan, sources, works


def _not_here(bundle: Bundle) -> Iterator[str]:
    """What the bundle names and neither holds nor finds here."""
    kinds = {one.key: one.kind for one in bundle.topics}
    named = {key for one in bundle.topics for key in _named(one.shape)}
    here = _kinds({*kinds, *named})
    known = here | kinds
    cited = {key for one in bundle.topics for key in _sources_of(one.shape)} - bundle.sources.keys()
    cited -= set(models.Source.objects.filter(key__in=cited).values_list("key", flat=True))
    for one in bundle.topics:
        at = place(one, SHAPE)
        if here.get(one.key, one.kind) != one.kind:
            yield f"{at}: the key “{one.key}” belongs to a {here[one.key]} here"
        for key, wanted in _named(one.shape).items():
            if (found := known.get(key)) is None or (wanted and found != wanted):
                yield f"{at}: there is no {wanted or 'topic'} “{key}”"
        for key in _sources_of(one.shape):
            if key in cited:
                yield f"{at}: sources.toml has no “{key}”"


def _named(shape: dict) -> dict[str, str | None]:
    """key -> the kind it has to be, or None."""
    named: dict[str, str | None] = dict.fromkeys(shape.get("see_also", ()))
    named |= {row["key"]: "symptom" for row in shape.get("symptoms", ())}
    named |= {row["key"]: "treatment" for row in shape.get("treatments", ())}
    return named | ({shape["broader"]: "condition"} if shape.get("broader") else {})


def _sources_of(shape: dict) -> list[str]:
    found = [row["source"] for row in shape.get("citations", ())]
    return found + [key for row in shape.get("facts", ()) for key in row.get("sources", ())]


def _cited(works) -> set[str]:
    return {key for work in works if work.shape for key in _sources_of(work.shape)}


def _citing(sources) -> set[tuple[str, str]]:
    """(kind, key) of everything that says what these sources say."""
    if not sources:
        return set()
    citing = models.Topic.objects.filter(citations__source__key__in=sources)
    citing = citing | models.Topic.objects.filter(facts__sources__key__in=sources)
    return set(citing.values_list("kind", "key").distinct())


def _look_at_sources(bundle, by, overwrite, plan) -> Iterator[tuple[str, dict]]:
    there = {row.key: row for row in models.Source.objects.filter(key__in=bundle.sources)}
    for key, said in bundle.sources.items():
        new, name = whole_source(said), f"source/{key}"
        now = whole_source(collecting.source(there[key])) if key in there else None
        what = (
            "new" if now is None
            else "unchanged" if new == now
            else "updated" if name in overwrite or digest(now) == bundle.exported.get(name)
            else "kept"
        )  # fmt: skip
        right = "conditions.add_source" if now is None else "conditions.change_source"
        if what in {"new", "updated"} and by and not by.has_perm(right):
            what = "refused"
        plan.parts.append(Part(f"sources.toml: {key}", what, name, REASONS.get(what, "")))
        if what in {"new", "updated"}:
            yield key, new


REASONS = {"kept": "changed here since", "refused": "not yours to change"}


def _look_at(one: BundleTopic, topic, exported, by, overwrite, plan) -> _Work:
    work, name = _Work(one, topic), f"{one.kind}/{one.key}"
    overwritten = name in overwrite
    now = collecting.shape(topic) if topic else whole(one.kind, {})
    new = whole(one.kind, {**now, **one.shape} if one.row else one.shape)
    words_now = {language: collecting.words_of(topic, language) if topic else {} for language in languages.LANGUAGES}
    words_new = {language: _words(one, language, words_now[language]) for language in one.words}

    def becomes(part, new, now, is_empty, right):
        if new == now and topic:
            return "unchanged"
        if by and not right:
            return "refused"
        was = (topic.starter_digest.get(part) or {}).get("working_copy") if topic else None
        if is_empty:
            return "new"
        return "updated" if overwritten or digest(now) in {was, exported.get(f"{name}/{part}")} else "kept"

    right = bool(by) and by.has_perm(f"conditions.{'change' if topic else 'add'}_{one.kind}")
    what = becomes(SHAPE, new, now, now == whole(one.kind, {}), right)
    becoming = {}
    for language, said in words_new.items():
        mine = right if language == languages.SOURCE else bool(by) and may_translate(by, "conditions", language)
        becoming[language] = becomes(language, said, words_now[language], not words_now[language], mine)
    why = REASONS.get(what, "")
    if what == "updated" and not overwritten:
        lost = _rows(now) - _rows(new)
        for language, said in words_now.items():
            gone = sorted({row_of(part)[1] for part in said if row_of(part) in lost})
            if gone and becoming.get(language) != "updated":
                what, why = "kept", f"“{gone[0]}” would go, and it has words in {language} that stand in no file"
                break
    plan.parts.append(Part(place(one, SHAPE), what, name, why))
    if what in {"new", "updated"}:
        work.shape = new
    rows = _rows(new if what in {"new", "updated", "unchanged"} else now)
    for language, said in words_new.items():
        # Where rows stay as they are, their words do as well; words of a row that is not there have no place.
        kept = {part: text for part, text in words_now[language].items() if row_of(part) in rows - _rows(new)}
        said = {part: text for part, text in said.items() if row_of(part) in {None, *rows}} | kept
        how, because = becoming[language], ""
        if how in {"updated", "new"} and said == words_now[language] and topic:
            how = "unchanged"
        if topic is None and work.shape is None:
            how = "refused"
        if how == "updated" or how == "new":
            work.words[language] = said
        because = REASONS.get(how, "")
        plan.parts.append(Part(place(one, language), how, name, because))
        if how in {"new", "updated", "unchanged"}:
            work.remembered[language] = digest(said)
    if what in {"new", "updated", "unchanged"}:
        work.remembered[SHAPE] = digest(new)
    was = {part: said.get("working_copy") for part, said in (topic.starter_digest if topic else {}).items()}
    work.remembered = {part: said for part, said in work.remembered.items() if was.get(part) != said}
    return work


def _words(one: BundleTopic, language: str, now: dict[str, str]) -> dict[str, str]:
    said = flat(one.words[language])
    if not one.row:
        return said
    if now.get("slug") and not one.words[language].get("slug"):
        said.pop("slug", None)  # an address stays where it is until somebody moves it
    return {**now, **said}


def _rows(shape: dict) -> set[tuple[str, str]]:
    """The rows that hold words."""
    return {(part, row[NAMED_BY[part]]) for part in collecting.LEAVES for row in shape.get(part, ())}


# Writing


def _write(work: _Work, topics: dict, sources: dict, pictures: dict):
    topic, new, changed = work.topic, [], {}
    rows = collecting.rows(topic)
    if work.shape is not None:
        new = _write_shape(work, rows, topics, sources, pictures)
    for language in work.words:
        for part, row, name in collecting.cells(topic, rows):
            text = work.words[language].get(part, "")
            if (getattr(row, column(name, language)) or "") != text:
                setattr(row, column(name, language), text)
                changed[type(row), row.pk or id(row)] = row
    _save(new, [row for row in changed.values() if row is not topic and row.pk])
    topic.starter_digest = {
        **topic.starter_digest,
        **{part: {"working_copy": said} for part, said in work.remembered.items()},
    }
    topic.save()
    if work.shape is not None:
        for fact in work.shape["facts"]:
            rows["facts", fact["kind"]].sources.set([sources[key] for key in fact["sources"]])
        topic.see_also.set([topics[key].pk for key in work.shape["see_also"]])


def _save(new: list, changed: list):
    """New rows many at once, as `save` would write them: their words are clean, the base column is the source's."""
    of_model: dict[type, list] = {}
    for row in new:
        of_model.setdefault(type(row), []).append(row)
    with override(languages.SOURCE):
        for model, several in of_model.items():
            if model is models.Image:
                changed = [*several, *changed]  # their files are stored one by one
            else:
                model.objects.bulk_create(several)
    for row in changed:
        row.save()


def _write_shape(work: _Work, rows: dict, topics: dict, sources: dict, pictures: dict) -> list:
    """Makes the rows say what the shape says, in its order; returns those that are new and not saved yet.

    `rows` holds afterwards what there will be. Every row that is there already and differs is saved.
    """
    topic, shape = work.topic, work.shape
    for name in ("treatment_kind", "do_not_translate", "headings"):
        if name in shape:
            setattr(topic, name, shape[name])
    if "broader" in shape:
        topic.broader = topics[shape["broader"]] if shape["broader"] else None
    new = []

    def put(part, model, there, wanted, owner="topic"):
        """`wanted`: name of the row -> (what tells it from others, what else it says)."""
        for at, (name, (identity, said)) in enumerate(wanted.items(), 1):
            row = there.pop(name, None)
            if row is None:
                row = model(**{owner: topic}, **identity)
                new.append(row)
            if model is not models.Code:
                said = {**said, "position": at}
            if differing := {field: value for field, value in said.items() if getattr(row, field) != value}:
                for field_name, value in differing.items():
                    setattr(row, field_name, value)
                if row.pk:
                    row.save()
            if part in collecting.LEAVES:
                rows[part, name] = row
        for name, row in there.items():
            row.delete()
            rows.pop((part, name), None)

    def there(part):
        return {name: row for (of, name), row in rows.items() if of == part}

    put(
        "help_cards", models.HelpCard, there("help_cards"),
        {row["key"]: ({"key": row["key"]}, {"urgency": row["urgency"]}) for row in shape["help_cards"]},
    )  # fmt: skip
    put(
        "facts", models.Fact, there("facts"),
        {row["kind"]: ({"kind": row["kind"]}, {"needs_check": row["needs_check"]}) for row in shape["facts"]},
    )  # fmt: skip
    put(
        "images", models.Image, there("images"),
        {row["key"]: ({"key": row["key"]}, {"credit": row["credit"]}) for row in shape["images"]},
    )  # fmt: skip
    for row in shape["images"]:
        image = rows["images", row["key"]]
        if image.file.name != row["file"]:
            image.file = pictures[row["file"]]
            if image.pk:
                image.save()
    put(
        "codes", models.Code, {(row.system, row.code): row for row in topic.codes.all()},
        {
            (row["system"], row["code"]): (
                {"system": row["system"], "code": row["code"]},
                {"verified": row["verified"]},
            )
            for row in shape["codes"]
        },
    )  # fmt: skip
    put(
        "citations", models.Citation, {row.source.key: row for row in topic.citations.all()},
        {
            row["source"]: (
                {"source": sources[row["source"]]},
                {"sections": row["sections"], "needs_check": row["needs_check"]},
            )
            for row in shape["citations"]
        },
    )  # fmt: skip
    if topic.kind == "condition":
        put(
            "symptoms", models.ConditionSymptom, there("symptoms"),
            {
                row["key"]: ({"symptom": topics[row["key"]]}, {"frequency": row["frequency"]})
                for row in shape["symptoms"]
            },
            owner="condition",
        )  # fmt: skip
        put(
            "treatments", models.ConditionTreatment, there("treatments"),
            {row["key"]: ({"treatment": topics[row["key"]]}, {"place": row["place"]}) for row in shape["treatments"]},
            owner="condition",
        )  # fmt: skip
    return new
