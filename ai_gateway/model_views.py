"""Pages on which a company's admins see which models do what, and choose others."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from ai_gateway.model_choices import choose_models, list_choices
from ai_gateway.model_forms import ModelForm
from ai_gateway.routes import RouteRow, find_default_chain, list_company_routes
from ai_gateway.routing import forget_routes
from tenants.access import CompanyRequest, company_view
from tenants.models import Role


@require_safe
@company_view(Role.ADMIN)
def model_list(request: CompanyRequest) -> HttpResponse:
    """Show which models do each operation, and who chose them."""
    forget_routes()
    context = {"company": request.company, "rows": list_company_routes(request.company)}
    return render(request, "ai_gateway/model_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.ADMIN)
def model_choice(request: CompanyRequest, operation: str) -> HttpResponse:
    """Choose the models of an operation among those that staff let in, or go back to the default."""
    if operation not in settings.AI_OPERATIONS:
        raise Http404
    forget_routes()
    (row,) = [row for row in list_company_routes(request.company) if row.operation == operation]
    form = ModelForm(
        request.POST if request.method == "POST" else None,
        choices=list_choices(request.company, operation),
        default=find_default_chain(operation) or "no model",
        initial=_initial(row),
    )
    if form.is_valid():
        choose_models(operation=operation, routes=form.routes(), acting=request.membership)
        messages.success(request, f"“{row.operation_label}” follows within seconds. Steps under way end as they began.")
        return redirect("model_list", request.company.slug)
    context = {"company": request.company, "row": row, "form": form}
    return render(request, "ai_gateway/model_choice.html", context)


def _initial(row: RouteRow) -> dict[str, str]:
    """Begin with what was chosen for this company; the default is the empty choice."""
    if not row.is_own:
        return {}
    chosen = [part.strip() for part in row.chain.split(",")]
    return dict(zip(("model", "fallback"), chosen, strict=False))
