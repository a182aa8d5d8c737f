"""Addresses of the ledger's pages: a company's, under ``/c/<company>/``, and the staff's."""

from django.urls import path

from tokens import views

company_urlpatterns = [path("tokens/", views.token_page, name="token_page")]

staff_urlpatterns = [
    path("ledger/", views.staff_ledger, name="staff_ledger"),
    path("ledger/audit/", views.staff_audit, name="staff_audit"),
]
