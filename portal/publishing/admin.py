"""The gate in the admin: per language what is missing, what changed, who said and signed what, and the buttons."""

import datetime as dt
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, override

import portal.publishing.people  # noqa: F401 -- it registers itself
from portal import languages
from portal.headers import may_be_framed
from portal.publishing import actions, audit, compare, desk, floor, forms, models, reading, rights, sharing
from portal.publishing.manuscript import Manuscript


@dataclass(frozen=True)
class Said:
    """What one leaf of a content says, for people. Without a language: a code's name, in the interface's own."""

    text: str
    language: languages.Language | None


@dataclass(frozen=True)
class State:
    """One object in one language: everything the desk says about it, derived anew each time."""

    language: languages.Language
    manuscript: Manuscript
    page: models.Page | None
    sign_offs: tuple[models.SignOff, ...]
    source_page: models.Page | None
    remarks: tuple[models.Remark, ...] = ()
    plans: tuple[models.Plan, ...] = ()
    entry: models.Entry | None = None
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return bool(self.page and not self.page.withdrawn_at)

    @property
    def source_edition(self) -> models.Edition | None:
        live = self.source_page and not self.source_page.withdrawn_at
        return self.source_page.edition if live else None

    @property
    def changed(self) -> bool:
        return bool(self.page and self.page.edition.digest != self.manuscript.digest)

    @property
    def signed(self) -> tuple[models.SignOff, ...]:
        return tuple(s for s in self.sign_offs if s.digest == self.manuscript.digest)

    @property
    def said(self) -> tuple[models.Remark, ...]:
        """Remarks about exactly these words."""
        return tuple(r for r in self.remarks if r.digest == self.manuscript.digest)

    @property
    def said_before(self) -> tuple[models.Remark, ...]:
        """Remarks about earlier words; they lapsed with them."""
        return tuple(r for r in self.remarks if r.digest != self.manuscript.digest)

    @property
    def last_word(self) -> models.Remark | None:
        """The newest request: a review, or changes."""
        requests = [r for r in self.said if r.what != models.RemarkKind.COMMENT]
        return requests[-1] if requests else None

    @property
    def out_of_date(self) -> bool:
        if self.language.is_source or not self.is_live:
            return False
        under = [s for s in self.sign_offs if s.digest == self.page.edition.digest]
        matches = reading.matching(self.page.edition, under, self.source_edition)
        return reading.has_moved_on(self.source_page, matches)

    @property
    def problems(self):
        return self.manuscript.problems

    def sentence(self) -> str:
        """What readers have, in words."""
        if self.page is None:
            return _("not published")
        if self.page.withdrawn_at:
            return _("withdrawn")
        number = self.page.edition.number
        if self.changed:
            return _("edition {number} is public; the working copy has changed since").format(number=number)
        if self.out_of_date:
            return _("edition {number} is public; the source has changed since").format(number=number)
        return _("edition {number} is public").format(number=number)

    def missing(self) -> str:
        count = len(self.problems)
        return ngettext("{count} problem", "{count} problems", count).format(count=count) if count else _("complete")

    def review(self) -> str:
        """How far these words are on their way, in words."""
        if self.last_word and self.last_word.what == models.RemarkKind.CHANGES:
            return _("{name} asked for changes").format(name=self.last_word.said_as)
        if self.signed:
            return _("signed off by {names}").format(names=", ".join(dict.fromkeys(map(str, self.signed))))
        if self.last_word and self.last_word.to:
            return _("waiting for a review by {name}").format(
                name=self.last_word.to.get_full_name() or self.last_word.to
            )
        if self.last_word:
            return _("waiting for a review")
        return _("nobody has signed")


class GateAdmin(admin.ModelAdmin):
    """Mixed into the admin of anything that is published. The subclass says how a manuscript is made and shown."""

    change_form_template = "admin/gate/change_form.html"

    # What a subclass says

    def manuscripts(self, obj, in_languages) -> dict[str, Manuscript]:
        raise NotImplementedError("say how this object's manuscripts are made")

    def preview_context(self, manuscript: Manuscript) -> dict:
        raise NotImplementedError("say what the public template needs to show this manuscript")

    def ever_published(self, obj) -> bool:
        raise NotImplementedError("say whether this object has an edition")

    def part_label(self, obj, part: str) -> str:
        return part

    def code_in_words(self, leaf: str, leaves: dict[str, str], names: dict[str, str]) -> str:
        """The name of the code that this leaf says; "" where it says words. `names`: "kind/key" -> published name."""
        return ""

    def whole_part(self, leaf: str) -> str:
        """The part that is commented on as one."""
        return leaf

    def may_work_in(self, user, language: str) -> bool:
        """Whether this person signs and publishes in this language."""
        return True

    def happened(self, what: str, state: State, by, result) -> None:
        """After a button did something, in its transaction: tell people."""

    def afterwards(self, what: str, state: State) -> None:
        """After that transaction: look again at what depends on it."""

    # States

    def states(self, obj, in_languages=None) -> list[State]:
        wanted = list(in_languages or languages.at_the_desk())
        made = self.manuscripts(obj, [language.code for language in wanted])
        identity = next(iter(made.values()))
        of_object = {"kind": identity.kind, "key": identity.key}
        pages = {
            p.language: p for p in models.Page.objects.filter(**of_object).select_related("edition__translated_from")
        }

        def by_language(queryset):
            found = {}
            for row in queryset.filter(**of_object):
                found.setdefault(row.language, []).append(row)
            return found

        sign_offs = by_language(models.SignOff.objects.select_related("source_edition").order_by("at"))
        remarks = by_language(models.Remark.objects.select_related("to", "by").order_by("pk"))
        plans = by_language(models.Plan.objects.filter(ended_at=None).select_related("by", "change").order_by("at"))
        entries = {
            e.language: e for e in models.Entry.objects.filter(**of_object).select_related("owner", "change__by")
        }
        return [
            State(
                language,
                made[language.code],
                pages.get(language.code),
                tuple(sign_offs.get(language.code, ())),
                pages.get(languages.SOURCE),
                tuple(remarks.get(language.code, ())),
                tuple(plans.get(language.code, ())),
                entries.get(language.code),
                self.addresses(obj, language),
            )
            for language in wanted
        ]

    def addresses(self, obj, language) -> dict[str, str]:
        return {
            view: reverse(f"{self.admin_site.name}:{self._name(view)}", args=[obj.pk, language.code])
            for view in ("gate", "words", "compare", "history", "preview")
        } | {"form": reverse(f"{self.admin_site.name}:{self._name('change')}", args=[obj.pk])}

    def _name(self, view):
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

    # Addresses

    def get_urls(self):
        wrap = self.admin_site.admin_view
        views = {
            "gate": self.gate_view,
            "words": self.words_view,
            "compare": self.compare_view,
            "history": self.words_history_view,
            "preview": self.preview_view,
        }
        return [
            *(
                path(f"<int:pk>/{name}/<str:language>/", wrap(view), name=self._name(name))
                for name, view in views.items()
            ),
            path("<int:pk>/recall/<str:language>/<int:number>/", wrap(self.recall_view), name=self._name("recall")),
            *super().get_urls(),
        ]

    def _object(self, request, pk, language):
        """The object and the language of a side door. Every one of them comes through here."""
        if language not in languages.LANGUAGES:
            raise Http404
        if not rights.may_read_unpublished(request.user):
            raise PermissionDenied
        obj = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return obj, languages.get(language)

    def _page(self, request, obj, state, title, view):
        """What the head of every page about one object in one language needs."""
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": obj,
            "state": state,
            "view": view,
            "source": languages.get(languages.SOURCE),
            "change_url": state.urls["form"],
        }

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra_context = dict(extra_context or {})
        obj = self.get_object(request, object_id) if object_id and request.method == "GET" else None
        if obj and rights.may_read_unpublished(request.user) and self.has_view_permission(request, obj):
            states = self.states(obj)
            extra_context["states"] = states
            extra_context["source_state"] = next(state for state in states if state.language.is_source)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def has_delete_permission(self, request, obj=None):
        """What was ever published is withdrawn, never deleted."""
        if obj is not None and self.ever_published(obj):
            return False
        return super().has_delete_permission(request, obj)

    # Preview

    def preview_view(self, request, pk, language):
        """The public template, at an address of the desk, with the unsigned words."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        with override(language.code):
            context = {
                **self.preview_context(state.manuscript),
                "is_public": state.is_live and not state.changed,
                "problems": state.problems,
                "language": language,
                "noindex": True,
                "back": state.urls["gate"],
                "preview_languages": [
                    (other, self.addresses(obj, other)["preview"]) for other in languages.at_the_desk()
                ],
            }
            response = render(request, "public/preview.html", context)
        # It may be shown beside the translator's form; nobody else's page can hold it.
        return may_be_framed(response, by="'self'")

    # Read and comment

    def words_view(self, request, pk, language):
        """Every part of the words, with what was said about it and a place to say something."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        if request.method == "POST":
            said = _posted(request)
            try:
                message = self._press(request, state, said | {"do": "comment"})
            except actions.Refused as refusal:
                messages.error(request, str(refusal))
                return render(
                    request, "admin/gate/words.html", self._words_context(request, obj, state, said), status=409
                )
            messages.success(request, message)
            return HttpResponseRedirect(f"{request.path}#part-{said.get('part') or 'whole'}")
        return render(request, "admin/gate/words.html", self._words_context(request, obj, state, {}))

    def _words_context(self, request, obj, state, said):
        title = _("Read and comment: {name} in {language}").format(name=obj, language=_(state.language.english))
        # A translation is read beside the source edition that its signature will name.
        beside = None if state.language.is_source else state.source_edition
        links = state.manuscript.links
        own = self._said(state.manuscript.content, state.language, reading.names(links, state.language.code))
        source = {}
        if beside:
            names = {**beside.names, **reading.names(links, languages.SOURCE)}
            source = self._said(beside.content, languages.get(languages.SOURCE), names)
        leaves = {}
        for leaf in {**source, **own}:
            leaves.setdefault(self.whole_part(leaf), []).append(leaf)
        parts = [
            (
                part,
                self.part_label(obj, part),
                [
                    ("" if leaf == part else self.part_label(obj, leaf), source.get(leaf), own.get(leaf))
                    for leaf in of_part
                ],
                [r for r in state.said if r.part == part],
                any(leaf in own for leaf in of_part),
            )
            for part, of_part in leaves.items()
        ]
        earlier = [(r, self.part_label(obj, r.part) if r.part else "") for r in reversed(state.said_before)]
        return {
            **self._page(request, obj, state, title, "words"),
            "parts": parts,
            "beside": beside,
            "whole": [r for r in state.said if not r.part],
            "earlier": earlier,
            "wrote": said,
        }

    def _said(self, content, language, names) -> dict[str, Said]:
        leaves = {leaf: said for leaf, said in compare.parts(content) if said}
        named = {leaf: self.code_in_words(leaf, leaves, names) for leaf in leaves}
        return {
            leaf: Said(named[leaf], None) if named[leaf] else Said(compare.plain(said), language)
            for leaf, said in leaves.items()
        }

    # Compare, history, recall

    def compare_view(self, request, pk, language):
        """Any two editions, or the working copy with one."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        editions = self._editions(state)
        current = str(state.page.edition.number) if state.page else "words"
        form = forms.CompareForm(
            editions, {"before": request.GET.get("before", current), "after": request.GET.get("after", "words")}
        )
        compared = None
        if form.is_valid():
            sides = [self._side(state, editions, form.cleaned_data[name]) for name in ("before", "after")]
            compared = self._compared(obj, *sides)
        title = _("Compare: {name} in {language}").format(name=obj, language=_(language.english))
        context = {
            **self._page(request, obj, state, title, "compare"),
            "form": form,
            "compared": compared,
            "editions": editions,
        }
        return render(request, "admin/gate/compare.html", context)

    def _side(self, state, editions, which):
        if which == "words":
            return state.manuscript
        return next(edition for edition in editions if str(edition.number) == which)

    def _compared(self, obj, before, after):
        """(label, runs) for each part that differs between two of: edition, manuscript, change."""
        found = compare.differences(before.content, after.content)
        if before.slug != after.slug:
            found.insert(0, ("slug", before.slug, after.slug))
        return [(self.part_label(obj, part), compare.words(old, new)) for part, old, new in found]

    def words_history_view(self, request, pk, language):
        """Who changed which words when, who said, signed and published what; newest first."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        of_object = {"kind": state.manuscript.kind, "key": state.manuscript.key, "language": language.code}
        shown = Paginator(desk.history(**of_object), 20).get_page(request.GET.get("page"))
        # Each is compared with the one before it, so one more than is shown.
        changes = list(shown.object_list)
        before = desk.history(**of_object).filter(pk__lt=changes[-1].pk).first() if changes else None
        events = [
            (change.at, "change", change, self._compared(obj, older, change) if older else None)
            for change, older in zip(changes, [*changes[1:], before], strict=True)
        ]
        newest = dt.datetime.max.replace(tzinfo=dt.UTC) if shown.number == 1 else changes[0].at
        oldest = changes[-1].at if shown.has_next() else dt.datetime.min.replace(tzinfo=dt.UTC)
        for what, rows in (("remark", state.remarks), ("signed", state.sign_offs), ("shown", self._shown(state))):
            events += [(row.at, what, row, None) for row in rows if oldest <= row.at < newest]
        title = _("History: {name} in {language}").format(name=obj, language=_(language.english))
        context = {
            **self._page(request, obj, state, title, "history"),
            "events": sorted(events, key=lambda event: event[0], reverse=True),
            "shown": shown,
        }
        return render(request, "admin/gate/history.html", context)

    def _shown(self, state):
        if not state.page:
            return []
        return models.PageHistory.objects.filter(page=state.page).select_related("edition", "by")

    def recall_view(self, request, pk, language, number):
        """Where and when an edition's words were public: whom to tell when they were wrong."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        edition = next((edition for edition in self._editions(state) if edition.number == number), None)
        if edition is None:
            raise Http404
        title = _("Recall report: {name}, edition {number} in {language}").format(
            name=obj, number=number, language=_(language.english)
        )
        spells = [(languages.get(spell.edition.language), spell) for spell in reading.recall(edition)]
        context = {
            **self._page(request, obj, state, title, "history"),
            "edition": edition,
            "spells": spells,
            "now": timezone.now(),
        }
        return render(request, "admin/gate/recall.html", context)

    # The gate

    def gate_view(self, request, pk, language):
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        said = {}
        if request.method == "POST":
            said = _posted(request)
            if said.get("do") == "share":
                return self._share(request, obj, state, said)
            try:
                messages.success(request, self._press(request, state, said))
                return HttpResponseRedirect(request.path)
            except actions.Refused as refusal:
                # The page is long: the message leads to the form that was refused.
                messages.error(request, format_html('<a href="#do-{}">{}</a>', said.get("do", ""), str(refusal)))
                state = self.states(obj, [language])[0]
        return render(
            request, "admin/gate/gate.html", self._gate_context(request, obj, state, said), status=409 if said else 200
        )

    def _gate_context(self, request, obj, state, said):
        user, language = request.user, state.language
        mine = self.may_work_in(user, language.code)
        title = _("{name} in {language}").format(name=obj, language=_(language.english))
        suggested = timezone.localdate() + reading.review_interval(state.manuscript.kind)
        publishing = forms.PublishForm(
            said if said.get("do") == "publish" else None,
            initial={"review_due_on": suggested},
            of_translation=not language.is_source,
        )
        may_publish = mine and user.has_perm("publishing.publish_edition")
        editions = self._editions(state)
        harmful = self._before_safety(state, editions) if may_publish else {}
        return {
            **self._page(request, obj, state, title, "gate"),
            "said": said,
            "differences": self._compared(obj, state.page.edition, state.manuscript)
            if state.page and state.changed
            else [],
            "editions": [(edition, harmful.get(edition.number)) for edition in editions],
            "any_harmful": bool(harmful),
            "floor": self._floor(obj, state),
            "publishing": publishing,
            "withdrawing": forms.LaterForm(said if said.get("do") == "withdraw" else None),
            "reviewers": self._reviewers(language.code) if not state.problems else [],
            "remarks": [(r, self.part_label(obj, r.part) if r.part else "") for r in state.said],
            "source_notes": self._source_notes(state),
            "may_sign": mine and self._may_sign(user, language),
            "may_publish": may_publish,
            "signed_today": any(
                s.by_id == user.pk
                and s.on == timezone.now().date()
                and (language.is_source or s.source_edition == state.source_edition)
                for s in state.signed
            ),
            "four_eyes": settings.FOUR_EYES,
            "zone": timezone.get_current_timezone_name(),
            "wrote_them": actions.last_changed_by(state.manuscript) == user.pk,
            "live": [(languages.get(page.language), page) for page in self._pages(state) if not page.withdrawn_at]
            if may_publish and language.is_source
            else [],
            "shared_days": sharing.DAYS,
        }

    def _may_sign(self, user, language):
        return user.has_perm("publishing.sign_clinical" if language.is_source else "publishing.sign_language")

    def _reviewers(self, language):
        """Whom to ask: everybody who may sign in this language."""
        right = "publishing.sign_clinical" if language == languages.SOURCE else "publishing.sign_language"
        people = get_user_model().objects.with_perm(right).order_by("last_name", "username")
        return [person for person in people if person.is_staff and self.may_work_in(person, language)]

    def _pages(self, state):
        of_object = {"kind": state.manuscript.kind, "key": state.manuscript.key}
        pages = models.Page.objects.filter(**of_object).order_by("language")
        return list(pages)

    def _source_notes(self, state) -> list[models.Edition]:
        """What the source's publishers told readers since this translation matched it, to be told here as well."""
        if state.language.is_source or not state.source_edition:
            return []
        under = [s for s in state.sign_offs if state.page and s.digest == state.page.edition.digest]
        matches = reading.matching(state.page.edition, under, state.source_edition) if state.page else None
        notes = models.Edition.objects.filter(
            kind=state.manuscript.kind,
            key=state.manuscript.key,
            language=languages.SOURCE,
            number__gt=matches.number if matches else 0,
        )
        return [edition for edition in notes.defer("content").order_by("number") if edition.change_note]

    def _floor(self, obj, state) -> list[str]:
        if not (state.page and state.changed):
            return []
        words = state.manuscript
        found = floor.reasons(state.page.edition.content, words.content, words.language, words.sensitive)
        return list(dict.fromkeys(reason.sentence(self.part_label(obj, reason.part)) for reason in found))

    def _editions(self, state):
        if not state.page:
            return []
        return list(
            models.Edition.objects.filter(
                kind=state.page.kind, key=state.page.key, language=state.page.language
            ).order_by("-number")
        )

    def _before_safety(self, state, editions) -> dict[int, dt.datetime]:
        """The number of each edition from before a safety change, its own or its source's -> when that was."""
        safety = models.Edition.objects.filter(
            kind=state.manuscript.kind, key=state.manuscript.key, significance=models.Significance.SAFETY
        )
        safety = list(safety.filter(language__in=[state.language.code, languages.SOURCE]).defer("content"))
        found = {}
        for edition in editions:
            signed = [s for s in state.sign_offs if s.digest == edition.digest]
            # A translation that was compared again after the safety change of its source is not from before it.
            source = edition if state.language.is_source else reading.matching(edition, signed, None)
            later = [
                change
                for change in safety
                for before in (edition, source)
                if before and change.language == before.language and change.number > before.number
            ]
            if later:
                found[edition.number] = min(change.published_at for change in later)
        return found

    # The buttons

    def _press(self, request, state, said) -> str:
        """One button, in one transaction. Returns what happened, in words. Raises Refused, PermissionDenied."""
        buttons = {
            "ask": self._ask,
            "comment": self._comment,
            "changes": self._ask_for_changes,
            "sign": self._sign,
            "publish": self._publish,
            "cancel": self._cancel,
            "withdraw": self._withdraw,
            "withdraw-everywhere": self._withdraw_everywhere,
            "restore": self._restore,
        }
        doing = said.get("do")
        if doing not in buttons:
            raise actions.Refused(_("That button is not known here. Nothing was changed."))
        if doing not in {"ask", "comment"} and not self.may_work_in(request.user, state.language.code):
            raise PermissionDenied
        if doing in {"ask", "comment", "changes", "sign", "publish"} and said.get("digest") != state.manuscript.digest:
            raise actions.Refused(
                _("The words changed while this page was open. Nothing was signed, said or published. Read them again.")
            )
        with transaction.atomic(), audit.last():
            message, result = buttons[doing](request.user, state, said)
            self.happened(doing, state, request.user, result)
        self.afterwards(doing, state)
        return message

    def _ask(self, user, state, said):
        to = None
        if said.get("to"):
            to = next((p for p in self._reviewers(state.language.code) if str(p.pk) == said["to"]), None)
            if to is None:
                raise actions.Refused(_("That person cannot sign these words. Choose somebody else, or nobody."))
        remark = actions.remark(
            state.manuscript, models.RemarkKind.ASKED, by=user, text=said.get("text", "")[: forms.NOTE_LENGTH], to=to
        )
        return _("You asked for a review of exactly these words."), remark

    def _comment(self, user, state, said):
        part = said.get("part", "")
        if part and part not in {self.whole_part(leaf) for leaf, _w in compare.parts(state.manuscript.content)}:
            raise actions.Refused(_("That part is not in these words any more."))
        remark = actions.remark(
            state.manuscript,
            models.RemarkKind.COMMENT,
            by=user,
            text=said.get("text", "")[: forms.NOTE_LENGTH],
            part=part,
        )
        return _("Your comment is kept beside these words."), remark

    def _ask_for_changes(self, user, state, said):
        remark = actions.remark(
            state.manuscript, models.RemarkKind.CHANGES, by=user, text=said.get("text", "")[: forms.NOTE_LENGTH]
        )
        return _("You asked for changes."), remark

    def _sign(self, user, state, said):
        source = None if state.language.is_source else state.source_edition
        if source and said.get("source_edition") != str(source.number):
            raise actions.Refused(
                _("The source changed while this page was open. Nothing was signed. Compare the translation again.")
            )
        capacity = models.Capacity.CLINICAL if state.language.is_source else models.Capacity.LANGUAGE
        sign_off = actions.sign_off(state.manuscript, by=user, capacity=capacity, source_edition=source)
        return _("You signed off exactly these words."), sign_off

    def _publish(self, user, state, said):
        form = forms.PublishForm(said, of_translation=not state.language.is_source)
        one = form.publishing(state.manuscript)
        if at := form.cleaned_data["at"]:
            plans = actions.plan_publishing([one], by=user, at=at)
            return _("Planned: exactly these words will be published at that moment, without you."), plans
        edition = actions.publish(
            one.manuscript,
            by=user,
            significance=one.significance,
            change_note=one.change_note,
            review_due_on=one.review_due_on,
        )
        return _("Edition {number} is public.").format(number=edition.number), edition

    def _cancel(self, user, state, said):
        plan = next((plan for plan in state.plans if str(plan.pk) == said.get("plan")), None)
        if plan is None:
            raise actions.Refused(_("This plan has happened or was called off meanwhile."))
        return _("The plan is called off."), actions.cancel(plan, by=user)

    def _withdraw(self, user, state, said):
        form = forms.LaterForm(said)
        forms.refuse_mistakes(form)
        if not state.page:
            raise actions.Refused(_("There is no page to withdraw."))
        if at := form.cleaned_data["at"]:
            plan = actions.plan_withdrawal(state.page, by=user, at=at, reason=said.get("reason", ""))
            return _("Planned: the page will be withdrawn at that moment, without you."), [plan]
        page = actions.withdraw(state.page, by=user, reason=said.get("reason", ""))
        return _("The page is withdrawn. You can restore an edition below at any time."), page

    def _withdraw_everywhere(self, user, state, said):
        if not state.language.is_source:
            raise PermissionDenied
        live = [page for page in self._pages(state) if not page.withdrawn_at]
        reasons = {page.language: said.get(f"reason-{page.language}", "")[: forms.NOTE_LENGTH] for page in live}
        pages = actions.withdraw_everywhere(state.manuscript.kind, state.manuscript.key, by=user, reasons=reasons)
        count = len(pages)
        return (
            ngettext("{count} page is withdrawn.", "{count} pages are withdrawn.", count).format(count=count),
            pages,
        )

    def _restore(self, user, state, said):
        editions = self._editions(state)
        edition = next((e for e in editions if str(e.number) == said.get("edition")), None)
        if not state.page or edition is None:
            raise actions.Refused(_("Choose the edition whose words should be public again."))
        if edition.number in self._before_safety(state, editions) and not said.get("understood"):
            raise actions.Refused(
                _(
                    "Edition {number} is from before a safety change: its words may harm. If readers should see them "
                    "again all the same, tick that you understand this."
                ).format(number=edition.number)
            )
        page = actions.restore(state.page, edition, by=user, reason=said.get("reason", "")[: forms.NOTE_LENGTH])
        return _("The page shows the words of edition {number} again.").format(number=edition.number), page

    # Sharing a preview

    def _share(self, request, obj, state, said):
        """An address that shows exactly today's words, in every language that has any, to whoever has it."""
        days = int(said["days"]) if said.get("days") in map(str, sharing.DAYS) else sharing.DAYS[1]
        words = [one.manuscript for one in self.states(obj) if one.manuscript.title]
        expires = timezone.now() + dt.timedelta(days=days)
        token = sharing.token({one.language: actions.remember(one).pk for one in words}, expires)
        address = settings.PUBLIC_ADDRESS + reverse("shared-preview", args=[token, state.language.code])
        title = _("A preview to share: {name}").format(name=obj)
        context = {**self._page(request, obj, state, title, "gate"), "address": address, "expires": expires}
        return render(request, "admin/gate/shared.html", context)


def _posted(request) -> dict[str, str]:
    """What was posted, without the byte that PostgreSQL cannot store."""
    return {name: value.replace("\x00", "") for name, value in request.POST.items()}


class RecordAdmin(admin.ModelAdmin):
    """Something to look at, never to change."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(models.Edition)
class EditionAdmin(RecordAdmin):
    list_display = ("title", "kind", "language", "number", "published_at", "published_by", "significance")
    list_filter = ("language", "kind", "significance")
    search_fields = ("key", "title")
    date_hierarchy = "published_at"
    list_select_related = ("published_by",)


@admin.register(models.SignOff)
class SignOffAdmin(RecordAdmin):
    list_display = ("key", "kind", "language", "capacity", "signed_as", "at")
    list_filter = ("capacity", "language", "kind")
    search_fields = ("key", "signed_as")


class WhatFilter(admin.SimpleListFilter):
    title = gettext_lazy("what")
    parameter_name = "what"

    def lookups(self, request, model_admin):
        return audit.WHAT.items()

    def queryset(self, request, queryset):
        return queryset.filter(what=self.value()) if self.value() else queryset


@admin.register(models.AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = ("at", "who", "said", "about", "details")
    list_filter = (WhatFilter, "at", ("by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("about", "by_name")
    date_hierarchy = "at"
    ordering = ("-number",)
    fields = ("number", "at", "who", "said", "about", "details", "previous_seal", "seal")
    actions = ("export",)

    @admin.display(description=gettext_lazy("who"), ordering="by_name")
    def who(self, entry):
        return entry.by_name or _("nobody signed in")

    @admin.display(description=gettext_lazy("what"), ordering="what")
    def said(self, entry):
        return audit.WHAT.get(entry.what, entry.what)

    @admin.display(description=gettext_lazy("details"))
    def details(self, entry):
        return audit.details(entry)

    @admin.action(permissions=["view"], description=gettext_lazy("Save the chosen entries as a table (CSV)"))
    def export(self, request, queryset):
        table = audit.table(queryset.select_related("by").order_by("number"))
        return HttpResponse(
            table,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit-log.csv"'},
        )
