"""Calls that are priced again: corrections are new rows, and every total is a plain sum."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.utils import timezone

from billing.models import PriceRate
from billing.services.rerating import RatedPeriod, rerate
from tests.billing.factories import PriceVersionFactory
from tests.tokens.ledger import hold, new_company, used
from tokens.errors import KeyInUse
from tokens.models import UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.selectors.costed_calls import list_costed_calls
from tokens.services.corrections import Cause, correct_cost, refund_charge
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def company():
    return new_company(tokens=10_000_000)


def call(company, tokens=1000, *, operation="api", key_owner="platform", **facts):
    """Make a call of openai/gpt-test, priced at 1 USD a million unless told otherwise; returns its usage log."""
    cost = Decimal(tokens).scaleb(-6)
    money = {
        "price_kind": "listed",
        "price_version_id": UUID(int=1),
        "provider_cost_usd": cost,
        "margin_percent": Decimal(25),
        "sale_value_usd": cost * Decimal("1.25"),
    }
    placed = hold(company, tokens, provider="openai", model="gpt-test", operation=operation, key_owner=key_owner)
    settle_hold(hold_id=placed.hold_id, usages=[used(tokens, **{**money, **facts})], answer=None)
    return UsageLog.objects.get(hold_id=placed.hold_id, kind="call")


def unpriced(company, tokens=1000, **facts):
    nothing = {"price_kind": "unpriced", "provider_cost_usd": None, "sale_value_usd": None}
    return call(company, tokens, **{**nothing, **facts})


def period(**options):
    return RatedPeriod(
        **{
            "provider": "openai",
            "model": "gpt-test",
            "starts_at": timezone.now() - timedelta(hours=1),
            "ends_at": timezone.now() + timedelta(hours=1),
            **options,
        }
    )


def totals(log):
    rows = UsageLog.objects.filter(hold_id=log.hold_id)
    return tuple(rows.aggregate(Sum("provider_cost_usd"), Sum("sale_value_usd")).values())


def test_a_call_priced_otherwise_gets_a_row_of_the_difference(company):
    log, price = call(company), PriceVersionFactory()
    before = get_balance(company.pk)

    result = rerate(period())

    correction = UsageLog.objects.get(corrects_id=log.pk)
    assert (correction.kind, correction.reason_code, correction.price_version_id) == ("rerating", "rerated", price.pk)
    assert (correction.provider_cost_usd, correction.sale_value_usd) == (Decimal("0.001"), Decimal("0.00125"))
    assert (correction.charged_tokens, correction.input_tokens, get_balance(company.pk)) == (0, 0, before)
    assert totals(log) == (Decimal("0.002"), Decimal("0.0025"))
    assert (result.calls, result.corrected, result.cost_delta_usd) == (1, 1, Decimal("0.001"))
    assert result.is_complete
    assert not [check for check in audit_ledger(company_id=company.pk) if check.found]


def test_a_price_that_was_too_high_gives_a_negative_row(company):
    log = call(company, provider_cost_usd=Decimal("0.009"), sale_value_usd=Decimal("0.01125"))
    PriceVersionFactory()
    assert rerate(period()).cost_delta_usd == Decimal("-0.007")
    assert totals(log) == (Decimal("0.002"), Decimal("0.0025"))


def test_a_second_run_finds_nothing(company):
    call(company), unpriced(company), PriceVersionFactory()
    assert rerate(period()).corrected == 2
    assert (rerate(period()).corrected, UsageLog.objects.filter(kind="rerating").count()) == (0, 2)


def test_a_dry_run_counts_the_same_and_writes_nothing(company):
    call(company), PriceVersionFactory()
    result = rerate(period(), dry_run=True)
    assert (result.corrected, result.cost_delta_usd) == (1, Decimal("0.001"))
    assert not UsageLog.objects.filter(kind="rerating").exists()


def test_another_price_later_is_corrected_against_what_stands_by_then(company):
    log = call(company)
    PriceVersionFactory()
    rerate(period())
    PriceVersionFactory(kind="override", input_usd_per_million=Decimal(5), effective_from=LONG_AGO + timedelta(days=1))
    assert rerate(period()).cost_delta_usd == Decimal("0.003")
    assert totals(log) == (Decimal("0.005"), Decimal("0.00625"))
    kinds = UsageLog.objects.filter(corrects_id=log.pk).order_by("id").values_list("price_kind", flat=True)
    assert list(kinds) == ["listed", "override"]


def test_a_call_without_a_price_gets_one(company):
    log = unpriced(company)
    PriceVersionFactory()
    rerate(period())
    assert totals(log) == (Decimal("0.002"), Decimal("0.0025"))


def test_a_fallback_gives_way_to_a_price(company):
    log = call(
        company,
        operation="cv_parse",
        price_kind="fallback",
        provider_cost_usd=Decimal("0.125"),
        sale_value_usd=Decimal("0.15625"),
    )
    assert rerate(period()).corrected == 0  # the fallback still holds
    PriceVersionFactory()
    rerate(period())
    assert totals(log) == (Decimal("0.002"), Decimal("0.0025"))


def test_a_free_price_says_that_the_cost_is_known(company):
    log = unpriced(company)
    PriceVersionFactory(kind="free", input_usd_per_million=0, output_usd_per_million=0)
    rerate(period())
    assert (totals(log), rerate(period()).corrected) == ((Decimal(0), Decimal(0)), 0)


def test_the_stored_tier_classes_and_hours_are_priced(company):
    price = PriceVersionFactory(media_usd_per_hour=Decimal(1), tool_usd_per_thousand=Decimal(10))
    PriceRate.objects.create(
        version=price, service_tier="flex", input_usd_per_million=4, output_usd_per_million=8, tool_usd_per_thousand=10
    )
    flex = unpriced(company, service_tier="flex", tool_requests=3)
    halves = {"input_uncached_tokens": 400, "cache_read_tokens": 600}
    cached = unpriced(company, media_seconds=Decimal(36), output_tokens=50, **halves)
    rerate(period())
    assert totals(flex)[0] == Decimal("0.034")
    assert totals(cached)[0] == Decimal("0.0125")


def test_what_the_price_book_cannot_price_stays_and_is_counted(company):
    kept, unknown = call(company, service_tier="scale"), unpriced(company, service_tier="scale")
    PriceVersionFactory()
    result = rerate(period())
    assert (result.corrected, result.unpriced, result.is_complete) == (0, 2, False)
    assert (totals(kept)[0], totals(unknown)[0]) == (Decimal("0.001"), None)


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "unknown", "usage_source": "none"},
        {"status": "refused", "usage_source": "none", "provider_cost_usd": Decimal(0), "sale_value_usd": Decimal(0)},
        {"key_owner": "company"},
    ],
)
def test_what_was_not_counted_or_not_ours_to_pay_is_left_alone(company, facts):
    call(company, **facts)
    PriceVersionFactory()
    assert rerate(period()).calls == 0


def test_what_was_reconciled_with_the_providers_books_is_left_alone(company):
    log = call(company)
    correct_cost(
        usage_log_id=log.pk,
        kind="reconciliation",
        cost_delta_usd=Decimal("0.0004"),
        sale_delta_usd=None,
        price_version_id=None,
        price_kind="listed",
        cause=Cause(key="books", reason_code="books"),
    )
    PriceVersionFactory()
    result = rerate(period())
    assert (result.corrected, result.reconciled, totals(log)[0]) == (0, 1, Decimal("0.0014"))


def test_of_what_was_refunded_nothing_is_sold(company):
    log = call(company)
    refund_charge(usage_log_id=log.pk, amount_tokens=250, cause=Cause(key="sorry", reason_code="complaint"))
    PriceVersionFactory()
    rerate(period())
    assert totals(log) == (Decimal("0.002"), Decimal("0.0025") * 3 / 4)
    assert rerate(period()).corrected == 0


def test_the_price_is_that_of_the_calls_own_moment(company):
    log = call(company)
    PriceVersionFactory()
    PriceVersionFactory(input_usd_per_million=Decimal(99), effective_from=log.started_at + timedelta(microseconds=1))
    rerate(period())
    assert totals(log)[0] == Decimal("0.002")


def test_only_the_period_the_model_and_the_company_are_touched(company):
    other = new_company(tokens=10_000, slug="other")
    mine, theirs = call(company), call(other)
    PriceVersionFactory()
    assert rerate(period(ends_at=mine.started_at)).calls == 0
    assert rerate(period(starts_at=theirs.started_at + timedelta(microseconds=1))).calls == 0
    assert rerate(period(model="gpt-other")).calls == 0
    assert rerate(period(company_id=other.pk)).corrected == 1
    assert (totals(mine)[0], totals(theirs)[0]) == (Decimal("0.001"), Decimal("0.002"))
    assert rerate(period(starts_at=mine.started_at, ends_at=mine.started_at + timedelta(microseconds=1))).corrected == 1


def test_logs_that_arrive_late_are_found_by_the_next_run(company):
    call(company), PriceVersionFactory()
    rerate(period())
    late = call(company)
    assert rerate(period()).corrected == 1
    assert totals(late)[0] == Decimal("0.002")


def test_many_calls_go_in_batches_and_none_is_left_out(company, monkeypatch):
    monkeypatch.setattr("billing.services.rerating._CORRECTIONS_PER_TURN", 2)
    other = new_company(tokens=10_000, slug="other")
    for owner in (company, other, company, other, company, company, company):
        call(owner)
    PriceVersionFactory()
    batches = []
    monkeypatch.setattr(
        "billing.services.rerating.list_costed_calls", lambda **asked: list_costed_calls(**asked, batch_size=3)
    )
    result = rerate(period(), on_batch=lambda so_far: batches.append(so_far.calls))
    assert (result.corrected, batches) == (7, [3, 6, 7])
    assert UsageLog.objects.aggregate(Sum("provider_cost_usd"))["provider_cost_usd__sum"] == Decimal("0.014")


def test_a_run_that_is_stopped_ends_after_its_batch(company, monkeypatch):
    monkeypatch.setattr(
        "billing.services.rerating.list_costed_calls", lambda **asked: list_costed_calls(**asked, batch_size=1)
    )
    call(company), call(company), PriceVersionFactory()
    assert rerate(period(), is_stopped=lambda: True).corrected == 1
    assert rerate(period()).corrected == 1


def test_two_runs_at_once_correct_a_call_once(company):
    log = call(company)
    PriceVersionFactory()
    (found,) = next(list_costed_calls(**vars(period())))
    rerate(period())
    price = PriceVersionFactory(effective_from=LONG_AGO + timedelta(days=1), input_usd_per_million=Decimal(7))
    with pytest.raises(KeyInUse):
        correct_cost(
            usage_log_id=log.pk,
            kind="rerating",
            cost_delta_usd=Decimal("0.006"),
            sale_delta_usd=None,
            price_version_id=price.pk,
            price_kind="listed",
            cause=Cause(key=f"rerate/{found.id}/{found.reratings}", reason_code="rerated"),
        )
    assert totals(log)[0] == Decimal("0.002")


# The command -------------------------------------------------------------------------------------------------


def run(*arguments):
    out = io.StringIO()
    call_command("rerate", "--model", "openai/gpt-test", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def an_hour_ago():
    return (timezone.now() - timedelta(hours=1)).isoformat()


def test_the_command_corrects_and_says_what(company):
    call(company), PriceVersionFactory()
    assert run("--from", an_hour_ago()).splitlines() == [
        "1 calls, 1 corrected.",
        "Provider cost +0.001000000000 USD, sale +0.001250000000 USD.",
    ]


def test_the_command_writes_nothing_on_a_dry_run(company):
    call(company), PriceVersionFactory()
    assert run("--from", an_hour_ago(), "--dry-run").startswith("1 calls, 1 would be corrected.")
    assert not UsageLog.objects.filter(kind="rerating").exists()


def test_the_command_prints_one_json_document(company):
    call(company), PriceVersionFactory()
    document = json.loads(run("--from", an_hour_ago(), "--company", "acme", "--json"))
    assert (document["corrected"], document["cost_delta_usd"], document["stopped"]) == (1, "0.001000000000", False)


def test_the_command_fails_when_calls_stay_without_a_price(company):
    unpriced(company)
    with pytest.raises(SystemExit) as end:
        run("--from", an_hour_ago())
    assert end.value.code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "yesterday"],
        ["--from", "2026-11-01T00:00:00"],
        ["--from", "2026-11-02T00:00:00Z", "--to", "2026-11-01T00:00:00Z"],
        ["--from", "2026-11-01T00:00:00Z", "--company", "nobody"],
        ["--from", "2026-11-01T00:00:00Z", "--model", "gpt-test"],
    ],
)
def test_a_question_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert refusal.value.returncode == 2
