"""Glossary words explained where they stand: the first of each on a page leads to its explanation below.

Found by their stems, so that an ending or an Arabic article does not hide a word. Plain links: no script is needed.
"""

import re
from dataclasses import replace

import lxml.html
from django.utils.safestring import mark_safe
from lxml import etree

from portal.publishing.search import stems

_NOT_INSIDE = {"a", "h1", "h2", "h3", "h4", "code", "bdi"}
_WORD = re.compile(r"\w+")


def explain(parts, terms, language: str):
    """(the parts with their first glossary words linked to "#word-<key>", the terms that were found, in their order).

    `parts` are presentation's; only words in the page's own language are looked at.
    """
    wanted = {}
    for term in terms:
        for name in term.findable.split("\n"):
            if sequence := tuple(stems(name, language)):
                wanted.setdefault(sequence, term)
    found = {}
    marked = [
        replace(part, html=_mark(part.html, wanted, found, language)) if part.html and not part.language else part
        for part in parts
    ]
    return marked, list(found.values())


def _mark(html: str, wanted, found, language: str) -> str:
    before = len(found)
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    for element in list(root.iter(etree.Element)):
        if not _NOT_INSIDE.isdisjoint(one.tag for one in (element, *element.iterancestors())):
            continue
        _mark_text(element, "text", element, 0, wanted, found, language)
    for element in list(root.iter(etree.Element)):
        parent = element.getparent()
        if parent is None or not _NOT_INSIDE.isdisjoint(one.tag for one in (parent, *parent.iterancestors())):
            continue
        _mark_text(element, "tail", parent, parent.index(element) + 1, wanted, found, language)
    if len(found) == before:
        return html
    inside = [root.text or "", *(lxml.html.tostring(child, encoding="unicode") for child in root)]
    # What is put together here is rich text that was clean when it was published, and our own links in it.
    return mark_safe("".join(inside))  # nosec B308 # see above


def _mark_text(holder, place: str, parent, at: int, wanted, found, language: str):
    """Link every word of this text that nobody has explained yet."""
    text = getattr(holder, place)
    while text and (hit := _first(text, wanted, found, language)):
        begin, end, term = hit
        found[term.key] = term
        link = etree.Element("a", {"class": "term", "href": f"#word-{term.key}"})
        link.text, link.tail = text[begin:end], text[end:]
        setattr(holder, place, text[:begin])
        parent.insert(at, link)
        holder, place, text, at = link, "tail", link.tail, at + 1


def _first(text: str, wanted, found, language: str):
    """(begin, end, term) of the first and longest of the wanted names that is not explained yet."""
    open_names = {sequence: term for sequence, term in wanted.items() if term.key not in found}
    if not open_names:
        return None
    if language.startswith(("zh", "ja", "th")):
        hits = [(at, -len(name), name, term) for (name, *_), term in open_names.items() if (at := text.find(name)) >= 0]
        return next(((at, at + len(name), term) for at, _length, name, term in sorted(hits, key=lambda h: h[:2])), None)
    words = [(match.start(), match.end(), tuple(stems(match[0], language))) for match in _WORD.finditer(text)]
    longest = max(map(len, open_names))
    for first in range(len(words)):
        for length in range(min(longest, len(words) - first), 0, -1):
            these = words[first : first + length]
            sequence = tuple(stem for _begin, _end, own in these for stem in own)
            if sequence in open_names:
                return these[0][0], these[-1][1], open_names[sequence]
    return None
