from django.db import models
from wagtail.blocks import CharBlock, RichTextBlock, StructBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page


class Section(StructBlock):
    heading = CharBlock()
    words = RichTextBlock()


class Article(Page):
    """An article as Wagtail's own guide builds one: an introduction, and sections of rich text in a StreamField."""

    intro = models.TextField()
    sections = StreamField([("section", Section())])
    note = RichTextField(blank=True)
