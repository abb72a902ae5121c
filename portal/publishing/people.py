"""Accounts and roles in the admin. Whoever is no superuser gives roles and languages, and cannot rise above that."""

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal import languages


def assignable():
    """The rights an administrator gives by name: "Can translate into Spanish". All others come with a role."""
    return Permission.objects.filter(codename__startswith="translate_").exclude(
        codename=f"translate_{languages.SOURCE}"  # publishing in the source language
    )


admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("username", "first_name", "last_name", "email", "is_staff", "is_active")
    actions = ("deactivate",)

    # A superuser's account is a superuser's business.

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (request.user.is_superuser or not _above(obj))

    def has_delete_permission(self, request, obj=None):
        if obj is not None and obj.pk == request.user.pk:
            return False
        return super().has_delete_permission(request, obj) and (request.user.is_superuser or not _above(obj))

    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, "is_superuser")

    def formfield_for_manytomany(self, db_field, request=None, **kwargs):
        if db_field.name == "user_permissions":
            rights = Permission.objects.all() if request.user.is_superuser else assignable()
            kwargs["queryset"] = rights.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request=request, **kwargs)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method == "POST" and not request.user.is_superuser:
            offered = set(map(str, assignable().values_list("pk", flat=True)))
            if "is_superuser" in request.POST or not set(request.POST.getlist("user_permissions")) <= offered:
                raise PermissionDenied  # our form has neither: somebody made this one
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request, form, formsets, change):
        """Rights that the form did not show stay as they are."""
        if not request.user.is_superuser and "user_permissions" in form.cleaned_data:
            unseen = form.instance.user_permissions.exclude(pk__in=assignable())
            form.cleaned_data["user_permissions"] = [*form.cleaned_data["user_permissions"], *unseen]
        super().save_related(request, form, formsets, change)

    def user_change_password(self, request, id, form_url=""):
        with transaction.atomic():  # Django has none here; the change and its entry in the log belong together
            return super().user_change_password(request, id, form_url)

    # People are deactivated: what they signed stays, under their names.

    @admin.action(permissions=["change"], description=_("Deactivate the chosen accounts"))
    def deactivate(self, request, queryset):
        people = list(queryset)
        if any(person.pk == request.user.pk or not self.has_change_permission(request, person) for person in people):
            raise PermissionDenied
        for person in people:
            with transaction.atomic():
                person.is_active = False
                person.save(update_fields=["is_active"])
                self.log_change(request, person, [{"changed": {"fields": ["is_active"]}}])
        told = ngettext("{count} account is deactivated.", "{count} accounts are deactivated.", len(people))
        self.message_user(request, told.format(count=len(people)), messages.SUCCESS)

    def get_actions(self, request):
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs, request):
        """Whoever signed or published cannot be deleted; the page then offers to deactivate, and lists nothing."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return ([], {}, set(), protected) if protected else (deleted, counts, lacking, protected)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """What a role may do decides what an administrator can give, so only a superuser says it."""

    def has_add_permission(self, request):
        return request.user.is_superuser

    def has_change_permission(self, request, obj=None):
        return request.user.is_superuser

    def has_delete_permission(self, request, obj=None):
        return request.user.is_superuser


def _above(person):
    return person is not None and person.is_superuser
