"""How many tokens an in-process request will take, and what one took that its provider did not report."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from ai_gateway.estimating.images import estimate_image_tokens
from ai_gateway.estimating.pdfs import estimate_pdf_tokens
from ai_gateway.estimating.texts import bound_text_tokens, guess_text_tokens
from ai_gateway.estimating.tools import estimate_tool_tokens
from ai_gateway.providers.content import ContentPart, ImagePart, PdfPart, TextPart
from ai_gateway.providers.types import Message, ProviderKind, ProviderRequest, Usage

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
    texts = bound_text_tokens(_list_texts(request), model=request.model, kind=provider_kind)
    return frame + texts + _count_files_and_tools(request, provider_kind)


def count_usage(request: ProviderRequest, produced_text: str, provider_kind: ProviderKind) -> Usage:
    """Count what a provider did not report: a fair guess of both sides, not an upper bound (but of files and tools)."""
    read = guess_text_tokens(_list_texts(request), model=request.model, kind=provider_kind)
    written = guess_text_tokens([produced_text], model=request.model, kind=provider_kind)
    read += _count_frame(request) + _count_files_and_tools(request, provider_kind)
    return Usage(input_uncached=read, output=written, source="counted")


def _list_texts(request: ProviderRequest) -> list[str]:
    texts = [text for turn in request.messages for text in _iter_texts(turn)]
    return [*texts, _schema_text(request)] if request.json_schema else texts


def _iter_texts(turn: Message) -> Iterator[str]:
    yield turn.text
    if turn.tool_call_id:
        yield turn.tool_call_id
    for call in turn.tool_calls:
        yield json.dumps({"type": "function", "function": asdict(call)}, ensure_ascii=False)
    for part in turn.parts:
        if isinstance(part, TextPart):
            yield part.text
        elif isinstance(part, PdfPart):
            yield part.filename


def _count_files_and_tools(request: ProviderRequest, kind: ProviderKind) -> int:
    tools = [{"type": "function", "function": asdict(tool)} for tool in request.tools]
    files = (part for turn in request.messages for part in turn.parts)
    return estimate_tool_tokens(tools, model=request.model, kind=kind) + sum(
        _count_file(part, request.model, kind) for part in files
    )


def _count_file(part: ContentPart, model: str, kind: ProviderKind) -> int:
    match part:
        case ImagePart(data, _, detail):
            return estimate_image_tokens(data, model=model, kind=kind, detail=detail)
        case PdfPart(data):
            return estimate_pdf_tokens(data, model=model, kind=kind)
        case TextPart():
            return 0


def _count_frame(request: ProviderRequest) -> int:
    """Return the tokens around the messages: their frames, the name of each role, and the answer's beginning."""
    return _TOKENS_PRIMING + len(request.messages) * (_TOKENS_PER_MESSAGE + 1)


def _schema_text(request: ProviderRequest) -> str:
    assert request.json_schema is not None
    return json.dumps({"name": request.json_schema.name, "schema": request.json_schema.schema}, ensure_ascii=False)
