"""Programs get what readers get: the same words, the same warnings, and nothing else."""

import base64
import datetime as dt
import io
import re
import threading

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from conditions import models
from conditions.public import api
from portal import languages
from portal.listening import protection
from portal.middleware import without_charset
from portal.publishing import actions
from portal.publishing.models import Edition, Page
from tests import make

pytestmark = pytest.mark.django_db
HERE = "/api/v1/pages/en/condition/torsion-dystonia"


@pytest.fixture(autouse=True)
def nobody_asked_before():
    protection._memory.clear()


def ask(address, status=200, **more):
    response = Client().get(address, **more)
    assert response.status_code == status, (address, response.content[:300])
    return response


def read(address, status=200):
    response = ask(address, status)
    assert response["Content-Type"].partition(";")[0] == f"application/{'json' if status == 200 else 'problem+json'}"
    assert not response.cookies and response["Access-Control-Allow-Origin"] == "*"
    return response.json()


def both():
    condition = make.condition(in_languages=("en", "es"))
    condition.codes.create(system="icd-10", code="G24.1", verified=True)
    make.published(condition)
    make.published(condition, "es")
    return condition


def test_a_page_says_what_readers_see_with_each_part_in_its_language():
    both()
    said = read(HERE)
    assert (said["title"], said["language"], said["edition"]["number"]) == ("Torsion dystonia", "en", 1)
    assert said["clinical_review"]["name"] == "Sigrid Natory" and said["source"] is None
    assert said["codes"] == [{"system": "icd-10", "code": "G24.1"}]
    assert said["help_cards"][0]["urgency"] == "emergency"
    assert {one["key"]: one for one in said["sections"]}["causes"]["words"] == {
        "html": "<p>causes of torsion-dystonia.</p>",
        "language": "en",
    }
    assert said["terms"]["licence"].startswith("https://creativecommons.org/")
    assert [one["language"] for one in said["languages"]] == ["en", "es"]
    spanish = read("/api/v1/pages/es/condition/torsion-dystonia")
    assert spanish["source"] == {
        "language": "en", "url": said["url"], "matches": 1, "current": 1, "out_of_date": False, "safety": False,
    }  # fmt: skip


def test_what_is_only_saved_is_never_told():
    condition = both()
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>Unsigned words.</p>", name_en="Unsigned")
    make.symptom("secret")
    for address in (HERE, "/api/v1/pages/en", "/api/v1/changes", "/api/v1/search/en?q=unsigned", f"{HERE}/editions"):
        assert "nsigned" not in ask(address).content.decode() and "secret" not in ask(address).content.decode()
    read("/api/v1/pages/en/symptom/secret", 404)


def test_a_translation_behind_a_safety_change_shows_the_new_words_in_their_own_language():
    drug = make.treatment(in_languages=("en", "es"), who_should_not_en="<p>Few.</p>", who_should_not_es="<p>Pocas.</p>")
    make.published(drug)
    make.published(drug, "es")
    models.Treatment.objects.filter(pk=drug.pk).update(who_should_not_en="<p>Nobody with a weak heart.</p>")
    make.published(make.fresh(drug), significance="safety", note="Weak hearts.")
    said = read("/api/v1/pages/es/treatment/levodopa")
    assert said["source"]["safety"] and said["source"]["out_of_date"]
    assert "Nobody with a weak heart." in said["notices"] and 'lang="en"' in said["notices"]
    sections = {one["key"]: one for one in said["sections"]}
    assert sections["who_should_not"]["words"] == {"html": "<p>Nobody with a weak heart.</p>", "language": "en"}
    assert sections["who_should_not"]["out_of_date"] and not sections["overview"]["out_of_date"]
    (listed,) = read("/api/v1/pages/es")["pages"]
    assert listed["summary"] is None  # a dangerous summary is repeated nowhere


def test_unreviewed_words_say_so(settings):
    settings.DEMO = True
    make.demonstrated(make.symptom())
    said = read("/api/v1/pages/en/symptom/tremor")
    assert said["clinical_review"] is None and "No clinician has reviewed this page." in said["notices"]


def test_earlier_editions_stay_and_say_that_they_are_not_todays():
    condition = both()
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>New words.</p>")
    make.published(make.fresh(condition), note="Causes.")
    assert [one["number"] for one in read(f"{HERE}/editions")["editions"]] == [2, 1]
    first = read(f"{HERE}/editions/1")
    assert not first["is_current"] and read(f"{HERE}/editions/2")["is_current"]
    assert first["edition"]["digest"] == Edition.objects.get(number=1, language="en").digest
    assert read(f"{HERE}/on/{dt.datetime.now(dt.UTC).date()}")["edition"]["number"] == 2
    read(f"{HERE}/on/2020-01-01", 404)
    read(f"{HERE}/editions/3", 404)


def test_a_withdrawn_page_is_gone_with_its_reason_and_a_language_not_offered_was_never_there():
    both()
    by = make.clinician()
    actions.withdraw(Page.objects.get(language="en"), by=by, reason="A dose was wrong.")
    assert read(HERE, 410)["detail"] == "A dose was wrong."
    assert len(read(f"{HERE}/editions")["editions"]) == 1
    for address in ("/api/v1/pages/de", "/api/v1/pages/de/condition/torsion-dystonia", "/api/v1/search/de?q=a"):
        read(address, 404)
    assert [one["language"] for one in read("/api/v1/languages")["languages"]] == [
        one.code for one in languages.offered()
    ]


def test_lists_are_read_in_stretches_that_miss_nothing():
    for number in range(5):
        make.published(make.symptom(f"symptom-{number}"))
    make.published(make.condition())
    address, keys = "/api/v1/pages/en?limit=2", []
    while address:
        said = read(address)
        keys += [one["key"] for one in said["pages"]]
        address = said["next"]
    assert keys == ["torsion-dystonia", *(f"symptom-{number}" for number in range(5))]
    assert [one["key"] for one in read("/api/v1/pages/en?kind=condition")["pages"]] == ["torsion-dystonia"]


def test_search_and_glossary():
    make.published(make.symptom("tremor"))
    make.published(make.term("gene"))
    assert read("/api/v1/search/en?q=tremor")["pages"][0]["key"] == "tremor"
    assert read("/api/v1/search/en?q=qwertzuiop")["near"]
    assert [one["term"] for one in read("/api/v1/glossary/en")["terms_of_glossary"]] == ["Gene"]


def test_wrong_requests_are_told_what_to_do_as_problems():
    for address, status in (
        ("/api/v1/pages/EN!", 422),
        ("/api/v1/pages/en/illness/x", 422),
        (f"{HERE}/editions/0", 422),
        (f"{HERE}/on/yesterday", 422),
        ("/api/v1/search/en", 422),
        ("/api/v1/search/en?q=" + "x" * 201, 422),
        ("/api/v1/changes?since=-1", 422),
        ("/api/v1/nothing", 404),
        ("/api/v1/pages/en/condition/nothing", 404),
    ):
        said = read(address, status)
        assert said["status"] == status and said["title"], address
    said = Client().post("/api/v1/languages")
    assert said.status_code == 405 and said["Content-Type"] == "application/problem+json" and "GET" in said["Allow"]
    assert Client().options("/api/v1/languages").status_code == 204
    assert Client().head(HERE).status_code == 404


def test_an_answer_that_did_not_change_is_not_sent_again():
    condition = both()
    answer = ask(HERE)
    again = ask(HERE, 304, headers={"if-none-match": answer["ETag"]})
    assert not again.content and "Accept-Language" not in answer.get("Vary", "")
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>New words.</p>")
    make.published(make.fresh(condition))
    assert ask(HERE, headers={"if-none-match": answer["ETag"]})["ETag"] != answer["ETag"]
    head = Client().head(HERE)
    assert head.status_code == 200 and head.content == b""


def test_too_many_requests_are_refused_and_no_address_is_kept(monkeypatch):
    monkeypatch.setattr(api, "LIMIT", 2)
    for left in (1, 0):
        assert f";r={left};" in ask("/api/v1/languages", REMOTE_ADDR="192.0.2.7")["RateLimit"]
    refused = ask("/api/v1/languages", 429, REMOTE_ADDR="192.0.2.7")
    assert 0 < int(refused["Retry-After"]) <= api.WINDOW and refused["Content-Type"] == "application/problem+json"
    assert ask("/api/v1/languages", REMOTE_ADDR="192.0.2.8").status_code == 200
    assert "192.0.2" not in str(protection._memory._cache.keys())


def news(since=0):
    said = read(f"/api/v1/changes?since={since}")
    told = [(one["what"], one["language"], one["key"], one["edition"], one["safety"]) for one in said["changes"]]
    return told, said["cursor"]


def test_changes_tell_every_publication_withdrawal_and_restoration_in_order():
    condition, by = both(), make.clinician()
    told, cursor = news()
    assert told == [
        ("published", "en", "torsion-dystonia", 1, False),
        ("published", "es", "torsion-dystonia", 1, False),
    ]
    assert news(cursor) == ([], cursor)
    read(f"/api/v1/changes?since={int(cursor) + 1000}", 409)
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>New words.</p>")
    make.published(make.fresh(condition), significance="safety", note="Old words may harm.")
    english = Page.objects.get(language="en")
    first = Edition.objects.get(language="en", number=1)
    actions.withdraw(english, by=by, reason="Wrong.")
    actions.restore(Page.objects.get(language="en"), first, by=by, reason="Right.")
    told, cursor = news(cursor)
    assert told == [
        ("published", "en", "torsion-dystonia", 2, True),
        ("withdrawn", "en", "torsion-dystonia", 2, False),
        ("restored", "en", "torsion-dystonia", 1, False),
    ]
    assert all(one["public_now"] for one in read("/api/v1/changes")["changes"])
    actions.withdraw(Page.objects.get(language="es"), by=by, reason="Wrong as well.")
    assert [one["public_now"] for one in read("/api/v1/changes")["changes"]] == [True, False, True, True, True, False]
    stretch = read("/api/v1/changes?limit=2")
    assert stretch["more"] and len(stretch["changes"]) == 2 and not read(f"/api/v1/changes?since={cursor}")["more"]


def test_a_language_that_is_offered_or_taken_back_is_a_change():
    both()
    lead = make.person("lead", "Translation leads")
    _told, cursor = news()
    try:
        for state, offered in (("desk", False), ("offered", True)):
            actions.decide_language("es", state, by=lead)
            (change,) = read(f"/api/v1/changes?since={cursor}")["changes"]
            assert (change["what"], change["language"], change["offered"]) == ("language", "es", offered)
            assert len(news(0)[0]) == (2 if offered else 1) + 1 + offered
            cursor = news(cursor)[1]
    finally:
        languages.ask_again()


def test_the_list_of_changes_is_signed_and_whoever_alters_it_is_found_out():
    both()
    answer = ask("/api/v1/changes")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(read("/api/v1/key")["public_key"]))
    signature = base64.b64decode(answer["Signature-Ed25519"])
    key.verify(signature, answer.content)
    with pytest.raises(InvalidSignature):
        key.verify(signature, answer.content.replace(b"published", b"withdrawn"))


def test_asking_again_costs_one_query_and_a_page_no_more_than_eight(
    django_assert_num_queries, django_assert_max_num_queries
):
    both()
    _told, cursor = news()
    with django_assert_num_queries(2):
        news(cursor)
    with django_assert_max_num_queries(8):
        read("/api/v1/pages/es/condition/torsion-dystonia")
    with django_assert_num_queries(1):
        read("/api/v1/pages/en")


@pytest.mark.django_db(transaction=True)
def test_a_cursor_misses_nothing_while_others_publish():
    """Twelve symptoms, published by three at once while a partner reads: each is told, and once."""
    made = [make.symptom(f"symptom-{number}") for number in range(12)]
    done, told, failed = threading.Event(), [], []

    def publish(some):
        try:
            for symptom in some:
                make.published(make.fresh(symptom))
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    def follow():
        cursor, last_round = 0, False
        try:
            while True:
                last_round = done.is_set()
                said = Client().get(f"/api/v1/changes?since={cursor}").json()
                told.extend(one["key"] for one in said["changes"])
                cursor = said["cursor"]
                if last_round:
                    return
        finally:
            connections.close_all()

    make.published(make.symptom("first"))  # whoever signs is made before the others begin
    publishers = [threading.Thread(target=publish, args=[made[n::3]]) for n in range(3)]
    partner = threading.Thread(target=follow)
    for thread in (*publishers, partner):
        thread.start()
    for thread in publishers:
        thread.join()
    done.set()
    partner.join()
    assert not failed and sorted(told) == ["first", *sorted(one.key for one in made)], connection.vendor


def test_the_description_names_every_address_and_is_openapi_3_1():
    described = read("/api/v1/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert {path.removeprefix("/api/v1/").partition("/")[0] for path in described["paths"]} == {
        "languages", "pages", "search", "glossary", "changes", "key",
    }  # fmt: skip
    page = described["paths"]["/api/v1/pages/{language}/{kind}/{key}"]["get"]["responses"]
    assert set(page) == {"200", "304", "404", "410", "422", "429"}
    assert set(page["410"]["content"]) == {"application/problem+json"}
    assert reverse("openapi") == "/api/v1/openapi.json"


def test_the_examples_of_the_documentation_do_what_they_say():
    both()
    said = (settings.BASE_DIR / "docs" / "api.md").read_text().partition("# Asked by code")[0]
    (example,) = re.findall(r"```python\n(.*?)```", said, re.S)
    actions.withdraw(Page.objects.get(language="es"), by=make.clinician(), reason="Wrong.")
    gone = []
    exec(example, {"get": Client().get, "take_down": lambda *named: gone.append(named)})
    assert set(gone) == {("es", "torsion-dystonia")}


def test_a_page_can_stand_in_a_frame_of_another_site_and_no_other_address_can():
    both()
    address = "/en/conditions/torsion-dystonia/"
    framed, page = ask(f"{address}embed/"), ask(address)
    assert "frame-ancestors *" in framed["Content-Security-Policy"] and "X-Frame-Options" not in framed
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"] and page["X-Frame-Options"] == "DENY"
    html = framed.content.decode()
    assert "<script" not in html and "Get emergency help now if:" in html and not framed.cookies
    assert f'href="{settings.PUBLIC_ADDRESS}{address}"' in html
    with_notice = make.symptom("tremor")
    make.demonstrated(with_notice)
    assert "No clinician has reviewed this page." in ask("/en/symptoms/tremor/embed/").content.decode()


def test_the_page_for_developers_leads_to_what_is_there():
    both()
    html = ask("/developers/").content.decode()
    assert '<html lang="en"' in html
    for address in set(re.findall(r'href="(/(?:api|developers|en)[^"#]*)"', html)):
        ask(address)


def test_a_change_of_the_original_names_the_translations_it_may_have_put_a_warning_on():
    condition, spanish = both(), "/api/v1/pages/es/condition/torsion-dystonia"
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>Harmless words.</p>")
    make.published(make.fresh(condition), significance="safety", note="Old words may harm.")
    told = read("/api/v1/changes")["changes"]
    assert [[one["language"] for one in change["also_affects"]] for change in told] == [["es"], [], ["es"]]
    assert told[-1]["also_affects"][0]["api"].endswith(spanish)
    said = read(spanish)
    assert "Harmless words." in said["notices"] and said["summary"] is None
    actions.withdraw(Page.objects.get(language="es"), by=make.clinician(), reason="Wrong.")
    assert read("/api/v1/changes")["changes"][-2]["also_affects"] == []


def test_an_earlier_edition_begins_with_the_words_that_it_is_one():
    condition = both()
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>New words.</p>")
    make.published(make.fresh(condition))
    first, current = f"{HERE}/editions/1", f"{HERE}/editions/2"
    assert "The page has changed since. Do not act on these words." in read(first)["notices"]
    assert "Do not act" not in read(current)["notices"]
    actions.withdraw(Page.objects.get(language="en"), by=make.clinician(), reason="Harmful dose.")
    for address in (first, current):
        assert "The page has been withdrawn since. Do not act on these words." in read(address)["notices"]
    assert ask(HERE, 410)["Cache-Control"] == "no-cache"


def test_parts_that_a_machine_translated_are_named():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.compared(condition, "es")
    make.compared(condition, "es", parts=["sections.overview", "summary"], how="machine")
    source = Page.objects.get().edition
    words = make.manuscript(condition, "es")
    by = make.signatory()
    actions.sign_off(words, by=by, capacity="language", source_edition=source)
    actions.publish(words, by=by, significance="follow")
    assert read("/api/v1/pages/es/condition/torsion-dystonia")["machine"] == ["summary", "sections.overview"]


@pytest.mark.parametrize("charset", ["base64", "unicode_escape", "no-such-thing", "utf-16", '"base64"'])
def test_a_charset_that_is_no_text_is_not_believed(charset):
    """Django reads the address in it before any middleware is asked; so the server's own door takes it away."""
    body = b'--x\r\nContent-Disposition: form-data; name="category"\r\n\r\n\\ud800\r\n--x--\r\n'
    for kind in ("text/plain", "multipart/form-data; boundary=x"):
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "q=torsion%20dystonia",
            "CONTENT_TYPE": f"{kind};CharSet={charset}", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
        }  # fmt: skip
        request = without_charset(lambda environ, _start: WSGIRequest(environ))(environ, None)
        assert request.GET["q"] == "torsion dystonia" and request.content_type in kind
    assert request.POST["category"] == "\\ud800"
