"""A seventh role: who opens a language for translators and offers it to readers."""

from importlib import import_module

from django.db import migrations

earlier = import_module("conditions.migrations.0002_roles")
six = import_module("conditions.migrations.0003_six_roles")

RIGHTS = {
    "Translation leads": [*six.SEE, "publishing.assign_entry", "publishing.lead_translations"],
}
NAMES = {"lead_translations": "Can open languages, offer them to readers and take them back"}


def make_role(apps, schema_editor):
    earlier.NAMES |= NAMES
    earlier.MODEL_OF |= {"lead_translations": "languagestate"}
    earlier.give(apps, schema_editor, RIGHTS)


class Migration(migrations.Migration):
    dependencies = [
        ("conditions", "0004_source_checks"),
        ("publishing", "0004_translators_desk"),
    ]
    operations = [migrations.RunPython(make_role, migrations.RunPython.noop)]
