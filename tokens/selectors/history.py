"""Look back: the balance at a past moment, and what a charge was made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from tokens.errors import NotACharge
from tokens.models import Attempt, Hold, HoldPart, LedgerEntry, UsageLog

_BALANCE_AT = """
    SELECT (coalesce(seal.balance_tokens, 0) + coalesce((
        SELECT sum(delta_tokens) FROM tokens_ledger_entry
        WHERE company_id = %(company_id)s AND xact_id >= coalesce(seal.to_xact, '0')
          AND recorded_at <= %(moment)s), 0))::bigint
    FROM (VALUES (1)) AS once
    LEFT JOIN LATERAL (
        SELECT balance_tokens, to_xact FROM tokens_seal
        WHERE company_id = %(company_id)s AND sealed_at <= %(moment)s ORDER BY number DESC LIMIT 1
    ) seal ON true
"""


def balance_at(company_id: int, moment: datetime) -> int:
    """Compute the true balance at a moment: the sum of all entries recorded up to it, debt included, held included.

    It starts from the last seal made by then, so that it does not slow down as the ledger grows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE_AT, {"company_id": company_id, "moment": moment})
        (balance,) = cursor.fetchone()
    return int(balance)


@dataclass(frozen=True)
class Correction:
    """A row that corrects the charge, and the entries that came with it."""

    log: UsageLog
    entries: Sequence[LedgerEntry]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a charge was made of: the hold, the requests made under it, who paid, and what was corrected since.

    ``parts`` say on which allocations the hold lay, ``entries`` which of them paid; each carries its ``allocation``,
    and with it the source. ``hold`` is None only where the ledger is damaged: every call has one.
    """

    log: UsageLog
    hold: Hold | None
    parts: Sequence[HoldPart]
    attempts: Sequence[Attempt]
    entries: Sequence[LedgerEntry]
    corrections: Sequence[Correction]

    @property
    def paid_tokens(self) -> int:
        """What allocations paid when the call was settled."""
        return -sum(entry.delta_tokens for entry in self.entries if entry.kind != "debt")

    @property
    def debt_tokens(self) -> int:
        """What found no balance and became the company's debt."""
        return -sum(entry.delta_tokens for entry in self.entries if entry.kind == "debt")

    @property
    def absorbed_tokens(self) -> int:
        """What found no balance and was borne by the platform."""
        return self.log.absorbed_tokens

    @property
    def returned_tokens(self) -> int:
        """What corrections gave back since."""
        return sum(entry.delta_tokens for correction in self.corrections for entry in correction.entries)

    @property
    def net_tokens(self) -> int:
        """What the call has cost the company up to now."""
        return self.paid_tokens + self.debt_tokens - self.returned_tokens

    @property
    def is_accounted_for(self) -> bool:
        """Whether the charge is the sum of its parts (law 4)."""
        return self.log.charged_tokens == self.paid_tokens + self.debt_tokens + self.absorbed_tokens


def explain_charge(usage_log_id: UUID) -> Explanation:
    """Explain a charge from the rows of the ledger. The caller sees to it that the reader may see ``log.company_id``.

    Raises:
        NotACharge: there is no such usage log, or it corrects another.
    """
    log = UsageLog.objects.filter(pk=usage_log_id, kind="call").first()
    if log is None or log.hold_id is None:
        raise NotACharge(usage_log_id)
    corrections = UsageLog.objects.filter(hold_id=log.hold_id, corrects_id=log.pk).order_by("id")
    ids = [log.pk, *(correction.pk for correction in corrections)]
    entries: dict[UUID | None, list[LedgerEntry]] = {usage_log_id: [] for usage_log_id in ids}
    for entry in LedgerEntry.objects.filter(usage_log_id__in=ids).select_related("allocation").order_by("id"):
        entries[entry.usage_log_id].append(entry)
    return Explanation(
        log=log,
        hold=Hold.objects.filter(pk=log.hold_id).first(),
        parts=list(HoldPart.objects.filter(hold_id=log.hold_id).select_related("allocation").order_by("allocation_id")),
        attempts=list(Attempt.objects.filter(hold_id=log.hold_id).order_by("number")),
        entries=entries[log.pk],
        corrections=[Correction(correction, entries[correction.pk]) for correction in corrections],
    )
