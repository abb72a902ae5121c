"""The desk by language: which there are, what is to be done in each, files out and in, the interface's words."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Exists, F, OuterRef
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conditions import exchange, glossary, labels, models, translatable
from portal import languages
from portal.publishing import actions, compare, desk, reading, rights
from portal.publishing.models import Entry, LanguageState, Page
from portal.translating import interface
from portal.translating.admin import may_translate
from portal.translating.doors import Closed, told
from portal.translating.exchange import incoming, pack, tbx, tmx
from portal.translating.exchange.work import Unreadable
from portal.translating.models import Parcel, Remembered

# In the order in which they matter to readers.
TO_DO = {
    "safety": gettext_lazy("out of date: the earlier words may harm"),
    "behind": gettext_lazy("out of date"),
    "changes": gettext_lazy("changes asked for"),
    "missing": gettext_lazy("not begun"),
    "begun": gettext_lazy("begun"),
    "review": gettext_lazy("waiting for language review"),
    "signed": gettext_lazy("signed off, to be published"),
    "done": gettext_lazy("up to date"),
}
_OF_STATE = {
    desk.State.PUBLIC: "done",
    desk.State.CHANGES: "changes",
    desk.State.ASKED: "review",
    desk.State.SIGNED: "signed",
}
FORMATS = {
    "xliff": "XLIFF 1.2",
    "xliff-2": "XLIFF 2.0",
    "xliff-legacy": gettext_lazy("XLIFF 1.2 for old OmegaT (3.6)"),
    "po": "PO (gettext)",
    "csv": gettext_lazy("table (CSV)"),
}
ROWS = 50
MOST_BY_WORDS = 500  # so many, of what readers need first, are put in the order of their words


@dataclass
class Task:
    """One object in one language: what is to be done there."""

    kind: str
    key: str
    title: str
    what: str
    pk: int = 0
    words: int = 0  # of the source, still to be translated or compared
    owner: str = ""
    due_on: object = None
    edition_id: int = 0
    problems: tuple = ()
    begun: bool = False

    @property
    def state(self) -> str:
        return TO_DO[self.what]

    @property
    def may_be_asked(self) -> bool:
        """Every part is there and compared: what comes next is a review."""
        return self.begun and not self.problems and self.what in {"safety", "behind", "begun"}

    @property
    def kind_label(self) -> str:
        return labels.KINDS[self.kind]

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.key}"


class Work:
    """What is to be done in a language, in the order in which readers need it.

    What is in some state is looked at; what is up to date or not begun is counted, and read a page of a list at a time:
    so the list costs what there is to do, and not what there is.
    """

    def __init__(self, language: str):
        self.language = language
        live = Page.objects.filter(withdrawn_at=None)
        self._source = live.filter(language=languages.SOURCE)
        self._entries = Entry.objects.filter(language=language)
        behind = {(page.kind, page.key): bool(page.safety) for page in _behind(language)}
        gone = Page.objects.filter(language=language, withdrawn_at__isnull=False)
        entries = {}
        for some in (
            desk.open_entries(),
            desk.entries().filter(key__in=reading.out_of_date([language]).values("key")),
            desk.entries().filter(key__in=gone.values("key")),
        ):
            for entry in some.filter(language=language).defer("change__content"):
                entries[entry.kind, entry.key] = entry
        pages = self._source.filter(key__in=[key for _kind, key in entries])
        pages = {(page.kind, page.key): page for page in pages.only("kind", "key", "title", "edition")}
        # An entry whose object has no source page for readers is no task.
        self._without_source = {named: entry for named, entry in entries.items() if named not in pages}
        found = []
        for named, page in pages.items():
            entry = entries[named]
            what = _OF_STATE.get(entry.state, "begun")
            if named in behind and what in {"done", "begun"}:
                what = "safety" if behind[named] else "behind"
            if what != "done":
                found.append(_task(page, what, entry))
        self._counted: dict[str, tuple[int, int]] = {}
        self._looked_at = sorted(found, key=lambda task: task.title.casefold())

    def count(self, what: str, kind: str = "") -> int:
        if what not in {"missing", "done"}:
            return len(self._in_state(what, kind))
        if kind not in self._counted:
            begun = self._of(self._entries, kind).count() - self._lost(kind)
            self._counted[kind] = (self._of(self._source, kind).count(), begun)
        total, begun = self._counted[kind]
        return total - begun if what == "missing" else begun - len(self._in_state("", kind))

    def rows(self, what: str, kind: str, begin: int, end: int) -> list[Task]:
        """A stretch of the tasks in a state; `what` is one of TO_DO."""
        if what not in {"missing", "done"}:
            return self._in_state(what, kind)[begin:end]
        entry = self._entries.filter(kind=OuterRef("kind"), key=OuterRef("key"))
        pages = self._of(self._source, kind)
        if what == "missing":
            pages = pages.filter(~Exists(entry))
        else:
            pages = pages.filter(Exists(entry)).exclude(key__in=[task.key for task in self._looked_at])
        pages = list(pages.order_by("kind", "letter", "place").only("kind", "key", "title", "edition")[begin:end])
        own = {}
        if what == "done":
            entries = self._entries.filter(key__in=[page.key for page in pages]).select_related("change", "owner")
            own = {(entry.kind, entry.key): entry for entry in entries.defer("change__content")}
        return [_task(page, what, own.get((page.kind, page.key))) for page in pages]

    def _in_state(self, what, kind):
        return [task for task in self._looked_at if what in {"", task.what} and kind in {"", task.kind}]

    def _lost(self, kind):
        """Entries of objects that have no source page for readers: of some state, or withdrawn with the source."""
        gone = Page.objects.filter(language=languages.SOURCE, withdrawn_at__isnull=False)
        closed = self._of(self._entries, kind).filter(shown=F("change"), key__in=gone.values("key"))
        closed = {(entry_kind, key) for entry_kind, key in closed.values_list("kind", "key")}
        return len(closed | {named for named in self._without_source if kind in {"", named[0]}})

    def _of(self, queryset, kind):
        return queryset.filter(kind=kind) if kind else queryset


class Shown:
    """The tasks in some states, one after the other: a list that a paginator can cut."""

    def __init__(self, work: Work, states, kind: str = ""):
        self.work, self.kind = work, kind
        self.counts = {what: work.count(what, kind) for what in states}

    def __len__(self):
        return sum(self.counts.values())

    def __getitem__(self, cut: slice) -> list[Task]:
        begin, end = cut.start or 0, len(self) if cut.stop is None else cut.stop
        found = []
        for what, count in self.counts.items():
            if begin < count and end > 0:
                found += self.work.rows(what, self.kind, max(begin, 0), min(end, count))
            begin, end = begin - count, end - count
        return found


def _task(page, what, entry) -> Task:
    task = Task(page.kind, page.key, page.title, what, edition_id=page.edition_id, begun=entry is not None)
    if entry is not None:
        task.problems = tuple(entry.change.problems)
        task.owner = (entry.owner.get_full_name() or entry.owner.username) if entry.owner else ""
        task.due_on = entry.due_on
    return task


def _behind(language):
    return reading.out_of_date([language]).only("kind", "key", "language")


def count_words(shown: list[Task]) -> None:
    """How many words of the source are left in each: of the parts that lack something, or of all. Two queries."""
    editions = {
        edition.pk: edition for edition in reading.Edition.objects.filter(pk__in=[task.edition_id for task in shown])
    }
    topics = models.Topic.objects.filter(key__in=[task.key for task in shown]).values_list("kind", "key", "pk")
    by_key = {(kind, key): pk for kind, key, pk in topics}
    for task in shown:
        task.pk = by_key.get((task.kind, task.key), 0)
        if task.what in {"done", "review", "signed"}:
            continue
        said = translatable.parts(editions[task.edition_id])
        left = [words for part, words in said.items() if not task.begun or part in task.problems]
        task.words = sum(len(compare.plain(words).split()) for words in left)


# What a language needs before readers may be offered it


@dataclass(frozen=True)
class Need:
    label: str
    met: bool
    said: str


def needs(code: str) -> list[Need]:
    """Its interface, what to do in an emergency, and pages worth coming for."""
    missing = interface.missing(code)
    there = reading.counts(code)
    help_words = [str(one) for one in (*labels.HELP_HEADINGS.values(), *labels.URGENCIES.values())]
    without_help = [one for one in missing if one in help_words]
    return [
        Need(
            _("The words of the interface"),
            not missing,
            _("complete")
            if not missing
            else ngettext("{count} is missing", "{count} are missing", len(missing)).format(count=len(missing)),
        ),
        Need(
            _("What to do in an emergency"),
            not without_help,
            _("complete") if not without_help else ", ".join(one.rstrip(":") for one in without_help),
        ),
        Need(
            _("A condition to read"),
            bool(there.get("condition")),
            ngettext("{count} page", "{count} pages", there.get("condition", 0)).format(
                count=there.get("condition", 0)
            ),
        ),
    ]


class LanguageDesk:
    """The views, mounted below /admin/languages/ by conditions.desk."""

    def __init__(self, site):
        self.site = site

    def urls(self):

        def wrap(view):
            return self.site.admin_view(told(view))

        return [
            path("languages/", wrap(self.index), name="languages"),
            path("languages/glossary.tbx", wrap(self.glossary), name="glossary-tbx"),
            path("languages/<str:code>/", wrap(self.language), name="language"),
            path("languages/<str:code>/files/", wrap(self.files), name="language-files"),
            path("languages/<str:code>/files/<int:pk>/", wrap(self.parcel), name="language-parcel"),
            path("languages/<str:code>/memory.tmx", wrap(self.memory), name="language-memory"),
            path("languages/<str:code>/interface/", wrap(self.interface), name="language-interface"),
        ]

    def _may_work(self, user, code) -> bool:
        return rights.may_read_unpublished(user) and may_translate(user, "conditions", code)

    def _leads(self, user) -> bool:
        return rights.may_read_unpublished(user) and user.has_perm("publishing.lead_translations")

    def _door(self, request, code, *, lead_too=True):
        language = languages.LANGUAGES.get(code)
        if language is None or language.is_source:
            raise Http404
        leads = lead_too and self._leads(request.user)
        if not leads and not (language in languages.at_the_desk() and self._may_work(request.user, code)):
            raise Closed(language)
        return language

    def _page(self, request, title, **context):
        return {**self.site.each_context(request), "title": title, **context}

    # Languages

    def index(self, request):
        user = request.user
        leads = self._leads(user)
        if not leads and not any(self._may_work(user, one.code) for one in languages.at_the_desk()):
            raise PermissionDenied
        if request.method == "POST":
            return self._decide(request)
        total = Page.objects.filter(language=languages.SOURCE, withdrawn_at=None).count()
        codes = [language.code for language in languages.translations()]
        missing, behind = desk.missing(codes), desk.count_out_of_date(codes)
        live = {}
        if leads:  # what readers would lose; also what has no public source any more
            pages = Page.objects.filter(withdrawn_at=None)
            live = dict(pages.values_list("language").annotate(Count("pk")).order_by())
        rows = [
            {
                "language": language,
                "state": LanguageState.State(language.state).label,
                "live": live.get(language.code, 0),
                "public": total - missing.get(language.code, 0),
                "out_of_date": behind.get(language.code, (0, 0))[0],
                "safety": behind.get(language.code, (0, 0))[1],
                "may_open": leads or (language in languages.at_the_desk() and self._may_work(user, language.code)),
                "needs": needs(language.code) if leads and language.state == "desk" else [],
            }
            for language in languages.translations()
            if leads or self._may_work(user, language.code)
        ]
        context = self._page(request, _("Languages"), rows=rows, leads=leads, total=total)
        return render(request, "admin/languages/index.html", context)

    def _decide(self, request):
        code, state = request.POST.get("code", ""), request.POST.get("state", "")
        try:
            offers = state == LanguageState.State.OFFERED and code in languages.LANGUAGES
            if offers and (lacking := [need for need in needs(code) if not need.met]):
                said = "; ".join(f"{need.label}: {need.said}" for need in lacking)
                raise actions.Refused(_("Readers would find holes in this language. {what}.").format(what=said))
            takes_back = not offers and code in {one.code for one in languages.translations() if one.offered}
            if takes_back and not request.POST.get("understood"):
                raise actions.Refused(
                    _("Readers would lose every page in this language. Tick that you understand this.")
                )
            actions.decide_language(code, state, by=request.user)
        except actions.Refused as refusal:
            messages.error(request, str(refusal))
        else:
            language = languages.get(code)
            said = {
                "offered": _("{language} is offered to readers now."),
                "desk": _("{language} is at the desk. Readers do not see it."),
                "planned": _("{language} is planned. Its words are kept; nobody works on it."),
            }[state]
            messages.success(request, said.format(language=_(language.english)))
        return HttpResponseRedirect(reverse("admin:languages"))

    # What is to be done in one

    def language(self, request, code):
        language = self._door(request, code)
        work = Work(code)
        counts = {what: work.count(what) for what in TO_DO}
        show = request.GET.get("show", "")
        kind = request.GET.get("kind", "")
        kind = kind if kind in labels.PLURALS else ""
        shown = Shown(work, [show] if show in TO_DO else [what for what in TO_DO if what != "done"], kind)
        by_words = request.GET.get("order") == "words"
        if by_words:
            shown = shown[:MOST_BY_WORDS]
            count_words(shown)
            shown.sort(key=lambda task: task.words)
        page = Paginator(shown, ROWS).get_page(request.GET.get("page"))
        if not by_words:
            count_words(page.object_list)
        context = self._page(
            request,
            _(language.english),
            language=language,
            state=LanguageState.State(language.state).label,
            counts=[(what, TO_DO[what], count) for what, count in counts.items()],
            done=counts["done"],
            total=sum(counts.values()),
            page=page,
            show=show,
            kind=kind,
            kinds=labels.PLURALS.items(),
            order=request.GET.get("order", ""),
            words_left=sum(task.words for task in page.object_list),
            formats=FORMATS.items(),
            works_here=self._may_work(request.user, code),
            interface_missing=len(interface.missing(code)),
            today=timezone.localdate(),
        )
        return render(request, "admin/languages/language.html", context)

    # Files

    def files(self, request, code):
        """Out: the chosen objects as a file. In: a file, to be looked at first."""
        language = self._door(request, code, lead_too=False)
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:language", args=[code]))
        try:
            if "file" in request.FILES or request.POST.get("do") == "in":
                return self._take_in(request, language)
            return self._send_out(request, language)
        except (Unreadable, actions.Refused) as problem:
            messages.error(request, str(problem))
            return HttpResponseRedirect(reverse("admin:language", args=[code]))

    def _send_out(self, request, language):
        """Raises Refused."""
        format = request.POST.get("format", "xliff")
        if request.POST.get("which") == "all":
            states = [what for what in TO_DO if what not in {"done", "signed", "review"}]
            chosen = Shown(Work(language.code), states)[: exchange.AT_ONCE + 1]
            objects = [(task.kind, task.key) for task in chosen]
        else:
            chosen = dict.fromkeys(request.POST.getlist("object"))
            source = Page.objects.filter(language=languages.SOURCE, withdrawn_at=None)
            source = source.filter(key__in=[one.partition("/")[2] for one in chosen]).values_list("kind", "key")
            there = {f"{kind}/{key}": (kind, key) for kind, key in source}
            objects = [there[one] for one in chosen if one in there]
        if format not in FORMATS or not objects:
            raise actions.Refused(_("Choose at least one page, and a format."))
        if len(objects) > exchange.AT_ONCE:
            raise actions.Refused(_("Choose at most {most} pages for one file.").format(most=exchange.AT_ONCE))
        made = exchange.works(objects, language.code)
        if not made:
            raise actions.Refused(_("There is nothing to translate in these pages."))
        packed = pack.pack_zip(made, format) if request.POST.get("zip") else pack.pack(made, format)
        return _download(*packed)

    def _take_in(self, request, language):
        """Raises Unreadable."""
        file = request.FILES.get("file")
        if file is None:
            raise Unreadable(_("Choose a file first."))
        if file.size > incoming.MAX_BYTES:
            raise Unreadable(_("This file is larger than 10 MB. Send it in parts."))
        returned = incoming.read(file.name, file.read())
        parcel = exchange.keep(file.name, returned, language.code, by=request.user)
        return HttpResponseRedirect(reverse("admin:language-parcel", args=[language.code, parcel.pk]))

    def parcel(self, request, code, pk):
        """A file that came in: what it would change, then the change."""
        language = self._door(request, code, lead_too=False)
        parcel = get_object_or_404(Parcel, pk=pk, language=code)
        if request.method == "POST":
            if request.POST.get("do") == "away":
                if parcel.taken_at is None:
                    parcel.delete()
                messages.success(request, _("The file was thrown away. Nothing was changed."))
                return HttpResponseRedirect(reverse("admin:language", args=[code]))
            try:
                plan = exchange.take(parcel, by=request.user)
                said = ngettext("{count} part was taken over.", "{count} parts were taken over.", len(plan.parts))
                messages.success(request, said.format(count=len(plan.parts)))
            except actions.Refused as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)
        plan = exchange.look(parcel)
        context = self._page(
            request,
            parcel.name if parcel.taken_at else _("{name}: what it would change").format(name=parcel.name),
            language=language,
            source=languages.get(languages.SOURCE),
            parcel=parcel,
            plan=plan,
            counts=[(label, plan.counts.get(what, 0)) for what, label in OUTCOMES.items()],
            taken=plan.only("taken")[:200],
            parked=plan.only("parked")[:200],
            refused=[(why, count, outcomes[:200]) for why, count, outcomes in plan.refusals()[:200]],
        )
        return render(request, "admin/languages/parcel.html", context)

    def memory(self, request, code):
        language = self._door(request, code, lead_too=False)
        rows = Remembered.objects.filter(language=code).order_by("pk")
        pairs = ((row.source, row.target, language.tag, f"{row.kind}/{row.key}") for row in rows.iterator())
        source = languages.get(languages.SOURCE).tag
        return _download(f"memory.{language.tag}.tmx", tmx.write(pairs, source), "application/x-tmx+xml")

    def glossary(self, request):
        if not rights.may_read_unpublished(request.user):
            raise PermissionDenied
        return _download("glossary.tbx", tbx.write(_terms(), languages.get(languages.SOURCE).tag), "application/x-tbx")

    # The interface's words

    def interface(self, request, code):
        language = self._door(request, code)
        if request.GET.get("download") in {"readers", "all"}:
            catalogue = interface.catalogue(code)
            if request.GET["download"] == "readers":
                for entry in [entry for entry in catalogue if not interface.for_readers(entry)]:
                    catalogue.remove(entry)
            data = str(catalogue).encode()
            return _download(f"interface.{language.tag}.po", data, "text/x-gettext-translation; charset=utf-8")
        report = None
        if request.method == "POST":
            try:
                report = self._take_words(request, code)
            except interface.Unreadable as problem:
                messages.error(request, str(problem))
        catalogue = interface.catalogue(code)
        entries = [entry for entry in catalogue if interface.for_readers(entry)]
        lacking = [entry for entry in entries if not all(interface.forms(entry))]
        context = self._page(
            request,
            _("The interface's words in {language}").format(language=_(language.english)),
            language=language,
            source=languages.get(languages.SOURCE),
            report=report,
            for_readers=len(entries),
            lacking=len(lacking),
            all_lacking=sum(not all(interface.forms(entry)) for entry in catalogue),
            all_count=len(catalogue),
            rows=[
                (number, entry, range(interface.plural_forms(code)) if entry.msgid_plural else [0])
                for number, entry in enumerate(lacking[:ROWS])
            ],
        )
        return render(request, "admin/languages/interface.html", context)

    def _take_words(self, request, code):
        """Raises Unreadable."""
        if file := request.FILES.get("file"):
            report = interface.take(code, file.read(interface.MOST + 1), by=request.user)
        else:
            report = interface.take_one_by_one(code, request.POST, by=request.user)
        count = len(report.new) + len(report.changed)
        if count:
            said = ngettext("{count} entry was saved.", "{count} entries were saved.", count).format(count=count)
            messages.success(request, said)
        else:
            messages.warning(request, _("Nothing was saved."))
        return report


OUTCOMES = {
    "taken": gettext_lazy("new words"),
    "untouched": gettext_lazy("untouched"),
    "parked": gettext_lazy("made from an older source"),
    "refused": gettext_lazy("refused"),
    "unknown": gettext_lazy("not from here"),
}


def _terms():
    for term in models.Term.objects.order_by("key"):
        named = {}
        for language in (languages.get(languages.SOURCE), *languages.translations()):
            if name := glossary.exactly(term, "name", language.code):
                also = glossary.lines(term, "also_known_as", language.code)
                named[language.tag] = (name, list(also), list(glossary.lines(term, "avoid", language.code)))
        yield term.key, glossary.exactly(term, "summary", languages.SOURCE), named


def _download(name: str, data: bytes, content_type: str) -> HttpResponse:
    return HttpResponse(
        data, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
