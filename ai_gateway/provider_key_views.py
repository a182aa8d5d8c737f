"""Pages on which a company's admins keep their own keys at providers."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from ai_gateway.forms import ProviderKeyForm
from ai_gateway.provider_keys import (
    NoEncryptionKey,
    list_own_key_providers,
    list_provider_keys,
    remove_provider_key,
    set_provider_key,
)
from tenants.access import CompanyRequest, company_view
from tenants.models import Role

_NAMES = {"openai": "OpenAI", "anthropic": "Anthropic"}


@require_safe
@company_view(Role.ADMIN)
def provider_key_list(request: CompanyRequest) -> HttpResponse:
    """Show at which providers the company has its own account; of a key, its last four characters."""
    keys = list_provider_keys(request.company)
    rows = [{"provider": name, "name": _name(name), "key": keys.get(name)} for name in list_own_key_providers()]
    return render(request, "ai_gateway/provider_key_list.html", {"company": request.company, "rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.ADMIN)
def provider_key_set(request: CompanyRequest, provider_name: str) -> HttpResponse:
    """Keep the company's key at a provider, in the place of the one before."""
    _require_known(provider_name)
    form = ProviderKeyForm(request.POST if request.method == "POST" else None, provider=provider_name)
    if form.is_valid() and _keep(request, provider_name, form):
        messages.success(request, f"Calls to {_name(provider_name)} are made with your own key within seconds.")
        return redirect("provider_key_list", request.company.slug)
    return _render(request, "ai_gateway/provider_key_set.html", provider_name, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.ADMIN)
def provider_key_remove(request: CompanyRequest, provider_name: str) -> HttpResponse:
    """Ask whether the company's key at a provider is to be removed, and remove it."""
    _require_known(provider_name)
    if request.method != "POST":
        return _render(request, "ai_gateway/provider_key_remove.html", provider_name)
    if remove_provider_key(company=request.company, provider=provider_name, acting=request.membership):
        messages.success(request, f"Your key at {_name(provider_name)} is erased. Calls use the platform's again.")
    else:
        messages.info(request, f"There is no key of yours at {_name(provider_name)}.")
    return redirect("provider_key_list", request.company.slug)


def _keep(request: CompanyRequest, provider: str, form: ProviderKeyForm) -> bool:
    secret = form.cleaned_data["secret"]
    try:
        set_provider_key(company=request.company, provider=provider, secret=secret, acting=request.membership)
    except NoEncryptionKey:
        form.add_error(None, "Winnow is not set up to keep keys here. Ask whoever runs it.")
        return False
    return True


def _render(request: CompanyRequest, template: str, provider: str, **context: object) -> HttpResponse:
    key = list_provider_keys(request.company).get(provider)
    facts = {"company": request.company, "provider": provider, "name": _name(provider), "key": key}
    return render(request, template, {**facts, **context})


def _require_known(provider: str) -> None:
    if provider not in list_own_key_providers():
        raise Http404


def _name(provider: str) -> str:
    return _NAMES.get(provider, provider)
