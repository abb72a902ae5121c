"""The addresses of a copy: those of the portal, but for what needs a server."""

from django.conf import settings
from django.urls import include, path

from conditions.public.copying import views
from portal import languages

handler400 = "conditions.public.views.bad_request"
handler403 = "conditions.public.views.forbidden"
handler404 = "conditions.public.views.not_found"
handler500 = "conditions.public.views.server_error"

live = include(settings.ROOT_URLCONF)  # first: it registers what the paths below are made of
of_a_language = [
    path("search/", views.search),
    path("search/names.js", views.names),
    path("search/suggest", views.suggest),
    path("<kind:kind>/<uslug:slug>/feedback/", views.not_here),
]
urlpatterns = [
    path("", views.choose_language),
    path("<language:language>/", include(of_a_language)),
    path("infobutton", views.not_here, {"language": languages.SOURCE}),
    path("fhir/", views.not_here, {"language": languages.SOURCE}),
    path("fhir/<path:rest>", views.not_here, {"language": languages.SOURCE}),
    path("api/v1/pages/<language:language>", views.pages_of_the_api),
    path("api/v1/changes", views.no_changes_of_the_api),
    path("", live),
]
