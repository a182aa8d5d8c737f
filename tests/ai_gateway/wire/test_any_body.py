"""Whatever somebody sends is asked or refused: no body breaks the gateway."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.wire.types import RequestRefused
from tests.ai_gateway.wire.factories import exchange

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "text", "user", "tool", "auto", "json_schema", "function"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "role",
                    "content",
                    "text",
                    "source",
                    "url",
                    "function",
                    "name",
                    "tool_calls",
                    "input",
                    "tools",
                    "data",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = [
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "output_config",
    "stop",
    "stop_sequences",
    "system",
    "thinking",
    "metadata",
    "stream_options",
    "reasoning_effort",
    "input",
    "instructions",
    "text",
    "service_tier",
    "modalities",
]


@given(
    format_name=st.sampled_from(["chat", "messages", "responses", "embeddings"]),
    kind=st.sampled_from(["openai", "anthropic", "compatible"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3),
    content=json_values,
)
@settings(max_examples=400)
def test_no_body_breaks_the_gateway(format_name, kind, changes, content):
    if format_name != "embeddings":
        changes = {
            "messages": [{"role": "user", "content": content}],
            "input": [{"role": "user", "content": content}],
            **changes,
        }
    try:
        of = exchange(format_name, kind, **changes)
        of.write_request("m", 5)
    except RequestRefused:
        return
    assert of.count_input_tokens() <= of.bound_input_tokens()
