"""Which of dated terms hold at a moment, by the database's clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Generic, TypeVar

from django.db.models import QuerySet

from billing.models.dated import Dated
from tokens.models.fields import ClockTimestamp

D = TypeVar("D", bound=Dated)

# When terms were read of which there are none: nothing is looked up by it.
_NO_MOMENT = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class InForce(Generic[D]):
    """Dated terms, newest first by subject, and when they were read: by the database's clock, and by one of this
    process that nobody sets."""

    versions: Mapping[str, Sequence[D]]
    read_at: datetime
    read_at_seconds: float

    def find(self, *subjects: str, at: datetime | None = None) -> D | None:
        """Find what holds at a moment (now, if not given) for the first subject for which anything does."""
        moment = at or self.database_time()
        for subject in subjects:
            for version in self.versions.get(subject, ()):
                if version.effective_from <= moment:
                    return version
        return None

    def database_time(self) -> datetime:
        """Tell the database's time without asking for it."""
        return self.read_at + timedelta(seconds=monotonic() - self.read_at_seconds)


def read_in_force(terms: QuerySet[D], subject_of: Callable[[D], str]) -> InForce[D]:
    """Read terms that were not withdrawn."""
    read_at, by_subject = _NO_MOMENT, dict[str, list[D]]()
    for version in terms.filter(withdrawn_at=None).order_by("-effective_from").annotate(read_at=ClockTimestamp()):
        read_at = version.read_at  # type: ignore[attr-defined]  # annotated
        by_subject.setdefault(subject_of(version), []).append(version)
    return InForce(by_subject, read_at, monotonic())
