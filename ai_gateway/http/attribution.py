"""What a request says it is for, checked to belong to the key's company."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from ai_gateway.http.errors import Refusal
from ai_gateway.http.remembering import Reads, Remembered
from ai_gateway.http.requests import Request
from tenants.models import Membership
from tokens.directory import find_company_of
from tokens.services.movements import Attribution

_PREFIX = "winnow_"
_LONGEST_TEXT = 64
# The answer does not change while a thing lives, and a person who was put out of the company is noticed soon.
_REMEMBERED_SECONDS = 10.0


class Attributor:
    """Reads application, job, user, session, trace and feature from headers, or from the body's metadata."""

    def __init__(self, reads: Reads) -> None:
        self._is_of_company = Remembered(reads, _is_of_company, seconds=_REMEMBERED_SECONDS)

    async def attribute(
        self, request: Request, metadata: Mapping[str, str], *, company_id: int, api_key_id: UUID
    ) -> Attribution:
        """Return what the call is for; raises ``Refusal`` for what is malformed or not the company's."""
        if not metadata and _ALL_HEADERS.isdisjoint(request.headers):  # most calls name nothing
            return Attribution(api_key_id=api_key_id)
        named: dict[str, Any] = {}
        for name, read in _FIELDS.items():
            given = request.header(_HEADERS[name]) or metadata.get(_PREFIX + name, "")
            if given:
                named[name] = read(name, given)
        for kind in ("application", "job", "user"):
            thing = named.get(f"{kind}_id")
            if thing is not None and not await self._is_of_company.get((kind, thing, company_id)):
                raise Refusal(400, f"unknown_{kind}", f"There is no {kind} {thing} in your company.", f"{kind}_id")
        return Attribution(api_key_id=api_key_id, **named)


def _read_uuid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal(400, "invalid_metadata", f"{name} must be a UUID.", name) from None


def _read_number(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise Refusal(400, "invalid_metadata", f"{name} must be a number.", name)


def _read_text(name: str, text: str) -> str:
    if len(text) <= _LONGEST_TEXT and text.isprintable():
        return text
    raise Refusal(400, "invalid_metadata", f"{name} may have at most {_LONGEST_TEXT} printable characters.", name)


_FIELDS: Mapping[str, Callable[[str, str], Any]] = {
    "application_id": _read_uuid,
    "job_id": _read_uuid,
    "user_id": _read_number,
    "trace_id": _read_uuid,
    "session_id": _read_text,
    "feature": _read_text,
}
_HEADERS: Mapping[str, bytes] = {name: f"x-winnow-{name.replace('_', '-')}".encode() for name in _FIELDS}
_ALL_HEADERS = frozenset(_HEADERS.values())


def _is_of_company(asked: tuple[str, Any, int]) -> bool:
    kind, thing, company_id = asked
    if kind == "user":
        return Membership.objects.filter(user_id=thing, company_id=company_id).exists()
    return find_company_of(kind, thing) == company_id
