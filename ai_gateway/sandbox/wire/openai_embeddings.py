"""OpenAI's embeddings: ``POST /v1/embeddings``. The vectors depend on the text and mean nothing."""

import base64
import hashlib
import math
import random
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.call import Call, Reply, StreamEvent
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_errors import OpenAIErrors
from ai_gateway.sandbox.wire.reading import optional, require

_DIMENSIONS, _MAX_DIMENSIONS, _MAX_INPUTS = 1536, 4096, 2048


class EmbeddingsDialect(OpenAIErrors):
    """Embeddings, which are never streamed."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a request: texts, or texts as lists of tokens."""
        model = require(body, "model", str)
        inputs = _read_inputs(body)
        if not 1 <= (optional(body, "dimensions", int) or _DIMENSIONS) <= _MAX_DIMENSIONS:
            raise ApiError("invalid", f"'dimensions' must be 1 to {_MAX_DIMENSIONS}.", param="dimensions")
        tokens = sum(count_tokens(text) if isinstance(text, str) else len(text) for text in inputs)
        return Call(model=model, question=None, input_tokens=tokens, body=body)

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a list of vectors."""
        dimensions = call.body.get("dimensions") or _DIMENSIONS
        as_base64 = call.body.get("encoding_format") == "base64"
        vectors = [_make_vector(repr(text), dimensions) for text in _read_inputs(call.body)]
        data = [
            {"object": "embedding", "index": index, "embedding": _pack(vector) if as_base64 else vector}
            for index, vector in enumerate(vectors)
        ]
        body = {"object": "list", "data": data, "model": call.model}
        if reply.usage is None:
            return body
        return {**body, "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input}}

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Refuse: embeddings have no stream."""
        raise ApiError("invalid", "Embeddings are not streamed.")

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Refuse: embeddings have no stream."""
        raise error


def _read_inputs(body: Mapping[str, Any]) -> list[str | list[int]]:
    given = body.get("input")
    inputs = [given] if isinstance(given, str) else require(body, "input", list)
    if inputs and all(isinstance(entry, int) for entry in inputs):
        inputs = [inputs]
    if not 1 <= len(inputs) <= _MAX_INPUTS or not all(isinstance(entry, str | list) and entry for entry in inputs):
        message = f"'input' must be 1 to {_MAX_INPUTS} texts, none of them empty."
        raise ApiError("invalid", message, param="input")
    return inputs


def _make_vector(text: str, dimensions: int) -> list[float]:
    """Make a vector of length 1 that depends on the text alone."""
    source = random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    values = [source.uniform(-1, 1) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def _pack(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
