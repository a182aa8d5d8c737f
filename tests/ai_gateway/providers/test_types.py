import pytest

from ai_gateway.providers.types import Message, ProviderRequest, Usage


def make_request(**changes: object) -> ProviderRequest:
    facts = {"model": "m", "user": "Hello", "max_output_tokens": 10, "timeout_seconds": 5.0, "call_id": "c"}
    return ProviderRequest(**{**facts, **changes})  # type: ignore[arg-type]


def test_input_is_the_sum_of_its_classes_and_output_stands_alone():
    usage = Usage(
        input_uncached=1, cache_read=20, cache_write_short=300, cache_write_long=4000, output=50_000, output_reasoning=7
    )
    assert (usage.input_tokens, usage.output_tokens, usage.provider_tokens) == (4321, 50_000, 54_321)


@pytest.mark.parametrize(
    "numbers",
    [
        {"input_uncached": -1},
        {"input_uncached": 5, "input_audio": 3, "input_image": 3},
        {"output": 5, "output_reasoning": 6},
        {"output": 5, "output_audio": 3, "output_image": 3},
    ],
)
def test_impossible_usage_cannot_be_built(numbers):
    with pytest.raises(ValueError, match="usage|parts"):
        Usage(**numbers)


def test_messages_are_system_then_user():
    request = make_request(system="Be brief.")
    assert request.messages == (Message("system", "Be brief."), Message("user", "Hello"))


def test_an_empty_system_text_is_not_sent():
    assert make_request().messages == (Message("user", "Hello"),)


@pytest.mark.parametrize("limits", [{"max_output_tokens": 0}, {"timeout_seconds": 0}])
def test_a_request_without_limits_cannot_be_built(limits):
    with pytest.raises(ValueError, match="must be positive"):
        make_request(**limits)
