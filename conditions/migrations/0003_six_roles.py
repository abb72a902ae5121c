"""Six roles, each with the least rights it needs. Who was a Clinician becomes Author, Clinical reviewer and Publisher."""

from importlib import import_module

from django.db import migrations

earlier = import_module("conditions.migrations.0002_roles")

SEE = [
    *[f"conditions.view_{model}" for model in earlier.TOPICS],
    "publishing.read_unpublished",
    "publishing.view_edition",
    "publishing.view_signoff",
]
RIGHTS = {
    "Authors": [
        *SEE,
        *[
            f"conditions.{verb}_{model}"
            for model in earlier.WORKING_COPY
            for verb in ("add", "change", "delete", "view")
        ],
    ],
    # "Can publish in the source language" says that this person works in it; publishing needs its own right as well.
    "Clinical reviewers": [*SEE, "conditions.translate_en", "publishing.sign_clinical"],
    # The languages of these three are given to each person by name: "Can translate into Spanish".
    "Translators": SEE,
    "Language reviewers": [*SEE, "publishing.sign_language"],
    "Publishers": [*SEE, "publishing.publish_edition", "publishing.assign_entry"],
    "Administrators": [
        "auth.view_user",
        "auth.add_user",
        "auth.change_user",
        "auth.view_group",
        "publishing.view_auditentry",
        "publishing.assign_entry",
    ],
}
BECAME = {
    "Clinicians": ("Authors", "Clinical reviewers", "Publishers"),
    "Translators": ("Language reviewers",),  # they could sign off until today, and still can
}
earlier.NAMES |= {
    "read_unpublished": "Can read words that are not published",
    "assign_entry": "Can assign work",
    "view_auditentry": "Can view entry of the audit log",
}
earlier.MODEL_OF |= {"read_unpublished": "entry", "assign_entry": "entry"}


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    database = schema_editor.connection.alias
    groups = Group.objects.using(database)
    before = {old: list(groups.get(name=old).user_set.all()) for old in BECAME if groups.filter(name=old).exists()}
    if translators := groups.filter(name="Translators").first():
        translators.permissions.remove(*translators.permissions.filter(codename="sign_language"))
    earlier.give(apps, schema_editor, RIGHTS)
    for old, people in before.items():
        for new in BECAME[old]:
            groups.get(name=new).user_set.add(*people)
    # A group of that name which got other rights in the meantime is somebody's own; it stays, and nobody leaves it.
    if (old := groups.filter(name="Clinicians").first()) and _as_made(old):
        old.delete()


def _as_made(group) -> bool:
    rights = group.permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rights} == set(earlier.RIGHTS["Clinicians"])


class Migration(migrations.Migration):
    dependencies = [
        ("conditions", "0002_roles"),
        ("publishing", "0003_the_desk"),
    ]
    # Reversing keeps the groups: somebody may have given them to people.
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
