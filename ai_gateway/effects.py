"""What a call's life deals in: the call as planned, the effects that its driver is asked for, and how it can end."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from ai_gateway.accounting import NO_QUANTITIES, Answered, Quantities
from ai_gateway.planning import CallPlan
from ai_gateway.providers.errors import ProviderError
from ai_gateway.routing import Route
from tokens.services.holds import Attribution, Closing, HoldRequest, Settlement
from tokens.services.movements import KeyOwner


@dataclass(frozen=True)
class Candidate:
    """One way to make a call: a model, what the call may use there, and the company's own key if that is used."""

    route: Route
    plan: CallPlan
    api_key: str | None = field(default=None, repr=False)


class PlannedCall(NamedTuple):
    """A call that may be made, in the order of ``candidates``: the next is for when the one before is of no use.

    All candidates are on the company's own keys, or none is. Only failures of the kinds in ``falls_back_on`` lead to
    the next one; a provider's refusal of the request never does. ``answer_days``: for how long the company wants its
    answer kept, None: as long as the settings say.
    """

    company_id: int
    operation: str
    attribution: Attribution
    candidates: Sequence[Candidate]
    key: str | None = None
    request_hash: bytes | None = None
    prompt_version: str = ""
    quantities: Quantities = NO_QUANTITIES
    streamed: bool = False
    falls_back_on: tuple[type[ProviderError], ...] = (ProviderError,)
    answer_days: int | None = None

    @property
    def key_owner(self) -> KeyOwner:
        """Whose keys the providers are called with."""
        return "platform" if self.candidates[0].api_key is None else "company"


class ProviderReply(Answered, Protocol):
    """A provider's answer, and what a repeat of the call is to be answered with."""

    def stored(self) -> Mapping[str, Any]:
        """Return the answer as JSON."""
        ...


class PlaceHold(NamedTuple):
    """Reserve tokens. Outcome: a ``PlacedHold``, or an error of ``tokens.services.holds.place_hold``."""

    request: HoldRequest


class Send(NamedTuple):
    """Make one request to a provider. Outcome: a ``ProviderReply``, or a ``ProviderError``."""

    hold_id: UUID
    number: int
    candidate: Candidate
    output_limit: int


class Pause(NamedTuple):
    """Wait before the next attempt."""

    seconds: float


class StartAttempt(NamedTuple):
    """Write an attempt before its request is sent. Outcome: its number, or ``HoldEnded``."""

    hold_id: UUID
    candidate: Candidate
    lease_seconds: int


class ExtendHold(NamedTuple):
    """Reserve more under the hold. Outcome: whether it was possible, or ``HoldEnded``."""

    hold_id: UUID
    more_tokens: int
    lease_seconds: int


class CloseHold(NamedTuple):
    """End the hold, cancelled or not. Outcome: a ``Settlement``, or None when that waits in the spool."""

    closing: Closing


Effect = PlaceHold | Send | Pause | StartAttempt | ExtendHold | CloseHold


class Settled(NamedTuple):
    """A call that was answered and paid. ``settlement`` is None while that waits in the spool."""

    hold_id: UUID
    candidate: Candidate
    reply: Any
    charged_tokens: int
    settlement: Settlement | None


class Replayed(NamedTuple):
    """A call that had been made under the same key: its answer is in the store."""

    hold_id: UUID


Life = Generator[Effect, Any, Settled | Replayed]


def advance(life: Life, outcome: Any, failure: BaseException | None) -> Effect | Settled | Replayed:
    """Let the life decide what is to be done next, or end. Raises what the life raises."""
    try:
        return life.send(outcome) if failure is None else life.throw(failure)
    except StopIteration as end:
        ended: Settled | Replayed = end.value
        return ended
