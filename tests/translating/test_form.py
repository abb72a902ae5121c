"""The translation form and the gate's page, with the forged requests that a browser would not send."""

import re

import pytest
from django.test import Client

from conditions import models
from conditions.admin import TopicAdmin
from portal.publishing import actions, rights
from portal.publishing.models import Edition, Page, SignOff
from tests import make
from tests.desk import form_of, signed_in

pytestmark = pytest.mark.django_db


def sent(form):
    """The values a browser sends back untouched."""
    return {field.html_name: "" if field.value() is None else field.value() for field in form}


def posted(client, address, **changed):
    """What a browser would send back after these changes."""
    form = client.get(address).context["form"]
    data = sent(form)
    return client.post(address, {**data, **changed})


@pytest.fixture
def symptom():
    made = make.symptom(in_languages=("en", "es", "fr"))
    make.published(made)
    return made


def words(symptom):
    return {
        language: [
            getattr(models.Symptom.objects.get(pk=symptom.pk), f"{field}_{language}") for field in ("name", "overview")
        ]
        for language in ("en", "es", "fr")
    }


def test_saving_writes_one_language_and_nothing_else(symptom):
    before = words(symptom)
    client = signed_in(make.translator(languages=("es",)))
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    answer = posted(
        client,
        address,
        **{"sections.overview": "<p>Nuevo.</p>", "name_fr": "Forgé", "name_en": "Forged", "sections.overview_fr": "x"},
    )
    assert answer.status_code == 302
    after = words(symptom)
    assert after["es"] == [before["es"][0], "<p>Nuevo.</p>"]
    assert (after["en"], after["fr"]) == (before["en"], before["fr"])


@pytest.mark.parametrize("language", ["fr", "en", "xx", "de"])
def test_another_language_is_refused_on_the_server(symptom, language):
    before = words(symptom)
    client = signed_in(make.translator(languages=("es",)))
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/{language}/"
    assert client.get(address).status_code in {403, 404}
    assert client.post(address, {"name": "Forged", "sections.overview": "Forged"}).status_code in {403, 404}
    assert words(symptom) == before


def test_an_editors_save_never_touches_a_translation(symptom):
    client = signed_in(make.clinician())
    address = f"/admin/conditions/symptom/{symptom.pk}/change/"
    data = form_of(client.get(address))
    # While the editor's form was open, the translator saved.
    models.Symptom.objects.filter(pk=symptom.pk).update(overview_es="<p>Del traductor.</p>")
    answer = client.post(address, {**data, "overview_en": "<p>From the editor.</p>", "overview_es": "Forged"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert words(symptom)["es"][1] == "<p>Del traductor.</p>"
    assert words(symptom)["en"][1] == "<p>From the editor.</p>"


def test_two_translators_at_once_lose_nothing(symptom):
    client = signed_in(make.translator(languages=("es",)))
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    form = client.get(address).context["form"]
    data = sent(form)
    models.Symptom.objects.filter(pk=symptom.pk).update(overview_es="<p>De la primera.</p>")
    answer = client.post(address, {**data, "sections.overview": "<p>De la segunda.</p>"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody else saved this translation" in html
    assert "De la primera." in html and "De la segunda." in html
    assert words(symptom)["es"][1] == "<p>De la primera.</p>"


def test_saved_meanwhile_stands_only_where_the_words_differ(symptom):
    """Another way of writing the same lines, as browsers and the editor send them, is no difference."""
    symptom.overview_es, symptom.summary_es = "<p>Uno.</p>\n<ul>\n<li>Dos.</li>\n</ul>", "Uno.\nDos."
    symptom.save()
    client = signed_in(make.translator(languages=("es",)))
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    data = sent(client.get(address).context["form"])
    data |= {"sections.overview": "<p>Uno.</p><ul><li>Dos.</li></ul>", "summary": "Uno.\r\nDos.\r\n"}
    models.Symptom.objects.filter(pk=symptom.pk).update(name_es="De la primera")
    answer = client.post(address, {**data, "name": "De la segunda"})
    assert answer.status_code == 409
    assert [row.unit.part for row in answer.context["rows"] if row.saved_meanwhile] == ["name"]
    assert answer.content.decode().count("Saved meanwhile:") == 1


def test_who_saved_meanwhile_is_said(symptom):
    tomas, teresa = (
        signed_in(make.translator(name, languages=("es", "fr"), first_name=name.capitalize(), last_name="T."))
        for name in ("tomas", "teresa")
    )
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    data = sent(tomas.get(address).context["form"])
    posted(teresa, address, **{"sections.overview": "<p>De Teresa.</p>"})
    posted(tomas, address.replace("/es/", "/fr/"), name="Tremblement")  # another language is no matter here
    answer = tomas.post(address, {**data, "sections.overview": "<p>De Tomas.</p>"})
    assert answer.status_code == 409
    assert re.search(r"Teresa T\. saved it last, on [^.]+ at \d\d:\d\d\.</p>", answer.content.decode())
    # A clinician is not told about translations.
    desk = signed_in(make.clinician())
    form = editors_post(desk, symptom)
    posted(tomas, address, name="Temblor nuevo")
    models.Symptom.objects.filter(pk=symptom.pk).update(summary_en="By a machine.")
    answer = desk.post(f"/admin/conditions/symptom/{symptom.pk}/change/", {**form, "name_en": "Trembling"}, follow=True)
    assert [str(message) for message in answer.context["messages"]][0].startswith("Somebody saved “In short” while")


def test_a_new_name_makes_the_address_of_that_language(symptom):
    client = signed_in(make.translator(languages=("ru",)))
    posted(client, f"/admin/conditions/symptom/{symptom.pk}/translate/ru/", name="Дрожь в руках")
    assert models.Symptom.objects.get(pk=symptom.pk).slug_ru == "дрожь-в-руках"


def test_posted_fields_stay_far_below_the_limit_with_all_languages(settings):
    condition = make.condition()
    for number in range(16):
        symptom, treatment = make.symptom(f"s-{number}"), make.treatment(f"t-{number}")
        models.ConditionSymptom.objects.create(condition=condition, symptom=symptom)
        models.ConditionTreatment.objects.create(condition=condition, treatment=treatment, place="supportive")
        condition.citations.create(source=make.source(f"source-{number}"))
    html = signed_in(make.clinician()).get(f"/admin/conditions/condition/{condition.pk}/change/").content.decode()
    assert html.count(" name=") < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS * 0.7


@pytest.mark.parametrize("do", ["sign", "publish", "withdraw", "restore"])
def test_a_forged_button_changes_nothing(symptom, do):
    symptom.summary_en = "Changed."
    symptom.save()
    digest = make.manuscript(symptom).digest
    before = (SignOff.objects.count(), Edition.objects.count(), list(Page.objects.values()))
    client = signed_in(make.person("viewer", "Translators", languages=("es",)))
    for language in ("en", "fr"):
        answer = client.post(
            f"/admin/conditions/symptom/{symptom.pk}/gate/{language}/",
            {
                "do": do,
                "digest": digest,
                "significance": "wording",
                "reason": "x",
                "edition": "1",
                "source_edition": "1",
            },
        )
        assert answer.status_code in {403, 409}
    assert (SignOff.objects.count(), Edition.objects.count(), list(Page.objects.values())) == before


def test_nobody_signs_words_they_did_not_see(symptom):
    client = signed_in(make.clinician())
    seen = make.manuscript(symptom).digest
    symptom.summary_en = "Changed while the page was open."
    symptom.save()
    answer = client.post(f"/admin/conditions/symptom/{symptom.pk}/gate/en/", {"do": "sign", "digest": seen})
    assert answer.status_code == 409
    assert "The words changed while this page was open." in answer.content.decode()
    assert not SignOff.objects.filter(digest=make.manuscript(symptom).digest).exists()


def test_a_translator_finds_the_languages_of_an_object_and_no_form_to_change_it(symptom):
    client = signed_in(make.translator(languages=("es",)))
    answer = client.get(f"/admin/conditions/symptom/{symptom.pk}/change/")
    html = answer.content.decode()
    assert f"/admin/conditions/symptom/{symptom.pk}/translate/es/" in html
    assert "&lt;p&gt;" not in html and 'name="name_en"' not in html
    assert client.post(f"/admin/conditions/symptom/{symptom.pk}/change/", {"name_en": "Forged"}).status_code == 403


def test_a_stranger_sees_no_unpublished_word(symptom):
    for view in ("change/", "gate/en/", "preview/en/", "translate/es/"):
        answer = Client().get(f"/admin/conditions/symptom/{symptom.pk}/{view}")
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/admin/login/")


def test_what_was_ever_published_cannot_be_deleted_at_the_desk(symptom):
    client = signed_in(make.User.objects.create_superuser("root", password="x"))
    assert client.post(f"/admin/conditions/symptom/{symptom.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(
        "/admin/conditions/symptom/", {"action": "delete_selected", "_selected_action": [symptom.pk], "post": "yes"}
    )
    assert models.Symptom.objects.filter(pk=symptom.pk).exists()
    never = make.symptom("never-published")
    client.post(f"/admin/conditions/symptom/{never.pk}/delete/", {"post": "yes"})
    assert not models.Symptom.objects.filter(pk=never.pk).exists()


def test_the_desk_loads_nothing_from_another_host(symptom):
    client = signed_in(make.clinician())
    for view in ("", f"{symptom.pk}/change/", f"{symptom.pk}/gate/en/", f"{symptom.pk}/preview/en/"):
        answer = client.get(f"/admin/conditions/symptom/{view}")
        html = answer.content.decode()
        assert 'src="http' not in html and 'href="http://' not in html.replace("https://source.example", "")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_list_costs_the_same_for_one_and_for_many(django_assert_max_num_queries):
    client = signed_in(make.clinician())
    make.published(make.symptom("one"))
    with django_assert_max_num_queries(10):
        client.get("/admin/conditions/symptom/")
    for number in range(5):
        make.published(make.symptom(f"more-{number}"))
    with django_assert_max_num_queries(10):
        client.get("/admin/conditions/symptom/")


def test_translators_see_the_agreed_words_for_the_terms_of_the_text():
    make.term("tremor-at-rest", name_en="resting tremor", name_es="temblor de reposo", avoid_es="tembleque")
    make.term("gene", name_en="gene", name_es="gen")
    symptom = make.symptom(overview_en="<p>A resting tremor is general.</p>")
    make.published(symptom)
    answer = signed_in(make.translator(languages=("es",))).get(f"/admin/conditions/symptom/{symptom.pk}/translate/es/")
    assert [(term.source, term.target, term.avoid) for term in answer.context["terms"]] == [
        ("resting tremor", "temblor de reposo", ("tembleque",))
    ]


def test_a_bad_address_is_told_to_the_translator_and_never_stops_the_clinician(symptom):
    client = signed_in(make.translator(languages=("es",)))
    answer = posted(client, f"/admin/conditions/symptom/{symptom.pk}/translate/es/", slug="Temblor De Manos")
    assert answer.status_code == 409
    assert "temblor-de-manos" in answer.content.decode()
    models.Symptom.objects.filter(pk=symptom.pk).update(slug_es="Temblor De Manos")
    desk = signed_in(make.clinician())
    assert desk.post(f"/admin/conditions/symptom/{symptom.pk}/change/", editors_post(desk, symptom)).status_code == 302


def editors_post(client, symptom, **changed):
    data = form_of(client.get(f"/admin/conditions/symptom/{symptom.pk}/change/"))
    return {**data, **changed}


def test_a_clinicians_save_writes_no_column_of_another_language_even_in_a_race(symptom, monkeypatch):
    desk = signed_in(make.clinician())
    data = editors_post(desk, symptom, overview_en="<p>From the editor.</p>")
    real = TopicAdmin.save_model

    def while_saving(self, request, obj, form, change):
        models.Symptom.objects.filter(pk=symptom.pk).update(overview_es="<p>Del traductor.</p>")
        real(self, request, obj, form, change)

    monkeypatch.setattr(TopicAdmin, "save_model", while_saving)
    desk.post(f"/admin/conditions/symptom/{symptom.pk}/change/", data)
    fresh = models.Symptom.objects.get(pk=symptom.pk)
    assert (fresh.overview_es, fresh.overview_en) == ("<p>Del traductor.</p>", "<p>From the editor.</p>")
    assert models.Symptom.objects.rewrite(False).filter(pk=symptom.pk).values_list("overview").get() == (
        fresh.overview_en,
    )


def test_a_translator_who_publishes_one_language_cannot_withdraw_the_source(symptom):
    client = signed_in(make.translator(languages=("es",)))
    answer = client.post(f"/admin/conditions/symptom/{symptom.pk}/gate/en/", {"do": "withdraw", "reason": "x"})
    assert answer.status_code == 403
    assert Page.objects.get(language="en").withdrawn_at is None


def test_a_reason_with_a_nul_is_a_reason(symptom):
    client = signed_in(make.clinician())
    address = f"/admin/conditions/symptom/{symptom.pk}/gate/en/"
    assert client.post(address, {"do": "withdraw", "reason": "Wrong\x00 dose."}).status_code == 302
    assert Page.objects.get(language="en").withdrawal_reason == "Wrong dose."


def test_what_moved_in_the_source_is_shown_word_by_word_and_saving_does_not_clear_it():
    condition = make.condition(in_languages=("en", "es"))
    condition.outlook_en = "<p>Take 10 mg a day.</p>"
    condition.save()
    make.published(condition)
    make.published(condition, "es")
    condition.outlook_en = "<p>Take 5 mg a day.</p>"
    condition.save()
    make.published(condition, significance="safety")
    client = signed_in(make.translator())
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    answer = client.get(address)
    moved = [
        (row.unit.part, [(run.how, run.text) for run in row.moved[0].runs])
        for row in answer.context["rows"]
        if row.moved
    ]
    assert moved == [("sections.outlook", [("=", "Take "), ("-", "10 mg"), ("+", "5 mg"), ("=", " a day.")])]
    assert "1 part has changed in the source since it was compared." in answer.content.decode()
    form = form_of(answer)
    assert client.post(address, form | {"sections.outlook": ["<p>Tome 5 mg al día.</p>"]}).status_code == 302
    assert client.get(address).context["moved"] == 1
    reader = Client().get(f"/es/conditions/{Page.objects.get(language='es').slug}/")
    assert "Take 5 mg a day." in reader.content.decode()
    form = form_of(client.get(address))
    assert client.post(address, form | {"compared": ["sections.outlook"]}).status_code == 302
    assert client.get(address).context["moved"] == 0
    assert "Take 5 mg a day." in Client().get(reader.request["PATH_INFO"]).content.decode()  # nobody has signed yet
    signatory = make.translator("signatory-es")
    actions.sign_off(
        make.manuscript(condition, "es"), by=signatory, capacity="language",
        source_edition=Edition.objects.get(language="en", number=2),
    )  # fmt: skip
    actions.publish(make.manuscript(condition, "es"), by=signatory)
    assert "Take 5 mg a day." not in Client().get(reader.request["PATH_INFO"]).content.decode()


def test_a_form_opened_beside_an_older_source_is_not_saved_but_shown_what_changed():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    client = signed_in(make.translator())
    address = f"/admin/conditions/condition/{condition.pk}/translate/es/"
    form = form_of(client.get(address))
    condition.outlook_en = "<p>Another outlook.</p>"
    condition.save()
    make.published(condition)
    form["sections.outlook"] = ["<p>Mis palabras.</p>"]
    answer = client.post(address, form)
    assert answer.status_code == 409
    said = answer.content.decode()
    assert "Edition 2 of the source was published while you were writing." in said and "Mis palabras." in said
    assert [row.unit.part for row in answer.context["rows"] if row.moved] == ["sections.outlook"]
    assert "Mis palabras" not in (models.Condition.objects.get(pk=condition.pk).outlook_es or "")
    assert client.post(address, form_of(answer)).status_code == 302
    assert "Mis palabras" in models.Condition.objects.get(pk=condition.pk).outlook_es


def test_the_translation_form_is_a_side_door_as_well(monkeypatch, symptom):
    client = signed_in(make.translator())
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    assert client.get(address).status_code == 200
    monkeypatch.setattr(rights, "may_read_unpublished", lambda user: False)
    assert client.get(address).status_code == 403


def test_a_name_that_is_too_long_is_refused_in_words_and_not_cut(symptom):
    client = signed_in(make.translator(languages=("es",)))
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    opened = client.get(address).content.decode()
    assert "maxlength" not in re.search(r'<input[^>]*name="name"[^>]*>', opened)[0]
    answer = posted(client, address, name="palabra " * 40)
    said = answer.content.decode()
    assert answer.status_code == 409 and "at most 200 characters (it has 319)" in said
    assert ("palabra " * 40).strip() in said
