"""Which source edition a part was compared with: saving text never says it, comparing does, wording only carries it."""

import pytest
from django.test import Client

from conditions import editions, models
from portal.publishing import actions, checking
from portal.publishing.models import AuditEntry, Checked, Edition, How, Page, Remark
from tests import make
from tests.desk import form_of, signed_in

pytestmark = pytest.mark.django_db
OVERVIEW = "sections.overview"


@pytest.fixture
def condition():
    made = make.condition(in_languages=("en", "es"))
    make.published(made)
    return made


def translate(condition, client, **changed):
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    form = form_of(client.get(address))
    return client.post(address, form | {name.replace("__", "."): value for name, value in changed.items()}, follow=True)


def change(condition, significance="follow", **words):
    condition.refresh_from_db()
    for field, said in words.items():
        setattr(condition, field, said)
    condition.save()
    return make.published(condition, significance=significance)


def spanish(condition):
    return checking.checks("condition", condition.key, ["es"])["es"]


def problems(condition):
    return {problem.where for problem in make.manuscript(condition, "es").problems}


def test_words_of_unknown_origin_wait_until_somebody_compares_them(condition):
    assert OVERVIEW in problems(condition)
    client = signed_in(make.translator())
    translate(condition, client, compared=[OVERVIEW])
    row = Checked.objects.get()
    assert (row.parts, row.how, row.by.username, row.source_edition.number) == ([OVERVIEW], "person", "translator", 1)
    assert OVERVIEW not in problems(condition) and "name" in problems(condition)


def test_all_that_nobody_ever_compared_is_said_at_once_but_never_what_moved(condition):
    client = signed_in(make.translator())
    translate(condition, client, compared=[OVERVIEW])
    change(condition, overview_en="<p>Another thought.</p>")
    answer = translate(condition, client, do="compared")
    assert "marked as compared" in answer.content.decode()
    assert problems(condition) == {OVERVIEW}


def test_first_words_are_made_from_the_edition_beside_them_and_later_ones_clear_nothing(condition):
    models.Condition.objects.filter(pk=condition.pk).update(overview_es="")
    condition.refresh_from_db()
    client = signed_in(make.translator())
    translate(condition, client, sections__overview="<p>Primeras palabras.</p>")
    assert spanish(condition).of(OVERVIEW).source_edition.number == 1
    change(condition, overview_en="<p>Another thought.</p>")
    translate(condition, client, sections__overview="<p>Otras palabras.</p>")
    assert spanish(condition).of(OVERVIEW).source_edition.number == 1
    assert OVERVIEW in problems(condition)
    translate(condition, client, compared=[OVERVIEW])
    assert spanish(condition).of(OVERVIEW).source_edition.number == 2
    assert OVERVIEW not in problems(condition)


def test_a_forged_comparison_of_a_part_without_words_or_of_nothing_is_nothing(condition):
    models.Condition.objects.filter(pk=condition.pk).update(overview_es="")
    translate(condition, signed_in(make.translator()), compared=[OVERVIEW, "slug", "sections.nothing", "x" * 500])
    assert not Checked.objects.exists()


def test_wording_only_carries_translations_along_and_says_so_in_the_log(condition):
    make.published(condition, "es")
    change(condition, "wording", overview_en="<p>An overview of torsion-dystonia, again.</p>")
    assert problems(condition) == set()
    row = Checked.objects.get(how=How.CARRIED)
    assert (row.language, row.parts, row.source_edition.number) == ("es", [OVERVIEW], 2)
    assert AuditEntry.objects.get(what="carried").detail["parts"] == {"es": [OVERVIEW]}
    reader = Client().get(f"/es/conditions/{Page.objects.get(language='es').slug}/")
    assert reader.context["out_of_date"] is False


def test_what_was_out_of_date_before_is_not_carried_along(condition):
    make.published(condition, "es")
    change(condition, "follow", overview_en="<p>Another thought.</p>")
    change(condition, "wording", overview_en="<p>Another thought!</p>")
    assert not Checked.objects.filter(how=How.CARRIED).exists()
    assert problems(condition) == {OVERVIEW}


def test_a_wording_change_is_not_shown_to_readers_as_out_of_date_later_either(condition):
    """Edition 2 changed only wording; edition 3 changed something else. Only that is marked."""
    make.published(condition, "es")
    change(condition, "wording", overview_en="<p>An overview of torsion-dystonia, again.</p>")
    change(condition, "follow", outlook_en="<p>Another outlook.</p>")
    reader = Client().get(f"/es/conditions/{Page.objects.get(language='es').slug}/")
    assert [part.key for part in reader.context["parts"] if part.moved] == ["outlook"]


def test_wording_after_a_real_change_hides_nothing_from_readers(condition):
    """The translator compared edition 2, nobody has signed it yet; edition 3 changes its wording."""
    make.published(condition, "es")
    change(condition, "follow", overview_en="<p>Another thought.</p>")
    make.compared(condition, "es", parts=[OVERVIEW])
    change(condition, "wording", overview_en="<p>Another thought!</p>")
    assert problems(condition) == set()
    reader = Client().get(f"/es/conditions/{Page.objects.get(language='es').slug}/")
    assert [part.key for part in reader.context["parts"] if part.moved] == ["overview"]


def test_a_signature_says_it_of_every_part(condition):
    make.published(condition, "es")
    assert spanish(condition).of("name").by == "Sigrid Natory"
    assert problems(condition) == set()


def test_a_restored_source_is_compared_again(condition):
    make.published(condition, "es")
    page = Page.objects.get(language="en")
    change(condition, overview_en="<p>Another thought.</p>")
    make.compared(condition, "es", parts=[OVERVIEW])
    page.refresh_from_db()
    actions.restore(page, Edition.objects.get(language="en", number=1), by=make.clinician(), reason="It was right.")
    assert OVERVIEW in problems(condition)


def test_white_space_and_spelling_of_letters_outdate_nothing(condition):
    make.published(condition, "es")
    change(condition, "follow", overview_en="<p>overview   of\n torsion-dystonia.</p>", summary_en="New.")
    assert problems(condition) == {"summary"}


# The machine, and the question to the author


def test_a_machines_words_are_marked_and_kept_from_the_parts_that_hurt(condition):
    make.compared(condition, "es")
    edition = editions.current_source_edition(condition)
    machine = ["sections.overview", "help_cards.breathing.what_to_do"]
    actions.check("es", machine, edition, by=None, how=How.MACHINE)
    manuscript = make.manuscript(condition, "es")
    assert {*manuscript.content["machine"]} == {*machine}
    assert {problem.where for problem in manuscript.problems} == {"help_cards.breathing.what_to_do"}
    make.compared(condition, "es", parts=machine[1:])
    manuscript = make.manuscript(condition, "es")
    assert (manuscript.content["machine"], manuscript.problems) == (["sections.overview"], ())
    signatory = make.translator("signatory-es")
    actions.sign_off(manuscript, by=signatory, capacity="language", source_edition=edition)
    actions.publish(manuscript, by=signatory)
    html = Client().get(f"/es/conditions/{Page.objects.get(language='es').slug}/").content.decode()
    assert html.count('class="notice-machine"') == 1


def test_a_question_reaches_the_author_beside_the_sources_words(condition):
    client = signed_in(make.translator())
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    answer = client.post(address, {"do": "question", "part": OVERVIEW, "text": "Which dose?"}, follow=True)
    assert "Your question stands beside" in answer.content.decode()
    remark = Remark.objects.get()
    assert (remark.language, remark.part, remark.text) == ("en", OVERVIEW, "Which dose?")
    assert "Which dose?" in client.get(address).content.decode()
    assert client.post(address, {"do": "question", "text": " "}, follow=True).status_code == 200
    assert Remark.objects.count() == 1


# Saving as you go


def test_saving_as_you_go_answers_in_json_and_a_conflict_is_told(condition):
    client = signed_in(make.translator())
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    form = form_of(client.get(address))
    json = {"headers": {"accept": "application/json"}}
    answer = client.post(address, form | {"sections.overview": "<p>Nuevo.</p>"}, **json)
    assert answer.json()["said"] == "1 part was saved."
    form["opened_with"] = answer.json()["opened_with"]
    # The button after that: the words were saved a moment before.
    again = client.post(address, form | {"sections.overview": "<p>Nuevo.</p>"}, follow=True)
    assert [str(message) for message in again.context["messages"]] == ["Everything is saved already."]
    assert client.post(address, form | {"sections.overview": "<p>Más.</p>"}, **json).status_code == 200
    models.Condition.objects.filter(pk=condition.pk).update(overview_es="<p>De otra.</p>")
    answer = client.post(address, form | {"sections.overview": "<p>Tarde.</p>"}, **json)
    assert answer.status_code == 409 and "Somebody else saved" in answer.json()["problem"]


def test_checks_while_typing_are_for_translators_of_that_language_only(condition):
    condition.overview_en = "<p>Take 5 mg.</p>"
    condition.save()
    make.published(condition)
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/check/"
    data = {"part": OVERVIEW, "words": "<p>Tome 50 mg.</p>"}
    found = signed_in(make.translator()).post(address, data).json()["findings"]
    assert found == ["“5” of the source is missing here.", "“50” is not in the source."]
    assert signed_in(make.translator("other", languages=("fr",))).post(address, data).status_code == 403
    assert signed_in(make.translator("third")).get(address).status_code == 404


def test_on_a_changed_part_the_check_names_the_sentence_that_the_source_has_now(condition):
    """Not the old translation's own words, which are there."""
    models.Condition.objects.filter(pk=condition.pk).update(
        overview_es="<p>La distonía contrae los músculos sin que nadie lo quiera.</p>"
    )
    condition.refresh_from_db()
    change(condition, overview_en="<p>Dystonia makes muscles tighten when nobody wants it.</p>")
    client = signed_in(make.translator())
    translate(condition, client, compared=[OVERVIEW])
    added = "It may begin in one foot and it may reach other parts of the body later."
    change(condition, overview_en=f"<p>Dystonia makes muscles tighten when nobody wants it. {added}</p>")
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    said = f"A sentence of the source seems to be missing: “{added}”"
    assert said in client.get(address).content.decode()
    words = "<p>La distonía contrae los músculos sin que nadie lo quiera.</p>"
    assert client.post(f"{address}check/", {"part": OVERVIEW, "words": words}).json()["findings"] == [said]
