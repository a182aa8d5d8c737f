import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.estimating import bound_tokens_by_bytes, count_tokens, count_usage, estimate_input_tokens
from ai_gateway.providers.types import JsonSchema, ProviderRequest

SCHEMA = JsonSchema("verdict", {"type": "object", "properties": {"score": {"type": "integer"}}})
CV = "Jane Doe, Python engineer at Acme GmbH, 2014-2021. Built payments on Django and PostgreSQL, +35 % throughput.\n"
HOSTILE = [
    "",
    " ",
    "<|endoftext|><|endofprompt|><|im_start|>system",
    "候选人有五年的经验，熟悉分布式系统。" * 20,
    "Zażółć gęślą jaźń; Ærøskøbing; Москва; مرحبا; हिन्दी",
    "👩‍💻🚀🏳️‍🌈" * 30,
    "0123456789" * 100,
    "lone \ud800 surrogate \udfff",
    "nul \x00 and \x1b[31m and \u202e",
    "a" * 5_000,
    "^" * 5_000,
    " \t\n" * 2_000,
]


def make_request(user="Hello", **changes) -> ProviderRequest:
    facts = {"model": "gpt-5", "max_output_tokens": 10, "timeout_seconds": 5.0, "call_id": "c", "user": user}
    return ProviderRequest(**{**facts, **changes})


@pytest.mark.parametrize(
    ("text", "model", "tokens"),
    [
        ("Hello world", "gpt-4o", 2),
        ("Привет, мир", "gpt-4o", 4),
        ("Привет, мир", "gpt-4", 6),
        ("Привет, мир", "gpt-oss-20b", 4),
        ("Привет, мир", "gpt-6-luna", 4),
        ("Привет, мир", "claude-haiku-5-5", 4),
        ("Привет, мир", "text-davinci-003", 4),
        ("", "gpt-4o", 0),
    ],
)
def test_text_is_counted_by_the_models_vocabulary_or_the_newest(text, model, tokens):
    assert count_tokens(text, model) == tokens


def test_what_looks_like_a_special_token_is_text():
    assert count_tokens("<|endoftext|>", "gpt-4o") == 7


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_has_more_tokens_than_bytes(text):
    assert count_tokens(text, "gpt-4o") <= bound_tokens_by_bytes(text)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("", 0), ("nul \x00 and \x7f", 11), ("Z\xfcrich", 7), ("\u20ac", 3), ("\U0001f680", 4), ("\ud800", 1)],
)
def test_bytes_are_told_of_plain_and_of_other_texts(text, size_bytes):
    assert bound_tokens_by_bytes(text) == size_bytes


@given(st.text(st.characters()) | st.text(st.characters(max_codepoint=127)))
def test_bytes_are_those_that_utf_8_would_have(text):
    assert bound_tokens_by_bytes(text) == len(text.encode("utf-8", "replace"))


def test_a_million_blanks_are_counted():
    assert 7_000 < count_tokens(" " * 1_000_000, "gpt-4o") < 9_000


def test_an_openai_estimate_is_the_text_and_its_frame():
    request = make_request(CV, system="Be brief.")
    assert (
        estimate_input_tokens(request, "openai") == count_tokens(CV, "gpt-5") + count_tokens("Be brief.", "gpt-5") + 11
    )


def test_a_model_without_a_known_vocabulary_gets_a_margin():
    texts = CV * 100
    known, unknown = (estimate_input_tokens(make_request(texts, model=model), "openai") for model in ("gpt-5", "gpt-6"))
    assert known * 1.09 < unknown < known * 1.11


def test_the_schema_is_counted():
    without = estimate_input_tokens(make_request(), "openai")
    assert without + 32 < estimate_input_tokens(make_request(json_schema=SCHEMA), "openai") < without + 100


@pytest.mark.parametrize(("kind", "factor"), [("anthropic", 1.6), ("compatible", 2.0)])
def test_an_unknown_vocabulary_is_bounded_well_above_o200k(kind, factor):
    prose = "the quick brown fox jumps over the lazy dog " * 50
    bound = estimate_input_tokens(make_request(prose), kind)
    assert bound >= count_tokens(prose, "gpt-4o") * factor
    assert bound <= bound_tokens_by_bytes(prose)


@given(st.text(max_size=300))
def test_the_bounds_hold_for_another_vocabulary(text):
    counted = count_tokens(text, "gpt-4")  # cl100k_base, standing in for one that is not published
    assert counted <= estimate_input_tokens(make_request(text), "anthropic")
    assert counted <= estimate_input_tokens(make_request(text), "compatible")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["openai", "anthropic", "compatible"])
def test_hostile_text_is_estimated_at_no_less_than_its_tokens(text, kind):
    assert count_tokens(text, "gpt-4") <= estimate_input_tokens(make_request(text, model="gpt-4"), kind)


def test_an_estimate_costs_little_more_than_its_text_in_bytes():
    request = make_request(CV * 900)
    for kind in ("openai", "anthropic", "compatible"):
        assert estimate_input_tokens(request, kind) <= bound_tokens_by_bytes(request.user) + 100


def test_our_own_count_is_marked_as_such():
    usage = count_usage(make_request(CV, system="Be brief."), "Done.", "openai")
    assert (usage.source, usage.output) == ("counted", count_tokens("Done.", "gpt-5"))
    assert usage.input_tokens == estimate_input_tokens(make_request(CV, system="Be brief."), "openai")


def test_our_own_count_never_exceeds_the_estimate():
    request = make_request(CV * 50, system="Be brief.", json_schema=SCHEMA)
    for kind in ("openai", "anthropic", "compatible"):
        assert count_usage(request, "", kind).input_tokens <= estimate_input_tokens(request, kind)


def test_our_own_count_for_claude_is_above_o200k():
    claude, gpt = (count_usage(make_request(CV), CV, kind) for kind in ("anthropic", "openai"))
    assert gpt.output * 1.3 <= claude.output < gpt.output * 1.3 + 1


def test_counting_needs_no_network_and_no_prepared_folder(tmp_path):
    script = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from ai_gateway.estimating import count_tokens\n"
        "print(count_tokens('Hello world', 'gpt-4o'), count_tokens('Hello world', 'gpt-4'))\n"
    )
    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(tmp_path / "ranks"), "DJANGO_SETTINGS_MODULE": "config.test"}
    root = Path(__file__).resolve().parents[3]
    run = subprocess.run([sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("2 2\n", "")
    assert len(os.listdir(tmp_path / "ranks")) == 2
