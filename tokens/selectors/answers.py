"""Read stored answers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tokens.models import Answer


def find_answer(hold_id: UUID) -> Mapping[str, Any] | None:
    """Find the answer stored when a hold was settled, or None when its retention is over."""
    answer = Answer.objects.filter(pk=hold_id).first()
    return answer.content if answer else None
