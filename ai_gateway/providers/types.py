"""What goes to a provider and what comes back, the same for every wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ai_gateway.providers.content import ContentPart, Tool, ToolCall, ToolChoice

if TYPE_CHECKING:
    from ai_gateway.providers.streaming import AnswerStream, AsyncAnswerStream

ProviderKind = Literal["openai", "anthropic", "compatible"]
Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "refusal", "other"]
UsageSource = Literal["provider", "counted"]


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The shape that the answer must have; ``name`` is letters, digits, ``_`` and ``-``, at most 64."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation sent to the model.

    ``parts`` come before ``text`` and belong to the user; ``tool_calls`` are an assistant's, made before. A turn of
    the role ``tool`` is the result of the call ``tool_call_id``.
    """

    role: Role
    text: str
    parts: tuple[ContentPart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One request to a provider.

    ``timeout_seconds`` bounds the whole answer, not each read. ``call_id`` travels with the request,
    so that the provider's support can find it. The output limit is always set: a hold rests on it.

    ``earlier`` are the turns before the user's, such as a tool's call and its result; after them the user's turn may
    be empty and is then not sent. ``parts`` are images and files of the user's turn, put before its text.
    """

    model: str
    user: str
    max_output_tokens: int
    timeout_seconds: float
    call_id: str
    system: str = ""
    json_schema: JsonSchema | None = None
    parts: tuple[ContentPart, ...] = ()
    earlier: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"

    def __post_init__(self) -> None:
        if self.max_output_tokens < 1 or self.timeout_seconds <= 0:
            raise ValueError("max_output_tokens and timeout_seconds must be positive")

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turns in the order in which they are sent; an empty system text is not one."""
        first = (Message("system", self.system),) if self.system else ()
        says_something = self.user or self.parts or not self.earlier
        last = (Message("user", self.user, self.parts),) if says_something else ()
        return (*first, *self.earlier, *last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer.

    The four input classes do not overlap: their sum is the input. ``output`` is all output. The other
    classes are parts of those sums (audio and images of the input; reasoning, audio and images of the
    output), kept because they are priced apart: audio that came from the cache costs what the cache costs, and
    is not in ``input_audio``. No number is negative, parts never exceed their whole. ``contradictions`` names what
    did not add up in the provider's own numbers.

    ``seconds`` is set where the provider bills a duration instead of tokens (transcription): then there are no
    tokens to charge, and accounting charges the operation's rate per second.
    """

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_short: int = 0
    cache_write_long: int = 0
    input_audio: int = 0
    input_image: int = 0
    output: int = 0
    output_reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0
    tool_requests: int = 0
    seconds: Decimal | None = None
    source: UsageSource = "provider"
    contradictions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(_all_counts(self)) < 0 or (self.seconds is not None and self.seconds < 0):
            raise ValueError("usage is never negative")
        if self.input_audio + self.input_image > self.input_tokens:
            raise ValueError("the parts of the input exceed the input")
        if self.output_reasoning + self.output_audio + self.output_image > self.output:
            raise ValueError("the parts of the output exceed the output")

    @property
    def input_tokens(self) -> int:
        """All input, cached and cache-writing tokens included."""
        return self.input_uncached + self.cache_read + self.cache_write_short + self.cache_write_long

    @property
    def output_tokens(self) -> int:
        """All output, reasoning included."""
        return self.output

    @property
    def provider_tokens(self) -> int:
        """Input and output together: what a charge is computed from."""
        return self.input_tokens + self.output_tokens


_all_counts = attrgetter(*(column.name for column in fields(Usage) if column.type is int))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """A provider's answer with what it cost.

    ``text`` is the refusal's wording when ``finish_reason`` is ``refusal``. ``raw_usage`` is the usage
    object as received, for later questions; ``usage`` is what it means. With ``tool_calls`` the finish reason is
    ``tool_calls``, unless the limit cut the last of them short.
    """

    text: str
    usage: Usage
    model: str
    provider_request_id: str
    finish_reason: FinishReason
    service_tier: str
    duration_ms: int
    raw_usage: dict[str, Any] = field(default_factory=dict)
    tool_calls: tuple[ToolCall, ...] = ()


class ProviderIdentity(Protocol):
    """Whom an answer came from, however it was fetched."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> ProviderKind: ...


class Provider(ProviderIdentity, Protocol):
    """Somebody who answers requests. Both ways ask once, and raise ``ProviderError`` when there is no answer."""

    def complete(self, request: ProviderRequest) -> ProviderAnswer: ...

    async def acomplete(self, request: ProviderRequest) -> ProviderAnswer: ...

    def stream(self, request: ProviderRequest) -> "AnswerStream": ...

    def astream(self, request: ProviderRequest) -> "AsyncAnswerStream": ...
