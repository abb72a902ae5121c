# both releases: the release before does not read these columns; what it publishes meanwhile, `reindex` fills in
from django.db import migrations, models

from portal.publishing import letters


def fill(apps, schema_editor):
    """What `actions` would have written. Nothing that readers see changes."""
    Page = apps.get_model("publishing", "Page")
    several = []
    for page in Page.objects.only("language", "title").iterator(chunk_size=1_000):
        page.letter, page.place = letters.letter(page.title, page.language), letters.place(page.title, page.language)
        several.append(page)
        if len(several) == 1_000:
            Page.objects.bulk_update(several, ["letter", "place"])
            several.clear()
    Page.objects.bulk_update(several, ["letter", "place"])


class Migration(migrations.Migration):
    dependencies = [("publishing", "0006_codes_of_pages")]

    operations = [
        migrations.AddField("page", "letter", models.CharField(db_default="#", max_length=8)),
        migrations.AddField("page", "place", models.BinaryField(db_default=b"")),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
