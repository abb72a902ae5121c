"""The three roles as groups, with the least rights each needs. The administrator is Django's superuser."""

from django.db import migrations

WORKING_COPY = [
    "topic",
    "condition",
    "symptom",
    "treatment",
    "term",
    "helpcard",
    "fact",
    "code",
    "citation",
    "source",
    "image",
    "conditionsymptom",
    "conditiontreatment",
]
TOPICS = ["topic", "condition", "symptom", "treatment", "term", "source"]
RIGHTS = {
    "Clinicians": [
        *[f"conditions.{verb}_{model}" for model in WORKING_COPY for verb in ("add", "change", "delete", "view")],
        "conditions.translate_en",
        "publishing.sign_clinical",
        "publishing.publish_edition",
        "publishing.view_edition",
        "publishing.view_signoff",
    ],
    # The languages themselves are given to each translator by name: "Can translate into Spanish".
    "Translators": [
        *[f"conditions.view_{model}" for model in TOPICS],
        "publishing.sign_language",
        "publishing.view_edition",
        "publishing.view_signoff",
    ],
    "Publishers": [
        *[f"conditions.view_{model}" for model in TOPICS],
        "publishing.publish_edition",
        "publishing.view_edition",
        "publishing.view_signoff",
    ],
}
# Django makes permissions only after all migrations; the two that are not a model's plain verbs need their names here.
NAMES = {
    "sign_clinical": "Can sign off as clinical reviewer",
    "sign_language": "Can sign off as language reviewer",
    "publish_edition": "Can publish, withdraw and restore",
    "translate_en": "Can publish in the source language",
}
MODEL_OF = {
    "translate_en": "topic",
    "sign_clinical": "signoff",
    "sign_language": "signoff",
    "publish_edition": "edition",
}


def make_roles(apps, schema_editor):
    give(apps, schema_editor, RIGHTS)


def give(apps, schema_editor, roles):
    """Make these groups with these rights; what a group has besides, it keeps."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    database = schema_editor.connection.alias
    for role, rights in roles.items():
        group, _created = Group.objects.using(database).get_or_create(name=role)
        for right in rights:
            app, codename = right.split(".")
            model = MODEL_OF.get(codename) or codename.partition("_")[2]
            content_type, _created = ContentType.objects.using(database).get_or_create(app_label=app, model=model)
            permission, _created = Permission.objects.using(database).get_or_create(
                content_type=content_type,
                codename=codename,
                defaults={"name": NAMES.get(codename, f"Can {codename.replace('_', ' ')}")},
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("conditions", "0001_initial"),
        ("publishing", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    # Reversing keeps the groups: somebody may have given them to people.
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
