"""The public pages, asked as a reader's browser asks them."""

import datetime as dt
import io
import logging
import re

import pytest
from django.test import Client

from conditions import models
from conditions.public import quoting
from portal import languages
from portal.logs import Plain
from portal.publishing import actions, reading
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db
MARCH = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)


def read(address, status=200, **headers):
    answer = Client().get(address, headers=headers)
    assert answer.status_code == status, (address, answer.status_code)
    return answer


def text(address, status=200):
    html = read(address, status).content.decode()
    body = re.sub(r"(?s)<head>.*?</head>", "", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_an_edit_reaches_nobody_until_it_is_signed_and_published():
    symptom = make.symptom()
    make.published(symptom)
    symptom.overview_en = "<p>A new and unsigned sentence.</p>"
    symptom.name_en = "Unsigned name"
    symptom.save()
    for address in ("/en/symptoms/tremor/", "/en/symptoms/", "/en/", "/en/search/?q=unsigned"):
        assert "nsigned sentence" not in text(address)
        assert "Unsigned name" not in text(address)
    make.published(symptom)
    assert "A new and unsigned sentence." in text("/en/symptoms/tremor/")


def test_nothing_is_public_before_it_is_published():
    make.symptom(in_languages=("en", "es"))
    read("/en/symptoms/tremor/", 404)
    assert "Tremor" not in text("/en/symptoms/")


def test_a_renamed_symptom_is_right_everywhere_at_once_and_old_editions_stay():
    condition, symptom = make.condition(), make.symptom()
    models.ConditionSymptom.objects.create(condition=condition, symptom=symptom, note_en="In the hands.")
    make.published(symptom)
    make.published(condition)
    symptom.name_en = "Trembling"
    symptom.slug_en = "trembling"
    symptom.save()
    assert "Trembling" not in text("/en/conditions/torsion-dystonia/")
    make.published(symptom)
    page = read("/en/conditions/torsion-dystonia/").content.decode()
    assert '<a href="/en/symptoms/trembling/">Trembling</a>' in page
    actions.withdraw(Page.objects.get(key="tremor"), by=make.clinician(), reason="Wrong.")
    page = read("/en/conditions/torsion-dystonia/").content.decode()
    assert '<span class="named-plain">Tremor</span>' in page  # its frozen name, without a link


def test_a_page_costs_five_queries_whatever_it_links_to(django_assert_num_queries):
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    read("/en/conditions/torsion-dystonia/")
    with django_assert_num_queries(4):
        read("/en/conditions/torsion-dystonia/")
    for number in range(12):
        symptom, treatment = make.symptom(f"symptom-{number}"), make.treatment(f"treatment-{number}")
        models.ConditionSymptom.objects.create(condition=condition, symptom=symptom)
        models.ConditionTreatment.objects.create(condition=condition, treatment=treatment, place="supportive")
        make.published(symptom)
        make.published(treatment)
    make.published(condition)
    make.published(condition, "es") if not make.manuscript(condition, "es").problems else None
    with django_assert_num_queries(5):
        read("/en/conditions/torsion-dystonia/")


def test_the_emergency_number_of_the_installation_stands_in_every_emergency_card(settings):
    condition = make.condition()
    models.HelpCard.objects.create(
        topic=condition, key="soon", urgency="urgent", when_to_act_en="<p>Weak.</p>", what_to_do_en="<p>Ask.</p>"
    )
    make.published(condition)
    assert "tel:" not in read("/en/conditions/torsion-dystonia/").content.decode()
    settings.EMERGENCY_NUMBER = "1 12"
    html = read("/en/conditions/torsion-dystonia/").content.decode()
    assert html.count('<a href="tel:112">Emergency number: <bdi dir="ltr">1 12</bdi></a>') == 1


@pytest.mark.parametrize(
    ("address", "queries"), [("/en/", 3), ("/en/symptoms/", 1), ("/en/search/?q=a", 6), ("/en/about/", 1)]
)
@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_one_and_for_three(django_assert_num_queries, address, queries, count):
    for number in range(count):
        make.published(make.symptom(f"a-{number}"))
    with django_assert_num_queries(queries):
        read(address)


def test_no_working_copy_table_is_named_in_any_public_query(django_assert_max_num_queries):
    condition = make.condition(in_languages=("en", "ar"))
    make.published(condition)
    make.published(condition, "ar")
    slug = Page.objects.get(language="ar").slug
    for address in every_address() | {f"/ar/conditions/{slug}/", "/fr/conditions/torsion-dystonia/"}:
        with django_assert_max_num_queries(7) as asked:
            Client().get(address)
        for query in asked.captured_queries:
            assert "conditions_" not in query["sql"], (address, query["sql"])
            assert "auth_" not in query["sql"], (address, query["sql"])


def every_address():
    page = "/en/conditions/torsion-dystonia/"
    return {
        "/", "/en/", "/ar/", "/en/conditions/", "/en/symptoms/", "/en/treatments/", "/en/glossary/", "/en/about/",
        "/en/search/", "/en/search/?q=dystonia", page, f"{page}editions/", f"{page}editions/1/",
        f"{page}editions/on/{dt.date.today()}/", f"{page}feedback/?answer=no", f"{page}feedback/thanks/", "/en/no-such-thing/", "/robots.txt", "/health/live", "/favicon.ico",
        "/sitemap.xml", "/sitemap-en-1.xml", "/en/changes.atom", "/en/safety.atom", "/p/en/torsion-dystonia/",
        "/infobutton", "/infobutton?mainSearchCriteria.v.cs=2.16.840.1.113883.6.3&mainSearchCriteria.v.c=G24.1",
        "/developers/infobutton/", "/fhir/", "/fhir/r4/metadata", "/fhir/r5/Composition",
    }  # fmt: skip


def test_no_reader_is_watched(settings):
    make.published(make.condition())
    # A cookie that is there could be renewed: come with one, and with a foreign referrer.
    for address in every_address():
        client = Client()
        client.cookies["sessionid"] = "left-from-the-desk"
        client.cookies["django_language"] = "es"
        answer = client.get(address, headers={"referer": "https://elsewhere.example/"})
        assert "Set-Cookie" not in answer.headers and not answer.cookies, address
        assert "Cookie" not in answer.headers.get("Vary", ""), address
        assert answer.headers["Referrer-Policy"] == "no-referrer", address
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy, address
        html = answer.content.decode()
        loaded = re.findall(r"""<(?:link|script|img|iframe|source)[^>]*?(?:src|href)=["']([^"']+)""", html)
        loaded = [url.removeprefix(settings.PUBLIC_ADDRESS) for url in loaded]
        assert all(address_.startswith("/") and not address_.startswith("//") for address_ in loaded), (address, loaded)
        assert "style=" not in html, address
        assert all(
            re.fullmatch(r'<script (src="/static/[^"]+" defer|type="application/ld\+json")>', found)
            for found in re.findall("<script[^>]*>", html)
        ), address


def test_the_language_comes_from_the_address_alone():
    make.published(make.condition(in_languages=("en", "es")))
    answer = read("/es/", accept_language="ru")
    assert answer.headers["Content-Language"] == "es"
    assert 'lang="es"' in answer.content.decode()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "en"), ("de", "en"), ("es-MX,es;q=0.9,en;q=0.8", "es"), ("zh-CN,zh;q=0.9", "zh-hans"), ("zh-TW", "zh-hans"),
        ("ar-EG", "ar"), ("de;q=1,ru;q=0.4,en;q=0.3", "ru"), ("*", "en"), ("x" * 5000, "en"), ("en;q=oops, fr", "en"),
    ],
)  # fmt: skip
def test_the_bare_address_picks_a_language_without_a_cookie(asked, code):
    answer = read("/", 302, accept_language=asked)
    assert answer.headers["Location"] == f"/{code}/"
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("spelt", "kept"),
    [
        ("/zh-cn/", "/zh-hans/"),
        ("/ES/conditions/?a=1", "/es/conditions/?a=1"),
        ("/zh_Hans/", "/zh-hans/"),
        ("/zh/", "/zh-hans/"),
    ],
)
def test_other_spellings_of_a_language_lead_to_its_one_address(spelt, kept):
    assert read(spelt, 302).headers["Location"] == kept


@pytest.mark.parametrize("address", ["/de/", "/so/", "/xx/", "/essay/", "/de/conditions/"])
def test_a_language_that_is_not_offered_is_not_there(address):
    read(address, 404)


def test_not_yet_in_this_language_names_the_languages_that_exist():
    make.published(make.condition(in_languages=("en", "ru"), name_ru="Торсионная дистония"))
    condition = models.Condition.objects.get()
    make.published(condition, "ru")
    for slug in ("torsion-dystonia", "торсионная-дистония"):
        answer = read(f"/es/conditions/{slug}/", 404)
        html = answer.content.decode()
        assert 'href="/en/conditions/torsion-dystonia/"' in html
        assert 'lang="ru" dir="ltr">Торсионная дистония' in html
        assert "overview of" not in html and "по-русски" not in html  # no medicine in another language


def test_switching_the_language_stays_on_the_page():
    condition = make.condition(in_languages=("en", "ar"), name_ar="خلل التوتر")
    make.published(condition)
    make.published(condition, "ar")
    html = read("/en/conditions/torsion-dystonia/").content.decode()
    arabic = Page.objects.get(language="ar")
    link = re.search(r'<a href="(/ar/conditions/[^"]+)" hreflang="ar" lang="ar" dir="rtl">العربية</a>', html)
    assert link, html
    assert read(link[1]).context["page"] == arabic
    assert 'href="/fr/conditions/torsion-dystonia/" hreflang="fr"' in html  # says "not yet" there
    assert '<link rel="alternate" hreflang="fr"' not in html
    assert '<html lang="ar" dir="rtl">' in read(link[1]).content.decode()


def test_old_editions_stay_readable_with_a_banner_and_are_not_indexed():
    condition = make.condition()
    make.published(condition, now=MARCH)
    condition.overview_en = "<p>The second wording.</p>"
    condition.save()
    make.published(condition, now=MARCH + dt.timedelta(days=30), note="Clearer words.")
    first = read("/en/conditions/torsion-dystonia/editions/1/")
    assert (
        first.headers["X-Robots-Tag"] == "noindex"
        and '<meta name="robots" content="noindex">' in first.content.decode()
    )
    said = text("/en/conditions/torsion-dystonia/editions/1/")
    assert "This is edition 1, published on 3 March 2026. The page has changed since." in said
    assert "overview of torsion-dystonia." in said and "The second wording." not in said
    assert "3 March 2026, by Sigrid Natory" in said and "All about ninds" in said
    assert "overview of torsion-dystonia." in text("/en/conditions/torsion-dystonia/editions/on/2026-03-20/")
    assert "The second wording." in text("/en/conditions/torsion-dystonia/editions/on/2026-04-20/")
    read("/en/conditions/torsion-dystonia/editions/on/2026-03-01/", 404)
    listed = text("/en/conditions/torsion-dystonia/editions/")
    assert "Edition 2, 2 April 2026 current Clearer words. Edition 1, 3 March 2026" in listed


@pytest.mark.parametrize(
    "rest",
    [
        "%00/",
        "x%00/editions/",
        "editions/0/",
        "editions/99/",
        "editions/99999999999999999999/",
        "editions/on/2026-13-45/",
        "editions/on/x/",
        "nothing/",
    ],
)
def test_an_edition_that_never_was_is_a_plain_404(rest):
    make.published(make.condition())
    read(f"/en/conditions/torsion-dystonia/{rest}", 404)


def test_a_changed_slug_redirects_and_a_withdrawn_page_says_why():
    symptom = make.symptom()
    make.published(symptom)
    symptom.slug_en = "shaking"
    symptom.save()
    make.published(symptom)
    assert read("/en/symptoms/tremor/", 301).headers["Location"] == "/en/symptoms/shaking/"
    assert read("/en/symptoms/tremor/editions/1/", 301).headers["Location"] == "/en/symptoms/shaking/editions/1/"
    actions.withdraw(Page.objects.get(), by=make.clinician(), reason="The advice was wrong.")
    said = text("/en/symptoms/shaking/", 410)
    assert "The advice was wrong." in said and "Do not stop a medicine on your own." in said
    assert "overview of" not in said
    assert "shaking" not in text("/en/symptoms/")
    assert "The page has been withdrawn since." in text("/en/symptoms/shaking/editions/1/")


def test_a_translation_says_which_source_edition_it_matches_and_when_that_moved_on():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition, now=MARCH)
    make.published(condition, "es", now=MARCH)
    address = "/es/conditions/" + Page.objects.get(language="es").slug + "/"
    assert read(address).context["matches"].number == 1
    assert read(address).context["out_of_date"] is False
    condition.overview_en = "<p>Half the dose.</p>"
    condition.save()
    make.published(condition, now=MARCH + dt.timedelta(days=30))
    answer = read(address)
    assert (answer.context["out_of_date"], answer.context["matches"].number) == (True, 1)
    assert "Half the dose" not in answer.content.decode()
    with pytest.raises(actions.Incomplete, match="“Overview” has changed in the source"):
        actions.sign_off(
            make.manuscript(condition, "es"), by=make.translator("hasty"), capacity="language",
            source_edition=Page.objects.get(language="en").edition,
        )  # fmt: skip
    # The same Spanish words, compared with the new source and found right, are up to date without a new edition; but
    # not before somebody has signed the pair.
    make.compared(condition, "es", parts=["sections.overview"])
    assert read(address).context["out_of_date"] is True
    actions.sign_off(
        make.manuscript(condition, "es"), by=make.translator(), capacity="language",
        source_edition=Page.objects.get(language="en").edition,
    )  # fmt: skip
    assert (read(address).context["out_of_date"], read(address).context["matches"].number) == (False, 2)


def test_a_translation_whose_source_was_withdrawn_warns_its_readers():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition, now=MARCH)
    make.published(condition, "es", now=MARCH)
    april = MARCH + dt.timedelta(days=30)
    actions.withdraw(Page.objects.get(language="en"), by=make.clinician(), reason="Dangerous.", now=april)
    spanish = "/es/conditions/" + Page.objects.get(language="es").slug + "/"
    assert read(spanish).context["source_withdrawn_at"] == april


def test_a_safety_warning_that_nobody_followed_outlives_its_source():
    """The words that may harm are still there in Spanish, so the warning is as well; in every list, too."""
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    condition.treatment_intro_en = "<p>Never take twenty.</p>"
    condition.save()
    make.published(make.fresh(condition), significance="safety", note="The dose was wrong.")
    old = Page.objects.get(language="es")
    spanish = f"/es/conditions/{old.slug}/"
    for withdrawn in (False, True):
        if withdrawn:
            actions.withdraw(Page.objects.get(language="en"), by=make.clinician(), reason="Dangerous.")
        answer = read(spanish)
        html = answer.content.decode()
        assert answer.context["out_of_date"] and "Never take twenty." in html and "The dose was wrong." in html
        assert bool(answer.context["source_withdrawn_at"]) == withdrawn
        assert reading.warned([old], "es") == {"torsion-dystonia"}
        assert old.summary not in read("/es/conditions/").content.decode()
        one = quoting.quoted(old)
        assert one.summary == "" and "Never take twenty." in one.notices()
    assert "The dose was wrong." in read("/es/safety.atom").content.decode()
    # For translators there is nothing to follow any more.
    assert not reading.out_of_date(["es"]).exists()


def test_a_demonstration_says_that_nobody_has_reviewed_it_until_somebody_does():
    condition = make.condition(in_languages=("en", "es"))
    make.demonstrated(condition)
    make.demonstrated(condition, "es")
    spanish = "/es/conditions/" + Page.objects.get(language="es").slug + "/"
    english = read("/en/conditions/torsion-dystonia/")
    assert "No clinician has reviewed this page." in english.content.decode()
    assert english.context["clinical"] is None
    context = read(spanish).context
    assert (context["clinical"], context["language_review"]) == (None, None)
    make.published(condition)
    assert "No clinician has reviewed" not in read("/en/conditions/torsion-dystonia/").content.decode()


@pytest.mark.parametrize("language", [language.code for language in languages.offered()])
@pytest.mark.parametrize("address", ["/{}/", "/{}/conditions/", "/{}/search/?q=x", "/{}/about/"])
def test_every_offered_language_answers_before_anything_is_published(language, address):
    html = read(address.format(language)).content.decode()
    assert f'<html lang="{languages.get(language).tag}" dir="{languages.get(language).direction}">' in html


def test_errors_are_told_in_the_readers_language():
    assert '<html lang="ru" dir="ltr">' in read("/ru/nowhere/", 404).content.decode()
    assert '<html lang="ar" dir="rtl">' in read("/nowhere/", 404, accept_language="ar").content.decode()


def test_a_fault_of_ours_is_told_in_the_readers_language_without_asking_the_database(
    monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr("conditions.public.views.reading.pages", lambda *_: 1 / 0)
    client = Client(raise_request_exception=False)
    with django_assert_num_queries(0):
        answer = client.get("/fr/symptoms/")
    assert answer.status_code == 500
    assert '<html lang="fr" dir="ltr">' in answer.content.decode()
    assert "ZeroDivision" not in answer.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_readers_can_change_nothing(method):
    make.published(make.condition())
    assert getattr(Client(), method)("/en/conditions/torsion-dystonia/").status_code == 405


def spanish_page():
    return "/es/conditions/" + Page.objects.get(language="es").slug + "/"


def changed_source(significance, note=""):
    """A Spanish page of edition 1, and an English edition 2 of this significance."""
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition, now=MARCH)
    make.published(condition, "es", now=MARCH)
    condition.treatment_intro_en = "<p>Never take it with alcohol.</p>"
    condition.save()
    make.published(condition, now=MARCH + dt.timedelta(days=1), significance=significance, note=note, by=None)
    return condition


def test_a_safety_change_is_shown_to_every_reader_at_once_in_the_sources_own_language():
    changed_source("safety", note="Alcohol makes it dangerous.")
    html = read(spanish_page()).content.decode()
    warning = html.split('class="notice notice-safety"')[1].split("</section>")[0]
    assert "Never take it with alcohol." in warning and "Alcohol makes it dangerous." in warning
    assert '<div class="rich" lang="en" dir="ltr"><p>Never take it with alcohol.</p></div>' in warning
    assert "overview of" not in warning  # only what changed
    assert html.index("notice-safety") < html.index("<h1>")


@pytest.mark.parametrize("significance", ["follow", "safety"])
def test_only_the_part_that_moved_is_called_out_of_date(significance):
    changed_source(significance)
    html = read(spanish_page()).content.decode()
    sections = {part.split('"')[0]: part for part in html.split('<section id="')[1:]}
    marked = {key for key, part in sections.items() if 'class="moved"' in part}
    assert marked == {"treatment_intro"}
    assert "treatment intro de torsion-dystonia, en español." in sections["treatment_intro"]


def outdated(kind, significance, **columns):
    """The Spanish page after these columns of the English one changed."""
    topic = make.topic(kind, "thing", in_languages=("en", "es"))
    make.published(topic)
    make.published(topic, "es")
    for name, value in columns.items():
        setattr(topic, name, value)
    topic.save()
    return topic


@pytest.mark.parametrize("significance", ["follow", "safety"])
def test_who_should_not_have_it_never_shows_outdated_words(significance):
    topic = outdated("treatment", significance, who_should_not_en="<p>Nobody who is pregnant.</p>")
    make.published(topic, significance=significance)
    html = read("/es/treatments/thing-es/").content.decode()
    section = html.split('<section id="who_should_not"')[1].split("</section>")[0]
    assert '<div class="rich" lang="en" dir="ltr"><p>Nobody who is pregnant.</p></div>' in section
    assert "en español" not in section
    assert "side effects de thing, en español." in html  # what did not move stays


@pytest.mark.parametrize("significance", ["follow", "safety"])
def test_help_cards_never_show_outdated_words(significance):
    condition = make.condition(in_languages=("en", "es"))
    condition.help_cards.create(key="calm", urgency="routine", when_to_act_en="<p>calm one</p>", what_to_do_en="<p>x</p>",
                                when_to_act_es="<p>tarjeta tranquila</p>", what_to_do_es="<p>equis</p>")  # fmt: skip
    make.published(condition)
    make.published(condition, "es")
    card = condition.help_cards.get(key="breathing")
    card.when_to_act_en = "<p>you cannot breathe</p>"
    card.save()
    make.published(condition, significance=significance)
    html = read(spanish_page()).content.decode()
    cards = html.split('id="help_cards"')[1].split('<section id="overview"')[0]
    assert 'lang="en" dir="ltr"> <p>you cannot breathe</p>' in " ".join(cards.split())
    assert "when to act de torsion-dystonia, en español." not in cards
    assert "tarjeta tranquila" in cards  # the card that did not change is still translated
    condition.help_cards.filter(key="calm").delete()
    make.published(condition, significance=significance)
    assert "tarjeta tranquila" not in read(spanish_page()).content.decode()


def test_lists_and_search_do_not_sum_up_in_words_that_may_harm():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    condition.summary_en = "Do not take it with alcohol."
    condition.save()
    make.published(condition, significance="safety")
    for address in ("/es/", "/es/conditions/", "/es/search/?q=torsion"):
        html = read(address).content.decode()
        assert 'class="note"><strong>' in html and "summary de torsion-dystonia" not in html, address
    assert "Do not take it with alcohol." in read("/en/conditions/").content.decode()


def test_a_change_of_wording_carries_translations_along():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    condition.overview_en = "<p>An overview of torsion-dystonia.</p>"
    condition.save()
    make.published(condition, significance="wording")
    assert read(spanish_page()).context["out_of_date"] is False
    condition.overview_en = "<p>A new thought.</p>"
    condition.save()
    make.published(condition, significance="follow")
    answer = read(spanish_page())
    assert (answer.context["out_of_date"], answer.context["safety"]) == (True, [])


def test_a_restored_source_is_what_a_translation_of_it_matches():
    condition = changed_source("follow")
    page, by = Page.objects.get(language="en"), make.clinician()
    first = page.edition.__class__.objects.get(language="en", number=1)
    make.compared(condition, "es")
    actions.sign_off(
        make.manuscript(condition, "es"), by=make.translator(), capacity="language", source_edition=page.edition
    )
    assert read(spanish_page()).context["matches"].number == 2
    actions.restore(page, first, by=by, reason="The first was right.")
    context = read(spanish_page()).context
    assert (context["matches"].number, context["out_of_date"]) == (1, False)


def test_an_old_edition_keeps_the_names_of_its_day():
    condition, symptom = make.condition(), make.symptom()
    models.ConditionSymptom.objects.create(condition=condition, symptom=symptom)
    make.published(symptom)
    make.published(condition)
    models.Symptom.objects.filter(pk=symptom.pk).update(name_en="Shaking hands")
    make.published(symptom)
    assert "Shaking hands" in text("/en/conditions/torsion-dystonia/")
    old = read("/en/conditions/torsion-dystonia/editions/1/").content.decode()
    assert '<a href="/en/symptoms/tremor/">Tremor</a>' in old and "Shaking hands" not in old


def test_the_same_words_reviewed_again_are_not_overdue():
    condition = make.condition()
    make.published(condition, now=MARCH - dt.timedelta(days=3000))
    assert "has not been reviewed since" in text("/en/conditions/torsion-dystonia/")
    make.published(condition)
    assert "has not been reviewed since" not in text("/en/conditions/torsion-dystonia/")
    assert Page.objects.get().edition.number == 1


def test_switching_to_a_language_without_the_page_never_opens_another_objects_page():
    make.published(make.symptom("tremor"))
    other = make.symptom("agitation", in_languages=("en", "fr"), slug_fr="tremor")
    make.published(other)
    make.compared(other, "fr")
    assert [p.message for p in make.manuscript(other, "fr").problems] == [
        "Another page has the address “tremor” in French. Choose another."
    ]


def test_an_address_that_comes_back_by_a_restore_does_not_run_in_a_circle():
    symptom, by = make.symptom(), make.clinician()
    first = make.published(symptom)
    models.Symptom.objects.filter(pk=symptom.pk).update(name_en="Shaking", slug_en="shaking")
    make.published(symptom)
    actions.restore(Page.objects.get(), first, by=by, reason="Better.")
    moved = read("/en/symptoms/shaking/", 301)
    assert (moved.headers["Location"], moved.headers["Cache-Control"]) == ("/en/symptoms/tremor/", "no-cache")


def test_a_day_to_come_has_no_edition_yet():
    make.published(make.condition())
    read("/en/conditions/torsion-dystonia/editions/on/2199-01-01/", 404)


def test_a_failure_is_logged_without_saying_what_was_read(monkeypatch):
    monkeypatch.setattr("conditions.public.views.reading.pages", lambda *_: 1 / 0)
    handler = logging.StreamHandler(held := io.StringIO())
    handler.setFormatter(Plain())
    logging.getLogger("django.request").addHandler(handler)
    try:
        Client(raise_request_exception=False).get("/fr/symptoms/")
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert "ZeroDivisionError" in held.getvalue() and "/fr/symptoms" not in held.getvalue()
