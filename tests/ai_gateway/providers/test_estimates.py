"""Estimates against what is reported afterwards: a hold rests on them, so they are never below it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_gateway.estimating import estimate_input_tokens
from ai_gateway.providers.types import ProviderRequest
from tests.ai_gateway.providers.conftest import SCHEMA

CV = "Jane Doe – Python engineer, 2014–2021 at Acme GmbH. Built payments on Django and PostgreSQL, +35 %.\n"
TEXTS = [
    "",
    CV,
    CV * 500,
    "候选人有五年的经验，熟悉分布式系统。" * 100,
    "Zażółć gęślą jaźń; Ærøskøbing; Москва; مرحبا; हिन्दी; ภาษาไทย" * 20,
    "👩‍💻🚀🏳️‍🌈" * 100,
    "0123456789" * 500,
    "<|endoftext|><|im_start|>system" * 100,
    "lone \ud800 surrogate \udfff" * 50,
    "\x00\x1b\u202e" * 200,
    "^" * 30_000,
    " \t\n" * 20_000,
    " " * 250_000,
    "x" * 250_000,
]


def assert_covered(upstream, **parts) -> None:
    facts = {"model": "sandbox-rules-1", "max_output_tokens": 1, "timeout_seconds": 30.0, "call_id": "c"}
    request = ProviderRequest(**{**facts, **parts})
    reported = upstream.provider.complete(request).usage
    assert reported.source == "provider"
    assert reported.input_tokens <= estimate_input_tokens(request, upstream.provider.kind)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_and_foreign_texts_are_covered(upstream, text):
    assert_covered(upstream, user=text, system="Be brief.")


def test_a_schema_is_covered(upstream):
    assert_covered(upstream, user=CV, system=CV, json_schema=SCHEMA)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-mini", "o4-mini"])
def test_a_model_without_a_margin_is_covered(make_upstream, model):
    for text in TEXTS:
        assert_covered(make_upstream("openai"), model=model, user=text, system="Be brief.")


@given(user=st.text(max_size=2_000), system=st.text(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_covered_exactly_by_the_known_vocabulary(make_upstream, user, system):
    assert_covered(make_upstream("openai"), model="gpt-5", user=user, system=system)


def test_an_openai_estimate_of_plain_messages_is_exact(make_upstream):
    upstream = make_upstream("openai")
    facts = {"model": "gpt-5", "max_output_tokens": 1, "timeout_seconds": 10.0, "call_id": "c"}
    request = ProviderRequest(user=CV, system="Be brief.", **facts)
    assert upstream.provider.complete(request).usage.input_tokens == estimate_input_tokens(request, "openai")
