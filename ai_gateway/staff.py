"""The staff's page of models: who does what, what is down, and how well holds fit."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ai_gateway.breakers import list_breakers
from ai_gateway.models import ModelCalibration
from ai_gateway.provider_keys import forget_provider_keys
from ai_gateway.route_form import RouteForm
from ai_gateway.routes import list_routes, set_route
from tenants.access import staff_view


@require_http_methods(["GET", "HEAD", "POST"])
@staff_view
def staff_models(request: HttpRequest) -> HttpResponse:
    """Show which models do what, and set a route."""
    forget_provider_keys()  # a company's admin may just have set one
    form = RouteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        set_route(**form.cleaned_data, acting=request.user)  # type: ignore[arg-type]
        messages.success(request, "Saved. Every process follows within seconds.")
        return redirect("staff_models")
    context = {
        "form": form,
        "routes": list_routes(),
        "breakers": list_breakers(),
        "calibrations": ModelCalibration.objects.all(),
        "as_of": timezone.now(),
    }
    return render(request, "staff/models.html", context)
