"""Files out of the working copy and back into it: what is taken, what is parked, what is refused; nothing is published."""

import csv
import io
import zipfile

import polib
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from lxml import etree

from conditions import editions, exchange, models
from portal.publishing import actions, checking
from portal.publishing.models import Checked, Edition, How
from portal.translating.exchange import incoming, pack
from portal.translating.exchange.work import Returned
from portal.translating.models import Parcel, Remembered
from tests import make
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
NAMES = {"x": "urn:oasis:names:tc:xliff:document:1.2"}


@pytest.fixture
def symptom():
    made = make.symptom(in_languages=("en", "es"))
    made.overview_en = "<p>Take <strong>10 mg</strong>.</p><ul><li>Drink water.</li><li>Rest.</li></ul>"
    made.overview_es = "<p>Tome <strong>10 mg</strong>.</p><ul><li>Beba agua.</li><li>Descanse.</li></ul>"
    made.causes_es = ""
    made.save()
    make.published(made)
    return made


def work(symptom):
    return exchange.work(make.fresh(symptom), "es")


def returned(symptom, part, number, source, target, edition=1, **other):
    row = {"kind": "symptom", "key": symptom.key, "target_tag": "es", **other}
    return Returned(part=part, number=number, source=source, target=target, edition=edition, **row)


def plan_of(symptom, *rows, by=None):
    parcel = exchange.keep("file.xlf", list(rows), "es", by=by or make.translator())
    return parcel, exchange.look(parcel)


def change(symptom, **words):
    symptom.refresh_from_db()
    for field, said in words.items():
        setattr(symptom, field, said)
    symptom.save()
    make.published(symptom)


def test_what_goes_out_says_how_far_each_segment_is(symptom):
    make.compared(symptom, "es", parts=["sections.overview", "summary", "name"])
    change(symptom, overview_en="<p>Take <strong>5 mg</strong>.</p><ul><li>Drink water.</li><li>Rest.</li></ul>")
    states = {(s.part, s.number): (s.state, s.target) for s in work(symptom).segments}
    assert states["sections.overview", 0] == ("out-of-date", "Tome <strong>10 mg</strong>.")
    assert states["sections.overview", 1] == ("translated", "Beba agua.")
    assert states["sections.causes", 0] == ("missing", "")
    assert work(symptom).edition == 2
    (stale,) = [s for s in work(symptom).segments if s.state == "out-of-date"]
    assert stale.before == ("Take <strong>10 mg</strong>.", "Tome <strong>10 mg</strong>.")


@pytest.mark.parametrize("format", ["xliff", "xliff-2", "po", "csv"])
def test_a_file_that_comes_back_as_it_went_changes_nothing(symptom, format):
    make.compared(symptom, "es")
    name, data, _type = pack.pack([work(symptom)], format)
    parcel = exchange.keep(name, incoming.read(name, data), "es", by=make.translator())
    plan = exchange.look(parcel)
    assert plan.parts == {} and set(plan.counts) == {"untouched"}


def test_new_words_are_taken_over_by_segment_and_say_where_they_are_from(symptom):
    by = make.translator()
    parcel, plan = plan_of(symptom, returned(symptom, "sections.causes", 0, "causes of tremor.", "Las causas."), by=by)
    assert plan.counts == {"taken": 1}
    exchange.take(parcel, by=by)
    symptom.refresh_from_db()
    assert symptom.causes_es == "<p>Las causas.</p>"
    row = Checked.objects.get()
    assert (row.how, row.parts, row.by) == (How.IMPORT, ["sections.causes"], by)
    assert Edition.objects.filter(language="es").count() == 0
    assert make.fresh(symptom)
    with pytest.raises(exchange.actions.Refused):
        exchange.take(parcel, by=by)


def test_an_untouched_stale_target_stays_out_of_date(symptom):
    make.compared(symptom, "es")
    change(symptom, overview_en="<p>Take <strong>5 mg</strong>.</p><ul><li>Drink water.</li><li>Rest.</li></ul>")
    by = make.translator()
    rows = [returned(symptom, s.part, s.number, s.source, s.target, 2) for s in work(symptom).segments]
    parcel, plan = plan_of(symptom, *rows, by=by)
    assert set(plan.counts) == {"untouched"}
    exchange.take(parcel, by=by)
    assert "sections.overview" in {p.where for p in make.manuscript(symptom, "es").problems}


def test_the_changed_segment_retyped_makes_the_part_current_and_keeps_its_neighbours(symptom):
    make.compared(symptom, "es")
    change(symptom, overview_en="<p>Take <strong>5 mg</strong>.</p><ul><li>Drink water.</li><li>Rest.</li></ul>")
    by = make.translator()
    one = returned(symptom, "sections.overview", 0, "Take <strong>5 mg</strong>.", "Tome <strong>5 mg</strong>.", 2)
    parcel, plan = plan_of(symptom, one, by=by)
    exchange.take(parcel, by=by)
    symptom.refresh_from_db()
    assert symptom.overview_es == ("<p>Tome <strong>5 mg</strong>.</p><ul><li>Beba agua.</li><li>Descanse.</li></ul>")
    checks = checking.checks("symptom", symptom.key, ["es"])["es"]
    assert checks.of("sections.overview").source_edition.number == 2


def test_before_a_file_is_taken_over_it_is_said_what_counts_as_compared_then_and_the_list_says_what_is_next(symptom):
    models.Symptom.objects.filter(pk=symptom.pk).update(causes_es="<p>Las causas.</p>")
    symptom.refresh_from_db()
    make.published(symptom, "es")
    change(symptom, overview_en="<p>Take <strong>5 mg</strong>.</p><ul><li>Drink water.</li><li>Rest.</li></ul>")
    editions.refresh(make.fresh(symptom))
    by = make.translator()
    client = signed_in(by)
    next_one = "Nothing is left to translate: ask for a review."
    assert next_one not in client.get("/admin/languages/es/").content.decode()
    one = returned(symptom, "sections.overview", 0, "Take <strong>5 mg</strong>.", "Tome <strong>5 mg</strong>.", 2)
    parcel, plan = plan_of(symptom, one, by=by)
    assert plan.to_compare == [("tremor", "What it is")]
    address, said = (
        f"/admin/languages/es/files/{parcel.pk}/",
        "1 part will be marked as compared with the source of today",
    )
    assert said in client.get(address).content.decode()
    assert said not in client.post(address, {"do": "take"}, follow=True).content.decode()
    page = client.get("/admin/languages/es/").content.decode()
    assert f"out of date. {next_one}" in page
    assert f'href="/admin/conditions/symptom/{symptom.pk}/gate/es/"' in page
    actions.remark(make.manuscript(symptom, "es"), "asked", by=by)
    assert next_one not in client.get("/admin/languages/es/").content.decode()


def test_what_was_made_from_an_older_source_is_parked_and_not_lost(symptom):
    change(symptom, causes_en="<p>Other causes, three of them.</p>")
    by = make.translator()
    old = returned(symptom, "sections.causes", 0, "causes of tremor.", "Las causas del temblor.")
    parcel, plan = plan_of(symptom, old, by=by)
    assert plan.counts == {"parked": 1}
    assert any(run.how == "+" for run in plan.only("parked")[0].runs)
    exchange.take(parcel, by=by)
    symptom.refresh_from_db()
    assert symptom.causes_es == ""
    assert Remembered.objects.get(origin="file").target == "Las causas del temblor."
    assert not Checked.objects.exists()


def test_a_moved_segment_is_found_by_its_source(symptom):
    change(symptom, overview_en="<p>First of all.</p><p>Rest.</p>", overview_es="")
    _parcel, plan = plan_of(
        symptom,
        returned(symptom, "sections.overview", 2, "Rest.", "Descanse."),
        returned(symptom, "sections.overview", 0, "First of all.", "Ante todo.", 2),
    )
    assert plan.parts["symptom", symptom.key, "sections.overview"] == "<p>Ante todo.</p><p>Descanse.</p>"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("Tome 5 mg.", "tags or links"),
        ('Tome <strong>10 mg</strong> <a href="https://evil.example/">aquí</a>.', "tags or links"),
        ("Tome <em>10 mg</em>.", "tags or links"),
    ],
)
def test_lost_and_foreign_tags_are_refused(symptom, target, why):
    row = returned(symptom, "sections.overview", 0, "Take <strong>10 mg</strong>.", target)
    _parcel, plan = plan_of(symptom, row)
    assert why in plan.only("refused")[0].why


def test_a_script_in_a_file_never_reaches_the_working_copy(symptom):
    said = 'Tome <strong>10 mg</strong>.<script>alert(1)</script><img src=x onerror="alert(1)">'
    by = make.translator()
    row = returned(symptom, "sections.overview", 0, "Take <strong>10 mg</strong>.", said + " Sí.")
    parcel, _plan = plan_of(symptom, row, by=by)
    exchange.take(parcel, by=by)
    symptom.refresh_from_db()
    assert "alert" not in symptom.overview_es and "onerror" not in symptom.overview_es


def test_a_wrong_dose_in_a_treatment_is_refused():
    treatment = make.treatment(in_languages=("en", "es"), benefits_en="<p>Take 5 mg.</p>", benefits_es="")
    make.published(treatment)
    row = returned(treatment, "sections.benefits", 0, "Take 5 mg.", "Tome 50 mg.", kind="treatment")
    _parcel, plan = plan_of(treatment, row)
    assert "“50” is not in the source." in plan.only("refused")[0].why


def test_a_foreign_object_part_or_language_is_not_from_here(symptom):
    _parcel, plan = plan_of(
        symptom,
        returned(symptom, "sections.causes", 0, "causes of tremor.", "X", key="nothing-here"),
        returned(symptom, "sections.causes", 0, "causes of tremor.", "X", kind="user"),
        returned(symptom, "password", 0, "causes of tremor.", "X y z"),
        returned(symptom, "sections.causes", 0, "causes of tremor.", "Les causes.", target_tag="fr"),
    )
    assert [outcome.what for outcome in plan.outcomes] == ["unknown", "unknown", "unknown", "refused"]


def test_a_file_of_another_language_is_refused_once_with_the_number_of_its_parts(symptom):
    by = make.translator()
    foreign = [
        returned(symptom, part, number, "Any.", f"Les {number}.", target_tag="fr")
        for part, number in (("sections.causes", 0), ("sections.overview", 0), ("sections.overview", 1))
    ]
    lost = returned(symptom, "sections.overview", 0, "Take <strong>10 mg</strong>.", "Tome 10 mg, sí.")
    parcel, plan = plan_of(symptom, *foreign, lost, by=by)
    assert [(count, len(outcomes)) for _why, count, outcomes in plan.refusals()] == [(2, 3), (1, 1)]
    page = signed_in(by).get(f"/admin/languages/es/files/{parcel.pk}/").content.decode()
    assert page.count("It is in another language than this list.") == 1
    assert "<summary>2 parts</summary>" in page and "Tome 10 mg, sí." in page


def test_too_little_of_a_part_is_kept_in_the_memory(symptom):
    change(symptom, causes_en="<p>One thing here.</p><p>Another thing.</p>")
    by = make.translator()
    row = returned(symptom, "sections.causes", 0, "One thing here.", "Una cosa.", 2)
    parcel, plan = plan_of(symptom, row, by=by)
    assert [(label, there, needed) for _k, _key, label, there, needed in plan.partly] == [("Causes", 1, 2)]
    exchange.take(parcel, by=by)
    symptom.refresh_from_db()
    assert symptom.causes_es == "" and Remembered.objects.get().target == "Una cosa."


# At the desk


def send(client, **data):
    return client.post("/admin/languages/es/files/", data)


def test_the_whole_way_at_the_desk(symptom):
    client = signed_in(make.translator())
    answer = send(client, format="xliff", object=f"symptom/{symptom.key}", do="out")
    assert answer["Content-Disposition"] == 'attachment; filename="symptom-tremor.es.xlf"'
    tree = etree.fromstring(answer.content)
    for unit in tree.iterfind(".//x:trans-unit", NAMES):
        if "causes" in unit.get("id"):
            target = unit.find("x:target", NAMES)
            if target is None:
                target = etree.SubElement(unit, f"{{{NAMES['x']}}}target")
                unit.insert(1, target)
            target.text = "Causas del temblor."
    file = SimpleUploadedFile("back.xlf", etree.tostring(tree))
    answer = client.post("/admin/languages/es/files/", {"do": "in", "file": file}, follow=True)
    assert "Causas del temblor." in answer.content.decode()
    symptom.refresh_from_db()
    assert symptom.causes_es == ""  # looked at, not taken
    answer = client.post(answer.request["PATH_INFO"], {"do": "take"}, follow=True)
    page = answer.content.decode()
    assert "1 part was taken over." in page
    assert "what it would change" not in page and "listed as new below" not in page
    symptom.refresh_from_db()
    assert symptom.causes_es == "<p>Causas del temblor.</p>"


def test_a_whole_list_goes_out_as_one_file_or_a_zip_in_every_format(symptom):
    make.published(make.symptom("cough"))
    client = signed_in(make.translator())
    answer = send(client, format="po", which="all", do="out")
    assert {entry.msgctxt.partition("#")[0] for entry in polib.pofile(answer.content.decode())} == {
        "symptom/tremor", "symptom/cough",
    }  # fmt: skip
    answer = send(client, format="csv", which="all", zip="1", do="out")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert sorted(names) == ["symptom-cough.es.csv", "symptom-tremor.es.csv"]
    table = send(client, format="csv", which="all", do="out").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table)))) > 6


def test_bad_files_are_refused_with_a_sentence_and_nothing_is_kept(symptom):
    client = signed_in(make.translator())
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><xliff>&a;</xliff>'
    for name, data in (("a.xlf", bomb), ("b.zip", b"PK nothing"), ("c.exe", b"MZ"), ("d.xlf", b""), ("e.po", b" \n")):
        answer = client.post(
            "/admin/languages/es/files/", {"do": "in", "file": SimpleUploadedFile(name, data)}, follow=True
        )
        (said,) = map(str, answer.context["messages"])
        assert ("this file is empty." in said) == (not data.strip()), name
    assert client.post("/admin/languages/es/files/", {"do": "in"}, follow=True).status_code == 200
    assert not Parcel.objects.exists()


def test_other_languages_and_people_without_a_right_are_refused(symptom):
    client = signed_in(make.translator(languages=("fr",)))
    for address in ("", "files/", "memory.tmx", "interface/"):
        assert client.get(f"/admin/languages/es/{address}").status_code == 403, address
    assert send(client, format="xliff", which="all").status_code == 403
    parcel, _plan = plan_of(symptom, by=make.translator("spanish"))
    assert client.post(f"/admin/languages/es/files/{parcel.pk}/", {"do": "take"}).status_code == 403
    assert client.post(f"/admin/languages/fr/files/{parcel.pk}/", {"do": "take"}).status_code == 404


def test_memory_and_glossary_go_out(symptom):
    make.published(make.term("gene", in_languages=("en", "es"), name_es="Gen"))
    client = signed_in(make.translator())
    assert b"<tmx" in client.get("/admin/languages/es/memory.tmx").content
    terms = client.get("/admin/languages/glossary.tbx").content.decode()
    assert "Gen" in terms and 'type="TBX-Basic"' in terms


def test_words_of_the_working_copy_in_models_stay_as_they_are_when_a_parcel_is_thrown_away(symptom):
    before = models.Symptom.objects.values().get(pk=symptom.pk)
    client = signed_in(make.translator())
    row = returned(symptom, "sections.causes", 0, "causes of tremor.", "Las causas.")
    parcel, _plan = plan_of(symptom, row, by=make.translator("other"))
    client.post(f"/admin/languages/es/files/{parcel.pk}/", {"do": "away"})
    assert not Parcel.objects.exists() and models.Symptom.objects.values().get(pk=symptom.pk) == before
