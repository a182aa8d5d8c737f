"""The balance at any past moment, and what a charge was made of."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from tests.tokens.ledger import charge, end_lease, grant, hold, new_company, used
from tests.tokens.past import company_at_noon, move_to_past, seal_all, tamper
from tokens.errors import NotACharge
from tokens.models import OverdraftPolicy, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.history import balance_at, explain_charge
from tokens.services.corrections import Cause, refund_charge, void_call
from tokens.services.holds import settle_hold, start_attempt
from tokens.services.upkeep import expire_holds


def cause(key="r"):
    return Cause(key=key, reason_code="goodwill", actor_id=1)


@pytest.mark.django_db
def test_the_balance_at_a_moment_is_the_sum_of_what_was_recorded_up_to_it():
    company = new_company(tokens=100)
    charge(company, 30)
    charge(company, 90, held=70)  # 20 of it are debt
    moments = company.token_account.entries.order_by("recorded_at", "id").values_list("recorded_at", flat=True)
    granted, first, *_rest, last = moments

    assert balance_at(company.pk, granted - timedelta(microseconds=1)) == 0
    assert balance_at(company.pk, granted) == 100
    assert balance_at(company.pk, first) == 70
    assert balance_at(company.pk, last) == -20


@pytest.mark.django_db
def test_held_tokens_are_still_the_company_s():
    company = new_company(tokens=100)
    placed = hold(company, 60)
    moment = now()

    assert (get_balance(company.pk).available_tokens, balance_at(company.pk, moment)) == (40, 100)
    end_lease(placed.hold_id)
    expire_holds()
    assert balance_at(company.pk, now()) == 100


def now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def test_seals_do_not_change_the_balance_of_any_moment(committed_db):
    company = company_at_noon(tokens=1000)
    generator = random.Random(3)
    for days in range(6, 0, -1):
        charge(company, generator.randint(1, 50))
        move_to_past(company, days)
        seal_all(company, max_entries=generator.randint(1, 3))
        grant(company, generator.randint(1, 50))
    moments = [now(), *company.token_account.entries.values_list("recorded_at", flat=True)]

    entries = list(company.token_account.entries.values_list("recorded_at", "delta_tokens"))
    assert [balance_at(company.pk, moment) for moment in moments] == [
        sum(delta for recorded_at, delta in entries if recorded_at <= moment) for moment in moments
    ]


def test_the_balance_starts_from_the_last_seal(committed_db):
    """Control: a damaged seal shows, so the entries below it were not read."""
    company = company_at_noon(tokens=100)
    before = now()
    seal_all(company, include_today=True)
    tamper("UPDATE tokens_seal SET balance_tokens = balance_tokens + 1000")
    grant(company, 5)

    assert balance_at(company.pk, now()) == 1105
    assert balance_at(company.pk, before) == 100


@pytest.mark.django_db
def test_a_charge_is_explained_by_its_hold_requests_and_allocations():
    company = new_company()
    plan, purchase = grant(company, 100, source_id="plan"), grant(company, 100, priority=200)
    placed = hold(company, 150)
    start_attempt(hold_id=placed.hold_id, provider="openai", model="m", estimated_cost_usd=None, lease_seconds=60)
    failed = used(0, status="failed", usage_source="none", error_code="timeout")
    settle_hold(hold_id=placed.hold_id, usages=[failed, used(120, number=2)], answer=None)

    explanation = explain_charge(UsageLog.objects.get(attempt_number=2).pk)

    assert explanation.hold.pk == placed.hold_id
    assert {(part.allocation, part.tokens) for part in explanation.parts} == {(plan, 100), (purchase, 50)}
    assert [(attempt.number, attempt.state) for attempt in explanation.attempts] == [(1, "failed"), (2, "succeeded")]
    assert {(entry.allocation, entry.delta_tokens) for entry in explanation.entries} == {(plan, -100), (purchase, -20)}
    assert (explanation.paid_tokens, explanation.net_tokens, explanation.is_accounted_for) == (120, 120, True)


@pytest.mark.django_db
def test_a_charge_shows_its_debt_and_what_was_given_back():
    company = new_company(tokens=100)
    log = charge(company, 130, held=100)
    first = refund_charge(usage_log_id=log.pk, amount_tokens=40, cause=cause("1"))
    second = void_call(usage_log_id=log.pk, cause=cause("2"))

    explanation = explain_charge(log.pk)

    assert (explanation.paid_tokens, explanation.debt_tokens, explanation.absorbed_tokens) == (100, 30, 0)
    assert [correction.log.pk for correction in explanation.corrections] == [first.refund_id, second.refund_id]
    assert [sum(entry.delta_tokens for entry in correction.entries) for correction in explanation.corrections] == [
        40,
        90,
    ]
    assert (explanation.returned_tokens, explanation.net_tokens) == (130, 0)


@pytest.mark.django_db
def test_a_charge_shows_what_the_platform_absorbed():
    company = new_company(tokens=100)
    type(company.token_account).objects.update(overdraft_policy=OverdraftPolicy.ABSORB)

    explanation = explain_charge(charge(company, 130, held=100).pk)

    assert (explanation.paid_tokens, explanation.debt_tokens, explanation.absorbed_tokens) == (100, 0, 30)
    assert (explanation.net_tokens, explanation.is_accounted_for) == (100, True)


@pytest.mark.django_db
def test_a_charge_that_lost_an_entry_is_not_accounted_for():
    company = new_company(tokens=100)
    log = charge(company, 30)
    tamper("DELETE FROM tokens_ledger_entry WHERE kind = 'usage'")

    assert not explain_charge(log.pk).is_accounted_for


@pytest.mark.django_db
def test_a_correction_and_an_unknown_id_are_no_charges():
    company = new_company(tokens=100)
    refund = void_call(usage_log_id=charge(company, 30).pk, cause=cause())

    for usage_log_id in (refund.refund_id, uuid4()):
        with pytest.raises(NotACharge):
            explain_charge(usage_log_id)


@pytest.mark.django_db
def test_explaining_costs_the_same_however_much_was_corrected(django_assert_num_queries):
    company = new_company(tokens=100)
    log = charge(company, 30)
    for number in range(5):
        refund_charge(usage_log_id=log.pk, amount_tokens=1, cause=cause(str(number)))

    with django_assert_num_queries(6):
        explanation = explain_charge(log.pk)
        assert [entry.allocation.source for entry in explanation.entries] == ["adjustment"]
