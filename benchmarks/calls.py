"""The call that is measured: its hold, its usage and its answer, as the gateway sends them for a step of hiring."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from tokens.services.holds import AttemptUsage, Attribution, Closing, HoldRequest, close_hold, place_hold

_NIL = UUID(int=0)
_ATTRIBUTION = Attribution(application_id=UUID(int=1), job_id=UUID(int=2), step_id=UUID(int=3))
ANSWER = {
    "answer": {
        "text": '{"score": 71, "reasons": ["Nine years of Python", "Led a team of four"]}',
        "finish_reason": "stop",
        "provider": "openai",
        "model": "gpt-6-luna",
        "charged_tokens": 1500,
    }
}


def hold_request(company_id: int, key: str) -> HoldRequest:
    """Ask for what a call may use."""
    return HoldRequest(
        company_id=company_id,
        operation="scoring",
        needed_tokens=3000,
        minimum_tokens=3000,
        lease_seconds=120,
        provider="openai",
        model="gpt-6-luna",
        attribution=_ATTRIBUTION,
        estimated_cost_usd=Decimal("0.0042"),
        key=key,
        request_hash=bytes(32),
    )


# What the call used is the provider's word and the price list's: no part of what is measured.
USAGE = AttemptUsage(
    attempt_number=1,
    status="succeeded",
    usage_source="provider",
    charged_tokens=1500,
    input_tokens=1200,
    output_tokens=300,
    input_uncached_tokens=700,
    cache_read_tokens=500,
    response_model="gpt-6-luna-2026-10-01",
    service_tier="default",
    provider_request_id="req_0123456789abcdef",
    prompt_version="scoring-3",
    finish_reason="stop",
    duration_ms=1234,
    price_version_id=_NIL,
    price_kind="listed",
    provider_cost_usd=Decimal("0.0021"),
    margin_percent=Decimal(20),
    sale_value_usd=Decimal("0.00252"),
    succeeded=True,
)


def closing(hold_id: UUID) -> Closing:
    """Settle the call."""
    return Closing.settling(hold_id, [USAGE], ANSWER)


def hold_parameters(company_id: int, key: str) -> dict[str, Any]:
    """Return what the statement of a hold is given."""
    return hold_request(company_id, key).as_parameters()


def pair(company_id: int) -> None:
    """Hold and settle, on the path that the product takes."""
    placed = place_hold(hold_request(company_id, f"step/{uuid4()}/0"))
    close_hold(closing(placed.hold_id))
