"""Pages on which a company's admins make and revoke API keys."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ai_gateway.forms import ApiKeyForm, BudgetForm
from ai_gateway.key_pages import choose_example_model, describe_keys, list_key_rows
from tenants.access import CompanyRequest, company_view
from tenants.errors import KeyMadeBefore
from tenants.models import ApiKey, Role
from tenants.selectors import list_api_keys
from tenants.services import create_api_key, revoke_api_key
from tokens.models import BudgetScope
from tokens.services.budgets import set_budget


@require_safe
@company_view(Role.ADMIN)
def api_key_list(request: CompanyRequest) -> HttpResponse:
    """List the company's keys."""
    context = {"company": request.company, "rows": list_key_rows(request.company)}
    return render(request, "ai_gateway/api_key_list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.ADMIN)
def api_key_new(request: CompanyRequest) -> HttpResponse:
    """Make a key and show its secret: in this one response, which is stored nowhere, and never again.

    The form sent a second time (a reload, an impatient click) makes no second key, and says so.
    """
    form = ApiKeyForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "ai_gateway/api_key_new.html", {"company": request.company, "form": form})
    try:
        key, secret = _create_key(request, form)
    except KeyMadeBefore as before:
        (row,) = describe_keys(request.company, [_access_key(request, before.key_id)])
        return render(request, "ai_gateway/api_key_made_before.html", {"company": request.company, "row": row})
    context = {"company": request.company, "key": key, "secret": secret, **_examples(request, key)}
    return render(request, "ai_gateway/api_key_created.html", context)


@require_safe
@company_view(Role.ADMIN)
def api_key_detail(request: CompanyRequest, api_key_id: UUID) -> HttpResponse:
    """Show one key, how to use it, and its budgets."""
    return _render_key(request, _access_key(request, api_key_id))


@require_POST
@company_view(Role.ADMIN)
def api_key_budget(request: CompanyRequest, api_key_id: UUID) -> HttpResponse:
    """Set how much a key may use in a period, or take that limit away."""
    key, form = _access_key(request, api_key_id), BudgetForm(request.POST)
    if key.revoked_at is not None:
        messages.error(request, "This key is revoked: a budget has no effect any more.")
        return redirect("api_key_detail", request.company.slug, key.pk)
    if not form.is_valid():
        return _render_key(request, key, form)
    set_budget(company_id=key.company_id, scope=BudgetScope.KEY, scope_id=str(key.pk), **form.cleaned_data)
    messages.success(request, "Budget saved. It holds from the next call on.")
    return redirect("api_key_detail", request.company.slug, key.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.ADMIN)
def api_key_revoke(request: CompanyRequest, api_key_id: UUID) -> HttpResponse:
    """Ask whether a key is to be revoked, and revoke it."""
    key = _access_key(request, api_key_id)
    if request.method != "POST":
        (row,) = describe_keys(request.company, [key])
        return render(request, "ai_gateway/api_key_revoke.html", {"company": request.company, "row": row})
    if revoke_api_key(key=key, acting=request.membership):
        messages.success(request, f"“{key.name}” is revoked. Within seconds, no call can be made with it.")
    else:
        messages.info(request, f"“{key.name}” was revoked before.")
    return redirect("api_key_list", request.company.slug)


def _create_key(request: CompanyRequest, form: ApiKeyForm) -> tuple[ApiKey, str]:
    with transaction.atomic():
        key, secret = create_api_key(**form.key_terms(), acting=request.membership)
        if form.cleaned_data["limit_tokens"] is not None:
            set_budget(company_id=key.company_id, scope=BudgetScope.KEY, scope_id=str(key.pk), **form.budget())
    return key, secret


def _access_key(request: CompanyRequest, api_key_id: UUID) -> ApiKey:
    """Return a key of the company in the URL; another company's does not exist here."""
    return get_object_or_404(list_api_keys(request.company), pk=api_key_id)


def _render_key(request: CompanyRequest, key: ApiKey, form: BudgetForm | None = None) -> HttpResponse:
    """Show a key; without a form that was refused, one that starts from its first budget."""
    (row,) = describe_keys(request.company, [key])
    form = form or BudgetForm(initial=vars(row.budgets[0]) if row.budgets else None)
    context = {"company": request.company, "row": row, "form": form, **_examples(request, key)}
    return render(request, "ai_gateway/api_key_detail.html", context)


def _examples(request: CompanyRequest, key: ApiKey) -> dict[str, str]:
    """Return what the examples name. The OpenAI SDK wants the address with the version, Anthropic's without."""
    return {"site_url": request.build_absolute_uri("/").rstrip("/"), "model": choose_example_model(key)}
