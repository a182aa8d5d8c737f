"""Take values out of request bodies, refusing what has another type."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.errors import ApiError

T = TypeVar("T")

# An image counts as OpenAI's low detail does for most models, and so does a file; the sandbox looks at neither.
IMAGE_TOKENS = 85
_IMAGES = {"image_url", "input_image", "image"}
_FILES = {"file", "input_file", "document", "input_audio"}


def require(body: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Return a field that must be there; raise ``ApiError``."""
    if body.get(name) is None:
        raise ApiError(
            "invalid", f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
        )
    return check_type(body[name], name, kind)


def optional(body: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """Return a field that may be absent or null; raise ``ApiError``."""
    return None if body.get(name) is None else check_type(body[name], name, kind)


def check_type(value: object, name: str, kind: type[T]) -> T:
    """Return a value if it has a type (a bool is no int); raise ``ApiError``."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ApiError("invalid", f"Invalid type for '{name}'.", param=name, code="invalid_type")
    return value


def read_limit(body: Mapping[str, Any], name: str) -> int | None:
    """Return an output limit of at least 1; raise ``ApiError``."""
    limit = optional(body, name, int)
    if limit is not None and limit < 1:
        raise ApiError("invalid", f"'{name}' must be at least 1.", param=name, code="integer_below_min_value")
    return limit


def iter_text(content: object) -> Iterator[str]:
    """Yield the texts of a message's content: a string, or parts of which only texts are read."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            yield part["text"]
        elif isinstance(part, Mapping) and "content" in part:
            yield from iter_text(part["content"])


def count_images(content: object) -> int:
    """Return how many images a message's content has."""
    return _count_parts(content, _IMAGES)


def count_files(content: object) -> int:
    """Return how many files a message's content has."""
    return _count_parts(content, _FILES)


def _count_parts(content: object, kinds: set[str]) -> int:
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return sum((part.get("type") in kinds) + _count_parts(part.get("content"), kinds) for part in parts)


def count_json(value: object) -> int:
    """Return the tokens of a schema or of tools, as compact JSON; nothing costs nothing."""
    return count_tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) if value else 0
