"""Calls that do not block: the same as those that do, but for who waits."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from ai_gateway.calls import acall_ai
from ai_gateway.errors import AccessRefused, CallFailed
from tests.ai_gateway.http.conftest import subscribe
from tests.ai_gateway.test_calls import question
from tests.tokens.ledger import new_company
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def books_in_order(committed_db, settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"
    yield
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open").exists()


def ask(*calls):
    """Make the calls at once; returns answers and errors."""

    async def main():
        try:
            return await asyncio.gather(*(acall_ai(call) for call in calls), return_exceptions=True)
        finally:
            await sync_to_async(lambda: connection.close())()

    return asyncio.run(main())


@pytest.fixture
def company(committed_db):
    return subscribe(new_company(tokens=100_000))


def test_calls_side_by_side_are_each_charged_as_the_provider_reports(company, upstream):
    answers = ask(*(question(company) for _ in range(5)))

    assert all(answer.text for answer in answers)
    reported = sum(request["reported"]["input"] + request["reported"]["output"] for request in upstream.requests)
    assert get_balance(company.pk).available_tokens == 100_000 - reported


def test_a_repeat_is_answered_from_the_store(company, upstream):
    [first] = ask(question(company, idempotency_key="k"))
    [again] = ask(question(company, idempotency_key="k"))

    assert (again.text, again.replayed, len(upstream.requests)) == (first.text, True, 1)


def test_refusals_and_failures_are_raised(company, upstream):
    upstream.misbehave("status", status=400)
    [failure] = ask(question(company))
    [refusal] = ask(question(new_company(slug="poor")))

    assert isinstance(failure, CallFailed)
    assert isinstance(refusal, AccessRefused)
    assert UsageLog.objects.get().status == "refused"


def test_a_call_that_is_cancelled_ends_its_hold(company, upstream):
    upstream.misbehave("hang")

    async def main():
        call = asyncio.ensure_future(acall_ai(question(company)))
        while not await asyncio.to_thread(lambda: upstream.requests):
            assert not call.done()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await sync_to_async(lambda: connection.close())()

    asyncio.run(main())

    assert UsageLog.objects.get().status == "unknown"
