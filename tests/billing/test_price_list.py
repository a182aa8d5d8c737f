"""What we make of the installed price list against what its own package computes, for every model that it knows."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.providers.types import Usage as OurUsage
from billing.models import STANDARD, PriceRate, PriceVersion
from billing.price_list import find_listed_price, read_listed_price
from billing.prices import price_usage

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Providers do not say which audio and images were cached: here they are not.
NOT_CACHED = [f"cache_{kind}_{way}_tokens" for kind in ("audio", "image") for way in ("read", "write", "write_1h")]
NOT_CACHED += [f"output_{kind}_reasoning_tokens" for kind in ("audio", "image")]
# The package's result is rounded to the 28 digits of its context.
ROUNDING = Decimal("1e-24")


@dataclass(frozen=True, repr=False)
class Listed:
    """A model of the list, what its own package is to be asked for, and the tier that we call that."""

    provider: object
    info: object
    tier: str
    context: dict[str, str] | None

    def __repr__(self):
        return f"{self.provider.id}/{self.info.id} {self.tier}"


def list_tiers():
    for provider in get_snapshot().providers:
        for info in provider.models:
            listed = read_listed_price(info, AT)
            if listed is None or provider.id == "groq":  # it rounds short recordings up, by its name
                continue
            yield Listed(provider, info, STANDARD, None)
            for tier in sorted({rate.service_tier for rate in listed.rates} - {STANDARD}):
                context = next(
                    variant.when for variant in info.price_variants if tuple(variant.when.values()) == (tier,)
                )
                yield Listed(provider, info, tier, dict(context))


LISTED = list(list_tiers())


def as_price(info):
    """Make of a listed model what ``sync_prices`` would write."""
    listed = read_listed_price(info, AT)
    version = PriceVersion(kind="listed", **listed.prices)
    version.known_rates = tuple(
        PriceRate(service_tier=rate.service_tier, above_input_tokens=rate.above_input_tokens, **rate.prices)
        for rate in listed.rates
    )
    return version


counts = st.integers(0, 400_000)


@st.composite
def usages(draw):
    uncached, output = draw(counts), draw(counts)
    audio = draw(st.integers(0, uncached))
    output_audio = draw(st.integers(0, output))
    output_image = draw(st.integers(0, output - output_audio))
    return OurUsage(
        input_uncached=uncached,
        cache_read=draw(counts),
        cache_write_short=draw(counts),
        cache_write_long=draw(counts),
        input_audio=audio,
        input_image=draw(st.integers(0, uncached - audio)),
        output=output,
        output_audio=output_audio,
        output_image=output_image,
        output_reasoning=draw(st.integers(0, output - output_audio - output_image)),
        tool_requests=draw(st.integers(0, 20)),
    )


def as_theirs(usage, seconds):
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_short + usage.cache_write_long,
        cache_write_1h_tokens=usage.cache_write_long,
        input_audio_tokens=usage.input_audio,
        input_image_tokens=usage.input_image,
        output_audio_tokens=usage.output_audio,
        output_image_tokens=usage.output_image,
        output_reasoning_tokens=usage.output_reasoning,
        web_searches=usage.tool_requests,
        audio_seconds=seconds,
        **dict.fromkeys(NOT_CACHED, 0),
    )


def their_price(listed, usage, seconds=0):
    """Price with the package, less what it takes for each request: the price book has no such price, and says so."""
    prices = listed.info.get_prices(AT, listed.context)
    per_thousand = prices.requests_kcount or 0
    price_of = {"provider": listed.provider, "genai_request_timestamp": AT, "price_context": listed.context}
    return listed.info.calc_price(as_theirs(usage, seconds), **price_of).total_price - Decimal(per_thousand) / 1000


def listed_part(listed, usage):
    """Leave out of a usage what the model has no price for: what that costs is not known here, and free there."""
    prices = listed.info.get_prices(AT, listed.context)
    unlisted = {}
    if prices.web_searches_kcount is None:
        unlisted |= {"tool_requests": 0}
    if prices.input_mtok is None:
        unlisted |= dict.fromkeys(
            ("input_uncached", "cache_read", "cache_write_short", "cache_write_long", "input_audio", "input_image"), 0
        )
    if prices.output_mtok is None:
        unlisted |= dict.fromkeys(("output", "output_audio", "output_image", "output_reasoning"), 0)
    return replace(usage, **unlisted)


def test_the_list_has_hundreds_of_models_and_every_kind_of_tier():
    assert len({(listed.provider.id, listed.info.id) for listed in LISTED}) > 1000
    assert {listed.tier for listed in LISTED} >= {STANDARD, "flex", "priority", "batch", "fast"}


@settings(max_examples=1000)
@given(which=st.integers(0, len(LISTED) - 1), usage=usages(), seconds=st.integers(0, 100_000))
def test_a_usage_costs_what_the_lists_own_package_says(which, usage, seconds):
    listed = LISTED[which]
    used = listed_part(listed, usage)
    is_by_hour = listed.info.get_prices(AT, listed.context).audio_hours is not None
    media = Decimal(seconds) if is_by_hour else None
    ours = price_usage(as_price(listed.info), used, service_tier=listed.tier, media_seconds=media)
    assert abs(ours - their_price(listed, used, seconds)) <= ROUNDING * max(1, ours)


@pytest.mark.parametrize("input_tokens", [1_000, 99_999, 100_000, 100_001, 272_000, 272_001, 1_000_000])
def test_every_listed_tier_costs_what_the_lists_own_package_says(input_tokens):
    usage = OurUsage(input_uncached=input_tokens - 500, cache_read=500, output=700)
    compared = 0
    for listed in LISTED:
        ours = price_usage(as_price(listed.info), usage, service_tier=listed.tier)
        if ours is not None:
            compared += 1
            assert abs(ours - their_price(listed, usage)) <= ROUNDING * max(1, ours), str(listed)
    assert compared > 2000


def test_an_unknown_cost_is_always_that_of_a_class_that_was_used_and_is_not_listed():
    for listed in LISTED:
        if price_usage(as_price(listed.info), OurUsage(input_uncached=1, output=1), service_tier=listed.tier) is None:
            prices = listed.info.get_prices(AT, listed.context)
            assert None in (prices.input_mtok, prices.output_mtok), str(listed)


@pytest.mark.parametrize(
    ("model", "usage", "tier", "usd"),
    [
        ("openai/gpt-4o", OurUsage(input_uncached=10**6, cache_read=10**6, output=10**6), "", "13.75"),
        ("openai/gpt-4o-mini", OurUsage(input_uncached=10**6, output=10**6), "default", "0.75"),
        ("openai/gpt-6-sol", OurUsage(input_uncached=272_000, output=1_000), "", "0.554"),
        ("openai/gpt-6-sol", OurUsage(input_uncached=272_001, output=1_000), "", "1.103004"),
        ("openai/gpt-6-sol", OurUsage(input_uncached=1_000, output=1_000), "flex", "0.006"),
        ("openai/gpt-6-sol", OurUsage(input_uncached=1_000, output=1_000), "priority", "0.024"),
        ("openai/gpt-6-sol", OurUsage(input_uncached=1_000, output=1_000), "batch", "0.006"),
        ("openai/gpt-6-sol", OurUsage(tool_requests=2), "", "0.02"),
        ("anthropic/claude-haiku-5-5", OurUsage(input_uncached=100_000), "standard", "0.01"),
        ("anthropic/claude-haiku-5-5", OurUsage(input_uncached=100_001), "standard", "0.0500005"),
        ("anthropic/claude-opus-5-5", OurUsage(input_uncached=1_000, output=1_000), "fast", "0.048"),
        ("anthropic/claude-opus-5-5", OurUsage(cache_write_short=1_000, cache_write_long=1_000), "", "0.013"),
        ("openai/text-embedding-3-small", OurUsage(input_uncached=10**6), "", "0.02"),
    ],
)
def test_known_prices(model, usage, tier, usd):
    provider, _, name = model.partition("/")
    (info,) = [get_snapshot().find_provider_model(name, None, provider, None)[1]]
    assert price_usage(as_price(info), usage, service_tier=tier) == Decimal(usd)


def test_a_recording_is_priced_by_the_hour():
    (_, info) = get_snapshot().find_provider_model("whisper-1", None, "openai", None)
    assert price_usage(as_price(info), OurUsage(), media_seconds=Decimal(600)) == Decimal("0.06")


def test_a_tier_that_the_list_prices_only_later_is_not_taken_yet():
    before = datetime(2026, 10, 1, tzinfo=UTC)
    tiers = {rate.service_tier for rate in find_listed_price("openai", "gpt-6-sol", before).rates}
    assert tiers == {STANDARD}


def test_what_the_price_book_cannot_express_is_said():
    assert "storage_searches_kcount costs 2.5 USD" in find_listed_price("openai", "gpt-4o", AT).not_modelled
    assert any("time of day" in note for note in find_listed_price("deepseek", "deepseek-chat", AT).not_modelled)


def test_the_other_names_of_the_hours_say_the_same():
    for listed in LISTED:
        prices = listed.info.get_prices(AT, listed.context)
        assert prices.input_audio_hours in (None, prices.audio_hours), str(listed)
