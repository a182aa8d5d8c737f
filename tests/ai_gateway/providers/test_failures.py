from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from ai_gateway.providers.errors import (
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.providers.failures import classify_response, classify_transport, read_retry_after, redact

KEY = "sk-proj-abcDEF123456"


def classify(status, body=None, headers=None):
    return classify_response(provider="openai", status=status, headers=headers or {}, body=body, api_key=KEY)


def openai_error(code=None, type_="invalid_request_error", message="No."):
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


def anthropic_error(type_, message="No.", error_code=None):
    details = {"error_code": error_code} if error_code else None
    return {"type": "error", "error": {"type": type_, "message": message, "details": details}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "error_class", "delivery"),
    [
        (400, openai_error("context_length_exceeded"), ProviderRejectedRequest, "refused"),
        (401, openai_error("invalid_api_key"), ProviderKeyRejected, "refused"),
        (403, openai_error("unsupported_country_region_territory"), ProviderKeyRejected, "refused"),
        (404, openai_error("model_not_found"), ProviderRejectedRequest, "refused"),
        (413, anthropic_error("invalid_request_error"), ProviderRejectedRequest, "refused"),
        (422, {"detail": [{"type": "extra_forbidden"}]}, ProviderRejectedRequest, "refused"),
        (307, None, ProviderRejectedRequest, "refused"),
        (429, openai_error("rate_limit_exceeded", "requests"), ProviderRateLimited, "refused"),
        (429, None, ProviderRateLimited, "refused"),
        (429, openai_error("insufficient_quota", "insufficient_quota"), ProviderQuotaSpent, "refused"),
        (429, openai_error("credit_balance_exhausted", "insufficient_quota"), ProviderQuotaSpent, "refused"),
        (429, openai_error("project_spend_limit_exceeded", "insufficient_quota"), ProviderQuotaSpent, "refused"),
        (429, anthropic_error("rate_limit_error"), ProviderRateLimited, "refused"),
        (429, anthropic_error("rate_limit_error", error_code="ramp_limit_exceeded"), ProviderRateLimited, "refused"),
        (
            429,
            anthropic_error("rate_limit_error", error_code="enforced_spend_limit_reached"),
            ProviderQuotaSpent,
            "refused",
        ),
        (402, anthropic_error("billing_error"), ProviderQuotaSpent, "refused"),
        (
            400,
            anthropic_error("invalid_request_error", "Your credit balance is too low to access the API."),
            ProviderQuotaSpent,
            "refused",
        ),
        (409, openai_error(), ProviderUnavailable, "refused"),
        (408, None, ProviderTimeout, "unknown"),
        (500, openai_error(type_="server_error"), ProviderUnavailable, "unknown"),
        (502, "<html>Bad gateway</html>", ProviderUnavailable, "unknown"),
        (503, openai_error("slow_down", "server_error"), ProviderOverloaded, "refused"),
        (503, "upstream connect error or disconnect/reset before headers", ProviderUnavailable, "unknown"),
        (504, anthropic_error("timeout_error"), ProviderTimeout, "unknown"),
        (529, anthropic_error("overloaded_error"), ProviderOverloaded, "refused"),
        (200, anthropic_error("overloaded_error"), ProviderOverloaded, "unknown"),
        (200, anthropic_error("api_error"), ProviderUnavailable, "unknown"),
    ],
)
def test_what_a_response_means(status, body, error_class, delivery):
    error = classify(status, body)
    assert (type(error), error.delivery) == (error_class, delivery)


def test_an_sdk_that_unwraps_the_error_object_is_read_alike():
    assert type(classify(429, openai_error("insufficient_quota")["error"])) is ProviderQuotaSpent


@pytest.mark.parametrize(
    "body", [None, "", [], {"error": None}, {"error": "busy"}, {"error": {"code": 429, "type": 7}}]
)
def test_a_body_of_any_shape_is_read(body):
    assert type(classify(500, body)) is ProviderUnavailable


def test_the_message_names_provider_status_and_code_and_nothing_else():
    error = classify(400, openai_error("context_length_exceeded", message="Your prompt 'Jane Doe, CV' is too long"))
    assert str(error) == "openai rejected the request (400 context_length_exceeded)."
    assert error.detail == "Your prompt 'Jane Doe, CV' is too long"


def test_a_code_that_is_prose_is_not_repeated():
    assert (
        str(classify(400, openai_error("a code: with <b>text</b>", type_="x y")))
        == "openai rejected the request (400)."
    )


def test_neither_message_nor_detail_holds_the_key():
    error = classify(
        401, openai_error(KEY, message=f"Incorrect API key: {KEY}, or sk-ant-api03-xyz***789. Bearer {KEY}")
    )
    assert error.detail == "Incorrect API key: [key], or [key] [key]"
    assert KEY not in str(error)


def test_the_detail_is_short():
    assert len(classify(400, openai_error(message="x" * 10_000)).detail) == 500


def test_redacting_without_a_key_leaves_the_text():
    assert redact("no secret here", "") == "no secret here"


def test_the_request_id_and_the_wait_are_kept():
    headers = httpx2.Headers({"X-Request-Id": "req_7", "Retry-After": "12"})
    error = classify(429, openai_error("rate_limit_exceeded"), headers)
    assert (error.provider_request_id, error.retry_after_seconds, error.retryable) == ("req_7", 12.0, True)


def test_a_provider_can_forbid_the_retry():
    assert not classify(503, openai_error(), {"x-should-retry": "false"}).retryable
    assert classify(503, openai_error(), {"x-should-retry": "true"}).retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert read_retry_after(headers) == seconds


def test_a_date_to_wait_for_is_turned_into_seconds():
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < read_retry_after({"retry-after": until}) <= 90


@pytest.mark.parametrize(
    ("cause", "error_class", "delivery", "retryable"),
    [
        (httpx2.ConnectError("refused"), ProviderUnavailable, "not_sent", True),
        (httpx2.ConnectTimeout("slow"), ProviderUnavailable, "not_sent", True),
        (httpx2.PoolTimeout("busy"), ProviderUnavailable, "not_sent", True),
        (httpx2.ProxyError("403"), ProviderUnavailable, "not_sent", True),
        (httpx2.UnsupportedProtocol("ftp"), ProviderRejectedRequest, "not_sent", False),
        (httpx2.LocalProtocolError("header"), ProviderRejectedRequest, "not_sent", False),
        (httpx2.ReadTimeout("slow"), ProviderTimeout, "unknown", True),
        (httpx2.WriteTimeout("slow"), ProviderTimeout, "unknown", True),
        (httpx2.ReadError("reset"), ProviderUnavailable, "unknown", True),
        (httpx2.RemoteProtocolError("cut"), ProviderUnavailable, "unknown", True),
        (httpx2.DecodingError("gzip"), ProviderGarbledAnswer, "unknown", True),
        (None, ProviderUnavailable, "unknown", True),
    ],
)
def test_what_a_broken_exchange_means(cause, error_class, delivery, retryable):
    error = classify_transport(provider="openai", cause=cause)
    assert (type(error), error.delivery, error.retryable) == (error_class, delivery, retryable)
