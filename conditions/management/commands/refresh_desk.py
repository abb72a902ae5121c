from django.core.management.base import BaseCommand
from django.db import transaction

from conditions import editions, follow_up
from portal import languages
from portal.publishing.models import Entry, Page
from portal.translating.models import Remembered


class Command(BaseCommand):
    help = "Tell the desk's lists what the working copy says, where a program changed it or they never heard of it."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="Look at every object, not only at unknown ones.")

    def handle(self, *args, all, **options):
        count = 0
        for kind, model in editions.MODELS.items():
            topics = model.objects.order_by("pk")
            if not all:
                known = Entry.objects.filter(kind=kind, language=languages.SOURCE).values("key")
                topics = topics.exclude(key__in=known)
            for pk in topics.values_list("pk", flat=True):
                with transaction.atomic():
                    editions.refresh(editions.topic(kind, pk=pk))
                count += 1
        # The memory of a portal that was made before there was one.
        if all or not Remembered.objects.exists():
            for kind, key in Page.objects.filter(language=languages.SOURCE).values_list("kind", "key"):
                follow_up.learn(kind, key)
        self.stdout.write(f"The desk's lists: {count} objects looked at.")
