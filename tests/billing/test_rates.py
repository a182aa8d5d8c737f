from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.models import OperationRate
from billing.rates import charge_at_rate, fallback_cost, find_operation_rate, find_weight
from tests.billing.factories import OperationRateFactory, WeightVersionFactory

pytestmark = pytest.mark.django_db

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def test_the_weight_in_force_at_a_moment_is_found():
    assert find_weight("anthropic", "claude-test") is None
    old, new = WeightVersionFactory(), WeightVersionFactory(effective_from=JUNE, weight=Decimal(3))
    assert find_weight("openai", "gpt-test", JUNE - timedelta(seconds=1)) == old
    assert find_weight("openai", "gpt-test", JUNE) == new
    assert find_weight("openai", "gpt-test") == new


def test_a_provider_can_have_one_weight_for_all_its_models():
    everything = WeightVersionFactory(model="*")
    assert find_weight("openai", "gpt-test") == everything


def test_weights_are_remembered(django_assert_num_queries):
    find_weight("openai", "gpt-test")
    find_operation_rate("cv_parse")
    with django_assert_num_queries(0):
        find_weight("openai", "another")
        find_operation_rate("scoring")


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(IntegrityError), transaction.atomic():
        WeightVersionFactory(weight=0)


@pytest.mark.parametrize(
    ("amounts", "seconds", "tokens"),
    [
        ({"tokens_per_second": Decimal("2.5")}, Decimal("10.1"), 26),
        ({"tokens_per_request": Decimal(100)}, None, 100),
        ({"tokens_per_request": Decimal(100), "tokens_per_second": Decimal(1)}, Decimal(60), 160),
        ({"tokens_per_second": Decimal(1)}, None, 0),
        ({}, Decimal(60), 0),
    ],
)
def test_an_answer_without_tokens_is_charged_by_the_operations_rate(amounts, seconds, tokens):
    assert charge_at_rate(OperationRateFactory.build(**amounts), seconds) == tokens


@pytest.mark.parametrize(
    ("amounts", "seconds", "usd"),
    [
        ({"fallback_usd_per_request": Decimal("0.01")}, None, Decimal("0.01")),
        ({"fallback_usd_per_minute": Decimal("0.30")}, Decimal(90), Decimal("0.45")),
        ({"fallback_usd_per_minute": Decimal("0.30")}, None, None),
        ({}, Decimal(90), None),
    ],
)
def test_a_fallback_is_by_the_request_or_by_the_minute(amounts, seconds, usd):
    assert fallback_cost(OperationRateFactory.build(**amounts), seconds) == usd


def test_a_cv_costs_half_a_dollar_a_question_set_a_cent_and_a_minute_of_video_thirty_cents():
    steps = [find_operation_rate(step) for step in ("cv_parse", "cv_analyze", "scoring", "decision")]
    assert sum(fallback_cost(rate, None) for rate in steps) == Decimal("0.50")
    assert fallback_cost(find_operation_rate("question_generation"), None) == Decimal("0.01")
    assert fallback_cost(find_operation_rate("video_interview"), Decimal(60)) == Decimal("0.30")
    assert find_operation_rate("api") is None


def test_a_fallback_of_zero_is_refused():
    with pytest.raises(IntegrityError), transaction.atomic():
        OperationRateFactory(fallback_usd_per_request=0)


def test_a_rate_in_force_cannot_be_changed():
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        OperationRate.objects.update(fallback_usd_per_request=1)
