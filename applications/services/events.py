"""Write down who did what to an application."""

from uuid import UUID

from applications.models import Event
from tenants.models import User

_LONGEST_TEXT = 500


def record_event(*, application_id: UUID, kind: str, text: str, actor: User | None = None) -> None:
    """Add a line to an application's history; without an actor, Winnow itself did it."""
    Event.objects.create(application_id=application_id, kind=kind, text=text[:_LONGEST_TEXT], actor=actor)
