"""Backed up while people publish, brought back elsewhere: every page says what it said, byte for byte."""

import io
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import closing, contextmanager, suppress
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from PIL import Image

from conditions.public.copying import addresses
from portal.backup import databases, form, making
from portal.publishing import actions, audit
from portal.publishing.models import AuditEntry, Edition, Page
from tests import make, servers

pytestmark = pytest.mark.django_db(transaction=True)
POSTGRESQL = connection.vendor == "postgresql"
TIMED = re.compile(r"/api/v1/changes|.*/feedback/")  # signed with the time


@pytest.fixture(autouse=True)
def without_leaflets(settings):
    settings.LEAFLETS = False
    settings.VAR_DIR.mkdir()


@pytest.fixture
def portal():
    """Pages in two languages, with a picture, an older edition, an older address and a withdrawn page."""
    clinician = make.clinician()
    tremor = make.symptom(in_languages=("en", "ar"))
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(drawn, "PNG")
    said = {f"alt_{code}": f"A hand ({code})" for code in ("en", "ar")}
    tremor.images.create(file=SimpleUploadedFile("hand.png", drawn.getvalue()), position=0, **said)
    for code in ("en", "ar"):
        make.published(tremor, code)
    gone = make.treatment("old-remedy")
    make.published(gone)
    actions.withdraw(Page.objects.get(key="old-remedy"), by=clinician, reason="It harms.")
    return tremor


def publish_again(symptom, number):
    symptom.summary_en = f"Words {number}."
    symptom.save()
    make.published(symptom)


def backup(folder, **options):
    said = io.StringIO()
    call_command("backup", folder, stdout=said, **options)
    return form.newest(folder), said.getvalue()


def restore(path, **options):
    said = io.StringIO()
    call_command("restore", path, stdout=said, **options)
    return said.getvalue()


@contextmanager
def elsewhere(tmp_path):
    """The environment of another machine: an empty database, an empty folder."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    environment = {**os.environ, "VAR_DIR": str(home), "LEAFLETS": "0"}
    if not POSTGRESQL:
        yield environment | {"DATABASE_URL": f"sqlite:///{home}/portal.sqlite3"}
        return
    here = servers.database_url()
    name = "brought_back"
    with psycopg.connect(here, autocommit=True) as own:
        own.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        own.execute(f"CREATE DATABASE {name}")
        try:
            yield environment | {"DATABASE_URL": urlsplit(here)._replace(path=f"/{name}").geturl()}
        finally:
            own.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(environment, *command):
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, command)],
        cwd=servers.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def every_answer(server):
    """What each public address says: its status, where it leads, its words."""
    said = {}
    for address in addresses.every():
        if not TIMED.fullmatch(address):
            answer = server.get(quote(address), Accept_Encoding="identity", Host="127.0.0.1")
            said[address] = answer.status, answer.headers.get("location", ""), answer.body
    return said


def test_what_comes_back_elsewhere_is_what_was_backed_up_while_people_published(portal, tmp_path):
    """A writer on a connection of its own publishes without a pause; each backup is one moment, and whole."""
    over, wrong = threading.Event(), []

    def write():
        number = 0
        try:
            while not over.is_set():
                publish_again(portal, number := number + 1)
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    before = audit.end()[0]
    writer.start()
    try:
        path, _said = backup(tmp_path / "kept")
        while audit.end()[0] < before + 4:  # somebody did publish
            assert not wrong
    finally:
        over.set()
        writer.join()
    assert not wrong
    with form.opened(path) as found:
        number, seal = found.manifest.audit_end
        editions = found.manifest.rows("edition")
    assert AuditEntry.objects.get(number=number).seal == seal
    newest = Edition.objects.filter(key="tremor", language="en", published_at__lte=AuditEntry.objects.get(number=number).at).order_by("number").last()  # fmt: skip
    with elsewhere(tmp_path) as environment:
        code, said = manage(environment, "restore", path)
        assert code == 0, said
        code, said = manage(environment, "verify")
        assert code == 0 and f"{editions} editions" in said, said
        assert newest.summary == _page_elsewhere(environment["DATABASE_URL"])


def _page_elsewhere(database):
    sql = "SELECT summary FROM publishing_page WHERE key = 'tremor' AND language = 'en'"
    if POSTGRESQL:
        with psycopg.connect(database) as own:
            return own.execute(sql).fetchone()[0]
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as own:
        return own.execute(sql).fetchone()[0]


def test_every_page_is_as_it_was_byte_for_byte(portal, tmp_path, settings):
    path, _said = backup(tmp_path / "kept")
    same = {"workers": 1, "LEAFLETS": "0", "CLOCK": "0", "PUBLIC_ADDRESS": settings.PUBLIC_ADDRESS}
    here = servers.Server(tmp_path / "here", MEDIA_DIR=str(settings.MEDIA_ROOT), **same)
    with elsewhere(tmp_path) as environment:
        code, said = manage(environment, "restore", path)
        assert code == 0, said
        there = servers.Server(environment["VAR_DIR"], database=environment["DATABASE_URL"], **same)
        try:
            was, says = every_answer(here.wait()), every_answer(there.wait())
            assert {status for status, _location, _words in was.values()} >= {200, 302, 404, 410}
            assert [address for address in was if was[address] != says[address]] == []
            picture = portal.images.get().file
            assert there.get(f"/media/{picture.name}").body == picture.read()
        finally:
            here.stop()
            there.stop()


def test_running_servers_show_the_restored_state_and_what_was_there_is_kept(portal, tmp_path, settings):
    path, _said = backup(tmp_path / "kept")
    server = servers.Server(tmp_path / "var", workers=2, LEAFLETS="0", CLOCK="0")
    try:
        server.wait()
        publish_again(portal, 2)
        for _each in range(6):  # both workers have it in memory
            assert "Words 2." in server.get("/en/symptoms/tremor/").text
        with pytest.raises(CommandError, match="There is a portal here already"):
            restore(path)
        said = restore(path, replace=True)
        assert "It is back" in said
        time.sleep(1)
        for _each in range(6):
            assert "Words 2." not in server.get("/en/symptoms/tremor/").text
        assert server.get("/en/symptoms/tremor/editions/2/").status == 404
        # And from the copy that was made first it comes back again.
        restore(settings.VAR_DIR / "before-restore", replace=True)
        time.sleep(1)
        for _each in range(6):
            assert "Words 2." in server.get("/en/symptoms/tremor/").text
    finally:
        server.stop()
    call_command("verify", stdout=io.StringIO())
    assert AuditEntry.objects.filter(what="brought back").count() == 1


def test_nobody_is_signed_in_after_it_and_no_session_is_in_the_file(portal, tmp_path):
    visitor = Client()
    visitor.force_login(make.User.objects.get(username="clinician"))
    key = Session.objects.get().session_key
    path, _said = backup(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert all(key.encode() not in archive.read(name) for name in archive.namelist())
    restore(path, replace=True)
    assert not Session.objects.exists()
    assert visitor.get("/admin/").status_code == 302


def test_it_is_nobody_elses_to_read_and_has_no_secret_unless_asked(portal, tmp_path, settings):
    path, said = backup(tmp_path / "without")
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings.SECRET_KEY.encode() not in path.read_bytes()
    assert "SECRET_KEY is not in it" in said
    path, said = backup(tmp_path / "with", with_secret=True)
    assert "keep this file as you would keep the key" in said
    assert zipfile.ZipFile(path).read("secret_key").decode() == settings.SECRET_KEY


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(portal, tmp_path):
    path, _said = backup(tmp_path / "kept")
    whole, dice = path.read_bytes(), random.Random(7)
    with form.opened(path) as found:
        good = {name: b"".join(found.pieces(name)) for name in found.manifest.files}
        manifest = found.manifest
    with zipfile.ZipFile(path) as archive:
        # A bit of the content of each file, then anywhere.
        places = [
            one.header_offset + 30 + len(one.filename) + 20 + one.compress_size // 2 for one in archive.infolist()
        ]
    damaged = tmp_path / "damaged.zip"
    for number, place in enumerate([*places, *(dice.randrange(len(whole)) for _each in range(60))]):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << dice.randrange(8)]) + whole[place + 1 :])
        if number < len(places):
            with pytest.raises(CommandError, match="damaged|not whole"):
                restore(damaged, replace=True, dry_run=True)
            continue
        with suppress(form.Refused), form.opened(damaged) as found:
            found.check()
            assert found.manifest == manifest
            assert {name: b"".join(found.pieces(name)) for name in found.manifest.files} == good
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="not whole"):
        restore(damaged, replace=True)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "media/../../evil", "media/a\\b", "media/", "elsewhere/x",
                                  "media//x", "media/C:evil"])  # fmt: skip
def test_no_file_of_a_backup_is_written_elsewhere(portal, tmp_path, name):
    path, _said = backup(tmp_path / "kept")
    _rewritten(path, {name: b"evil"})
    with pytest.raises(CommandError, match="no file of a backup"):
        restore(path, replace=True)
    assert not list(tmp_path.rglob("*evil*"))


def _rewritten(path, more=(), link=None, **changes):
    """The same backup by a hostile hand: every hash is right."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop(form.MANIFEST)) | changes
    files.update(more)
    manifest["files"] = {name: form.hashlib.sha256(content).hexdigest() for name, content in files.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, form.MANIFEST: json.dumps(manifest).encode()}.items():
            information = zipfile.ZipInfo(name)
            information.external_attr = (0o120777 if name == link else 0o100600) << 16
            archive.writestr(information, content)


def test_a_link_in_a_backup_is_refused(portal, tmp_path):
    path, _said = backup(tmp_path / "kept")
    _rewritten(path, {"media/link.png": b"/etc/passwd"}, link="media/link.png")
    with pytest.raises(CommandError, match="no file of a backup"):
        restore(path, replace=True)


def test_an_end_of_the_log_that_is_not_the_manifests_is_refused_and_nothing_changes(portal, tmp_path):
    path, _said = backup(tmp_path / "kept")
    _rewritten(path, audit_end=[3, "a" * 64])
    before = audit.end()
    with pytest.raises(CommandError, match="audit log"):
        restore(path, replace=True)
    assert audit.end() == before


def test_a_newer_release_and_another_kind_of_database_are_refused_in_words(portal, tmp_path):
    path, _said = backup(tmp_path / "kept")
    _rewritten(path, migrations=[["conditions", "0999_of_next_year"]], release="v9")
    with pytest.raises(CommandError, match=r"made by a newer release \(v9\).*conditions.0999_of_next_year"):
        restore(path, replace=True)
    path, _said = backup(tmp_path / "kept2")
    other = "sqlite" if POSTGRESQL else "postgresql"
    with zipfile.ZipFile(path) as archive:
        dump = archive.read(form.DATABASES[connection.vendor])
    _rewritten(path, {form.DATABASES[other]: dump}, database=other)
    with pytest.raises(CommandError, match="damaged|goes back into the kind of database it came from"):
        restore(path, replace=True)


def test_so_many_are_kept_and_no_file_of_somebody_else_goes(portal, tmp_path, monkeypatch):
    (tmp_path / "notes.zip").write_text("mine")
    (tmp_path / "other.example-20200101T000000Z.zip").write_text("of another portal")
    for year in (2020, 2021, 2022):
        (tmp_path / f"127.0.0.1-{year}0101T000000Z.zip").write_text("old")
    path, said = backup(tmp_path, keep=2)
    assert {one.name for one in tmp_path.glob("*.zip")} == {
        "notes.zip", "other.example-20200101T000000Z.zip", "127.0.0.1-20220101T000000Z.zip", path.name,
    }  # fmt: skip
    assert "Removed, because 2 are kept: 127.0.0.1-20200101T000000Z.zip, 127.0.0.1-20210101T000000Z.zip." in said


def test_a_full_disk_is_said_and_leaves_earlier_backups_as_they_were(portal, tmp_path, monkeypatch):
    path, _said = backup(tmp_path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(CommandError, match="No space left on device.*Earlier backups are untouched"):
            backup(tmp_path, keep=1)
    assert [one.name for one in tmp_path.glob("*.zip")] == [path.name]
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".part*"))


def test_a_backup_that_was_killed_leaves_nothing_for_long(portal, tmp_path):
    (tmp_path / ".part-1-127.0.0.1-20200101T000000Z.zip").write_text("half")
    (tmp_path / ".part-1.sqlite3").write_text("half")
    path, _said = backup(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [path.name]


def test_a_picture_that_is_gone_or_damaged_is_told_and_pushes_no_better_backup_out(portal, tmp_path, settings):
    first, _said = backup(tmp_path)
    picture = settings.MEDIA_ROOT / portal.images.get().file.name
    picture.write_bytes(picture.read_bytes()[:-9])
    os.rename(first, tmp_path / "127.0.0.1-20200101T000000Z.zip")
    with pytest.raises(CommandError, match=f"1 pictures that pages name are gone or damaged: {picture.name}"):
        backup(tmp_path, keep=1)
    assert len(list(tmp_path.glob("*.zip"))) == 2
    restore(tmp_path / "127.0.0.1-20200101T000000Z.zip", replace=True)
    assert making.sha256(picture) == picture.stem


def test_what_was_wrong_already_then_comes_back_and_is_told(portal, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE publishing_edition SET summary = 'altered' WHERE key = 'tremor' AND language = 'en'")
    path, _said = backup(tmp_path)
    with pytest.raises(CommandError, match="verify finds what was wrong already then:\nsymptom/tremor/en, edition 1"):
        restore(path, replace=True)


def test_a_missing_or_older_program_of_postgresql_is_said(monkeypatch):
    with pytest.raises(
        form.Refused, match="pg_dump of PostgreSQL 99 or newer is needed.*apt-get install postgresql-client-99"
    ):
        databases.program("pg_dump", 99)
    monkeypatch.setattr(databases.Path, "glob", lambda *args: [])
    monkeypatch.setattr(databases.shutil, "which", lambda name: None)
    with pytest.raises(form.Refused, match="it is not installed"):
        databases.program("pg_dump", 15)


@pytest.mark.parametrize("at", ["pictures", "database"])
def test_a_restore_that_is_interrupted_leaves_the_old_state(portal, tmp_path, monkeypatch, at):
    path, _said = backup(tmp_path)
    publish_again(portal, 2)
    end = audit.end()

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if at == "pictures":
            patched.setattr("portal.backup.bringing_back._picture", killed)
        elif POSTGRESQL:
            patched.setattr(databases.shutil, "copyfileobj", killed)
        else:
            patched.setattr(databases.sqlite3, "connect", lambda *a, real=sqlite3.connect, **k: killed() if ".restoring" in str(a[0]) else real(*a, **k))  # fmt: skip
        restore(path, replace=True)
    assert audit.end() == end
    assert "Words 2." in Client().get("/en/symptoms/tremor/").content.decode()
    restore(path, replace=True)
    assert "Words 2." not in Client().get("/en/symptoms/tremor/").content.decode()


def test_a_backup_of_an_older_release_is_brought_up_to_date(portal, tmp_path):
    """Its database lacks an index that this release has."""

    def there():
        with connection.cursor() as cursor:
            return "live_pages_by_letter" in connection.introspection.get_constraints(cursor, "publishing_page")

    call_command("migrate", "publishing", "0007", verbosity=0)
    assert not there()
    path, _said = backup(tmp_path)
    call_command("migrate", verbosity=0)
    restore(path, replace=True)
    assert there()
    call_command("migrate", check_unapplied=True, verbosity=0)
