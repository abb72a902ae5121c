"""Readers who do not know a name find a page by the part of the body, or by who looks after it."""

import pytest
from django.test import Client
from django.urls import reverse

from conditions import labels, models
from portal.publishing import actions
from portal.publishing.models import Page, PageCode
from tests import make

pytestmark = pytest.mark.django_db


def read(address, status=200):
    response = Client().get(address)
    assert response.status_code == status, address
    return response.content.decode()


def filed_under(topic, *headings):
    type(topic).objects.filter(pk=topic.pk).update(headings=list(headings))
    return make.fresh(topic)


def test_a_page_stands_under_its_headings_once_it_is_public_and_only_in_its_language():
    symptom = filed_under(make.symptom("tremor", in_languages=("en", "ar")), "arms-hands", "neurology")
    assert "Tremor" not in read("/en/browse/arms-hands/")  # saved is not published
    make.published(symptom)
    assert 'href="/en/symptoms/tremor/"' in read("/en/browse/arms-hands/")
    assert 'href="/en/browse/neurology/"' in read("/en/symptoms/tremor/")
    for address in ("/en/browse/", "/en/"):
        assert "/en/browse/arms-hands/" in read(address) and "/en/browse/eyes/" not in read(address)
    assert (
        "/ar/browse/arms-hands/" not in read("/ar/browse/")
        and "/symptoms/" not in read("/ar/browse/arms-hands/")[5000:]
    )
    make.published(symptom, "ar")
    assert "/ar/symptoms/" in read("/ar/browse/arms-hands/") and "/ar/browse/arms-hands/" in read("/ar/browse/")
    read("/en/browse/elbows/", 404)


def test_headings_follow_a_new_edition_a_withdrawal_and_a_restored_edition():
    symptom = filed_under(make.symptom("tremor"), "arms-hands")
    first = make.published(symptom)
    make.published(filed_under(symptom, "neurology"), note="Filed anew.")
    assert list(PageCode.objects.values_list("code", flat=True)) == ["neurology"]
    by = make.clinician()
    actions.withdraw(Page.objects.get(), by=by, reason="Wrong.")
    assert "Tremor" not in read("/en/browse/neurology/") and not PageCode.objects.exists()
    actions.restore(Page.objects.get(), first, by=by, reason="Right after all.")
    assert "Tremor" in read("/en/browse/arms-hands/") and "Tremor" not in read("/en/browse/neurology/")


def test_a_translation_stands_where_its_source_edition_does_not_where_the_working_copy_says():
    symptom = filed_under(make.symptom("tremor", in_languages=("en", "es")), "arms-hands")
    make.published(symptom)
    make.published(filed_under(symptom, "mind"), "es")
    assert list(PageCode.objects.filter(page__language="es").values_list("code", flat=True)) == ["arms-hands"]


def test_headings_are_no_words_that_the_search_finds():
    make.published(filed_under(make.symptom("tremor"), "kidneys-bladder"))
    assert "/en/symptoms/tremor/" not in read("/en/search/?q=bladder")


def test_every_heading_has_an_address_of_its_own_and_unknown_ones_are_passed_over():
    assert len(labels.HEADINGS) == len(labels.BODY_AREAS) + len(labels.SPECIALITIES)
    for heading in labels.HEADINGS:
        assert reverse("public:heading", args=["en", heading]) == f"/en/browse/{heading}/"
    symptom = make.symptom("tremor")
    models.Symptom.objects.filter(pk=symptom.pk).update(headings=["of another release"])
    make.published(make.fresh(symptom))
    read("/en/symptoms/tremor/")
    assert not PageCode.objects.exists()


def test_browsing_costs_the_same_however_many_pages_there_are(django_assert_num_queries):
    for number in range(3):
        make.published(filed_under(make.symptom(f"symptom-{number}"), "neurology", "mind"))
    with django_assert_num_queries(1):
        read("/en/browse/")
    with django_assert_num_queries(1):
        read("/en/browse/neurology/")
