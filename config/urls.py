"""Addresses of Winnow. Each app lists its own; what belongs to a company is under ``/c/<company>/``."""

from django.contrib import admin
from django.urls import include, path

import ai_gateway.staff_urls
import ai_gateway.urls
import applications.urls
import tokens.urls
from config import error_pages, health, metrics

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include("allauth.urls")),
    path("staff/django/", admin.site.urls),
    path("staff/", include(tokens.urls.staff_urlpatterns)),
    path("staff/", include(ai_gateway.staff_urls)),
    path("", include("tenants.urls")),
    path("", include("billing.urls")),
    path("c/<slug:company_slug>/", include(tokens.urls.company_urlpatterns)),
    path("c/<slug:company_slug>/", include(ai_gateway.urls.company_urlpatterns)),
    path("c/<slug:company_slug>/", include(applications.urls.company_urlpatterns)),
    path("careers/<slug:company_slug>/", include(applications.urls.careers_urlpatterns)),
]

handler403 = error_pages.forbidden
handler404 = error_pages.not_found
