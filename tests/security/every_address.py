"""A portal with something of every kind, and every address of portal/urls.py asked in it."""

import datetime as dt
import io
import re

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver
from PIL import Image

from conditions import editions, exchange
from portal.listening.models import Feedback, Unanswered
from portal.publishing import actions, sharing
from portal.publishing.models import Change, Page
from portal.translating.exchange.work import Returned
from tests import make

# Addresses whose parts stand in an expression, and what the walk below cannot know.
BESIDES = [
    "/fhir/r4/metadata", "/fhir/r5/Composition", "/fhir/r4/Nothing", "/admin/conditions/", "/admin/auth/",
    "/en/search/?q=dystonia", "/en/conditions/no-such-page/", "/en/symptoms/old-tremor/", "/en/treatments/old-remedy/",
    "/en/conditions/torsion-dystonia", "/EN/", "/pt-BR/", "/no-such-address/", "/media/no-such-picture.png",
    "/static/css/base.css", "/static/js/kept.js", "/static/no-such-file.css", "/admin/no-such-address/",
    "/infobutton?mainSearchCriteria.v.cs=2.16.840.1.113883.6.3&mainSearchCriteria.v.c=G24.1",
    "/health/live", "/en/%00/", "/admin/conditions/condition/?q=dystonia", "/admin/conditions/condition/add/?_popup=1",
]  # fmt: skip


def a_busy_portal():
    """A page of every kind and fate, a file that came back, an answer of a reader. Returns (superuser, named values)."""
    root = make.person("root", is_superuser=True)
    condition = make.condition(in_languages=("en", "es"), headings=["brain-nerves"])
    symptom = make.symptom("tremor")
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(drawn, "PNG")
    picture = symptom.images.create(file=SimpleUploadedFile("hand.png", drawn.getvalue()), position=0, alt_en="A hand")
    symptom.slug_en = "old-tremor"
    symptom.save()
    make.published(symptom)
    symptom.slug_en = "tremor"
    symptom.save()
    make.published(symptom)
    make.published(condition)
    make.published(condition, "es")
    make.published(make.treatment())
    make.published(make.term())
    make.published(make.article())
    gone = make.treatment("old-remedy")
    make.published(gone)
    actions.withdraw(Page.objects.get(key="old-remedy"), by=make.clinician(), reason="Wrong.")
    condition.summary_en = "Take 5 mg & <b>rest</b>."
    condition.save()
    editions.refresh(make.fresh(condition), by=root)
    row = Returned("condition", condition.key, "summary", 0, None, "Older words.", "Palabras.", "es")
    parcel = exchange.keep("a.xlf", [row], "es", by=root)
    about = {"kind": "condition", "key": condition.key, "language": "en", "edition": 1, "day": dt.date.today()}
    Feedback.objects.create(**about, answered=False, words="<script>alert(1)</script>", words_hash="1")
    Unanswered.objects.create(language="en", words="<img src=x onerror=alert(1)>", day=dt.date.today(), count=1)
    token = sharing.token({"en": Change.objects.first().pk}, dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    named = {
        "language": "en", "other": "es", "kind": "conditions", "slug": "torsion-dystonia", "heading": "brain-nerves",
        "number": "1", "day": str(dt.date.today()), "token": token, "name": picture.file.name, "key": condition.key,
        "rest": "nothing", "code": "es", "letter": "t", "id": str(root.pk),
        "content_type_id": "1", "url": "nothing", "pk": str(parcel.pk),
    }  # fmt: skip
    return root, named


def patterns(resolver=None, before=""):
    """Every pattern of every address, as it stands in the files of addresses."""
    for one in (resolver or get_resolver()).url_patterns:
        if hasattr(one, "url_patterns"):
            yield from patterns(one, before + str(one.pattern))
        else:
            yield before + str(one.pattern)


def every_address(named):
    """One address of each pattern. A new pattern is asked from the day it is there."""
    found = []
    for pattern in patterns():
        if "^" in pattern:
            continue
        values = dict(named)
        if "api/v1/" in pattern:
            values["kind"] = "condition"
        if of := re.match(r"admin/(\w+)/(\w+)/", pattern):
            values["object_id"] = values["pk"] = str(_one_of(*of.groups()))
        values.setdefault("object_id", "1")
        found.append("/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda part, values=values: values[part[1]], pattern))
    return [*found, *BESIDES]


def _one_of(app, name):
    try:
        first = apps.get_model(app, name).objects.first()
    except LookupError:
        return 1
    return first.pk if first else 1
