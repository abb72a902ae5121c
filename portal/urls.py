"""Every address on one screen."""

from django.contrib import admin
from django.urls import include, path, re_path, register_converter

from conditions import preview
from conditions.public import api, developers, fhir, found, infobutton
from conditions.public import views as public
from portal.addresses import LanguageConverter
from portal.operating import health, metrics

register_converter(LanguageConverter, "language")

handler400 = "conditions.public.views.bad_request"
handler403 = "conditions.public.views.forbidden"
handler404 = "conditions.public.views.not_found"
handler500 = "conditions.public.views.server_error"

urlpatterns = [
    path("", public.choose_language, name="choose-language"),
    path("<language:language>/", include("conditions.public.urls")),
    path("preview/<str:token>/<language:language>/", preview.shared, name="shared-preview"),
    path("media/<str:name>", public.image, name="image"),
    path("p/<language:language>/<slug:key>/", found.short, name="short"),
    path("sitemap.xml", found.sitemaps, name="sitemaps"),
    path("sitemap-<language:language>-<int:number>.xml", found.sitemap, name="sitemap"),
    path("robots.txt", found.robots, name="robots"),
    path("infobutton", infobutton.infobutton, name="infobutton"),
    path("developers/", developers.index, name="developers"),
    path("developers/infobutton/", developers.infobutton, name="developers-infobutton"),
    path("fhir/", fhir.start, name="fhir"),
    re_path(r"^fhir/(?P<release>r4|r5)(?:/(?P<rest>.*))?$", fhir.answer, name="fhir-release"),
    path("api/v1/openapi.json", api.openapi, name="openapi"),
    path("api/v1/", api.api.urls),
    path("api/v1/<path:rest>", api.no_such_address),
    path("kept-worker.js", public.kept_worker, name="kept-worker"),
    path("favicon.ico", public.icon, name="icon"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/", admin.site.urls),
]
