"""Read what an idempotency key stands for: its hold, and the answer that is stored."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tokens.models import Answer, Hold, IdempotencyKey


def find_answer(hold_id: UUID) -> Mapping[str, Any] | None:
    """Find the answer stored when a hold was settled, or None when its retention is over."""
    answer = Answer.objects.filter(pk=hold_id).first()
    return answer.content if answer else None


def find_hold_of_key(company_id: int, key: str) -> Hold | None:
    """Find the hold that a call's key stands for, or None when no call was made under it."""
    known = IdempotencyKey.objects.filter(company_id=company_id, scope="call", key=key).values("result_id")
    return Hold.objects.filter(pk__in=known).first()
