"""What comes after a process was killed: leases that run out, a sweep, and books that must be in order."""

import os
import signal
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import spool, upkeep


class Paid(Protocol):
    """An answer of a call."""

    @property
    def charged_tokens(self) -> int: ...


def kill(process: BaseProcess) -> None:
    """Kill a process and see it gone."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    see_dead(process)


def see_dead(process: BaseProcess) -> None:
    """See a process end by SIGKILL."""
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def let_leases_run_out() -> None:
    """Let the time pass that a lease lasts."""
    Hold.objects.filter(state="open").update(lease_expires_at=timezone.now() - timedelta(hours=2))


def give_up_attempts() -> None:
    """Let the time pass after which nobody can settle an attempt any more, and mark them."""
    Hold.objects.filter(state="expired").update(ended_at=timezone.now() - timedelta(hours=2))
    upkeep.mark_unknown_attempts()


def assert_charged_once(company_id: int, granted_tokens: int, answers: Mapping[str | None, Paid]) -> None:
    """Each key was charged once, as its answer says, whatever was tried; nothing is open, waits or is amiss."""
    give_up_attempts()
    assert list_charges() == {key: [answer.charged_tokens] for key, answer in answers.items()}
    charged = sum(answer.charged_tokens for answer in answers.values())
    balance = get_balance(company_id)
    assert (balance.held_tokens, balance.available_tokens) == (0, granted_tokens - charged)
    assert Hold.objects.filter(state="open").count() == 0
    assert [*spool.list_waiting(), *spool.list_unreadable()] == []
    assert [result for result in audit_ledger() if not result.holds] == []


def list_charges() -> Mapping[str | None, list[int]]:
    """List what was charged under each key: one number for each usage log that cost the company something."""
    keys: dict[UUID, str | None] = dict(Hold.objects.values_list("pk", "key"))
    charges = defaultdict(list)
    for log in UsageLog.objects.exclude(charged_tokens=0):
        charges[keys[log.hold_id]].append(log.charged_tokens - log.absorbed_tokens)
    return charges
