"""Two machines with one database behave as one: for people at the desk, for the clock, and for pictures."""

import datetime as dt
import http.client
import io
import re
import time
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from django.conf import global_settings
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from conditions import models, pictures, start_up
from portal.publishing import actions
from portal.publishing.models import AuditEntry, Edition
from tests import machines, make, servers

pytestmark = pytest.mark.on("postgresql")  # the embedded database is of one machine
PROMISED = 1.0  # seconds from a publish until everybody sees it
PAGE = "/en/symptoms/tremor/"


class Browser:
    """One person whose requests a balancer spreads over the machines: one public name, so the same cookies for each."""

    def __init__(self):
        self.cookies = {}

    def ask(self, machine, path, **form):
        line = http.client.HTTPConnection(machine.host, machine.port, timeout=20)
        said = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Host": "127.0.0.1:8000",
        }
        body = None
        if form:
            said["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({"csrfmiddlewaretoken": self.cookies["csrftoken"], **form})
        line.request("POST" if form else "GET", path, body, said)
        answer = line.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookies |= {one.key: one.value for one in SimpleCookie(value).values()}
        text = answer.read().decode()
        line.close()
        return answer.status, text


@pytest.fixture
def site(tmp_path, transactional_db, settings):
    settings.MEDIA_ROOT = tmp_path / "shared"
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # the servers'
    with machines.two() as both:
        said = {"PUBLIC_ADDRESS": "http://127.0.0.1:8000", "MEDIA_DIR": str(settings.MEDIA_ROOT)}
        trees = [servers.Server(tmp_path / str(n), machine=machine, **said) for n, machine in enumerate(both)]
        try:
            yield [tree.wait() for tree in trees]
        finally:
            for tree in trees:
                tree.stop()


def shown(machine):
    answer = machine.get(PAGE)
    return answer.status == 200 and re.search(r"<h1[^>]*>\s*([\w ]+?)\s*<", answer.text)[1]


def everywhere(trees):
    """What each worker of each machine shows, as far as eight questions tell."""
    return {shown(machine) for machine in trees for _ in range(8)}


def test_two_machines_are_one_portal(site):
    one, two = site
    symptom, publisher = make.symptom(slug_en="tremor", name_en="First name"), make.clinician()
    words = make.manuscript(symptom)
    door = f"/admin/conditions/symptom/{symptom.pk}/gate/en/"

    # Signed in at the first, at work on the second, with a form from the first.
    person = Browser()
    status, _text = person.ask(one, "/admin/login/")
    assert status == 200
    assert person.ask(two, "/admin/login/", username=publisher.username, password="a-long-password")[0] == 302
    assert person.ask(one, door)[0] == 200
    assert person.ask(two, door, do="sign", digest=words.digest)[0] == 302
    assert person.ask(one, door, do="publish", digest=words.digest, significance="follow")[0] == 302
    time.sleep(PROMISED)
    assert everywhere(site) == {"First name"}
    # A forged form is refused by both, and who signs out is out everywhere.
    assert all(Browser().ask(machine, door)[0] == 302 for machine in site)
    assert person.ask(one, "/admin/logout/", csrfmiddlewaretoken="x" * 32)[0] == 403
    assert person.ask(one, "/admin/logout/", then="")[0] in (200, 302)
    assert person.ask(two, door)[0] == 302

    # What one of them was given, the other one has as well.
    picture = models.Image(topic=symptom, alt_en="A drawing.")
    picture.file.save("x.png", pictures.prepared(drawing()))
    kept = {machine.get(f"/media/{picture.file.name}").body for machine in site}
    assert kept == {picture.file.storage.open(picture.file.name).read()}

    # Both machines' clocks look for what is due; one wins.
    symptom.name_en = "Second name"
    symptom.save()
    words = make.manuscript(symptom)
    actions.sign_off(words, by=publisher, capacity="clinical")
    at = timezone.now() + dt.timedelta(seconds=1)
    actions.plan_publishing([actions.Publishing(words, significance="follow")], by=publisher, at=at)
    end = time.monotonic() + 30
    while Edition.objects.count() == 1 and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(PROMISED)
    assert everywhere(site) == {"Second name"}
    assert (Edition.objects.count(), AuditEntry.objects.filter(what="published").count()) == (2, 2)


@pytest.mark.django_db
def test_a_machine_that_does_not_see_the_pictures_of_the_others_says_so(settings, tmp_path, caplog):
    picture = models.Image(topic=make.symptom())
    picture.file.save("x.png", pictures.prepared(drawing()))
    start_up.say_which_pictures_are_missing()
    assert caplog.text == ""
    settings.MEDIA_ROOT = tmp_path / "of-this-machine"
    start_up.say_which_pictures_are_missing()
    assert f"1 of the newest 1 pictures are not in {settings.MEDIA_ROOT}" in caplog.text
    assert "MEDIA_DIR" in caplog.text


def drawing():
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(held, "PNG")
    return ContentFile(held.getvalue(), name="x.png")
