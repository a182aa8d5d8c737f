"""Answers of one format's provider, given in the other format, against the types of both SDKs."""

import json

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.types import Usage
from tests.ai_gateway.wire.conversations import CALLS, USES, encode, to_claude, to_gpt
from tests.ai_gateway.wire.factories import chat_answer, message_answer


def test_a_message_is_answered_as_a_chat():
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Let me see."},
        *USES,
    ]
    reply = to_claude().read_answer(encode(message_answer(content=content, stop_reason="tool_use")))
    answer = ChatCompletion.model_validate_json(reply.body, strict=True)
    assert answer.model == "claude-opus-5-5"
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content == "Let me see."
    assert [
        call.model_dump(include={"id", "type", "function"}) for call in answer.choices[0].message.tool_calls
    ] == CALLS
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 21,
        "completion_tokens": 9,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 6, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
    }
    assert reply.usage == Usage(
        input_uncached=12, cache_read=3, cache_write_short=4, cache_write_long=2, output=9, output_reasoning=4
    )


def test_a_chat_is_answered_as_a_message():
    message = {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS, "refusal": None}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    reply = to_gpt().read_answer(encode(chat_answer(choices=choices)))
    answer = Message.model_validate_json(reply.body)
    assert (answer.model, answer.stop_reason, answer.type, answer.role) == (
        "gpt-5-2025-08-07",
        "tool_use",
        "message",
        "assistant",
    )
    assert [block.model_dump(exclude_none=True) for block in answer.content] == [
        {"type": "text", "text": "Let me see."},
        *USES,
    ]
    assert (
        answer.usage.input_tokens,
        answer.usage.cache_read_input_tokens,
        answer.usage.cache_creation_input_tokens,
    ) == (13, 4, 2)
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.thinking_tokens) == (10, 3)


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "tool_calls"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_stop_reasons_become_finish_reasons(stop_reason, finish):
    reply = to_claude().read_answer(encode(message_answer(stop_reason=stop_reason)))
    assert json.loads(reply.body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"finish_reason": "stop"}, ("end_turn", None)),
        ({"finish_reason": "stop", "stop_reason": "END"}, ("stop_sequence", "END")),
        ({"finish_reason": "stop", "stop_reason": 128001}, ("end_turn", None)),
        ({"finish_reason": "length"}, ("max_tokens", None)),
        ({"finish_reason": "content_filter"}, ("refusal", None)),
    ],
)
def test_finish_reasons_become_stop_reasons(changes, ending):
    choices = [{**chat_answer()["choices"][0], **changes}]
    answer = json.loads(
        to_gpt("compatible", stop_sequences=["END"]).read_answer(encode(chat_answer(choices=choices))).body
    )
    assert (answer["stop_reason"], answer["stop_sequence"]) == ending


def test_a_refusal_is_one_in_both():
    choices = [
        {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "I cannot."}, "finish_reason": "stop"}
    ]
    answer = json.loads(to_gpt().read_answer(encode(chat_answer(choices=choices))).body)
    assert (answer["stop_reason"], answer["content"]) == ("refusal", [{"type": "text", "text": "I cannot."}])


def broken_call(finish):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}
    return encode(
        chat_answer(
            choices=[
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "x", "tool_calls": [call]},
                    "finish_reason": finish,
                }
            ]
        )
    )


def test_a_call_without_arguments_that_can_be_read_is_garbled_unless_it_was_cut_off():
    with pytest.raises(ProviderGarbledAnswer) as failure:
        to_gpt().read_answer(broken_call("tool_calls"))
    assert failure.value.usage.output == 10
    answer = json.loads(to_gpt().read_answer(broken_call("length")).body)
    assert (answer["stop_reason"], answer["content"]) == ("max_tokens", [{"type": "text", "text": "x"}])
