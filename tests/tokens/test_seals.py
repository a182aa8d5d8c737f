"""Seals take in the ledger in commit order: every entry once, none too early, and nobody can change them."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from tests.tokens.ledger import charge, grant, hold, new_company, used
from tests.tokens.past import (
    company_at_noon,
    lifted_guards,
    move_to_past,
    other_transaction,
    seal_all,
    tamper,
    wait_for_others,
)
from tokens import tasks
from tokens.models import LedgerEntry, Seal
from tokens.periods import today
from tokens.seal_format import ENTRY_FIELDS, NO_SEAL_BEFORE, SEAL_FIELDS, SealHash
from tokens.selectors.audit import audit_ledger
from tokens.selectors.entries import EntryRow
from tokens.services.holds import settle_hold
from tokens.services.seals import seal_company, seal_ledger

GRANT = "SELECT tokens_grant(%s, 'adjustment', NULL, %s, 100, NULL, NULL, NULL, 'late')"


def sha256_of(seal, entries):
    """Make the hash again from model instances."""
    digest = SealHash(seal.previous_sha256)
    for entry in entries:
        digest.add_entry(getattr(entry, name) for name in ENTRY_FIELDS)
    return digest.finish(getattr(seal, name) for name in SEAL_FIELDS)


def law_8():
    return {result.name: result.found for result in audit_ledger() if result.law == 8}


def test_a_seal_s_row_is_read_in_the_order_in_which_it_is_hashed():
    assert EntryRow._fields == ENTRY_FIELDS


def test_a_day_that_is_over_is_sealed_with_all_its_entries(committed_db):
    company = company_at_noon(tokens=1000)
    charge(company, 300)
    move_to_past(company, days=1)

    (seal,) = seal_all(company)

    assert (seal.number, seal.company_day, seal.closes_day) == (1, today(company) - timedelta(days=1), True)
    assert (seal.entry_count, seal.delta_tokens, seal.balance_tokens) == (2, 700, 700)
    assert (seal.from_xact, seal.previous_sha256) == ("0", NO_SEAL_BEFORE)
    assert seal.sha256 == sha256_of(seal, LedgerEntry.objects.order_by("xact_id", "id"))


def test_the_database_hashes_awkward_text_as_python_does(committed_db):
    company = company_at_noon()
    grant(company, 5, reason_code="=1\t2\\t\r\n'é\u2028“x”", actor_id=7)

    (seal,) = seal_all(company, include_today=True)

    assert seal.sha256 == sha256_of(seal, LedgerEntry.objects.all())


def test_today_waits_unless_it_is_asked_for(committed_db):
    company = company_at_noon(tokens=10)

    assert seal_all(company) == []
    (seal,) = seal_all(company, include_today=True)

    assert (seal.company_day, seal.closes_day) == (today(company), False)


def test_each_day_gets_its_own_seal_over_the_one_before(committed_db):
    company = company_at_noon(tokens=100)
    move_to_past(company, days=5)
    charge(company, 30)
    move_to_past(company, days=2)
    charge(company, 20)

    first, second = seal_all(company)

    assert [(row.company_day - today(company)).days for row in (first, second)] == [-5, -2]
    assert (second.number, second.previous_sha256, second.from_xact) == (2, first.sha256, first.to_xact)
    assert (second.entry_count, second.delta_tokens, second.balance_tokens) == (1, -30, 70)


def test_a_long_day_is_sealed_in_several_cut_between_transactions(committed_db):
    company = company_at_noon(tokens=10)
    charge(company, 10)
    settle_hold(hold_id=hold(company, 0).hold_id, usages=[used(5)], answer=None)
    grant(company, 5)  # and its repayment: three entries of one transaction
    move_to_past(company, days=1)

    seals = seal_all(company, max_entries=2)

    assert [(row.entry_count, row.closes_day) for row in seals] == [(2, False), (1, False), (3, True)]
    assert law_8() == {"seals_chain": 0, "seals_count_their_entries": 0}


def test_an_entry_that_commits_late_falls_into_the_next_seal(committed_db):
    company = company_at_noon(tokens=10)
    wait_for_others()
    with other_transaction() as other:
        other.execute(GRANT, [company.pk, 7])
        (first,) = seal_company(company.pk, include_today=True)
    (second,) = seal_all(company, include_today=True)

    assert (first.entry_count, first.balance_tokens) == (1, 10)
    assert (second.entry_count, second.delta_tokens, second.balance_tokens) == (1, 7, 17)


def test_what_lies_above_a_running_transaction_waits_although_it_is_committed(committed_db):
    """Control: a seal of all that is visible would reach past the transaction, and its entry would be in no seal."""
    company = company_at_noon(tokens=10)
    wait_for_others()
    with other_transaction() as other:
        charge(company, 4)
        assert LedgerEntry.objects.count() == 2
        (first,) = seal_company(company.pk, include_today=True)
        other.execute(GRANT, [company.pk, 7])
    (second,) = seal_all(company, include_today=True)

    assert [first.entry_count, second.entry_count] == [1, 2]
    late = LedgerEntry.objects.get(reason_code="late")
    assert int(first.to_xact) <= int(late.xact_id) < int(LedgerEntry.objects.get(kind="usage").xact_id)
    assert law_8() == {"seals_chain": 0, "seals_count_their_entries": 0}


def test_a_seal_does_not_close_a_day_of_which_more_is_to_be_seen(committed_db):
    company = company_at_noon(tokens=10)
    wait_for_others()
    with other_transaction():
        charge(company, 4)
        move_to_past(company, days=1)
        (first,) = seal_company(company.pk)
    (second,) = seal_all(company)

    assert (first.closes_day, second.closes_day) == (False, True)
    assert first.company_day == second.company_day


def test_what_comes_late_for_a_closed_day_belongs_to_the_next(committed_db):
    company = company_at_noon(tokens=10)
    move_to_past(company, days=2)
    seal_all(company)
    charge(company, 4)
    move_to_past(company, days=2)

    (late,) = seal_all(company)

    assert late.company_day == today(company) - timedelta(days=1)


def test_a_seal_never_holds_what_the_same_transaction_wrote(committed_db):
    company = company_at_noon(tokens=10)
    wait_for_others()
    with other_transaction() as other:
        other.execute(GRANT, [company.pk, 7])
        other.execute("SELECT entry_count FROM tokens_seal_next(%s, true, 100)", [company.pk])
        assert other.fetchall() == [(1,)]


def test_two_processes_that_seal_at_once_seal_everything_once(committed_db):
    company = company_at_noon(tokens=100)
    for tokens in range(1, 13):
        charge(company, tokens)
    numbers = in_threads(lambda: [row.number for row in seal_all(company, include_today=True, max_entries=1)])

    assert sorted(sum(numbers, [])) == list(range(1, 14))
    assert law_8() == {"seals_chain": 0, "seals_count_their_entries": 0}


def test_sealing_while_many_write_leaves_no_entry_out(committed_db):
    companies = [company_at_noon(tokens=10_000, slug=f"c{number}") for number in range(2)]
    done = threading.Event()

    def write():
        for turn in range(15):
            if turn in (5, 10):
                wait_for_others()
                seal_ledger(include_today=True)
            with other_transaction() as other:  # takes its id long before it writes, as any service may
                other.execute(GRANT, [companies[0].pk, 1])
                charge(companies[1], 1)
        done.set()

    def seal_on():
        while not done.is_set():
            seal_ledger(include_today=True)

    in_threads(write, seal_on)
    wait_for_others()
    seal_ledger(include_today=True)

    for company in companies:
        seals = list(company.token_account.seals.order_by("number"))
        assert sum(row.entry_count for row in seals) == company.token_account.entries.count() == 16
        assert len(seals) >= 3
    assert law_8() == {"seals_chain": 0, "seals_count_their_entries": 0}


def in_threads(*jobs):
    """Run jobs at once, each on a connection of its own; one job runs twice. Returns what they returned."""
    results, start = [], threading.Barrier(2)

    def run(job):
        start.wait()
        try:
            results.append(job())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in (jobs if len(jobs) == 2 else jobs * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    return results


@pytest.mark.parametrize(
    "statement", ["UPDATE tokens_seal SET number = 2", "DELETE FROM tokens_seal", "TRUNCATE tokens_seal"]
)
def test_nobody_changes_a_seal(committed_db, statement):
    seal_all(company_at_noon(tokens=10), include_today=True)

    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Seal.objects.get().number == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tokens_seal SELECT * FROM tokens_seal",
        "UPDATE tokens_seal SET number = 2",
        "DELETE FROM tokens_seal",
        "TRUNCATE tokens_seal",
        "ALTER TABLE tokens_seal DISABLE TRIGGER ALL",
    ],
)
def test_the_product_seals_through_the_function_alone(committed_db, statement):
    company = company_at_noon(tokens=10)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE winnow_app")
        try:
            assert len(seal_all(company, include_today=True)) == 1
            with pytest.raises(DatabaseError, match="permission denied|must be owner"):
                cursor.execute(statement)
        finally:
            cursor.execute("RESET ROLE")


def test_a_company_that_cannot_be_sealed_does_not_hold_up_the_others(committed_db):
    broken, sound = company_at_noon(tokens=10, slug="broken"), company_at_noon(tokens=10, slug="sound")
    wait_for_others()
    type(broken).objects.filter(pk=broken.pk).update(time_zone="Nowhere/Atlantis")

    run = seal_ledger(include_today=True)

    assert run.failed_company_ids == [broken.pk]
    assert [row.company_id for row in run.seals] == [sound.pk]


def test_the_schedule_seals_each_company_s_day_when_it_is_over(committed_db):
    company = company_at_noon(tokens=10)
    move_to_past(company, days=1)

    wait_for_others()
    tasks.seal_ledger()

    assert Seal.objects.get().company_day == today(company) - timedelta(days=1)
    assert tasks.seal_ledger.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def test_the_command_says_what_it_sealed(committed_db, capsys):
    company = company_at_noon(tokens=10)
    move_to_past(company, days=1)
    grant(company, 5)
    wait_for_others()

    call_command("seal_ledger", "--dry-run")
    assert f"acme: 1 entries since {today(company) - timedelta(days=1)}\n" in capsys.readouterr().out
    assert not Seal.objects.exists()

    call_command("seal_ledger", "--company", "acme")
    assert "acme: seal 1 of " in capsys.readouterr().out
    call_command("seal_ledger")
    assert capsys.readouterr().out.startswith("Nothing to seal.")
    call_command("seal_ledger", "--today", "--json")
    assert '"number": 2, ' in capsys.readouterr().out


def test_the_command_fails_when_a_company_could_not_be_sealed(committed_db):
    company = company_at_noon(tokens=10)
    type(company).objects.update(time_zone="Nowhere/Atlantis")

    with pytest.raises(SystemExit) as exit_:
        call_command("seal_ledger")

    assert exit_.value.code == 1


@pytest.mark.django_db
def test_the_command_refuses_a_company_that_does_not_exist():
    with pytest.raises(CommandError, match="no company “nobody”"):
        call_command("seal_ledger", "--company", "nobody")


def test_an_entry_slipped_under_a_seal_is_found_by_the_audit(committed_db):
    company = new_company(tokens=10)
    seal_all(company, include_today=True)
    tamper("UPDATE tokens_seal SET to_xact = '9000000000000000000'")
    with lifted_guards():
        grant(company, 5)

    assert law_8() == {"seals_chain": 0, "seals_count_their_entries": 1}
