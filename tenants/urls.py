"""Addresses of the way in, members and company settings."""

from django.urls import path

from tenants import views

urlpatterns = [
    path("", views.home, name="home"),
    path("admin/tokens/", views.my_tokens, name="my_tokens"),
    path("c/<slug:company_slug>/members/", views.member_list, name="member_list"),
    path("c/<slug:company_slug>/members/add/", views.member_add, name="member_add"),
    path("c/<slug:company_slug>/members/<int:membership_id>/role/", views.member_role, name="member_role"),
    path("c/<slug:company_slug>/members/<int:membership_id>/remove/", views.member_remove, name="member_remove"),
    path("c/<slug:company_slug>/settings/", views.company_settings, name="company_settings"),
]
