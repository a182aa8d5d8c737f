"""Addresses of opening a company and of the staff's list."""

from django.urls import path

from billing import views

urlpatterns = [
    path("companies/new/", views.company_new, name="company_new"),
    path("staff/", views.staff_company_list, name="staff_company_list"),
]
