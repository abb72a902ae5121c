import hashlib
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Drawing

from conditions import models
from tests import make

pytestmark = pytest.mark.django_db


def picture(colour="red", size=(40, 20)):
    held = BytesIO()
    Drawing.new("RGB", size, colour).save(held, "PNG")
    return held.getvalue()


def upload(client, symptom, content, name="drawing.png", alt="A hand that shakes"):
    address = f"/admin/conditions/symptom/{symptom.pk}/change/"
    answer = client.get(address)
    data = {
        f.html_name: "" if f.value() is None else f.value()
        for f in answer.context["adminform"].form
        if f.name != "see_also"
    }
    for formset in answer.context["inline_admin_formsets"]:
        data |= {f.html_name: f.value() for f in formset.formset.management_form}
        for row in formset.formset.initial_forms:
            data |= {f.html_name: "" if f.value() is None else f.value() for f in row}
    data |= {
        "images-TOTAL_FORMS": 1,
        "images-0-file": SimpleUploadedFile(name, content),
        "images-0-alt_en": alt,
        "images-0-position": 0,
    }
    return client.post(address, data)


@pytest.fixture
def desk():
    client = Client()
    client.force_login(make.clinician())
    return client


def test_a_picture_is_published_with_its_words_and_its_file_never_changes(desk):
    symptom, content = make.symptom(), picture()
    assert upload(desk, symptom, content).status_code == 302
    image = models.Image.objects.get()
    assert image.file.name == hashlib.sha256(content).hexdigest() + ".png"
    assert Client().get(f"/media/{image.file.name}").status_code == 200  # its name is as good as a secret
    make.published(symptom)
    html = Client().get("/en/symptoms/tremor/").content.decode()
    assert f'<img src="/media/{image.file.name}" width="40" height="20" alt="A hand that shakes">' in html
    answer = Client().get(f"/media/{image.file.name}")
    assert b"".join(answer.streaming_content) == content
    assert answer.headers["Content-Type"] == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_picture_without_alternative_text_keeps_the_page_from_going_out(desk):
    symptom = make.symptom()
    upload(desk, symptom, picture(), alt="")
    assert [p.message for p in make.manuscript(symptom).problems] == ["A picture has no alternative text."]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("drawing.png", b""),
        ("drawing.html", picture()),
        ("drawing.png", b"\x89PNG\r\n\x1a\n" + b"0" * (5 * 1024 * 1024)),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_is_kept(desk, name, content):
    symptom = make.symptom()
    assert upload(desk, symptom, content, name=name).status_code == 200
    assert models.Image.objects.count() == 0


@pytest.mark.parametrize(
    "name", ["../portal.sqlite3", "..%2Fsecret_key", "x" * 64 + ".png", "a" * 64 + ".png", "a" * 64 + ".svg"]
)
def test_no_other_file_can_be_asked_for(name):
    assert Client().get(f"/media/{name}").status_code == 404
