"""The desk's first page: what needs you today. A constant number of queries, however much content there is."""

import datetime as dt
from dataclasses import dataclass

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conditions import editions, follow_up, labels, link_check, models, readers, telling
from conditions.bundle_desk import BundleDesk, may_take_in
from conditions.language_desk import LanguageDesk
from portal import languages
from portal.publishing import actions, audit, desk, rights
from portal.publishing.forms import PublishForm
from portal.publishing.lists import AT_ONCE
from portal.signing_in.desk import SigningIn
from portal.translating.admin import may_translate

SHOWN = 8  # rows of a list; the rest is a count
SOON = dt.timedelta(days=60)


@dataclass(frozen=True)
class Row:
    title: str
    about: str
    url: str
    language: languages.Language | None = None


@dataclass
class Box:
    """One list of the first page: how much there is, the first few, and words for when there is nothing."""

    heading: str
    count: int
    rows: list[Row]
    empty: str
    more: tuple[str, str] | None = None  # words and address of what can be done with all of them

    @property
    def hidden(self) -> int:
        return self.count - len(self.rows)


class Desk(SigningIn, admin.AdminSite):
    site_header = gettext_lazy("Patient information: the desk")
    site_title = gettext_lazy("The desk")
    index_title = gettext_lazy("What needs you today")
    index_template = "admin/desk.html"

    def get_urls(self):
        return [
            path("together/", self.admin_view(self.together), name="together"),
            *LanguageDesk(self).urls(),
            *BundleDesk(self).urls(),
            *super().get_urls(),
        ]

    def together(self, request):
        """Publish several objects, of any kind and language, all or none: a campaign, a guideline's change."""
        user, today = request.user, Today(request.user)
        if not (today.publishes and rights.may_read_unpublished(user)):
            raise PermissionDenied
        entries = list(desk.to_publish(today.publishes).order_by("kind", "key", "language")[:AT_ONCE])
        chosen = request.POST.getlist("entry")
        form = PublishForm(request.POST or None)
        if request.method == "POST":
            try:
                self._publish_together([entry for entry in entries if str(entry.pk) in chosen], form, request)
                return HttpResponseRedirect(request.path)
            except actions.Refused as refusal:
                messages.error(request, _("{why} Nothing was published.").format(why=refusal))
        context = {
            **self.each_context(request),
            "title": _("Publish together, all or none"),
            "entries": [(entry, languages.get(entry.language), str(entry.pk) in chosen) for entry in entries],
            "form": form,
            "zone": timezone.get_current_timezone_name(),
        }
        return render(request, "admin/together.html", context, status=409 if request.method == "POST" else 200)

    def _publish_together(self, entries, form, request):
        """Raises Refused."""
        if not entries:
            raise actions.Refused(_("Choose at least one."))
        digests = {said.partition(":")[0]: said.partition(":")[2] for said in request.POST.getlist("words")}
        several = []
        for entry in entries:
            manuscript = editions.manuscript(editions.topic(entry.kind, key=entry.key), entry.language)
            if digests.get(str(entry.pk)) != manuscript.digest:
                raise actions.Refused(_("The words of “{title}” changed meanwhile.").format(title=manuscript.title))
            several.append(form.publishing(manuscript))
        editions_made = []
        with transaction.atomic(), audit.last():
            if at := form.cleaned_data["at"]:
                actions.plan_publishing(several, by=request.user, at=at)
                done = _("Planned: they will be published together at that moment, without you.")
            else:
                editions_made = actions.publish_together(several, by=request.user)
                for edition in editions_made:
                    telling.of_edition(edition)
                done = ngettext("{count} page is public.", "{count} pages are public.", len(several)).format(
                    count=len(several)
                )
        for edition in editions_made:
            follow_up.changed(edition.kind, edition.key)
        messages.success(request, done)

    def index(self, request, extra_context=None):
        return super().index(request, {**(extra_context or {}), "today": Today(request.user)})


class Today:
    """What needs one person. Each list is one query for its rows and its count."""

    def __init__(self, user):
        self.user = user
        self.day = timezone.localdate()
        at_the_desk = [language.code for language in languages.at_the_desk()]
        mine = [code for code in at_the_desk if may_translate(user, "conditions", code)]
        translations = [code for code in mine if code != languages.SOURCE]
        self.in_source = languages.SOURCE in mine
        self.signs = [languages.SOURCE] if self.in_source and user.has_perm("publishing.sign_clinical") else []
        if user.has_perm("publishing.sign_language"):
            self.signs += translations
        self.publishes = mine if user.has_perm("publishing.publish_edition") else []
        self.writes = user.has_perm("conditions.change_topic")
        self.translates = translations
        self.hears = readers.languages_of(user)
        self.takes_in = may_take_in(user)
        self.leads = user.has_perm("publishing.lead_translations")

    @cached_property
    def addresses(self):
        """(kind, key) -> pk of everything named below, to make links from: one query, asked last."""
        from_rows = {(row.kind, row.key) for found in self._found.values() for row in found[1] if hasattr(row, "kind")}
        found = models.Topic.objects.filter(key__in={key for _kind, key in from_rows}).values_list("kind", "key", "pk")
        return {(kind, key): pk for kind, key, pk in found}

    @cached_property
    def _found(self) -> dict[str, tuple[int, list]]:
        """What each list holds: its count and its first rows."""
        user, found = self.user, {}

        def look(name, queryset, *order):
            rows = list(queryset.order_by(*order)[: SHOWN + 1]) if order else list(queryset[: SHOWN + 1])
            found[name] = (len(rows) if len(rows) <= SHOWN else queryset.count(), rows[:SHOWN])

        if self.signs:
            look("review", desk.waiting_for(user, self.signs), "due_on", "pk")
        look("changes", desk.changes_asked_of(user), "due_on", "pk")
        look("mine", desk.owned_by(user), "due_on", "pk")
        if self.publishes:
            look("publish", desk.to_publish(self.publishes), "pk")
            look("planned", desk.plans(self.publishes), "at", "pk")
        week_ago = timezone.now() - dt.timedelta(days=7)
        look("refused", desk.refused_plans(user, week_ago), "-ended_at")
        if self.signs or self.writes:
            look("due", desk.reviews_due(self.day + SOON))
        if self.writes:
            look("links", link_check.broken_sources(), "title")
        if self.hears:
            look("readers", readers.by_page(self.hears, self.day), "-unread", "-total", "key", "language")
            look("vain", readers.in_vain(self.hears, self.day), "-total", "words")
        return found

    @cached_property
    def boxes(self) -> list[Box]:
        if not rights.may_read_unpublished(self.user):
            return []
        made = [
            self._box("refused", _("Plans that could not be carried out"), "", self._refused),
            self._box("review", _("Waiting for your review"), _("Nobody is waiting for your review."), self._entry),
            self._box("changes", _("Changes asked for"), _("Nobody has asked you for changes."), self._entry),
            self._box("mine", _("Your work"), _("Nothing is assigned to you."), self._entry),
            self._box(
                "publish",
                _("Signed off, to be published"),
                _("Nothing signed is waiting."),
                self._entry,
                (_("Publish several together"), reverse("admin:together")),
            ),
            self._box("planned", _("Planned"), _("Nothing is planned."), self._plan),
            self._box("due", _("Reviews that are due"), _("No review is due in the next 60 days."), self._page),
        ]
        made.append(self._box("links", _("Sources whose address does not answer"), "", self._source))
        answers = (_("All answers of readers"), reverse("admin:listening_feedback_changelist"))
        nothing = _("No reader has answered in the last 30 days.")
        made.append(self._box("readers", _("From readers"), nothing, self._readers, answers, least=1))
        searches = (_("All searches without a result"), reverse("admin:listening_unanswered_changelist"))
        made.append(self._box("vain", _("Searched in vain"), "", self._search, searches, least=1))
        return [box for box in made if box and (box.count or box.empty)]

    def _box(self, name, heading, empty, row, more=None, least=2):
        if name not in self._found:
            return None
        count, found = self._found[name]
        return Box(heading, count, [row(one) for one in found], empty, more if count >= least else None)

    def _url(self, row, view, *args):
        pk = self.addresses.get((row.kind, row.key))
        return reverse(f"admin:conditions_{row.kind}_{view}", args=[pk, *args]) if pk else ""

    def _entry(self, entry):
        language = languages.get(entry.language)
        about = str(desk.State(entry.state).label)
        if entry.due_on:
            about += " · " + (_("late since {date}") if entry.due_on < self.day else _("until {date}")).format(
                date=entry.due_on
            )
        return Row(entry.change.title or entry.key, about, self._url(entry, "gate", entry.language), language)

    def _plan(self, plan):
        at = timezone.localtime(plan.at).strftime("%Y-%m-%d %H:%M")
        name = plan.change.title if plan.change else plan.key
        about = _("to be published on {at}") if plan.change else _("to be withdrawn on {at}")
        return Row(name, about.format(at=at), self._url(plan, "gate", plan.language), languages.get(plan.language))

    def _refused(self, plan):
        row = self._plan(plan)
        return Row(row.title, plan.refusal, row.url, row.language)

    def _page(self, page):
        about = _("overdue since {date}") if page.due_on < self.day else _("due on {date}")
        return Row(page.title, about.format(date=page.due_on), self._url(page, "gate", page.language))

    def _source(self, source):
        return Row(source.title, source.check_result, reverse("admin:conditions_source_change", args=[source.pk]))

    @cached_property
    def _titles(self):
        return readers.titles(self._found["readers"][1])

    def _readers(self, row):
        title = self._titles.get((row["kind"], row["key"], row["language"]), row["key"])
        about, url = readers.said_about(row), readers.address_of(row)
        return Row(title, about, url, languages.get(row["language"]))

    def _search(self, row):
        return Row(row["words"], readers.times(row["total"]), "", languages.get(row["language"]))

    @cached_property
    def translations(self) -> list[dict]:
        """Per language of this person: how much is missing and out of date. Five queries, whatever the number."""
        if not self.translates:
            return []
        missing = desk.missing(self.translates)
        behind = desk.count_out_of_date(self.translates, asked_too=False)  # what waits is counted once, as waiting
        asked = desk.asked(self.translates)
        return [
            {
                "language": languages.get(code),
                "missing": missing.get(code, 0),
                "safety": behind.get(code, (0, 0))[1],
                "out_of_date": behind.get(code, (0, 0))[0],
                "waiting": asked.get(code, 0),
                "url": reverse("admin:language", args=[code]),
            }
            for code in self.translates
        ]

    @property
    def kinds(self):
        return [(kind, label, reverse(f"admin:conditions_{kind}_changelist")) for kind, label in labels.PLURALS.items()]

    @property
    def nothing(self) -> str:
        return "" if any(box.count for box in self.boxes) or self.translations else _("Nothing needs you today.")
