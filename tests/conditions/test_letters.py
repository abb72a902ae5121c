"""Lists are in the order a reader of the language expects, under the letters of its own alphabet."""

from types import SimpleNamespace

import pytest

from conditions.public.letters import by_letter


@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("en", {"D": ["Dystonia", "dystonic storm"], "T": ["Tic", "Tremor"]}),
        ("es", {"A": ["Ácido", "Acúfeno"], "N": ["Nariz", "Nuca"], "Ñ": ["Ñame"], "O": ["Oído"]}),
        ("fr", {"E": ["Écoute", "Effort", "Épaule"], "O": ["Œdème", "Ongle"]}),
        ("ru", {"Е": ["Еда", "Ёж"], "И": ["Игла"], "Й": ["Йод"], "К": ["Кость"]}),
        ("ar", {"ا": ["أدوية", "ارتعاش"], "ت": ["التشنج"], "ر": ["الرعاش"]}),
        ("zh-hans", {"C": ["颤抖"], "J": ["肌肉", "肌张力障碍"], "Z": ["震颤"]}),
    ],
)
def test_letters_and_order(language, in_order):
    names = sorted((name for names in in_order.values() for name in names), reverse=True)
    groups = by_letter([SimpleNamespace(title=name) for name in names], language)
    assert {letter: [page.title for page in pages] for letter, pages in groups} == in_order
    assert [letter for letter, _pages in groups] == list(in_order)
