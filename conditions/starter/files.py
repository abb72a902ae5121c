"""Reads the starter content's files and says, by file and key, what is wrong in them. No database."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from conditions import codes, labels, richtext
from portal import languages
from portal.addresses import is_slug

CONTENT = Path(__file__).with_name("content")


@dataclass(frozen=True)
class StarterTopic:
    kind: str
    key: str
    shape: dict  # topic.toml
    words: dict[str, dict]  # language -> {language}.toml


class Mistakes(ValueError):
    """The files hold mistakes; each line names the file."""


def sources(root: Path = CONTENT) -> dict[str, dict]:
    return _toml(root / "sources.toml")


def topics(root: Path = CONTENT) -> list[StarterTopic]:
    """Every object, checked. Raises Mistakes naming every file at fault."""
    found = []
    for kind in labels.KINDS:
        for folder in sorted((root / kind).iterdir()) if (root / kind).is_dir() else ():
            words = {path.stem: _toml(path) for path in sorted(folder.glob("*.toml")) if path.stem != "topic"}
            found.append(StarterTopic(kind, folder.name, _toml(folder / "topic.toml"), words))
    mistakes = list(_mistakes(found, sources(root)))
    if mistakes:
        raise Mistakes("\n".join(mistakes))
    return found


def _toml(path: Path) -> dict:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Mistakes(f"{path}: {error}") from error


def _mistakes(found: list[StarterTopic], known_sources: dict):
    kind_of = {topic.key: topic.kind for topic in found}
    slugs = {}
    for topic in found:
        place, shape = f"{topic.kind}/{topic.key}", topic.shape
        for named, wanted in (
            *((row["key"], "symptom") for row in shape.get("symptoms", ())),
            *((row["key"], "treatment") for row in shape.get("treatments", ())),
            *(((shape["broader"], "condition"),) if shape.get("broader") else ()),
            *((key, None) for key in shape.get("see_also", ())),
        ):
            if named not in kind_of or (wanted and kind_of[named] != wanted):
                yield f"{place}/topic.toml: there is no {wanted or 'topic'} “{named}”"
        if unknown := set(shape.get("headings", ())) - set(labels.HEADINGS):
            yield f"{place}/topic.toml: there is no heading {', '.join(sorted(unknown))}"
        for row in shape.get("codes", ()):
            if row["system"] not in codes.FORMATS or not codes.is_valid(row["system"], row["code"]):
                yield f"{place}/topic.toml: “{row['code']}” is no {row['system']} code"
        for source in (
            *(row["source"] for row in shape.get("citations", ())),
            *(key for row in shape.get("facts", ()) for key in row["sources"]),
        ):
            if source not in known_sources:
                yield f"{place}/topic.toml: sources.toml has no “{source}”"
        for row, field, choices in (
            *((row, "frequency", labels.FREQUENCIES) for row in shape.get("symptoms", ())),
            *((row, "place", labels.PLACES) for row in shape.get("treatments", ())),
            *((row, "urgency", labels.URGENCIES) for row in shape.get("help_cards", ())),
            *((row, "kind", labels.FACTS) for row in shape.get("facts", ())),
        ):
            if row.get(field, "") not in choices:
                yield f"{place}/topic.toml: {field} “{row.get(field)}” is none of {', '.join(filter(None, choices))}"
        for language, words in topic.words.items():
            file = f"{place}/{language}.toml"
            if language not in languages.LANGUAGES:
                yield f"{file}: this language is not declared in languages.toml"
            if not is_slug(words.get("slug", "")):
                yield f"{file}: the slug “{words.get('slug')}” is not small letters, digits and single hyphens"
            elif slugs.setdefault((topic.kind, language, words["slug"]), topic.key) != topic.key:
                yield f"{file}: the slug belongs to {slugs[topic.kind, language, words['slug']]} as well"
            for part, rows, name in (
                ("help_cards", "help_cards", "key"),
                ("facts", "facts", "kind"),
                ("symptoms", "symptoms", "key"),
                ("treatments", "treatments", "key"),
            ):
                if unknown := set(words.get(part, ())) - {row[name] for row in shape.get(rows, ())}:
                    yield f"{file}: {part} names {', '.join(sorted(unknown))}, which topic.toml does not"
            if unknown := set(words.get("sections", ())) - set(labels.SECTIONS[topic.kind]):
                yield f"{file}: a {topic.kind} has no section {', '.join(sorted(unknown))}"
            rich = [
                *words.get("sections", {}).values(),
                *(h for c in words.get("help_cards", {}).values() for h in c.values()),
            ]
            for html in rich:
                if richtext.clean(html) != html.strip():
                    yield f"{file}: this holds tags that pages do not: {html.strip()[:60]}…"
