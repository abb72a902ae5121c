"""How many questions each view asks the database: literal numbers, the same for one page and for three."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import make
from tests.desk import signed_in

pytestmark = pytest.mark.django_db

READERS = {
    "/en/": 3,
    "/en/conditions/": 1,
    "/en/symptoms/": 1,
    "/es/symptoms/": 2,
    "/en/browse/": 1,
    "/en/browse/neurology/": 1,
    "/en/about/": 1,
    "/en/kept/": 0,
    "/en/search/?q=tremor": 6,
    "/en/search/suggest?q=tre": 4,
    "/en/changes.atom": 2,
    "/en/safety.atom": 2,
    "/es/safety.atom": 2,
    "/en/symptoms/tremor/": 4,
    "/es/symptoms/tremor-es/": 4,
    "/fr/symptoms/tremor/": 3,
    "/en/symptoms/tremor/embed/": 3,
    "/en/symptoms/tremor/editions/": 2,
    "/en/symptoms/tremor/editions/1/": 4,
    "/en/symptoms/tremor/editions/on/{today}/": 4,
    "/en/symptoms/tremor/with/es/": 6,
    "/en/symptoms/tremor/feedback/": 3,
    "/p/en/tremor/": 1,
    "/sitemap-en-1.xml": 2,
    "/robots.txt": 0,
    "/health/live": 0,
}
DESK = {
    "/admin/": 18,
    "/admin/conditions/symptom/": 10,
    "/admin/conditions/symptom/{pk}/change/": 35,
    "/admin/conditions/symptom/{pk}/gate/en/": 26,
    "/admin/conditions/symptom/{pk}/translate/es/": 19,
    "/admin/languages/": 9,
    "/admin/languages/es/": 12,
}


@pytest.fixture(params=[1, 3])
def tremor(request):
    """So many symptoms, public in two languages; the first is Tremor."""
    symptoms = [make.symptom(key, in_languages=("en", "es")) for key in ("tremor", "pain", "cramp")[: request.param]]
    for symptom in symptoms:
        for language in ("en", "es"):
            make.published(symptom, language)
    return symptoms[0]


def test_what_readers_ask_for(tremor):
    found = {}
    for address in READERS:
        there = address.format(today=timezone.now().date())
        client = Client()
        assert client.get(there).status_code in {200, 302, 404}
        with CaptureQueriesContext(connection) as asked:
            client.get(there)
        found[address] = len(asked)
    assert found == READERS


def test_what_the_desk_asks_for(tremor):
    found, client = {}, signed_in(make.translator())
    for address in DESK:
        there = address.format(pk=tremor.pk)
        assert client.get(there).status_code in {200, 403}
        with CaptureQueriesContext(connection) as asked:
            client.get(there)
        found[address] = len(asked)
    assert found == DESK
