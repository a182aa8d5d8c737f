"""How well holds fit is measured from the ledger; bounds are raised where they proved too low, and never lowered."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway import calibration
from ai_gateway.accounting import Tariff
from ai_gateway.calibration import calibrate, find_input_factor, forget_factors, raise_bound
from ai_gateway.models import MAX_INPUT_FACTOR, ModelCalibration
from ai_gateway.planning import CallPlan
from ai_gateway.routing import Route
from tests.tokens.ledger import hold, new_company, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db
ROUTE = Route("sandbox", "sandbox-rules-1")


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    monkeypatch.setattr(calibration, "MIN_CALLS", 3)
    yield
    forget_factors()


@pytest.fixture
def company():
    return new_company(tokens=1_000_000)


def call(company, needed, input_tokens, output_tokens=0, **options):
    """Settle a call that wanted ``needed`` and used this much."""
    placed = hold(company, needed)
    total = input_tokens + output_tokens
    facts = {"input_tokens": input_tokens, "input_uncached_tokens": input_tokens, "output_tokens": output_tokens}
    settle_hold(hold_id=placed.hold_id, usages=[used(total, **{**facts, **options})], answer=None)


def measured():
    calibrate()
    return ModelCalibration.objects.get()


def test_ratios_are_those_of_used_to_wanted(company):
    for total in (100, 200, 400):
        call(company, 1_000, total)
    call(company, 1_000, 1_500)

    found = measured()

    assert (found.provider, found.model, found.calls, found.above_hold) == ("sandbox", "sandbox-rules-1", 4, 1)
    assert (found.ratio_p50, found.ratio_p99, found.ratio_max) == (Decimal("0.2"), Decimal("1.5"), Decimal("1.5"))


def test_bounds_that_were_high_enough_stay(company):
    for _ in range(5):
        call(company, 1_000, 1_000)

    assert (measured().input_factor, find_input_factor(ROUTE)) == (1, 1)


def test_a_bound_that_proved_too_low_is_raised_by_the_least_that_follows(company):
    for _ in range(3):
        call(company, 1_000, 900, 400)  # 300 above: an input of 900 was bounded by 600 at most

    assert measured().input_factor == Decimal("1.5")
    assert find_input_factor(ROUTE) == Decimal("1.5")
    assert find_input_factor(Route("sandbox", "another")) == 1


def test_a_single_slip_of_many_raises_nothing(company):
    for _ in range(120):
        call(company, 100, 50)
    call(company, 100, 300)

    found = measured()

    assert (found.input_factor, found.ratio_max) == (1, 3)


def test_too_few_calls_raise_nothing(company):
    for _ in range(2):
        call(company, 1_000, 3_000)

    assert (measured().input_factor, measured().above_hold) == (1, 2)


def test_what_follows_from_nothing_but_output_has_an_end(company):
    for _ in range(3):
        call(company, 100, 10, 5_000)

    assert measured().input_factor == MAX_INPUT_FACTOR


def test_a_raised_bound_is_judged_by_later_calls_and_never_lowered(company):
    for _ in range(3):
        call(company, 1_000, 900, 400)
    calibrate()
    assert calibrate() == 0  # the same calls are not counted twice

    for _ in range(5):
        call(company, 1_000, 10)
    assert measured().input_factor == Decimal("1.5")
    for _ in range(5):
        call(company, 1_000, 1_200)  # 200 above a bound that was raised already

    assert measured().input_factor == Decimal("1.8")


def test_calls_of_unknown_usage_and_old_ones_are_left_out(company):
    for _ in range(3):
        call(company, 100, 300, usage_source="counted")
    calibrate()
    assert ModelCalibration.objects.count() == 0

    for _ in range(3):
        call(company, 100, 300)
    ModelCalibration.objects.create(
        provider="sandbox", model="sandbox-rules-1", raised_at=timezone.now() + timedelta(hours=1)
    )
    assert measured().calls == 0


def test_the_database_keeps_a_factor_from_lowering_a_bound():
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelCalibration.objects.create(provider="p", model="m", input_factor=Decimal("0.999"))


@given(
    tokens=st.integers(0, 10**9),
    factor=st.decimals(0, 8, places=3),
    output=st.integers(1, 10**5),
    is_rough=st.booleans(),
)
def test_a_plan_is_never_lowered(tokens, factor, output, is_rough):
    count = (lambda: tokens // 2) if is_rough else None
    plan = CallPlan(tokens, output, 1, Tariff(None, Decimal(25)), count_input=count)

    raised = plan.raised(factor)

    assert raise_bound(tokens, factor) >= tokens
    assert raised.input_tokens == raise_bound(tokens, factor)
    assert raised.needed_tokens >= plan.needed_tokens
    assert raised.minimum_tokens >= plan.minimum_tokens
    assert raised.counted().input_tokens >= plan.counted().input_tokens
