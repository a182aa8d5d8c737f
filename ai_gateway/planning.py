"""What a call may use, before it is made: the bound that its hold rests on."""

from dataclasses import dataclass

from ai_gateway.accounting import Tariff
from ai_gateway.estimating import estimate_input_tokens
from ai_gateway.operations import limits_of
from ai_gateway.providers.types import ProviderKind, ProviderRequest, Usage


@dataclass(frozen=True)
class CallPlan:
    """Upper bounds of one call, in provider tokens and in charged tokens.

    A hold between ``minimum_tokens`` and ``needed_tokens`` carries the call: with less than all of it, the output
    limit shrinks (``output_limit_within``), never below the operation's minimum.
    """

    input_tokens: int
    output_tokens: int
    minimum_output_tokens: int
    tariff: Tariff

    @property
    def needed_tokens(self) -> int:
        """Charged tokens of the whole call at most."""
        return self.tariff.charge(self.input_tokens + self.output_tokens)

    @property
    def minimum_tokens(self) -> int:
        """Charged tokens below which the call is not worth making."""
        return self.tariff.charge(self.input_tokens + self.minimum_output_tokens)

    def output_limit_within(self, held_tokens: int) -> int:
        """Return the output limit that ``held_tokens`` pay for."""
        return min(self.output_tokens, self.tariff.affordable(held_tokens) - self.input_tokens)

    @property
    def highest_usage(self) -> Usage:
        """The usage that the bounds allow: what an attempt of unknown outcome may have cost at most."""
        return Usage(input_uncached=self.input_tokens, output=self.output_tokens)


def plan_call(operation: str, request: ProviderRequest, kind: ProviderKind, tariff: Tariff) -> CallPlan:
    """Bound what ``request`` can use at a provider of that kind."""
    limits = limits_of(operation)
    return CallPlan(
        input_tokens=estimate_input_tokens(request, kind),
        output_tokens=request.max_output_tokens,
        minimum_output_tokens=min(limits.minimum_output_tokens, request.max_output_tokens),
        tariff=tariff,
    )
