"""A planned language becomes one at the desk, and one for readers, without a programmer; and back."""

import datetime as dt
import time

import polib
import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation
from django.utils.translation import trans_real

from conditions import editions, language_desk
from portal import languages
from portal.publishing import actions
from portal.publishing.models import AuditEntry, Entry, LanguageState, Page
from portal.translating import interface
from portal.translating.models import InterfaceWord
from tests import make
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
CODE = "pt-br"


def lead(name="lead", languages=()):
    return make.person(name, "Translation leads", languages=languages, first_name="Lena", last_name="Lead")


def state(code, wanted, by=None):
    return actions.decide_language(code, wanted, by=by or lead(f"lead-{wanted}"))


@pytest.fixture(autouse=True)
def _own_words():
    """What a test says in a language is forgotten with its database."""
    yield
    interface._loaded.clear()
    trans_real._translations.pop(CODE, None)


def fill(client, code=CODE):
    """Every word that readers meet, as a translator would bring it: the catalogue out, filled, and in again."""
    catalogue = polib.pofile(client.get(f"/admin/languages/{code}/interface/?download=readers").content.decode())
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = dict.fromkeys(entry.msgstr_plural, f"P {entry.msgid_plural}")
        else:
            entry.msgstr = f"P {entry.msgid}" if not entry.msgid.startswith("\n") else entry.msgid
    file = SimpleUploadedFile("words.po", str(catalogue).encode())
    return client.post(f"/admin/languages/{code}/interface/", {"file": file})


def test_a_planned_language_is_nowhere_until_somebody_begins_it():
    symptom = make.symptom(in_languages=("en", CODE))
    make.published(symptom)
    translator = signed_in(make.translator(languages=(CODE,)))
    assert translator.get(f"/admin/conditions/symptom/{symptom.pk}/translate/{CODE}/").status_code == 404
    assert Client().get(f"/{CODE}/").status_code == 404
    leading = signed_in(lead())
    answer = leading.post("/admin/languages/", {"code": CODE, "state": "desk"}, follow=True)
    assert "Brazilian Portuguese is at the desk. Readers do not see it." in answer.content.decode()
    assert translator.get(f"/admin/conditions/symptom/{symptom.pk}/translate/{CODE}/").status_code == 200
    assert translator.get(f"/admin/languages/{CODE}/").status_code == 200
    editions.refresh(make.fresh(symptom))
    assert Entry.objects.filter(language=CODE).exists()
    # Signed and published, and still nobody but the desk sees it.
    make.published(symptom, CODE)
    assert Client().get(f"/{CODE}/symptoms/tremor-{CODE}/").status_code == 404
    assert 'hreflang="pt-BR"' not in Client().get("/en/symptoms/tremor/").content.decode()


def test_a_language_with_holes_is_not_offered_and_says_what_is_missing():
    leading = signed_in(lead())
    state(CODE, "desk")
    answer = leading.post("/admin/languages/", {"code": CODE, "state": "offered"}, follow=True)
    said = answer.content.decode()
    assert "Readers would find holes in this language." in said and "A condition to read: 0 pages" in said
    assert "What to do in an emergency: " in said and "Get emergency help now if, Call a doctor today if, " in said
    assert languages.get(CODE).offered is False


def test_offered_when_everything_is_there_and_taken_back_without_losing_a_word():
    person = lead(languages=(CODE,))
    leading = signed_in(person)
    state(CODE, "desk")
    condition = make.condition(in_languages=("en", CODE))
    make.published(condition)
    make.published(condition, CODE)
    assert fill(leading).status_code == 200
    assert interface.missing(CODE) == []
    answer = leading.post("/admin/languages/", {"code": CODE, "state": "offered"}, follow=True)
    assert "is offered to readers now" in answer.content.decode()
    reader = Client().get(f"/{CODE}/conditions/torsion-dystonia-{CODE}/")
    assert reader.status_code == 200 and '<html lang="pt-BR"' in reader.content.decode()
    assert "P In short" in reader.content.decode() or "P Overview" in reader.content.decode()
    assert "pt-BR" in Client().get("/en/conditions/torsion-dystonia/").content.decode()
    assert Client().get("/", headers={"accept-language": "pt-BR"})["Location"] == f"/{CODE}/"
    # One click takes no language from readers: it says what they lose, and wants a tick.
    assert "Readers lose 1 page. I understand this." in answer.content.decode()
    for state_ in ("desk", "planned"):
        refused = leading.post("/admin/languages/", {"code": CODE, "state": state_}, follow=True)
        assert "Tick that you understand this." in refused.content.decode() and languages.get(CODE).offered
    leading.post("/admin/languages/", {"code": CODE, "state": "desk", "understood": "1"})
    assert Client().get(f"/{CODE}/conditions/torsion-dystonia-{CODE}/").status_code == 404
    assert condition.__class__.objects.get().name_pt_br
    noted = [(entry.detail["before"], entry.detail["after"]) for entry in AuditEntry.objects.filter(what="language")]
    assert noted == [("planned", "desk"), ("desk", "offered"), ("offered", "desk")]


@pytest.mark.parametrize(("code", "state_"), [("en", "desk"), ("xx", "offered"), (CODE, "nonsense"), ("", "")])
def test_nonsense_is_refused(code, state_):
    answer = signed_in(lead()).post("/admin/languages/", {"code": code, "state": state_}, follow=True)
    assert answer.status_code == 200 and not LanguageState.objects.exists()


def test_only_a_translation_lead_decides():
    for person in (make.translator(languages=(CODE, "es")), make.clinician()):
        with pytest.raises(PermissionDenied):
            actions.decide_language(CODE, "offered", by=person)
        assert signed_in(person).post("/admin/languages/", {"code": CODE, "state": "desk"}).status_code in {403}
    assert not LanguageState.objects.exists()


def test_every_process_hears_of_it_within_a_second(monkeypatch):
    monkeypatch.setattr(languages, "SECONDS", 0.2)
    assert languages.get(CODE).state == "planned"
    # Another process wrote it: nothing in this one was told.
    LanguageState.objects.create(code=CODE, state="desk", at=timezone.now())
    time.sleep(0.25)
    assert languages.get(CODE).state == "desk"


def test_a_database_that_is_away_changes_no_language(monkeypatch):
    state(CODE, "desk")
    assert languages.get(CODE).state == "desk"

    def away():
        raise OSError

    monkeypatch.setattr(languages, "_source", away)
    languages.ask_again()
    assert languages.get(CODE).state == "desk" and languages.get("es").offered


# The interface's words


def words(client, **entries):
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    for msgid, said in entries.items():
        catalogue.append(polib.POEntry(msgid=msgid, msgstr=said))
    return client.post(
        f"/admin/languages/{CODE}/interface/", {"file": SimpleUploadedFile("w.po", str(catalogue).encode())}
    )


def test_words_of_the_desk_are_shown_at_once_and_win_over_the_file():
    state(CODE, "desk")
    client = signed_in(make.translator(languages=(CODE,)))
    words(client, Causes="Causas do desk")
    interface.ensure(CODE)
    with translation.override(CODE):
        assert translation.gettext("Causes") == "Causas do desk"
    words(client, Causes="Causas")
    interface.ensure(CODE)
    with translation.override(CODE):
        assert translation.gettext("Causes") == "Causas"
    assert InterfaceWord.objects.get().by.username == "translator"
    assert AuditEntry.objects.filter(what="interface").count() == 2


def test_a_word_that_would_break_a_page_is_refused_and_the_others_are_kept():
    state(CODE, "desk")
    client = signed_in(make.translator(languages=(CODE,)))
    report = words(
        client, **{"{count} problem": "{conta} problema", "Causes": "Causas", "Not there at all": "x"}
    ).context["report"]
    assert [msgid for msgid, _why in report.refused] == ["{count} problem", "Not there at all"]
    assert report.new == [("Causes", "Causas")]


@pytest.mark.parametrize("data", [b"\xff\xfe", b"msgid", b"/etc/passwd", b"", b"x" * (interface.MOST + 1)])
def test_a_file_that_is_no_catalogue_is_told(data):
    state(CODE, "desk")
    client = signed_in(make.translator(languages=(CODE,)))
    answer = client.post(f"/admin/languages/{CODE}/interface/", {"file": SimpleUploadedFile("w.po", data)})
    assert answer.status_code == 200 and not InterfaceWord.objects.exists()
    assert "root:" not in answer.content.decode()
    assert ("this file is empty." in answer.content.decode()) == (data == b"")
    assert "Nothing was saved." not in answer.content.decode()


def test_missing_words_are_translated_in_the_desks_own_form_as_well():
    state(CODE, "desk")
    client = signed_in(make.translator(languages=(CODE,)))
    address = f"/admin/languages/{CODE}/interface/"
    before = client.get(address).context["lacking"]
    rows = client.get(address).context["rows"]
    number, entry, places = next(row for row in rows if not row[1].msgid_plural and "{" not in row[1].msgid
                                 and "%" not in row[1].msgid and "<" not in row[1].msgid)  # fmt: skip
    client.post(address, {f"msgid-{number}": entry.msgid, f"form-{number}-0": "Feito"})
    assert client.get(address).context["lacking"] == before - 1


# Languages that somebody does not work in


@pytest.mark.parametrize(
    ("language", "name", "form_status"), [("de", "German", 404), ("fr", "French", 403), ("xx", "", 404)]
)
def test_a_closed_language_is_named_on_a_page_of_the_desk_with_a_way_back(language, name, form_status):
    symptom = make.symptom()
    make.published(symptom)
    client = signed_in(make.translator())
    for address, status in (
        (f"/admin/languages/{language}/", 403 if name else 404),
        (f"/admin/languages/{language}/interface/", 403 if name else 404),
        (f"/admin/conditions/symptom/{symptom.pk}/translate/{language}/", form_status),
    ):
        answer = client.get(address)
        page = answer.content.decode()
        assert answer.status_code == status, address
        assert (f"You may not work in {name}" in page) == bool(name), address
        assert ("Ask an administrator." in page and '<a href="/admin/">What needs you today</a>' in page) == bool(name)
        assert ("A translation lead can open it." in page) == (language == "de"), address


# Work lists


def test_the_list_puts_first_what_may_harm_and_its_counts_are_true_at_once():
    danger, behind, done, new = (
        make.symptom(key, in_languages=("en", "es")) for key in ("danger", "behind", "done", "new")
    )
    for symptom in (danger, behind, done):
        make.published(symptom)
        make.published(symptom, "es")
    make.published(new)
    for symptom, significance in ((behind, "follow"), (danger, "safety")):
        symptom.overview_en = "<p>One two three four five.</p>"
        symptom.save()
        make.published(symptom, significance=significance)
        editions.refresh(make.fresh(symptom))
    work = language_desk.Work("es")
    found = language_desk.Shown(work, language_desk.TO_DO)[:]
    assert {what: work.count(what) for what in language_desk.TO_DO if work.count(what)} == {
        "safety": 1, "behind": 1, "missing": 1, "done": 1,
    }  # fmt: skip
    assert [(task.key, task.what) for task in found] == [
        ("danger", "safety"), ("behind", "behind"), ("new", "missing"), ("done", "done"),
    ]  # fmt: skip
    language_desk.count_words(found)
    assert found[0].words == 5 and found[3].words == 0 and found[2].words > 5
    client = signed_in(make.translator())
    page = client.get("/admin/languages/es/?show=safety").content.decode()
    assert "Danger" in page and "Behind" not in page


def test_a_work_list_costs_the_same_however_long_it_is(django_assert_max_num_queries):
    client = signed_in(make.translator())
    for number in range(3):
        make.published(make.symptom(f"s{number}"))
    client.get("/admin/languages/es/")
    with django_assert_max_num_queries(15) as few:
        client.get("/admin/languages/es/")
    for number in range(3, 12):
        make.published(make.symptom(f"s{number}"))
    with django_assert_max_num_queries(len(few)):
        assert client.get("/admin/languages/es/").context["done"] == 0


def test_every_object_with_a_public_source_is_in_one_state_however_it_came_there():
    both = {"in_languages": ("en", "es")}
    for key in ("public", "begun", "taken-back", "source-taken-back", "both-taken-back"):
        symptom = make.symptom(key, **both)
        make.published(symptom)
        make.published(symptom, "es") if key != "begun" else editions.refresh(make.fresh(symptom))
    editions.refresh(make.fresh(make.symptom("source-never-public", **both)))
    for key in ("not-begun-b", "not-begun-a"):
        make.published(make.symptom(key))
    make.published(make.treatment("not-begun-c"))
    by = make.signatory()
    for key, language in (("taken-back", "es"), ("source-taken-back", "en"), ("both-taken-back", "en"),
                          ("both-taken-back", "es")):  # fmt: skip
        actions.withdraw(Page.objects.get(key=key, language=language), by=by, reason="Wrong.")
    work = language_desk.Work("es")
    assert {what: work.count(what) for what in language_desk.TO_DO if work.count(what)} == {
        "missing": 3, "begun": 2, "done": 1,
    }  # fmt: skip
    named = [task.key for task in language_desk.Shown(work, language_desk.TO_DO)[:]]
    assert named == ["not-begun-a", "not-begun-b", "not-begun-c", "begun", "taken-back", "public"]
    assert [task.key for task in language_desk.Shown(work, language_desk.TO_DO)[2:4]] == ["not-begun-c", "begun"]
    of_kind = language_desk.Shown(work, ["missing", "begun"], "treatment")
    assert len(of_kind) == 1 and [task.key for task in of_kind[:50]] == ["not-begun-c"]


def test_owner_and_due_date_stand_in_the_list():
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    editions.refresh(make.fresh(symptom))
    person = make.translator()
    entry = Entry.objects.get(language="es")
    actions.assign([entry], by=person, owner=person, due_on=dt.date(2026, 1, 2))
    html = signed_in(person).get("/admin/languages/es/").content.decode()
    assert "Tomás Tello" in html and "2026-01-02" in html and "late:" in html
