"""The small set of rich text a page may hold, for the editor and for the cleaning that does not trust it."""

import re

import nh3

# What django-prose-editor offers. Its own sanitiser runs only in model clean(), so `clean` below runs at every border.
EXTENSIONS = {
    "Bold": True,
    "Italic": True,
    "BulletList": True,
    "OrderedList": True,
    "ListItem": True,
    "Heading": {"levels": [3]},
    "Link": {"enableTarget": False, "protocols": ["https", "http"]},
    "HardBreak": True,
}

_cleaner = nh3.Cleaner(
    tags={"p", "ul", "ol", "li", "h3", "strong", "em", "a", "br"},
    attributes={"*": set(), "a": {"href"}},  # without "*", "lang" and "title" would be let through
    url_schemes={"https", "http"},
    link_rel=None,
    attribute_filter=lambda tag, name, value: (
        value if name != "href" or re.match(r"https?://[^/\\\s]|/[^/\\\s]|#", value) else None  # "/⇥/host" is "//host"
    ),
)
# Tags that a browser breaks the line at and that are not kept: what stood in two cells must not become one word.
_apart = re.compile(
    r"<(?=/?(?:address|article|aside|blockquote|caption|center|d[dlt]|div|fig(?:caption|ure)|foot(?:er)?|form|h[124-6r]"
    r"|header|main|nav|pre|section|t(?:able|body|d|foot|h|head|r))\b)",
    re.IGNORECASE,
)
TIMES = 10  # at most: whoever sends it must not choose for how long
_block = re.compile(r"(</?(?:p|ul|ol|li|h3)>|<br>)")
# No character may be read in two ways here ("\s" has the non-breaking space): forty of them would take for ever.
_nothing = re.compile(r"(?:[\s\u200b]|&nbsp;|<br\s*/?>|</?(?:p|ul|ol|li|h3|strong|em)>)*")


def clean(html: str | None) -> str:
    """Only the allowed tags and links, and "" where nothing is said ("<p>&nbsp;</p>").

    Nothing is glued together: the cells of a table become words with a space between them.
    `//host` and relative addresses lose their href: on a page they would lead somewhere the editor did not mean.
    """
    html = _apart.sub(" <", (html or "").replace("\ufeff", ""))
    # Without the tags that go, the rest may be read as another tree (a link in a table in a link): until it stays.
    for _time in range(TIMES):
        before, html = html, _cleaner.clean(html)
        if html == before:
            break
    html = html.strip().replace("&nbsp;", "\u00a0")  # French has one before each ":"
    return "" if _nothing.fullmatch(html) else html


def alike(html: str | None) -> str:
    """Equal for two texts that read the same. An editor that only opens a text may write it in another way: a
    paragraph inside each item, no line breaks between the tags.
    """
    html = "".join(piece.strip() for piece in _block.split(clean(html)))
    html = html.replace("<li><p>", "<li>").replace("</p></li>", "</li>")
    return html.replace("</p><ul>", "<ul>").replace("</p><ol>", "<ol>")
