"""What a call may use, before it is made: the bound that its hold rests on."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from ai_gateway.accounting import Tariff
from ai_gateway.calibration import raise_bound
from ai_gateway.estimating import estimate_input_tokens
from ai_gateway.operations import limits_of
from ai_gateway.providers.types import ProviderKind, ProviderRequest, Usage
from billing.costs import Cost

# A rough bound counts a token for each byte. What such a call costs if it is lost is guessed by the usual ratio.
_BYTES_PER_TOKEN = 4


class CallPlan(NamedTuple):
    """Upper bounds of one call, in provider tokens and in charged tokens.

    A hold between ``minimum_tokens`` and ``needed_tokens`` carries the call: with less than all of it, the output
    limit shrinks (``output_limit_within``), never below the operation's minimum. ``output_tokens`` and
    ``minimum_output_tokens`` are for each of ``answers``. With ``count_input`` the input is a rough bound that took no
    tokenizing, and the function returns the tight one. ``media_seconds`` is what is heard: a provider that counts no
    tokens of it is charged by the operation's rate.
    """

    input_tokens: int
    output_tokens: int
    minimum_output_tokens: int
    tariff: Tariff
    answers: int = 1
    count_input: Callable[[], int] | None = None
    media_seconds: Decimal | None = None

    @property
    def needed_tokens(self) -> int:
        """Charged tokens of the whole call at most."""
        return self._charge(self.output_tokens)

    @property
    def minimum_tokens(self) -> int:
        """Charged tokens below which the call is not worth making."""
        return self._charge(self.minimum_output_tokens)

    def _charge(self, output_tokens: int) -> int:
        counted = self.tariff.charge(self.input_tokens + output_tokens * self.answers)
        return counted if self.media_seconds is None else max(counted, self.tariff.charge_uncounted(self.media_seconds))

    def output_limit_within(self, held_tokens: int) -> int:
        """Return the output limit of each answer that ``held_tokens`` pay for."""
        return min(self.output_tokens, (self.tariff.affordable(held_tokens) - self.input_tokens) // self.answers)

    def counted(self) -> "CallPlan":
        """Return the plan with the tight bound of the input."""
        return self if self.count_input is None else self._replace(input_tokens=self.count_input(), count_input=None)

    def raised(self, factor: Decimal) -> "CallPlan":
        """Return the plan with the bounds of its input raised, as calls of the model have shown to be needed."""
        if factor == 1:
            return self
        count = self.count_input
        counted = None if count is None else lambda: raise_bound(count(), factor)
        return self._replace(input_tokens=raise_bound(self.input_tokens, factor), count_input=counted)

    @property
    def estimate(self) -> Cost:
        """The platform's cost of an attempt whose outcome stays unknown, if the model is priced: at most, or nearly."""
        input_tokens = self.input_tokens if self.count_input is None else -(-self.input_tokens // _BYTES_PER_TOKEN)
        highest = Usage(input_uncached=input_tokens, output=self.output_tokens * self.answers)
        return self.tariff.cost_at_most(highest, media_seconds=self.media_seconds)


def plan_call(operation: str, request: ProviderRequest, kind: ProviderKind, tariff: Tariff) -> CallPlan:
    """Bound what ``request`` can use at a provider of that kind."""
    limits = limits_of(operation)
    return CallPlan(
        input_tokens=estimate_input_tokens(request, kind),
        output_tokens=request.max_output_tokens,
        minimum_output_tokens=min(limits.minimum_output_tokens, request.max_output_tokens),
        tariff=tariff,
    )
