"""docs/running.md tells the truth: its commands are run as they stand there, and its table of settings is theirs."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from conditions.management.commands import settings_reference
from tests.documented import ROOT, SAID, boxes


def test_every_command_does_what_the_page_says(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "PUBLIC_ADDRESS"}}
    environment |= {"VAR_DIR": str(tmp_path / "var"), "DEMO": "0", "DJANGO_SUPERUSER_PASSWORD": "a-password-of-length"}
    told = {}
    for line in (line for test, lines in boxes() if not test for line in lines):
        command = [sys.executable, *shlex.split(line)[1:]]
        # Folders of the test's own, for the machine's.
        command = [str(tmp_path) + part if part.startswith(("/srv/", "/media/")) else part for part in command]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        told.setdefault(line.removeprefix(".venv/bin/python manage.py "), []).append(done.stdout)
    assert len(told) >= 10
    assert " 0 written" in told["export_site /srv/copy"][1]
    assert (tmp_path / "srv/copy/.copy/nginx.conf").exists()
    assert "Every file is as it was written" in told["restore /srv/backups --replace --dry-run"][0]
    assert "It is back" in told["restore /srv/backups --replace"][0]
    assert "0 migrations, each of which the release before can live with" in told["check_migrations --pending"][0]
    assert 'href="./en/index.html"' in (tmp_path / "media/stick/index.html").read_text()


def test_what_another_test_is_said_to_run_is_run_there():
    others = [(test, line) for test, lines in boxes() if test for line in lines]
    assert others
    for test, line in others:
        asked = re.findall(r'documented\("([^"]+)"\)', (ROOT / test).read_text())
        assert any(line.startswith(beginning) for beginning in asked), (test, line)


def test_every_file_and_section_that_the_page_names_is_there():
    for name in re.findall(r"`(deploy/[\w.-]+)`", SAID):
        assert (ROOT / name).exists() or name == "deploy/.env", name
    headings = {re.sub(r"[^a-z ]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^## (.*)$", SAID, re.M)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", SAID)) <= headings


def test_the_table_of_settings_says_what_the_settings_say():
    call_command("settings_reference", check=True)
    read = set(re.findall(r'(?:env\.[a-z_]+|_switch)\(\s*"([A-Z_]+)"', (ROOT / "portal" / "settings.py").read_text()))
    assert len(read) > 20
    first_cells = re.findall(r"^\| (`[A-Z].*?) \|", SAID.partition("## Settings")[2], re.M)
    assert set(re.findall("`([A-Z_]+)`", " ".join(first_cells))) == read


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ('# So many.\nMANY = env.int("MANY", default=3)\n', "| `MANY` | `3` | So many. |\n"),
        ('# Two\n# lines.\nON = _switch("ON", True)\n', "| `ON` | `1` | Two lines. |\n"),
        (
            '# Both.\nA = env.str("A", default="")\nB = env.str("B", default="b")\n',
            "| `A`<br>`B` | <br>`b` | Both. |\n",
        ),
        ('X = {\n    # Within.\n    "y": env.int("Y", default=1),\n}\n', "| `Y` | `1` | Within. |\n"),
        ('# Of a few.\nC = Path(\n    env.str("C", default=str(HERE))\n).x\n', "| `C` |  | Of a few. |\n"),
    ],
)
def test_a_settings_comment_is_its_text(source, row):
    assert list(settings_reference.rows(source)) == [row]


def test_a_setting_that_nothing_explains_is_told():
    with pytest.raises(CommandError, match="B has no comment above it"):
        list(settings_reference.rows('# This.\nA = env.str("A")\n\nB = env.str("B")\n'))
