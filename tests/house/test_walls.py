"""The walls of the house: imports, migrations, styles, templates, the deploy check."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import migrations
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parents[2]


def test_imports_go_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_a_server_process_holds_no_library_that_reading_does_not_need(tmp_path):
    heavy = ("pypinyin", "weasyprint", "fontTools", "openpyxl", "cryptography", "numpy", "hypothesis", "playwright")
    show = f"import os, sys, portal.wsgi; os.write(1, ' '.join(set(sys.modules) & {{*{heavy}}}).encode()); os._exit(0)"
    environment = {**os.environ, "VAR_DIR": str(tmp_path), "DATABASE_URL": "", "CLOCK": "0"}
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.django_db
def test_no_migration_is_missing_and_none_takes_words_away():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    destructive = (migrations.RemoveField, migrations.DeleteModel)
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app in {"conditions", "listening", "publishing", "translating"}:
            source = Path(sys.modules[migration.__module__].__file__).read_text()
            for operation in migration.operations:
                if isinstance(operation, destructive):
                    assert re.search(rf"# allow: {type(operation).__name__} - \w+", source), (app, name, operation)


def test_only_actions_write_what_is_published():
    writing = re.compile(
        r"\b(Edition|Page|Address|PageHistory|SignOff)\.objects\.(create|get_or_create|update_or_create|bulk_create)"
        r"|\b(edition|page|sign_off)\.(save|delete)\("
    )
    for path in [*ROOT.glob("portal/**/*.py"), *ROOT.glob("conditions/**/*.py")]:
        if path.name != "actions.py" and "migrations" not in path.parts:
            assert not writing.search(path.read_text()), path


def test_the_gate_reads_no_medicine():
    for path in ROOT.glob("portal/publishing/*.py"):
        assert not re.search(r"symptom|treatment|dystonia|modeltranslation", path.read_text().split('"""', 2)[-1]), path


def test_styles_know_no_left_and_right():
    for path in ROOT.glob("static/css/*.css"):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        found = re.findall(
            r"(?<![\w-])(?:margin|padding|border|inset)-(?:left|right|top|bottom)\b|(?<![\w-])(?:left|right|top|bottom)\s*:|"
            r"text-align:\s*(?:left|right)|float:\s*(?:left|right)|(?<![\w-])(?:max-|min-)?(?:width|height)\s*:(?![^{]*\)\s*\{)",
            css,
        )
        assert not [f for f in found if f], (path.name, found)


def test_templates_hold_no_inline_style_or_script():
    for path in ROOT.glob("templates/**/*.html"):
        html = path.read_text()
        html = html.replace('<script type="application/ld+json">', "")  # data, which no browser runs
        assert not re.search(r"""<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=["']""", html), path


def test_the_settings_pass_the_deploy_check_as_a_ministry_would_set_them():
    environment = {
        **os.environ, "DATABASE_URL": "postgres://u:p@db.example/portal", "SECRET_KEY": "an unlikely but long enough secret 0123456789 abcdefghij", "DEMO": "0",
        "PUBLIC_ADDRESS": "https://portal.example",
    }  # fmt: skip
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE")  # the tests' own
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DEBUG", "ja", "DEBUG=ja is neither on nor off. Write DEBUG=1 or DEBUG=0."),
        ("SECRET_KEY", "short", "SECRET_KEY is shorter than 32 characters."),
        ("SECRET_KEY", "", "SECRET_KEY is not set. With DATABASE_URL several processes share one database"),
        ("PUBLIC_ADDRESS", "http://portal.example", "is not encrypted"),
        ("PUBLIC_ADDRESS", "portal.example", "is not an address. Write scheme and host"),
        ("DATABASE_URL", "mysql://u:p@h/n", "Write postgres://user:password@host:5432/name"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL"),
        ("EMERGENCY_NUMBER", "call me", "is no telephone number"),
        ("SECOND_FACTOR", "1", "Write SECOND_FACTOR=offered or SECOND_FACTOR=required."),
        ("REPLICA_URL", "sqlite:///x", "must both name PostgreSQL"),
        ("CDN_PURGE", "cache.example", "Write https://user:secret@cache.example.org/"),
        ("CDN_PURGE_HEADERS", "a-secret", 'Write "Name: value"'),
    ],
)
def test_a_wrong_setting_gets_an_error_that_teaches(name, value, told):
    environment = {
        **os.environ, "DATABASE_URL": "postgres://u:p@db.example/portal", "SECRET_KEY": "s3" * 30,
        "PUBLIC_ADDRESS": "https://portal.example", name: value,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.returncode != 0
    assert told in done.stderr


def test_a_missing_secret_is_made_once_and_kept_for_the_embedded_database(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in {"SECRET_KEY", "DATABASE_URL"}} | {
        "VAR_DIR": str(tmp_path)
    }
    command = [sys.executable, "-c", "from portal.settings import SECRET_KEY; print(SECRET_KEY)"]
    kept = {subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment).stdout for _ in range(2)}
    assert len(kept) == 1 and len(kept.pop().strip()) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
