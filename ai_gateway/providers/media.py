"""What goes to a provider and comes back where no text is written: vectors of texts, and text of speech."""

from dataclasses import dataclass, field
from typing import Any

from ai_gateway.providers.types import Usage


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
