"""A provider's stream on its way to the caller: passed on as it comes, and paid for however it ends."""

import asyncio

from ai_gateway.http.outlets import Outlet
from ai_gateway.providers.errors import ProviderError, ProviderInterrupted, ProviderTimeout, ProviderUnavailable
from ai_gateway.providers.types import Usage
from ai_gateway.providers.upstream import UpstreamAnswer
from ai_gateway.wire.types import StreamReader


async def pass_on(
    answer: UpstreamAnswer, reader: StreamReader, outlet: Outlet, *, seconds: float, drain_seconds: float
) -> Usage:
    """Pass a stream on for at most ``seconds`` and return its usage, the provider's or our count of what was received.

    A caller who leaves ends nothing: the provider is read on for ``drain_seconds``, for what it says at the end.

    Raises:
        ProviderError: the stream broke. If a part of it was passed on, it carries the usage, to be charged, and no
            other attempt may follow.
    """
    failure = await _pass_on_parts(answer, reader, outlet, seconds, drain_seconds)
    if failure is None and reader.error is not None:
        failure = answer.explain_error({"error": reader.error})
        outlet.has_told_error = outlet.has_begun
    elif failure is None and not reader.is_complete and not outlet.has_left:
        failure = ProviderUnavailable("The provider ended its answer too early.", delivery="unknown")
    if failure is None:
        return await _settle_usage(reader)
    if outlet.has_begun:
        # Who is cancelled once may be cancelled again: then nothing is left to wait with.
        is_cut = isinstance(failure, ProviderInterrupted)
        failure.usage = reader.settle_usage() if is_cut else await _settle_usage(reader)
        failure.delivery = "unknown"
    failure.has_begun = outlet.has_begun or outlet.has_left
    raise failure


async def _pass_on_parts(
    answer: UpstreamAnswer, reader: StreamReader, outlet: Outlet, seconds: float, drain_seconds: float
) -> ProviderError | None:
    """Pass on what comes until the end, an error or a time limit; returns what broke it, if anything did."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    try:
        async with asyncio.timeout_at(until) as limit:

            def hurry() -> None:
                if not limit.expired():
                    limit.reschedule(min(until, clock() + drain_seconds))

            outlet.watch(hurry)
            await _pass_on_all(answer, reader, outlet)
    except TimeoutError:
        if not (outlet.has_left and outlet.has_begun):
            return ProviderTimeout("The provider did not finish in time.", delivery="unknown")
    except ProviderError as error:
        return error
    except asyncio.CancelledError:
        if not outlet.has_begun:
            raise
        return ProviderInterrupted("Winnow stopped in the middle of the answer.", delivery="unknown")
    finally:
        outlet.watch(_do_nothing)
    return None


async def _pass_on_all(answer: UpstreamAnswer, reader: StreamReader, outlet: Outlet) -> None:
    """Pass on what comes until the end, or until the provider sends an error: passed on after others."""
    async for part in answer.iter_parts():
        ready = reader.feed(part)
        if ready and (reader.error is None or outlet.has_begun):
            await outlet.write(ready)
        if reader.error is not None:
            return
    if rest := reader.finish():
        await outlet.write(rest)


def _do_nothing() -> None:
    return None


async def _settle_usage(reader: StreamReader) -> Usage:
    """Return the provider's usage; our own count is made aside, because a long one would hold up everybody."""
    if reader.usage is not None:
        return reader.usage
    return await asyncio.to_thread(reader.settle_usage)
