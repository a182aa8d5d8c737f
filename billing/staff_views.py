"""The staff's pages of the price book."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.errors import PriceExists, TermsInForce, TermsInThePast
from billing.forms import DatedForm, PriceForm, WeightForm
from billing.models import CLASS_PRICES, PriceVersion, WeightVersion
from billing.price_list import find_listed_price
from billing.prices import find_price, forget_prices
from billing.services.staff_terms import Decision, override_price, set_weight, withdraw_terms
from billing.staff_prices import list_history, list_operation_rates, list_priced_models, list_unpriced_models
from tenants.access import staff_view

_TERMS: dict[str, type[PriceVersion] | type[WeightVersion]] = {"price": PriceVersion, "weight": WeightVersion}


@require_safe
@staff_view
def staff_prices(request: HttpRequest) -> HttpResponse:
    """Show the prices in force, what has none, and the rates of operations."""
    wanted = request.GET.get("q", "").strip()
    rows = [row for row in list_priced_models() if wanted.lower() in f"{row.provider}/{row.model}".lower()]
    context = {"rows": rows, "unpriced": list_unpriced_models(), "rates": list_operation_rates(), "q": wanted}
    return render(request, "staff/price_list.html", {**context, "as_of": timezone.now()})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_view
def staff_price(request: HttpRequest, provider: str, model: str) -> HttpResponse:
    """Show what a model has cost and charged and will; take another price or weight from a moment on."""
    forget_prices()
    posted = request.POST if request.method == "POST" else None
    price_form = PriceForm(posted if posted and "weight" not in posted else None, current=find_price(provider, model))
    weight_form = WeightForm(posted if posted and "weight" in posted else None, auto_id="weight_%s")
    form = weight_form if weight_form.is_bound else price_form
    decide = _decide_weight if weight_form.is_bound else _decide_price
    if form.is_valid() and _is_decided(request, form, provider, model, decide):
        return redirect("staff_price", provider, model)
    prices, weights = list_history(provider, model)
    context = {"provider": provider, "model": model, "prices": prices, "weights": weights, "as_of": timezone.now()}
    return render(request, "staff/price.html", {**context, "price_form": price_form, "weight_form": weight_form})


@require_POST
@staff_view
def staff_withdraw(request: HttpRequest, terms: str, terms_id: UUID) -> HttpResponse:
    """Withdraw a price or a weight that is still to come."""
    kind = _TERMS.get(terms)
    found = kind and kind.objects.filter(pk=terms_id).first()
    if kind is None or found is None:
        raise Http404
    try:
        withdraw_terms(kind, terms_id, actor_id=request.user.pk or 0)
        messages.success(request, f"The {terms} was withdrawn.")
    except TermsInForce:
        messages.error(request, f"The {terms} is in force, or nearly so: add another instead.")
    return redirect("staff_price", found.provider, found.model)


def _is_decided(
    request: HttpRequest,
    form: DatedForm,
    provider: str,
    model: str,
    decide: Callable[[DatedForm, Decision], None],
) -> bool:
    decision = Decision(
        provider=provider,
        model=model,
        effective_from=form.cleaned_data["effective_from"],
        reason=form.cleaned_data["reason"],
        actor_id=request.user.pk or 0,
    )
    try:
        decide(form, decision)
    except PriceExists:
        form.add_error("effective_from", "Other terms begin at exactly that moment. Choose another.")
    except TermsInThePast:
        form.add_error("effective_from", "A weight begins now or later: what was charged stays.")
    return form.is_valid()


def _decide_price(form: DatedForm, decision: Decision) -> None:
    kind = form.cleaned_data["kind"]
    if kind == "listed":
        listed = find_listed_price(decision.provider, decision.model, decision.effective_from)
        if listed is None:
            form.add_error("kind", "The price list does not know this model.")
            return
        prices, rates, source = listed.prices, listed.rates, listed.source
    else:
        prices = {column: form.cleaned_data[column] for column in CLASS_PRICES}
        rates, source = form.cleaned_data["other_rates"], "staff"
    override_price(decision, kind=kind, source=source, prices=prices, rates=rates)


def _decide_weight(form: DatedForm, decision: Decision) -> None:
    set_weight(decision, weight=form.cleaned_data["weight"])
