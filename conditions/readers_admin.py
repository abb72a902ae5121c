"""The desk's lists of what readers said. Everybody sees the languages they work in; nobody changes a word."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, Subquery, Sum
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conditions import labels, readers
from portal import languages
from portal.listening import actions
from portal.listening.models import Feedback, Unanswered
from portal.publishing.admin import RecordAdmin


class LanguageFilter(admin.SimpleListFilter):
    title = gettext_lazy("language")
    parameter_name = "language"

    def lookups(self, request, model_admin):
        return [(code, _(languages.get(code).english)) for code in readers.languages_of(request.user)]

    def queryset(self, request, queryset):
        return queryset.filter(language=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return labels.KINDS.items()

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


class ReadFilter(admin.SimpleListFilter):
    title = gettext_lazy("read or not")
    parameter_name = "read"

    def lookups(self, request, model_admin):
        return [("unread", _("unread words")), ("words", _("with words"))]

    def queryset(self, request, queryset):
        if self.value() in {"unread", "words"}:
            queryset = queryset.exclude(words="")
        return queryset.filter(seen_at=None) if self.value() == "unread" else queryset


class ByLanguageAdmin(RecordAdmin):
    """A list of which everybody sees the rows in their own languages."""

    list_display_links = None

    class Media:
        css = {"all": ["css/admin.css"]}

    def has_view_permission(self, request, obj=None):
        mine = readers.languages_of(request.user)
        return bool(mine) if obj is None else obj.language in mine

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def changelist_view(self, request, extra_context=None):
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

    def get_queryset(self, request):
        return self.model.objects.filter(language__in=readers.languages_of(request.user))

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def of_language(self, row):
        return _(languages.get(row.language).english)

    @admin.display(description=gettext_lazy("words"), ordering="words")
    def said(self, row):
        return format_html(
            '<span class="desk-said" lang="{}" dir="auto">{}</span>', languages.get(row.language).tag, row.words
        )


@admin.register(Feedback)
class FeedbackAdmin(ByLanguageAdmin):
    list_display = ("said", "answered", "read", "of_page", "of_language", "edition", "day")
    list_filter = (LanguageFilter, KindFilter, ReadFilter)
    list_select_related = ("seen_by",)
    list_per_page = 50
    ordering = ("-day", "-pk")
    fields = ("day", "kind", "key", "of_language", "edition", "answered", "said", "read")
    actions = ("mark_read",)

    @admin.display(description=gettext_lazy("page"), ordering="key")
    def of_page(self, answer):
        return f"{labels.KINDS.get(answer.kind, answer.kind)}: {answer.key}"

    @admin.display(description=gettext_lazy("read by"), ordering="seen_at")
    def read(self, answer):
        if answer.seen_at is None:
            return _("unread") if answer.words else ""
        return f"{answer.seen_by or ''} {timezone.localtime(answer.seen_at):%Y-%m-%d}".strip()

    @admin.action(permissions=["view"], description=gettext_lazy("Mark the chosen answers as read"))
    def mark_read(self, request, queryset):
        count = actions.mark_read(queryset, by=request.user)
        told = ngettext("{count} answer is marked as read.", "{count} answers are marked as read.", count)
        self.message_user(request, told.format(count=count))


@admin.register(Unanswered)
class UnansweredAdmin(ByLanguageAdmin):
    """The same words on several days are one row: how often in all, and when last."""

    list_display = ("said", "of_language", "how_often", "day")
    list_filter = (LanguageFilter,)
    search_fields = ("words",)
    fields = ("said", "of_language", "how_often", "day")
    list_per_page = 50

    def get_ordering(self, request):
        return ("-total", "words")

    def get_queryset(self, request):
        same = Unanswered.objects.filter(language=OuterRef("language"), words=OuterRef("words"))
        total = same.order_by().values("words").annotate(total=Sum("count")).values("total")
        newest = super().get_queryset(request).exclude(Exists(same.filter(day__gt=OuterRef("day"))))
        return newest.annotate(total=Subquery(total))

    @admin.display(description=gettext_lazy("how often"), ordering="total")
    def how_often(self, row):
        return row.total
