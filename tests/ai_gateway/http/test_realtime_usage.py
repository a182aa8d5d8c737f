"""Realtime sessions that a developer's client runs: their events are told over HTTP and booked, each once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import httpx2
import openai
import pytest

from ai_gateway.provider_keys import forget_provider_keys, remove_provider_key, set_provider_key
from tenants.models import KeyScope
from tests.ai_gateway.http.conftest import make_key, subscribe
from tests.ai_gateway.test_realtime import CREATED, DONE, HEARD
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import BudgetPeriod, BudgetScope, BudgetUse, Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services.budgets import create_budget


@pytest.fixture
def upstream(upstream, settings):
    account = {"kind": "openai", "api_key": "k"}
    settings.AI_PROVIDERS = {"openai": account, "other": {**account, "models": ["speaks"]}, **settings.AI_PROVIDERS}
    return upstream


@pytest.fixture
def key(company):
    return make_key(company, scopes=[KeyScope.REALTIME])


@pytest.fixture(autouse=True)
def books_in_order(committed_db):
    yield
    assert [result for result in audit_ledger() if not result.holds] == []


def tell(client, event, **options):
    """Send an event as a developer would, with the SDK's client; return the body and the headers."""
    headers = options.pop("headers", {})
    body = {"session_id": "sess_1", "model": "gpt-realtime", "event": event, **options}
    response = client.with_options(default_headers=headers).post("/realtime/usage", body=body, cast_to=httpx2.Response)
    return response.json(), response.headers


def available(company) -> int:
    return get_balance(company.pk).available_tokens


def test_a_response_is_held_for_when_it_begins_and_charged_when_it_is_done(client, company, key):
    begun, headers = tell(client, CREATED)
    assert (begun["tokens_charged"], headers["x-winnow-tokens-charged"]) == (0, "0")
    assert available(company) < 1_000_000 - 32_000

    done, headers = tell(client, DONE)

    assert done == {
        "object": "realtime.usage",
        "session_id": "sess_1",
        "call_id": begun["call_id"],
        "tokens_charged": 900,
    }
    assert (headers["x-winnow-balance"], available(company)) == ("999100", 999_100)
    log = UsageLog.objects.get()
    assert (log.provider, log.model, log.operation) == ("openai", "gpt-realtime", "video_interview")
    assert (log.session_id, log.api_key_id, str(log.hold_id)) == ("sess_1", key[0].pk, begun["call_id"])
    assert (log.input_audio_tokens, log.output_audio_tokens, log.media_seconds) == (400, 160, Decimal(8))


def test_an_event_told_again_is_charged_once_and_says_so_again(client, company):
    first = tell(client, DONE)[0]
    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda _n: tell(client, DONE)[0], range(8)))

    assert again == [first] * 8
    assert (first["tokens_charged"], available(company), UsageLog.objects.count()) == (900, 999_100, 1)


def test_events_told_at_once_are_charged_once(client, company):
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda event: tell(client, event)[0]["tokens_charged"], [DONE, HEARD] * 4))

    assert told == [900, 60] * 4
    assert sorted(UsageLog.objects.values_list("charged_tokens", flat=True)) == [60, 900]
    assert available(company) == 1_000_000 - 960
    assert not Hold.objects.filter(state="open").exists()


def test_another_sessions_response_of_the_same_id_is_another(client, company):
    tell(client, DONE)
    tell(client, DONE, session_id="sess_2")

    assert available(company) == 1_000_000 - 1_800


def test_a_transcription_is_of_its_own_model(client):
    tell(client, HEARD, transcription_model="gpt-4o-transcribe")

    assert UsageLog.objects.get().model == "gpt-4o-transcribe"


def test_it_is_attributed_like_a_call(client, company):
    trace, user = uuid4(), MembershipFactory(company=company).user
    tell(client, DONE, headers={"X-Winnow-Trace-Id": str(trace)}, metadata={"winnow_user_id": str(user.pk)})

    log = UsageLog.objects.get()
    assert (log.trace_id, log.user_id) == (trace, user.pk)


def test_what_belongs_to_another_company_is_refused(client):
    stranger = MembershipFactory(company=new_company(slug="other")).user
    with pytest.raises(openai.BadRequestError) as refusal:
        tell(client, DONE, headers={"X-Winnow-User-Id": str(stranger.pk)})

    assert (refusal.value.code, Hold.objects.count()) == ("unknown_user", 0)


def own_key(company):
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider="openai", secret="sk-own-0123456789abcdef", acting=acting)
    return acting


def done(number):
    """A second response and so on, as large as the first."""
    return {**DONE, "response": {**DONE["response"], "id": f"resp_{number}"}}


def test_on_the_companys_own_key_nothing_is_charged_and_budgets_count(client, company):
    own_key(company)
    limit = create_budget(
        company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.MONTH, limit_tokens=10**6
    )

    for event in (CREATED, DONE, HEARD, DONE):
        assert tell(client, event)[0]["tokens_charged"] == 0

    assert available(company) == 1_000_000
    logs = UsageLog.objects.order_by("own_key_tokens")
    assert [(log.key_owner, log.charged_tokens, log.provider_cost_usd, log.own_key_tokens) for log in logs] == [
        ("company", 0, 0, 60),
        ("company", 0, 0, 900),
    ]
    use = BudgetUse.objects.get(budget_id=limit)
    assert (use.used_tokens, use.held_tokens) == (960, 0)


def test_a_key_that_is_set_in_the_middle_of_a_session_is_for_the_next_one(client, company):
    tell(client, CREATED)
    own_key(company)

    assert [tell(client, event)[0]["tokens_charged"] for event in (DONE, done(2), HEARD, DONE)] == [900, 900, 60, 900]
    assert tell(client, done(2), session_id="sess_2")[0]["tokens_charged"] == 0

    assert available(company) == 1_000_000 - 1_860
    owners = UsageLog.objects.order_by("id").values_list("session_id", "key_owner")
    assert list(owners) == [*[("sess_1", "platform")] * 3, ("sess_2", "company")]


def test_a_session_on_a_key_that_is_removed_meanwhile_stays_the_companys(client, company):
    acting = own_key(company)
    tell(client, DONE)
    remove_provider_key(company=company, provider="openai", acting=acting)
    forget_provider_keys()

    assert tell(client, done(2))[0]["tokens_charged"] == 0
    assert tell(client, done(2), session_id="sess_2")[0]["tokens_charged"] == 900
    assert available(company) == 1_000_000 - 900


def test_a_session_of_the_same_name_is_another_companys_own_affair(gateway, client, company, upstream):
    own_key(company)
    assert tell(client, DONE)[0]["tokens_charged"] == 0
    other = subscribe(new_company(tokens=1_000_000, slug="other"))
    secret = make_key(other, scopes=[KeyScope.REALTIME])[1]

    with openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as stranger:
        assert tell(stranger, DONE)[0]["tokens_charged"] == 900

    assert (available(company), available(other)) == (1_000_000, 1_000_000 - 900)


def test_the_companys_key_covers_no_model_of_another_provider_in_the_same_session(client, company):
    own_key(company)
    assert tell(client, DONE)[0]["tokens_charged"] == 0
    assert tell(client, done(2), model="other/speaks")[0]["tokens_charged"] == 900


def refused(client, event, error, **options):
    with pytest.raises(error) as refusal:
        tell(client, event, **options)
    return refusal.value


def test_without_tokens_no_response_may_begin_and_what_was_used_is_booked(gateway, upstream):
    poor = subscribe(new_company(tokens=10, slug="poor"))
    secret = make_key(poor, scopes=[KeyScope.REALTIME])[1]
    with openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as client:
        error = refused(client, CREATED, openai.APIStatusError)
        assert (error.status_code, error.code, error.body["details"]["tokens_remaining"]) == (
            402,
            "insufficient_tokens",
            10,
        )
        assert tell(client, DONE)[0]["tokens_charged"] == 900
    assert UsageLog.objects.get().debt_tokens == 890


def test_a_budget_that_is_spent_stops_the_next_response(client, company, key):
    create_budget(
        company_id=company.pk, scope=BudgetScope.KEY, scope_id=str(key[0].pk), period=BudgetPeriod.DAY, limit_tokens=9
    )

    error = refused(client, CREATED, openai.APIStatusError)
    assert (error.status_code, error.code) == (402, "budget_exceeded")


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"event": {"type": "response.audio.delta", "delta": "AAAA"}}, "unknown_event", "event.type"),
        ({"event": "response.done"}, "invalid_type", "event"),
        ({"event": {"type": "response.done", "response": {"status": "completed"}}}, "missing_required_parameter", "id"),
        ({"event": {"type": "response.done", "response": {"id": "x"}}}, "missing_required_parameter", "status"),
        ({"session_id": None}, "missing_required_parameter", "session_id"),
        ({"session_id": "s" * 65}, "invalid_value", "session_id"),
        ({"model": "claude-haiku-5-5"}, "model_not_realtime", "model"),
        ({"metadata": {"winnow_user_id": 7}}, "invalid_type", "metadata.winnow_user_id"),
    ],
)
def test_what_tells_no_usage_is_refused(client, wrong, code, param):
    options = dict(wrong)
    error = refused(client, options.pop("event", DONE), openai.BadRequestError, **options)
    assert (error.code, error.param, Hold.objects.count()) == (code, param, 0)


def test_a_key_needs_the_scope_and_the_model(gateway, company, upstream):
    for options, code in (
        ({"scopes": [KeyScope.INFERENCE, KeyScope.MODELS]}, "scope_missing"),
        ({"scopes": [KeyScope.REALTIME], "allowed_models": ["gpt-6*"]}, "model_not_allowed"),
    ):
        with openai.OpenAI(
            api_key=make_key(company, **options)[1], base_url=f"{gateway.root_url}/v1", max_retries=0
        ) as client:
            assert refused(client, DONE, openai.PermissionDeniedError).code == code
    assert Hold.objects.count() == 0


def test_a_key_for_sessions_makes_no_calls(client):
    with pytest.raises(openai.PermissionDeniedError) as refusal:
        client.chat.completions.create(model="sandbox-rules-1", messages=[{"role": "user", "content": "Hello?"}])
    assert refusal.value.code == "scope_missing"
