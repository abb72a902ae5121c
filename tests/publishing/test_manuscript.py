from portal.publishing.manuscript import digest_of
from tests import make


def test_one_letter_makes_another_digest():
    assert make.words_for_the_gate(text="10 mg").digest != make.words_for_the_gate(text="10 mg.").digest


def test_the_address_and_the_language_are_signed_as_well():
    said = make.words_for_the_gate()
    assert make.words_for_the_gate(slug="shaking").digest != said.digest
    assert make.words_for_the_gate(language="es").digest != said.digest


def test_a_new_optional_part_that_says_nothing_un_signs_nothing():
    before = {"name": "Tremor", "facts": [{"kind": "onset", "value": "Any age"}]}
    after = {"name": "Tremor", "leaflet": "", "images": [], "broader": None,
             "facts": [{"kind": "onset", "value": "Any age", "sources": []}]}  # fmt: skip
    assert digest_of("symptom", "tremor", "en", "tremor", before) == digest_of(
        "symptom", "tremor", "en", "tremor", after
    )


def test_the_order_of_parts_is_part_of_the_words():
    one = digest_of("symptom", "tremor", "en", "tremor", {"list": ["a", "b"]})
    assert one != digest_of("symptom", "tremor", "en", "tremor", {"list": ["b", "a"]})


def test_two_spellings_of_one_letter_are_the_same_words():
    composed, decomposed = {"name": "Distonía"}, {"name": "Distoni\u0301a"}
    assert digest_of("x", "y", "es", "z", composed) == digest_of("x", "y", "es", "z", decomposed)
