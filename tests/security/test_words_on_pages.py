"""Hostile words in every place that has any, on every page that shows them, in a browser without any policy."""

import json
import re
from urllib.parse import quote

import pytest
from django.test import Client
from lxml import etree

from conditions import editions, models
from portal.listening.models import Feedback, Unanswered
from portal.publishing import actions
from tests import make
from tests.security.corpus import payloads
from tests.security.every_address import a_busy_portal
from tests.security.test_rich_text import held

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = '"></title></script><script>ran()</script><img src=x onerror=ran()>'
PAGE = "/en/conditions/torsion-dystonia/"
FOR_READERS = [
    PAGE, f"{PAGE}embed/", f"{PAGE}editions/", f"{PAGE}editions/2/", f"{PAGE}with/es/", f"{PAGE}feedback/", "/es/conditions/torsion-dystonia/",
    "/en/", "/en/conditions/", "/en/browse/brain-nerves/", f"/en/search/?q={quote(WORDS)}", "/en/search/?q=script", f"/en/conditions/{quote(WORDS, safe='')}/",
    f"/en/nothing/?x={quote(WORDS)}", "/en/treatments/old-remedy/",
]  # fmt: skip
FOR_PROGRAMS = [
    "/en/changes.atom", "/en/safety.atom", "/sitemap-en-1.xml", "/en/search/suggest?q=script", "/api/v1/pages/en", "/api/v1/search/en?q=script", f"/api/v1/{quote(WORDS)}",
    "/api/v1/pages/en/condition/torsion-dystonia", "/fhir/r4/Composition", f"/fhir/r4/{quote(WORDS)}", f"/infobutton?mainSearchCriteria.v.c={quote(WORDS)}",
    "/infobutton?mainSearchCriteria.v.cs=2.16.840.1.113883.6.3&mainSearchCriteria.v.c=G24.1&knowledgeResponseType=application/json",
]  # fmt: skip


@pytest.fixture
def hostile():
    """Written past every form, as a mistaken program or a hand in the database could."""
    root, named = a_busy_portal()
    rich = "".join(payloads())
    condition = models.Condition.objects.get()
    models.Source.objects.update(title=WORDS, publisher=WORDS, address="javascript:ran()")
    models.Condition.objects.update(
        name_en=WORDS,
        summary_en=WORDS,
        name_es=WORDS,
        overview_en=rich.replace("\x00", ""),
        overview_es=rich.replace("\x00", ""),
    )
    models.HelpCard.objects.create(
        topic=condition,
        key="soon",
        urgency="urgent",
        when_to_act_en=rich.replace("\x00", ""),
        what_to_do_en=rich.replace("\x00", ""),
    )
    models.Symptom.objects.update(name_en=WORDS, summary_en=WORDS)
    type(root).objects.filter(pk=root.pk).update(first_name=WORDS, last_name=WORDS)
    root.refresh_from_db()
    Feedback.objects.update(words=WORDS)
    Unanswered.objects.update(words=WORDS)
    editions.refresh(make.fresh(condition), by=root)
    words = make.manuscript(make.fresh(condition))
    actions.remark(words, "comment", by=root, text=WORDS, part="summary")
    make.published(make.fresh(condition), significance="safety", note=WORDS)
    make.published(make.fresh(models.Symptom.objects.get()), significance="safety", note=WORDS)
    actions.remark(make.manuscript(make.fresh(condition)), "comment", by=root, text=WORDS, part="summary")
    return root, condition


def test_on_no_page_do_they_run(hostile, browser, live_server):
    root, condition = hostile
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    context.route(lambda url: not url.startswith(live_server.url), lambda route: route.abort())
    page = context.new_page()
    page.add_init_script("window.ran = window.alert = () => { window.hit = true }")
    page.goto("/admin/login/")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", "a-long-password")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    desk = [f"/admin/conditions/condition/{condition.pk}/{view}/" for view in
            ("change", "history", "delete", "gate/en", "words/en", "compare/en", "history/en", "preview/en", "translate/es", "gate/es")]  # fmt: skip
    desk += ["/admin/", "/admin/together/", "/admin/conditions/condition/", f"/admin/conditions/condition/?q={quote(WORDS)}", "/admin/listening/feedback/",
             "/admin/listening/unanswered/", "/admin/conditions/source/", "/admin/publishing/auditentry/", "/admin/languages/es/", f"/admin/nothing/{quote(WORDS, safe='')}/"]  # fmt: skip
    ran, shown = [], 0
    for address in [*FOR_READERS, *desk]:
        page.goto(address)
        shown += WORDS in page.content() or "ran()" in page.locator("body").inner_text()
        scripts = page.locator("script:not([src]):not([type*=json])").count()
        links = page.evaluate(
            "[...document.querySelectorAll('a[href], form[action]')].map(one => one.protocol ?? one.action).filter(one => /^(java|data|vb)/i.test(one))"
        )
        if page.evaluate("window.hit") or scripts or links:
            ran.append((address, scripts, links))
    assert ran == []
    assert shown > 15  # the words were there to be read
    context.close()


def test_what_programs_are_given_is_text_or_clean(hostile):
    for address in FOR_PROGRAMS:
        answer = Client().get(address)
        kind, said = answer.headers["Content-Type"], answer.content.decode()
        assert answer.status_code < 500 and answer.headers["X-Content-Type-Options"] == "nosniff", address
        if "json" in kind:
            json.loads(said)
        elif "xml" in kind:
            for element in etree.fromstring(said.encode()).iter():
                if element.get("type") == "html":
                    assert [
                        one for one in held(element.text or "") if re.search("script|on[a-z]+=|img|svg|java", one)
                    ] == [], address
                assert not str(element.tag).endswith("}script"), address
        else:
            assert "text/html" in kind and "<script>ran" not in said and "<img src=x" not in said, address
    structured = re.search(
        r'<script type="application/ld\+json">(.*?)</script>', Client().get(PAGE).content.decode(), re.S
    )[1]
    assert "<" not in structured and WORDS in json.dumps(json.loads(structured), ensure_ascii=False).replace('\\"', '"')
