from django.conf import settings
from django.db import migrations, models

from portal.migrating import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("publishing", "0009_what_is_due"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="address",
            index=models.Index(fields=["slug"], name="addresses_by_slug"),
        ),
        AddIndexConcurrently(
            model_name="edition",
            index=models.Index(
                condition=models.Q(("significance", "safety")),
                fields=["language", "published_at"],
                name="safety_editions",
            ),
        ),
        AddIndexConcurrently(
            model_name="edition",
            index=models.Index(condition=models.Q(("number", 2)), fields=["language", "key"], name="published_again"),
        ),
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("shown", models.F("change")), _negated=True),
                fields=["language"],
                name="entries_something_is_due_of",
            ),
        ),
        AddIndexConcurrently(
            model_name="page",
            index=models.Index(fields=["key", "language"], name="pages_of_an_object"),
        ),
        AddIndexConcurrently(
            model_name="page",
            index=models.Index(
                condition=models.Q(("withdrawn_at__isnull", False)), fields=["language"], name="withdrawn_pages"
            ),
        ),
        AddIndexConcurrently(
            model_name="pagehistory",
            index=models.Index(fields=["at", "id"], name="history_by_moment"),
        ),
        AddIndexConcurrently(
            model_name="signoff",
            index=models.Index(fields=["kind", "key", "language", "digest"], name="sign_offs_of_words"),
        ),
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(fields=["language", "kind", "key"], name="entries_of_a_language"),
        ),
        AddIndexConcurrently(
            model_name="page",
            index=models.Index(
                condition=models.Q(("withdrawn_at", None)),
                fields=["language", "kind", "withdrawn_at"],
                name="live_pages",
            ),
        ),
        AddIndexConcurrently(
            model_name="edition",
            index=models.Index(fields=["language", "review_due_on"], name="editions_by_review"),
        ),
    ]
