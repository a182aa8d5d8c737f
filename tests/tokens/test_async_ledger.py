"""The ledger on the asynchronous path: the same movements, and no settlement lost."""

import asyncio
from uuid import uuid4

import pytest
from django.db import connection

from tests.tokens.ledger import counters, grant, hold, new_company, used
from tests.tokens.turns import after_waiting, somebody_waits, turn_taken
from tokens.errors import CallInFlight, HoldEnded, InsufficientTokens, KeyInUse, LedgerAway
from tokens.models import Answer, Hold, UsageLog
from tokens.selectors import get_balance
from tokens.services import async_ledger, spool
from tokens.services.async_connections import Connections
from tokens.services.async_ledger import AsyncLedger
from tokens.services.holds import Attribution, Closing, HoldRequest
from tokens.sql.calls import MAKE_DURABLE

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"


def run(work):
    """Run ``work(ledger)`` on an event loop of its own."""

    async def main():
        ledger = AsyncLedger(connections_at_most=3)
        await ledger.open()
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return asyncio.run(main())


def request(company, needed=400, **options):
    return HoldRequest(
        company_id=company.pk,
        operation="api",
        needed_tokens=needed,
        minimum_tokens=needed,
        lease_seconds=60,
        provider="sandbox",
        model="sandbox-rules-1",
        attribution=Attribution(api_key_id=uuid4()),
        **options,
    )


def test_a_hold_is_placed_extended_tried_again_and_settled():
    company = new_company()
    allocation = grant(company, 1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        assert await ledger.extend_hold(hold_id=placed.hold_id, more_tokens=100, lease_seconds=60)
        assert not await ledger.extend_hold(hold_id=placed.hold_id, more_tokens=900, lease_seconds=60)
        number = await ledger.start_attempt(
            hold_id=placed.hold_id, provider="openai", model="b", estimated_cost_usd=None, lease_seconds=60
        )
        return await ledger.close_or_spool(
            Closing.settling(placed.hold_id, [used(0, status="refused"), used(150, number=number)], {"text": "hi"})
        )

    settlement = run(work)

    assert (settlement.charged_tokens, settlement.debt_tokens, settlement.available_tokens) == (150, 0, 850)
    assert counters(allocation) == (150, 0, 0, 0)
    assert list(UsageLog.objects.order_by("attempt_number").values_list("attempt_number", "model")) == [
        (1, "sandbox-rules-1"),
        (2, "b"),
    ]
    assert Answer.objects.get().content == {"text": "hi"}


def test_what_the_balance_does_not_cover_is_refused():
    company = new_company(tokens=100)

    with pytest.raises(InsufficientTokens):
        run(lambda ledger: ledger.place_hold(request(company)))

    assert Hold.objects.count() == 0


def test_a_key_is_in_flight_then_replayed_and_stands_for_one_request():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company, key="k", request_hash=b"a"))
        with pytest.raises(CallInFlight):
            await ledger.place_hold(request(company, key="k", request_hash=b"a"))
        await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(5)], {}))
        with pytest.raises(KeyInUse):
            await ledger.place_hold(request(company, key="k", request_hash=b"b"))
        again = await ledger.place_hold(request(company, key="k", request_hash=b"a"))
        assert (again.hold_id, again.is_replay) == (placed.hold_id, True)

    run(work)
    assert get_balance(company.pk).available_tokens == 995


def test_a_hold_that_was_released_cannot_be_settled_or_renewed():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        await ledger.close_or_spool(Closing.releasing(placed.hold_id))
        with pytest.raises(HoldEnded):
            await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(5)], None))
        with pytest.raises(HoldEnded):
            await ledger.extend_hold(hold_id=placed.hold_id, lease_seconds=60)

    run(work)
    assert get_balance(company.pk).available_tokens == 1000


def test_movements_side_by_side_each_charge_once():
    company = new_company(tokens=1000)

    async def charge(ledger):
        placed = await ledger.place_hold(request(company, needed=10))
        await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(7)], None))

    async def work(ledger):
        await asyncio.gather(*(charge(ledger) for _ in range(20)))

    run(work)
    assert get_balance(company.pk).available_tokens == 1000 - 20 * 7


def test_a_closing_that_was_cancelled_and_is_made_again_charges_once():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        closing = Closing.settling(placed.hold_id, [used(150)], None)
        cancelled = asyncio.ensure_future(ledger.close_or_spool(closing))
        await asyncio.sleep(0)  # its statement is sent
        cancelled.cancel()
        return await ledger.close_or_spool(closing)

    assert run(work).charged_tokens == 150
    assert UsageLog.objects.count() == 1
    assert get_balance(company.pk).available_tokens == 850


def test_a_broken_connection_is_replaced_once():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        await asyncio.to_thread(_break_connections)
        return await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(150)], None))

    assert run(work).charged_tokens == 150
    assert spool.list_waiting() == []


def test_a_settlement_waits_on_disk_while_the_database_is_away():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        await ledger.close()
        with pytest.raises(LedgerAway):
            await ledger.place_hold(request(company))
        return await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(150)], {"text": "hi"}))

    assert run(work) is None
    assert get_balance(company.pk).available_tokens == 600
    assert spool.drain() == 1
    assert get_balance(company.pk).available_tokens == 850
    assert Answer.objects.get().content == {"text": "hi"}


def test_a_settlement_that_the_database_refuses_is_kept():
    company = new_company(tokens=1000)

    async def work(ledger):
        placed = await ledger.place_hold(request(company))
        return await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(5, number=9)], None))

    assert run(work) is None
    assert len(spool.list_waiting()) == 1


def test_a_movement_that_waited_for_its_turn_is_made_durable(monkeypatch):
    company = new_company(tokens=1000)
    flushes = []
    execute = Connections.execute

    async def spy(self, sql, parameters):
        flushes.extend([sql] if sql == MAKE_DURABLE else [])
        return await execute(self, sql, parameters)

    monkeypatch.setattr(Connections, "execute", spy)
    run(lambda ledger: ledger.place_hold(request(company)))
    assert flushes == []

    after_waiting(company.pk, lambda: run(lambda ledger: ledger.place_hold(request(company))))

    assert flushes == [MAKE_DURABLE]


def test_movements_of_many_companies_at_once_share_transactions():
    companies = [new_company(tokens=1000, slug=f"company-{number}") for number in range(30)]

    async def charge(ledger, number, company):
        placed = await ledger.place_hold(request(company, needed=100))
        return await ledger.close_or_spool(Closing.settling(placed.hold_id, [used(number)], None))

    async def work(ledger):
        return await asyncio.gather(*(charge(ledger, number, company) for number, company in enumerate(companies)))

    settled = run(work)

    assert [settlement.charged_tokens for settlement in settled] == list(range(30))
    assert [get_balance(company.pk).available_tokens for company in companies] == [1000 - n for n in range(30)]
    transactions = UsageLog.objects.values("xact_id").distinct().count()
    assert transactions < 15


@pytest.fixture(params=["turn", "row"])
def busy_company(request):
    """Somebody else moves a company's tokens, and is in no hurry: in his turn, or with the row of the account alone."""
    company = new_company(tokens=1000, slug="busy")
    with turn_taken(company.pk) as other:
        if request.param == "row":
            other.rollback()
            other.execute("SELECT FROM tokens_account WHERE company_id = %s FOR NO KEY UPDATE", [company.pk])
        yield company, other


def test_nobody_waits_for_the_turn_of_another_company(busy_company):
    busy, other = busy_company
    free = [new_company(tokens=1000, slug=f"free-{number}") for number in range(5)]

    async def work(ledger):
        waiting = asyncio.ensure_future(ledger.place_hold(request(busy)))
        placed = [asyncio.ensure_future(ledger.place_hold(request(company))) for company in (*free, *free)]
        async with asyncio.timeout(20):
            holds = await asyncio.gather(*placed)
            closings = [Closing.settling(hold.hold_id, [used(7)], None) for hold in holds]
            await asyncio.gather(*(ledger.close_or_spool(closing) for closing in closings))
        assert not waiting.done()
        other.commit()
        return await waiting

    placed = run(work)
    assert [get_balance(company.pk).available_tokens for company in free] == [986] * 5
    assert Hold.objects.get(state="open").pk == placed.hold_id


def test_a_settlement_waits_for_the_turn_of_its_company(busy_company):
    busy, other = busy_company
    other.commit()
    placed = hold(busy, 400)
    other.execute("SELECT tokens_take_turn(%s)", [busy.pk])

    async def work(ledger):
        settling = asyncio.ensure_future(ledger.close_or_spool(Closing.settling(placed.hold_id, [used(9)], None)))
        while not await asyncio.to_thread(somebody_waits, other):
            assert not settling.done()
        other.commit()
        return await settling

    assert run(work).charged_tokens == 9


def test_a_movement_that_the_database_refuses_takes_no_other_with_it():
    company = new_company(tokens=1000)

    async def work(ledger):
        holds = [await ledger.place_hold(request(company, needed=10)) for _ in range(6)]
        numbers = [1, 1, 9, 1, 1, 1]  # there is no ninth attempt
        closings = [
            Closing.settling(placed.hold_id, [used(7, number=number)], None)
            for placed, number in zip(holds, numbers, strict=True)
        ]
        return await asyncio.gather(*(ledger.close_or_spool(closing) for closing in closings))

    settled = run(work)

    assert [settlement and settlement.charged_tokens for settlement in settled] == [7, 7, None, 7, 7, 7]
    assert len(spool.list_waiting()) == 1
    assert get_balance(company.pk).available_tokens == 1000 - 5 * 7 - 10


def _break_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [async_ledger.APPLICATION_NAME],
        )
        assert cursor.fetchone()[0] > 0
    connection.close()
