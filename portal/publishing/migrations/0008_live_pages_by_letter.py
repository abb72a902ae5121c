from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishing", "0007_letters")]

    operations = [
        migrations.AddIndex(
            "page",
            models.Index(
                condition=models.Q(("withdrawn_at", None)),
                fields=["language", "kind", "letter", "place"],
                name="live_pages_by_letter",
            ),
        ),
    ]
