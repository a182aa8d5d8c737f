"""Responses and embeddings through the real openai SDK."""

import math
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from ai_gateway.sandbox.tokens_count import count_tokens


class Colour(BaseModel):
    name: str


def test_a_response_has_text_and_counted_usage(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model="m", instructions="Be kind.", input="Hello sandbox", store=False)
    assert isinstance(response, Response)
    assert response.output_text.endswith("Your message has 4 words.")
    assert (response.status, response.model, response.error) == ("completed", "m", None)
    usage = response.usage
    assert usage is not None
    assert usage.input_tokens == 3 + 2 * 4 + count_tokens("Be kind.") + count_tokens("Hello sandbox")
    assert usage.output_tokens == count_tokens(response.output_text)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (0, 0)


def test_a_response_stops_at_the_output_limit(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model="m", input="Hello", max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None
    assert response.usage.output_tokens == 5


def test_structured_output_is_parsed(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.parse(model="m", input="Hello", text_format=Colour)
    assert response.output_parsed == Colour(name="")


def test_a_response_streams_to_the_same_text_and_usage(openai_client: openai.OpenAI) -> None:
    whole = openai_client.responses.create(model="m", input="Hello")
    events = list(openai_client.responses.create(model="m", input="Hello", stream=True))
    assert [event.type for event in events[:4]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    last = events[-1]
    assert last.type == "response.completed"
    assert (last.response.output_text, last.response.usage) == (whole.output_text, whole.usage)
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_sdks_stream_helper_understands_it(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="m", input="Hello", text_format=Colour) as stream:
        stream.until_done()
        assert stream.get_final_response().output_parsed == Colour(name="")


@pytest.mark.parametrize(
    ("body", "param"),
    [({"previous_response_id": "resp_1"}, "previous_response_id"), ({"background": True}, "background")],
)
def test_what_needs_a_memory_is_refused(openai_client: openai.OpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.responses.create(model="m", input="Hello", **body)
    assert caught.value.param == param


def test_vectors_depend_on_the_text_alone_and_have_length_one(openai_client: openai.OpenAI) -> None:
    first, second, again = (
        openai_client.embeddings.create(model="m", input=["ledger", "hold", "ledger"], dimensions=8)
        .data[index]
        .embedding
        for index in range(3)
    )
    assert first == again != second
    assert len(first) == 8
    assert math.isclose(math.hypot(*first), 1, rel_tol=1e-6)


def test_embeddings_as_floats_are_those_in_base64(openai_client: openai.OpenAI) -> None:
    packed = openai_client.embeddings.create(model="m", input="ledger")
    plain = openai_client.embeddings.create(model="m", input="ledger", encoding_format="float")
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, rel=1e-6)
    assert len(packed.data[0].embedding) == 1536
    assert packed.usage.prompt_tokens == packed.usage.total_tokens == count_tokens("ledger")


def test_tokens_may_be_embedded_too(openai_client: openai.OpenAI) -> None:
    assert openai_client.embeddings.create(model="m", input=[[1, 2, 3], [4]]).usage.prompt_tokens == 4
    assert openai_client.embeddings.create(model="m", input=[1, 2, 3]).usage.prompt_tokens == 3


@pytest.mark.parametrize("given", ["", [], [""], ["a"] * 2049])
def test_embedding_nothing_or_too_much_is_refused(openai_client: openai.OpenAI, given: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.embeddings.create(model="m", input=given)
    assert caught.value.param == "input"
