from copy import deepcopy

import pytest

from ai_gateway.wire.asked import read_asked, read_counted
from ai_gateway.wire.inputs import read_input
from ai_gateway.wire.same_format import MeteredRequest
from ai_gateway.wire.types import Asked, RequestRefused
from tests.ai_gateway.wire.factories import PIXEL, body

FORMATS = ["chat", "responses", "messages", "embeddings"]


def refusal(format_name, given) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        read_asked(format_name, given)
    return refused.value


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def test_a_chat_is_read():
    given = body(
        "chat", stream=True, n=3, max_tokens=70, stream_options={"include_usage": True}, metadata={"trace_id": "t"}
    )
    assert read_asked("chat", given) == Asked(
        format="chat",
        model="gpt-5",
        body=given,
        stream=True,
        output_limit=70,
        choices=3,
        wants_usage=True,
        metadata={"trace_id": "t"},
    )


@pytest.mark.parametrize(
    ("format_name", "changes", "limit"),
    [
        ("chat", {}, None),
        ("chat", {"max_completion_tokens": 9, "max_tokens": 8}, 8),
        ("chat", {"max_completion_tokens": None, "max_tokens": 8}, 8),
        ("responses", {}, None),
        ("responses", {"max_output_tokens": 7}, 7),
        ("messages", {}, 50),
        ("embeddings", {}, 0),
    ],
)
def test_the_callers_limit_is_read(format_name, changes, limit):
    assert read_asked(format_name, body(format_name, **changes)).output_limit == limit


def test_what_is_counted_needs_no_limit():
    given = body("messages", max_tokens=None)
    assert read_counted(given).model == "claude-opus-5-5"
    assert refusal("messages", given).message == "max_tokens: Field required"


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": None}, "missing_required_parameter"),
        ({"model": 5}, "invalid_type"),
        ({"model": " "}, "invalid_value"),
        ({"stream": "yes"}, "invalid_type"),
        ({"metadata": {"a": 5}}, "invalid_type"),
        ({"metadata": "a"}, "invalid_type"),
        ({"tools": ["a"]}, "invalid_type"),
        ({"store": True}, "not_on_shared_account"),
        ({"background": True}, "not_on_shared_account"),
        ({"service_tier": "scale"}, "service_tier_not_available"),
        ({"service_tier": "fast"}, "service_tier_not_available"),
    ],
)
def test_every_format_refuses(format_name, changes, code):
    refused = refusal(format_name, body(format_name, **changes))
    assert (refused.code, refused.status) == (code, 400)
    assert refused.param is not None
    assert refused.param.startswith(next(iter(changes)))


def test_the_wording_is_the_providers():
    assert refusal("chat", {"messages": []}).message == "Missing required parameter: 'model'."
    assert refusal("messages", {"messages": []}).message == "model: Field required"
    assert refusal("chat", body("chat", n=9)).message == "'n' must be at most 8."


@pytest.mark.parametrize(
    ("format_name", "changes", "code", "param"),
    [
        ("chat", {"messages": []}, "empty_array", "messages"),
        ("chat", {"messages": ["hi"]}, "invalid_type", "messages[0]"),
        ("chat", {"messages": [{"content": "hi"}]}, "missing_required_parameter", "role"),
        ("chat", {"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ("chat", {"max_tokens": True}, "invalid_type", "max_tokens"),
        ("chat", {"n": 0}, "integer_below_min_value", "n"),
        ("chat", {"web_search_options": {"search_context_size": "low"}}, "tool_not_metered", "web_search_options"),
        ("chat", {"modalities": ["text", "audio"]}, "audio_not_available", "modalities"),
        (
            "chat",
            {"messages": [{"role": "assistant", "audio": {"id": "a"}}]},
            "not_on_shared_account",
            "messages.audio.id",
        ),
        ("responses", {"input": None}, "missing_required_parameter", "input"),
        ("responses", {"input": 5}, "invalid_type", "input"),
        ("responses", {"previous_response_id": "resp_1"}, "not_on_shared_account", "previous_response_id"),
        ("responses", {"conversation": {"id": "c"}}, "not_on_shared_account", "conversation"),
        ("responses", {"prompt": {"id": "p"}}, "not_on_shared_account", "prompt"),
        ("responses", {"context_management": [{"type": "compaction"}]}, "tool_not_metered", "context_management"),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, "not_on_shared_account", "input.id"),
        ("messages", {"container": "c"}, "not_on_shared_account", "container"),
        ("messages", {"mcp_servers": [{"url": "u"}]}, "tool_not_metered", "mcp_servers"),
        ("messages", {"speed": "fast"}, "service_tier_not_available", "speed"),
        ("messages", {"inference_geo": "us"}, "service_tier_not_available", "inference_geo"),
        ("messages", {"max_tokens": 0}, "integer_below_min_value", "max_tokens"),
        ("embeddings", {"input": []}, "invalid_value", "input"),
        ("embeddings", {"input": ["a", ""]}, "invalid_value", "input"),
        ("embeddings", {"input": ["a", 1]}, "invalid_type", "input"),
        ("embeddings", {"input": ["a"] * 2049}, "array_above_max_length", "input"),
    ],
)
def test_a_format_refuses(format_name, changes, code, param):
    refused = refusal(format_name, body(format_name, **changes))
    assert (refused.code, refused.param) == (code, param)


@pytest.mark.parametrize(
    "kind",
    [
        "web_search",
        "web_search_preview",
        "file_search",
        "code_interpreter",
        "image_generation",
        "mcp",
        "computer",
        "shell",
        "tool_search",
        None,
    ],
)
def test_hosted_tools_of_openai_are_refused(kind):
    tools = [{"type": "function", "name": "f", "parameters": {}}, {"type": kind}]
    assert refusal("responses", body("responses", tools=tools)).code == "tool_not_metered"
    assert (
        refusal("responses", body("responses", tools=[{"type": "namespace", "name": "n", "tools": tools}])).param
        == "tools"
    )


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_20250305",
        "web_fetch_20260309",
        "code_execution_20260521",
        "computer_toolset_20260801",
        "browser_toolset_20260801",
        "tool_search_tool_bm25_20251119",
        "mcp_toolset",
    ],
)
def test_hosted_tools_of_anthropic_are_refused(kind):
    assert refusal("messages", body("messages", tools=[{"type": kind, "name": "t"}])).code == "tool_not_metered"


@pytest.mark.parametrize(
    ("format_name", "tool"),
    [
        ("chat", {"type": "function", "function": {"name": "f"}}),
        ("responses", {"type": "custom", "name": "f"}),
        ("responses", {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}),
        ("messages", {"name": "f", "input_schema": {"type": "object"}}),
        ("messages", {"type": "text_editor_20250728", "name": "e"}),
    ],
)
def test_tools_that_the_caller_runs_are_taken(format_name, tool):
    assert read_asked(format_name, body(format_name, tools=[tool])).body["tools"] == [tool]


IMAGES_BY_URL = [
    ("chat", body("chat", messages=user({"type": "image_url", "image_url": {"url": "https://x/cat.png"}}))),
    ("responses", body("responses", input=user({"type": "input_image", "image_url": "https://x/cat.png"}))),
    (
        "responses",
        body(
            "responses",
            input=[
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": "https://x/cat.png"}],
                }
            ],
        ),
    ),
    (
        "messages",
        body("messages", messages=user({"type": "image", "source": {"type": "url", "url": "https://x/cat.png"}})),
    ),
    (
        "messages",
        body(
            "messages",
            messages=user(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "image", "source": {"type": "url", "url": "https://x/cat.png"}}],
                }
            ),
        ),
    ),
]


@pytest.mark.parametrize(("format_name", "given"), IMAGES_BY_URL)
def test_images_by_address_are_named_and_counted_only_once_they_are_put_in(format_name, given):
    asked = read_asked(format_name, deepcopy(given))
    assert [place.url for place in asked.image_urls] == ["https://x/cat.png"]
    with pytest.raises(ValueError, match="fetch it first"):
        MeteredRequest(asked, "openai", "gpt-4o").bound_input_tokens()

    for place in asked.image_urls:
        place.put("image/png", PIXEL)

    itself = read_asked(format_name, asked.body)
    assert list(itself.image_urls) == []
    assert "https" not in str(asked.body)
    found = read_input(format_name, asked.body)
    assert [image.data for image in found.images] == [PIXEL]
    assert MeteredRequest(asked, "openai", "gpt-4o").bound_input_tokens() == found.bound("gpt-4o", "openai")


@pytest.mark.parametrize(
    ("format_name", "given", "code"),
    [
        ("chat", body("chat", messages=user({"type": "file", "file": {"file_id": "f"}})), "not_on_shared_account"),
        (
            "chat",
            body(
                "chat", messages=user({"type": "file", "file": {"file_data": "data:application/zip;base64,UEsDBA=="}})
            ),
            "file_type_not_allowed",
        ),
        ("chat", body("chat", messages=user({"type": "image_url", "image_url": {}})), "file_type_not_allowed"),
        ("responses", body("responses", input=user({"type": "input_image", "file_id": "f"})), "not_on_shared_account"),
        (
            "responses",
            body("responses", input=user({"type": "input_file", "file_url": "https://x/a.pdf"})),
            "file_url_not_allowed",
        ),
        (
            "messages",
            body("messages", messages=user({"type": "document", "source": {"type": "file", "file_id": "f"}})),
            "not_on_shared_account",
        ),
        (
            "messages",
            body("messages", messages=user({"type": "document", "source": {"type": "url", "url": "https://x"}})),
            "file_url_not_allowed",
        ),
        (
            "messages",
            body("messages", messages=user({"type": "container_upload", "file_id": "f"})),
            "not_on_shared_account",
        ),
    ],
)
def test_data_that_is_not_sent_is_refused(format_name, given, code):
    assert refusal(format_name, given).code == code


@pytest.mark.parametrize(
    ("format_name", "given"),
    [
        (
            "chat",
            body("chat", messages=user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}})),
        ),
        (
            "chat",
            body(
                "chat",
                messages=user({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjc="}}),
            ),
        ),
        (
            "responses",
            body("responses", input=user({"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"})),
        ),
        (
            "messages",
            body(
                "messages",
                messages=user(
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
                ),
            ),
        ),
        (
            "messages",
            body(
                "messages",
                messages=user(
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "CV"}}
                ),
            ),
        ),
        (
            "messages",
            body(
                "messages",
                messages=[
                    {
                        "role": "assistant",
                        "content": [
                            {
                                "type": "tool_use",
                                "id": "t",
                                "name": "f",
                                "input": {"file_id": "f", "image_url": "https://x"},
                            }
                        ],
                    }
                ],
            ),
        ),
        ("chat", body("chat", store=False, service_tier="flex", something_new={"a": 1})),
        ("embeddings", body("embeddings", input=[[1, 2], [3]])),
    ],
)
def test_what_is_whole_is_taken(format_name, given):
    assert read_asked(format_name, given).body is given
