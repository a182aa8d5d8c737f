"""From a provider's usage to the columns of a usage log."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest

from ai_gateway.accounting import Quantities, Tariff, abandoned, answered, failed, find_tariffs
from ai_gateway.errors import AccessRefused
from ai_gateway.providers.errors import ProviderRejectedRequest, ProviderUnavailable
from ai_gateway.providers.types import Usage
from ai_gateway.routing import Route
from billing.access import Terms
from billing.costs import UNPRICED, Cost
from billing.models import PriceRate, RefusedModel
from billing.services import refused_models
from tests.billing.factories import OperationRateFactory, PriceVersionFactory, WeightVersionFactory

PRICE_ID, WEIGHT_ID, RATE_ID = UUID(int=1), UUID(int=2), UUID(int=3)
TERMS = Terms(None, Decimal(25))


def priced(*rates, **columns):
    version = PriceVersionFactory.build(pk=PRICE_ID, **columns)
    version.known_rates = rates
    return version


def answer(*, tier="", **usage):
    return SimpleNamespace(
        usage=Usage(**usage),
        model="gpt-test",
        service_tier=tier,
        provider_request_id="r",
        finish_reason="stop",
        duration_ms=1,
    )


def account(tariff, reply, **quantities):
    return answered(1, reply, tariff, prompt_version="", quantities=Quantities(**quantities), streamed=False)


def test_an_answer_has_its_cost_and_the_companys_price():
    log = account(Tariff(priced(), Decimal(25)), answer(input_uncached=1_000_000))
    assert (log.price_kind, log.price_version_id) == ("listed", PRICE_ID)
    assert (log.provider_cost_usd, log.sale_value_usd, log.margin_percent) == (2, Decimal("2.5"), 25)


def test_the_tier_of_the_response_decides():
    flex = PriceRate(service_tier="flex", input_usd_per_million=Decimal(1), output_usd_per_million=Decimal(5))
    tariff = Tariff(priced(flex), Decimal(25))
    assert account(tariff, answer(input_uncached=1_000_000, tier="flex")).provider_cost_usd == 1
    assert account(tariff, answer(input_uncached=1_000_000, tier="default")).provider_cost_usd == 2
    unknown = account(tariff, answer(input_uncached=1_000_000, tier="scale"))
    assert (unknown.price_kind, unknown.provider_cost_usd, unknown.sale_value_usd) == ("unpriced", None, None)
    assert (unknown.service_tier, unknown.charged_tokens) == ("scale", 1_000_000)


def test_without_a_price_the_operations_fallback_is_the_cost_and_the_row_says_so():
    rate = OperationRateFactory.build(pk=RATE_ID, fallback_usd_per_request=Decimal("0.125"))
    log = account(Tariff(None, Decimal(25), None, rate), answer(input_uncached=7))
    assert (log.price_kind, log.provider_cost_usd, log.sale_value_usd) == (
        "fallback",
        Decimal("0.125"),
        Decimal("0.15625"),
    )
    assert (log.price_version_id, log.charged_tokens, log.weight_version_id) == (None, 7, None)


def test_a_class_that_has_no_price_falls_back_too():
    rate = OperationRateFactory.build(fallback_usd_per_request=Decimal("0.125"))
    tariff = Tariff(priced(), Decimal(25), None, rate)
    assert account(tariff, answer(input_uncached=7, tool_requests=1)).price_kind == "fallback"
    assert account(tariff, answer(input_uncached=7)).price_kind == "listed"


def test_without_price_or_fallback_the_cost_is_not_known_and_never_zero():
    log = account(Tariff(None, Decimal(25)), answer(input_uncached=7))
    assert (log.price_kind, log.provider_cost_usd, log.sale_value_usd) == ("unpriced", None, None)


def test_a_weight_multiplies_the_charge_and_is_named():
    weight = WeightVersionFactory.build(pk=WEIGHT_ID, weight=Decimal("1.5"))
    tariff = Tariff(priced(), Decimal(25), weight)
    log = account(tariff, answer(input_uncached=5, output=2))
    assert (log.charged_tokens, log.weight, log.weight_version_id) == (11, Decimal("1.5"), WEIGHT_ID)
    assert (tariff.charge(7), tariff.affordable(11)) == (11, 7)


def test_minutes_that_no_provider_counts_in_tokens_are_charged_by_the_operations_rate():
    rate = OperationRateFactory.build(pk=RATE_ID, tokens_per_second=Decimal(10))
    by_hour = priced(input_usd_per_million=None, output_usd_per_million=None, media_usd_per_hour=Decimal("0.36"))
    log = account(Tariff(by_hour, Decimal(25), None, rate), answer(), media_seconds=Decimal("30.5"))
    assert (log.charged_tokens, log.weight, log.weight_version_id) == (305, 1, RATE_ID)
    assert log.provider_cost_usd == Decimal("0.00305")


def test_tokens_that_were_counted_are_charged_and_not_the_seconds_as_well():
    rate = OperationRateFactory.build(pk=RATE_ID, tokens_per_second=Decimal(10))
    log = account(Tariff(priced(), Decimal(25), None, rate), answer(input_uncached=7), media_seconds=Decimal(30))
    assert (log.charged_tokens, log.weight_version_id) == (7, None)


def test_a_refused_request_cost_nothing_where_a_price_is_known():
    refusal = ProviderRejectedRequest("no", delivery="rejected")
    options = {"estimate": Cost(Decimal(1), "listed"), "streamed": False}
    assert failed(1, refusal, Tariff(priced(), Decimal(25)), **options).provider_cost_usd == 0
    assert failed(1, refusal, Tariff(None, Decimal(25)), **options).price_kind == "unpriced"


def test_an_attempt_of_unknown_outcome_costs_the_estimate():
    lost = ProviderUnavailable("away", delivery="unknown")
    tariff = Tariff(priced(), Decimal(25))
    known = failed(1, lost, tariff, estimate=Cost(Decimal(1), "override"), streamed=False)
    assert (known.status, known.price_kind, known.provider_cost_usd) == ("unknown", "override", 1)
    guessed = abandoned(1, tariff, estimate=Cost(Decimal("0.125"), "fallback"))
    assert (guessed.price_kind, guessed.provider_cost_usd) == ("fallback", Decimal("0.125"))
    assert abandoned(1, tariff, estimate=UNPRICED).price_kind == "unpriced"


def test_an_estimate_takes_the_dearest_that_may_be_billed():
    fast = PriceRate(service_tier="fast", input_usd_per_million=Decimal(9), output_usd_per_million=Decimal(5))
    rate = OperationRateFactory.build(fallback_usd_per_request=Decimal("0.125"))
    tariff = Tariff(priced(fast), Decimal(25), None, rate)
    million = Usage(input_uncached=1_000_000)
    assert (tariff.cost_at_most(million).usd, tariff.cost_at_most(million, asked_tier="auto").usd) == (2, 9)
    assert Tariff(None, Decimal(25), None, rate).cost_at_most(million).usd == Decimal("0.125")


def test_an_estimate_says_where_it_is_from():
    rate = OperationRateFactory.build(fallback_usd_per_request=Decimal("0.125"))
    used = Usage(input_uncached=1_000_000)
    own_price = Tariff(priced(kind="override"), Decimal(25), None, rate)
    output_alone = Tariff(priced(kind="override", input_usd_per_million=None), Decimal(25), None, rate)
    assert own_price.cost_at_most(used) == Cost(Decimal(2), "override")
    assert output_alone.cost_at_most(used) == Cost(Decimal("0.125"), "fallback")
    assert Tariff(None, Decimal(25)).cost_at_most(used) == UNPRICED


FIRST, SECOND = Route("openai", "gpt-test"), Route("openai", "gpt-new")


@pytest.fixture
def _no_notes():
    refused_models._noted.forget()
    yield
    refused_models._noted.forget()


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_notes")
def test_models_without_a_price_are_left_out_and_staff_are_told():
    price, weight = PriceVersionFactory(), WeightVersionFactory()
    ((route, tariff),) = find_tariffs([SECOND, FIRST], operation="api", terms=TERMS)
    assert (route, tariff.price, tariff.weight_version) == (FIRST, price, weight)
    assert (tariff.margin_percent, tariff.rate) == (25, None)
    assert RefusedModel.objects.values_list("model", "operation").get() == ("gpt-new", "api")


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_notes")
def test_a_call_is_refused_when_no_model_may_be_used():
    with pytest.raises(AccessRefused) as refusal:
        find_tariffs([SECOND], operation="api", terms=TERMS)
    assert (refusal.value.reason, refusal.value.waits_for_tokens) == ("model_not_priced", False)


@pytest.mark.django_db
def test_terms_or_a_fallback_make_up_for_a_price():
    allowed = Terms(None, Decimal(25), allows_unpriced_models=True)
    ((_, tariff),) = find_tariffs([SECOND], operation="api", terms=allowed)
    assert (tariff.price, tariff.cost(Usage(output=1)).kind) == (None, "unpriced")
    ((_, tariff),) = find_tariffs([SECOND], operation="cv_parse", terms=TERMS)
    assert tariff.cost(Usage(output=1)) == (Decimal("0.125"), "fallback")
    assert not RefusedModel.objects.exists()


@pytest.mark.django_db
def test_a_price_that_begins_later_does_not_count_yet():
    PriceVersionFactory(effective_from=datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(AccessRefused):
        find_tariffs([FIRST], operation="api", terms=TERMS)
