"""The disk is full: reads go on, a publish is all or nothing, and when there is room again everything works by itself."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, connections
from django.test import Client, RequestFactory

from conditions import leaflets, presentation
from conditions.public import views
from portal.publishing import actions
from portal.publishing.models import Edition, Page
from tests import make
from tests.conditions.test_pictures import picture
from tests.torture import agreement, table

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small(tmp_path):
    """A file system of its own of 8 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("a full disk: this account may not mount a small file system")
    yield place
    connections.close_all()
    subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def full(place: Path):
    """Not one byte more fits in."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def said_to_the_desk(error):
    try:
        raise error
    except OSError:
        return views.server_error(RequestFactory().post("/admin/"))


def test_leaflets_and_pictures_are_whole_or_not_there(small, settings):
    line = table.line("full disk: leaflets, pictures")
    settings.VAR_DIR, settings.MEDIA_ROOT = small, small / "media"
    topic = make.symptom("tremor")
    make.published(topic)
    page = presentation.page_url(Page.objects.get())
    client = Client(raise_request_exception=False)
    with full(small):
        assert client.get(page).status_code == 200
        if leaflets._weasyprint():
            assert client.get(f"{page}leaflet.pdf").getvalue().rstrip().endswith(b"%%EOF")
        with pytest.raises(OSError) as refused:
            topic.images.create(file=SimpleUploadedFile("a.png", picture(size=(900, 900))), position=0, alt_en="A hand")
        assert not topic.images.exists()
        answer = said_to_the_desk(refused.value)
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        line.counts["rounds"] += 3
    topic.images.create(file=SimpleUploadedFile("a.png", picture(size=(900, 900))), position=0, alt_en="A hand")
    if leaflets._weasyprint():
        assert client.get(f"{page}leaflet.pdf").status_code == 200
    assert [*agreement.faults(), *agreement.left_behind()] == []


def test_with_the_embedded_database_on_it(small):
    if connection.vendor != "sqlite":
        return  # a server's disk is its own; it refuses to write, and reads (PostgreSQL, chapter "Disk full failure")
    line = table.line("full disk: embedded database")
    topic = make.symptom("tremor")
    make.published(topic)
    address = presentation.page_url(Page.objects.get())
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(small / "portal.sqlite3")])
    connections.close_all()
    connection.settings_dict["NAME"] = str(small / "portal.sqlite3")
    try:
        client = Client(raise_request_exception=False)
        assert client.get(address).status_code == 200
        done = 1
        with full(small):
            for number in range(40):  # what the journal still has room for is written
                topic.summary_en = f"Told the {number}. time. " + "Shaking. " * 2_000
                try:
                    topic.save()
                    make.published(topic)
                    done += 1
                except (DatabaseError, OSError, actions.Refused):
                    break
            else:
                raise AssertionError("The disk was never full.")
            line.counts["acknowledged"] += done
            connections.close_all()
            for path in (address, f"{address}editions/", "/en/search/?q=tremor", "/en/"):  # on new connections
                assert client.get(path).status_code == 200, path
                line.counts["rounds"] += 1
            assert Edition.objects.count() in (done, done + 1)
        topic.summary_en = "There is room again."
        topic.save()
        make.published(topic)
        assert "There is room again." in client.get(address).text
        assert [*agreement.faults()] == []
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = name
        assert os.path.exists(name)
