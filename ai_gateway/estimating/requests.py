"""How many tokens an in-process request will take, and what one took that its provider did not report."""

import json

from ai_gateway.estimating.texts import bound_text_tokens, guess_text_tokens
from ai_gateway.providers.types import ProviderKind, ProviderRequest, Usage

# OpenAI's chat format (its cookbook, "How to count tokens"): around each message, and before the answer.
_TOKENS_PER_MESSAGE = 3
_TOKENS_PRIMING = 3
# The heading and the field names around a schema; its text is counted apart.
_TOKENS_PER_SCHEMA = 32
# The system text that Anthropic adds, structured output's included, and the template of a compatible server.
_FOREIGN_TOKENS_PER_REQUEST = 64


def estimate_input_tokens(request: ProviderRequest, provider_kind: ProviderKind) -> int:
    """Return an upper bound of the input tokens that the provider will report for ``request``."""
    frame = _count_frame(request)
    if request.json_schema:
        frame += _TOKENS_PER_SCHEMA
    if provider_kind != "openai":
        frame += _FOREIGN_TOKENS_PER_REQUEST
    return frame + bound_text_tokens(_list_texts(request), model=request.model, kind=provider_kind)


def count_usage(request: ProviderRequest, produced_text: str, provider_kind: ProviderKind) -> Usage:
    """Count what a provider did not report: a fair guess of both sides, not an upper bound."""
    read = guess_text_tokens(_list_texts(request), model=request.model, kind=provider_kind)
    written = guess_text_tokens([produced_text], model=request.model, kind=provider_kind)
    return Usage(input_uncached=_count_frame(request) + read, output=written, source="counted")


def _list_texts(request: ProviderRequest) -> list[str]:
    texts = [turn.text for turn in request.messages]
    return [*texts, _schema_text(request)] if request.json_schema else texts


def _count_frame(request: ProviderRequest) -> int:
    """Return the tokens around the messages: their frames, the name of each role, and the answer's beginning."""
    return _TOKENS_PRIMING + len(request.messages) * (_TOKENS_PER_MESSAGE + 1)


def _schema_text(request: ProviderRequest) -> str:
    assert request.json_schema is not None
    return json.dumps({"name": request.json_schema.name, "schema": request.json_schema.schema}, ensure_ascii=False)
