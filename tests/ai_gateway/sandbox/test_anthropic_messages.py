"""Messages through the real anthropic SDK."""

from typing import Any

import anthropic
import pytest
from anthropic.types import Message, Usage
from pydantic import BaseModel

from ai_gateway.sandbox.tokens_count import count_tokens

MESSAGES: list[Any] = [{"role": "user", "content": "Hello there, sandbox"}]
INPUT_TOKENS = 3 + 4 + count_tokens("Hello there, sandbox")


class Colour(BaseModel):
    name: str
    shades: list[int]


def text_of(message: Any) -> str:
    (block,) = message.content
    return str(block.text)


def test_a_plain_question_is_answered_in_a_sentence(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model="claude-haiku-5-5", max_tokens=100, messages=MESSAGES)
    assert isinstance(message, Message)
    assert text_of(message).endswith("Your message has 3 words.")
    assert (message.model, message.stop_reason, message.role) == ("claude-haiku-5-5", "end_turn", "assistant")
    assert message._request_id == f"req_{message.id.removeprefix('msg_')}"


def test_usage_is_counted_by_tiktoken(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model="m", max_tokens=100, messages=MESSAGES)
    usage = message.usage
    assert isinstance(usage, Usage)
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, count_tokens(text_of(message)))
    assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)
    assert usage.service_tier == "standard"


def test_count_tokens_counts_what_a_message_would(anthropic_client: anthropic.Anthropic) -> None:
    counted = anthropic_client.messages.count_tokens(model="m", system="Be kind.", messages=MESSAGES)
    message = anthropic_client.messages.create(model="m", max_tokens=9, system="Be kind.", messages=MESSAGES)
    assert counted.input_tokens == message.usage.input_tokens == INPUT_TOKENS + 4 + count_tokens("Be kind.")


def test_an_answer_stops_at_the_output_limit(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model="m", max_tokens=5, messages=MESSAGES)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


def test_the_sdks_own_structured_output_is_parsed(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.parse(model="m", max_tokens=100, messages=MESSAGES, output_format=Colour)
    assert message.parsed_output == Colour(name="", shades=[])


def test_a_stream_gives_the_same_text_and_usage(anthropic_client: anthropic.Anthropic) -> None:
    whole = anthropic_client.messages.create(model="m", max_tokens=100, messages=MESSAGES)
    with anthropic_client.messages.stream(model="m", max_tokens=100, messages=MESSAGES) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(final) == text_of(whole)
    assert final.usage == whole.usage
    assert final.stop_reason == "end_turn"


def test_a_raw_stream_has_the_events_in_their_order(anthropic_client: anthropic.Anthropic) -> None:
    events = list(anthropic_client.messages.create(model="m", max_tokens=100, messages=MESSAGES, stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    started, ended = events[0], events[-2]
    assert started.type == "message_start"
    assert ended.type == "message_delta"
    assert (started.message.usage.input_tokens, started.message.usage.output_tokens) == (INPUT_TOKENS, 1)
    assert ended.usage.output_tokens > 1


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {}}, "additionalProperties"),
        (
            {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "additionalProperties": False},
            "minimum",
        ),
    ],
)
def test_a_schema_that_anthropic_would_refuse_is_refused(
    anthropic_client: anthropic.Anthropic, schema: dict[str, Any], problem: str
) -> None:
    asked: Any = {"format": {"type": "json_schema", "schema": schema}}
    with pytest.raises(anthropic.BadRequestError, match=problem):
        anthropic_client.messages.create(model="m", max_tokens=9, messages=MESSAGES, output_config=asked)


@pytest.mark.parametrize(
    ("body", "problem"), [({"max_tokens": None}, "max_tokens"), ({"max_tokens": 5, "temperature": 0.2}, "temperature")]
)
def test_a_bad_request_is_refused(anthropic_client: anthropic.Anthropic, body: dict[str, Any], problem: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=problem) as caught:
        anthropic_client.messages.create(
            model="m", messages=MESSAGES, max_tokens=5, extra_body={"messages": MESSAGES, **body}
        )
    assert caught.value.type == "invalid_request_error"


def test_an_older_version_may_still_send_a_temperature(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(
        model="m",
        max_tokens=5,
        messages=MESSAGES,
        extra_body={"temperature": 0.2},
        extra_headers={"anthropic-version": "2023-06-01"},
    )
    assert message.usage.output_tokens == 5
