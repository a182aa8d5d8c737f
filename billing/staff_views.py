"""The staff's pages of the price book."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.errors import TermsExist, TermsInForce, TermsInThePast
from billing.forms import DatedForm, OperationRateForm, PriceForm, WeightForm
from billing.models import CLASS_PRICES, OperationRate, PriceVersion, WeightVersion
from billing.price_list import find_listed_price
from billing.prices import find_price, forget_prices
from billing.rates import find_operation_rate, forget_rates
from billing.services.staff_terms import (
    Decision,
    Terms,
    override_price,
    set_operation_rate,
    set_weight,
    withdraw_terms,
)
from billing.staff_prices import (
    is_known_model,
    is_known_operation,
    list_history,
    list_operation_rates,
    list_priced_models,
    list_rate_history,
    list_unpriced_models,
)
from tenants.access import staff_view
from tokens.operations import label_operation

_TERMS: Mapping[str, Terms] = {"price": PriceVersion, "weight": WeightVersion, "rate": OperationRate}

_FREE = {"input_usd_per_million": Decimal(0), "output_usd_per_million": Decimal(0)}


@require_safe
@staff_view
def staff_prices(request: HttpRequest) -> HttpResponse:
    """Show the prices in force, what has none, and the rates of operations."""
    wanted = request.GET.get("q", "").strip()
    rows = [row for row in list_priced_models() if wanted.lower() in f"{row.provider}/{row.model}".lower()]
    context = {"rows": rows, "unpriced": list_unpriced_models(), "rates": list_operation_rates(), "q": wanted}
    context |= {"as_of": timezone.now(), "new_url": "" if rows else _find_page_of(wanted)}
    return render(request, "staff/price_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_view
def staff_price(request: HttpRequest, provider: str, model: str) -> HttpResponse:
    """Show what a model has cost and charged and will; take another price or weight from a moment on."""
    if not is_known_model(provider, model):
        raise Http404
    forget_prices()
    posted = request.POST if request.method == "POST" else None
    price = find_price(provider, model)
    price_form = PriceForm(posted if posted and "weight" not in posted else None, current=price)
    weight_form = WeightForm(posted if posted and "weight" in posted else None, auto_id="weight_%s")
    form = weight_form if weight_form.is_bound else price_form
    decide = _decide_weight if weight_form.is_bound else _decide_price
    if form.is_valid() and _is_decided(request, form, {"provider": provider, "model": model}, decide):
        messages.success(request, "The weight was added." if weight_form.is_bound else "The price was added.")
        return redirect("staff_price", provider, model)
    prices, weights = list_history(provider, model)
    context = {"provider": provider, "model": model, "prices": prices, "weights": weights, "as_of": timezone.now()}
    context |= {"price_form": price_form, "weight_form": weight_form, "price": price}
    return render(request, "staff/price.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_view
def staff_operation_rate(request: HttpRequest, operation: str) -> HttpResponse:
    """Show what an operation has charged and fallen back to and will; take another rate from a moment on."""
    if not is_known_operation(operation):
        raise Http404
    forget_rates()
    posted = request.POST if request.method == "POST" else None
    form = OperationRateForm(posted, current=find_operation_rate(operation))
    if form.is_valid() and _is_decided(request, form, {"operation": operation}, _decide_rate):
        messages.success(request, "The rate was added.")
        return redirect("staff_operation_rate", operation)
    context = {
        "operation": operation,
        "operation_label": label_operation(operation),
        "rates": list_rate_history(operation),
    }
    return render(request, "staff/operation_rate.html", {**context, "form": form, "as_of": timezone.now()})


@require_POST
@staff_view
def staff_withdraw(request: HttpRequest, terms: str, terms_id: UUID) -> HttpResponse:
    """Withdraw a price, a weight or a rate that is still to come."""
    kind = _TERMS.get(terms)
    if kind is None:
        raise Http404
    found = get_object_or_404(kind, pk=terms_id)
    try:
        withdraw_terms(kind, terms_id, actor_id=request.user.pk or 0)
        messages.success(request, f"The {terms} was withdrawn.")
    except TermsInForce:
        messages.error(request, f"The {terms} is in force, or nearly so: add another instead.")
    if isinstance(found, PriceVersion | WeightVersion):
        return redirect("staff_price", found.provider, found.model)
    assert isinstance(found, OperationRate)
    return redirect("staff_operation_rate", found.operation)


def _find_page_of(name: str) -> str:
    """Return the page on which a model of that name can be priced, or nothing when it is no name of a model."""
    provider, _, model = name.partition("/")
    is_name = bool(model) and provider in settings.AI_PROVIDERS and is_known_model(provider, model)
    return reverse("staff_price", args=[provider, model]) if is_name else ""


def _is_decided(
    request: HttpRequest,
    form: DatedForm,
    subject: Mapping[str, str],
    decide: Callable[[Any, Decision], None],
) -> bool:
    decision = Decision(
        subject=subject,
        effective_from=form.cleaned_data["effective_from"],
        reason=form.cleaned_data["reason"],
        actor_id=request.user.pk or 0,
    )
    try:
        decide(form, decision)
    except TermsExist:
        form.add_error("effective_from", "Other terms begin at exactly that moment. Choose another.")
    except TermsInThePast:
        form.add_error("effective_from", "This begins now or later: what was charged stays.")
    return form.is_valid()


def _decide_price(form: PriceForm, decision: Decision) -> None:
    kind = form.cleaned_data["kind"]
    if kind == "listed":
        listed = find_listed_price(decision.subject["provider"], decision.subject["model"], decision.effective_from)
        if listed is None:
            form.add_error("kind", "The price list does not know this model.")
            return
        prices, rates, source = listed.prices, listed.rates, listed.source
    elif kind == "free":
        prices, rates, source = _FREE, (), "staff"
    else:
        prices = {column: form.cleaned_data[column] for column in CLASS_PRICES}
        rates, source = form.cleaned_data["other_rates"], "staff"
    override_price(decision, kind=kind, source=source, prices=prices, rates=rates)


def _decide_weight(form: WeightForm, decision: Decision) -> None:
    set_weight(decision, weight=form.cleaned_data["weight"])


def _decide_rate(form: OperationRateForm, decision: Decision) -> None:
    set_operation_rate(decision, amounts=form.amounts())
