"""Changes to how a history is played that must not change the books."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.tokens.proof.books import Books, read_books
from tests.tokens.proof.histories import Histories, Step
from tests.tokens.proof.machine import open_companies
from tests.tokens.proof.model import Outcome
from tests.tokens.proof.mutations import DEFECTS, put_in, restored
from tests.tokens.proof.real_ledger import Clock, RealCompany
from tests.tokens.proof.test_state_machine import HUNT
from tokens.selectors.audit import Finding
from tokens.services import upkeep
from tokens.services.repairs import rebuild_counters

OWN, UNRELATED = 0, 1
Player = Callable[[Sequence[Step], Sequence[RealCompany]], None]


class Recorder(Histories):
    """Keeps the histories that are made up, and what happens in each."""

    made: ClassVar[list["Recorder"]] = []

    def __init__(self) -> None:
        super().__init__()
        self.happened: set[tuple[str, object]] = set()

    def do(self, verb: str, **details: Any) -> None:
        super().do(verb, **details)
        self.happened.add((verb, "done"))

    def ask(self, company: int, verb: str, **details: Any) -> Outcome:
        outcome = super().ask(company, verb, **details)
        self.happened |= {(verb, outcome[0])} | {(entry.kind, "entered") for entry in self.models[company].entries}
        return outcome

    def teardown(self) -> None:
        self.made.append(self)


@cache
def histories() -> list[list[Step]]:
    """Make up histories, and choose four in which, taken together, as much happens as can be.

    The same four are not made up everywhere: Hypothesis draws on the constants of whatever modules are loaded.
    """
    run_state_machine_as_test(Recorder, settings=settings(HUNT, max_examples=200))
    long = [history for history in Recorder.made if len(history.steps) > 20]
    chosen: list[Recorder] = []
    happened: set[tuple[str, object]] = set()
    for _place in range(4):
        chosen.append(max(long, key=lambda history: len(history.happened - happened)))
        happened |= chosen[-1].happened
    return [history.steps for history in chosen]


def play(steps: Sequence[Step], companies: Sequence[RealCompany]) -> None:
    """Play a history, or a part of one."""
    for company, verb, details in steps:
        companies[company or 0].request(verb, **details)


@contextmanager
def ledger() -> Iterator[list[RealCompany]]:
    """Give companies of their own to a history, gone with the block."""
    with transaction.atomic() as _block:
        connection.atomic_blocks[-1]._from_testcase = True
        yield open_companies(Clock())
        transaction.set_rollback(True)


def books_after(steps: Sequence[Step], player: Player = play) -> list[Books]:
    """Return the books of all companies after a history, played on a ledger of its own."""
    with ledger() as companies:
        player(steps, companies)
        return [read_books(company.company_id) for company in companies]


@pytest.mark.django_db
def test_the_histories_are_worth_playing():
    verbs = {verb for steps in histories() for _company, verb, _details in steps}
    assert {"grant", "place", "settle", "release", "refund", "roll_over", "limit", "pass_time", "sweep"} <= verbs
    assert min(len(steps) for steps in histories()) > 20


@pytest.mark.django_db
def test_counters_that_are_lost_are_rebuilt_from_entries_and_holds():
    for steps in histories():
        with ledger() as companies:
            play(steps, companies)
            before = [read_books(company.company_id) for company in companies]
            lose_counters()
            assert [read_books(company.company_id) for company in companies] != before

            rebuild(companies)

            assert [read_books(company.company_id) for company in companies] == before


@pytest.mark.django_db
def test_counters_rebuilt_from_a_forged_entry_are_not_the_same():
    for steps in histories():
        with ledger() as companies:
            play(steps, companies)
            before = [read_books(company.company_id) for company in companies]
            lose_counters()
            forge_an_entry()

            rebuild(companies)

            after = [read_books(company.company_id) for company in companies]
            assert [books.allocations for books in after] != [books.allocations for books in before]


@pytest.mark.django_db
def test_unrelated_companies_change_nothing():
    for steps in histories():
        alone = [step for step in steps if step[0] != UNRELATED]

        assert books_after(steps)[OWN] == books_after(alone)[OWN]


@pytest.mark.django_db
def test_the_order_in_which_companies_take_turns_changes_nothing():
    for steps in histories():
        in_turn = []
        for _is_common, stretch in groupby(steps, key=lambda step: step[0] is None):
            in_turn += sorted(stretch, key=lambda step: step[0] or 0)

        assert books_after(in_turn) == books_after(steps)


@pytest.mark.django_db
def test_tokens_taken_from_another_company_are_noticed():
    (defect,) = (defect for defect in DEFECTS if defect.what == "a company spends another's tokens")
    put_in(defect)

    with pytest.raises(Exception, match="same_company|assert"):
        test_unrelated_companies_change_nothing()


@pytest.mark.django_db
def test_a_sweeper_in_small_batches_does_what_one_in_large_batches_does(monkeypatch):
    whole = [books_after(steps) for steps in histories()]

    def sweep_one_by_one(_company: RealCompany) -> tuple[str]:
        for sweep in (upkeep.expire_holds, upkeep.mark_unknown_attempts, upkeep.expire_allocations):
            while sweep(batch=1):
                pass
        return ("swept",)

    monkeypatch.setattr(RealCompany, "sweep", sweep_one_by_one)
    assert [books_after(steps) for steps in histories()] == whole


@pytest.mark.django_db
def test_one_token_more_is_noticed():
    for steps in histories():
        (company, verb, details), *later = steps
        more = [(company, verb, {**details, "tokens": details["tokens"] + 1}), *later]

        try:
            books = books_after(more)
        except IndexError:
            continue  # what was refused is granted or the other way round: a later step misses the hold that it names
        assert books != books_after(steps)


def test_a_history_played_in_parts_on_connections_of_their_own_is_the_same(committed_db):
    steps = histories()[-1]
    whole = books_after(steps)

    with restored("tokens_company_day"):
        clock = Clock()
        companies = open_companies(clock)
        for first in range(0, len(steps), 7):
            connection.close()
            clock.set_calendar()
            play(steps[first : first + 7], companies)

        assert [read_books(company.company_id) for company in companies] == whole


def lose_counters() -> None:
    """Set every counter to nothing, as an owner could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "UPDATE tokens_allocation"
            " SET allocated_tokens = 0, used_tokens = 0, held_tokens = 0, expired_tokens = 0, revoked_tokens = 0"
        )
        cursor.execute("UPDATE tokens_account SET debt_tokens = 0")
        cursor.execute("DELETE FROM tokens_budget_use")


def forge_an_entry() -> None:
    """Make one grant a token larger, as an owner could who lifts the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tokens_ledger_entry DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE tokens_ledger_entry SET delta_tokens = delta_tokens + 1"
            " WHERE id = (SELECT id FROM tokens_ledger_entry WHERE kind = 'grant' LIMIT 1)"
        )
        cursor.execute("ALTER TABLE tokens_ledger_entry ENABLE TRIGGER USER")


def rebuild(companies: Sequence[RealCompany]) -> None:
    """Rebuild as fix_tracking does when the audit has found the companies' counters off."""
    rebuild_counters([Finding(company.company_id, "", "") for company in companies], None)
