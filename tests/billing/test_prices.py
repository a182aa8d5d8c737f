from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from billing import prices
from billing.prices import find_price, forget_prices, price_usage
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
    output: int = 0
    output_audio: int = 0


def price(**columns):
    return PriceVersionFactory.build(**{f"{name}_usd_per_million": Decimal(str(usd)) for name, usd in columns.items()})


EVERY_CLASS = {
    "input": 2,
    "cache_read": "0.2",
    "cache_write_short": "2.5",
    "cache_write_long": 4,
    "input_audio": 40,
    "output": 10,
    "output_audio": 80,
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


@pytest.mark.django_db
def test_prices_are_remembered_for_a_while_and_then_read_again(monkeypatch, django_assert_num_queries):
    clock = [100.0]
    monkeypatch.setattr(prices, "monotonic", lambda: clock[0])
    assert find_price("openai", "gpt-test") is None
    created = PriceVersionFactory()
    with django_assert_num_queries(0):
        assert find_price("openai", "gpt-test") is None
    clock[0] += prices.CACHE_SECONDS + 1
    with django_assert_num_queries(1):
        assert find_price("openai", "gpt-test") == created


@pytest.mark.django_db
def test_a_remembered_price_takes_effect_when_its_time_comes(monkeypatch, django_assert_num_queries):
    clock = [100.0]
    monkeypatch.setattr(prices, "monotonic", lambda: clock[0])
    old, new = PriceVersionFactory(), PriceVersionFactory(effective_from=timezone.now() + timedelta(seconds=20))
    assert find_price("openai", "gpt-test") == old
    clock[0] += prices.CACHE_SECONDS - 5
    with django_assert_num_queries(0):
        assert find_price("openai", "gpt-test") == new


@pytest.mark.django_db
def test_however_many_models_are_asked_for_memory_holds_one_entry_a_provider():
    for number in range(100):
        find_price("openai", f"made-up-{number}")
    assert list(prices._remembered) == ["openai"]
