"""Glossary words explained where they stand: the first of each on a page leads to its explanation below.

Found by their stems, so that an ending or an Arabic article does not hide a word. Plain links: no script is needed.
"""

import re
from dataclasses import replace
from functools import lru_cache

import lxml.html
from django.utils.safestring import mark_safe
from lxml import etree

from portal.publishing.search import stems

_NOT_INSIDE = {"a", "h1", "h2", "h3", "h4", "code", "bdi"}
_WORD = re.compile(r"\w+")


class _Names:
    """The names of the glossary's terms, by how they begin. Each name belongs to the first term that has it."""

    def __init__(self, language: str, names: tuple[tuple[str, str], ...]):
        self.language = language
        wanted = {}
        for key, findable in names:
            for name in findable.split("\n"):
                if sequence := _stems(name, language):
                    wanted.setdefault(sequence, key)
        # Written without spaces: a name is one piece, and stands wherever its letters do.
        self.unspaced = language.startswith(("zh", "ja", "th"))
        self.longest = max(map(len, wanted), default=0)
        self.wanted, self.begins = wanted, {}
        for sequence in wanted:
            first = sequence[0][0] if self.unspaced else sequence[0]
            self.begins.setdefault(first, []).append(sequence[0])
        if self.unspaced:
            self.begins = {first: sorted(set(of), key=len, reverse=True) for first, of in self.begins.items()}
            self.wanted = {sequence[0]: key for sequence, key in wanted.items()}

    def hits(self, text: str, found) -> list[tuple[int, int, str]]:
        """(begin, end, key) of the first and longest of the names, each of a term that is not in `found` yet."""
        return list(self._unspaced(text, found) if self.unspaced else self._spaced(text, found))

    def _spaced(self, text, found):
        words = [(match.start(), match.end(), _stems(match[0], self.language)) for match in _WORD.finditer(text)]
        first = 0
        while first < len(words):
            own = words[first][2]
            if own and own[0] in self.begins:
                for length in range(min(self.longest, len(words) - first), 0, -1):
                    these = words[first : first + length]
                    key = self.wanted.get(tuple(stem for _begin, _end, stems in these for stem in stems))
                    if key is not None and key not in found:
                        found[key] = None
                        yield these[0][0], these[-1][1], key
                        first += length - 1
                        break
            first += 1

    def _unspaced(self, text, found):
        at = 0
        while at < len(text):
            for name in self.begins.get(text[at], ()):
                key = self.wanted[name]
                if key not in found and text.startswith(name, at):
                    found[key] = None
                    yield at, at + len(name), key
                    at += len(name) - 1
                    break
            at += 1


@lru_cache(maxsize=20_000)  # of all languages; an entry takes 350 bytes
def _stems(words: str, language: str) -> tuple[str, ...]:
    return tuple(stems(words, language))


_names = lru_cache(maxsize=32)(_Names)


def explain(parts, terms, language: str):
    """(the parts with their first glossary words linked to "#word-<key>", the terms that were found, in their order).

    `parts` are presentation's; only words in the page's own language are looked at.
    """
    by_key = {term.key: term for term in terms}
    names = _names(language, tuple((term.key, term.findable) for term in terms))
    found = {}
    marked = [
        replace(part, html=_mark(part.html, names, found)) if part.html and not part.language else part
        for part in parts
    ]
    return marked, [by_key[key] for key in found]


def _mark(html: str, names, found) -> str:
    before = len(found)
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    for element in list(root.iter(etree.Element)):
        if not _NOT_INSIDE.isdisjoint(one.tag for one in (element, *element.iterancestors())):
            continue
        _mark_text(element, "text", element, 0, names, found)
    for element in list(root.iter(etree.Element)):
        parent = element.getparent()
        if parent is None or not _NOT_INSIDE.isdisjoint(one.tag for one in (parent, *parent.iterancestors())):
            continue
        _mark_text(element, "tail", parent, parent.index(element) + 1, names, found)
    if len(found) == before:
        return html
    inside = [root.text or "", *(lxml.html.tostring(child, encoding="unicode") for child in root)]
    # What is put together here is rich text that was clean when it was published, and our own links in it.
    return mark_safe("".join(inside))  # nosec B308, B703 # see above


def _mark_text(holder, place: str, parent, at: int, names, found):
    """Link every word of this text that nobody has explained yet."""
    text, end_before = getattr(holder, place), 0
    for begin, end, key in names.hits(text, found) if text else ():
        link = etree.Element("a", {"class": "term", "href": f"#word-{key}"})
        link.text, link.tail = text[begin:end], text[end:]
        setattr(holder, place, text[end_before:begin])
        parent.insert(at, link)
        holder, place, at, end_before = link, "tail", at + 1, end
