"""A spreadsheet becomes a working copy: by name of column, told by row, never over somebody's words."""

import io
import zipfile

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from conditions import models
from conditions.bundle import loading, table
from conditions.bundle.form import Mistakes
from portal.publishing.models import Page
from portal.translating.exchange.work import Unreadable
from tests import make

pytestmark = pytest.mark.django_db

HEADS = ["kind", "key", "name", "summary", "synonyms", "overview", "name_es", "overview_zh_hans", "codes"]
ROW = [
    "symptom",
    "tremor",
    "Tremor",
    "Shaking & more.",
    "Shakes; The trembles",
    "It shakes.\n\n- in the hand\n- at rest",
    "Temblor",
    "颤抖",
    "hpo HP:0001337",
]


def sheet(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def comma(*rows):
    return "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows).encode()


@pytest.mark.parametrize("name", ["table.csv", "table.xlsx"])
def test_a_table_becomes_the_working_copy(name, tmp_path):
    place = tmp_path / name
    place.write_bytes((comma if name.endswith("csv") else sheet)(HEADS, ROW, ["condition", "dystonia", "Dystonia"]))
    call_command("import_table", place, verbosity=0)
    assert not models.Topic.objects.exists()
    call_command("import_table", place, write=True, verbosity=0)
    topic = models.Symptom.objects.get(key="tremor")
    assert topic.overview_en == "<p>It shakes.</p>\n<ul><li>in the hand</li><li>at rest</li></ul>"
    assert (topic.summary_en, topic.also_known_as_en) == ("Shaking & more.", "Shakes\nThe trembles")
    assert (topic.name_es, topic.overview_zh_hans, topic.slug_es) == ("Temblor", "<p>颤抖</p>", "temblor")
    assert (topic.codes.get().code, topic.codes.get().verified) == ("HP:0001337", False)
    assert models.Condition.objects.get().name_en == "Dystonia" and not Page.objects.exists()


def test_a_cell_changes_what_it_names_and_an_empty_one_nothing():
    loading.load(table.understand("t.csv", comma(HEADS, ROW)))
    loading.load(
        table.understand("t.csv", comma(["kind", "key", "summary", "name"], ["symptom", "tremor", "Newer.", ""]))
    )
    topic = models.Symptom.objects.get()
    assert (topic.summary_en, topic.name_en, topic.slug_en) == ("Newer.", "Tremor", "tremor")
    assert topic.name_es == "Temblor" and topic.codes.exists()
    topic.summary_en = "An editor's."
    topic.save()
    again = table.understand("t.csv", comma(["kind", "key", "summary"], ["symptom", "tremor", "Newest."]))
    assert [part.place for part in loading.load(again).only("kept")] == ["row 2, en"]
    assert models.Symptom.objects.get().summary_en == "An editor's."


def test_one_file_is_in_one_language_where_somebody_says_so():
    make.symptom("tremor")
    loading.load(table.understand("t.csv", comma(["kind", "key", "name"], ["symptom", "tremor", "Tremblement"]), "fr"))
    topic = models.Symptom.objects.get()
    assert (topic.name_fr, topic.name_en) == ("Tremblement", "Tremor")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["kind", "name"]], "row 1: the columns kind and key"),
        ([["kind", "key", "colour"]], "row 1, column colour: no part"),
        ([["kind", "key", "name", "Name_en"]], "row 1, column Name_en"),
        ([["kind", "key"]], "nothing in this table"),
        ([["kind", "key", "name"], ["symptom", "a", "A"], ["illness", "b", "B"]], "row 3, column kind: “illness” is none of"),
        ([["kind", "key", "name"], ["symptom", "Not A Key", "A"]], "row 2, column topic: the key “Not A Key”"),
        ([["kind", "key", "overview_es"], ["symptom", "a", "<p onclick=x>A</p><p>b</p>"]], r"row 2, column overview \(es\): this holds tags"),
        ([["kind", "key", "outlook"], ["symptom", "a", "A"]], "row 2, column en: a symptom has no section outlook"),
        ([["kind", "key", "codes"], ["symptom", "a", "G24.1"]], "row 2, column codes: write the system"),
        ([["kind", "key", "codes"], ["symptom", "a", "hpo 7"]], "row 2, column codes: “7” is no hpo code"),
        ([["kind", "key", "name"], ["symptom", "a", "x" * 201]], r"row 2, column name \(en\): this is longer"),
        ([["kind", "key", "see_also"], ["symptom", "a", "nowhere"]], "row 2, topic: there is no topic “nowhere”"),
        ([["kind", "key", "name"], ["symptom", "a", "A"], ["term", "a", "A"]], "row 3, column topic: the key stands here twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_row_and_column(rows, told, tmp_path):
    for name, data in (("t.csv", comma(*rows)), ("t.xlsx", sheet(*rows))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CommandError, match=told):
            call_command("import_table", tmp_path / name, write=True)
        assert not models.Topic.objects.exists()


def test_a_formula_is_not_run():
    found = table.understand("t.csv", comma(["kind", "key", "name"], ["term", "a", "'=1+1"]))
    assert found.topics[0].words["en"]["name"] == "=1+1"
    with pytest.raises(Mistakes, match="nothing in this table"):  # it was never calculated: there is no value
        table.understand("t.xlsx", sheet(["kind", "key", "name"], ["=A1", "=B1", "=1+1"]))


def test_hostile_spreadsheets(monkeypatch):
    for data in (b"PK\x03\x04 nothing", sheet(HEADS)[:-100]):
        with pytest.raises((Mistakes, Unreadable)):
            table.understand("t.xlsx", data)
    with pytest.raises(Mistakes, match="no XLSX"):
        table.understand("t.xlsx", _changed(sheet(HEADS, ROW), "xl/workbook.xml", b"<x/>"))
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>'
    with pytest.raises(Mistakes, match="declares entities"):
        table.understand("t.xlsx", _changed(sheet(HEADS, ROW), "xl/worksheets/sheet1.xml", bomb))
    far = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>kind</t></is></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    with pytest.raises(Mistakes, match="kind and key are missing"):
        table.understand("t.xlsx", _changed(sheet(HEADS, ROW), "xl/worksheets/sheet1.xml", far))
    monkeypatch.setattr(table, "MOST_BYTES", 1000)
    with pytest.raises(Unreadable, match="larger than"):
        table.understand("t.csv", b"x" * 1001)


def _changed(data, name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, content if member.filename == name else old.read(member.filename))
    return out.getvalue()
