"""Read each wire format's usage object into ``Usage``: every token once, none negative.

The formats disagree on one point that costs money: OpenAI's input count includes cached and cache-writing
tokens, Anthropic's excludes them. Numbers that contradict each other are settled in favour of the total
that the provider bills by, and named in ``Usage.contradictions``. ``None`` means that the object holds no
usable count (missing, all zero): the caller then counts by itself.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ai_gateway.providers.types import Usage

# No context window comes near; a larger number is a broken server's, and must not empty a balance.
LARGEST_PLAUSIBLE_COUNT = 100_000_000
_LONGEST_PLAUSIBLE_SECONDS = 1_000_000


class _OpenAINames(NamedTuple):
    input: str
    output: str
    input_details: str
    output_details: str


_CHAT = _OpenAINames("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details")
_RESPONSES = _OpenAINames("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
_SPOKEN = _OpenAINames("input_tokens", "output_tokens", "input_token_details", "output_token_details")


class _Reading:
    """One pass over a usage object, with what was found wrong on the way; of what is no object, as if it were empty."""

    def __init__(self, usage: object, found: dict[str, None] | None = None) -> None:
        self._usage: dict[str, Any] = usage if isinstance(usage, dict) else {}
        self._found = {} if found is None else found  # a set that keeps its order

    @property
    def contradictions(self) -> tuple[str, ...]:
        return tuple(self._found)

    def note(self, contradiction: str) -> None:
        self._found[contradiction] = None

    def within(self, name: str) -> "_Reading":
        """Read the object of that name, in the same pass."""
        return _Reading(self._usage.get(name), self._found)

    def count(self, name: str) -> int | None:
        """Return the number of that name; ``None`` when it is missing or is no token count."""
        value = self._usage.get(name)
        if value is None:
            return None
        if _is_count(value):
            return int(value)
        self.note(f"{name}: not a count")
        return None

    def part(self, name: str, *, of: int) -> int:
        """Return the number of that name (0 when missing), cut to the whole that it is a part of."""
        if name not in self._usage:  # most servers leave most parts out
            return 0
        value = self.count(name) or 0
        if value > of:
            self.note(f"{name}: exceeds its whole")
        return min(value, of)


def read_chat_usage(raw: object) -> Usage | None:
    """Read the usage of a chat completion, of OpenAI or of a server that speaks its format."""
    return _read_openai_usage(raw, _CHAT)


def read_responses_usage(raw: object, tool_usage: object = None) -> Usage | None:
    """Read the usage of the Responses API; ``tool_usage`` is the response's count of hosted tools."""
    web_searches = _Reading(tool_usage).within("web_search").count("num_requests")
    return _read_openai_usage(raw, _RESPONSES, tool_requests=web_searches or 0)


def read_embeddings_usage(raw: object) -> Usage | None:
    """Read the usage of an embeddings call: input only."""
    if not isinstance(raw, Mapping):
        return None
    reading = _Reading(raw)
    tokens = reading.count("prompt_tokens") or reading.count("total_tokens")
    return Usage(input_uncached=tokens, contradictions=reading.contradictions) if tokens else None


def read_llama_timings(raw: object) -> Usage | None:
    """Read llama.cpp's timings, which its last chunk always carries: ``prompt_n`` leaves cached tokens out."""
    if not isinstance(raw, Mapping):
        return None
    reading = _Reading(raw)
    uncached, output = reading.count("prompt_n"), reading.count("predicted_n")
    cached = reading.count("cache_n") or 0
    if uncached is None or output is None or uncached + cached + output == 0:
        return None
    return Usage(input_uncached=uncached, cache_read=cached, output=output, contradictions=reading.contradictions)


def read_transcription_usage(raw: object) -> Usage | None:
    """Read the usage of a transcription, which is billed by tokens or by the seconds of the audio."""
    if not isinstance(raw, Mapping):
        return None
    if raw.get("type") != "duration":
        return _read_openai_usage(raw, _SPOKEN)
    seconds: Any = raw.get("seconds")
    if type(seconds) not in {int, float} or not 0 < seconds <= _LONGEST_PLAUSIBLE_SECONDS:
        return None
    return Usage(seconds=Decimal(str(seconds)))


def read_realtime_usage(event: Mapping[str, Any]) -> Usage | None:
    """Read a realtime session's event: an answer that is done, or the transcript of what was said to it.

    These two are billed, each by itself; other events, and an answer without a count, are ``None``.
    """
    if event.get("type") == "response.done":
        response = event.get("response")
        return _read_openai_usage(response.get("usage"), _SPOKEN) if isinstance(response, Mapping) else None
    if event.get("type") == "conversation.item.input_audio_transcription.completed":
        return read_transcription_usage(event.get("usage"))
    return None


def read_messages_usage(raw: object) -> Usage | None:
    """Read the usage of an Anthropic message, or of a stream after ``merge_messages_usage``."""
    if not isinstance(raw, Mapping):
        return None
    reading = _Reading(raw)
    uncached, output = reading.count("input_tokens"), reading.count("output_tokens")
    cache_read = reading.count("cache_read_input_tokens") or 0
    write_short, write_long = _read_cache_writes(reading)
    total = (uncached or 0) + cache_read + write_short + write_long + (output or 0)
    if uncached is None or output is None or total == 0:
        return None
    return Usage(
        input_uncached=uncached,
        cache_read=cache_read,
        cache_write_short=write_short,
        cache_write_long=write_long,
        output=output,
        output_reasoning=reading.within("output_tokens_details").part("thinking_tokens", of=output),
        tool_requests=_read_server_tools(reading),
        contradictions=reading.contradictions,
    )


def merge_messages_usage(so_far: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's usage after another event: its counts are cumulative, so they overwrite.

    A null keeps what an earlier event said: the cache split is only in the first.
    """
    return {**so_far, **{name: value for name, value in delta.items() if value is not None}}


def _is_count(value: object) -> bool:
    """Return whether ``value`` is a whole number of tokens; some servers write 12.0, none means ``true``."""
    if type(value) is not int and type(value) is not float:
        return False
    return 0 <= value <= LARGEST_PLAUSIBLE_COUNT and value == int(value)


def _read_openai_usage(raw: object, names: _OpenAINames, *, tool_requests: int = 0) -> Usage | None:
    if not isinstance(raw, Mapping):
        return None
    reading = _Reading(raw)
    totals = _read_openai_totals(reading, names)
    if totals is None:
        return None
    input_tokens, output = totals
    read, written = reading.within(names.input_details), reading.within(names.output_details)
    cache_read = read.part("cached_tokens", of=input_tokens)
    cache_write = read.part("cache_write_tokens", of=input_tokens - cache_read)
    write_long = read.within("cache_write_tokens_details").part("ttl_12h_tokens", of=cache_write)
    audio = read.part("audio_tokens", of=input_tokens)
    cached_audio = read.within("cached_tokens_details").part("audio_tokens", of=min(cache_read, audio))
    reasoning = written.part("reasoning_tokens", of=output)
    output_audio = written.part("audio_tokens", of=output - reasoning)
    return Usage(
        input_uncached=input_tokens - cache_read - cache_write,
        cache_read=cache_read,
        cache_write_short=cache_write - write_long,
        cache_write_long=write_long,
        input_audio=audio - cached_audio,
        input_image=read.part("image_tokens", of=input_tokens - audio),
        output=output,
        output_reasoning=reasoning,
        output_audio=output_audio,
        output_image=written.part("image_tokens", of=output - reasoning - output_audio),
        tool_requests=tool_requests,
        contradictions=reading.contradictions,
    )


def _read_openai_totals(reading: _Reading, names: _OpenAINames) -> tuple[int, int] | None:
    """Return all input and all output, or ``None`` when either cannot be known or both are zero."""
    input_tokens, output = reading.count(names.input), reading.count(names.output)
    total = reading.count("total_tokens")
    if input_tokens is None and output is not None and total is not None and total >= output:
        input_tokens = total - output
        reading.note(f"{names.input}: missing, taken from the total")
    if output is None and input_tokens is not None and total is not None and total >= input_tokens:
        output = total - input_tokens
        reading.note(f"{names.output}: missing, taken from the total")
    if input_tokens is None or output is None or input_tokens + output == 0:
        return None
    if total is not None and total != input_tokens + output:
        # Some compatible servers (xAI's, Gemini's) leave reasoning out of the output and put it in the total.
        reasoning = reading.within(names.output_details).count("reasoning_tokens") or 0
        if reasoning and total == input_tokens + output + reasoning:
            return input_tokens, output + reasoning
        reading.note("total_tokens: not the sum")
    return input_tokens, output


def _read_cache_writes(reading: _Reading) -> tuple[int, int]:
    """Return cache-writing tokens of the short (5 minutes) and the long (1 hour) kind."""
    total = reading.count("cache_creation_input_tokens")
    split = reading.within("cache_creation")
    short, long = split.count("ephemeral_5m_input_tokens") or 0, split.count("ephemeral_1h_input_tokens") or 0
    if total is None:
        return short, long
    if short + long not in {0, total}:
        reading.note("cache_creation: not the sum")
    long = min(long, total)
    return total - long, long


def _read_server_tools(reading: _Reading) -> int:
    used = reading.within("server_tool_use")
    return (used.count("web_search_requests") or 0) + (used.count("web_fetch_requests") or 0)
