"""Defects that the proofs of this package found, each as a small test of its own."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from tests.tokens.ledger import end_lease, grant, hold, new_company, used
from tests.tokens.proof.waiting import wait_for_blocked_backend
from tokens.errors import CallInFlight
from tokens.models import BudgetPeriod, BudgetScope, Hold, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import spool
from tokens.services.budgets import create_budget
from tokens.services.grants import roll_over
from tokens.services.holds import Closing, extend_hold, release_hold, settle_hold, start_attempt


def begin_attempt(hold_id):
    return start_attempt(hold_id=hold_id, provider="openai", model="m", estimated_cost_usd=None, lease_seconds=60)


@pytest.mark.django_db
def test_an_attempt_that_costs_nothing_may_follow_one_that_was_charged():
    company = new_company(tokens=100)
    placed = hold(company, 100)
    number = begin_attempt(placed.hold_id)

    settle_hold(hold_id=placed.hold_id, usages=[used(70), used(0, number=number, status="failed")], answer=None)

    assert list(UsageLog.objects.order_by("id").values_list("charged_tokens", flat=True)) == [70, 0]
    assert get_balance(company.pk).available_tokens == 30


@pytest.mark.django_db
@pytest.mark.parametrize("numbers", [(2,), (1, 1)])
def test_a_usage_log_without_an_attempt_of_its_own_is_refused_whole(numbers):
    company = new_company(tokens=100)
    placed = hold(company, 100)

    with pytest.raises(IntegrityError, match="must name one of its attempts"):
        settle_hold(hold_id=placed.hold_id, usages=[used(10, number=number) for number in numbers], answer=None)


@pytest.mark.django_db
def test_a_budget_can_be_set_before_the_first_grant():
    company = new_company()
    create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.TOTAL, limit_tokens=10)
    grant(company, 100)

    assert hold(company, 50, minimum=1).held_tokens == 10


@pytest.mark.django_db
def test_tokens_that_take_effect_repay_debt_before_a_hold_is_extended():
    company = new_company(tokens=100)
    other = hold(company, 10)
    settle_hold(hold_id=hold(company, 90).hold_id, usages=[used(100)], answer=None)
    later = grant(company, 50, effective_at=timezone.now() + timedelta(hours=1))
    type(later).objects.filter(pk=later.pk).update(effective_at=timezone.now() - timedelta(hours=1))
    assert get_balance(company.pk).available_tokens == 40

    assert extend_hold(hold_id=other.hold_id, more_tokens=40, lease_seconds=60) is True
    assert get_balance(company.pk).debt_tokens == 0


@pytest.mark.django_db
def test_a_hold_that_takes_over_its_key_counts_the_debt_that_its_predecessor_s_end_repaid():
    company = new_company(tokens=100)
    lost = hold(company, 60, key="k", request_hash=b"a")
    settle_hold(hold_id=hold(company, 40).hold_id, usages=[used(50)], answer=None)
    end_lease(lost.hold_id)

    assert hold(company, 50, key="k", request_hash=b"a").held_tokens == 50


@pytest.mark.django_db
def test_an_allocation_is_rolled_over_once():
    company = new_company()
    old = grant(company, 100)
    options = {"company_id": company.pk, "allocation_ids": [old.pk], "max_tokens": 500, "expires_at": None}

    assert roll_over(source_id="2026-12", **options) == 100
    assert roll_over(source_id="2027-01", **options) == 0

    assert get_balance(company.pk).available_tokens == 100


@pytest.mark.django_db
def test_a_roll_over_of_nothing_rolls_nothing_over_later():
    company = new_company()
    old = grant(company, 100)
    placed = hold(company, 100)
    options = {"company_id": company.pk, "allocation_ids": [old.pk], "max_tokens": 500, "source_id": "2026-12"}
    assert roll_over(expires_at=None, **options) == 0
    release_hold(hold_id=placed.hold_id)

    assert roll_over(expires_at=None, **options) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("late_first", [True, False])
def test_a_key_whose_lost_call_settles_after_all_is_charged_once(late_first):
    company = new_company(tokens=100)
    lost = hold(company, 40, key="k", request_hash=b"a")
    end_lease(lost.hold_id)
    again = hold(company, 40, key="k", request_hash=b"a")
    first, second = (lost, again) if late_first else (again, lost)

    settle_hold(hold_id=first.hold_id, usages=[used(30)], answer={"text": "first"})
    settlement = settle_hold(hold_id=second.hold_id, usages=[used(30)], answer={"text": "second"})

    assert (settlement.charged_tokens, settlement.absorbed_tokens) == (30, 30)
    assert get_balance(company.pk).available_tokens == 70
    assert hold(company, 40, key="k", request_hash=b"a").hold_id == first.hold_id
    assert [result for result in audit_ledger() if not result.holds] == []


@pytest.mark.django_db
def test_a_key_stands_for_its_late_call_when_the_repeat_was_given_up():
    company = new_company(tokens=100)
    lost = hold(company, 40, key="k", request_hash=b"a")
    end_lease(lost.hold_id)
    again = hold(company, 40, key="k", request_hash=b"a")
    release_hold(hold_id=again.hold_id)

    settle_hold(hold_id=lost.hold_id, usages=[used(30)], answer={"text": "late"})

    assert hold(company, 40, key="k", request_hash=b"a").is_replay
    assert get_balance(company.pk).available_tokens == 70


@pytest.fixture
def folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path
    return tmp_path


def test_a_spooled_settlement_that_the_database_refuses_stays_and_the_rest_is_applied(committed_db, folder):
    company = new_company(tokens=100)
    refused, fine = hold(company, 40), hold(company, 40)
    spool.write(Closing.settling(refused.hold_id, [used(30, number=2)], None))
    spool.write(Closing.settling(fine.hold_id, [used(30)], None))
    os.utime(folder / f"{refused.hold_id}.json", (0, 0))

    assert spool.drain() == 1

    assert [path.stem for path in spool.list_waiting()] == [str(refused.hold_id)]
    assert Hold.objects.get(pk=fine.hold_id).state == "settled"


def test_a_settlement_that_the_database_refuses_is_kept(committed_db, folder):
    placed = hold(new_company(tokens=100), 40)

    assert spool.close_or_spool(Closing.settling(placed.hold_id, [used(30, number=2)], {"text": "hi"})) is None

    assert [path.stem for path in spool.list_waiting()] == [str(placed.hold_id)]


@pytest.mark.django_db
def test_a_drainer_that_comes_second_to_a_file_goes_on(folder, monkeypatch):
    spool.write(Closing.settling(hold(new_company(tokens=100), 40).hold_id, [used(30)], None))
    monkeypatch.setattr(spool, "_apply", lambda closing: (folder / f"{closing.hold_id}.json").unlink())
    (folder / "gone.json").symlink_to(folder / "applied and removed by another")

    assert spool.drain() == 1


@pytest.mark.django_db
def test_the_audit_finds_a_key_that_was_charged_twice():
    company = new_company(tokens=100)
    for key in ("k", "other"):
        placed = hold(company, 40, key=key, request_hash=b"a")
        settle_hold(hold_id=placed.hold_id, usages=[used(30)], answer=None)
    assert [result.name for result in audit_ledger() if not result.holds] == []

    Hold.objects.update(key="k")

    assert [result.name for result in audit_ledger() if not result.holds] == ["keys_charge_once"]


def test_a_key_is_still_in_flight_when_its_lease_is_renewed_at_the_last_moment(committed_db):
    company = new_company(tokens=100)
    placed = hold(company, 60, key="k", request_hash=b"a")
    end_lease(placed.hold_id)

    def repeat_the_call():
        try:
            hold(company, 10, key="k", request_hash=b"a")
        finally:
            connection.close()

    renewing = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})
    with ThreadPoolExecutor() as threads, renewing:
        renewing.execute("SELECT tokens_start_attempt(%s, 'openai', 'm', NULL, 60)", [placed.hold_id])
        repeated = threads.submit(repeat_the_call)
        wait_for_blocked_backend("tokens_place_hold")
        renewing.commit()
        with pytest.raises(CallInFlight):
            repeated.result()

    assert Hold.objects.count() == 1


@pytest.mark.django_db
def test_debt_that_two_allocations_repay_at_once_is_gone_in_one_entry():
    company = new_company(tokens=5)
    grant(company, 100)
    first, second = hold(company, 4), hold(company, 3)  # of which the second lies on both
    settle_hold(hold_id=first.hold_id, usages=[used(4 + 98 + 3)], answer=None)

    settle_hold(hold_id=second.hold_id, usages=[used(0)], answer=None)

    repaid = LedgerEntry.objects.filter(kind__in=("debt", "debt_repayment"), usage_log_id=None)
    assert sorted(repaid.values_list("kind", "delta_tokens")) == [
        ("debt", 3),
        ("debt_repayment", -2),
        ("debt_repayment", -1),
    ]
    assert get_balance(company.pk).debt_tokens == 0
