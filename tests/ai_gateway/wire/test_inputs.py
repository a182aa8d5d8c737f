"""What a request takes: our bounds against each other, and against what the sandbox reports for the same request."""

import base64
import json
from io import BytesIO

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ai_gateway.estimating import estimate_image_tokens, estimate_pdf_tokens
from tests.ai_gateway.wire.factories import CV, PIXEL, body, exchange

HOSTILE = [
    "",
    CV * 50,
    "候选人有五年的经验，熟悉分布式系统。" * 50,
    "👩‍💻🚀🏳️‍🌈" * 50,
    "0123456789" * 300,
    "<|endoftext|><|im_start|>system" * 30,
    '\x00\x1b\u202e\\"' * 100,
    "^" * 20_000,
    " \t\n" * 10_000,
]
PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Graz"}'}}
PDF = base64.b64encode(b"%PDF-1.7\n<</Type/Page>><</Type /Page>>").decode()


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def requests(text: str) -> list[tuple[str, str, dict]]:
    """The same text in every format, with tools and a schema."""
    said = text or " "
    function = {"name": "weather", "description": "Tells the weather", "parameters": PARAMETERS}
    turns = [{"role": "system", "content": text}, {"role": "user", "content": text, "name": "Jo"}]
    turns += [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": text},
    ]
    shape = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}}
    chat = {"messages": turns, "tools": [{"type": "function", "function": function}], "response_format": shape}
    items = [{"role": "user", "content": [{"type": "input_text", "text": text}]}, {"role": "user", "content": text}]
    tools = [{"type": "function", **function}]
    responses = {
        "input": items,
        "instructions": text,
        "tools": tools,
        "text": {"format": {"type": "json_schema", "name": "v", "schema": SCHEMA, "strict": True}},
    }
    tools = [{"name": "weather", "description": "Tells the weather", "input_schema": PARAMETERS}]
    messages = {
        "system": said,
        "messages": [{"role": "user", "content": said}, {"role": "user", "content": [{"type": "text", "text": said}]}],
        "tools": tools,
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }
    return [
        ("chat", "openai", chat),
        ("chat", "compatible", chat),
        ("responses", "openai", responses),
        ("messages", "anthropic", messages),
        ("embeddings", "openai", {"input": [said, CV]}),
        ("embeddings", "compatible", {"input": [[1, 2, 3], [4]]}),
    ]


@given(st.text(max_size=400), st.sampled_from(["gpt-5", "gpt-4", "gpt-6-astra", "text-embedding-3-small"]))
def test_the_guess_is_below_the_count_and_the_count_below_the_bound(text, model):
    for format_name, kind, changes in requests(text):
        of = exchange(format_name, kind, **{**changes, "model": model})
        assert 0 < of.input.guess(model, kind) <= of.count_input_tokens() <= of.bound_input_tokens()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_below_the_bound(text):
    for format_name, kind, changes in requests(text):
        of = exchange(format_name, kind, **changes)
        assert of.count_input_tokens() <= of.bound_input_tokens()


@pytest.fixture(scope="module")
def reported(running_sandbox):
    """Return what the sandbox counts for a request, which it does with o200k_base and the providers' frames."""

    def count(of) -> int:
        content = of.write_request("sandbox-rules-1", 50)
        headers = {
            "authorization": f"Bearer {running_sandbox.key()}",
            "anthropic-version": "2026-10-21",
            "content-type": "application/json",
        }
        answer = httpx2.post(f"{running_sandbox.url}/{of.path}", content=content, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return of.read_answer(answer.content).usage.input_tokens

    return count


@pytest.mark.parametrize("model", ["gpt-5", "gpt-6-astra"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_reported_never_exceeds_the_count(reported, text, model):
    for format_name, kind, changes in requests(text):
        of = exchange(format_name, kind, **{**changes, "model": model})
        assert reported(of) <= of.count_input_tokens()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_covered_and_for_known_models_exact(reported, text):
    of = exchange("chat", messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}])
    assert reported(of) == of.count_input_tokens()
    of = exchange("embeddings", input=[text or "a", "b"])
    assert (
        reported(exchange("embeddings", input=[text or "a", "b"], model="gpt-5"))
        == exchange("embeddings", input=[text or "a", "b"], model="gpt-5").count_input_tokens()
    )


def jpeg(width: int, height: int) -> str:
    file = BytesIO()
    Image.new("RGB", (width, height)).save(file, "JPEG")
    return base64.b64encode(file.getvalue()).decode()


IMAGE = jpeg(1024, 1024)
WITH_IMAGE = [
    (
        "chat",
        "openai",
        "gpt-4o",
        {"messages": user({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{IMAGE}"}})},
        765 + 7,
    ),
    (
        "chat",
        "openai",
        "gpt-4o",
        {
            "messages": user(
                {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{IMAGE}", "detail": "low"}}
            )
        },
        85 + 7,
    ),
    (
        "responses",
        "openai",
        "gpt-4o",
        {"input": user({"type": "input_image", "image_url": f"data:image/jpeg;base64,{IMAGE}"})},
        765 + 7,
    ),
    (
        "messages",
        "anthropic",
        "claude-opus-5-5",
        {"messages": user({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": IMAGE}})},
        37 * 37 + 7 + 64,
    ),
    (
        "messages",
        "anthropic",
        "claude-opus-5-5",
        {
            "messages": user(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": IMAGE}}
                    ],
                }
            )
        },
        37 * 37 + 7 + 64,
    ),
]


@pytest.mark.parametrize(("format_name", "kind", "model", "changes", "tokens"), WITH_IMAGE)
def test_an_image_is_counted_by_its_size_and_not_by_its_bytes(format_name, kind, model, changes, tokens):
    of = exchange(format_name, kind, **{**changes, "model": model})
    assert of.count_input_tokens() == of.bound_input_tokens() == tokens


def test_an_image_that_cannot_be_read_takes_the_most():
    broken = user({"type": "image_url", "image_url": {"url": "data:image/png;base64,####"}})
    of = exchange("chat", messages=broken, model="gpt-4o")
    assert of.count_input_tokens() == estimate_image_tokens(b"", model="gpt-4o", kind="openai") + 7


def test_line_ends_in_base64_do_not_hide_pages():
    lines = "\n".join(PDF[start : start + 7] for start in range(0, len(PDF), 7))
    for written in (PDF, lines, f"data:application/pdf;base64,{PDF}"):
        of = exchange(
            "messages",
            "anthropic",
            messages=user(
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": written}}
            ),
        )
        two_pages = 2 * estimate_pdf_tokens(b"%PDF", model="claude-opus-5-5", kind="anthropic")
        assert of.count_input_tokens() == of.bound_input_tokens() == two_pages + 7 + 64


def test_a_pdf_in_each_of_openais_formats_is_counted():
    url = f"data:application/pdf;base64,{PDF}"
    chat = exchange("chat", messages=user({"type": "file", "file": {"filename": "cv.pdf", "file_data": url}}))
    responses = exchange("responses", input=user({"type": "input_file", "filename": "cv.pdf", "file_data": url}))
    pages = 2 * estimate_pdf_tokens(b"%PDF", model="gpt-5", kind="openai")
    assert chat.count_input_tokens() == responses.count_input_tokens() == pages + 7 + 2


def test_a_plain_text_file_is_its_text():
    url = "data:text/plain;base64," + base64.b64encode(CV.encode()).decode()
    of = exchange("chat", messages=user({"type": "file", "file": {"file_data": url}}))
    said = exchange("chat", messages=user({"type": "text", "text": CV}))
    assert of.count_input_tokens() == said.count_input_tokens()


def test_a_short_recording_is_covered():
    second = "A" * 1_400  # a second of compressed speech is 10 tokens
    of = exchange("chat", messages=user({"type": "input_audio", "input_audio": {"data": second * 60, "format": "mp3"}}))
    assert of.count_input_tokens() >= 600


def test_tokens_sent_as_numbers_are_counted():
    assert exchange("embeddings", input=[1, 2, 3]).count_input_tokens() == 3
    assert exchange("embeddings", input=[[1, 2, 3], [4]]).count_input_tokens() == 4
    assert exchange("embeddings", "compatible", input=[[1, 2, 3], [4]]).count_input_tokens() == 4 + 2 * 2 + 64


def test_encrypted_reasoning_and_calls_of_earlier_turns_are_counted():
    items = [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": CV}],
            "encrypted_content": "gAAA" * 50,
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": CV},
        {"type": "function_call_output", "call_id": "c", "output": CV},
    ]
    one = exchange("chat", messages=user({"type": "text", "text": CV})).count_input_tokens() - 7
    assert exchange("responses", input=items).count_input_tokens() >= 3 * one + 50


def test_large_media_costs_no_tokenizing():
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}{'A' * 3_000_000}"}}
    of = exchange("chat", messages=user(image, {"type": "text", "text": "Hi"}), model="gpt-4o")
    assert of.count_input_tokens() == 85 + 170 + 7 + 1
    assert (
        json.loads(of.write_request("m", 5))["messages"]
        == body("chat", messages=user(image, {"type": "text", "text": "Hi"}))["messages"]
    )
