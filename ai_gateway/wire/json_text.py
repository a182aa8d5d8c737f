"""JSON between bytes and values: fast, and without changing what a number or a text means."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from ai_gateway.wire.types import RequestRefused

# orjson reads integers of more than 64 bits as floats: those have 20 digits or more. Finding them this way costs a
# tenth of a regular expression.
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19


def read_body(data: bytes) -> dict[str, Any]:
    """Return a caller's JSON object; raises ``RequestRefused``."""
    try:
        has_long_integers = _MANY_DIGITS in data.translate(_DIGITS_AS_ZEROS)
        value = json.loads(data) if has_long_integers else orjson.loads(data)
    except (ValueError, RecursionError):
        raise RequestRefused("invalid_json", "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise RequestRefused("invalid_json", "The body of your request must be a JSON object.")
    return value


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
