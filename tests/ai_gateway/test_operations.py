"""What an operation may write and how long it may take, by default and by setting."""

import pytest

from ai_gateway.operations import OperationLimits, lease_seconds, limits_of, timeout_seconds


@pytest.mark.parametrize("operation", ["question_generation", "video_interview", "api"])
def test_every_operation_has_limits_of_its_own(operation):
    assert limits_of(operation) != limits_of("something else")


def test_a_setting_overrides_what_is_asked_for(settings):
    settings.AI_OUTPUT_TOKENS = {"scoring": 5_000}
    assert limits_of("scoring") == OperationLimits(5_000, 1_000)


def test_the_least_is_never_more_than_what_is_asked_for(settings):
    settings.AI_OUTPUT_TOKENS = {"scoring": 400}
    assert limits_of("scoring") == OperationLimits(400, 400)


def test_timeouts_are_those_of_the_operation_and_the_lease_follows(settings):
    settings.AI_CALL_TIMEOUT_SECONDS = 90
    settings.AI_TIMEOUT_SECONDS = {"api": 600}
    assert (timeout_seconds("api"), lease_seconds("api")) == (600, 660)
    assert (timeout_seconds("scoring"), lease_seconds("scoring")) == (90, 150)
