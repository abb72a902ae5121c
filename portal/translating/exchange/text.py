"""Text between pages and files: tags and words are told apart, and what no file can hold is dropped."""

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from django.utils.translation import gettext as _

from portal.publishing import compare

from .work import Segment, Unreadable

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # in XML 1.0
_ALONE = {"br", "hr", "img", "wbr"}
# The tags that a page may hold. Whatever else a file brings is text, and will be read as text.
TAG = re.compile(
    r"</?(?:strong|em|a|p|ul|ol|li|h3)>|<br ?/?>|"
    r'<a href="(?:(?:https?://|#|/(?![/\\]))[^"<>\x00-\x1f]*)">'
)
_ESCAPE = re.compile(r"&(lt|gt|amp);")


def clean(text: str) -> str:
    """Without the control characters that XML forbids; every line ends as on Unix."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def decode(data: bytes) -> str:
    """The text of a file; a byte order mark says more than a guess."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(_("This file is not written in UTF-8. Save it again as UTF-8, then upload it.")) from None


@dataclass(eq=False)
class Tag:
    opening: str  # as it stands in the text: '<a href="/help/">'
    name: str
    inside: "list[str | Tag] | None"  # None: it stands alone, as <br> does
    number: int = 0

    @property
    def closing(self) -> str:
        return "" if self.inside is None else f"</{self.name}>"


Nodes = list[str | Tag]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.nodes: Nodes = []
        self.open: list[tuple[Tag, Nodes]] = []  # each with the nodes it stands in

    @property
    def here(self) -> Nodes:
        return self.open[-1][0].inside if self.open else self.nodes

    def handle_data(self, data):
        data = clean(data)
        if self.here and isinstance(self.here[-1], str):
            self.here[-1] += data
        elif data:
            self.here.append(data)

    def handle_starttag(self, tag, attrs):
        found = Tag(clean(self.get_starttag_text()), tag, None if tag in _ALONE else [])
        around = self.here
        around.append(found)
        if found.inside is not None:
            self.open.append((found, around))

    def handle_startendtag(self, tag, attrs):
        self.here.append(Tag(clean(self.get_starttag_text()), tag, None))

    def handle_endtag(self, tag):
        if not any(one.name == tag for one, _around in self.open):
            self.here.append(Tag(f"</{tag}>", tag, None))
            return
        while self.open[-1][0].name != tag:
            self.leave_open()
        self.open.pop()

    def leave_open(self):
        """A tag that is never closed stands alone: files have only pairs and single ones."""
        tag, around = self.open.pop()
        around += tag.inside
        tag.inside = None

    def close(self):
        super().close()
        while self.open:
            self.leave_open()


def parse(said: str, rich: bool) -> Nodes:
    """Rich text as words and tags; plain text as words only."""
    if not rich:
        said = clean(said)
        return [said] if said else []
    reader = _Reader()
    reader.feed(said)
    reader.close()
    return reader.nodes


def tags(nodes: Nodes) -> list[Tag]:
    """Every tag, in the order of the text."""
    found = []
    for node in nodes:
        if isinstance(node, Tag):
            found += [node, *tags(node.inside or [])]
    return found


def number(source: Nodes, target: Nodes = ()) -> None:
    """Tags of the source are counted; those of the target take the numbers of their counterparts."""
    free = tags(source)
    for at, tag in enumerate(free, 1):
        tag.number = at
    following = len(free) + 1
    waiting = tags(target)
    for alike in (lambda tag: (tag.opening, tag.closing), lambda tag: (tag.name, tag.closing)):
        for tag in waiting:
            same = next((one for one in free if alike(one) == alike(tag)), None) if not tag.number else None
            if same:
                tag.number = same.number
                free.remove(same)
    for tag in waiting:
        if not tag.number:
            tag.number, following = following, following + 1


def escape(text: str, rich: bool) -> str:
    """Words from a file, as they stand on a page."""
    text = clean(text)
    return html.escape(text, quote=False) if rich else text


def write_flat(said: str, rich: bool) -> str:
    """For files without tags of their own: tags stay as they are, words are unescaped. `read_flat` is the way back."""
    if not rich:
        return clean(said)
    return "".join(_flat(parse(said, rich)))


def _flat(nodes: Nodes):
    for node in nodes:
        if isinstance(node, Tag):
            yield node.opening
            yield from _flat(node.inside or [])
            yield node.closing
        else:
            # Words that look like a tag or an escape keep theirs, so that the way back is the same.
            words = re.sub(r"&(?=(?:lt|gt|amp);)", "&amp;", node)
            yield TAG.sub(lambda match: match[0].replace("<", "&lt;"), words)


def read_flat(text: str, rich: bool) -> str:
    if not rich:
        return clean(text)
    text = clean(text)
    said, at = [], 0
    for match in TAG.finditer(text):
        said += [_words(text[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*said, _words(text[at:])])


def _words(text: str) -> str:
    return html.escape(_ESCAPE.sub(lambda match: html.unescape(match[0]), text), quote=False)


def what_changed(segment: Segment) -> str:
    """For the translator of an out-of-date segment: what was taken away and what was added since, in one line."""
    if not segment.before:
        return "The source was changed since this was translated."
    marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    said = "".join(marks[run.how].format(run.text) for run in compare.words(segment.before[0], segment.source))
    return clean("Changed since this was translated: " + " ".join(said.split("\n")))
