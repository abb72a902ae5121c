"""Which columns exist once per language. The one place that names modeltranslation's options."""

from modeltranslation.translator import TranslationOptions, register

from conditions import models


@register(models.Topic)
class TopicOptions(TranslationOptions):
    fields = ("name", "slug", "also_known_as", "misspellings", "summary")


@register(models.Condition)
class ConditionOptions(TranslationOptions):
    fields = (
        "overview",
        "causes",
        "triggers",
        "diagnosis",
        "treatment_intro",
        "living_with",
        "outlook",
        "prevention",
    )


@register(models.Symptom)
class SymptomOptions(TranslationOptions):
    fields = ("overview", "causes", "self_care")


@register(models.Treatment)
class TreatmentOptions(TranslationOptions):
    fields = ("overview", "how_it_works", "what_to_expect", "benefits", "side_effects", "who_should_not")


@register(models.Term)
class TermOptions(TranslationOptions):
    fields = ("avoid",)


@register(models.Article)
class ArticleOptions(TranslationOptions):
    fields = ("who_writes", "how_checked", "funding", "privacy", "reuse", "contact")


@register(models.HelpCard)
class HelpCardOptions(TranslationOptions):
    fields = ("when_to_act", "what_to_do")


@register(models.Fact)
class FactOptions(TranslationOptions):
    fields = ("value",)


@register([models.ConditionSymptom, models.ConditionTreatment])
class NoteOptions(TranslationOptions):
    fields = ("note",)


@register(models.Image)
class ImageOptions(TranslationOptions):
    fields = ("alt", "caption")
