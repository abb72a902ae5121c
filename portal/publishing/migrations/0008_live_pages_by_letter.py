from django.db import migrations, models

from portal.migrating import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("publishing", "0007_letters")]

    operations = [
        AddIndexConcurrently(
            "page",
            models.Index(
                condition=models.Q(("withdrawn_at", None)),
                fields=["language", "kind", "letter", "place"],
                name="live_pages_by_letter",
            ),
        ),
    ]
