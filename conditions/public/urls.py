"""The public addresses below /{language}/. They are promises: they change only with a redirect."""

from django.urls import path, register_converter

from conditions.public import beside, feedback, found, views
from portal.addresses import SlugConverter

register_converter(views.KindConverter, "kind")
register_converter(views.HeadingConverter, "heading")
register_converter(SlugConverter, "uslug")
register_converter(views.LetterConverter, "letter")

app_name = "public"
urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("search/suggest", views.suggest, name="suggest"),
    path("changes.atom", found.changes, name="changes"),
    path("safety.atom", found.safety, name="safety"),
    path("kept/", views.kept, name="kept"),
    path("browse/", views.browse, name="browse"),
    path("browse/<heading:heading>/", views.heading, name="heading"),
    path("about/", views.about, name="about"),
    path("<kind:kind>/", views.listing, name="list"),
    path("<kind:kind>/letters/<letter:letter>/", views.listing_of_letter, name="letter"),
    path("<kind:kind>/letters/<letter:letter>/<int:number>/", views.listing_of_letter, name="letter-part"),
    path("<kind:kind>/<uslug:slug>/", views.page, name="page"),
    path("<kind:kind>/<uslug:slug>/embed/", views.embed, name="embed"),
    path("<kind:kind>/<uslug:slug>/feedback/", feedback.feedback, name="feedback"),
    path("<kind:kind>/<uslug:slug>/feedback/thanks/", feedback.thanks, name="feedback-thanks"),
    path("<kind:kind>/<uslug:slug>/with/<language:other>/", beside.beside, name="beside"),
    path("<kind:kind>/<uslug:slug>/with/<language:other>/leaflet.pdf", beside.leaflet, name="beside-leaflet"),
    path("<kind:kind>/<uslug:slug>/leaflet.pdf", views.leaflet, name="leaflet"),
    path("<kind:kind>/<uslug:slug>/leaflet-large.pdf", views.leaflet, {"large": True}, name="leaflet-large"),
    path("<kind:kind>/<uslug:slug>/editions/", views.editions, name="editions"),
    path("<kind:kind>/<uslug:slug>/editions/<int:number>/", views.edition, name="edition"),
    path("<kind:kind>/<uslug:slug>/editions/on/<str:day>/", views.edition_on, name="edition-on"),
]
