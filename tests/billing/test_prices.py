from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing import in_force, prices, remembering
from billing.models import PriceRate, PriceVersion
from billing.prices import find_price, forget_prices, price_usage, price_usage_at_most
from tests.billing.factories import PriceVersionFactory

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_memory():
    forget_prices()
    yield
    forget_prices()


@dataclass(frozen=True)
class Used:
    input_uncached: int = 0
    cache_read: int = 0
    cache_write_short: int = 0
    cache_write_long: int = 0
    input_audio: int = 0
    input_image: int = 0
    output: int = 0
    output_reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0
    tool_requests: int = 0


def columns_of(prices):
    return {
        f"{name}_usd_per_million" if "_usd_" not in name else name: Decimal(str(usd)) for name, usd in prices.items()
    }


def price(*rates, **prices):
    version = PriceVersionFactory.build(**columns_of(prices))
    version.known_rates = rates
    return version


def rate(service_tier="standard", above=0, **prices):
    return PriceRate(service_tier=service_tier, above_input_tokens=above, **columns_of(prices))


EVERY_CLASS = {
    "input": 2,
    "cache_read": "0.2",
    "cache_write_short": "2.5",
    "cache_write_long": 4,
    "input_audio": 40,
    "input_image": 5,
    "output": 10,
    "output_reasoning": 20,
    "output_audio": 80,
    "output_image": 30,
    "tool_usd_per_thousand": 25,
}


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Used(input_uncached=1_000_000), "2"),
        (Used(cache_read=1_000_000), "0.2"),
        (Used(cache_write_short=1_000_000), "2.5"),
        (Used(cache_write_long=1_000_000), "4"),
        (Used(input_uncached=1_000_000, input_audio=1_000_000), "40"),
        (Used(input_uncached=1_000_000, input_audio=250_000), "11.5"),
        (Used(output=1_000_000), "10"),
        (Used(output=1_000_000, output_audio=1_000_000), "80"),
        (Used(input_uncached=1_000_000, input_image=1_000_000), "5"),
        (Used(input_uncached=1_000_000, input_audio=250_000, input_image=250_000), "12.25"),
        (Used(output=1_000_000, output_reasoning=500_000), "15"),
        (Used(output=1_000_000, output_reasoning=200_000, output_audio=300_000, output_image=400_000), "41"),
        (Used(tool_requests=3), "0.075"),
        (Used(input_uncached=300, cache_read=50, cache_write_short=20, cache_write_long=10, output=7), "0.00077"),
        (Used(), "0"),
    ],
)
def test_every_class_has_its_price_and_is_priced_once(usage, usd):
    assert price_usage(price(**EVERY_CLASS), usage) == Decimal(usd)


@pytest.mark.parametrize(
    ("columns", "usage", "usd"),
    [
        ({}, Used(cache_read=1_000_000), "2"),
        ({}, Used(cache_write_short=1_000_000), "2"),
        ({"cache_write_short": "2.5"}, Used(cache_write_long=1_000_000), "2.5"),
        ({}, Used(input_uncached=1_000_000, input_audio=1_000_000), "2"),
        ({}, Used(output=1_000_000, output_audio=1_000_000), "10"),
        ({"cache_read": 0}, Used(cache_read=1_000_000), "0"),
    ],
)
def test_a_class_without_a_price_costs_what_it_is_part_of(columns, usage, usd):
    assert price_usage(price(input=2, output=10, **columns), usage) == Decimal(usd)


def test_a_class_that_was_used_and_has_no_price_makes_the_cost_unknown():
    only_input = PriceVersionFactory.build(output_usd_per_million=None)
    assert price_usage(only_input, Used(input_uncached=1, output=1)) is None
    assert price_usage(only_input, Used(input_uncached=1_000_000)) == Decimal(2)


def test_what_is_part_of_nothing_and_has_no_price_makes_the_cost_unknown():
    assert price_usage(price(input=2, output=10), Used(input_uncached=1, tool_requests=1)) is None
    assert price_usage(price(input=2, output=10), Used(), media_seconds=Decimal(60)) is None


def test_a_model_that_costs_by_the_hour_is_priced_by_it():
    by_hour = PriceVersionFactory.build(
        input_usd_per_million=None, output_usd_per_million=None, media_usd_per_hour=Decimal("0.36")
    )
    assert price_usage(by_hour, Used(), media_seconds=Decimal(90)) == Decimal("0.009")
    assert price_usage(by_hour, Used(input_uncached=1), media_seconds=Decimal(90)) is None


def test_seconds_beside_the_tokens_that_are_priced_cost_nothing():
    assert price_usage(price(input=2, output=10), Used(input_uncached=10**6), media_seconds=Decimal(90)) == Decimal(2)


LONG = rate(above=1000, input=20, output=30)
LONGER = rate(above=5000, input=40, output=50)
FLEX = rate("flex", input=1, output=5)
FLEX_LONG = rate("flex", above=1000, input=3, output=4)
FAST = rate("fast", input=9, output=99)


@pytest.mark.parametrize(
    ("usage", "tier", "usd"),
    [
        (Used(input_uncached=1000), "", "0.002"),
        (Used(input_uncached=1001), "", "0.02002"),
        (Used(input_uncached=1, cache_read=400, cache_write_short=300, cache_write_long=300), "", "0.02002"),
        (Used(input_uncached=5000), "", "0.1"),
        (Used(input_uncached=5001), "", "0.20004"),
        (Used(input_uncached=1001, output=100), "default", "0.02302"),
        (Used(input_uncached=100, output=100), "standard", "0.0012"),
        (Used(input_uncached=100, output=100), "flex", "0.0006"),
        (Used(input_uncached=9000, output=100), "flex", "0.0274"),
        (Used(input_uncached=9000), "fast", "0.081"),
        (Used(output=100), "flex", "0.0005"),
    ],
)
def test_the_tier_that_was_billed_and_the_whole_input_decide_the_rate(usage, tier, usd):
    terms = price(FLEX_LONG, LONGER, FAST, LONG, FLEX, input=2, output=10)
    assert price_usage(terms, usage, service_tier=tier) == Decimal(usd)


def test_a_tier_that_is_not_listed_is_not_taken_for_the_standard_one():
    assert price_usage(price(FLEX, input=2, output=10), Used(input_uncached=1), service_tier="scale") is None


def test_what_is_free_costs_nothing_whatever_is_used_of_it():
    free = PriceVersionFactory.build(kind="free", input_usd_per_million=None, output_usd_per_million=None)
    usage = Used(input_uncached=1, output=1, tool_requests=1)
    assert price_usage(free, usage, service_tier="scale", media_seconds=Decimal(1)) == 0
    assert price_usage_at_most(free, usage) == 0


@pytest.mark.parametrize(
    ("asked", "usd"), [("", "2"), ("default", "2"), ("flex", "2"), ("fast", "9"), ("auto", "9"), ("no-such", "9")]
)
def test_a_bound_takes_the_dearest_tier_that_may_be_billed(asked, usd):
    batch = rate("batch", input=100, output=100)
    terms = price(FLEX, FAST, batch, input=2, output=10)
    assert price_usage_at_most(terms, Used(input_uncached=10**6), asked_tier=asked) == Decimal(usd)


def test_a_bound_knows_that_the_input_may_turn_out_shorter():
    cheaper_when_long = rate(above=1000, input=1, output=1)
    terms = price(cheaper_when_long, input=2, output=10)
    assert price_usage_at_most(terms, Used(input_uncached=2000)) == Decimal("0.004")
    assert price_usage(terms, Used(input_uncached=2000)) == Decimal("0.002")


def test_a_bound_of_which_a_part_is_not_known_is_not_known():
    without_output = rate("flex", input=1)
    terms = price(without_output, input=2, output=10)
    assert price_usage_at_most(terms, Used(input_uncached=1, output=1), asked_tier="flex") is None
    assert price_usage_at_most(terms, Used(input_uncached=1, output=1)) == Decimal("0.000012")


def test_audio_beyond_the_uncached_input_is_not_priced_twice():
    usage = Used(input_uncached=100, cache_read=900, input_audio=1000)
    assert price_usage(price(input=2, input_audio=40, cache_read=0, output=10), usage) == Decimal("0.004")


def test_nothing_is_rounded():
    dear = price(input="99999999.999999999999", output="0.000000000001")
    cost = price_usage(dear, Used(input_uncached=987_654_321_987, output=1))
    assert Fraction(cost) == Fraction(987_654_321_987 * 99_999_999_999_999_999_999 + 1, 10**18)


@given(*(st.integers(0, 10**9) for _ in range(4)))
def test_the_cost_of_two_calls_is_the_sum_of_their_costs(a, b, c, d):
    terms = price(**EVERY_CLASS)
    first, second = Used(input_uncached=a, output=b), Used(cache_read=c, output=d)
    together = Used(input_uncached=a, cache_read=c, output=b + d)
    assert price_usage(terms, first) + price_usage(terms, second) == price_usage(terms, together)


@pytest.mark.django_db
def test_the_newest_price_in_force_at_the_moment_is_found():
    old = PriceVersionFactory(effective_from=JUNE - timedelta(days=2))
    new = PriceVersionFactory(effective_from=JUNE)
    assert find_price("openai", "gpt-test", JUNE - timedelta(seconds=1)) == old
    assert find_price("openai", "gpt-test", JUNE) == new
    assert find_price("openai", "gpt-test") == new
    assert find_price("openai", "gpt-test", JUNE - timedelta(days=3)) is None


@pytest.mark.django_db
def test_a_models_own_price_goes_before_the_providers_for_any_model():
    anything = PriceVersionFactory(model="*", effective_from=JUNE)
    own = PriceVersionFactory(effective_from=JUNE - timedelta(days=1))
    assert find_price("openai", "gpt-test", JUNE) == own
    assert find_price("openai", "another", JUNE) == anything
    assert find_price("anthropic", "gpt-test", JUNE) is None


@pytest.mark.django_db
def test_the_sandbox_has_an_explicit_price_of_zero():
    found = find_price("sandbox", "sandbox-rules-1")
    assert (found.kind, price_usage(found, Used(input_uncached=1000, output=500))) == ("free", Decimal(0))


def stop_clock(monkeypatch):
    clock = [100.0]
    for module in (remembering, in_force):
        monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    return clock


@pytest.mark.django_db
def test_prices_are_remembered_for_a_while_and_then_read_again(monkeypatch, django_assert_num_queries):
    clock = stop_clock(monkeypatch)
    assert find_price("openai", "gpt-test") is None
    created = PriceVersionFactory()
    with django_assert_num_queries(0):
        assert find_price("openai", "gpt-test") is None
    clock[0] += prices.CACHE_SECONDS + 1
    with django_assert_num_queries(2):  # the versions, and the rates of them all
        found = find_price("openai", "gpt-test")
        assert (found, price_usage(found, Used(output=1))) == (created, Decimal("0.00001"))


@pytest.mark.django_db
def test_a_remembered_price_takes_effect_when_its_time_comes(monkeypatch, django_assert_num_queries):
    clock = stop_clock(monkeypatch)
    old, new = PriceVersionFactory(), PriceVersionFactory(effective_from=timezone.now() + timedelta(seconds=20))
    assert find_price("openai", "gpt-test") == old
    clock[0] += prices.CACHE_SECONDS - 5
    with django_assert_num_queries(0):
        assert find_price("openai", "gpt-test") == new


@pytest.mark.django_db
def test_however_many_models_are_asked_for_memory_holds_one_entry_a_provider():
    for number in range(100):
        find_price("openai", f"made-up-{number}")
    assert len(prices._prices) == 1


@pytest.mark.django_db
def test_a_price_that_was_withdrawn_never_holds():
    later = JUNE + timedelta(days=400)
    old = PriceVersionFactory()
    PriceVersionFactory(effective_from=later, withdrawn_at=JUNE)
    assert find_price("openai", "gpt-test", later) == old


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"input_usd_per_million": 1}, {"effective_from": JUNE}, {"withdrawn_at": JUNE}])
def test_a_price_in_force_cannot_be_changed(change):
    version = PriceVersionFactory(effective_from=JUNE)
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        PriceVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        version.delete()


@pytest.mark.django_db
def test_the_rates_of_a_price_cannot_be_changed():
    row = rate("flex", input=1)
    row.version = PriceVersionFactory()
    row.save()
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        PriceRate.objects.update(input_usd_per_million=0)
