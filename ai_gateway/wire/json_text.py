"""JSON between bytes and values: fast, and without changing what a number or a text means."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from ai_gateway.wire.types import RequestRefused


def read_object(data: bytes) -> dict[str, Any]:
    """Return a provider's JSON object; an empty one where there is none."""
    try:
        value = orjson.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def write_json(value: Mapping[str, Any]) -> bytes:
    """Return ``value`` as JSON; raises ``RequestRefused`` where it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError:  # a large integer, a lone surrogate, or more than 254 levels
        pass
    try:
        return json.dumps(value).encode()
    except RecursionError:
        raise RequestRefused("invalid_json", "The body of your request is nested too deeply.") from None
