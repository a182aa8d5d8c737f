"""Take fields out of a caller's body, refusing what has another type in the wording of the caller's provider."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ai_gateway.wire.types import FormatName, RequestRefused

T = TypeVar("T")

_NAMES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", list: "list", dict: "object"}


class Fields:
    """One body. A field that is null counts as absent, as it does for the providers."""

    def __init__(self, body: Mapping[str, Any], format_name: FormatName) -> None:
        self.body = body
        self._is_anthropic = format_name == "messages"

    def require(self, name: str, kind: type[T]) -> T:
        """Return a field that must be there."""
        value = self.find(name, kind)
        if value is None:
            message = f"{name}: Field required" if self._is_anthropic else f"Missing required parameter: '{name}'."
            raise RequestRefused("missing_required_parameter", message, name)
        return value

    def find(self, name: str, kind: type[T]) -> T | None:
        """Return a field, or ``None``; a boolean is no integer."""
        value = self.body.get(name)
        if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
            return value
        raise self.wrong_type(name, _NAMES[kind])

    def find_limit(self, name: str) -> int | None:
        """Return a number of tokens, at least 1."""
        limit = self.find(name, int)
        if limit is not None and limit < 1:
            raise self.refuse("integer_below_min_value", name, "must be at least 1")
        return limit

    def require_name(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self.require(name, str)
        if not value.strip():
            raise self.refuse("invalid_value", name, "must not be empty")
        return value

    def require_objects(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of at least one object."""
        values = self.require(name, list)
        if not values:
            raise self.refuse("empty_array", name, "must have at least one item")
        self._check_objects(name, values)
        return values

    def find_objects(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of objects, empty where the field is absent."""
        values = self.find(name, list) or []
        self._check_objects(name, values)
        return values

    def wrong_type(self, name: str, expected: str) -> RequestRefused:
        """Build the refusal of a value of another type."""
        if self._is_anthropic:
            return RequestRefused("invalid_type", f"{name}: Input should be a valid {expected}", name)
        return RequestRefused("invalid_type", f"Invalid type for '{name}': expected a valid {expected}.", name)

    def refuse(self, code: str, name: str, reason: str) -> RequestRefused:
        """Build a refusal: ``reason`` goes on after the field's name."""
        message = f"{name}: {reason}" if self._is_anthropic else f"'{name}' {reason}."
        return RequestRefused(code, message, name)

    def _check_objects(self, name: str, values: Sequence[object]) -> None:
        for index, value in enumerate(values):
            if not isinstance(value, Mapping):
                raise self.wrong_type(f"{name}.{index}" if self._is_anthropic else f"{name}[{index}]", "object")
