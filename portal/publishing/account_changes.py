"""Who may do what, and every change to it, noted in the audit log. Connected when the portal starts."""

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_login_failed
from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.dispatch import receiver

from portal.publishing import audit

# Names are told because signatures are made under them; what is only said to have changed is nobody's business.
_TOLD = ("username", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
_ONLY_THAT = ("email", "password")


def _note(what, about, **detail):
    audit.note(what, by=audit.person_acting(), about=about, **detail)


def _name(row):
    if isinstance(row, Permission):
        return f"right {row.content_type.app_label}.{row.codename}"
    return f"account {row.get_username()}" if isinstance(row, User) else f"group {row.name}"


@receiver(pre_save, sender=User)
def account_saved(instance, raw, update_fields, **kwargs):
    """Before the change: outside a transaction, an entry too many is better than a change that nobody noted."""
    if raw:  # a dump that is read in brings its own log
        return
    before = User.objects.filter(pk=instance.pk).first() if instance.pk else None
    if before is None:
        flags = {name: True for name in ("is_staff", "is_superuser") if getattr(instance, name)}
        _note("account made", _name(instance), **flags)
        return
    changed = [
        name
        for name in (*_TOLD, *_ONLY_THAT)
        if (update_fields is None or name in update_fields) and getattr(before, name) != getattr(instance, name)
    ]
    detail = {name: [getattr(before, name), getattr(instance, name)] for name in changed if name in _TOLD}
    # Django saves the password alone when somebody signs in and its hash is older than today's rule.
    again = update_fields is not None and set(update_fields) == {"password"}
    detail |= {name: "stored again" if again else "changed" for name in changed if name in _ONLY_THAT}
    if detail:
        _note("account changed", _name(before), **detail)


@receiver(pre_delete, sender=User)
def account_deleted(instance, **kwargs):
    _note("account deleted", _name(instance), groups=sorted(instance.groups.values_list("name", flat=True)))


@receiver(pre_save, sender=Group)
def group_saved(instance, raw, **kwargs):
    before = Group.objects.filter(pk=instance.pk).first() if instance.pk else None
    if raw or (before and before.name == instance.name):
        return
    _note("role changed", _name(before or instance), **({"name": [before.name, instance.name]} if before else {}))


@receiver(pre_delete, sender=Group)
def group_deleted(instance, **kwargs):
    members = instance.user_set.order_by("username")
    _note("role changed", _name(instance), deleted_with=[user.get_username() for user in members])


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def given_or_taken(sender, instance, action, reverse, pk_set, **kwargs):
    """One entry for each account or group. Read from the rows between them: just made, or about to go."""
    if action not in {"post_add", "pre_remove", "pre_clear"}:
        return
    holder, right = (field.name for field in sender._meta.fields if field.is_relation)
    here, there = (right, holder) if reverse else (holder, right)
    rows = sender.objects.filter(**{here: instance}).select_related(holder, right).order_by("pk")
    if pk_set is not None:
        rows = rows.filter(**{f"{there}__in": pk_set})
    of_each = {}
    for row in rows:
        of_each.setdefault(getattr(row, holder), []).append(_name(getattr(row, right)))
    for who, rights in of_each.items():
        _note("role changed", _name(who), **{"given" if action == "post_add" else "taken": rights})


@receiver(user_login_failed)
def sign_in_refused(credentials, **kwargs):
    audit.note_refused(credentials.get("username") or "")
