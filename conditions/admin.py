"""The editors' desk: the source language's words in the stock admin; translations have their own form."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext, gettext_lazy

import conditions.readers_admin  # noqa: F401 -- it registers itself
from conditions import editions, follow_up, glossary, labels, models, preview, saving, telling, translatable, writing
from conditions.bundle import collecting
from conditions.bundle.writing import to_zip
from portal import languages
from portal.publishing import actions, audit, rights
from portal.publishing.admin import GateAdmin
from portal.publishing.lists import AT_ONCE, ListAdmin
from portal.publishing.models import Edition, Entry, Page, Remark, RemarkKind
from portal.translating.admin import TranslatingAdmin, may_translate
from portal.translating.columns import column
from portal.translating.editor import EditorWidget


def source(*fields):
    """The source language's columns of these fields."""
    return tuple(column(field, languages.SOURCE) for field in fields)


class SourceColumns:
    """Forms bind the source language only, under the plain labels readers know."""

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if isinstance(db_field, models.RichTextField):
            kwargs["widget"] = EditorWidget
        if db_field.name == "headings":
            return forms.MultipleChoiceField(
                label=labels.PARTS["headings"],
                help_text=db_field.help_text,
                required=False,
                widget=forms.CheckboxSelectMultiple(attrs={"class": "sections"}),
                choices=[(group, list(headings.items())) for group, headings in labels.HEADING_GROUPS],
            )
        form_field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if form_field and isinstance(form_field.widget, RelatedFieldWidgetWrapper):
            # Deleting or editing another object from inside this form is a slip, not a shortcut.
            form_field.widget.can_delete_related = form_field.widget.can_change_related = False
        original = getattr(db_field, "translated_field", None)
        if form_field and original:
            form_field.label = str(original.verbose_name)[:1].upper() + str(original.verbose_name)[1:]
            if isinstance(form_field.widget, forms.Textarea) and not isinstance(form_field.widget, EditorWidget):
                form_field.widget.attrs["rows"] = 3
            form_field.widget.attrs["lang"] = languages.get(languages.SOURCE).tag
            form_field.widget.attrs.pop("maxlength", None)  # a browser cuts what is pasted and says nothing
        return form_field


class Careful:
    """An inline in which two people can write at once."""

    form, formset = saving.CarefulForm, saving.CarefulRows


class HelpCardInline(SourceColumns, Careful, admin.StackedInline):
    model = models.HelpCard
    fields = (("urgency", "position"), *source("when_to_act", "what_to_do"))
    extra = 0


class FactInline(SourceColumns, Careful, admin.StackedInline):
    model = models.Fact
    fields = (("kind", "position"), *source("value"), "sources", "needs_check")
    autocomplete_fields = ("sources",)
    extra = 0


class CodeInline(Careful, admin.TabularInline):
    model = models.Code
    extra = 0


class ImageInline(SourceColumns, Careful, admin.StackedInline):
    model = models.Image
    fields = ("file", *source("alt", "caption"), "credit", "position")
    extra = 0


class SymptomInline(SourceColumns, Careful, admin.TabularInline):
    model = models.ConditionSymptom
    fk_name = "condition"
    fields = ("symptom", "frequency", *source("note"), "position")
    autocomplete_fields = ("symptom",)
    extra = 0


class TreatmentInline(SourceColumns, Careful, admin.TabularInline):
    model = models.ConditionTreatment
    fk_name = "condition"
    fields = ("treatment", "place", *source("note"), "position")
    autocomplete_fields = ("treatment",)
    extra = 0


class CitationForm(saving.CarefulForm):
    sections = forms.MultipleChoiceField(
        label=gettext_lazy("supports"), required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "sections"})
    )

    def __init__(self, *args, kind="condition", **kwargs):
        super().__init__(*args, **kwargs)
        parts = {"summary": labels.PARTS["summary"], **labels.SECTIONS[kind], "help_cards": labels.PARTS["help_cards"]}
        self.fields["sections"].choices = list(parts.items())


class CitationInline(Careful, admin.StackedInline):
    model = models.Citation
    form = CitationForm
    fields = ("source", "sections", ("needs_check", "position"))
    autocomplete_fields = ("source",)
    extra = 0

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        kind = self.parent_model.KIND

        class OfThisKind(formset):
            def get_form_kwargs(self, index):
                return {**super().get_form_kwargs(index), "kind": kind}

        return OfThisKind


def _ever_published(topic) -> bool:
    return Edition.objects.filter(kind=topic.kind, key=topic.key).exists()


class TopicAdmin(SourceColumns, saving.CarefulAdmin, TranslatingAdmin, ListAdmin, GateAdmin):
    autocomplete_fields = ("see_also",)
    save_on_top = True
    search_fields = ("key", *source("name", "also_known_as", "misspellings"))
    own_fields = ()

    class Media:
        css = {"all": ["css/admin.css"]}
        js = ["js/names.js"]

    actions = (*ListAdmin.actions, "export_bundle")

    def get_ordering(self, request):
        return source("name")

    @admin.action(description=gettext_lazy("Export as files (ZIP)"))
    def export_bundle(self, request, queryset):
        """The chosen objects as a bundle: every language, with codes, sources and pictures."""
        if not rights.may_read_unpublished(request.user):
            raise PermissionDenied
        chosen = list(queryset.values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(chosen) > AT_ONCE:
            messages.error(request, gettext("Choose at most {count} at once.").format(count=AT_ONCE))
            return None
        try:
            data = to_zip(collecting.bundle(editions.topic(self.kind, pk=pk) for pk in chosen))
        except collecting.Gone as error:
            messages.error(request, str(error))
            return None
        name = f"{self.kind}-{timezone.localdate()}.zip"
        return HttpResponse(
            data,
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @property
    def kind(self) -> str:
        return self.model.KIND

    def get_queryset(self, request):
        queryset = super().get_queryset(request)
        # A list needs three columns, not every section in every language.
        return queryset.only("key", "kind", *source("name")) if self._is_list(request) else queryset

    def _is_list(self, request):
        match = request.resolver_match
        return bool(match and match.url_name and match.url_name.endswith("_changelist"))

    def get_fieldsets(self, request, obj=None):
        if obj and not self.has_change_permission(request, obj):
            # A translator or publisher: the table of languages is what they came for.
            return [(None, {"fields": source("name", "summary")})]
        return [
            (None, {"fields": (*source("name", "summary", "also_known_as"), *self.own_fields)}),
            *(
                [(gettext_lazy("What patients read"), {"fields": source(*labels.SECTIONS[self.kind])})]
                if labels.SECTIONS[self.kind]
                else []
            ),
            (
                gettext_lazy("Address, links and finding"),
                {"fields": ("key", *source("slug", "misspellings"), "see_also", "headings")},
            ),
        ]

    def get_inlines(self, request, obj):
        return self.inlines if obj is None or self.has_change_permission(request, obj) else ()

    def get_readonly_fields(self, request, obj=None):
        return ("key",) if obj else ()

    def render_change_form(self, request, context, *args, **kwargs):
        if context.get("original"):
            topic = editions.topic(self.kind, pk=context["original"].pk)
            context["to_be_checked"] = editions.to_be_checked(topic)
            context["advice"] = [(one.part(self.kind), one.message) for one in writing.advice(topic)]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("name"), ordering=source("name")[0])
    def shown_name(self, obj):
        return str(obj)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        editions.refresh(editions.topic(self.kind, pk=form.instance.pk), by=request.user)

    # The gate and the translator's desk

    def manuscripts(self, obj, in_languages):
        return editions.manuscripts(editions.topic(self.kind, pk=obj.pk), in_languages)

    def preview_context(self, manuscript):
        return preview.show(manuscript)

    def part_label(self, obj, part):
        return labels.part_in_words(self.kind, part)

    def code_in_words(self, leaf, leaves, names):
        return labels.code_in_words(self.kind, leaf, leaves, names)

    def whole_part(self, leaf):
        return labels.whole_part(leaf)

    def may_work_in(self, user, language):
        return may_translate(user, self.opts.app_label, language)

    def addresses(self, obj, language):
        found = super().addresses(obj, language)
        if not language.is_source:
            found["translate"] = self.translate_url(obj, language.code)
        return found

    def translated(self, obj, language, by):
        editions.refresh(editions.topic(self.kind, pk=obj.pk), by=by, changed=[language])

    def happened(self, what, state, by, result):
        if what in {"ask", "changes", "comment"}:
            telling.of_remark(state, result)
        elif what == "sign":
            telling.of_signature(state, result)
        elif what == "publish" and isinstance(result, Edition):
            telling.of_edition(result)
        elif what in {"withdraw", "withdraw-everywhere"} and isinstance(result, Page):
            telling.of_withdrawal(result, by)
        elif what == "assign":
            telling.of_work(*result, by)

    def afterwards(self, what, state):
        if what in {"publish", "withdraw", "withdraw-everywhere", "restore"}:
            follow_up.changed(state.manuscript.kind, state.manuscript.key)

    def ever_published(self, obj):
        return _ever_published(obj)

    def source_edition(self, obj):
        return editions.current_source_edition(obj)

    def remarks(self, obj, language):
        about = {"kind": self.kind, "key": obj.key}
        entries = Entry.objects.filter(**about, language__in=[language, languages.SOURCE]).select_related("change")
        of_today = {entry.change.digest for entry in entries}
        return list(Remark.objects.filter(**about, digest__in=of_today).exclude(text="").order_by("pk"))

    def ask_author(self, obj, part, text, by):
        state = self.states(obj, [languages.get(languages.SOURCE)])[0]
        with transaction.atomic(), audit.last():
            remark = actions.remark(
                state.manuscript, RemarkKind.COMMENT, by=by, text=text, part=labels.whole_part(part) if part else ""
            )
            telling.of_remark(state, remark)

    def terms(self, units, language):
        return glossary.terms(" ".join(unit.source for unit in units), language)

    def units(self, obj, source_edition):
        return translatable.units(editions.topic(self.kind, pk=obj.pk), source_edition)


@admin.register(models.Condition)
class ConditionAdmin(TopicAdmin):
    own_fields = ("broader",)
    autocomplete_fields = ("see_also", "broader")
    inlines = (
        HelpCardInline,
        FactInline,
        SymptomInline,
        TreatmentInline,
        CitationInline,
        CodeInline,
        ImageInline,
    )


@admin.register(models.Symptom)
class SymptomAdmin(TopicAdmin):
    inlines = (HelpCardInline, FactInline, CitationInline, CodeInline, ImageInline)


@admin.register(models.Treatment)
class TreatmentAdmin(TopicAdmin):
    own_fields = ("treatment_kind",)
    inlines = (HelpCardInline, FactInline, CitationInline, CodeInline, ImageInline)


@admin.register(models.Term)
class TermAdmin(TopicAdmin):
    own_fields = (*source("avoid"), "do_not_translate")
    inlines = (CitationInline, CodeInline)


@admin.register(models.Article)
class ArticleAdmin(TopicAdmin):
    inlines = (CitationInline, ImageInline)


@admin.register(models.Topic)
class AnyTopicAdmin(admin.ModelAdmin):
    """Only answers the search of "see also"; it has no place of its own at the desk."""

    search_fields = ("key", *source("name"))

    def get_ordering(self, request):
        return source("name")

    def get_model_perms(self, request):
        return {}

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        # Asked when a condition, symptom, treatment or term goes, whose first half is a topic.
        return super().has_delete_permission(request, obj) and not (obj and _ever_published(obj))


@admin.register(models.Source)
class SourceAdmin(admin.ModelAdmin):
    list_display = ("title", "publisher", "year", "cited_by", "check_result", "checked_at")
    list_filter = ("check_result",)
    search_fields = ("key", "title", "publisher")

    def get_ordering(self, request):
        return ("title",)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("citations__topic")

    def get_readonly_fields(self, request, obj=None):
        return ("key",) if obj else ()

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if change and form.changed_data:
            # Every page that cites it now says something else, and this person said it.
            citing = models.Topic.objects.filter(citations__source=obj) | models.Topic.objects.filter(
                facts__sources=obj
            )
            for kind, key in citing.values_list("kind", "key").distinct():
                editions.refresh(editions.topic(kind, key=key), by=request.user)

    @admin.display(description=gettext_lazy("cited by"))
    def cited_by(self, obj):
        return format_html_join(", ", "{}", ((citation.topic,) for citation in obj.citations.all()))
