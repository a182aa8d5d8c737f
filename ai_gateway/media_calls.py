"""Metered calls that write no text: vectors of texts, and text of speech. Their life is that of every call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars

from ai_gateway.accounting import Quantities
from ai_gateway.admission import admit
from ai_gateway.attribution import attribute
from ai_gateway.driving import drive
from ai_gateway.effects import Candidate, PlannedCall, Replayed, Send, Settled
from ai_gateway.estimating import count_tokens
from ai_gateway.estimating.speech import HEARD_TOKENS_PER_SECOND, WRITTEN_TOKENS_PER_SECOND
from ai_gateway.life import live
from ai_gateway.operations import timeout_seconds
from ai_gateway.planning import CallPlan
from ai_gateway.providers.media import EmbeddingRequest, MediaProvider, TranscriptionRequest
from ai_gateway.providers.registry import get_account, get_media_provider
from ai_gateway.routing import Route
from ai_gateway.stored_answers import StorableReply, get_stored_answer
from ai_gateway.ways import Way, find_ways
from tokens.services.holds import Attribution

logger = structlog.get_logger(__name__)

# A vocabulary that tiktoken does not know splits more finely.
_OTHER_VOCABULARY_FACTOR = 2


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """Texts to embed with one model, and whom that is done for; see ``calls.Call`` for the key."""

    route: Route
    texts: Sequence[str]
    operation: str
    company_id: int | None = None
    attribution: Attribution = field(default_factory=Attribution)
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transcription:
    """Speech to write down. ``seconds`` is how long it lasts: the hold and, at some models, the charge rest on it."""

    route: Route
    audio: bytes
    filename: str
    seconds: Decimal
    operation: str = "transcription"
    language: str = ""
    company_id: int | None = None
    attribution: Attribution = field(default_factory=Attribution)
    idempotency_key: str | None = None


@dataclass(frozen=True)
class MediaAnswer:
    """``content`` is the vectors or the text."""

    content: Any
    charged_tokens: int
    hold_id: UUID
    replayed: bool = False


def embed_ai(wanted: Embedding) -> MediaAnswer:
    """Embed texts: ``content`` is a vector for each. Raises as ``calls.call_ai`` does."""

    def plan(way: Way) -> CallPlan:
        kind = get_account(way.route.provider, way.api_key).kind
        factor = 1 if kind == "openai" else _OTHER_VOCABULARY_FACTOR
        counted = sum(count_tokens(text, wanted.route.model) for text in wanted.texts)
        return CallPlan(counted * factor + len(wanted.texts), 0, 0, way.tariff)

    def ask(provider: MediaProvider, how: Mapping[str, Any]) -> StorableReply:
        answer = provider.embed(EmbeddingRequest(texts=tuple(wanted.texts), **how))
        return StorableReply(answer, {"content": answer.vectors})

    asked = "\0".join([wanted.operation, str(wanted.route), *wanted.texts]).encode()
    return _live(wanted, Quantities(item_count=len(wanted.texts)), asked, plan, ask)


def transcribe_ai(wanted: Transcription) -> MediaAnswer:
    """Write down speech: ``content`` is the text. Raises as ``calls.call_ai`` does."""

    def plan(way: Way) -> CallPlan:
        seconds = int(wanted.seconds) + 1
        heard, written = seconds * HEARD_TOKENS_PER_SECOND, seconds * WRITTEN_TOKENS_PER_SECOND
        return CallPlan(heard, written, written, way.tariff, media_seconds=wanted.seconds)

    def ask(provider: MediaProvider, how: Mapping[str, Any]) -> StorableReply:
        request = TranscriptionRequest(
            audio=wanted.audio,
            filename=wanted.filename,
            audio_seconds=wanted.seconds,
            language=wanted.language,
            **how,
        )
        answer = provider.transcribe(request)
        return StorableReply(answer, {"content": answer.text})

    quantities = Quantities(file_bytes=len(wanted.audio), item_count=1, media_seconds=wanted.seconds)
    asked = f"{wanted.operation}\0{wanted.route}\0{wanted.language}\0".encode() + wanted.audio
    return _live(wanted, quantities, asked, plan, ask)


class _Wanted(Protocol):
    @property
    def route(self) -> Route: ...
    @property
    def operation(self) -> str: ...
    @property
    def company_id(self) -> int | None: ...
    @property
    def attribution(self) -> Attribution: ...
    @property
    def idempotency_key(self) -> str | None: ...


def _live(
    wanted: _Wanted,
    quantities: Quantities,
    asked: bytes,
    plan: Callable[[Way], CallPlan],
    ask: Callable[[MediaProvider, Mapping[str, Any]], StorableReply],
) -> MediaAnswer:
    company_id = attribute(wanted.company_id, wanted.attribution)
    with bound_contextvars(call_id=str(uuid4()), company_id=company_id, operation=wanted.operation):
        terms = admit(company_id)
        [way] = find_ways([wanted.route], company_id=company_id, operation=wanted.operation, terms=terms)
        planned = PlannedCall(
            company_id=company_id,
            operation=wanted.operation,
            attribution=wanted.attribution,
            candidates=[Candidate(way.route, plan(way), way.api_key)],
            key=wanted.idempotency_key,
            request_hash=sha256(asked).digest() if wanted.idempotency_key else None,
            quantities=quantities,
            answer_days=terms.answer_days,
        )
        how = {
            "model": wanted.route.model,
            "timeout_seconds": timeout_seconds(wanted.operation),
            "call_id": str(get_contextvars()["call_id"]),
        }

        def send(sending: Send) -> StorableReply:
            with bound_contextvars(hold_id=str(sending.hold_id)):
                return ask(get_media_provider(wanted.route.provider, way.api_key), how)

        return _answer(drive(live(planned), send))


def _answer(ended: Settled | Replayed) -> MediaAnswer:
    if isinstance(ended, Settled):
        return MediaAnswer(**ended.reply.content, charged_tokens=ended.charged_tokens, hold_id=ended.hold_id)
    stored = get_stored_answer(ended.hold_id)
    logger.info("call_replayed", hold_id=str(ended.hold_id))
    return MediaAnswer(**stored, hold_id=ended.hold_id, replayed=True)
