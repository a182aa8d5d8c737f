"""Addresses of the gateway's pages of a company, under ``/c/<company>/``."""

from django.urls import path

from ai_gateway import model_views, provider_key_views, views

company_urlpatterns = [
    path("keys/", views.api_key_list, name="api_key_list"),
    path("keys/new/", views.api_key_new, name="api_key_new"),
    path("keys/<uuid:api_key_id>/", views.api_key_detail, name="api_key_detail"),
    path("keys/<uuid:api_key_id>/budget/", views.api_key_budget, name="api_key_budget"),
    path("keys/<uuid:api_key_id>/revoke/", views.api_key_revoke, name="api_key_revoke"),
    path("models/", model_views.model_list, name="model_list"),
    path("models/<slug:operation>/", model_views.model_choice, name="model_choice"),
    path("provider-keys/", provider_key_views.provider_key_list, name="provider_key_list"),
    path("provider-keys/<slug:provider_name>/", provider_key_views.provider_key_set, name="provider_key_set"),
    path(
        "provider-keys/<slug:provider_name>/remove/", provider_key_views.provider_key_remove, name="provider_key_remove"
    ),
]
