"""Makes the site: a home page, some articles beside one another, and one whose HTML has so many bytes."""

import json

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.test import Client
from wagtail.models import Page, Site

from pages.models import Article

PARAGRAPH = "<p>Dystonia makes muscles tighten when you do not want them to. <b>It has many forms</b>, and treatments help most people.</p>"


def sections(paragraphs):
    found = [PARAGRAPH] * paragraphs
    parts = [found[n : n + 4] for n in range(0, len(found), 4)]
    said = [
        {"type": "section", "value": {"heading": f"Part {n}", "words": "".join(part)}} for n, part in enumerate(parts)
    ]
    return json.dumps(said)


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("bytes", type=int)

    def handle(self, *args, bytes, **options):
        call_command("makemigrations", "pages", verbosity=0)
        call_command("migrate", verbosity=0)
        Page.objects.filter(depth__gt=1).delete()
        root = Page.objects.get(depth=1)
        root = Page.objects.get(pk=root.pk)
        home = root.add_child(instance=Page(title="Home", slug="home-of-all"))
        Site.objects.all().delete()
        Site.objects.create(hostname="127.0.0.1", root_page=home, is_default_site=True)
        for n in range(8):
            home.add_child(
                instance=Article(title=f"Another {n}", slug=f"another-{n}", intro="Words.", sections=sections(4))
            )
        page = home.add_child(
            instance=Article(title="Torsion dystonia", slug="torsion-dystonia", intro="Words.", sections=sections(4))
        )
        client, few, many = Client(), 1, 2_000
        while few < many:
            middle = (few + many) // 2
            page.sections = sections(middle)
            page.save()
            length = len(client.get("/torsion-dystonia/", HTTP_HOST="127.0.0.1").content)
            few, many = (middle + 1, many) if length < bytes else (few, middle)
        page.sections = sections(few)
        page.save_revision().publish()
        self.stdout.write(str(len(client.get("/torsion-dystonia/", HTTP_HOST="127.0.0.1").content)))
