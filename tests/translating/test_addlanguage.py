"""`manage.py addlanguage` in a copy of the project: everything in one step, or nothing at all."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from tests.bench.add_language import copy_of_the_project

WHOLE = ("ti", "prs", "zh-hant")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy with a database of its own, and one object in it."""
    place = tmp_path_factory.mktemp("project")
    copy_of_the_project(place)
    manage(place, "compile_catalogues", "--verbosity", "0")
    manage(place, "migrate", "--verbosity", "0")
    said = manage(place, "shell", "-c", (
        "from conditions.models import Symptom; "
        "s = Symptom(key='kept', name_en='Kept', name_es='Guardado', overview_en='<p>Words.</p>'); s.save()"
    ))  # fmt: skip
    assert said.returncode == 0, said.stderr
    return place


def manage(place, *command):
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "DEMO", "SECRET_KEY"}}
    environment = {**kept, "VAR_DIR": str(place / "var"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=place, env=environment, capture_output=True, text=True
    )


def everything(place):
    """Every file of the copy that is not the database's own."""
    return {
        path.relative_to(place): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and "var" not in path.parts and "__pycache__" not in path.parts
    }


def columns(place):
    return manage(place, "shell", "-v0", "-c", (
        "from django.db import connection as c; "
        "print(sorted(f.name for f in c.introspection.get_table_description(c.cursor(), 'conditions_topic')))"
    )).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ti", "Tigrinya, in itself ትግርኛ; ltr"), ("prs", "Dari, in itself دری; rtl"), ("ht", "Haitian Creole"),
        ("ckb", "Sorani), in itself کوردی; rtl"), ("zh-hant", "Traditional Chinese, in itself 繁體中文; ltr; nplurals=1"),
        ("sr-latn", "nplurals=3"), ("id", "Indonesian"), ("ur", "rtl"), ("am", "አማርኛ"), ("ps", "rtl"), ("es-mx", "Mexican Spanish"),
    ],
)  # fmt: skip
def test_what_is_known_of_a_language_is_found(code, says, capsys):
    call_command("addlanguage", code, "--dry-run")
    said = capsys.readouterr().out
    assert says in said and "Nothing was changed" in said


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("es", "declared already"), ("PT-PT", "no language code"), ("../etc", "no language code"), ("x", "no language code"),
        ("ind", "Write “id”"), ("hmn", "--name, --english, --direction, --plurals"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_is_told(code, why):
    with pytest.raises(CommandError, match=why):
        call_command("addlanguage", code, "--dry-run")


def test_a_rule_that_is_none_is_refused():
    with pytest.raises(CommandError, match="no plural rule"):
        call_command("addlanguage", "ti", "--plurals", "nplurals=2; plural=__import__('os');", "--dry-run")


def test_languages_are_added_whole(project):
    for code in WHOLE:
        done = manage(project, "addlanguage", code)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "tried: it is spoken, counts" in done.stdout
    assert manage(project, "makemigrations", "--check", "--dry-run").returncode == 0
    program = (
        "from django.test import Client; from django.contrib.auth.models import User; from conditions.models import Symptom; "
        "from django.conf import settings; settings.STORAGES['staticfiles']['BACKEND'] = "
        "'django.contrib.staticfiles.storage.StaticFilesStorage'; "
        "s = Symptom.objects.get(key='kept'); assert (s.name_en, s.name_es, s.name_prs) == ('Kept', 'Guardado', None); "
        "u = User.objects.create_superuser('a', password='b'); c = Client(headers={'host': '127.0.0.1'}); c.force_login(u); "
        "assert c.get(f'/admin/conditions/symptom/{s.pk}/change/').status_code == 200; "
        "assert c.post('/admin/languages/', {'code': 'prs', 'state': 'desk'}).status_code == 302; "
        "assert c.get('/admin/languages/prs/').status_code == 200; "
        "assert c.get(f'/admin/conditions/symptom/{s.pk}/translate/prs/').status_code == 200; "
        "assert c.get(f'/admin/conditions/symptom/{s.pk}/preview/prs/').status_code == 200; "
        "assert Client(headers={'host': '127.0.0.1'}).get('/en/').status_code == 200; print('all well')"
    )
    said = manage(project, "shell", "-c", program)
    assert "all well" in said.stdout, said.stderr


@pytest.mark.parametrize("late", [False, True])
def test_a_failure_undoes_everything(project, late):
    before, columns_before = everything(project), columns(project)
    if late:  # the rule looks like one and cannot be computed: only the last step finds out
        done = manage(project, "addlanguage", "ckb", "--plurals", "nplurals=2; plural=((n;")
    else:
        (project / "locale" / "ckb").mkdir()
        done = manage(project, "addlanguage", "ckb")
        (project / "locale" / "ckb").rmdir()
    assert done.returncode == 1
    assert "The language was not added. Everything that was done is undone." in done.stderr
    assert everything(project) == before
    assert columns(project) == columns_before
