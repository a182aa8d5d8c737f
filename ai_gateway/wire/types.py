"""What the gateway needs to know of a call that arrives over HTTP, the same for every wire format.

A caller speaks one format, a provider one: an ``Exchange`` leads from the one to the other and back. Where both are the
same, the provider's bytes are passed on untouched, but for what metering asks for.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from ai_gateway.providers.types import Usage

if TYPE_CHECKING:
    from ai_gateway.wire.inputs import Input

FormatName = Literal["chat", "responses", "messages", "embeddings"]


@dataclass
class RequestRefused(Exception):
    """The request cannot be made through Winnow as it is; ``message`` says what to change. Nothing was sent."""

    code: str
    message: str
    param: str | None = None
    status: int = 400

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An image that a caller names by its address, and where that stands in the body: at ``holder[name]``."""

    url: str
    holder: MutableMapping[str, Any]
    name: str

    def put(self, media_type: str, data: str) -> None:
        """Put the image itself there, in base64."""
        if self.name == "source":  # Anthropic's
            self.holder[self.name] = {"type": "base64", "media_type": media_type, "data": data}
        else:
            self.holder[self.name] = f"data:{media_type};base64,{data}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A caller's request, read and checked. ``body`` is what was sent, parsed; unchanged, but for images.

    ``image_urls`` are to be fetched and put in before anything is counted or sent: see ``ImageUrl.put``. ``input`` is
    what goes into the model's context, None where it has yet to be read because images are to come.

    ``output_limit`` is the caller's own limit of one answer in tokens, None where there is none; ``choices`` is how
    many answers are billed. Embeddings have no output: their limit is 0. ``wants_usage``: in a chat stream, whether the
    caller asked for the usage chunk.
    """

    format: FormatName
    model: str
    body: Mapping[str, Any]
    image_urls: Sequence[ImageUrl] = ()
    input: "Input | None" = field(default=None, compare=False, repr=False)
    stream: bool = False
    output_limit: int | None = None
    choices: int = 1
    wants_usage: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


class Reply(NamedTuple):
    """A provider's whole answer. ``usage`` is the provider's, or our own count where it gave none.

    ``finish_reason`` is stop, length, tool_calls, refusal or other, whatever the format calls it.
    """

    body: bytes
    usage: Usage
    model: str
    finish_reason: str
    service_tier: str


class StreamReader(Protocol):
    """A provider's stream as it arrives: what to pass on, and what it has used so far.

    ``is_complete``: the format's own end was seen, usage included if any comes. ``error``: the provider's error object
    from the middle of the stream; the caller gets its event all the same, without keys. ``usage`` is the provider's
    last word, None until there is one.
    """

    @property
    def is_complete(self) -> bool: ...
    @property
    def error(self) -> Mapping[str, Any] | None: ...
    @property
    def usage(self) -> Usage | None: ...
    @property
    def model(self) -> str: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def service_tier(self) -> str: ...

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived, however it was cut, and return what the caller gets now: whole events.

        Raises ``ProviderGarbledAnswer`` for a stream without any events.
        """
        ...

    def finish(self) -> bytes:
        """Take the end of the connection and return what the caller still gets; an error may be written after it."""
        ...

    def settle_usage(self) -> Usage:
        """Return the provider's usage, or our own count of what was received."""
        ...


class Exchange(Protocol):
    """One call on its way from the caller's format to the provider's and back.

    ``path`` is the provider's endpoint below its ``/v1``, such as ``chat/completions``.
    """

    @property
    def path(self) -> str: ...

    def bound_input_tokens(self) -> int:
        """Return a number that the input cannot exceed, without tokenizing: under 1 ms for 100 kB."""
        ...

    def count_input_tokens(self) -> int:
        """Return a tight upper bound of the input, tokenized."""
        ...

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the provider's body: with the limit, with usage asked for, and with nothing stored on the account.

        ``output_limit`` bounds each of the answers.
        """
        ...

    def read_answer(self, body: bytes) -> Reply:
        """Read a success. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
        ...


@runtime_checkable
class Streamable(Protocol):
    """What an exchange can do besides in a format that has streams: in every one but embeddings."""

    def open_stream(self) -> StreamReader:
        """Begin to read a stream."""
        ...
