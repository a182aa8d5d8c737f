"""Addresses of the ledger's pages, under ``/c/<company>/``."""

from django.urls import path

from tokens import views

urlpatterns = [path("tokens/", views.token_page, name="token_page")]
