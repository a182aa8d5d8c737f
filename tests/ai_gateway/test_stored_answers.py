"""What a repeat of a call is answered with: the same for calls of every kind."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import CallFailed
from ai_gateway.media_calls import Embedding, embed_ai
from ai_gateway.routing import Route
from tests.billing.factories import SubscriptionFactory
from tests.tokens.ledger import grant
from tokens.errors import AnswerExpired
from tokens.models import Answer, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def complete(company):
    return call_ai(
        Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?", idempotency_key="k")
    )


def embed(company):
    route = Route("sandbox", "text-embedding-3-small")
    return embed_ai(
        Embedding(company_id=company.pk, operation="scoring", route=route, texts=["Hello?"], idempotency_key="k")
    )


@pytest.fixture(params=[complete, embed])
def make(request):
    return request.param


@pytest.fixture
def company():
    company = SubscriptionFactory().company
    grant(company, 100_000)
    yield company
    assert [result for result in audit_ledger() if not result.holds] == []


class CountingProvider(BaseHTTPRequestHandler):
    """Counts two tokens and gives no answer for them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"usage": {"prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given: object) -> None:
        """Stay quiet."""


@pytest.fixture
def counting_provider(upstream, settings) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), CountingProvider) as server:
        Thread(target=server.serve_forever).start()
        settings.AI_PROVIDERS["sandbox"]["base_url"] = f"http://127.0.0.1:{server.server_port}/v1"
        yield
        server.shutdown()


@pytest.mark.usefixtures("counting_provider")
def test_a_failure_that_was_charged_is_what_a_repeat_gets(company, make):
    with pytest.raises(CallFailed) as first:
        make(company)
    with pytest.raises(CallFailed) as again:
        make(company)

    assert again.value == first.value
    assert (first.value.code, first.value.charged_tokens) == ("provider_garbled_answer", 2)
    assert UsageLog.objects.count() == 1
    assert get_balance(company.pk).available_tokens == 99_998


def test_a_key_whose_answer_is_gone_is_never_charged_again(company, make, upstream):
    first = make(company)
    Answer.objects.all().delete()

    with pytest.raises(AnswerExpired) as expired:
        make(company)

    assert expired.value.hold_id == first.hold_id
    assert (len(upstream.requests), UsageLog.objects.count()) == (1, 1)


def test_an_answer_is_kept_as_long_as_its_company_wants(make, company, upstream, settings):
    settings.AI_ANSWER_DAYS = 21
    wanting = SubscriptionFactory(company__answer_days=2).company
    grant(wanting, 100_000)

    make(company), make(wanting)

    kept = {
        answer.hold.company_id: round((answer.erase_after - answer.stored_at) / DAY) for answer in Answer.objects.all()
    }
    assert kept == {company.pk: 21, wanting.pk: 2}
