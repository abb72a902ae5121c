"""The interface's own words: the catalogues' files, and over them what translators wrote at the desk."""

import gettext
import hashlib
import io
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import to_locale, trans_real

from portal import languages
from portal.publishing import actions
from portal.translating import pseudo
from portal.translating.models import InterfaceWord

# Where words that readers see are written; the others are the desk's.
FOR_READERS = (
    "templates/public/",
    "templates/components/",
    "templates/errors/",
    "templates/base.html",
    "conditions/labels.py",
    "conditions/presentation.py",
    "conditions/public/",
    "conditions/templatetags/",
)
MOST = 2 * 1024 * 1024  # bytes of a catalogue that somebody sends
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w+)\}|</?(\w+)")
_loaded: dict[str, int] = {}
_lock = threading.Lock()


def for_readers(entry) -> bool:
    return any(place.startswith(FOR_READERS) for place, _line in entry.occurrences)


def _digest(context: str, msgid: str) -> str:
    return hashlib.sha256(f"{context}\x04{msgid}".encode()).hexdigest()


def catalogue(code: str) -> polib.POFile:
    """The language's catalogue with what the desk knows better, to look at or to send out."""
    path = Path(settings.BASE_DIR) / "locale" / to_locale(code) / "LC_MESSAGES" / "django.po"
    if code == languages.SOURCE:
        raise ValueError("The source language's words stand in the code.")
    found = polib.pofile(str(path), wrapwidth=0)
    written = {word.digest: word.forms for word in InterfaceWord.objects.filter(language=code)}
    for entry in found:
        if said := written.get(_digest(entry.msgctxt or "", entry.msgid)):
            _put(entry, said)
    return found


def _put(entry, said):
    if entry.msgid_plural:
        entry.msgstr_plural = dict(enumerate(said))
    else:
        entry.msgstr = said[0]


def forms(entry) -> list[str]:
    """What an entry says: one text, or one for each plural form."""
    return [said for _n, said in sorted(entry.msgstr_plural.items())] if entry.msgid_plural else [entry.msgstr]


def missing(code: str) -> list[str]:
    """What readers would see in the source language, because nobody translated it."""
    if code == languages.SOURCE:
        return []
    return [entry.msgid for entry in catalogue(code) if for_readers(entry) and not all(forms(entry))]


def plural_forms(code: str) -> int:
    """How many plural forms the language has, by its catalogue's header."""
    header = catalogue(code).metadata.get("Plural-Forms", "")
    found = re.search(r"nplurals=(\d+)", header)
    return int(found[1]) if found else 1


@dataclass
class Report:
    """What a catalogue that came in would change, or did."""

    new: list[tuple[str, str]] = field(default_factory=list)  # msgid, its translation
    changed: list[tuple[str, str, str]] = field(default_factory=list)  # msgid, before, after
    refused: list[tuple[str, str]] = field(default_factory=list)  # msgid, why
    untouched: int = 0


class Unreadable(Exception):
    """The file is not a catalogue; the message says why."""


def take(code: str, data: bytes, *, by) -> Report:
    """Words from a PO file into the desk. What is wrong in one entry keeps that entry out and no other.

    Raises Unreadable.
    """
    if len(data) > MOST:
        raise Unreadable(_("This file is larger than 2 MB. A catalogue of this portal is much smaller."))
    try:
        came = polib.pofile(data.decode("utf-8").rstrip("\n") + "\n")  # with a line end it is never taken for a path
    except UnicodeDecodeError:
        raise Unreadable(_("This file is not written in UTF-8.")) from None
    except (OSError, ValueError, SyntaxError):
        raise Unreadable(_("This is not a PO file, or a part of it is missing.")) from None
    if not came:
        raise Unreadable(_("There is nothing to take in: this file is empty."))
    shown = [entry for entry in came if not entry.obsolete and not entry.fuzzy]
    return _take(code, [(entry.msgctxt or "", entry.msgid, forms(entry)) for entry in shown], by)


def take_one_by_one(code: str, posted, *, by) -> Report:
    """Words from the desk's own form: "context-3", "msgid-3", "form-3-0", "form-3-1"."""
    given = []
    for name in [name for name in posted if name.startswith("msgid-")]:
        number = name.removeprefix("msgid-")
        said = [posted[one] for one in sorted(one for one in posted if one.startswith(f"form-{number}-"))]
        given.append((posted.get(f"context-{number}", ""), posted[name], said))
    return _take(code, given, by)


def _take(code, given, by) -> Report:
    known = {(entry.msgctxt or "", entry.msgid): entry for entry in catalogue(code)}
    report, rows = Report(), []
    count = plural_forms(code)
    for context, msgid, came in given:
        said = [one.replace("\x00", "").replace("\r\n", "\n") for one in came]
        ours = known.get((context, msgid.replace("\r\n", "\n")))
        if not any(said):
            continue
        if ours is None:
            report.refused.append((msgid, _("These words are not in this interface any more.")))
        elif said == forms(ours):
            report.untouched += 1
        elif why := _wrong(ours, said, count):
            report.refused.append((msgid, why))
        else:
            before, after = " / ".join(forms(ours)).strip(" /"), " / ".join(said)
            if before:
                report.changed.append((msgid, before, after))
            else:
                report.new.append((msgid, after))
            rows.append((context, ours.msgid, said))
    if rows:
        with transaction.atomic():
            for context, msgid, said in rows:
                InterfaceWord.objects.update_or_create(
                    language=code,
                    digest=_digest(context, msgid),
                    defaults={"context": context, "msgid": msgid, "forms": said, "by": by, "at": timezone.now()},
                )
            actions.count_words(code, by=by, changed=len(rows))
    return report


def _wrong(entry, said: list[str], count: int) -> str:
    """Why these words would break a page, or leave a hole in it."""
    if entry.msgid_plural and len(said) != count:
        return _("This language has {count} plural forms; {given} were given.").format(count=count, given=len(said))
    if not all(form.strip() for form in said):
        return _("One of the plural forms is empty.")
    wanted = sorted(_PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
    for form in said:
        if sorted(_PLACEHOLDER.findall(form)) != wanted:
            return _("The placeholders in braces, and the tags, must be the same as in the source.")
        if entry.msgid.startswith("\n") != form.startswith("\n") or entry.msgid.endswith("\n") != form.endswith("\n"):
            return _("It must begin and end with a new line where the source does.")
    return ""


def ensure(code: str) -> None:
    """This process speaks the language with the words of the desk. Cheap: a look at a number."""
    version = PSEUDO if code in settings.PSEUDO else languages.words_version(code)
    if _loaded.get(code, 0) == version:
        return
    with _lock:
        if _loaded.get(code, 0) == version:
            return
        fresh = trans_real.DjangoTranslation(code)
        if code != languages.SOURCE:
            fresh.merge(gettext.GNUTranslations(io.BytesIO(_over_the_file(code).to_binary())))
        # Whoever is in the middle of a page keeps the words they began with; the next page has the new ones.
        trans_real._translations[code] = fresh
        _loaded[code] = version


PSEUDO = -1  # the version of a pseudo-language's words


def _over_the_file(code: str) -> polib.POFile:
    """What wins over the catalogue's file: the desk's words, or a pseudo-language's."""
    path = Path(settings.BASE_DIR) / "locale" / to_locale(code) / "LC_MESSAGES" / "django.po"
    file = polib.pofile(str(path))
    if code in settings.PSEUDO:
        return pseudo.catalogue(file, languages.get(code).direction)
    book = polib.POFile()
    book.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Plural-Forms": file.metadata.get("Plural-Forms", "nplurals=2; plural=(n != 1);"),
    }
    known = {(entry.msgctxt or "", entry.msgid): entry for entry in file}
    for word in InterfaceWord.objects.filter(language=code):
        if ours := known.get((word.context, word.msgid)):  # words that are gone from the code need no translation
            entry = polib.POEntry(msgctxt=ours.msgctxt, msgid=ours.msgid, msgid_plural=ours.msgid_plural)
            _put(entry, word.forms)
            book.append(entry)
    return book
