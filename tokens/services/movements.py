"""What holds are moved by: each movement is one statement, and has one meaning whoever executes it, blocking or not."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import orjson

from tokens.errors import BudgetExceeded, CallInFlight, HoldEnded, InsufficientTokens, KeyInUse
from tokens.sql.calls import (
    CLOSE_HOLD,
    CLOSE_HOLDS,
    EXTEND_HOLD,
    PLACE_HOLD,
    PLACE_HOLDS,
    START_ATTEMPT,
)

Outcome = TypeVar("Outcome")
KeyOwner = Literal["platform", "company"]


class Movement(NamedTuple, Generic[Outcome]):
    """One statement of the ledger. ``read`` tells what its row means, and raises what the ledger refused.

    ``among_many`` does the same for many movements at once, of several companies: a statement that takes a JSON array
    of what the function returns for each. Its row for a movement begins with BUSY where that would have to wait for a
    company's turn, and nothing was done. With ``tells_durability`` the row's last column is IS_DURABLE; ``read`` gets
    the row without it.
    """

    sql: str
    parameters: Mapping[str, Any]
    read: Callable[[Sequence[Any]], Outcome]
    tells_durability: bool = True
    among_many: tuple[str, Callable[[], bytes]] | None = None


class Attribution(NamedTuple):
    """What a call was made for. Ids only."""

    application_id: UUID | None = None
    job_id: UUID | None = None
    user_id: int | None = None
    api_key_id: UUID | None = None
    step_id: UUID | None = None
    trace_id: UUID | None = None
    session_id: str | None = None
    feature: str = ""


class HoldRequest(NamedTuple):
    """What to reserve: between ``minimum_tokens`` and ``needed_tokens``, as the balance allows.

    ``key`` with ``request_hash`` (SHA-256 of the request) makes the call idempotent. ``estimated_cost_usd`` is the
    platform's cost should the first attempt's outcome stay unknown, None when the model is not priced;
    ``estimated_price_kind`` is where that is from.

    With ``key_owner`` "company" every attempt is made with the company's own key at the provider: budgets are held and
    count what is used, and neither balance nor debt is looked at or moved.
    """

    company_id: int
    operation: str
    needed_tokens: int
    minimum_tokens: int
    lease_seconds: int
    provider: str
    model: str
    attribution: Attribution
    estimated_cost_usd: Decimal | None = None
    estimated_price_kind: str = "listed"
    key: str | None = None
    request_hash: bytes | None = None
    key_owner: KeyOwner = "platform"

    def as_parameters(self) -> dict[str, Any]:
        """Return what the ledger's statements are given, by the names of ``tokens_hold_request``."""
        parameters = {**self._asdict(), **self.attribution._asdict()}
        del parameters["attribution"]
        return parameters


class PlacedHold(NamedTuple):
    """A hold in place, or (``is_replay``) the settled hold that the key stands for."""

    hold_id: UUID
    held_tokens: int
    is_replay: bool


class AttemptUsage(NamedTuple):
    """What one attempt that reached its provider used and cost: the columns of its usage log.

    Who it was for, and whose key it was made with, is taken from the hold. Token counts are the provider's;
    ``charged_tokens`` is what the balance loses. On the company's own key it is what budgets count, the balance loses
    nothing, and the ledger writes the row at no cost whatever the price. ``price_kind`` is ``unpriced`` exactly when
    ``provider_cost_usd`` is None.
    """

    attempt_number: int
    status: Literal["succeeded", "refused", "failed", "unknown"]
    usage_source: Literal["provider", "counted", "estimated", "none"]
    charged_tokens: int = 0
    weight: Decimal = Decimal(1)
    weight_version_id: UUID | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    input_uncached_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_short_tokens: int = 0
    cache_write_long_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_reasoning_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    tool_requests: int = 0
    response_model: str = ""
    service_tier: str = ""
    provider_request_id: str = ""
    streamed: bool = False
    prompt_version: str = ""
    error_code: str = ""
    finish_reason: str = ""
    duration_ms: int | None = None
    price_version_id: UUID | None = None
    price_kind: Literal["listed", "override", "fallback", "free", "unpriced"] = "unpriced"
    provider_cost_usd: Decimal | None = None
    margin_percent: Decimal | None = None
    sale_value_usd: Decimal | None = None
    file_bytes: int | None = None
    item_count: int | None = None
    media_seconds: Decimal | None = None
    succeeded: bool | None = None


class Settlement(NamedTuple):
    """What a settled call took from the company, what found no balance, and what new calls can take now.

    ``available_tokens`` is None when the hold had ended before.
    """

    charged_tokens: int
    debt_tokens: int
    absorbed_tokens: int
    available_tokens: int | None = None


class Closing(NamedTuple):
    """The end of a hold, as the ledger's statement takes it; the same text is what the spool keeps on disk."""

    hold_id: UUID
    state: Literal["settled", "released"]
    logs: str
    answer: str | None
    answer_days: int

    @classmethod
    def settling(
        cls, hold_id: UUID, usages: Sequence[AttemptUsage], answer: Mapping[str, Any] | None, answer_days: int = 30
    ) -> "Closing":
        """Charge what was used and store the answer."""
        stored = None if answer is None else json.dumps(answer)
        return cls(hold_id=hold_id, state="settled", logs=_rows(usages), answer=stored, answer_days=answer_days)

    @classmethod
    def releasing(cls, hold_id: UUID, usages: Sequence[AttemptUsage] = ()) -> "Closing":
        """Give everything back; attempts that reached a provider are logged at zero."""
        return cls(hold_id=hold_id, state="released", logs=_rows(usages), answer=None, answer_days=0)

    def as_json(self) -> bytes:
        """Return it as one object; usage and answer are JSON already."""
        return (
            f'{{"hold_id": "{self.hold_id}", "state": "{self.state}", "logs": {self.logs}, '
            f'"answer": {self.answer or "null"}, "answer_days": {self.answer_days}}}'
        ).encode()


def placing(request: HoldRequest) -> Movement[PlacedHold]:
    """Reserve tokens and write the first attempt."""

    def read(row: Sequence[Any]) -> PlacedHold:
        outcome, hold_id, held, available, debt, budget_id = row
        if outcome == "insufficient":
            raise InsufficientTokens(available, request.minimum_tokens, debt)
        if outcome == "over_budget":
            raise BudgetExceeded(budget_id, available, request.minimum_tokens)
        if outcome == "key_conflict":
            raise KeyInUse(request.key or "")
        if outcome == "in_flight":
            raise CallInFlight(hold_id)
        return PlacedHold(hold_id, held, is_replay=outcome == "replayed")

    parameters = request.as_parameters()

    def as_json() -> bytes:
        return orjson.dumps({name: value for name, value in parameters.items() if value is not None}, default=_as_text)

    return Movement(PLACE_HOLD, parameters, read, among_many=(PLACE_HOLDS, as_json))


def starting_attempt(
    *,
    hold_id: UUID,
    provider: str,
    model: str,
    estimated_cost_usd: Decimal | None,
    estimated_price_kind: str = "listed",
    lease_seconds: int,
) -> Movement[int]:
    """Write the next attempt and renew the lease. Makes the attempt's number."""

    def read(row: Sequence[Any]) -> int:
        (number,) = row
        if number is None:
            raise HoldEnded(hold_id, "ended")
        return int(number)

    parameters = {
        "hold_id": hold_id,
        "provider": provider,
        "model": model,
        "estimated_cost_usd": estimated_cost_usd,
        "estimated_price_kind": estimated_price_kind,
        "lease_seconds": lease_seconds,
    }
    return Movement(START_ATTEMPT, parameters, read, tells_durability=False)


def extending(*, hold_id: UUID, more_tokens: int, lease_seconds: int) -> Movement[bool]:
    """Renew the lease and reserve more tokens. Tells whether they were reserved."""

    def read(row: Sequence[Any]) -> bool:
        outcome, _held = row
        if outcome == "ended":
            raise HoldEnded(hold_id, "ended")
        return bool(outcome == "extended")

    parameters = {"hold_id": hold_id, "more_tokens": more_tokens, "lease_seconds": lease_seconds}
    return Movement(EXTEND_HOLD, parameters, read)


def closing_hold(closing: Closing) -> Movement[Settlement]:
    """End a hold."""

    def read(row: Sequence[Any]) -> Settlement:
        outcome, *amounts = row
        if outcome not in {"closed", closing.state}:
            raise HoldEnded(closing.hold_id, outcome)
        return Settlement(*amounts)

    return Movement(CLOSE_HOLD, closing._asdict(), read, among_many=(CLOSE_HOLDS, closing.as_json))


_DEFAULTS = tuple(AttemptUsage._field_defaults.get(name) for name in AttemptUsage._fields)


def _rows(usages: Sequence[AttemptUsage]) -> str:
    """Write down what differs from the defaults, which are the usage log's, too."""
    rows = [
        {name: value for name, value, default in zip(usage._fields, usage, _DEFAULTS, strict=True) if value != default}
        for usage in usages
    ]
    try:
        return orjson.dumps(rows, default=str).decode()
    except TypeError:  # a count that no column holds: the ledger refuses it, and the spool keeps it
        return json.dumps(rows, default=str)


def _as_text(value: object) -> str:
    """Return what JSON does not know as PostgreSQL reads it."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
