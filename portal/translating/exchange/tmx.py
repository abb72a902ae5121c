"""A translation memory, TMX 1.4b, for translators to take along."""

from lxml import etree

from . import text

_XML = "{http://www.w3.org/XML/1998/namespace}"


def write(pairs, source_tag: str) -> bytes:
    """`pairs`: (source, target, target tag, origin). Texts may hold inline tags; plain ones are read the same."""
    root = etree.Element("tmx", {"version": "1.4"})
    etree.SubElement(root, "header", {
        "creationtool": "portal", "creationtoolversion": "1", "segtype": "block", "o-tmf": "portal",
        "adminlang": "en", "srclang": source_tag, "datatype": "html",
    })  # fmt: skip
    body = etree.SubElement(root, "body")
    for source, target, target_tag, origin in pairs:
        unit = etree.SubElement(body, "tu")
        etree.SubElement(unit, "prop", {"type": "origin"}).text = text.clean(origin)
        sides = text.parse(source, True), text.parse(target, True)
        text.number(*sides)
        for nodes, tag in zip(sides, (source_tag, target_tag), strict=True):
            side = etree.SubElement(unit, "tuv", {_XML + "lang": tag})
            _fill(etree.SubElement(side, "seg"), nodes)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _fill(segment, nodes: text.Nodes):
    for node in nodes:
        if isinstance(node, str):
            _append(segment, node)
        elif node.inside is None:
            etree.SubElement(segment, "ph", {"x": str(node.number)}).text = node.opening
        else:
            number = str(node.number)
            etree.SubElement(segment, "bpt", {"i": number, "x": number}).text = node.opening
            _fill(segment, node.inside)
            etree.SubElement(segment, "ept", {"i": number}).text = node.closing


def _append(segment, words: str):
    if len(segment):
        segment[-1].tail = (segment[-1].tail or "") + words
    else:
        segment.text = (segment.text or "") + words
