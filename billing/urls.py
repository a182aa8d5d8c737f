"""Addresses of opening a company and of the staff's list."""

from django.urls import path

from billing import staff_views, views

urlpatterns = [
    path("companies/new/", views.company_new, name="company_new"),
    path("staff/prices/", staff_views.staff_prices, name="staff_prices"),
    path("staff/prices/models/<str:provider>/<path:model>/", staff_views.staff_price, name="staff_price"),
    path("staff/prices/operations/<slug:operation>/", staff_views.staff_operation_rate, name="staff_operation_rate"),
    path("staff/prices/withdraw/<str:terms>/<uuid:terms_id>/", staff_views.staff_withdraw, name="staff_withdraw"),
    path("staff/", views.staff_company_list, name="staff_company_list"),
]
