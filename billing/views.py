"""Open a company; see all companies."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.errors import TooManyCompanies
from billing.forms import NewCompanyForm
from billing.selectors import get_starter_plan
from billing.services import open_company
from billing.staff import describe_companies, list_companies
from billing.staff_prices import list_wanted_models
from tenants.access import staff_view

ROWS_PER_PAGE = 50
_MODELS_SHOWN = 5


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_new(request: HttpRequest) -> HttpResponse:
    """Open a company on the Starter plan and lead its owner to its jobs."""
    form = NewCompanyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            company = open_company(**form.cleaned_data, owner=request.user)  # type: ignore[arg-type]
        except TooManyCompanies as refusal:
            form.refuse_for_number(refusal.max_companies)
        else:
            return redirect("job_list", company.slug)
    return render(request, "billing/company_new.html", {"form": form, "plan": get_starter_plan()})


@require_safe
@staff_view
def staff_company_list(request: HttpRequest) -> HttpResponse:
    """Show all companies to the platform staff, and which models they ask for that have no price."""
    page = Paginator(list_companies(), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    wanted = list_wanted_models()
    context = {
        "rows": describe_companies(list(page)),
        "page_obj": page,
        "as_of": timezone.now(),
        "wanted_models": wanted[:_MODELS_SHOWN],
        "more_wanted_models": _say_more(len(wanted) - _MODELS_SHOWN),
    }
    return render(request, "staff/company_list.html", context)


def _say_more(models: int) -> str:
    if models <= 0:
        return ""
    return f"{models} more {'model is' if models == 1 else 'models are'} asked for and not priced"
