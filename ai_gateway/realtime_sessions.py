"""Whose key a realtime session is on, where nobody of ours opened it: its first event decides, for all of it."""

from typing import Any

from ai_gateway.models import RealtimeKeyOwner
from ai_gateway.provider_keys import find_own_providers
from ai_gateway.routing import Route
from tokens.services.movements import KeyOwner


def decide_key_owner(company_id: int, session_id: str, route: Route) -> KeyOwner:
    """Return whose key a session's events on ``route`` are on: the company's own if it had one at the first of them.

    Keys that are set or removed in its middle change nothing. Events of another provider's models are not covered.
    """
    session: dict[str, Any] = {"company_id": company_id, "provider": route.provider, "session_id": session_id}
    decided = RealtimeKeyOwner.objects.filter(**session).first()
    if decided is None:
        owner = "company" if route.provider in find_own_providers(company_id, afresh=True) else "platform"
        decided, _is_first = RealtimeKeyOwner.objects.get_or_create(**session, defaults={"key_owner": owner})
    return "company" if decided.key_owner == "company" else "platform"
