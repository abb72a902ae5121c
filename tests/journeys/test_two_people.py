"""Given two clinicians in one form, when both save, then the second is told who saved what, and nothing is lost."""

import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections

from conditions import models
from tests import make
from tests.conditions.test_pictures import SimpleUploadedFile, picture
from tests.desk import address, form_of, opened, signed_in
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna():
    return signed_in(make.clinician("anna", first_name="Anna", last_name="Arendt"))


@pytest.fixture
def berta():
    return signed_in(make.clinician("berta", first_name="Berta", last_name="Brandt"))


def save(client, obj, form=None, **changed):
    """Save a form that was opened before, or just now, with these changes. Returns the page that follows."""
    return client.post(address(obj), {**(form or opened(client, obj)), **changed}, follow=True)


def said(answer):
    return [str(message) for message in answer.context["messages"]] if answer.context else []


def stored(obj, *fields):
    return type(obj).objects.values_list(*fields).get(pk=obj.pk)


def was_asked(answer):
    return answer.status_code == 409


def test_what_each_changed_is_kept_without_a_question(anna, berta):
    symptom = make.symptom()
    annas = opened(anna, symptom)
    save(berta, symptom, causes_en="<p>Berta's causes.</p>", also_known_as_en="Shaking")
    answer = save(anna, symptom, annas, overview_en="<p>Anna's overview.</p>")
    assert stored(symptom, "overview_en", "causes_en", "also_known_as_en") == (
        "<p>Anna's overview.</p>",
        "<p>Berta's causes.</p>",
        "Shaking",
    )
    assert said(answer)[0] == (
        "Berta Brandt saved “Also known as” and “Causes” while you were writing. "
        "That is kept, and so is what you wrote."
    )
    # The log says what each of them changed, and not what the other did.
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Changed Also known as and Causes.",
        "Changed What it is.",
    ]


def test_an_untouched_form_of_everything_is_unchanged(anna):
    condition = make.condition(broader=make.condition("wider"))
    other = make.symptom("other")
    condition.see_also.set([other])
    condition.facts.create(kind="cause", value_en="A gene.").sources.set([make.source()])
    condition.codes.create(system="icd-10", code="G24.1", verified=True)
    condition.symptom_rows.create(symptom=other, frequency="frequent")
    condition.treatment_rows.create(treatment=make.treatment(), place="supportive")
    condition.images.create(file=SimpleUploadedFile("drawing.png", picture()))
    save(anna, condition)
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_who_changed_nothing_saves_nothing_over_anybody(anna, berta):
    symptom = make.symptom()
    annas = opened(anna, symptom)
    save(berta, symptom, summary_en="Berta's summary.")
    assert said(save(anna, symptom, annas))[0].startswith("Berta Brandt saved “In short”")
    assert stored(symptom, "summary_en") == ("Berta's summary.",)


def test_the_same_part_changed_by_both_is_a_question_and_nothing_is_saved(anna, berta):
    condition = make.condition()
    annas = opened(anna, condition)
    save(berta, condition, causes_en="<p>causes of torsion-dystonia, says Berta.</p>", outlook_en="<p>Good.</p>")
    answer = save(
        anna, condition, annas, causes_en="<p>Anna's <strong>causes</strong>.</p>", summary_en="Anna's summary."
    )
    assert was_asked(answer)
    assert stored(condition, "causes_en", "summary_en", "outlook_en") == (
        "<p>causes of torsion-dystonia, says Berta.</p>", "summary of torsion-dystonia.", "<p>Good.</p>",
    )  # fmt: skip
    html = answer.content.decode()
    assert "Berta Brandt saved this while you were writing." in html
    assert "Changed Causes and Outlook." in html
    assert "Saved meanwhile:" in html and "added:" in html and ", says Berta" in html
    assert "Please correct the error" not in html
    again = form_of(answer)
    assert again["causes_en"] == ["<p>Anna's <strong>causes</strong>.</p>"]
    assert again["summary_en"] == ["Anna's summary."]
    assert again["outlook_en"] == ["<p>Good.</p>"]  # hers is shown, and named as kept
    assert "Saved meanwhile, not touched by you, and kept: “Outlook”." in html
    # Saving again keeps Anna's words, and Berta's outlook.
    answer = save(anna, condition, again)
    assert answer.status_code == 200
    assert stored(condition, "causes_en", "summary_en", "outlook_en") == (
        "<p>Anna's <strong>causes</strong>.</p>", "Anna's summary.", "<p>Good.</p>",
    )  # fmt: skip


def test_a_third_save_between_the_question_and_the_answer_is_asked_about_again(anna, berta):
    symptom = make.symptom()
    annas = opened(anna, symptom)
    save(berta, symptom, summary_en="Berta's summary.")
    again = form_of(save(anna, symptom, annas, summary_en="Anna's summary."))
    save(berta, symptom, summary_en="Berta's second thought.")
    answer = save(anna, symptom, again)
    assert was_asked(answer) and "second thought" in answer.content.decode()
    assert "Berta's summary" not in answer.content.decode().replace("Berta&#x27;s", "Berta's").split("newest_entry")[0]
    assert stored(symptom, "summary_en") == ("Berta's second thought.",)


def test_the_same_words_from_both_are_no_question(anna, berta):
    symptom = make.symptom()
    annas = opened(anna, symptom)
    save(berta, symptom, summary_en="The same.", overview_en="<ul><li>One</li></ul>")
    answer = save(anna, symptom, annas, summary_en="The same. ", overview_en="<ul><li><p>One</p></li></ul>")
    assert answer.status_code == 200 and len(said(answer)) == 1


def test_a_question_is_put_in_plain_text_and_can_carry_no_script(anna, berta):
    symptom = make.symptom()
    annas = opened(anna, symptom)
    save(berta, symptom, summary_en="<script>alert(1)</script> a < b & c")
    html = save(anna, symptom, annas, summary_en="Anna's.").content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; a &lt; b &amp; c" in html


def test_a_form_that_does_not_say_what_was_seen_writes_over_nothing(anna):
    """An old page, or a forged one: every difference is asked about."""
    symptom = make.symptom()
    form = {name: value for name, value in opened(anna, symptom).items() if not name.startswith("initial-")}
    answer = save(anna, symptom, form, summary_en="Anna's summary.")
    assert was_asked(answer)
    assert stored(symptom, "summary_en") == ("summary of tremor.",)


def test_own_fields_choices_and_links_are_merged_or_asked_about_too(anna, berta):
    treatment = make.treatment()
    one, two, three = (make.symptom(key) for key in ("one", "two", "three"))
    treatment.see_also.set([one])
    annas = opened(anna, treatment)
    save(berta, treatment, treatment_kind="procedure", see_also=[two.pk])
    answer = save(anna, treatment, annas, treatment_kind="medicine", see_also=[one.pk, three.pk])
    assert was_asked(answer)
    assert set(treatment.see_also.values_list("key", flat=True)) == {"two"}
    # What Berta put in is in, what she took out is out; Anna's stays too.
    again = form_of(answer)
    assert sorted(again["see_also"]) == sorted([str(two.pk), str(three.pk)])
    answer = save(anna, treatment, again)
    assert set(treatment.see_also.values_list("key", flat=True)) == {"two", "three"}
    assert stored(treatment, "treatment_kind") == ("medicine",)


def test_the_first_link_of_a_form_is_not_forgotten_when_the_form_comes_back(anna):
    """Nothing was chosen when it was opened: Django's own hidden inputs would say nothing, and lose the change."""
    symptom, other = make.symptom(), make.symptom("other")
    answer = save(anna, symptom, see_also=[other.pk], slug_en="Not A Slug")
    assert answer.status_code == 200 and not symptom.see_also.exists()
    save(anna, symptom, {**form_of(answer), "slug_en": "tremor"})
    assert list(symptom.see_also.values_list("key", flat=True)) == ["other"]


def test_a_link_to_what_was_deleted_meanwhile_is_nobodys_error(anna, berta):
    condition, wider = make.condition(), make.condition("wider")
    models.Condition.objects.filter(pk=condition.pk).update(broader=wider)
    annas = opened(anna, condition)
    models.Condition.objects.filter(pk=condition.pk).update(broader=None)
    wider.delete()
    answer = save(anna, condition, annas, summary_en="Anna's summary.")
    assert said(answer)[0].startswith("Somebody saved “Broader condition”")
    assert stored(condition, "broader", "summary_en") == (None, "Anna's summary.")


# Rows


@pytest.fixture
def condition():
    made = make.condition()
    made.facts.create(kind="cause", value_en="A gene.", position=1)
    return made


def added(form, prefix, **fields):
    """The form with one more row."""
    number = int(form[f"{prefix}-TOTAL_FORMS"][0])
    return {
        **form,
        f"{prefix}-TOTAL_FORMS": [str(number + 1)],
        f"{prefix}-{number}-position": ["0"],
        **{f"{prefix}-{number}-{name}": value for name, value in fields.items()},
    }


def test_two_parts_of_one_row_are_merged_and_one_part_is_asked_about(anna, berta, condition):
    annas = opened(anna, condition)
    save(berta, condition, **{"help_cards-0-what_to_do_en": "<p>Call 112.</p>", "facts-0-value_en": "Two genes."})
    answer = save(anna, condition, annas, **{"help_cards-0-when_to_act_en": "<p>Breathing is hard.</p>"})
    card = condition.help_cards.get()
    assert (card.when_to_act_en, card.what_to_do_en) == ("<p>Breathing is hard.</p>", "<p>Call 112.</p>")
    assert "What to do” and “" in said(answer)[0]
    answer = save(anna, condition, annas, **{"facts-0-value_en": "Three genes.", "summary_en": "Anna's."})
    assert was_asked(answer)
    assert condition.facts.get().value_en == "Two genes."
    assert stored(condition, "summary_en") == ("summary of torsion-dystonia.",)
    save(anna, condition, form_of(answer))
    assert condition.facts.get().value_en == "Three genes."
    assert condition.help_cards.get().what_to_do_en == "<p>Call 112.</p>"


def test_both_choose_sources_of_one_fact(anna, berta, condition):
    one, two = make.source("one"), make.source("two")
    annas = opened(anna, condition)
    save(berta, condition, **{"facts-0-sources": [one.pk]})
    save(anna, condition, annas, **{"facts-0-sources": [two.pk], "facts-0-value_en": "Two genes."})
    assert set(condition.facts.get().sources.values_list("key", flat=True)) == {"one", "two"}
    annas = opened(anna, condition)
    save(berta, condition, **{"citations-0-sections": ["overview", "causes"]})
    save(anna, condition, annas, **{"citations-0-sections": ["outlook"]})
    assert condition.citations.get().sections == ["causes", "outlook"]


def test_a_row_the_other_deleted_leaves_the_form_if_nobody_wrote_in_it(anna, berta, condition):
    condition.facts.create(kind="course", value_en="Rare.", position=2)
    annas = opened(anna, condition)
    save(berta, condition, **{"facts-0-DELETE": "on"})
    answer = save(anna, condition, annas, **{"facts-1-value_en": "Very rare."})
    assert "“fact (deleted)”" in said(answer)[0]
    assert list(condition.facts.values_list("kind", "value_en")) == [("course", "Very rare.")]


def test_a_row_the_other_deleted_keeps_its_words_in_the_form_if_this_person_wrote_in_it(anna, berta, condition):
    condition.facts.create(kind="course", value_en="Rare.", position=2)
    annas = opened(anna, condition)
    save(berta, condition, **{"facts-0-DELETE": "on"})
    answer = save(anna, condition, annas, **{"facts-0-value_en": "Two genes.", "summary_en": "Anna's."})
    assert was_asked(answer)
    html = answer.content.decode()
    assert "Somebody else deleted this row while you were writing in it." in html
    assert "Berta Brandt saved this while you were writing." in html
    assert stored(condition, "summary_en") == ("summary of torsion-dystonia.",)
    again = form_of(answer)
    assert (again["facts-INITIAL_FORMS"], again["facts-TOTAL_FORMS"]) == (["1"], ["2"])
    assert again["facts-1-value_en"] == ["Two genes."]
    save(anna, condition, again)
    assert set(condition.facts.values_list("kind", "value_en")) == {("course", "Rare."), ("cause", "Two genes.")}


def test_both_deleted_the_row(anna, berta, condition):
    annas = opened(anna, condition)
    save(berta, condition, **{"facts-0-DELETE": "on"})
    assert save(anna, condition, annas, **{"facts-0-DELETE": "on"}).status_code == 200
    assert not condition.facts.exists()


def test_deleting_what_the_other_changed_is_asked_about(anna, berta, condition):
    annas = opened(anna, condition)
    save(berta, condition, **{"facts-0-value_en": "Two genes."})
    answer = save(anna, condition, annas, **{"facts-0-DELETE": "on"})
    assert was_asked(answer) and condition.facts.exists()
    html = answer.content.decode()
    assert "You want to delete “" in html and "Two genes" in html
    save(anna, condition, form_of(answer))
    assert not condition.facts.exists()


def test_the_other_added_rows(anna, berta, condition):
    one, two = make.symptom("one"), make.symptom("two")
    annas = opened(anna, condition)
    save(berta, condition, added(opened(berta, condition), "symptom_rows", symptom=one.pk))
    answer = save(anna, condition, added(annas, "symptom_rows", symptom=two.pk))
    assert "symptom of this condition (added)" in said(answer)[0]
    assert set(condition.symptom_rows.values_list("symptom__key", flat=True)) == {"one", "two"}


def test_both_added_the_same_row(anna, berta, condition):
    symptom = make.symptom("one")
    annas = opened(anna, condition)
    save(berta, condition, added(opened(berta, condition), "symptom_rows", symptom=symptom.pk, note_en="Berta's note."))
    answer = save(anna, condition, added(annas, "symptom_rows", symptom=symptom.pk, note_en="Anna's note."))
    assert answer.status_code == 200 and condition.symptom_rows.get().note_en == "Berta's note."
    html = answer.content.decode().replace("&#x27;", "'")
    assert "“One” is on this page already" in html and "Berta's note." in html and "Anna's note." in html


def test_a_row_may_take_the_place_of_one_deleted_in_the_same_save(anna, condition):
    form = added(opened(anna, condition), "facts", kind="cause", value_en="Two genes.")
    assert said(save(anna, condition, {**form, "facts-0-DELETE": "on"}))
    assert list(condition.facts.values_list("value_en", flat=True)) == ["Two genes."]


def test_both_chose_another_picture(anna, berta, condition):
    def chosen(colour):
        return SimpleUploadedFile("drawing.png", picture(colour))

    save(anna, condition, added(opened(anna, condition), "images", file=chosen("red"), alt_en="A hand"))
    annas = opened(anna, condition)
    save(berta, condition, **{"images-0-file": chosen("green")})
    berta_s = condition.images.get().file.name
    answer = save(anna, condition, annas, **{"images-0-file": chosen("blue"), "images-0-alt_en": "Anna's hand"})
    assert was_asked(answer) and condition.images.get().file.name == berta_s
    assert "A picture cannot come back with the form. Choose it again." in answer.content.decode()
    save(anna, condition, form_of(answer))  # without choosing again, Berta's picture stays
    assert (condition.images.get().file.name, condition.images.get().alt_en) == (berta_s, "Anna's hand")


def test_a_larger_picture_changes_its_measures_too(anna, condition):
    save(anna, condition, added(opened(anna, condition), "images", file=SimpleUploadedFile("a.png", picture())))
    save(anna, condition, **{"images-0-file": SimpleUploadedFile("a.png", picture(size=(90, 70)))})
    image = condition.images.get()
    assert (image.width, image.height) == (90, 70)


@pytest.mark.parametrize(
    "forged",
    [
        {"facts-0-id": ""}, {"facts-0-id": "x"}, {"facts-0-id": "999999"}, {"facts-INITIAL_FORMS": "99999999"},
        {"facts-INITIAL_FORMS": "x"}, {"newest_entry": "x"}, {"newest_entry": "²"}, {"initial-broader": "x"},
        {"initial-see_also": "x,,9"}, {"initial-facts-0-sources": "\x00"}, {"help_cards-TOTAL_FORMS": "0"},
        {"facts-0-position": "x", "initial-facts-0-position": "y"}, {"initial-citations-0-source": "999"},
    ],
)  # fmt: skip
def test_a_forged_form_is_never_an_error_of_the_server(anna, condition, forged):
    condition.citations.update(needs_check=True)
    answer = save(anna, condition, **forged, summary_en="Anna's.")
    assert answer.status_code in {200, 409}


# Connections


def test_two_saves_in_the_same_moment_do_not_both_pass(anna, berta):
    symptom = make.symptom()
    forms = [(client, opened(client, symptom)) for client in (anna, berta)]
    together, answers = threading.Barrier(2, timeout=30), {}

    def run(number):
        try:
            client, form = forms[number]
            together.wait()
            answers[number] = client.post(address(symptom), {**form, "summary_en": f"Words of number {number}."})
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status_code for answer in answers.values()) == [302, 409]
    first = next(number for number, answer in answers.items() if answer.status_code == 302)
    assert stored(symptom, "summary_en") == (f"Words of number {first}.",)


# In a browser


RICH = (
    "<h3>Twisting</h3><p>It may <em>begin</em> in a foot.\u00a0It is “slow” &amp; 1 &lt; 2.<br>A new line.</p>\n"
    '<ul>\n<li>One <strong>thing</strong></li>\n<li>Another: <a href="https://who.int/x?a=1&amp;b=2">WHO</a></li>\n'
    "<li>With<ul><li>a list inside</li></ul></li></ul>\n<ol><li><p>First</p></li></ol>"
)


def test_a_rich_text_that_was_only_looked_at_is_unchanged(open_browser):
    """The editor writes a text it opens in its own way. That is no change of this person."""
    make.clinician("anna")
    symptom = make.symptom(overview_en=RICH)
    page = open_browser()
    sign_in(page, "anna")
    page.goto(address(symptom))
    editor = page.locator(".field-overview_en [role=textbox]")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("x")
    page.keyboard.press("Backspace")
    page.locator("#id_summary_en").fill("Only the summary.")
    page.locator("input[name=_continue]").first.click()
    assert LogEntry.objects.get().get_change_message() == "Changed In short."
    assert models.Symptom.objects.get().summary_en == "Only the summary."


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_anna_and_berta(open_browser, javascript):
    anna, berta = [
        make.clinician(name, first_name=name.capitalize(), last_name="B.").username for name in ("anna", "berta")
    ]
    condition = make.condition()
    pages = []
    for name in (anna, berta):
        page = open_browser(javascript=javascript)
        sign_in(page, name)
        page.goto(address(condition))
        pages.append(page)

    def write(page, field, text):
        if javascript:
            page.locator(f".field-{field} [role=textbox]").click()
            page.keyboard.press("Control+a")
            page.keyboard.type(text)
        else:
            page.locator(f"#id_{field}").fill(f"<p>{text}</p>")

    annas, bertas = pages
    write(bertas, "causes_en", "It runs in families.")
    write(bertas, "outlook_en", "It stays for life.")
    bertas.locator("input[name=_continue]").first.click()
    write(annas, "causes_en", "A change in one gene.")
    annas.locator("input[name=_continue]").first.click()
    told = annas.locator("#meanwhile-heading")
    assert told.inner_text().startswith("Berta B. saved this while you were writing.")
    theirs = annas.locator(".field-causes_en .desk-theirs")
    assert "It runs in families." in theirs.inner_text()
    assert models.Condition.objects.get().causes_en == "<p>It runs in families.</p>"
    annas.locator("input[name=_continue]").first.click()
    made = models.Condition.objects.get()
    assert (made.causes_en, made.outlook_en) == ("<p>A change in one gene.</p>", "<p>It stays for life.</p>")
