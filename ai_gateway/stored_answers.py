"""What is stored of a call under its idempotency key, and what that is to whoever makes the call again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ai_gateway.accounting import Answered
from ai_gateway.errors import CallFailed
from tokens.errors import AnswerExpired
from tokens.selectors.answers import find_answer


@dataclass(frozen=True)
class StorableReply:
    """A provider's answer as the life of a call takes it; ``content`` is what a repeat is answered with, as JSON."""

    answer: Answered
    content: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.answer, name)

    def stored(self) -> Mapping[str, Any]:
        """Return what a repeat is answered with."""
        return self.content


def store_answer(content: Mapping[str, Any], charged_tokens: int) -> dict[str, Any]:
    """Return what the database keeps of a call that was answered."""
    return {"answer": {**content, "charged_tokens": charged_tokens}}


def store_failure(failure: Mapping[str, Any], charged_tokens: int) -> dict[str, Any]:
    """Return what the database keeps of a call that failed and was charged: the fields of its ``CallFailed``."""
    return {"failure": {**failure, "charged_tokens": charged_tokens}}


def get_stored_answer(hold_id: UUID) -> Mapping[str, Any]:
    """Return the answer of a settled call, with the ``charged_tokens`` that it took then.

    Raises:
        AnswerExpired: its retention is over.
        CallFailed: the call failed and was charged all the same; a repeat fails as it did.
    """
    stored = find_answer(hold_id)
    if stored is None:
        raise AnswerExpired(hold_id)
    if "failure" in stored:
        raise CallFailed(**stored["failure"], hold_id=hold_id)
    answer: Mapping[str, Any] = stored["answer"]
    return answer
