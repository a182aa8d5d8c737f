"""Translated streams as the real SDKs put them together."""

import anthropic
import httpx2
import openai

from tests.ai_gateway.wire.factories import CHAT_USAGE, DONE, body, chunk, data, exchange, message_answer, named, piece


def client_for(stream: bytes) -> httpx2.Client:
    def answer(request):
        return httpx2.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def translated(format_name, kind, stream: bytes, **changes) -> bytes:
    reader = exchange(format_name, kind, stream=True, **changes).open_stream()
    return reader.feed(stream) + reader.finish()


def test_the_anthropic_sdk_puts_a_gpt_answer_together():
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": '}}
    more = {"index": 0, "function": {"arguments": '"Graz"}'}}
    chunks = [
        chunk([piece("Let me ", role="assistant")]),
        chunk([piece("see.")]),
        chunk([piece("", tool_calls=[call])]),
        chunk([piece("", tool_calls=[more])]),
        chunk([piece("", finish="tool_calls")]),
        chunk([], usage=CHAT_USAGE),
    ]
    stream = translated("messages", "openai", data(*chunks) + DONE, model="gpt-5")
    client = anthropic.Anthropic(api_key="k", max_retries=0, http_client=client_for(stream))
    with client.messages.stream(**body("messages")) as running:
        message = running.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[0].text == "Let me see."
    assert (message.content[1].id, message.content[1].name, message.content[1].input) == (
        "call_1",
        "weather",
        {"city": "Graz"},
    )
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (
        13,
        4,
        10,
    )


def test_the_openai_sdk_puts_a_claude_answer_together():
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    stream = named(
        {"type": "message_start", "message": message_answer(content=[], stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me see."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": use},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"city": "Graz"}'},
        },
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    )
    options = {"include_usage": True}
    passed = translated("chat", "anthropic", stream, model="claude-opus-5-5", stream_options=options)
    client = openai.OpenAI(api_key="k", max_retries=0, http_client=client_for(passed))
    with client.chat.completions.stream(**body("chat"), stream_options=options) as running:
        completion = running.get_final_completion()
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Let me see.", "tool_calls")
    call = choice.message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("toolu_1", "weather", '{"city": "Graz"}')
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (21, 9)
    assert completion.usage.prompt_tokens_details.cached_tokens == 3
