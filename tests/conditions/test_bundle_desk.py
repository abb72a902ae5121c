"""Content from files at the desk: looked at first, taken over by whoever may, once; and out again."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conditions import models
from conditions.bundle import reading
from portal.publishing.models import Change, Page
from tests import make
from tests.conditions.test_bundle import TREMOR, packed
from tests.conditions.test_table import HEADS, ROW, comma, sheet

pytestmark = pytest.mark.django_db


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def upload(client, name, data, **more):
    return client.post(
        "/admin/files/", {"do": "in", "file": SimpleUploadedFile(name, data), "language": "en", **more}, follow=True
    )


def take(client, page, **more):
    said = {
        name: page.context["arrival"] and value
        for name, value in (
            ("arrival", str(page.context["arrival"].pk)),
            ("at", page.context["arrival"].at.isoformat()),
        )
    }
    return client.post("/admin/files/", {"do": "take", **said, **more}, follow=True)


@pytest.fixture
def author():
    return make.person("author", "Authors")


def test_a_bundle_is_looked_at_then_taken_over_once(author):
    client = signed_in(author)
    page = upload(client, "tremor.zip", packed(TREMOR))
    assert "symptom/tremor/en.toml" in page.text and page.context["plan"].counts == {"new": 3, "refused": 1}
    assert not models.Topic.objects.exists()
    stale = page
    done = take(client, page)
    assert "3 parts were taken over." in done.text
    assert (models.Symptom.objects.get().name_en, models.Symptom.objects.get().name_es) == (
        "Tremor",
        None,
    )  # no Spanish
    assert Change.objects.get().by == author and not Page.objects.exists() and not models.Arrival.objects.exists()
    assert "taken over already" in take(client, stale).text


def test_what_changed_at_the_desk_is_asked_about(author):
    client = signed_in(author)
    take(client, upload(client, "tremor.zip", packed(TREMOR)))
    models.Symptom.objects.update(summary_en="By an editor.")
    newer = {**TREMOR, "symptom/tremor/en.toml": b'name = "Tremor"\nsummary = "From the file."\n'}
    page = upload(client, "tremor.zip", packed(newer))
    assert [part.place for part in page.context["kept"]] == ["symptom/tremor/en.toml"]
    take(client, page)
    assert models.Symptom.objects.get().summary_en == "By an editor."
    page = upload(client, "tremor.zip", packed(newer))
    take(client, page, overwrite=page.context["kept"][0].topic)
    assert models.Symptom.objects.get().summary_en == "From the file."


@pytest.mark.parametrize(("name", "made"), [("table.csv", comma), ("table.xlsx", sheet)])
def test_a_table_comes_in_the_same_way(author, name, made):
    client = signed_in(author)
    take(client, upload(client, name, made(HEADS, ROW)))
    assert models.Symptom.objects.get().overview_en.startswith("<p>It shakes.</p>")


def test_mistakes_are_told_and_nothing_is_kept(author):
    client = signed_in(author)
    for name, data in (
        ("x.zip", packed({"symptom/tremor/en.toml": b"name = "})),
        ("x.zip", packed({"../x": b""})),
        ("x.csv", b"what,ever\n1,2\n"),
        ("x.csv", b""),
        ("x.xlsx", b"PK\x03\x04"),
        ("x.bin", b"\x00\xff" * 50),
    ):
        page = upload(client, name, data)
        assert page.status_code == 200 and {one.level_tag for one in page.context["messages"]} == {"error"}, name
        assert not models.Arrival.objects.exists() and not models.Topic.objects.exists()
    assert client.post("/admin/files/", {"do": "in"}, follow=True).status_code == 200
    assert client.post("/admin/files/", {"do": "take"}, follow=True).status_code == 200


def test_a_file_that_fits_no_longer_is_told_not_taken(author):
    client = signed_in(author)
    page = upload(client, "tremor.zip", packed(TREMOR))
    make.term("tremor")
    assert "belongs to a term here" in client.get("/admin/files/").text
    assert take(client, page).status_code == 200
    assert not models.Symptom.objects.exists()
    client.post("/admin/files/", {"do": "away"})
    assert not models.Arrival.objects.exists()


def test_only_whoever_may_change_a_topic_gets_there_and_sees_no_other_file(author):
    upload(signed_in(author), "tremor.zip", packed(TREMOR))
    other = signed_in(make.person("other", "Authors"))
    assert "tremor.zip" not in other.get("/admin/files/").text
    assert "Content from files" in other.get("/admin/").text
    for person in (make.translator(), make.person("publisher", "Publishers"), make.person("nobody")):
        client = signed_in(person)
        assert client.get("/admin/files/").status_code == 403
        assert upload(client, "tremor.zip", packed(TREMOR)).status_code == 403
        assert "Content from files" not in client.get("/admin/").text
    assert Client().get("/admin/files/").status_code == 302


def test_chosen_objects_go_out_as_a_bundle(author):
    chosen, _other = make.symptom("tremor", in_languages=("en", "ar")), make.symptom("pain")
    client = signed_in(author)
    answer = client.post("/admin/conditions/symptom/", {"action": "export_bundle", "_selected_action": [chosen.pk]})
    assert answer["Content-Disposition"].startswith('attachment; filename="symptom-')
    found = reading.unpack(answer.content)
    assert [(one.key, set(one.words)) for one in found.topics] == [("tremor", {"en", "ar"})]
