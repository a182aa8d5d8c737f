"""Addresses of the gateway's staff pages."""

from django.urls import path

from ai_gateway import staff

urlpatterns = [path("models/", staff.staff_models, name="staff_models")]
