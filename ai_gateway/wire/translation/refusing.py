"""Refuse by name what has no counterpart in the other format."""

from collections.abc import Collection, Mapping
from typing import Any

from ai_gateway.wire.types import RequestRefused


def unsupported(name: str, reason: str = "has no counterpart there") -> RequestRefused:
    """Build the refusal of a field."""
    message = f"The model is another provider's, and '{name}' {reason}. Change it, or use that provider's endpoint."
    return RequestRefused("unsupported_translation", message, name)


def refuse_unless_neutral(
    body: Mapping[str, Any], *, translated: Collection[str], neutral: Mapping[str, Collection[Any]], place: str = ""
) -> None:
    """Refuse each field that is neither translated nor at a value that changes nothing (null always is one)."""
    for name, value in body.items():
        if name in translated or value is None:
            continue
        if name not in neutral or (neutral[name] and value not in neutral[name]):
            raise unsupported(place + name)


def as_objects(value: object, name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects; anything else is refused."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise RequestRefused("invalid_type", f"Invalid type for '{name}': expected a list of objects.", name)
    return value


def as_object(value: object, name: str) -> Mapping[str, Any]:
    """Return an object; anything else is refused."""
    if not isinstance(value, Mapping):
        raise RequestRefused("invalid_type", f"Invalid type for '{name}': expected an object.", name)
    return value


def as_text(value: object, name: str) -> str:
    """Return a text; anything else is refused."""
    if not isinstance(value, str):
        raise RequestRefused("invalid_type", f"Invalid type for '{name}': expected a string.", name)
    return value
