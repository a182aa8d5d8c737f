"""What each kind of fault does to an answer."""

from dataclasses import replace

from ai_gateway.sandbox.answering import Answer
from ai_gateway.sandbox.fault_kinds import FaultKind
from ai_gateway.sandbox.faults import Fault
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.call import Usage
from ai_gateway.sandbox.wire.errors import ApiError, ErrorKind

GARBAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
DISTURBS_STREAM: frozenset[FaultKind] = frozenset({"stream_cut", "error_event", "hang"})
_BROKEN_ANSWER = '{"sandbox_fault": "bad_json_answer"}'
_KIND_OF_STATUS: dict[int, ErrorKind] = {400: "invalid", 401: "authentication", 404: "not_found", 413: "too_large"}


def find_refusal(fault: Fault, *, streams: bool) -> ApiError | None:
    """Return the error that a fault answers with instead of an answer, or None."""
    if fault.kind == "status":
        return _error(fault, _kind_of(fault.status), f"The sandbox was told to answer {fault.status}.", fault.status)
    if fault.kind == "rate_limit":
        retry_after = 1.0 if fault.retry_after is None else fault.retry_after
        return _error(replace(fault, retry_after=retry_after), "rate_limit", "Rate limit reached. Please try again.")
    if fault.kind == "quota":
        return _error(fault, "quota", "You exceeded your current quota, please check your plan and billing details.")
    if fault.kind == "overloaded" or (fault.kind == "error_event" and not streams):
        return find_stream_error(fault)
    return None


def find_stream_error(fault: Fault) -> ApiError:
    """Return the error that breaks a stream, or that says that the provider is overloaded."""
    return _error(fault, "overloaded", "Overloaded")


def disturb_answer(fault: Fault | None, answer: Answer) -> Answer:
    """Return the answer as a fault leaves it."""
    if fault is None:
        return answer
    if fault.kind == "bad_json_answer":
        return replace(answer, text=_BROKEN_ANSWER, tokens=count_tokens(_BROKEN_ANSWER), finish="stop")
    if fault.kind == "truncated_answer":
        half = answer.text[: len(answer.text) // 2]
        return replace(answer, text=half, tokens=count_tokens(half), finish="length")
    if fault.kind == "empty_answer":
        return Answer("", 0, "stop")
    return answer


def disturb_usage(fault: Fault | None, usage: Usage) -> Usage | None:
    """Return the usage that a fault reports, None if it reports none."""
    if fault is None:
        return usage
    if fault.kind == "no_usage":
        return None
    if fault.kind == "zero_usage":
        return Usage(0, 0)
    if fault.kind == "extra_usage":
        return Usage(
            input=usage.input + fault.input_tokens,
            output=usage.output + fault.output_tokens,
            cached=fault.cached_tokens,
            reasoning=fault.reasoning_tokens,
        )
    return usage


def _kind_of(status: int) -> ErrorKind:
    if status == 429:
        return "rate_limit"
    return _KIND_OF_STATUS.get(status, "server" if status >= 500 else "invalid")


def _error(fault: Fault, kind: ErrorKind, message: str, status: int | None = None) -> ApiError:
    return ApiError(
        kind,
        fault.message or message,
        status=status,
        type=fault.type,
        code=fault.code,
        retry_after=fault.retry_after,
    )
