"""What goes to a provider and comes back where no text is written: vectors of texts, and text of speech."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from ai_gateway.providers.types import ProviderIdentity, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingAnswer:
    """A vector for each text, in the order of the texts. ``usage`` is input only."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    model: str
    provider_request_id: str
    duration_ms: int
    finish_reason: str = ""
    service_tier: str = ""
    raw_usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionAnswer:
    """What was said. ``usage`` has tokens, or else ``seconds``, by what the model is billed by."""

    text: str
    usage: Usage
    model: str
    provider_request_id: str
    duration_ms: int
    finish_reason: str = ""
    service_tier: str = ""
    raw_usage: dict[str, Any] = field(default_factory=dict)


class MediaProvider(ProviderIdentity, Protocol):
    """Somebody who embeds texts and transcribes speech. All ways ask once, and raise ``ProviderError``."""

    def embed(
        self, texts: Sequence[str], *, model: str, timeout_seconds: float, call_id: str, dimensions: int | None = None
    ) -> EmbeddingAnswer: ...

    async def aembed(
        self, texts: Sequence[str], *, model: str, timeout_seconds: float, call_id: str, dimensions: int | None = None
    ) -> EmbeddingAnswer: ...

    def transcribe(
        self,
        audio: bytes,
        filename: str,
        *,
        model: str,
        timeout_seconds: float,
        call_id: str,
        audio_seconds: Decimal | None = None,
        language: str = "",
    ) -> TranscriptionAnswer: ...

    async def atranscribe(
        self,
        audio: bytes,
        filename: str,
        *,
        model: str,
        timeout_seconds: float,
        call_id: str,
        audio_seconds: Decimal | None = None,
        language: str = "",
    ) -> TranscriptionAnswer: ...
