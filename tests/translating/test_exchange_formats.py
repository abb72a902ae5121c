"""Files for translators: what goes out comes back the same, other people's tools read it, hostile files are refused."""

import codecs
import contextlib
import csv
import io
import random
import shutil
import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree
from translate.storage import pypo
from translate.storage import xliff as toolkit_xliff

from portal.translating.exchange import incoming, pack, po, table, tbx, text, tmx, xliff
from portal.translating.exchange.work import Returned, Segment, Unreadable, Work, unit_id

SCHEMAS = Path(__file__).resolve().parents[1] / "data" / "xliff"
OMEGAT = shutil.which("omegat")

LINKED = 'Read <a href="https://example.org/?a=1&amp;b=2">this <strong>and <em>that</em></strong></a>.<br>Then stop.'
SEGMENTS = (
    Segment("name", 0, 'Asthma & "wheezing"', 'Asthma & „Pfeifen“ <so> &amp; > \'', "reviewed", max_length=60, label="Name"),
    Segment("sections.causes", 0, "Do <strong>not</strong> take it.", "Nimm <strong>nicht</strong> ein.", "translated", rich=True, label="Causes"),
    Segment("sections.causes", 1, LINKED, "", "missing", rich=True, label="Causes"),
    Segment(
        "sections.causes", 2, "Take <em>5 mg</em> a day.", "Täglich <em>10 mg</em>.", "out-of-date",
        before=("Take <em>10 mg</em> a day.", "Täglich <em>10 mg</em>."), rich=True, label="Causes",
    ),
    Segment("help_cards.deep-breathing.when_to_act", 0, "=SUM(A1) & a < b", "+49 30", "machine"),
    Segment(
        "sections.causes", 3, "If 5 &lt; 6 &amp;&amp; 7 &gt; 6: &lt;strong&gt; &amp;amp; &amp;lt;",
        "Wenn\u00a05 &lt; 6\u202f: &lt;br&gt; &amp;amp; &lt;a href=\"/x\"&gt; 'so' \"so\"", "translated", rich=True,
    ),
    Segment("sections.signs", 0, "Ask <a href=\"#help\">for help</a>.", "اسأل <a href=\"#help\">المساعدة</a> \u200fالآن\u2066.", "translated", rich=True),
    Segment("sections.signs", 1, "Breathe.<br>Again.", "呼吸。<br>再来一次。\U0001f600\u2028\u0085x", "reviewed", rich=True),
    Segment("sections.signs", 2, "<strong></strong><br> two  spaces \n and lines\t", "<br><em> a</em> <strong>b</strong>", "translated", rich=True),
    Segment("note", 0, "'=1 and '", "''-x", "translated"),
    Segment("note", 1, "", "", "missing"),
)  # fmt: skip
WORK = Work("condition", "asthma-2", "Asthma & <more>", 5, "en", "pt-BR", SEGMENTS, "https://example.org/?a=1&b=2")
OTHER = replace(WORK, key="déjà-vu", title="\x00Déjà vu", edition=12, segments=SEGMENTS[:3], address="")
WORKS = [WORK, OTHER]
READERS = {"xliff": xliff.read, "xliff-2": xliff.read, "xliff-legacy": xliff.read, "po": po.read, "csv": table.read}


def sent(work):
    return [segment for segment in work.segments if segment.source]


def settled(segment):
    return segment.state in {"machine", "translated", "reviewed"}


def back(segment, format):
    """The target that a file nobody has touched gives back."""
    if settled(segment):
        return segment.target
    if format == "xliff-legacy":
        return segment.source
    if format in {"po", "csv"} and segment.before:
        return segment.before[1]
    return ""


def one(**changed):
    given = {"part": "name", "number": 0, "source": "A word", **changed}
    return [Work("condition", "asthma", "Asthma", 5, "en", "de", (Segment(**given),))]


@pytest.mark.parametrize("format", READERS)
def test_what_goes_out_comes_back_the_same(format):
    _name, data, _type = pack.pack(WORKS, format)

    assert READERS[format](data) == [
        Returned(work.kind, work.key, one.part, one.number, work.edition, one.source, back(one, format), "pt-BR")
        for work in WORKS
        for one in sorted(
            sent(work), key=lambda one: [s.part for s in work.segments].index(one.part) if "xliff" in format else 0
        )
    ]
    assert incoming.read(f"x.{'xlf' if 'xliff' in format else format}", data) == READERS[format](data)
    assert b"CDATA" not in data and b"<!" not in data


@pytest.mark.parametrize("format", READERS)
def test_any_tags_in_any_order_come_back_the_same(format):
    random.seed(format)
    pieces = [
        "a",
        " & ",
        "<",
        ">",
        '"',
        "'",
        "\u00a0",
        "&lt;",
        "&amp;",
        "é",
        "שלום",
        "\n",
        " ",
        "=",
        "<b>",
        "</strong>",
        "<br>",
        "&#38;",
    ]

    def made(depth=3):
        said = ""
        for _ in range(random.randint(0, 4)):
            pick = random.random()
            if pick < 0.6 or not depth:
                said += text.escape(random.choice(pieces), True)
            elif pick < 0.7:
                said += "<br>"
            else:
                name = random.choice(["strong", "em", 'a href="https://e.org/?x=1&amp;y=2"', 'a href="#q"', "a"])
                said += f"<{name}>{made(depth - 1)}</{name.split()[0]}>"
        return said

    segments = tuple(
        Segment("sections.causes", at, f"x{made()}", f"y{made()}", "translated", rich=True) for at in range(300)
    )
    work = replace(WORK, segments=segments)

    returned = READERS[format](pack.pack([work], format)[1])

    assert [(r.source, r.target) for r in returned] == [(s.source, s.target) for s in segments]


@pytest.mark.parametrize("format", READERS)
def test_control_characters_are_dropped_and_lines_end_alike(format):
    works = one(source="a\x00b\x0b\ud800\r\nc", target="\ufffed\x1be\rf\tg", state="translated")

    returned = READERS[format](pack.pack(works, format)[1])[0]

    assert (returned.source, returned.target) == ("ab\nc", "de\nf\tg")


@pytest.mark.parametrize("format", READERS)
def test_tags_that_were_never_closed_do_not_break_a_file(format):
    works = one(source="a <strong>b <em>c</strong> d</em>", target="<em>x", state="translated", rich=True)

    returned = READERS[format](pack.pack(works, format)[1])[0]

    assert (returned.source, returned.target) == ("a <strong>b <em>c</strong> d</em>", "<em>x")


def schema(name):
    return etree.XMLSchema(etree.parse(SCHEMAS / name))


@pytest.mark.parametrize("format", ["xliff", "xliff-legacy", "xliff-2"])
def test_our_xliff_is_valid(format):
    against = schema("xliff-core-2.0.xsd" if format == "xliff-2" else "xliff-core-1.2-transitional.xsd")

    against.assertValid(etree.fromstring(pack.pack(WORKS, format)[1]))


def test_states_in_xliff_12():
    root = etree.fromstring(xliff.write_12([WORK]))
    units = {unit.get("id"): unit for unit in root.iter("{*}trans-unit")}

    def state(name):
        target = units[name].find("{*}target")
        return None if target is None else (dict(target.attrib), units[name].get("approved"))

    assert state("sections.causes.1.rich") is None
    assert state("sections.causes.2.rich") is None
    assert state("sections.causes.0.rich") == ({"state": "translated"}, "no")
    assert state("name.0") == ({"state": "signed-off"}, "yes")
    machine = {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"}
    assert state("help_cards.deep-breathing.when_to_act.0") == (machine, "no")
    assert (units["name.0"].get("maxwidth"), units["name.0"].get("size-unit")) == ("60", "char")
    old = units["sections.causes.2.rich"].find("{*}alt-trans")
    assert old.get("alttranstype") == "previous-version"
    assert ["".join(side.itertext()) for side in old] == ["Take 10 mg a day.", "Täglich 10 mg."]
    notes = [note.text for note in units["sections.causes.2.rich"].iter("{*}note")]
    assert notes == [
        "edition=5", "Asthma & <more>: Causes", "Changed since this was translated: Take [-10 mg-]{+5 mg+} a day.",
    ]  # fmt: skip


def test_states_in_xliff_20():
    root = etree.fromstring(xliff.write_20([WORK]))
    segments = {unit.get("id"): unit.find("{*}segment") for unit in root.iter("{*}unit")}

    def state(name):
        return segments[name].get("state"), segments[name].get("subState"), segments[name].find("{*}target") is not None

    assert state("sections.causes.1.rich") == ("initial", None, False)
    assert state("sections.causes.2.rich") == ("initial", "portal:out-of-date", False)
    assert state("help_cards.deep-breathing.when_to_act.0") == ("initial", "portal:machine", True)
    assert state("sections.causes.0.rich") == ("translated", None, True)
    assert state("name.0") == ("reviewed", None, True)
    old = segments["sections.causes.2.rich"].getparent().find(".//{urn:oasis:names:tc:xliff:matches:2.0}match")
    assert ["".join(side.itertext()) for side in old[1:]] == ["Take 10 mg a day.", "Täglich 10 mg."]


def test_an_edition_that_a_tool_has_dropped_is_unknown():
    for data in (xliff.write_12([WORK]), xliff.write_20([WORK])):
        root = etree.fromstring(data)
        for note in list(root.iter("{*}note")):
            note.getparent().remove(note)
        data = etree.tostring(root)
        assert {r.edition for r in xliff.read(data)} == {5}
        data = data.replace(b' portal:edition="5"', b"").replace(b' product-version="5"', b"")
        assert {r.edition for r in xliff.read(data)} == {None}


def test_20_and_tables_hold_one_pair_of_languages():
    for format in ("xliff-2", "po", "csv"):
        with pytest.raises(ValueError, match="One pair of languages"):
            pack.pack([WORK, replace(OTHER, target_tag="de")], format)
    assert {r.target_tag for r in xliff.read(xliff.write_12([WORK, replace(OTHER, target_tag="de")]))} == {
        "pt-BR",
        "de",
    }


def test_a_tag_whose_text_a_tool_threw_away_is_rebuilt():
    data = xliff.write_12([replace(WORK, segments=(SEGMENTS[2],))])
    root = etree.fromstring(data)
    unit = next(root.iter("{*}trans-unit"))
    target = etree.fromstring(etree.tostring(unit.find("{*}source")).replace(b"source", b"target"))
    for tag in target.iter("{*}g", "{*}x"):
        tag.attrib.pop("equiv-text")
    unit.insert(1, target)

    returned = xliff.read(etree.tostring(root))[0]

    assert (returned.source, returned.target) == (LINKED, LINKED)


@pytest.mark.parametrize(
    "tag",
    ['<script src="//x">', '<a href="javascript:alert(1)">', '<a href="/" onclick="x">', "<strong><script>", "<img src=x>", '<a href="//evil.org">'],
)  # fmt: skip
def test_a_file_brings_no_tags_of_its_own(tag):
    root = etree.fromstring(
        xliff.write_12(one(source="a <strong>b</strong>", target="c <em>d</em>", state="translated", rich=True))
    )
    root.find(".//{*}target/{*}g").set("equiv-text", tag)
    root.find(".//{*}target/{*}g").set("ctype", "x-own")
    assert xliff.read(etree.tostring(root))[0].target == "c d"

    root = etree.fromstring(
        xliff.write_20(one(source="a <strong>b</strong>", target="c <em>d</em>", state="translated", rich=True))
    )
    for data in root.iter("{*}data"):
        data.text = tag
    for inner in root.iter("{*}pc"):
        inner.attrib.pop("subType")
    assert xliff.read(etree.tostring(root))[0].target == "c d"

    flat = table.write(one(source="a", target="TAG", state="translated", rich=True)).replace(
        b"TAG", tag.replace('"', '""').encode()
    )
    assert "&lt;" in table.read(flat)[0].target


def test_20_cut_into_segments_is_joined_and_half_a_translation_is_none():
    data = xliff.write_20(one(source="One. Two.", target="Eins. Zwei.", state="translated")).decode()
    start, end = data.index("<segment"), data.index("</segment>") + len("</segment>")
    cut = (
        "<segment><source>One.</source><target>Eins.</target></segment><ignorable><source> </source></ignorable>"
        "<segment><source>Two.</source><target>Zwei.</target></segment>"
    )

    joined = xliff.read((data[:start] + cut + data[end:]).encode())[0]
    half = xliff.read((data[:start] + cut.replace("<target>Zwei.</target>", "") + data[end:]).encode())[0]

    assert (joined.source, joined.target) == ("One. Two.", "Eins. Zwei.")
    assert (half.source, half.target) == ("One. Two.", "")


def test_marks_of_other_tools_are_read_through():
    data = xliff.write_12(one(source="One. Two.", target="Eins. Zwei.", state="translated")).decode()
    data = data.replace(
        ">Eins. Zwei.<",
        '><mrk mtype="seg" mid="0">Eins.</mrk><!-- x --> <mrk mtype="seg" mid="1"><![CDATA[Zwei.]]></mrk><',
    )

    assert xliff.read(data.encode())[0].target == "Eins. Zwei."
    assert (
        xliff.read(codecs.BOM_UTF16_LE + data.replace("UTF-8", "UTF-16").encode("utf-16-le"))[0].target == "Eins. Zwei."
    )


def test_po_says_what_was_translated_before():
    said = po.write([WORK]).decode()

    assert 'msgctxt "condition/asthma-2#sections.causes.2.rich"' in said
    assert (
        '#. Asthma & <more>: Causes\n#. https://example.org/?a=1&b=2\n#. source edition 5\n#, fuzzy\n#| msgid "Take <em>10 mg</em> a day."\n'
        in said
    )
    assert 'msgstr "Täglich <em>10 mg</em>."' in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_that_a_spreadsheet_has_saved(delimiter, ending):
    rows = list(csv.reader(io.StringIO(table.write([WORK]).decode("utf-8-sig"), newline="")))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows([*rows, [""] * 6, []])

    assert table.read(out.getvalue().encode()) == table.read(table.write([WORK]))
    assert table.read(codecs.BOM_UTF16_LE + out.getvalue().encode("utf-16-le")) == table.read(table.write([WORK]))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", " =1", "'=1", "''=1", "\n=1", "＝1"])
def test_no_cell_is_a_formula(cell):
    assert table.protect(cell) == f"'{cell}"
    assert table.unprotect(table.protect(cell)) == cell


@pytest.mark.parametrize("cell", ["", "'", "x=1", "'quoted'", "3 - 2"])
def test_other_cells_stay_as_they_are(cell):
    assert table.protect(cell) == cell == table.unprotect(cell)


def test_tmx_holds_both_sides_with_their_tags():
    pairs = [
        ("Take <strong>5 mg</strong>.<br>", "Nimm <strong>5 mg</strong>.<br>", "de", "person"),
        ("A & B < C", "甲\x00", "zh-Hans", "import"),
    ]

    root = etree.fromstring(tmx.write(pairs, "en"))

    units = root.findall("body/tu")
    assert root.find("header").get("srclang") == "en"
    assert [side.get("{http://www.w3.org/XML/1998/namespace}lang") for side in units[1]][1:] == ["en", "zh-Hans"]
    assert "".join(units[0][1][0].itertext()) == "Take <strong>5 mg</strong>.<br>"
    assert [inner.tag for inner in units[0][2][0]] == ["bpt", "ept", "ph"]
    assert ["".join(side[0].itertext()) for side in units[1][1:]] == ["A & B < C", "甲"]
    assert units[0].find("prop").text == "person"


def test_tbx_says_which_words_to_use_and_which_to_avoid():
    terms = [
        (
            "panic attack",
            "A sudden & short fear.",
            {"en": ("panic attack", [], []), "de": ("Panikattacke", ["Panikanfall"], ["Anfall"])},
        )
    ]

    root = etree.fromstring(tbx.write(terms, "en"))

    found = [(term[0].text, term[1].text) for term in root.iter("{*}termSec")]
    assert found == [
        ("panic attack", "preferredTerm-admn-sts"), ("Panikattacke", "preferredTerm-admn-sts"),
        ("Panikanfall", "admittedTerm-admn-sts"), ("Anfall", "deprecatedTerm-admn-sts"),
    ]  # fmt: skip
    assert root.find(".//{*}descrip").text == "A sudden & short fear."
    assert (root.get("type"), root.get("style")) == ("TBX-Basic", "dca")
    assert root.find(".//{*}conceptEntry").get("id") == "c-panic-attack"


def test_packs_have_speaking_names():
    assert pack.pack([WORK], "xliff")[::2] == ("condition-asthma-2.pt-BR.xlf", "application/xliff+xml")
    assert pack.pack(WORKS, "po")[0] == "translations.pt-BR.po"
    assert pack.pack([WORK, replace(OTHER, target_tag="de")], "xliff")[0] == "translations.xlf"
    name, data, content_type = pack.pack_zip(WORKS, "csv")
    assert (name, content_type) == ("translations.pt-BR.zip", "application/zip")
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == [
        "condition-asthma-2.pt-BR.csv",
        "condition-déjà-vu.pt-BR.csv",
    ]
    assert incoming.read(name, data) == [*table.read(table.write([WORK])), *table.read(table.write([OTHER]))]
    assert data == pack.pack_zip(WORKS, "csv")[1]


def test_nothing_to_translate_and_names_that_would_not_be_found_again_are_mistakes():
    with pytest.raises(ValueError, match="nothing to translate"):
        pack.pack(one(source=" "), "xliff-2")
    for wrong in (one(part="a b"), one(part="a#b"), [replace(WORK, key="a/b")], [replace(WORK, kind="")]):
        with pytest.raises(ValueError, match="cannot be named in a file"):
            pack.pack(wrong, "xliff")


# Hostile files.

GOOD = xliff.write_12(one())
BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "&%c;&%c;&%c;&%c;">' % (c + 1, c, c, c, c) for c in range(ord("a"), ord("z"))
) + b"]>" + GOOD.split(b"?>", 1)[1].replace(b"A word", b"&z;")  # fmt: skip
OUTSIDE = b'<!DOCTYPE xliff [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + GOOD.split(b"?>", 1)[1].replace(
    b"A word", b"&x;"
)


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return out.getvalue()


def locked():
    data = bytearray(zipped(("a.xlf", GOOD)))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(signature) + at
        data[start : start + 2] = struct.pack("<H", 1)
    return bytes(data)


def lying_of_its_size():
    data = bytearray(zipped(("a.xlf", random.Random(1).randbytes(11 * 1024 * 1024 // 8) * 8)))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(signature) + at
        data[start : start + 4] = struct.pack("<I", 1000)
    return bytes(data)


DOCTYPE = "declares a document type or entities"
NOT_OURS = "was not made here"
HOSTILE = {
    "a document type": ("a.xlf", b"<!DOCTYPE xliff>" + GOOD.split(b"?>", 1)[1], DOCTYPE),
    "a document type elsewhere": ("a.xlf", b'<!DOCTYPE xliff SYSTEM "http://127.0.0.1:9/x.dtd">' + GOOD.split(b"?>", 1)[1], DOCTYPE),
    "a document type in UTF-16": ("a.xlf", codecs.BOM_UTF16_BE + "<!DOCTYPE xliff><xliff/>".encode("utf-16-be"), DOCTYPE),
    "an entity from outside": ("a.xlf", OUTSIDE, DOCTYPE),
    "an entity bomb": ("a.xlf", BOMB, DOCTYPE),
    "an unknown entity": ("a.xlf", GOOD.replace(b"A word", b"&x;"), "XML cannot be read at line"),
    "a bomb named as a table": ("a.csv", BOMB, DOCTYPE),
    "not XML": ("a.xlf", GOOD[:-20], "XML cannot be read at line"),
    "not XML at all": ("a.xlf", b"hello", "does not hold one"),
    "nothing": ("a.xlf", b"", "this file is empty"),
    "too deep": ("a.xlf", GOOD.replace(b"A word", b'<g id="1">' * 5000 + b"</g>" * 5000), "XML cannot be read"),
    "other XML": ("a.xlf", b"<html><body/></html>", "not an XLIFF file of version"),
    "somebody else's XLIFF": ("a.xlf", GOOD.replace(b"condition/asthma", b"C:\\work\\index.html"), NOT_OURS),
    "somebody else's units": ("a.xlf", GOOD.replace(b'"name.0"', b'"6e2f1"'), NOT_OURS),
    "no units": ("a.xlf", b'<xliff version="1.2" xmlns="%s"/>' % xliff.V12.encode(), NOT_OURS),
    "no language": ("a.xlf", GOOD.replace(b' target-language="de"', b""), "does not say which language"),
    "not UTF-8": ("a.xlf", GOOD.replace(b"A word", b"A w\xf6rd"), "not written in UTF-8"),
    "another encoding": ("a.xlf", GOOD.replace(b"UTF-8", b"ISO-8859-1", 1), "not written in UTF-8"),
    "an encoding that hides": ("a.xlf", GOOD.replace(b"UTF-8", b"UTF-7", 1), "not written in UTF-8"),
    "a table not in UTF-8": ("a.csv", table.write(one()).replace(b"A word", b"A w\xf6rd"), "not written in UTF-8"),
    "a catalogue not in UTF-8": ("a.po", po.write(one()).replace(b"A word", b"A w\xf6rd"), "not written in UTF-8"),
    "a table without its first line": ("a.csv", table.write(one()).split(b"\n", 1)[1], "does not name the columns"),
    "a table with an id of its own": ("a.csv", table.write(one()).replace(b"condition/", b"../"), "Row 2 of this table has no id"),
    "a table that never ends": ("a.csv", table.write(one()) + b'"' + b"x" * 200_000, "This table is damaged"),
    "somebody else's catalogue": ("a.po", b'msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "File"\nmsgstr "Datei"\n', NOT_OURS),
    "a damaged catalogue": ("a.po", po.write(one()) + b'\nmsgid "x"\nmsgstr y"\n', "This PO file is damaged at line 19"),
    "a catalogue out of order": ("a.po", po.write(one()) + b'\nmsgstr "x"\n', "This PO file is damaged at line 18"),
    "a catalogue of endless lines": ("a.po", po.write(one()) + b'"a"\n' * 2_500_000, "This PO file is damaged at line"),
    "a catalogue of endless comments": ("a.po", po.write(one()) + b"#. a\n\n" * 1_500_000, "This PO file is damaged at line"),
    "a table of endless columns": ("a.csv", b"id,source,translation [de]" + b"," * 5_000_000 + b"\nx" * 50_000, "Row 2 of this table has no id"),
    "a catalogue that names a file": ("a.po", b"/etc/passwd", "damaged"),
    "too large": ("a.xlf", GOOD + b" " * (10 * 1024 * 1024), "larger than 10 MB"),
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n", "Upload an XLIFF"),
    "too many texts": ("a.csv", table.write(one()) + (table.write(one()).splitlines()[1] + b"\n") * 50_000, "more than 50000 texts"),
    "too many texts in a catalogue": ("a.po", po.write(one()) + b'msgid "x"\n' * 50_001, "more than 50000 texts"),
    "a zip that unpacks to too much": ("a.zip", zipped(*((f"{n}.csv", random.Random(n).randbytes(600_000)) for n in range(5)), ("x.csv", random.Random(9).randbytes(90_000) * 88)), "larger than 10 MB"),
    "a zip bomb": ("a.zip", zipped(("a.xlf", b" " * 9_000_000)), "unpacks to far more"),
    "a zip of too many": ("a.zip", zipped(*((f"{n}.xlf", GOOD) for n in range(501))), "more than 500 files"),
    "a zip in a zip": ("a.zip", zipped(("b.zip", zipped(("a.xlf", GOOD)))), "holds another ZIP"),
    "a zip in a zip by another name": ("a.zip", zipped(("b.xlf", zipped(("a.xlf", GOOD)))), "holds another ZIP"),
    "a zip that leads up": ("a.zip", zipped(("../a.xlf", GOOD)), "leads out of it"),
    "a zip that leads up in Windows": ("a.zip", zipped(("x\\..\\a.xlf", GOOD)), "leads out of it"),
    "a zip from the root": ("a.zip", zipped(("/etc/a.xlf", GOOD)), "leads out of it"),
    "a zip from a drive": ("a.zip", zipped(("C:/a.xlf", GOOD)), "leads out of it"),
    "a locked zip": ("a.zip", locked(), "locked with a password"),
    "a zip of another packing": ("a.zip", zipped(("a.xlf", GOOD), method=zipfile.ZIP_LZMA), "Pack it again as plain ZIP"),
    "a damaged zip": ("a.zip", zipped(("a.xlf", GOOD))[:-30], "This ZIP file is damaged"),
    "a zip that lies of its size": ("a.zip", lying_of_its_size(), "damaged|larger"),
    "an empty zip": ("a.zip", zipped(), "this file is empty"),
    "a zip with a stranger in it": ("a.zip", zipped(("a.xlf", GOOD), ("run.exe", b"MZ")), "run.exe: Upload an XLIFF"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_with_the_reason(case):
    name, data, reason = HOSTILE[case]

    with pytest.raises(Unreadable, match=reason):
        incoming.read(name, data)


def test_too_many_texts_in_xliff():
    unit = GOOD[GOOD.index(b"<trans-unit") : GOOD.index(b"</trans-unit>") + 13]
    short = b'<trans-unit id="a.0"><source/></trans-unit>'

    with pytest.raises(Unreadable, match="more than 50000 texts"):
        incoming.read("a.xlf", GOOD.replace(unit, short * 50_001))


@pytest.mark.parametrize("format", READERS)
def test_damage_anywhere_is_read_or_refused_and_never_breaks(format):
    luck = random.Random(format)
    _name, whole, _type = pack.pack([WORK], format)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(luck.randint(1, 4)):
            at = luck.randrange(len(data))
            data[at : at + luck.choice([0, 1, 30])] = luck.choice(
                [b"", b'"', b"<", b"\x00", b"\xff", b"&", b"\n", b"#~ ", b"]]>", b"{}"]
            )
        with contextlib.suppress(Unreadable):
            incoming.read("a." + {"po": "po", "csv": "csv"}.get(format, "xlf"), bytes(data))


def test_a_zip_from_a_mac_is_read():
    data = zipped(("a/", b""), ("a/a.xlf", GOOD), ("__MACOSX/a/._a.xlf", b"\x00"), ("a/.DS_Store", b"\x00"))

    assert len(incoming.read("a.zip", data)) == 1


# Tools that are not ours.


def test_translate_toolkit_keeps_all_words_of_our_xliff():
    """It sets a target as plain words: the tags of a target it writes are gone, and the checks of a translation will
    say so. Sources, words, ids, editions and untouched targets stay as they are.
    """
    store = toolkit_xliff.xlifffile.parsestring(xliff.write_12(WORKS))
    for unit in store.units:
        if not unit.target:
            unit.target = f"„{unit.source}“ & <mehr>"
    returned = {(r.key, r.part, r.number): r for r in xliff.read(bytes(store))}

    assert len(returned) == sum(len(sent(work)) for work in WORKS)
    for work in WORKS:
        for segment in sent(work):
            one = returned[work.key, segment.part, segment.number]
            assert (one.source, one.edition, one.target_tag) == (segment.source, work.edition, "pt-BR")
            if settled(segment):
                assert one.target == segment.target
            else:
                words = "".join(node if isinstance(node, str) else "" for node in flat(segment))
                assert one.target == text.escape(f"„{words}“ & <mehr>", segment.rich)


def flat(segment):
    def walk(nodes):
        for node in nodes:
            yield from [node] if isinstance(node, str) else walk(node.inside or [])

    return walk(text.parse(segment.source, segment.rich))


def test_translate_toolkit_reads_our_po_and_we_read_its():
    store = pypo.pofile.parsestring(po.write([WORK]))
    units = {unit.getcontext(): unit for unit in store.units if not unit.isheader()}
    assert {name for name, unit in units.items() if unit.isfuzzy()} == {
        unit_id(WORK, SEGMENTS[3]), unit_id(WORK, SEGMENTS[4]),
    }  # fmt: skip
    assert units[unit_id(WORK, SEGMENTS[3])].prev_source == "Take <em>10 mg</em> a day."
    for segment in sent(WORK):
        unit = units[unit_id(WORK, segment)]
        assert unit.source == text.write_flat(segment.source, segment.rich)
        unit.target = unit.source + " …"

    returned = po.read(bytes(store))

    assert [(r.source, r.target, r.edition) for r in returned] == [(s.source, s.source + " …", 5) for s in sent(WORK)]


PROJECT = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<omegat><project version="1.0">
  <source_dir>__DEFAULT__</source_dir><target_dir>__DEFAULT__</target_dir><tm_dir>__DEFAULT__</tm_dir>
  <glossary_dir>__DEFAULT__</glossary_dir><glossary_file>__DEFAULT__</glossary_file>
  <dictionary_dir>__DEFAULT__</dictionary_dir><source_lang>EN</source_lang><target_lang>PT-BR</target_lang>
  <sentence_seg>false</sentence_seg><support_default_translations>true</support_default_translations>
  <remove_tags>false</remove_tags>
</project></omegat>"""


def through_omegat(folder, data, memory):
    """What OmegaT makes of our file with the translations of a memory, which it takes from our own TMX."""
    for name in ("source", "target", "tm/auto", "omegat", "glossary", "dictionary", "home"):
        (folder / name).mkdir(parents=True)
    (folder / "omegat.project").write_text(PROJECT)
    (folder / "source" / "ours.xlf").write_bytes(data)
    (folder / "tm" / "auto" / "memory.tmx").write_bytes(tmx.write(memory, "en"))
    said = subprocess.run(
        [OMEGAT, folder, "--mode=console-translate", f"--config-dir={folder / 'home'}", "--no-team", "--disable-project-locking"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    written = folder / "target" / "ours.xlf"
    assert written.exists(), said.stdout + said.stderr
    return written.read_bytes()


@pytest.mark.skipif(OMEGAT is None, reason="XLIFF through OmegaT: no OmegaT on this machine")
def test_omegat_translates_our_legacy_xliff(tmp_path):
    """OmegaT shows tags as <g0>, <x3/>; a translator may put them in another order."""
    memory = [
        ("Read <g0>this <g1>and <g2>that</g2></g1></g0>.<x3/>Then stop.", "Pare & leia <g0><g1><g2>isso</g2></g1></g0>.<x3/>Ação <já>."),
        ("Take <g0>5 mg</g0> a day.", "Tome <g0>5 mg</g0> por dia."),
    ]  # fmt: skip
    memory = [(text.escape(source, True), text.escape(target, True), "pt-BR", "person") for source, target in memory]
    expected = {
        SEGMENTS[2]: 'Pare &amp; leia <a href="https://example.org/?a=1&amp;b=2"><strong><em>isso</em></strong></a>.<br>Ação &lt;já&gt;.',
        SEGMENTS[3]: "Tome <em>5 mg</em> por dia.",
    }  # fmt: skip

    returned = {
        (r.key, r.part, r.number): r
        for r in incoming.read("ours.xlf", through_omegat(tmp_path, xliff.write_12(WORKS, legacy=True), memory))
    }

    assert len(returned) == sum(len(sent(work)) for work in WORKS)
    for work in WORKS:
        for segment in sent(work):
            one = returned[work.key, segment.part, segment.number]
            untouched = segment.target if settled(segment) else segment.source
            assert one.target == expected.get(segment, untouched)
            assert (one.source, one.edition, one.target_tag) == (segment.source, work.edition, "pt-BR")
