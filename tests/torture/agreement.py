"""Whether everything that is kept twice agrees. Each sentence is something lost, halved or doubled."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from conditions import models
from portal.publishing import audit, seals, search
from portal.publishing.folding import fold
from portal.publishing.models import (
    Address,
    AuditEntry,
    Change,
    Edition,
    Entry,
    LanguageState,
    Page,
    PageCode,
    PageHistory,
    Plan,
    SearchEntry,
    SearchWord,
)


def faults() -> Iterator[str]:
    """Of the database; and of the files below MEDIA_ROOT and VAR_DIR that somebody may be given."""
    yield from seals.faults()
    yield from audit.faults()
    yield from _audit_and_history()
    yield from _search()
    yield from _desk()
    yield from _plans()
    yield from _files()


def _differ(what: str, one: Counter, other: Counter) -> Iterator[str]:
    for name in one.keys() | other.keys():
        if one[name] != other[name]:
            yield f"{what} {name}: {one[name]} times and {other[name]} times"


def _audit_and_history():
    said = {
        what: Counter(AuditEntry.objects.filter(what=what).values_list("about", flat=True))
        for what in ("published", "restored", "withdrawn")
    }
    editions = Counter(audit.subject(edition) for edition in Edition.objects.defer("content"))
    yield from _differ("edition, and its entry in the audit log:", editions, said["published"])
    shown, gone = Counter(), Counter()
    for moment in PageHistory.objects.select_related("edition", "page"):
        if moment.edition:
            shown[audit.subject(moment.edition)] += 1
        else:
            gone[audit.subject(moment.page)] += 1
    yield from _differ("shown in the history, and in the audit log:", shown, said["published"] + said["restored"])
    withdrawn = Counter()
    for about, count in said["withdrawn"].items():
        withdrawn[about.partition(",")[0]] += count
    yield from _differ("withdrawn in the history, and in the audit log:", gone, withdrawn)
    for state in LanguageState.objects.all():
        last = AuditEntry.objects.filter(what="language", about__endswith=f"({state.code})").order_by("-number").first()
        if last is None or last.detail["after"] != state.state:
            yield f"language {state.code}: the audit log does not say that it is {state.state}"
    with_editions = set(Edition.objects.values_list("kind", "key", "language"))
    for where in with_editions - set(Page.objects.values_list("kind", "key", "language")):
        yield f"{'/'.join(where)}: it has editions and no page"
    for address in Address.objects.select_related("page"):
        if not address.page.edition_id:
            yield f"{address.slug}: the address leads nowhere"


def _search():
    live = {page.pk: page for page in Page.objects.filter(withdrawn_at=None).select_related("edition")}
    entries = {entry.page_id: entry for entry in SearchEntry.objects.all()}
    codes = {}
    for row in PageCode.objects.exclude(system=PageCode.HEADING):
        codes.setdefault(row.page_id, set()).add((row.system, row.code))
    words = set(SearchWord.objects.values_list("language", "word"))
    for pk in live.keys() ^ entries.keys():
        yield f"page {pk}: search and pages disagree whether it is public"
    for pk in codes.keys() - live.keys():
        yield f"page {pk}: it is not public and still filed under a code"
    for pk in live.keys() & entries.keys():
        page = live[pk]
        if search._whole(fold(page.title))[0] not in entries[pk].names.split():
            yield f"{page.title}: the search does not know its name"
        for word in fold(page.summary).split():
            if page.language == "en" and len(word) > 3 and search.stems(word, "en")[0] not in entries[pk].text.split():
                yield f"{page.title}: the search does not find its word {word}"
        said = {(row["system"], row["code"]) for row in page.edition.content.get("codes") or ()}
        if said != codes.get(pk, set()):
            yield f"{page.title}: its codes are not its edition's"
        for word in fold(f"{page.title} {page.summary}").split():
            if len(word) > 3 and (page.language, word[:60]) not in words:
                yield f"{page.title}: nobody is put right to its word {word}"


def _desk():
    for entry in Entry.objects.select_related("change"):
        last = Change.objects.filter(kind=entry.kind, key=entry.key, language=entry.language).order_by("-pk").first()
        if entry.change_id != last.pk:
            yield f"{entry}: the desk's newest words are not the newest"


def _plans():
    for plan in Plan.objects.select_related("change"):
        if plan.what != "publish":
            continue
        made = Edition.objects.filter(
            kind=plan.kind, key=plan.key, language=plan.language, digest=plan.change.digest
        ).count()
        if plan.ended_at and not plan.refusal and not plan.cancelled_by_id and made != 1:
            yield f"{plan}: carried out, and {made} editions have its words"
        if not plan.ended_at and made:
            yield f"{plan}: open, and its words are published"


def _files():
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        name = path.name
        if path.is_dir() or name.startswith("."):
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != name.partition(".")[0].partition("_")[0]:
            yield f"{name}: a picture whose content is not the one it was named by"
    for picture in models.Image.objects.all():
        if not Path(settings.MEDIA_ROOT, picture.file.name).is_file():
            yield f"{picture.file.name}: a picture that a page shows is not there"
    for path in (Path(settings.VAR_DIR) / "leaflets").glob("*.pdf"):
        content = path.read_bytes()
        if not content.startswith(b"%PDF") or not content.rstrip().endswith(b"%%EOF"):
            yield f"{path.name}: a leaflet that is not whole"


def left_behind() -> list[str]:
    """Temporary files that a dead process left: harmless, and somebody has to take them away."""
    folders = (Path(settings.MEDIA_ROOT), Path(settings.VAR_DIR) / "leaflets")
    return [str(path) for folder in folders for path in folder.rglob("*") if path.name.startswith((".part-", "tmp"))]


def content_of(folder: Path) -> str:
    """Digest over every file of a folder that somebody may be given, its name included."""
    said = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    return json.dumps(said, indent=1)
