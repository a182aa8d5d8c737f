import pickle

import pytest

from ai_gateway.errors import GatewayError
from ai_gateway.providers import errors
from ai_gateway.providers.types import Usage

ALL = [
    (errors.ProviderUnavailable, "provider_unavailable", True),
    (errors.ProviderTimeout, "provider_timeout", True),
    (errors.ProviderRateLimited, "provider_rate_limited", True),
    (errors.ProviderOverloaded, "provider_overloaded", True),
    (errors.ProviderQuotaSpent, "provider_quota_spent", False),
    (errors.ProviderKeyRejected, "provider_key_rejected", False),
    (errors.ProviderRejectedRequest, "provider_rejected_request", False),
    (errors.ProviderGarbledAnswer, "provider_garbled_answer", True),
]


@pytest.mark.parametrize(("error_class", "code", "retryable"), ALL)
def test_each_error_has_its_code_and_says_whether_to_try_again(error_class, code, retryable):
    error = error_class("It failed.", delivery="refused")
    assert (error.code, error.retryable, str(error)) == (code, retryable, "It failed.")
    assert isinstance(error, GatewayError)


def test_what_a_provider_says_about_retrying_wins():
    assert not errors.ProviderOverloaded("Full.", delivery="refused", retryable=False).retryable


def test_an_error_survives_the_way_between_processes():
    facts = {"delivery": "unknown", "retry_after_seconds": 2.5, "provider_request_id": "req_1", "detail": "why"}
    error = errors.ProviderGarbledAnswer("Garbled.", retryable=False, usage=Usage(output=3), **facts)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.ProviderGarbledAnswer
    assert vars(copy) == vars(error)
    assert str(copy) == "Garbled."
