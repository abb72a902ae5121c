import ast
import os
import re
import shutil
import subprocess
import sys

import polib
import pytest
from babel.core import Locale
from django.conf import locale, settings
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext, ngettext, to_locale

from portal import languages
from tests import make

BASE = settings.BASE_DIR
COLLECTED = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}


@pytest.mark.parametrize("code", list(languages.LANGUAGES))
def test_every_declared_language_activates_and_counts(code):
    with translation.override(code):
        assert translation.get_language() == code
        assert gettext("Home")
        assert [ngettext("{count} problem", "{count} problems", n) for n in (0, 1, 2, 5, 11, 100)]
        assert translation.get_language_bidi() == (languages.get(code).direction == "rtl")
    assert locale.LANG_INFO[code]["name_local"]
    Locale.parse(languages.get(code).cldr, sep="-")


@pytest.mark.parametrize("language", languages.translations(), ids=str)
def test_every_translation_has_a_catalogue_that_is_compiled_with_a_plural_rule(language):
    folder = BASE / "locale" / to_locale(language.code) / "LC_MESSAGES"
    assert "nplurals=INTEGER" not in (folder / "django.po").read_text()
    assert "Plural-Forms: nplurals=" in (folder / "django.po").read_text()
    assert (folder / "django.mo").exists()


def test_no_word_to_be_translated_stands_where_it_is_not_collected():
    """xgettext does not look into f-strings: such a word would be English everywhere, and nothing would say so."""
    for path in (*BASE.glob("portal/**/*.py"), *BASE.glob("conditions/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
                named = [one for one in calls if getattr(one.func, "id", "") in COLLECTED]
                lost = [one for one in named if any(isinstance(said, ast.Constant) for said in one.args)]
                assert not lost, f"{path}:{node.lineno}"


@pytest.mark.django_db
@pytest.mark.parametrize("code", [language.code for language in languages.LANGUAGES.values()])
def test_creating_an_object_works_whatever_language_is_active(code):
    with translation.override(code):
        make.published(make.symptom())


@pytest.mark.django_db
@pytest.mark.parametrize("code", [language.code for language in languages.LANGUAGES.values()])
def test_the_desk_answers_in_every_declared_language(code, admin_client):
    symptom = make.symptom()
    answer = admin_client.get(f"/admin/conditions/symptom/{symptom.pk}/change/", headers={"accept-language": code})
    assert answer.status_code == 200


def test_canonical_spellings():
    spellings = ["PT-BR", "zh-CN", "zh-Hant-TW", "es_MX", "ar-EG", "tlh", "", "../../etc", "en-" + "x" * 50]
    assert [languages.canonical(s) for s in spellings] == [
        None,
        "zh-hans",
        "zh-hans",
        "es",
        "ar",
        None,
        None,
        None,
        None,
    ]


def test_tags_are_bcp_47():
    assert [languages.get(code).tag for code in ("en", "zh-hans", "pt-br")] == ["en", "zh-Hans", "pt-BR"]


@pytest.mark.django_db
def test_health_answers():
    assert Client().get("/health/live").content == b"ok\n"


PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}")


@pytest.mark.parametrize("language", [one for one in languages.offered() if not one.is_source], ids=str)
def test_every_word_of_the_interface_is_there_in_every_offered_language(language):
    path = BASE / "locale" / to_locale(language.code) / "LC_MESSAGES" / "django.po"
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue.untranslated_entries() + catalogue.fuzzy_entries()] == []
    for entry in catalogue:
        forms = list(entry.msgstr_plural.values()) or [entry.msgstr]
        for form in forms:
            assert form.strip(), entry.msgid
            assert sorted(PLACEHOLDER.findall(form)) == sorted(PLACEHOLDER.findall(entry.msgid)), entry.msgid


@pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="no gettext on this machine: new words cannot be collected"
)
def test_the_catalogues_hold_every_word_that_code_and_templates_show(tmp_path):
    for name in ("conditions", "portal", "templates"):
        shutil.copytree(BASE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "content"))
    for name in ("manage.py", "locale"):
        (shutil.copytree if (BASE / name).is_dir() else shutil.copy)(BASE / name, tmp_path / name)
    (tmp_path / "static").mkdir()
    done = subprocess.run(
        [sys.executable, "manage.py", "make_catalogues"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_URL": ""},
    )
    assert done.returncode == 0, done.stderr
    for language in languages.translations():
        path = f"locale/{to_locale(language.code)}/LC_MESSAGES/django.po"
        collected, kept = (sorted(e.msgid for e in polib.pofile(str(root / path))) for root in (tmp_path, BASE))
        assert collected == kept, f"run make messages ({language.code})"
