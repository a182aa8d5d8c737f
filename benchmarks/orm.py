"""The same pair as it is usually written in Django: rows locked with ``select_for_update``, objects made and saved.

For the record only. It keeps the ledger's books right, with the owner's role: the product's may not write by hand.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from benchmarks.calls import ANSWER, USAGE, hold_request
from tokens.models import (
    Account,
    Allocation,
    Answer,
    Attempt,
    EntryKind,
    Hold,
    HoldPart,
    HoldState,
    IdempotencyKey,
    LedgerEntry,
    UsageLog,
)
from tokens.models.usage import UsageKind


def pair(company_id: int) -> None:
    """Hold and settle."""
    _settle(_hold(company_id))


@transaction.atomic
def _hold(company_id: int) -> UUID:
    request = hold_request(company_id, f"step/{uuid4()}/0")
    account = Account.objects.select_for_update().get(pk=company_id)
    allocation = Allocation.objects.filter(company=account).effective().in_burn_order()[0]
    if allocation.free_tokens < request.needed_tokens:
        raise RuntimeError("The allocation is used up.")
    hold = Hold.objects.create(
        company=account,
        key=request.key,
        needed_tokens=request.needed_tokens,
        held_tokens=request.needed_tokens,
        company_day=timezone.localdate(),
        lease_expires_at=timezone.now() + timedelta(seconds=request.lease_seconds),
        operation=request.operation,
        application_id=request.attribution.application_id,
        job_id=request.attribution.job_id,
        step_id=request.attribution.step_id,
    )
    HoldPart.objects.create(company=account, hold=hold, allocation=allocation, tokens=hold.held_tokens)
    Attempt.objects.create(
        hold=hold,
        number=1,
        provider=request.provider,
        model=request.model,
        estimated_cost_usd=request.estimated_cost_usd,
    )
    IdempotencyKey.objects.create(
        company=account, scope="call", key=request.key, request_hash=request.request_hash, result_id=hold.pk
    )
    allocation.held_tokens += hold.held_tokens
    allocation.save(update_fields=["held_tokens"])
    return hold.pk


@transaction.atomic
def _settle(hold_id: UUID) -> None:
    hold = Hold.objects.select_for_update().select_related("company").get(pk=hold_id)
    attempt = hold.attempts.get(number=USAGE.attempt_number)
    log = UsageLog.objects.create(
        company_id=hold.company_id,
        hold_id=hold.pk,
        kind=UsageKind.CALL,
        operation=hold.operation,
        application_id=hold.application_id,
        job_id=hold.job_id,
        step_id=hold.step_id,
        provider=attempt.provider,
        model=attempt.model,
        started_at=attempt.started_at,
        company_day=hold.company_day,
        debt_tokens=0,
        absorbed_tokens=0,
        own_key_tokens=0,
        key_owner=hold.key_owner,
        **USAGE._asdict(),
    )
    for part in hold.parts.all():
        LedgerEntry.objects.create(
            company_id=hold.company_id,
            allocation_id=part.allocation_id,
            kind=EntryKind.USAGE,
            delta_tokens=-USAGE.charged_tokens,
            usage_log_id=log.pk,
            hold_id=hold.pk,
            company_day=hold.company_day,
        )
        Allocation.objects.filter(pk=part.allocation_id).update(
            used_tokens=F("used_tokens") + USAGE.charged_tokens, held_tokens=F("held_tokens") - part.tokens
        )
    attempt.state, attempt.usage_log_id, attempt.ended_at = USAGE.status, log.pk, timezone.now()
    attempt.save(update_fields=["state", "usage_log_id", "ended_at"])
    hold.state, hold.charged_tokens, hold.ended_at = HoldState.SETTLED, USAGE.charged_tokens, timezone.now()
    hold.save(update_fields=["state", "charged_tokens", "ended_at"])
    Answer.objects.create(hold=hold, content=ANSWER, erase_after=timezone.now() + timedelta(days=30))
