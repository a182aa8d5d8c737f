"""What goes to a provider and comes back where no text is written: vectors of texts, and text of speech."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from ai_gateway.providers.types import ProviderIdentity, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class _MediaRequest:
    """What is said of every request; see ``types.ProviderRequest``."""

    model: str
    timeout_seconds: float
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _MediaAnswer:
    """What is told with every answer; see ``types.ProviderAnswer``."""

    usage: Usage
    model: str
    provider_request_id: str
    duration_ms: int
    finish_reason: str = ""
    service_tier: str = ""
    raw_usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest(_MediaRequest):
    """Texts to embed."""

    texts: tuple[str, ...]
    dimensions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingAnswer(_MediaAnswer):
    """A vector for each text, in the order of the texts. ``usage`` is input only."""

    vectors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest(_MediaRequest):
    """Speech to write down; the file's name tells its format.

    ``audio_seconds`` is its length, charged where the provider reports neither tokens nor seconds.
    """

    audio: bytes
    filename: str
    audio_seconds: Decimal | None = None
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionAnswer(_MediaAnswer):
    """What was said. ``usage`` has tokens, or else ``seconds``, by what the model is billed by."""

    text: str


class MediaProvider(ProviderIdentity, Protocol):
    """Somebody who embeds texts and transcribes speech. All ways ask once, and raise ``ProviderError``."""

    def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer: ...

    async def aembed(self, request: EmbeddingRequest) -> EmbeddingAnswer: ...

    def transcribe(self, request: TranscriptionRequest) -> TranscriptionAnswer: ...

    async def atranscribe(self, request: TranscriptionRequest) -> TranscriptionAnswer: ...
