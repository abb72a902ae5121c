"""HL7 Context-Aware Knowledge Retrieval, URL-based: the rules of the guides in assertions of our own."""

import datetime as dt
import io
import json
import logging
import re
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override
from lxml import etree, html

from conditions import codes
from portal import languages
from portal.listening import protection
from portal.publishing import actions, search
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ICD10, MESH, HPO = "2.16.840.1.113883.6.3", "2.16.840.1.113883.6.177", "2.16.840.1.113883.6.339"
OF_A_FEED = ["title", "subtitle", "author", "updated", "category", "id", "link", "entry"]
OF_AN_ENTRY = ["title", "link", "id", "updated", "author", "summary", "content", "category", "published"]
CODED = ("mainSearchCriteria.v", "subTopic.v", "observation.v")
# The only schemes that may stand in a category.
SCHEMES = {
    *(f"{name}.{part}" for name in ("mainSearchCriteria.v", "subTopic.v") for part in ("c", "cs", "dn", "ot")),
    "taskContext.c.c", "taskContext.c.dn", "patientPerson.administrativeGenderCode.c",
    "patientPerson.administrativeGenderCode.dn", "ageGroup.v.c", "ageGroup.v.cs", "ageGroup.v.dn",
    "informationRecipient", "informationRecipient.languageCode.c", "performer", "performer.languageCode",
    "relevanceScore",
}  # fmt: skip
OFFERED = [language.code for language in languages.offered()]


def ask(status=200, client=None, **parameters):
    """c, cs, dn, ot are the main criterion's; other names are written out, "__" for a point."""
    short = {"c": "mainSearchCriteria.v.c", "cs": "mainSearchCriteria.v.cs", "dn": "mainSearchCriteria.v.dn",
             "ot": "mainSearchCriteria.v.ot", "to": "informationRecipient.languageCode.c",
             "as_": "knowledgeResponseType", "about": "subTopic.v.c"}  # fmt: skip
    given = {short.get(name, name.replace("__", ".")): value for name, value in parameters.items()}
    response = (client or Client()).get("/infobutton", given)
    assert response.status_code == status, (given, response.content)
    return response


def feed(**parameters):
    answer = ask(**parameters)
    assert answer["Content-Type"] == "text/xml; charset=utf-8"
    return checked(etree.fromstring(answer.content))


def checked(root):
    """An answer that keeps every rule."""
    assert root.tag == f"{ATOM}feed"
    in_order(root, OF_A_FEED)
    for name in ("title", "updated", "id"):
        assert len(root.findall(ATOM + name)) == 1
    for entry in root.iter(f"{ATOM}entry"):
        in_order(entry, OF_AN_ENTRY)
        for name in ("title", "id", "updated"):
            assert len(entry.findall(ATOM + name)) == 1
        assert entry.findall(f"{ATOM}link")
    assert root.find(f"{ATOM}author") is not None
    for element in (root, *root.iter(f"{ATOM}entry")):
        assert languages.canonical(element.get(LANG)), "every feed and entry names its language"
    for name in ("title", "subtitle", "summary"):
        for element in root.iter(ATOM + name):
            assert element.get("type") in {"text", "html"} and element.text
    for link in root.iter(f"{ATOM}link"):
        assert set(link.attrib) == {"href", "rel", "type", "hreflang", "title"} and all(link.attrib.values())
        assert link.get("href").startswith(settings.PUBLIC_ADDRESS)
    for element in root.iter(f"{ATOM}id"):
        assert urlsplit(element.text).scheme and " " not in element.text
    for element in root.iter(f"{ATOM}updated"):
        assert dt.datetime.fromisoformat(element.text).tzinfo
    for category in root.iter(f"{ATOM}category"):
        assert set(category.attrib) == {"scheme", "term"} and category.get("scheme") in SCHEMES
        if category.get("scheme") == "relevanceScore":
            assert 0 <= float(category.get("term")) <= 1
    ids = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
    assert len(ids) == len(set(ids))
    return root


def in_order(element, names):
    places = [names.index(child.tag.removeprefix(ATOM)) for child in element]
    assert places == sorted(places), [child.tag for child in element]


def as_json(element):
    """What the JSON of this element has to be."""
    said = {"lang" if name == LANG else name: value for name, value in element.attrib.items()}
    if element.text:
        said["_value"] = element.text
    for child in element:
        name = child.tag.removeprefix(ATOM)
        if name in {"link", "category", "entry"}:
            said.setdefault(name, []).append(as_json(child))
        else:
            said[name] = as_json(child)
    for always in {"feed": ("link", "category", "entry"), "entry": ("link", "category")}.get(
        element.tag.removeprefix(ATOM), ()
    ):
        said.setdefault(always, [])
    return said


def entries(root):
    return root.findall(f"{ATOM}entry")


def terms(element):
    return {category.get("scheme"): category.get("term") for category in element.findall(f"{ATOM}category")}


def summary(entry):
    return entry.findtext(f"{ATOM}summary")


def coded(kind="condition", key="torsion-dystonia", system="icd-10", code="G24.1", in_languages=("en",), **fields):
    """A published page with a code."""
    made = make.topic(kind, key, in_languages=in_languages, **fields)
    made.codes.create(system=system, code=code, verified=True)
    for language in in_languages:
        make.published(made, language)
    return made


def test_post_asks_the_same_without_a_cookie_or_a_token():
    coded()
    given = {"mainSearchCriteria.v.cs": ICD10, "mainSearchCriteria.v.c": "G24.1"}
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/infobutton", given)
    encoded = strict.post("/infobutton", "mainSearchCriteria.v.cs=2.16.840.1.113883.6.3&mainSearchCriteria.v.c=G24.1",
                          content_type="application/x-www-form-urlencoded")  # fmt: skip
    assert answer.status_code == 200 and len(entries(checked(etree.fromstring(answer.content)))) == 1
    for one in (answer, encoded, ask(cs=ICD10, c="G24.1")):
        assert one.content == answer.content
        assert not one.cookies and "Set-Cookie" not in one.headers and "Cookie" not in one.headers["Vary"]
        assert "no-store" in one["Cache-Control"]
    for method in ("put", "delete", "patch"):
        assert getattr(strict, method)("/infobutton").status_code == 405


def test_spellings_of_systems_in_use_are_understood():
    coded()
    coded("symptom", "tremor", "hpo", "HP:0001337")
    old = {"mainSearchCriteria.c.c": "G24.1", "mainSearchCriteria.c.cs": ICD10}
    assert len(entries(feed(**{name.replace(".", "__"): value for name, value in old.items()}))) == 1
    several = {"cs": ICD10, "c": "g241", "mainSearchCriteria.v.c1": "0001337", "mainSearchCriteria.v.cs1": f"urn:oid:{HPO}",
               "mainSearchCriteria.v.c2": "G24.1", "mainSearchCriteria.v.cs2": ICD10, "mainSearchCriteria.v.csn": "ICD-10"}  # fmt: skip
    root = feed(**several)
    assert [entry.findtext(f"{ATOM}title") for entry in entries(root)] == ["Torsion dystonia", "Tremor"]
    # Numbered criteria are answered, but no scheme of the closed list names them.
    assert terms(root) == {"mainSearchCriteria.v.c": "g241", "mainSearchCriteria.v.cs": ICD10}


def test_one_code_of_two_systems_is_two_questions():
    coded("condition", "idiopathic", "icd-10", "G24.1")
    coded("condition", "genetic", "icd-10-cm", "G24.1")
    assert [e.findtext(f"{ATOM}title") for e in entries(feed(cs=ICD10, c="G24.1"))] == ["Idiopathic"]
    assert [e.findtext(f"{ATOM}title") for e in entries(feed(cs="2.16.840.1.113883.6.90", c="G24.1"))] == ["Genetic"]


@pytest.mark.parametrize(
    ("system", "code", "asked"),
    [
        ("icd-10", "G24", "G24.8"),
        ("icd-10-cm", "G24.0", "G24.02"),
        ("icd-9-cm", "333", "333.79"),
        ("icd-11", "8A02.0", "8A02.0Y"),
        ("atc", "N04A", "N04AA01"),
        ("ndc", "00187-4051", "00187-4051-10"),
    ],
)
def test_a_broader_page_says_so_first_of_all(system, code, asked):
    coded(system=system, code=code)
    (entry,) = entries(feed(cs=codes.oid(system), c=asked))
    assert terms(entry)["relevanceScore"] == "0.5"
    assert terms(entry)["mainSearchCriteria.v.c"] == code
    assert html.fromstring(f"<div>{summary(entry)}</div>")[0].text_content() == (
        "This page is about something broader than what was asked for."
    )
    assert "broader" in ask(cs=codes.oid(system), c=asked, as_="text/html").content.decode()
    (exact,) = entries(feed(cs=codes.oid(system), c=code))
    assert terms(exact)["relevanceScore"] == "1" and "broader" not in summary(exact)


def test_the_nearest_code_with_a_page_answers_and_nothing_above_it():
    coded("condition", "category", "icd-10", "G24")
    coded("condition", "exactly", "icd-10", "G24.1")
    assert [e.findtext(f"{ATOM}title") for e in entries(feed(cs=ICD10, c="G24.1"))] == ["Exactly"]
    assert [e.findtext(f"{ATOM}title") for e in entries(feed(cs=ICD10, c="G24.11"))] == ["Exactly"]
    assert [e.findtext(f"{ATOM}title") for e in entries(feed(cs=ICD10, c="G24.2"))] == ["Category"]


@pytest.mark.parametrize(
    ("system", "code"),
    [(ICD10, "G99.9"), (ICD10, "no code"), ("2.16.840.1.113883.6.1", "4548-4"), (MESH, "D004422"), (ICD10, "Ĝ" * 64)],
)
def test_no_match_is_a_feed_without_an_entry(system, code):
    coded()
    assert entries(feed(cs=system, c=code)) == []
    assert json.loads(ask(cs=system, c=code, as_="application/json").content)["feed"]["entry"] == []
    assert "No page has" in ask(cs=system, c=code, as_="text/html").content.decode()


def test_words_alone_find_pages_by_name():
    coded(also_known_as_en="Oppenheim disease")
    search.learn("en", ["torsion", "dystonia"])  # happens after the commit, which no test reaches
    for asked in ({"dn": "Oppenheim disease"}, {"ot": "torsion dystonia"}):
        (entry,) = entries(feed(**asked))
        assert terms(entry)["relevanceScore"] == "0.75"
    (entry,) = entries(feed(dn="torsoin dystonia"))
    assert terms(entry)["relevanceScore"] == "0.5" and "No page has “torsoin dystonia”." in summary(entry)
    assert entries(feed(dn="gout")) == []
    # A code decides: words beside it do not turn an unknown code into something alike.
    assert entries(feed(cs=ICD10, c="G99", dn="Torsion dystonia")) == []


def test_words_of_one_language_find_the_page_in_the_language_asked_for():
    coded(in_languages=("en", "es"), name_es="Trastorno del movimiento")
    search.learn("en", ["torsion", "dystonia"])
    for words in ("Torsion dystonia", "dystonia torsion", "torsoin dystonia"):
        (entry,) = entries(feed(dn=words, to="es"))
        assert entry.findtext(f"{ATOM}title") == "Trastorno del movimiento", words
        with override("es"):
            assert gettext("This page does not exist in the language you chose. It exists in:") not in summary(entry)


@pytest.mark.parametrize(
    ("about", "section"),
    [("Q000628", "treatment_intro"), ("Q000175", "diagnosis"), ("Q000209", "causes"), ("Q000009", ""), ("Q1", "")],
)
def test_a_subtopic_leads_to_its_section(about, section):
    coded()
    for more in ({"about": about, "subTopic.v.cs": MESH}, {"subTopic.c.c": about, "subTopic.c.cs": MESH}):
        (entry,) = entries(feed(cs=ICD10, c="G24.1", **more))
        link = entry.find(f"{ATOM}link").get("href")
        assert urlsplit(link).fragment == section
        assert (entry.findtext(f"{ATOM}title") == "Torsion dystonia") == (not section)
        if section:
            assert f'id="{section}"' in Client().get(urlsplit(link).path).content.decode()
            assert terms(entry)["subTopic.v.c"] == about


def test_a_subtopic_may_be_named_instead():
    coded()
    (entry,) = entries(feed(cs=ICD10, c="G24.1", **{"subTopic.v.dn": "Etiology"}))
    assert entry.find(f"{ATOM}link").get("href").endswith("#causes")
    (entry,) = entries(feed(cs=ICD10, c="G24.1", **{"subTopic.v.c": "Q000628", "subTopic.v.cs": ICD10}))
    assert not urlsplit(entry.find(f"{ATOM}link").get("href")).fragment  # that code of another system


def test_adverse_effects_are_a_treatments_side_effects():
    coded("treatment", "levodopa", "atc", "N04BA01")
    (entry,) = entries(feed(cs="2.16.840.1.113883.6.73", c="N04BA01", about="Q000009"))
    assert entry.find(f"{ATOM}link").get("href").endswith("/en/treatments/levodopa/#side_effects")


def test_the_language_is_the_recipients_then_the_performers_then_the_browsers_then_the_sources():
    coded(in_languages=("en", "es", "fr", "ar"))

    def language(accept="", **given):
        client = Client(headers={"accept-language": accept}) if accept else Client()
        root = feed(client=client, cs=ICD10, c="G24.1", **given)
        (entry,) = entries(root)
        assert root.get(LANG) == entry.get(LANG)
        assert "does not exist in the language" not in summary(entry)
        return entry.get(LANG)

    performer = {"performer.languageCode.c": "fr-CA"}
    assert language("ar", to="es-MX", **performer) == "es"
    assert language("ar", **performer) == "fr"
    assert language("ar,en;q=0.5") == "ar"
    assert language() == "en"


def test_an_answer_is_named_by_its_question_and_its_language():
    coded(in_languages=("en", "es"))
    spanish = Client(headers={"accept-language": "es"})
    ids = [feed(client=client, cs=ICD10, c="G24.1").findtext(f"{ATOM}id") for client in (Client(), spanish)]
    assert ids[0] != ids[1] and all(" " not in one for one in ids)
    itself = Client().get(ids[1].removeprefix(settings.PUBLIC_ADDRESS))
    assert etree.fromstring(itself.content).findtext(f"{ATOM}id") == ids[1]


def test_another_language_than_the_one_asked_for_is_said_with_its_reason():
    coded(in_languages=("en", "es"))
    (entry,) = entries(root := feed(cs=ICD10, c="G24.1", to="fr", **{"performer.languageCode.c": "es"}))
    assert root.get(LANG) == "fr" and entry.get(LANG) == "es"  # the feed speaks to whom it was asked for
    said = html.fromstring(f"<div>{summary(entry)}</div>")
    with override("fr"):
        assert gettext("This page does not exist in the language you chose. It exists in:") in said[0].text_content()
    assert said[0].get("lang") == "fr" and said[1].get("lang") == "es"
    assert [name.get("lang") for name in said[0].iter("span")] == ["en", "es"]
    (entry,) = entries(feed(cs=ICD10, c="G24.1", to="de"))  # one that is not offered at all
    assert entry.get(LANG) == "en" and "does not exist in the language you chose" in summary(entry)
    (entry,) = entries(feed(cs=ICD10, c="G24.1", to="fr", about="Q000175"))
    assert entry.findtext(f"{ATOM}title") == "Torsion dystonia: Diagnosis"  # all of one language
    page = ask(cs=ICD10, c="G24.1", to="fr", as_="text/html").content.decode()
    assert '<html lang="fr"' in page and '<article class="found-more" lang="en"' in page


def test_what_readers_are_warned_of_stands_in_every_summary():
    made = coded(in_languages=("en", "es"), summary_es="Palabras viejas.")
    (entry,) = entries(feed(cs=ICD10, c="G24.1", to="es"))
    assert "Palabras viejas." in summary(entry)
    before = entry.findtext(f"{ATOM}updated")
    made.outlook_en = "<p>Other words.</p>"
    made.save()
    make.published(made, significance="follow")
    with override("es"):
        out_of_date = gettext("This translation still says what the original said on %(date)s.").split("%(date)s")[0]
        warning = gettext("Safety warning, not yet translated")
    (entry,) = entries(feed(cs=ICD10, c="G24.1", to="es"))
    assert out_of_date in summary(entry) and "Palabras viejas." in summary(entry)
    made.treatment_intro_en = "<p>Never take it with alcohol.</p>"
    made.save()
    make.published(made, significance="safety", note="The earlier words may harm.")
    for said in (
        summary(entries(feed(cs=ICD10, c="G24.1", to="es"))[0]),
        json.loads(ask(cs=ICD10, c="G24.1", to="es", as_="application/json").content)["feed"]["entry"][0]["summary"][
            "_value"
        ],
        ask(cs=ICD10, c="G24.1", to="es", as_="text/html").content.decode(),
    ):
        assert warning in said and "Never take it with alcohol." in said and "Palabras viejas." not in said
        assert '<div class="rich" lang="en"' in said or '<div lang="en"' in said
    assert entries(feed(cs=ICD10, c="G24.1", to="es"))[0].findtext(f"{ATOM}updated") >= before


def test_a_page_that_is_withdrawn_or_not_signed_answers_nothing():
    made = coded()
    waiting = make.symptom()
    waiting.codes.create(system="hpo", code="HP:0001337", verified=True)
    assert entries(feed(cs=HPO, c="HP:0001337")) == []
    actions.withdraw(Page.objects.get(key=made.key), by=make.clinician(), reason="Wrong.")
    assert entries(feed(cs=ICD10, c="G24.1")) == []


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "mainSearchCriteria.v.c"),
        ({"c": "G24.1"}, "mainSearchCriteria.v.cs"),
        ({"c": "G24.1", "cs": "1.2.3"}, "mainSearchCriteria.v.cs"),
        ({"dn": "x", "mainSearchCriteria.v.c3": "G24.1"}, "mainSearchCriteria.v.cs3"),
        ({f"mainSearchCriteria.v.dn{n}": "x" for n in range(1, 40)}, "mainSearchCriteria"),
        ({"c": "\0\n\t", "cs": ICD10}, "mainSearchCriteria.v.c"),
    ],
)
def test_a_wrong_request_is_told_in_the_form_asked_for(given, parameter):
    error = etree.fromstring(ask(400, **given).content)
    assert error.findtext("parameter") == parameter and error.findtext("message")
    assert json.loads(ask(400, as_="application/json", **given).content)["error"]["parameter"] == parameter
    called = ask(400, as_="application/javascript", callback="show", **given).content.decode()
    assert called.startswith("/**/show({") and parameter in called
    page = ask(400, as_="text/html", **given).content.decode()
    assert f"<code>{parameter}</code>" in page


@pytest.mark.parametrize(
    "callback",
    ["", "alert(1)", "a;b", "</script>", "a-b", "1a", "a..b", "x" * 200, "дом", "a\nb", "window['x']", "a.b.c.d.e.f"],
)
def test_only_the_name_of_a_function_is_called(callback):
    coded()
    answer = ask(400, cs=ICD10, c="G24.1", as_="application/javascript", callback=callback)
    assert etree.fromstring(answer.content).findtext("parameter") == "callback"
    assert callback not in answer.content.decode() or not callback


def test_javascript_calls_the_function_with_the_same_answer():
    coded()
    answer = ask(cs=ICD10, c="G24.1", as_="application/javascript", callback="jQuery123_456.done")
    assert answer["Content-Type"] == "application/javascript; charset=utf-8"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin" and answer["Access-Control-Allow-Origin"] == "*"
    called = re.fullmatch(r"/\*\*/jQuery123_456\.done\((.*)\);", answer.content.decode())
    assert json.loads(called[1])["feed"]["entry"][0]["title"]["_value"] == "Torsion dystonia"


def test_an_unknown_form_of_answer_is_refused_and_none_is_the_browsers_choice():
    coded()
    answer = ask(400, cs=ICD10, c="G24.1", as_="application/pdf")
    assert etree.fromstring(answer.content).findtext("parameter") == "knowledgeResponseType"
    browser = Client(headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    page = ask(cs=ICD10, c="G24.1", client=browser)
    assert page["Content-Type"].startswith("text/html") and "Accept" in page["Vary"]
    assert 'href="/en/conditions/torsion-dystonia/"' in page.content.decode()
    assert ask(cs=ICD10, c="G24.1", client=Client(headers={"accept": "*/*"}))["Content-Type"].startswith("text/xml")


def test_no_word_of_a_page_or_a_question_breaks_out_of_the_answer():
    name = "</script><b>&\u2028\"'=\\"
    coded("symptom", "hostile", "hpo", "HP:0001337", name_en=name, slug_en="hostile")
    answer = ask(cs=HPO, c="HP:0001337", dn=name, as_="application/json").content.decode()
    assert not set("<>=&'\u2028") & set(answer) and '\\"' not in answer
    assert json.loads(answer)["feed"]["entry"][0]["title"]["_value"] == name
    (entry,) = entries(feed(cs=HPO, c="HP:0001337", ot=name))
    assert entry.findtext(f"{ATOM}title") == name
    assert "<b>" not in ask(cs=HPO, c="HP:0001337", dn=name, as_="text/html").content.decode()


@pytest.mark.parametrize("hostile", ["\0", "\ud800", "\ufffe", "a" * 100_000, "%", "'; --", "[", "\u202e", "😀" * 300])
def test_any_words_get_an_answer_and_never_a_fault(hostile):
    coded()
    hostile = hostile.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    for given in ({"dn": f"dystonia {hostile}"}, {"cs": ICD10, "c": f"G24{hostile}"}, {"cs": ICD10, "c": "G24.1", "to": hostile},
                  {"cs": ICD10, "c": "G24.1", "about": hostile}):  # fmt: skip
        feed(**given)
        ask(as_="text/html", **given)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe&=&&=;%", "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"--x\r\nnonsense", "multipart/form-data"),
        (b'{"mainSearchCriteria.v.c": "G24.1"}', "application/json"),
        (b"&".join(b"a%d=1" % n for n in range(4000)), "application/x-www-form-urlencoded"),
        (b"mainSearchCriteria.v.dn=" + b"a" * 6_000_000, "application/x-www-form-urlencoded"),
        (b"a=1", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"", "text/xml"),
    ],
)
def test_a_body_of_any_kind_gets_a_clear_answer(body, kind):
    client = Client(raise_request_exception=False)
    assert client.post("/infobutton", body, content_type=kind).status_code in {400, 413}
    assert client.post("/fhir/r4/Composition/_search", body, content_type=kind).status_code in {200, 400, 413, 415}


def test_nothing_of_the_patient_is_echoed_kept_or_logged():
    coded()
    patient = {
        "patientPerson.administrativeGenderCode.c": "GENDERMARK", "age.v.v": "AGEMARK", "age.v.u": "AGEUNITMARK",
        "ageGroup.v.c": "GROUPMARK", "encounter.c.c": "ENCOUNTERMARK", "observation.c.c": "OBSERVATIONMARK",
        "observation.v.v": "VALUEMARK", "locationOfInterest.addr.ZIP": "PLACEMARK", "taskContext.c.c": "TASKMARK",
        "task.c.c": "TASKMARK", "representedOrganization.id.root": "HOUSEMARK", "severityObservation.interpretationCode.c": "SEVEREMARK",
        "patientPerson.name": "NAMEMARK",
    }  # fmt: skip
    given = {
        "mainSearchCriteria.v.cs": ICD10,
        "mainSearchCriteria.v.c": "G24.1",
        "informationRecipient": "PAT",
        **patient,
    }

    def everything():
        models_ = [model for model in apps.get_models() if model._meta.managed]
        return {model: serializers.serialize("json", model._default_manager.order_by("pk")) for model in models_}

    handler = logging.StreamHandler(held := io.StringIO())
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    before = everything()
    try:
        with CaptureQueriesContext(connection) as asked:
            answers = [Client().get("/infobutton", {**given, "knowledgeResponseType": kind, "callback": "f"}) for kind in
                       ("text/xml", "application/json", "application/javascript", "text/html")]  # fmt: skip
            answers += [Client().post("/infobutton", given)]
            answers += [Client().get("/infobutton", {**patient, "mainSearchCriteria.v.dn": "nothing at all"})]
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    assert everything() == before
    assert all(query["sql"].lstrip("( ").startswith("SELECT") for query in asked.captured_queries)
    for said in [held.getvalue(), *(query["sql"] for query in asked.captured_queries),
                 *(answer.content.decode() + str(answer.headers) for answer in answers)]:  # fmt: skip
        assert "MARK" not in said


@pytest.mark.parametrize("count", [1, 3])
def test_the_working_copy_is_not_asked_and_a_page_costs_two_queries(count, django_assert_num_queries):
    for number in range(count):
        coded("condition", f"c-{number}")
    with django_assert_num_queries(1 + 2 * count) as asked:
        assert len(entries(feed(cs=ICD10, c="G24.1"))) == count
    assert not [query for query in asked.captured_queries if "conditions_" in query["sql"] or "auth_" in query["sql"]]


def test_the_page_for_programmers_asks_without_a_script(django_assert_num_queries):
    coded()
    with django_assert_num_queries(1):
        answer = Client(headers={"accept-language": "ar"}).get("/developers/infobutton/")
    assert answer["Content-Language"] == "en" and not answer.cookies
    page = html.fromstring(answer.content)
    assert page.get("lang") == "en" and page.get("dir") == "ltr"
    (form,) = (form for form in page.forms if form.action == "/infobutton")
    form.fields["mainSearchCriteria.v.c"], form.fields["knowledgeResponseType"] = "G24.1", "application/json"
    answer = Client().get(form.action, dict(form.form_values()))
    assert len(json.loads(answer.content)["feed"]["entry"]) == 1
    tried = [link for link in page.xpath("//main//a/@href") if link.startswith("/infobutton?")]
    tried += [link for link in page.xpath("//main//a/@href") if link.startswith("/fhir/")]
    assert len(tried) == 7 and all(Client().get(link).status_code == 200 for link in tried)


def test_one_address_cannot_ask_without_end(monkeypatch):
    monkeypatch.setattr(protection, "BY_CODE", 2)
    question, hospital = {"mainSearchCriteria.v.dn": "tremor"}, {"REMOTE_ADDR": "192.0.2.7"}
    for _time in range(2):
        assert Client().get("/infobutton", question, **hospital).status_code == 200
    for address in ("/infobutton", "/fhir/r4/metadata", "/fhir/r5/Composition"):
        refused = Client().get(address, **hospital)
        assert refused.status_code == 429 and 0 < int(refused["Retry-After"]) <= protection.MINUTE
    assert refused.json()["issue"][0]["code"] == "throttled"
    assert Client().get("/fhir/r4/metadata", REMOTE_ADDR="192.0.2.8").status_code == 200
    assert "192.0.2" not in str(protection._memory._cache.keys())
