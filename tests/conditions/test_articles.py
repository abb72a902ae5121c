"""Pages about the portal itself: signed, translated and kept like any other."""

import pytest
from django.test import Client

from portal.publishing import actions
from portal.publishing.models import Page
from tests import make
from tests.conditions.test_being_found import check, json_ld

pytestmark = pytest.mark.django_db


def read(address, status=200):
    response = Client().get(address)
    assert response.status_code == status, address
    return response.content.decode()


def test_an_article_is_listed_once_it_is_public_and_is_no_medical_page():
    article = make.article(in_languages=("en", "ar"))
    assert "about-this-information" not in read("/en/about/")
    make.published(article)
    address = "/en/about/about-this-information/"
    assert f'href="{address}"' in read("/en/about/") and "Who pays for it" in read(address)
    assert "about-this-information" not in read("/en/")  # readers come for medicine
    assert '<ul class="named">' not in read("/ar/about/")
    make.published(article, "ar")
    assert Page.objects.get(language="ar").slug in read("/ar/about/")
    said = json_ld(address)
    check(said)
    assert said["@type"] == "AboutPage" and "about" not in said and "medicalAudience" not in said


def test_an_article_that_was_withdrawn_says_why():
    make.published(make.article())
    actions.withdraw(Page.objects.get(), by=make.clinician(), reason="The funder left.")
    assert "The funder left." in read("/en/about/about-this-information/", 410)
    assert "about-this-information" not in read("/en/about/")


def test_authors_write_articles_and_translators_see_them(client):
    make.article()
    for person, allowed in ((make.person("author", "Authors"), 200), (make.person("outsider"), 403)):
        client.force_login(person)
        assert client.get("/admin/conditions/article/add/").status_code == allowed
    client.force_login(make.translator())
    assert client.get("/admin/conditions/article/").status_code == 200
