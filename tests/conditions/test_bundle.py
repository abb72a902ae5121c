"""Content out into files and in again, without loss; nobody's work overwritten; hostile files refused."""

import io
import json
import re
import stat
import zipfile
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from conditions import editions, models, pictures
from conditions.bundle import collecting, form, loading, reading, writing
from conditions.starter import loading as starter
from portal import languages
from portal.publishing.models import AuditEnd, AuditEntry, Change, Edition, LanguageState, Page
from portal.translating.exchange.work import Unreadable
from tests import make
from tests.conditions.test_pictures import made, photo, picture

pytestmark = pytest.mark.django_db

TREMOR = {
    "sources.toml": b'[who]\ntitle = "On shaking"\nyear = 2020\naccessed_on = 2026-01-31\n',
    "symptom/tremor/topic.toml": b'[[codes]]\nsystem = "hpo"\ncode = "HP:0001337"\n[[citations]]\nsource = "who"\n',
    "symptom/tremor/en.toml": b'name = "Tremor"\nsummary = "Shaking."\n[sections]\noverview = "<p>It shakes.</p>"\n',
    "symptom/tremor/es.toml": b'name = "Temblor"\nsummary = "Sacudidas."\n',
}


def packed(files, **attributes):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            zipped.writestr(member, content)
    return out.getvalue()


def tremor(**changes):
    return reading.understand({**TREMOR, **changes})


def whole_topic(content):
    """One condition in which every field of every model says something of its own."""
    broader = make.condition("wider")
    other, helps, told = make.symptom("pain"), make.treatment("rest"), make.source("leaflet")
    models.Source.objects.filter(pk=told.pk).update(language="fr", year=2001, accessed_on="2026-02-03")
    topic = make.condition("whole", in_languages=("en", "ar"), broader=broader)
    topic.also_known_as_en, topic.misspellings_en = 'One\nTwo "quoted"', "hwole"
    topic.causes_en = "<p>It's '''odd''' \\ and\u00a0so on</p>"
    topic.save()
    topic.see_also.set([other, helps])
    topic.codes.create(system="icd-10", code="G24.1", verified=True)
    topic.codes.create(system="orpha", code="256")
    topic.help_cards.create(
        key="later", urgency="routine", position=1, when_to_act_en="<p>If</p>", what_to_do_en="<p>Then</p>"
    )
    fact = topic.facts.create(kind="onset", value_en="Early.", value_ar="مبكرًا.", needs_check=True, position=2)
    fact.sources.set([told])
    topic.citations.create(source=told, sections=["summary"], needs_check=True, position=3)
    topic.symptom_rows.create(symptom=other, frequency="frequent", note_en="Often.", position=1)
    topic.treatment_rows.create(treatment=helps, place="supportive", note_en="Rest.\r\nSleep.", position=1)
    topic.images.create(
        key="hand", file=ContentFile(content, name="hand"), alt_en="A hand", caption_ar="يد", credit="A. Painter", position=1
    )  # fmt: skip
    return topic


def said():
    """Everything the working copy says that an edition is made from, by kind, key and language."""
    return {
        (topic.kind, topic.key, language): editions._draft(topic, language).to_json()
        for topic in collecting.every()
        for language in languages.LANGUAGES
    } | {("source", row.key): collecting.source(row) for row in models.Source.objects.all()}


def forget_everything():
    """As if the database were a new one; people, languages and the audit log stay."""
    made = [
        model
        for app in ("conditions", "publishing", "translating")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    ]
    with connection.cursor() as cursor:
        for model in made:
            if model not in {AuditEnd, AuditEntry, LanguageState}:
                cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
    connection.check_constraints()


def test_the_starter_content_goes_out_and_comes_in_and_gives_the_same_editions(settings, tmp_path):
    settings.DEMO = True
    starter.load()
    loader = make.User.objects.create_superuser("loader", password="x")
    starter.publish_demonstration(loader)
    call_command("export_bundle", tmp_path / "out", verbosity=0)
    call_command("export_bundle", tmp_path / "out.zip", verbosity=0)

    def public():
        return {(e.kind, e.key, e.language): (json.dumps(e.content), e.digest, e.slug) for e in Edition.objects.all()}

    before = public()
    assert {language for _kind, _key, language in before} == {language.code for language in languages.offered()}
    forget_everything()
    assert not Edition.objects.exists() and not models.Topic.objects.exists()
    call_command("import_bundle", tmp_path / "out", write=True, verbosity=0)
    assert not Page.objects.exists()
    starter.publish_demonstration(loader)
    assert public() == before
    assert reading.read(tmp_path / "out.zip") == reading.read(tmp_path / "out")
    assert writing.files(collecting.bundle(collecting.every())) == writing.files(reading.read(tmp_path / "out"))


@pytest.mark.parametrize(
    "content", [picture(), made(photo(), "JPEG"), made(photo(), "PNG")], ids=["drawing", "jpeg", "photo"]
)
def test_nothing_that_an_edition_says_is_lost_pictures_included(content):
    topic = whole_topic(content)
    before, name = said(), topic.images.get().file.name
    bundle = collecting.bundle(collecting.every())
    data = writing.to_zip(bundle)
    assert data == writing.to_zip(bundle)
    forget_everything()
    default_storage.delete(name)
    loading.load(reading.unpack(data))
    assert said() == before
    assert default_storage.exists(name) and models.Image.objects.get().width > 0
    again = models.Condition.objects.get(key="whole")
    assert again.codes.filter(verified=False).get().code == "256"
    assert again.facts.get().needs_check and again.citations.get(source__key="leaflet").needs_check
    assert again.name == again.name_en and again.symptom_rows.get().note == "Often."  # the base columns follow
    assert set(loading.load(reading.unpack(data)).counts) == {"unchanged"}


# What is in no file, and why.
NOT_IN_FILES = {
    "id", "topic", "condition", "topic_ptr", "width", "height",  # the database's own; measured from the picture
    "position",  # the order of the rows
    "starter_digest", "checked_at", "check_result",  # what this portal found out
}  # fmt: skip
SAID_BY = {"kind": "the folder", "symptom": "the row's key", "treatment": "the row's key", "topic_ptr": "the folder"}


def test_every_field_of_the_working_copy_is_in_the_files():
    """A new column, or a new table beside a topic, has to be added to the files or named above."""
    rows = [row[0] for row in form.SHAPES.values() if isinstance(row, list) and isinstance(row[0], dict)]
    known = {*form.SHAPES, *form.WORDS, *form.SOURCES["*"], *(name for row in rows for name in row)}
    known |= {name for leaves in collecting.LEAVES.values() for name in leaves}
    known |= {name for sections in editions.labels.SECTIONS.values() for name in sections}
    missing, beside = set(), set()
    for model in apps.get_app_config("conditions").get_models():
        if model is models.Arrival:  # a file on its way in
            continue
        for field in [*model._meta.concrete_fields, *model._meta.local_many_to_many]:
            if not getattr(field, "translated_field", None) and field.name not in known | NOT_IN_FILES | {*SAID_BY}:
                missing.add(f"{model.__name__}.{field.name}")
        beside |= {one.get_accessor_name() for one in model._meta.related_objects if not one.hidden and one.one_to_many}
    assert missing == set()
    tables = {"help_cards", "facts", "codes", "citations", "images", "symptom_rows", "treatment_rows"}
    assert beside == tables | {"narrower", "condition_rows"}  # the last two: the other end of a row or link


def test_looking_changes_nothing_and_writing_tells_the_desk_but_publishes_nothing(tmp_path, capsys):
    place = tmp_path / "tremor.zip"
    place.write_bytes(packed(TREMOR))
    call_command("import_bundle", place)
    told = capsys.readouterr().out
    assert "new       symptom/tremor/es.toml" in told and "Nothing was changed" in told
    assert not models.Topic.objects.exists() and not models.Source.objects.exists()
    call_command("import_bundle", place, write=True)
    topic = models.Symptom.objects.get()
    assert (topic.name_es, topic.slug_en, topic.overview_en) == ("Temblor", "tremor", "<p>It shakes.</p>")
    assert {change.language for change in Change.objects.all()} == {"en", "es"}
    assert not Page.objects.exists()
    capsys.readouterr()
    call_command("import_bundle", place, write=True)
    assert capsys.readouterr().out == "Written: 4 unchanged.\n"


def test_what_somebody_changed_is_kept_until_the_topic_is_named():
    loading.load(tremor())
    models.Symptom.objects.filter(key="tremor").update(summary_es="De la traductora.")
    newer = tremor(**{
        "symptom/tremor/es.toml": b'name = "Temblor"\nsummary = "Otra cosa."\n',
        "symptom/tremor/en.toml": b'name = "Tremor"\nsummary = "Shaking, newer."\n',
    })  # fmt: skip
    plan = loading.load(newer)
    assert [(part.place, part.topic) for part in plan.only("kept")] == [("symptom/tremor/es.toml", "symptom/tremor")]
    topic = models.Symptom.objects.get()
    assert (topic.summary_es, topic.summary_en, topic.overview_en) == ("De la traductora.", "Shaking, newer.", "")
    assert loading.load(newer, overwrite={"symptom/tremor"}).only("updated")
    assert models.Symptom.objects.get().summary_es == "Otra cosa."


def test_what_was_exported_and_changed_in_the_file_comes_back_unless_it_changed_here_as_well():
    make.symptom("tremor", in_languages=("en", "es"))
    out = writing.files(collecting.bundle(collecting.every()))
    edited = {
        name: content.replace(b"Summary of", b"A newer summary of")
        .replace(b"Summary de", b"Otro resumen de")
        .replace(b"summary of", b"newer words on")
        .replace(b"summary de", b"palabras de")
        for name, content in out.items()
    }
    assert edited["symptom/tremor/en.toml"] != out["symptom/tremor/en.toml"]
    models.Symptom.objects.update(name_es="Temblor de hoy")
    plan = loading.load(reading.understand(edited))
    assert [part.place for part in plan.only("updated")] == ["symptom/tremor/en.toml"]
    assert [part.place for part in plan.only("kept")] == ["symptom/tremor/es.toml"]


def test_a_row_that_goes_takes_no_words_with_it_that_stand_in_no_file():
    with_card = {
        "symptom/tremor/topic.toml": b'[[help_cards]]\nkey = "falls"\nurgency = "urgent"\n',
        "symptom/tremor/en.toml": b'name = "Tremor"\n[help_cards.falls]\nwhen_to_act = "<p>You fall</p>"\nwhat_to_do = "<p>Call</p>"\n',
    }  # fmt: skip
    loading.load(tremor(**with_card))
    models.HelpCard.objects.update(what_to_do_es="<p>Llame</p>")
    plan = loading.load(tremor())
    assert models.HelpCard.objects.get().what_to_do_es == "<p>Llame</p>"
    assert "falls" in plan.only("kept")[0].why
    assert models.HelpCard.objects.get().what_to_do_en == "<p>Call</p>"  # the card stays whole
    loading.load(tremor(), overwrite={"symptom/tremor"})
    assert not models.HelpCard.objects.exists()


def test_whoever_does_it_changes_only_what_this_person_may():
    author, lin = make.person("author", "Authors"), make.translator("lin", languages=("es",))
    plan = loading.load(tremor(), by=author)
    assert {part.place for part in plan.only("refused")} == {"symptom/tremor/es.toml"}
    assert Change.objects.get(language="en").by == author
    plan = loading.load(tremor(**{"symptom/tremor/en.toml": b'name = "Mine"\n'}), by=lin)
    assert {part.place for part in plan.only("refused")} == {"symptom/tremor/en.toml"}
    topic = models.Symptom.objects.get()
    assert (topic.name_en, topic.name_es) == ("Tremor", "Temblor")


def test_what_was_interrupted_goes_on(monkeypatch):
    topics = [
        form.BundleTopic(
            "term",
            f"word-{n}",
            {"see_also": [f"word-{(n + 7) % 10}"]},
            {"en": {"name": f"Word {n}", "summary": "One."}},
        )
        for n in range(10)
    ]
    bundle = form.Bundle(topics)
    told = []

    def stop(done, of):
        told.append(done)
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loading.in_batches(bundle, 3, tell=stop)
    assert models.Term.objects.exclude(name_en=None).count() == 6
    plan = loading.in_batches(bundle, 3, tell=lambda done, of: told.append(done))
    assert told == [3, 6, 3, 6, 9, 10]
    assert plan.counts["unchanged"] == 12 and plan.counts["new"] == 8
    assert models.Term.objects.get(key="word-9").see_also.get().key == "word-6"


# Hostile and mistaken files


@pytest.mark.parametrize("name", ["../sources.toml", "/sources.toml", "symptom/../../x/en.toml", "C:/sources.toml"])
def test_a_zip_that_leads_out_of_itself_is_refused(name):
    with pytest.raises(Unreadable, match="leads out"):
        reading.unpack(packed({name: b""}))


def test_links_bombs_and_strange_names_are_refused(tmp_path, monkeypatch):
    with pytest.raises(Unreadable, match="leads out"):
        reading.unpack(packed({"sources.toml": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16))
    with pytest.raises(Unreadable, match="far more"):
        reading.unpack(packed({"sources.toml": b"#" * 5_000_000}))
    with pytest.raises(Unreadable, match="larger than 1 MB"):
        reading.unpack(packed({"sources.toml": b"#" * 1_100_000}, compress_type=zipfile.ZIP_STORED), 1024 * 1024)
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    with pytest.raises(Unreadable, match="more than 3"):
        reading.unpack(packed({f"{n}.toml": b"" for n in range(4)}))
    with pytest.raises(form.Mistakes, match="run.sh: a bundle has no file of this name"):
        reading.unpack(packed({"run.sh": b""}))
    with pytest.raises(Unreadable, match="damaged"):
        reading.unpack(packed(TREMOR)[:-40])
    (tmp_path / "sources.toml").symlink_to("/etc/passwd")
    with pytest.raises(form.Mistakes, match="a link to another file"):
        reading.read(tmp_path)
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "twice.zip", "w") as zipped:
        zipped.writestr("sources.toml", "")
        zipped.writestr("sources.toml", "")
    with pytest.raises(form.Mistakes, match="twice"):
        reading.read(tmp_path / "twice.zip")


def test_a_folder_packed_as_a_folder_is_understood():
    files = {f"my words/{name}": content for name, content in TREMOR.items()}
    assert reading.unpack(packed({**files, "__MACOSX/._x": b"\x00", "my words/.DS_Store": b"\x00"})) == tremor()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"symptom/tremor/en.toml": b'name = "Tremor"\nsummary = \n'}, r"symptom/tremor/en.toml: .*line 2"),
        ({"symptom/tremor/en.toml": b'name = "\xff"'}, "not UTF-8"),
        ({"symptom/tremor/en.toml": b"name = 3"}, "en.toml: name: this is not text"),
        ({"symptom/tremor/en.toml": b'name = "a\\u0000"'}, "a character that no text has"),
        ({"symptom/tremor/en.toml": b'title = "x"'}, "title: this name is not known here"),
        ({"symptom/tremor/en.toml": b'sections = "x"'}, "sections: this is no table"),
        ({"symptom/tremor/en.toml": b'name = "' + b"x" * 201 + b'"'}, "longer than 200"),
        ({"symptom/tremor/en.toml": b'[sections]\noverview = "<p onclick=x>x</p>"'}, "sections.overview: this holds tags"),
        ({"symptom/tremor/en.toml": b'[sections]\noutlook = "<p>x</p>"'}, "a symptom has no section outlook"),
        ({"symptom/tremor/xx.toml": b'name = "x"'}, "not declared"),
        ({"symptom/tremor/topic.toml": b"codes = 5"}, "codes: this is no list"),
        ({"symptom/tremor/topic.toml": b"[[codes]]\n"}, "system is missing"),
        ({"symptom/tremor/topic.toml": b'broader = "x"'}, "broader: only a condition has this"),
        ({"symptom/tremor/topic.toml": b'[[help_cards]]\nkey = "a.b"\nurgency = "urgent"'}, "is not made of letters"),
        ({"symptom/tremor/topic.toml": b'[[images]]\nkey = "a"\nfile = "a.png"'}, "there is no pictures/a.png"),
        ({"sources.toml": b'[who]\ntitle = "x"\naddress = "javascript:alert(1)"'}, "no web address"),
        ({"sources.toml": b'[who]\ntitle = "x"\nyear = 99999999999'}, "no year"),
        ({"symptom/Tremor/topic.toml": b""}, "Tremor.* is not up to 100"),
        ({"term/tremor/topic.toml": b""}, "stands here twice"),
        ({"symptom/pain/en.toml": b'name = "Pain"'}, "no topic.toml beside it"),
        ({"pictures/a.svg": b"<svg onload=x>"}, "pictures/a.svg: This is an SVG"),
        ({"symptom/tremor/topic.toml": b"a = " + b"[" * 900}, "topic.toml: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_file_and_nothing_is_written(files, told, tmp_path):
    place = tmp_path / "wrong.zip"
    place.write_bytes(packed({**TREMOR, **files}))
    with pytest.raises(CommandError, match=told):
        call_command("import_bundle", place, write=True)
    assert not models.Topic.objects.exists() and not models.Source.objects.exists()


def test_a_key_of_another_kind_is_told(tmp_path):
    make.term("tremor")
    with pytest.raises(form.Mistakes, match="belongs to a term here"):
        loading.look(tremor())


def test_a_picture_that_carries_more_than_a_picture_is_written_anew():
    plain = pictures.prepared(ContentFile(made(photo(), "JPEG"), name="x")).read()
    assert pictures.as_made_here(plain).name.endswith(".jpg")
    comment = plain[:20] + b"\xff\xfe\x00\x06here" + plain[20:]
    for hiding in (plain + b"<script>", comment, plain[:-2], plain[:500], b"GIF89a" + plain):
        assert pictures.as_made_here(hiding) is None


def test_an_export_over_an_earlier_one_leaves_no_old_file_and_touches_no_strange_folder(tmp_path):
    make.symptom("tremor")
    make.symptom("pain")
    call_command("export_bundle", tmp_path / "out", verbosity=0)
    models.Symptom.objects.get(key="pain").delete()
    call_command("export_bundle", tmp_path / "out", verbosity=0)
    assert not (tmp_path / "out/symptom/pain/en.toml").exists() and (tmp_path / "out/symptom/tremor/en.toml").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_bundle", tmp_path / "mine", verbosity=0)
    with pytest.raises(CommandError, match="There is no “symptom/pain”"):
        call_command("export_bundle", tmp_path / "one", "symptom/pain", verbosity=0)


def test_the_example_in_the_guide_is_one(tmp_path):
    guide = (Path(__file__).parents[2] / "docs/bundle.md").read_text()
    files = dict(re.findall(r"`([a-z]+/[a-z-]+/[a-z]+\.toml|sources\.toml)`\n\n```toml\n(.*?)```", guide, re.DOTALL))
    assert {name.rpartition("/")[2] for name in files} == {"sources.toml", "topic.toml", "en.toml", "es.toml"}
    bundle = reading.understand({name: content.encode() for name, content in files.items()})
    plan = loading.load(bundle)
    assert set(plan.counts) == {"new"}
    assert set(loading.load(bundle).counts) == {"unchanged"}


def test_very_many_links_come_in_and_go_out_at_once():
    """SQLite refuses an expression of more than a thousand steps, which a query for their ends would be."""
    symptoms = [form.BundleTopic("symptom", f"sign-{n}", {}, {}) for n in range(1100)]
    shape = {"symptoms": [{"key": one.key, "frequency": ""} for one in symptoms]}
    bundle = form.Bundle([*symptoms, form.BundleTopic("condition", "all", shape, {"en": {"name": "All"}})])
    loading.load(bundle)
    assert len(collecting.bundle([editions.topic("condition", key="all")]).topics[0].shape["symptoms"]) == 1100
    assert set(loading.look(bundle).counts) == {"unchanged"}
