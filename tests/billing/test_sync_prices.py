"""Prices from the installed package: figures here are those of models whose price it has long held."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from billing.errors import PriceExists
from billing.models import CLASS_PRICES, PriceVersion
from billing.price_list import find_listed_price
from billing.prices import find_price, forget_prices
from billing.services.price_book import sync_prices
from tests.billing.factories import PriceVersionFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_memory():
    forget_prices()
    yield
    forget_prices()


def run(*arguments):
    out = io.StringIO()
    call_command("sync_prices", *arguments, stdout=out)
    return out.getvalue()


def test_a_listed_model_gets_the_listed_price_of_every_class():
    (result,) = sync_prices(["anthropic/claude-sonnet-4-5"], effective_from=NOW)
    row = PriceVersion.objects.get(model="claude-sonnet-4-5")
    assert (result.outcome, row.kind, row.effective_from) == ("added", "listed", NOW)
    assert (row.input_usd_per_million, row.output_usd_per_million) == (Decimal(3), Decimal(15))
    assert (row.cache_read_usd_per_million, row.cache_write_short_usd_per_million) == (Decimal("0.3"), Decimal("3.75"))
    assert row.source.startswith("genai-prices ")


def test_a_price_that_has_not_changed_gets_no_new_row():
    sync_prices(["openai/gpt-4o"], effective_from=NOW)
    (again,) = sync_prices(["openai/gpt-4o"], effective_from=NOW + timedelta(days=1))
    assert (again.outcome, again.effective_from) == ("unchanged", NOW)
    assert PriceVersion.objects.filter(model="gpt-4o").count() == 1


def test_a_changed_price_gets_a_row_and_the_old_one_stays():
    old = PriceVersionFactory(model="gpt-4o", effective_from=NOW - timedelta(days=1))
    assert sync_prices(["openai/gpt-4o"], effective_from=NOW)[0].outcome == "added"
    assert find_price("openai", "gpt-4o", NOW - timedelta(hours=1)) == old
    assert find_price("openai", "gpt-4o", NOW).input_usd_per_million == Decimal("2.5")


def test_a_price_set_by_staff_stays():
    override = PriceVersionFactory(model="gpt-4o", kind="override", effective_from=NOW - timedelta(days=1))
    assert sync_prices(["openai/gpt-4o"], effective_from=NOW)[0].outcome == "overridden"
    assert find_price("openai", "gpt-4o", NOW) == override


def test_a_price_that_usage_may_name_is_not_rewritten():
    PriceVersionFactory(model="gpt-4o", effective_from=NOW)
    with pytest.raises(PriceExists):
        sync_prices(["anthropic/claude-sonnet-4-5", "openai/gpt-4o"], effective_from=NOW)
    assert not PriceVersion.objects.filter(provider="anthropic").exists()


def test_models_that_no_list_knows_are_told_apart_by_having_a_price_or_none():
    results = sync_prices(["sandbox/sandbox-rules-1", "compatible/local-model", "openai/no-such-model"])
    assert [result.outcome for result in results] == ["not_listed", "unpriced", "unpriced"]


def test_a_provider_of_a_similar_name_is_not_taken_for_a_listed_one():
    assert find_listed_price("my-openai", "gpt-4o", NOW) is None


def test_tiers_and_long_inputs_are_written_and_found():
    sync_prices(["openai/gpt-6-sol"], effective_from=NOW)
    found = find_price("openai", "gpt-6-sol", NOW)
    assert found.find_rate("flex", 300_000).input_usd_per_million == Decimal(2)
    assert found.find_rate("priority", 300_000).output_usd_per_million == Decimal(30)
    assert found.find_rate("", 272_000).input_usd_per_million == Decimal(2)
    assert found.find_rate("", 272_001).input_usd_per_million == Decimal(4)
    assert found.tool_usd_per_thousand == Decimal(10)


def test_a_change_of_another_tier_is_a_new_price_and_is_said():
    sync_prices(["openai/gpt-6-sol"], effective_from=NOW)
    old = PriceVersion.objects.get(model="gpt-6-sol")
    PriceVersionFactory(
        model="gpt-6-sol",
        effective_from=NOW + timedelta(days=1),
        **{column: getattr(old, column) for column in CLASS_PRICES},
    )
    (result,) = sync_prices(["openai/gpt-6-sol"], effective_from=NOW + timedelta(days=2), dry_run=True)
    assert (result.outcome, result.effective_from) == ("added", NOW + timedelta(days=2))
    assert "flex input_usd_per_million: none → 1" in result.changes
    assert "above 272,000 tokens output_usd_per_million: none → 15" in result.changes
    assert "input_usd_per_million" not in {change.partition(":")[0] for change in result.changes}
    assert PriceVersion.objects.filter(model="gpt-6-sol").count() == 2


def test_a_dry_run_says_what_would_change_of_a_price():
    PriceVersionFactory(model="gpt-4o-mini", effective_from=NOW - timedelta(days=1))
    lines = run("openai/gpt-4o-mini", "--dry-run").splitlines()
    assert "  input_usd_per_million: 2 → 0.15" in lines
    assert "  priority input_usd_per_million: none → 0.25" in lines


def test_the_command_syncs_the_models_of_the_settings(settings):
    settings.AI_MODELS = {"cv_parse": "openai/gpt-4o-mini", "scoring": "openai/gpt-4o", "decision": "openai/gpt-4o"}
    assert run().splitlines()[0] == "openai/gpt-4o-mini: new price"
    assert set(PriceVersion.objects.filter(provider="openai").values_list("model", flat=True)) == {
        "gpt-4o",
        "gpt-4o-mini",
    }


def test_a_dry_run_reports_the_same_and_writes_nothing():
    text = run("openai/gpt-4o", "--dry-run")
    assert text.startswith("openai/gpt-4o: new price")
    assert text.endswith("Dry run: nothing was written.\n")
    assert not PriceVersion.objects.filter(provider="openai").exists()


def test_json_is_one_document():
    document = json.loads(run("openai/gpt-4o", "--json"))
    (model,) = document["models"]
    assert (model["outcome"], model["prices"]["output_usd_per_million"]) == ("added", "10")
    assert {rate["service_tier"]: rate["prices"]["input_usd_per_million"] for rate in model["rates"]} == {
        "priority": "4.25",
        "fast": "4.25",
        "batch": "1.25",
    }


def test_the_command_fails_when_a_model_has_no_price_at_all():
    with pytest.raises(SystemExit) as end:
        run("compatible/local-model")
    assert end.value.code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["gpt-4o"],
        ["openai/"],
        ["openai/gpt-4o", "--effective-from", "tomorrow"],
        ["openai/gpt-4o", "--effective-from", "2026-13-01T00:00:00Z"],
        ["openai/gpt-4o", "--effective-from", "2026-12-01T00:00:00"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(CommandError):
        run(*arguments)
    assert not PriceVersion.objects.filter(provider="openai").exists()


def test_an_explicit_moment_is_when_the_price_begins():
    run("openai/gpt-4o", "--effective-from", "2027-01-01T00:00:00+01:00")
    assert PriceVersion.objects.get(model="gpt-4o").effective_from == datetime(2026, 12, 31, 23, tzinfo=UTC)
