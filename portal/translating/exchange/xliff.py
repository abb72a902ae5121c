"""XLIFF 1.2 and 2.0, written and read. Tags carry what they stand for, so that reading needs nothing but the file."""

import hashlib
import re
from itertools import count

from django.utils.translation import gettext as _
from lxml import etree

from . import text
from .work import (
    MAX_SEGMENTS,
    Returned,
    Segment,
    Unreadable,
    Work,
    local_id,
    old_target,
    original,
    read_local_id,
    read_original,
    worth_sending,
)

V12 = "urn:oasis:names:tc:xliff:document:1.2"
V20 = "urn:oasis:names:tc:xliff:document:2.0"
OURS = "urn:portal:exchange:1"
_MATCHES = "urn:oasis:names:tc:xliff:matches:2.0"
_SIZES = "urn:oasis:names:tc:xliff:sizerestriction:2.0"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_CTYPES = {"strong": "bold", "em": "italic", "a": "link", "br": "lb"}
_SUBTYPES = {"strong": "xlf:b", "em": "xlf:i", "br": "xlf:lb"}
# What a tag means whose text a tool has thrown away.
_MEANINGS = {"bold": "<strong>", "italic": "<em>", "lb": "<br>", "xlf:b": "<strong>", "xlf:i": "<em>", "xlf:lb": "<br>"}
_STATES_12 = {
    "machine": {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"},
    "translated": {"state": "translated"},
    "reviewed": {"state": "signed-off"},
}
_STATES_20 = {
    "missing": {"state": "initial"},
    "out-of-date": {"state": "initial", "subState": "portal:out-of-date"},
    "machine": {"state": "initial", "subState": "portal:machine"},
    "translated": {"state": "translated"},
    "reviewed": {"state": "reviewed"},
}
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>")
_ENCODING = re.compile(r"""encoding\s*=\s*["']([^"']*)["']""")


def write_12(works, legacy: bool = False) -> bytes:
    """`legacy`: for tools that only offer what stands in <target>; where there is nothing, the source is copied.

    Such a tool takes every target for a source: a translation that stands there is offered for translating again.
    """
    root = etree.Element(f"{{{V12}}}xliff", {"version": "1.2"}, nsmap={None: V12, "portal": OURS})
    for work in works:
        file = _under(root, V12, "file", {
            "original": original(work), "source-language": work.source_tag, "target-language": work.target_tag,
            "datatype": "html", "product-name": text.clean(work.title), "product-version": str(work.edition),
            _ours("edition"): str(work.edition),
        })  # fmt: skip
        if work.address:
            reference = _under(_under(file, V12, "header"), V12, "reference")
            _under(reference, V12, "external-file", {"href": text.clean(work.address)})
        body = _under(file, V12, "body")
        for part, segments in _by_part(work).items():
            group = _under(body, V12, "group", {"id": part, "resname": text.clean(segments[0].label or part)})
            for segment in segments:
                _unit_12(group, work, segment, legacy)
    return _bytes(root)


def _unit_12(group, work: Work, segment: Segment, legacy: bool):
    settled = segment.state in _STATES_12 and segment.target
    unit = _under(group, V12, "trans-unit", {
        "id": local_id(segment), _XML + "space": "preserve", _ours("hash"): _hash(segment.source),
    })  # fmt: skip
    if segment.max_length:
        unit.set("maxwidth", str(segment.max_length))
        unit.set("size-unit", "char")
    source = text.parse(segment.source, segment.rich)
    target = text.parse(segment.target, segment.rich) if settled else []
    text.number(source, target)
    _fill_12(_under(unit, V12, "source"), source)
    if settled:
        unit.set("approved", "yes" if segment.state == "reviewed" else "no")
        _fill_12(_under(unit, V12, "target", _STATES_12[segment.state]), target)
    elif legacy:
        _fill_12(_under(unit, V12, "target", {"state": "needs-translation"}), source)
    _under(unit, V12, "note", {"from": "portal"}).text = f"edition={work.edition}"
    for note in _notes(work, segment):
        _under(unit, V12, "note", {"from": "portal"}).text = note
    if segment.state == "out-of-date" and old_target(segment):
        alternative = _under(unit, V12, "alt-trans", {
            "alttranstype": "previous-version", _XML + "space": "preserve",
        })  # fmt: skip
        old = [text.parse(said, segment.rich) for said in (segment.before or ("", segment.target))]
        text.number(*old)
        if segment.before:
            _fill_12(_under(alternative, V12, "source"), old[0])
        _fill_12(_under(alternative, V12, "target"), old[1])


def _fill_12(element, nodes: text.Nodes):
    for node in nodes:
        if isinstance(node, str):
            _append(element, node)
            continue
        inner = _under(element, V12, "x" if node.inside is None else "g", {
            "id": str(node.number), "ctype": _CTYPES.get(node.name, f"x-{node.name}"), "equiv-text": node.opening,
        })  # fmt: skip
        _fill_12(inner, node.inside or [])


def write_20(works) -> bytes:
    works = list(works)
    languages = {(work.source_tag, work.target_tag) for work in works}
    if len(languages) != 1:  # a 2.0 file has one pair of languages for all it holds
        raise ValueError(f"One pair of languages in one file, not {sorted(languages)}")
    ((source_tag, target_tag),) = languages
    root = etree.Element(
        f"{{{V20}}}xliff", {"version": "2.0", "srcLang": source_tag, "trgLang": target_tag},
        nsmap={None: V20, "mtc": _MATCHES, "slr": _SIZES, "portal": OURS},
    )  # fmt: skip
    for at, work in enumerate(works, 1):
        file = _under(root, V20, "file", {
            "id": f"f{at}", "original": original(work), "canResegment": "no", _ours("edition"): str(work.edition),
        })  # fmt: skip
        if any(segment.max_length for segment in work.segments):
            _under(file, _SIZES, "profiles", {"generalProfile": "xliff:codepoints"})
        notes = _under(file, V20, "notes")
        _under(notes, V20, "note", {"category": "title"}).text = text.clean(work.title)
        if work.address:
            _under(notes, V20, "note", {"category": "address"}).text = text.clean(work.address)
        for part, segments in _by_part(work).items():
            group = _under(file, V20, "group", {"id": part, "name": text.clean(segments[0].label or part)})
            for segment in segments:
                _unit_20(group, work, segment)
    return _bytes(root)


def _unit_20(group, work: Work, segment: Segment):
    settled = segment.state in _STATES_12 and segment.target
    unit = _under(group, V20, "unit", {
        "id": local_id(segment), _XML + "space": "preserve", _ours("hash"): _hash(segment.source),
    })  # fmt: skip
    if segment.max_length:
        unit.set(f"{{{_SIZES}}}sizeRestriction", str(segment.max_length))
    if segment.state == "out-of-date" and segment.before and all(segment.before):
        match = _under(_under(unit, _MATCHES, "matches"), _MATCHES, "match", {
            "ref": "#s1", "type": "tm", "subType": "portal:previous-version",
        })  # fmt: skip
        _pair_20(match, match, *(text.parse(said, segment.rich) for said in segment.before))
    notes = _under(unit, V20, "notes")
    _under(notes, V20, "note", {"category": "edition"}).text = str(work.edition)
    for note in _notes(work, segment):
        _under(notes, V20, "note", {"category": "portal"}).text = note
    state = _STATES_20[segment.state if settled or segment.state == "out-of-date" else "missing"]
    source = text.parse(segment.source, segment.rich)
    target = text.parse(segment.target, segment.rich) if settled else None
    _pair_20(unit, etree.Element(f"{{{V20}}}segment", {"id": "s1", **state}), source, target)


def _pair_20(owner, holder, source: text.Nodes, target: text.Nodes | None):
    """Source and target into `holder`, and what their tags stand for into `owner`, before them."""
    text.number(source, target or [])
    found = [*text.tags(source), *text.tags(target or [])]
    stands_for = dict.fromkeys(said for tag in found for said in (tag.opening, tag.closing) if said)
    names = dict(zip(stands_for, (f"d{at}" for at in count(1)), strict=False))
    if names:
        data = _under(owner, V20, "originalData")
        for said, name in names.items():
            _under(data, V20, "data", {"id": name}).text = said
    if holder is not owner:
        owner.append(holder)
    _fill_20(_under(holder, V20, "source"), source, names)
    if target is not None:
        _fill_20(_under(holder, V20, "target"), target, names)


def _fill_20(element, nodes: text.Nodes, names: dict[str, str]):
    for node in nodes:
        if isinstance(node, str):
            _append(element, node)
            continue
        kind = {"type": "fmt", "subType": _SUBTYPES[node.name]} if node.name in _SUBTYPES else {"type": "other"}
        kind = {"type": "link"} if node.name == "a" else kind
        if node.inside is None:
            _under(element, V20, "ph", {"id": str(node.number), **kind, "dataRef": names[node.opening]})
            continue
        inner = _under(element, V20, "pc", {
            "id": str(node.number), **kind,
            "dataRefStart": names[node.opening], "dataRefEnd": names[node.closing],
        })  # fmt: skip
        _fill_20(inner, node.inside, names)


def _by_part(work: Work) -> dict[str, list[Segment]]:
    parts: dict[str, list[Segment]] = {}
    for segment in worth_sending(work):
        parts.setdefault(segment.part, []).append(segment)
    return parts


def _notes(work: Work, segment: Segment) -> list[str]:
    place = text.clean(f"{work.title}: {segment.label or segment.part}")
    return [place, *([text.what_changed(segment)] if segment.state == "out-of-date" else [])]


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]


def _ours(name: str) -> str:
    return f"{{{OURS}}}{name}"


def _under(parent, namespace: str, name: str, attributes=None):
    return etree.SubElement(parent, f"{{{namespace}}}{name}", attributes or {})


def _append(element, words: str):
    if len(element):
        element[-1].tail = (element[-1].tail or "") + words
    else:
        element.text = (element.text or "") + words


def _bytes(root) -> bytes:
    _on_lines(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _on_lines(element, depth: int = 1):
    """One element on a line, for people; never within words, where a space would count."""
    if not len(element) or etree.QName(element).localname in {"source", "target"}:
        return
    element.text = "\n" + "  " * depth
    for child in element:
        _on_lines(child, depth + 1)
        child.tail = "\n" + "  " * (depth if child is not element[-1] else depth - 1)


def read(data: bytes) -> list[Returned]:
    """What came back, of either version."""
    root = _parse(data)
    namespace = etree.QName(root).namespace
    if etree.QName(root).localname != "xliff" or namespace not in {V12, V20}:
        raise Unreadable(_("This is not an XLIFF file of version 1.2 or 2.0. Save it again as one of these."))
    found = []
    for file in root.iterchildren(f"{{{namespace}}}file"):
        owner = read_original(file.get("original", ""))
        if owner is None:
            raise _not_ours()
        tag = file.get("target-language") if namespace == V12 else root.get("trgLang")
        if not tag:
            raise Unreadable(_("This file does not say which language it was translated to."))
        edition = file.get(_ours("edition")) or file.get("product-version")
        for unit in file.iter(f"{{{namespace}}}trans-unit", f"{{{namespace}}}unit"):
            place = read_local_id(unit.get("id", ""))
            if place is None:
                raise _not_ours()
            if len(found) >= MAX_SEGMENTS:
                raise Unreadable(_("This file holds more than {number} texts.").format(number=MAX_SEGMENTS))
            texts = (_texts_12 if namespace == V12 else _texts_20)(unit, place.rich)
            found.append(Returned(*owner, place.part, place.number, _edition(unit, namespace, edition), *texts, tag))
    if not found:
        raise _not_ours()
    return found


def _not_ours() -> Unreadable:
    return Unreadable(
        _("This file was not made here. Download the file again, translate that one, and upload it with its own names.")
    )


def _parse(data: bytes):
    """The document, without ever opening anything or expanding anything."""
    said = text.decode(data)
    if "<!DOCTYPE" in said or "<!ENTITY" in said:
        raise Unreadable(_("This file declares a document type or entities. That is not allowed here."))
    declaration = _DECLARATION.match(said)
    if declaration:
        encoding = _ENCODING.search(declaration[0])
        if encoding and not re.fullmatch(r"utf-?(8|16)(le|be)?|us-ascii", encoding[1], re.IGNORECASE):
            raise Unreadable(_("This file is not written in UTF-8. Save it again as UTF-8, then upload it."))
        said = said[declaration.end() :]
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, dtd_validation=False,
        remove_comments=True, remove_pis=True, collect_ids=False, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(said.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as problem:
        line = getattr(problem, "lineno", 0)
        raise Unreadable(_("This file is damaged: its XML cannot be read at line {line}.").format(line=line)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(_("This file declares a document type or entities. That is not allowed here."))
    return root


def _edition(unit, namespace: str, of_the_file: str | None) -> int | None:
    """Notes are kept by every tool; our own attributes only by some."""
    for note in unit.iter(f"{{{namespace}}}note"):
        match = re.fullmatch(r"\s*(?:edition=)?([0-9]{1,9})\s*", note.text or "")
        if match and (note.get("category") == "edition" or "=" in note.text):
            return int(match[1])
    return int(of_the_file) if of_the_file and re.fullmatch("[0-9]{1,9}", of_the_file) else None


def _texts_12(unit, rich: bool) -> tuple[str, str]:
    source, target = unit.find(f"{{{V12}}}source"), unit.find(f"{{{V12}}}target")
    known: dict[str, str] = {}
    said = "" if source is None else _said(source, rich, known, {})
    return said, "" if target is None else _said(target, rich, known, {})


def _texts_20(unit, rich: bool) -> tuple[str, str]:
    """A tool may have cut a unit into several segments; a translation of some of them is none."""
    data = {one.get("id"): one.text or "" for one in unit.iterfind(f"{{{V20}}}originalData/{{{V20}}}data")}
    known: dict[str, str] = {}
    sources, targets, whole = [], [], True
    for at, piece in enumerate(unit.iterchildren(f"{{{V20}}}segment", f"{{{V20}}}ignorable"), 1):
        source, target = piece.find(f"{{{V20}}}source"), piece.find(f"{{{V20}}}target")
        sources.append("" if source is None else _said(source, rich, known, data))
        if target is None and etree.QName(piece).localname == "segment":
            whole = False
        order = "" if target is None else target.get("order", "")
        said = sources[-1] if target is None else _said(target, rich, known, data)
        targets.append((int(order) if re.fullmatch("[0-9]{1,6}", order) else at, said))
    ordered = [said for _at, said in sorted(targets, key=lambda one: one[0])]
    return "".join(sources), "".join(ordered) if whole else ""


def _said(element, rich: bool, known: dict[str, str], data: dict[str, str]) -> str:
    """The text of a source or target. `known`: what each tag of the source stands for; the source is read first."""
    said = [text.escape(element.text or "", rich)]
    for child in element:
        name = etree.QName(child).localname
        inside = ""
        if name in {"g", "pc", "mrk"}:
            inside = _said(child, rich, known, data)
        if rich and name in {"g", "pc", "x", "ph", "bx", "ex", "sc", "ec"}:
            said += _tagged(child, name, inside, known, data)
        else:
            said.append(inside)
        said.append(text.escape(child.tail or "", rich))
    return "".join(said)


def _tagged(element, name: str, inside: str, known: dict[str, str], data: dict[str, str]) -> list[str]:
    """A tag as it stands on a page. One that no page may hold is left out, and its words stay."""
    reference = element.get("dataRefStart") or element.get("dataRef") or ""
    meant = _MEANINGS.get(element.get("ctype") or element.get("subType") or "", "")
    number = element.get("id") or element.get("startRef") or ""
    if name in {"ex", "ec"}:
        opening = known.get(element.get("rid") or element.get("startRef") or number, meant)
    else:
        offers = (element.get("equiv-text"), data.get(reference), known.get(number), meant)
        opening = next((said for said in offers if said and text.TAG.fullmatch(said)), "")
        if opening:
            known.setdefault(element.get("rid") or number, opening)
    if not text.TAG.fullmatch(opening):
        return [inside]
    closing = f"</{re.match('</?([a-z0-9]+)', opening)[1]}>"
    if name in {"g", "pc"}:
        return [opening, inside, closing]
    return [closing if name in {"ex", "ec"} else opening, inside]
