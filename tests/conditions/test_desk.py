"""The desk as its people meet it: side doors, states, lists, the first page, the clock."""

import datetime as dt
import json
import re

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import formats, timezone

from conditions import clock, editions
from portal import languages
from portal.publishing import actions, desk, reading, rights, sharing
from portal.publishing.actions import Publishing
from portal.publishing.models import Edition, Entry, Page, Plan, Remark, SignOff
from tests import make
from tests.desk import address, form_of, opened, signed_in

pytestmark = pytest.mark.django_db


def edited(topic, by, **columns):
    for name, value in columns.items():
        setattr(topic, name, value)
    topic.save()
    editions.refresh(make.fresh(topic), by=by)
    return make.manuscript(topic)


def side_doors(symptom):
    """Every address of the desk that shows words nobody has published."""
    views = ("gate", "words", "compare", "history", "preview")
    return [reverse(f"admin:conditions_symptom_{view}", args=[symptom.pk, "en"]) for view in views] + [
        reverse("admin:conditions_symptom_recall", args=[symptom.pk, "en", 1])
    ]


# Side doors


def test_every_side_door_asks_the_same_function(monkeypatch):
    symptom = make.symptom()
    make.published(symptom)
    client = signed_in(make.clinician())
    assert [client.get(door).status_code for door in side_doors(symptom)] == [200] * 6
    monkeypatch.setattr(rights, "may_read_unpublished", lambda user: False)
    assert [client.get(door).status_code for door in side_doors(symptom)] == [403] * 6
    export = {"action": "export_words", "_selected_action": symptom.pk}
    assert client.post("/admin/conditions/symptom/", export).status_code == 403


def test_staff_without_the_right_meet_a_plain_refusal():
    symptom = make.symptom()
    make.published(symptom)
    edited(symptom, None, summary_en="Secret words.")
    somebody = make.person("somebody", languages=("en",))
    client = signed_in(somebody)
    for door in side_doors(symptom):
        answer = client.get(door)
        assert answer.status_code == 403 and "Secret words." not in answer.content.decode()
    assert Client().get(side_doors(symptom)[0]).status_code == 302


@pytest.mark.parametrize(
    "do", ["ask", "changes", "sign", "publish", "cancel", "withdraw", "withdraw-everywhere", "restore", "comment", "??"]
)
def test_a_forged_button_changes_nothing(do):
    """A translator of Spanish posts every button at the English page."""
    symptom = make.symptom()
    make.published(symptom)
    words = edited(symptom, make.clinician(), summary_en="Other words.")
    translator = make.translator()
    plan = Plan.objects.count()
    before = (Edition.objects.count(), SignOff.objects.count(), Page.objects.get().withdrawn_at)
    said = {
        "do": do,
        "digest": words.digest,
        "significance": "wording",
        "reason": "x",
        "reason-en": "x",
        "edition": "1",
    }
    answer = signed_in(translator).post(side_doors(symptom)[0], said)
    # Asking and commenting are for everybody who may read the words.
    assert answer.status_code == {"ask": 302, "comment": 409, "??": 409}.get(do, 403)
    assert (Edition.objects.count(), SignOff.objects.count(), Page.objects.get().withdrawn_at) == before
    assert Plan.objects.count() == plan


# What the desk says is what the readers' side does


def test_out_of_date_by_sql_is_out_of_date_by_reading():
    """Every way a translation can be behind, or not: two answers, one rule."""
    topics = [make.symptom(f"s{letter}", in_languages=("en", "es")) for letter in "abcdefg"]
    for topic in topics:
        make.published(topic, note="first")
        make.published(topic, "es")

    def again(topic, significance, text):
        edited(topic, None, summary_en=text)
        return make.published(topic, significance=significance)

    again(topics[1], "wording", "Wording.")
    again(topics[2], "follow", "Follow.")
    again(topics[3], "safety", "Safety.")
    again(topics[4], "follow", "Follow.")
    make.published(topics[4], "es")  # compared again, with the same Spanish words
    first = Edition.objects.get(key="sf", language="en")
    again(topics[5], "follow", "Follow.")
    make.published(topics[5], "es")
    page = Page.objects.get(key="sf", language="en")
    actions.restore(page, first, by=make.clinician("restorer"), reason="Better.")
    again(topics[6], "safety", "Safety.")
    again(topics[6], "wording", "Safety, well said.")
    by_sql = {page.key: bool(page.safety) for page in desk.out_of_date(["es", "fr"])}
    by_reading = {}
    for page in Page.objects.filter(language="es").select_related("edition__translated_from"):
        published = reading.published(page)
        if published.out_of_date:
            by_reading[page.key] = published.safety
    assert by_sql == by_reading == {"sc": False, "sd": True, "sg": True}
    assert desk.count_out_of_date(["es"]) == {"es": (3, 2)}


def test_reviews_due_by_sql_are_due_by_reading():
    long_ago = timezone.now() - dt.timedelta(days=3 * 365)
    topics = [make.symptom(f"s{number}") for number in range(3)]
    for topic in topics[:2]:
        make.published(topic, now=long_ago)
    make.published(topics[2])
    words = make.manuscript(topics[1])
    actions.sign_off(words, by=make.clinician("again"), capacity="clinical")  # the same words, reviewed today
    today = timezone.localdate()
    due = {page.key for page in desk.reviews_due(today)}
    assert due == {
        page.key
        for page in Page.objects.select_related("edition__translated_from")
        if reading.published(page).review_due_on < today
    }
    assert due == {"s0"}


def test_a_review_is_overdue_for_readers_only_after_the_grace_time(client, settings):
    settings.REVIEW_GRACE_DAYS = 30
    symptom = make.symptom()
    due = timezone.now() - dt.timedelta(days=settings.REVIEW_INTERVAL_DAYS)
    make.published(symptom, now=due - dt.timedelta(days=20))
    address = "/en/symptoms/tremor/"
    assert "has not been reviewed since" not in client.get(address).content.decode()
    settings.REVIEW_GRACE_DAYS = 10
    assert "has not been reviewed since" in client.get(address).content.decode()


def test_a_page_says_when_its_author_signed_it(client, settings):
    settings.FOUR_EYES = False
    anna = make.clinician()
    symptom = make.symptom()
    words = edited(symptom, anna, summary_en="My words.")
    actions.sign_off(words, by=anna, capacity="clinical")
    actions.publish(words, by=anna)
    assert "The same person wrote and signed these words." in client.get("/en/symptoms/tremor/").content.decode()


# Entries follow the working copy


def test_a_save_at_the_desk_is_remembered_with_its_author():
    anna = make.clinician()
    symptom = make.symptom()
    make.published(symptom)
    client = signed_in(anna)
    answer = client.post(address(symptom), opened(client, symptom) | {"summary_en": "New."})
    assert answer.status_code == 302
    change = desk.history("symptom", "tremor", "en").first()
    assert (change.by, change.content["summary"]) == (anna, "New.")
    assert actions.last_changed_by(make.manuscript(symptom)) == anna.pk


def test_a_symptom_that_comes_out_completes_the_conditions_that_name_it():
    symptom = make.symptom()
    condition = make.condition()
    condition.symptom_rows.create(symptom=symptom)
    editions.refresh(make.fresh(condition))
    entry = desk.entries().get(kind="condition", language="en")
    assert entry.state == desk.State.INCOMPLETE
    words = make.manuscript(symptom)
    actions.remember(words)
    signatory, publisher = make.clinician("signatory"), make.clinician("publisher")
    actions.sign_off(words, by=signatory, capacity="clinical")
    answer = signed_in(publisher).post(
        side_doors(symptom)[0], {"do": "publish", "digest": words.digest, "significance": "follow"}
    )
    assert answer.status_code == 302
    assert desk.entries().get(kind="condition", language="en").state == desk.State.NEW


def test_the_clock_publishes_and_looks_again():
    clinician = make.clinician()
    symptom = make.symptom(in_languages=("en", "es"))
    words = make.manuscript(symptom)
    actions.sign_off(words, by=clinician, capacity="clinical")
    soon = timezone.now() + dt.timedelta(minutes=1)
    actions.plan_publishing([Publishing(words)], by=clinician, at=soon)
    assert clock.tick() == 0
    assert clock.tick(soon) == 1
    assert Page.objects.get().edition.digest == words.digest
    # The Spanish words can be compared only now that there is a source edition.
    before = Entry.objects.get(language="es").change.problems
    assert "source" not in before and "sections.overview" in before


# Lists and several at once


def test_lists_filter_by_state_language_owner_and_due_date():
    clinician = make.clinician()
    public, changed, new = (make.symptom(key, in_languages=("en", "es")) for key in ("public", "changed", "new"))
    for topic in (public, changed):
        make.published(topic)
    make.published(public, "es")
    edited(changed, clinician, summary_en="Other words.")
    editions.refresh(make.fresh(new), by=clinician)
    late = timezone.localdate() - dt.timedelta(days=2)
    actions.assign([Entry.objects.get(key="new", language="en")], by=clinician, owner=clinician, due_on=late)
    client = signed_in(clinician)

    def listed(query):
        answer = client.get(f"/admin/conditions/symptom/?{query}")
        assert answer.status_code == 200
        return sorted(obj.key for obj in answer.context["cl"].result_list)

    assert listed("") == ["changed", "new", "public"]
    assert listed("state=public") == ["public"]
    assert listed("state=changed") == ["changed"]
    assert listed("state=new") == ["new"]
    assert listed("in=es&state=public") == ["public"]
    assert listed("in=es&state=out-of-date") == []
    assert listed("owner=me") == listed("due=late") == ["new"]
    assert listed("owner=nobody") == ["changed", "public"]
    assert listed("due=review-late") == []
    for odd in ("state=%00", "owner=99999999999999999999999", "owner=x", "in=xx", "due=never", "state='"):
        assert client.get(f"/admin/conditions/symptom/?{odd}").status_code in {200, 302}


def test_a_list_says_when_signed_words_will_be_published(django_assert_num_queries):
    reviewer = make.clinician()
    client = signed_in(reviewer)

    def planned(key, days):
        words = make.manuscript(make.symptom(key))
        actions.sign_off(words, by=make.signatory(), capacity="clinical")
        at = timezone.now() + dt.timedelta(days=days)
        return actions.plan_publishing([Publishing(words)], by=reviewer, at=at)[0] if days else None

    def listed():
        answer = client.get("/admin/conditions/symptom/").content.decode()
        return re.findall(r'<span class="desk-state desk-state-signed">([^<]*)', answer)

    planned("a", 0)
    plan = planned("b", 3)
    day = formats.localize(timezone.localtime(plan.at).date())
    assert listed() == ["signed off, to be published", f"Planned: {day}"]
    with CaptureQueriesContext(connection) as before:
        listed()
    planned("c", 5)
    with django_assert_num_queries(len(before)):
        assert len(listed()) == 3
    actions.cancel(plan, by=reviewer)
    assert listed()[1] == "signed off, to be published"


def several(client, action, topics, language="en", **said):
    address = f"/admin/conditions/symptom/?in={language}" if language != "en" else "/admin/conditions/symptom/"
    chosen = {"action": action, "_selected_action": [topic.pk for topic in topics]}
    page = client.post(address, chosen)
    digests = re.findall(
        r'name="of" value="(\d+)"><input type="hidden" name="digest" value="(\w+)"', page.content.decode()
    )
    return client.post(
        address,
        {**chosen, "apply": action, "of": [pk for pk, _d in digests], "digest": [d for _pk, d in digests], **said},
    )


def test_several_are_asked_about_and_assigned():
    author, reviewer, publisher = make.person("author", "Authors"), make.clinician("reviewer"), make.clinician()
    topics = [make.symptom("tremor"), make.symptom("pain")]
    for topic in topics:
        editions.refresh(make.fresh(topic), by=author)
    assert several(signed_in(author), "ask_for_review", topics, to=reviewer.pk, text="Both, please.").status_code == 302
    assert desk.waiting_for(reviewer, ["en"]).count() == 2
    due = {"owner": reviewer.pk, "due_on": "2030-01-31"}
    assert several(signed_in(author), "assign_work", topics, **due).status_code == 403
    assert several(signed_in(publisher), "assign_work", topics, **due).status_code == 302
    assert desk.owned_by(reviewer).count() == 2


def together(client, entries, **said):
    """Post the page with what it holds."""
    page = client.get("/admin/together/").content.decode()
    words = re.findall(r'name="words" value="(\d+:\w+)"', page)
    return client.post("/admin/together/", {"entry": [entry.pk for entry in entries], "words": words, **said})


def test_objects_of_any_kind_and_language_are_published_together_or_not_at_all():
    reviewer, publisher = make.clinician("reviewer"), make.clinician()
    symptom, treatment, unsigned = make.symptom(), make.treatment(), make.symptom("pain")
    for topic in (symptom, treatment):
        actions.sign_off(make.manuscript(topic), by=reviewer, capacity="clinical")
    editions.refresh(make.fresh(unsigned))
    entries = list(Entry.objects.order_by("pk"))
    assert signed_in(make.person("author", "Authors")).post("/admin/together/", {}).status_code == 403
    client = signed_in(publisher)
    assert "pain" not in client.get("/admin/together/").content.decode()
    assert together(client, [], significance="follow").status_code == 409
    assert together(client, entries).status_code == 409  # it was not said what the change means
    stale = client.post("/admin/together/", {"entry": [entries[0].pk], "words": [], "significance": "follow"})
    assert stale.status_code == 409 and "changed meanwhile" in stale.content.decode()
    assert not Edition.objects.exists()
    assert together(client, entries, significance="follow").status_code == 302
    assert sorted(Page.objects.values_list("key", flat=True)) == ["levodopa", "tremor"]


def test_words_are_exported_with_their_problems():
    symptom = make.symptom(summary_en="")
    answer = signed_in(make.clinician()).post(
        "/admin/conditions/symptom/", {"action": "export_words", "_selected_action": [symptom.pk]}
    )
    (said,) = json.loads(answer.content)
    assert (said["key"], said["language"], said["problems"]) == ("tremor", "en", ["“In short” is empty in English."])


# The first page


def test_the_first_page_says_what_needs_whom():
    author, reviewer = make.person("author", "Authors"), make.clinician("reviewer")
    translator = make.translator()
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.published(symptom, "es")
    words = edited(symptom, author, summary_en="Take 5 mg.")
    actions.remark(words, "asked", by=author, text="The dose.")

    def boxes(user):
        today = signed_in(user).get("/admin/").context["today"]
        return {box.heading: (box.count, [row.title for row in box.rows]) for box in today.boxes}

    assert boxes(reviewer)["Waiting for your review"] == (1, ["Tremor"])
    assert "Waiting for your review" not in boxes(author)
    actions.remark(words, "changes", by=reviewer, text="Per day?")
    assert boxes(author)["Changes asked for"] == (1, ["Tremor"])
    words = edited(symptom, author, summary_en="Take 5 mg a day.")
    actions.sign_off(words, by=reviewer, capacity="clinical")
    assert boxes(reviewer)["Signed off, to be published"] == (1, ["Tremor"])
    actions.publish(words, by=reviewer, significance="safety")
    (spanish,) = signed_in(translator).get("/admin/").context["today"].translations
    assert (spanish["language"].code, spanish["out_of_date"], spanish["safety"], spanish["missing"]) == ("es", 1, 1, 0)


def test_a_translation_that_waits_for_review_is_counted_once():
    translator = make.translator()
    for key in ("tremor", "cough"):
        symptom = make.symptom(key, in_languages=("en", "es"))
        make.published(symptom)
        make.published(symptom, "es")
        edited(symptom, None, summary_en="Take 5 mg.")
        make.published(symptom, significance="safety")
    edited(symptom, translator, summary_es="Tome 5 mg.")
    make.compared(symptom, "es", by=translator)
    actions.remark(make.manuscript(symptom, "es"), "asked", by=translator)
    (spanish,) = signed_in(translator).get("/admin/").context["today"].translations
    assert (spanish["out_of_date"], spanish["safety"], spanish["waiting"]) == (1, 1, 1)
    assert desk.count_out_of_date(["es"]) == {"es": (2, 2)}  # readers have the earlier words of both


def test_the_first_page_is_empty_with_words():
    answer = signed_in(make.clinician()).get("/admin/").content.decode()
    for words in ("Nobody is waiting for your review.", "Nothing is planned.", "Nothing needs you today."):
        assert words in answer
    assert "Ask an administrator for a role" in signed_in(make.person("new")).get("/admin/").content.decode()


def test_the_first_page_costs_the_same_for_one_and_for_many(django_assert_num_queries):
    reviewer, author = make.clinician(), make.person("author", "Authors")
    client = signed_in(reviewer)

    def more(number):
        symptom = make.symptom(f"s{number}")
        make.published(symptom, now=timezone.now() - dt.timedelta(days=3 * 365))
        words = edited(symptom, author, summary_en="Other words.")
        actions.remark(words, "asked", by=author)

    more(0)
    with django_assert_num_queries(15):
        client.get("/admin/")
    for number in range(1, 12):
        more(number)
    with django_assert_num_queries(15 + 2):  # a list that is cut short is counted: two of them here
        answer = client.get("/admin/")
    box = next(box for box in answer.context["today"].boxes if box.heading == "Waiting for your review")
    assert (box.count, len(box.rows), box.hidden) == (12, 8, 4)


# Shared previews


def share(client, symptom, language="en", days=7):
    address = reverse("admin:conditions_symptom_gate", args=[symptom.pk, language])
    return client.post(address, {"do": "share", "days": days}).context["address"].removeprefix(settings.PUBLIC_ADDRESS)


def test_a_shared_preview_needs_no_account_and_shows_exactly_the_shared_words():
    anna = make.clinician()
    symptom = make.symptom(in_languages=("en", "ar"))
    make.published(symptom)
    edited(symptom, anna, summary_en="Shared words.")
    address = share(signed_in(anna), symptom)
    edited(symptom, anna, summary_en="Later words.")
    reader = Client()
    answer = reader.get(address)
    said = answer.content.decode()
    assert answer.status_code == 200 and "Shared words." in said and "Later words." not in said
    assert "Preview: these words are not published." in said
    assert "noindex" in answer.headers["X-Robots-Tag"] and "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies and "script-src 'self';" in f"{answer.headers['Content-Security-Policy']};"
    arabic = reader.get(address.replace("/en/", "/ar/"))
    assert arabic.status_code == 200 and 'lang="ar" dir="rtl"' in arabic.content.decode()
    assert reader.get(address.replace("/en/", "/fr/")).status_code == 404


def test_a_shared_preview_ends_and_cannot_be_forged(monkeypatch):
    anna = make.clinician()
    symptom = make.symptom()
    address = share(signed_in(anna), symptom, days=1)
    reader = Client()
    assert reader.get(address).status_code == 200
    forged = address.replace("/preview/", "/preview/x")
    assert reader.get(forged).status_code == 404
    later = timezone.now() + dt.timedelta(days=2)
    monkeypatch.setattr(sharing.timezone, "now", lambda: later)
    answer = reader.get(address)
    assert answer.status_code == 404 and "This preview is over" in answer.content.decode()


def test_a_public_answer_of_a_shared_preview_reads_no_working_copy(django_assert_num_queries):
    symptom = make.symptom()
    address = share(signed_in(make.clinician()), symptom)
    with django_assert_num_queries(2) as asked:
        Client().get(address)
    assert not [query["sql"] for query in asked.captured_queries if '"conditions_' in query["sql"]]


def test_a_comment_stands_beside_its_part_and_lapses_with_the_words():
    anna = make.clinician()
    symptom = make.symptom()
    words = edited(symptom, anna, summary_en="Some words.")
    client = signed_in(anna)
    door = reverse("admin:conditions_symptom_words", args=[symptom.pk, "en"])
    said = {"digest": words.digest, "part": "sections.overview", "text": "Is that so?"}
    assert client.post(door, said)["Location"].endswith("#part-sections.overview")
    assert Remark.objects.get().part == "sections.overview"
    assert client.post(door, {**said, "part": "sections.invented"}).status_code == 409
    refused = client.post(door, {**said, "digest": "0" * 64, "text": "Kept in the form"})
    assert refused.status_code == 409 and "Kept in the form" in refused.content.decode()
    edited(symptom, anna, summary_en="Other words.")
    assert "Said about earlier words" in client.get(door).content.decode()


def test_a_translation_is_read_beside_the_source_edition_that_its_signature_names():
    symptom = make.symptom(in_languages=("en", "ar"), summary_en="It shakes.", summary_ar="إنه يرتجف.")
    make.published(symptom)
    make.compared(symptom, "ar")
    edited(symptom, None, summary_en="Not published yet.", causes_ar="")
    client = signed_in(make.person("rana", "Language reviewers", languages=("ar",)))
    gate, words = (reverse(f"admin:conditions_symptom_{view}", args=[symptom.pk, "ar"]) for view in ("gate", "words"))
    page = client.get(words).content.decode()
    pairs = re.search(r'id="part-summary".*?</section>', page, re.DOTALL)[0]
    english, arabic = ('<div lang="en" dir="ltr">It shakes.', '<div lang="ar" dir="rtl">إنه يرتجف.')
    assert english in pairs and arabic in pairs and pairs.index(english) < pairs.index(arabic)
    assert "source edition 1" in page and "Not published yet." not in page
    empty = re.search(r'id="part-sections.causes".*?</section>', page, re.DOTALL)[0]
    assert "causes of tremor" in empty and ">empty<" in empty and "<textarea" not in empty
    edited(symptom, None, causes_ar="<p>سبب</p>")
    assert f'href="{words}">Read the source edition' in client.get(gate).content.decode()
    assert ">Pictures<" not in page  # there is nothing to read
    # The source's own words stand alone.
    assert (
        "desk-pair"
        not in client.get(reverse("admin:conditions_symptom_words", args=[symptom.pk, "en"])).content.decode()
    )


def test_codes_are_read_by_their_names():
    other = make.condition("cervical-dystonia")
    make.published(other)
    condition = make.condition(in_languages=("en", "es"))
    condition.help_cards.update(urgency="routine")
    condition.citations.update(sections=["overview", "causes", "summary"])
    condition.see_also.add(other)
    client = signed_in(make.clinician())
    page = client.get(reverse("admin:conditions_condition_words", args=[condition.pk, "en"])).content.decode()
    for code in ("routine", "condition.cervical-dystonia", "overview, causes, summary"):
        assert f">{code}<" not in page
    for name in ("Not urgent", "Cervical dystonia", "Overview, Causes, In short"):
        assert f"<div>{name}<" in page


def test_the_gate_compares_any_two_editions_and_the_working_copy():
    symptom = make.symptom()
    make.published(symptom)
    edited(symptom, None, summary_en="Take 10 mg.")
    make.published(symptom)
    edited(symptom, None, summary_en="Take 5 mg.")
    client = signed_in(make.clinician())
    door = reverse("admin:conditions_symptom_compare", args=[symptom.pk, "en"])

    def runs(query):
        compared = client.get(f"{door}?{query}").context["compared"]
        return [(run.how, run.text) for _label, runs in compared or [] for run in runs]

    assert runs("") == [("=", "Take "), ("-", "10 mg"), ("+", "5 mg"), ("=", ".")]
    assert runs("before=2&after=words") == runs("")
    assert ("+", "10 mg") in [
        (how, text.replace("Take ", "").replace(".", "")) for how, text in runs("before=1&after=2")
    ]
    assert runs("before=2&after=2") == []
    assert client.get(f"{door}?before=99&after=words").status_code == 200


def test_words_from_before_a_safety_change_come_back_only_with_a_tick():
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.published(symptom, "es")
    edited(symptom, None, summary_en="Never take it.")
    make.published(symptom, significance="safety")
    edited(symptom, None, summary_en="Never take it, please.")
    make.published(symptom, significance="wording")
    edited(symptom, None, summary_es="Con cuidado.")
    make.published(symptom, "es", significance="wording")
    client = signed_in(make.clinician(languages=("en", "es")))
    english, spanish = (
        reverse("admin:conditions_symptom_gate", args=[symptom.pk, language]) for language in ("en", "es")
    )
    said = client.get(english).content.decode()
    assert said.count("From before a safety change: words were replaced on") == said.count(">safety change<") == 1
    # The Spanish change was called "wording only", but what it was translated from may harm.
    for gate, language, newest in ((english, "en", 3), (spanish, "es", 2)):
        assert "From before a safety change: words were replaced on" in client.get(gate).content.decode()
        ask = {"do": "restore", "edition": "1", "reason": "It was right."}
        answer = client.post(gate, ask)
        refused = answer.content.decode()
        assert answer.status_code == 409 and Page.objects.get(language=language).edition.number == newest
        assert 'href="#do-restore"' in refused and 'id="do-restore"' in refused  # the error leads to its form
        assert 'value="1" checked' in refused and "tick that you understand this" in refused
        assert client.post(gate, {**ask, "understood": "1"}).status_code == 302
        assert Page.objects.get(language=language).edition.number == 1
    # Back to what was published since: nothing to understand.
    assert client.post(english, {**ask, "edition": "2"}).status_code == 302


def test_a_translation_that_was_compared_after_the_safety_change_comes_back_without_a_tick():
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.published(symptom, "es")
    edited(symptom, None, summary_en="Never take it.")
    make.published(symptom, significance="safety")
    make.published(symptom, "es")  # the same words, signed beside the new source
    edited(symptom, None, summary_es="Con cuidado.")
    make.published(symptom, "es", significance="wording")
    gate = reverse("admin:conditions_symptom_gate", args=[symptom.pk, "es"])
    client = signed_in(make.clinician(languages=("en", "es")))
    assert "From before a safety change" not in client.get(gate).content.decode()
    assert client.post(gate, {"do": "restore", "edition": "1", "reason": "It was right."}).status_code == 302


def test_a_missing_language_has_no_entry_and_is_counted_as_missing():
    make.published(make.symptom())
    assert desk.missing(["es", "fr"]) == {"es": 1, "fr": 1}
    assert [entry.language for entry in Entry.objects.all()] == [languages.SOURCE]


def test_a_publish_and_an_expiry_are_planned_and_called_off_on_the_page():
    reviewer, publisher = make.clinician("reviewer"), make.clinician()
    symptom = make.symptom()
    make.published(symptom)
    words = edited(symptom, None, summary_en="Planned words.")
    actions.sign_off(words, by=reviewer, capacity="clinical")
    client, door = signed_in(publisher), side_doors(symptom)[0]
    publish = {"do": "publish", "digest": words.digest, "significance": "follow"}
    refused = client.post(door, {**publish, "at": "2001-01-01T10:00", "change_note": "Kept in the form"})
    assert refused.status_code == 409 and "That moment has passed." in refused.content.decode()
    assert "Kept in the form" in refused.content.decode()
    assert client.post(door, {**publish, "at": "nonsense"}).status_code == 409
    later = (timezone.localtime() + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    assert client.post(door, {**publish, "at": later, "review_due_on": "2027-05-01"}).status_code == 302
    assert client.post(door, {"do": "withdraw", "reason": "The campaign ends.", "at": later}).status_code == 302
    page = client.get(door).content.decode()
    assert "To be published on" in page and "To be withdrawn on" in page
    assert [box.count for box in client.get("/admin/").context["today"].boxes if box.heading == "Planned"] == [2]
    assert Page.objects.get().edition.number == 1
    plan = Plan.objects.get(what="publish")
    assert client.post(door, {"do": "cancel", "plan": plan.pk}).status_code == 302
    assert client.post(door, {"do": "cancel", "plan": plan.pk}).status_code == 409
    assert Plan.objects.filter(ended_at=None).count() == 1


def test_nothing_is_said_to_follow_a_translation():
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.compared(symptom, "es")
    words = make.manuscript(symptom, "es")
    source = editions.current_source_edition(symptom)
    actions.sign_off(words, by=make.signatory(), capacity="language", source_edition=source)
    client = signed_in(make.clinician(languages=("en", "es")))
    gate = reverse("admin:conditions_symptom_gate", args=[symptom.pk, "es"])
    page = client.get(gate).content.decode()
    assert "More than wording" in page and "ranslations should follow" not in page
    said = {"do": "publish", "digest": words.digest}
    unsaid = client.post(gate, said).content.decode()
    assert "wording only, more than wording, or safety" in unsaid and "ranslations should follow" not in unsaid
    assert client.post(gate, {**said, "significance": "follow"}).status_code == 302
    assert Edition.objects.get(language="es").significance == "follow"


def test_two_clicks_withdraw_a_page_in_every_language():
    clinician = make.clinician()
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.published(symptom, "es")
    client, door = signed_in(clinician), side_doors(symptom)[0]
    assert "Withdraw it in every language" in client.get(door).content.decode()
    said = {"do": "withdraw-everywhere", "reason-en": "The dose was wrong.", "reason-es": "La dosis era errónea."}
    assert client.post(door, said).status_code == 302
    for language, reason in (("en", "The dose was wrong."), ("es", "La dosis era errónea.")):
        answer = Client().get(f"/{language}/symptoms/{Page.objects.get(language=language).slug}/")
        assert answer.status_code == 410 and reason in answer.content.decode()


def test_objects_the_desk_never_heard_of_are_looked_at_once(capsys):
    """After an upgrade, an import or a loader: lists must not call a public page "never published"."""
    make.published(make.symptom())
    make.condition()
    Entry.objects.all().delete()
    call_command("refresh_desk")
    assert "2 objects looked at" in capsys.readouterr().out
    assert desk.entries().get(kind="symptom", language="en").state == desk.State.PUBLIC
    call_command("refresh_desk")
    assert "0 objects looked at" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["condition", "symptom", "treatment", "term"])
def test_mistakes_are_named_at_the_top_each_with_a_link_to_its_field(kind):
    client = signed_in(make.clinician("anna"))
    add = f"/admin/conditions/{kind}/add/"
    sent = form_of(client.get(add))
    if kind != "term":
        sent |= {"citations-TOTAL_FORMS": "1", "citations-0-needs_check": "on"}
    said = client.post(add, sent).content.decode()
    top, below = said.split("Nothing was saved yet.")[1].split("</section>", 1)
    assert '<a href="#id_key">' in top and "Key: This field is required." in top
    if kind != "term":
        assert '<a href="#id_citations-0-source">' in top
    for place in re.findall(r'href="#([^"]+)"', top):
        assert f'id="{place}"' in below
    assert "Nothing was saved yet." not in client.get(add).content.decode()


def test_a_name_that_is_too_long_is_refused_in_words_and_not_cut():
    client = signed_in(make.clinician("anna"))
    add = "/admin/conditions/symptom/add/"
    opened_form = client.get(add).content.decode()
    assert "maxlength" not in re.search(r'<input[^>]*id="id_name_en"[^>]*>', opened_form)[0]
    long = "word " * 60
    said = client.post(add, {**form_of(client.get(add)), "key": "long", "name_en": long}).content.decode()
    assert "at most 200 characters (it has 299)" in said and long.strip() in said
