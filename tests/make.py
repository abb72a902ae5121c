"""Plain builders. Each makes something whole, so that a test names only what it is about."""

from importlib import import_module

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import override_settings

from conditions import editions, models, translatable
from portal import languages
from portal.publishing import actions
from portal.publishing.manuscript import Manuscript
from portal.publishing.models import Capacity
from portal.translating.columns import column

WORDS = {
    "en": "{part} of {name}.",
    "es": "{part} de {name}, en español.",
    "fr": "{part} de {name}, en français.",
    "ar": "{part} {name} بالعربية.",
    "zh-hans": "{name}的{part}。",
    "ru": "{part} {name} по-русски.",
    "pt-br": "{part} de {name}, em português.",
}


def roles():
    """The groups of the migration. Tests with real transactions empty the tables, these among them."""
    if not Group.objects.exists():
        with connection.schema_editor() as editor:
            import_module("conditions.migrations.0003_six_roles").make_roles(apps, editor)
            import_module("conditions.migrations.0005_translation_leads").make_role(apps, editor)
            import_module("conditions.migrations.0008_articles").give_rights(apps, editor)


def person(username="reviewer", *groups, languages=(), **names):
    roles()
    user = User.objects.create_user(username, password="a-long-password", is_staff=True, **names)
    user.groups.set(Group.objects.filter(name__in=groups))
    user.user_permissions.set(
        Permission.objects.filter(codename__in=[column("translate", language) for language in languages])
    )
    return User.objects.get(pk=user.pk)


def clinician(username="clinician", **names):
    names = {"first_name": "Clara", "last_name": "Curie", **names}
    return person(username, "Authors", "Clinical reviewers", "Publishers", **names)


def translator(username="translator", languages=("es",), **names):
    names = {"first_name": "Tomás", "last_name": "Tello", **names}
    return person(username, "Translators", "Language reviewers", "Publishers", languages=languages, **names)


def source(key="ninds"):
    return models.Source.objects.get_or_create(
        key=key,
        defaults={"title": f"All about {key}", "publisher": "A publisher", "address": "https://source.example/"},
    )[0]


def _words(row, field, language, name, rich):
    text = WORDS[language].format(part=field.replace("_", " "), name=name)
    setattr(row, column(field, language), f"<p>{text}</p>" if rich else text)


def topic(kind, key, *, in_languages=("en",), **fields):
    """A whole object: every required part is there in each of these languages."""
    model = editions.MODELS[kind]
    made = model(key=key)
    for language in in_languages:
        name = (
            f"{key.replace('-', ' ').capitalize()} {language}"
            if language != "en"
            else key.replace("-", " ").capitalize()
        )
        setattr(made, column("name", language), name)
        _words(made, "summary", language, key, rich=False)
        for section in editions.labels.SECTIONS[kind]:
            _words(made, section, language, key, rich=True)
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    if kind != "term":
        made.citations.create(source=source(), sections=["overview"])
    if kind == "condition":
        card = models.HelpCard(topic=made, key="breathing", urgency="emergency")
        for language in in_languages:
            _words(card, "when_to_act", language, key, rich=True)
            _words(card, "what_to_do", language, key, rich=True)
        card.save()
    return made


def condition(key="torsion-dystonia", **fields):
    return topic("condition", key, **fields)


def symptom(key="tremor", **fields):
    return topic("symptom", key, **fields)


def treatment(key="levodopa", **fields):
    return topic("treatment", key, **fields)


def term(key="gene", **fields):
    return topic("term", key, **fields)


def article(key="about-this-information", **fields):
    return topic("article", key, **fields)


def fresh(made):
    """The object with everything its manuscript needs."""
    return editions.topic(made.kind, pk=made.pk)


def manuscript(made, language="en"):
    return editions.manuscript(fresh(made), language)


def signatory():
    """Who may sign and publish everything."""
    return User.objects.filter(username="signatory").first() or person(
        "signatory", "Clinical reviewers", "Language reviewers", "Publishers", languages=[code for code in languages.LANGUAGES if code != "en"],
        first_name="Sigrid", last_name="Natory",
    )  # fmt: skip


def published(made, language="en", *, by=None, now=None, significance="follow", note=""):
    """Sign and publish what stands in the working copy, in earnest."""
    by = by or signatory()
    is_source = language == languages.SOURCE
    if not is_source:
        compared(made, language, by=by, now=now)
    words = manuscript(made, language)
    actions.sign_off(
        words,
        by=by,
        capacity=Capacity.CLINICAL if is_source else Capacity.LANGUAGE,
        source_edition=None if is_source else editions.current_source_edition(made),
        now=now,
    )
    return actions.publish(words, by=by, significance=significance, change_note=note, now=now)


def compared(made, language, *, by=None, now=None, parts=None, how="person"):
    """Somebody compared the translation with the source edition of today, every part unless some are named."""
    source_edition = editions.current_source_edition(made)
    return actions.check(language, parts or translatable.parts(source_edition), source_edition, by=by, how=how, now=now)


def demonstrated(made, language="en", *, by=None):
    """Published in the capacity "demonstration"."""
    by = by or User.objects.filter(username="loader").first() or User.objects.create_superuser("loader", password="x")
    source_edition = None if language == languages.SOURCE else compared(made, language, by=by).source_edition
    words = manuscript(made, language)
    with override_settings(DEMO=True):
        actions.sign_off(words, by=by, capacity=Capacity.DEMONSTRATION, source_edition=source_edition)
        return actions.publish(words, by=by, significance="wording")


def words_for_the_gate(key="tremor", text="Shaking.", language="en", slug="", **fields) -> Manuscript:
    """A manuscript of our own, for tests of the gate alone: it knows no medicine."""
    return Manuscript(
        kind="symptom", key=key, language=language, slug=slug or key, title=key.capitalize(), summary=text,
        content={"name": key.capitalize(), "summary": text}, **fields,
    )  # fmt: skip
