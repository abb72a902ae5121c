"""The glossary as TBX-Basic (ISO 30042:2019, the style with data categories as attributes)."""

import re

from lxml import etree

from . import text

_TBX = "urn:iso:std:iso:30042:ed-2"
_XML = "{http://www.w3.org/XML/1998/namespace}"


def write(terms, source_tag: str) -> bytes:
    """`terms`: (key, definition, {tag: (name, [synonyms], [words to avoid])})."""
    root = etree.Element(
        f"{{{_TBX}}}tbx", {"type": "TBX-Basic", "style": "dca", _XML + "lang": source_tag}, nsmap={None: _TBX}
    )
    header = _under(root, "tbxHeader")
    source = _under(_under(header, "fileDesc"), "sourceDesc")
    _under(source, "p", "The terms of this portal")
    body = _under(_under(root, "text"), "body")
    for key, definition, names in terms:
        entry = _under(body, "conceptEntry", id="c-" + re.sub(r"[^\w.-]", "-", key))
        if definition:
            _under(entry, "descrip", definition, type="definition")
        for tag, (name, synonyms, avoid) in names.items():
            words = [(name, "preferred"), *((one, "admitted") for one in synonyms)]
            words += [(one, "deprecated") for one in avoid]
            words = [(word, status) for word, status in words if word]
            if not words:
                continue
            language = _under(entry, "langSec")
            language.set(_XML + "lang", tag)
            for word, status in words:
                term = _under(language, "termSec")
                _under(term, "term", word)
                _under(term, "termNote", f"{status}Term-admn-sts", type="administrativeStatus")
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _under(parent, name: str, words: str | None = None, **attributes):
    element = etree.SubElement(parent, f"{{{_TBX}}}{name}", attributes)
    element.text = text.clean(words) if words else None
    return element
