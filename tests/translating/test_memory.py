"""The translation memory: what was published comes back, with how alike it is and where it is from."""

import pytest

from conditions import follow_up, models
from portal.translating import memory
from portal.translating.models import Remembered
from tests import make
from tests.desk import form_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def published():
    symptom = make.symptom(in_languages=("en", "es"))
    symptom.overview_en = "<p>Take 10 mg in the morning.</p><ul><li>Drink water.</li></ul>"
    symptom.overview_es = "<p>Tome 10 mg por la mañana.</p><ul><li>Beba agua.</li></ul>"
    symptom.save()
    make.published(symptom)
    make.published(symptom, "es")
    follow_up.changed("symptom", symptom.key)
    return symptom


def test_what_was_published_is_remembered_once_segment_by_segment(published):
    count = Remembered.objects.count()
    follow_up.changed("symptom", published.key)
    assert Remembered.objects.count() == count
    assert Remembered.objects.get(source="Drink water.").target == "Beba agua."


def test_the_same_is_100_and_alike_never_is(published):
    look = memory.Memory("es")
    (exact,) = look.like("Drink  water.")
    assert (exact.percent, exact.target, exact.origin, exact.of) == (100, "Beba agua.", "published", "symptom/tremor")
    (near, *_rest) = look.like("Take 100 mg in the morning.")
    assert near.target == "Tome 10 mg por la mañana." and 70 <= near.percent <= 99
    assert look.like("Something else altogether, quite unlike it.") == []
    assert memory.Memory("fr").like("Drink water.") == []


def test_translators_see_it_beside_an_empty_part(published):
    other = make.symptom("cough", in_languages=("en", "es"), overview_en="<p>Drink water.</p>", overview_es="")
    make.published(other)
    html = signed_in(make.translator()).get(f"/admin/conditions/symptom/{other.pk}/translate/es/").content.decode()
    assert 'data-match="Beba agua."' in html and "100 %" in html
    models.Symptom.objects.filter(pk=other.pk).update(overview_es="<p>Beba agua.</p>")


def test_words_taken_from_the_memory_say_so(published):
    other = make.symptom("cough", in_languages=("en", "es"), overview_en="<p>Drink water.</p>", overview_es="")
    make.published(other)
    client = signed_in(make.translator())
    address = f"/admin/conditions/symptom/{other.pk}/translate/es/"
    form = form_of(client.get(address))
    client.post(address, form | {"sections.overview": "<p>Beba agua.</p>", "origin-sections.overview": "memory"})
    row = next(row for row in client.get(address).context["rows"] if row.unit.part == "sections.overview")
    assert (row.check.how, row.check.by) == ("memory", "Tomás Tello")
