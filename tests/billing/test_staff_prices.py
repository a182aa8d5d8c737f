"""The staff's pages of the price book."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.models import CLASS_PRICES, OperationRate, PriceVersion, RefusedModel, WeightVersion
from billing.prices import find_price, forget_prices
from billing.rate_lines import parse_rates, write_rates
from billing.rates import charge_at_rate, find_operation_rate, find_weight, forget_rates
from billing.services.price_book import sync_prices
from tests.billing.factories import OperationRateFactory, PriceVersionFactory, WeightVersionFactory
from tests.tenants.factories import UserFactory
from tests.tokens.ledger import hold, new_company, used
from tokens.operations import OPERATION_LABELS
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db

MODEL = "/staff/prices/models/openai/gpt-test/"
RATE = "/staff/prices/operations/cv_parse/"


@pytest.fixture
def staff(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def price_in_force(*asked):
    forget_prices()  # a commit does, which a test's transaction never reaches
    return find_price(*asked)


def weight_in_force(*asked):
    forget_rates()
    return find_weight(*asked)


def rate_in_force(*asked):
    forget_rates()
    return find_operation_rate(*asked)


def moment(**shift):
    return timezone.now().replace(second=0, microsecond=0) + timedelta(**shift)


def local(at):
    return at.strftime("%Y-%m-%dT%H:%M")


def test_the_list_shows_prices_in_force_by_model(client, staff):
    PriceVersionFactory(), WeightVersionFactory()
    PriceVersionFactory(effective_from=moment(days=3))
    page = client.get("/staff/prices/").content.decode()
    assert "openai/gpt-test" in page
    assert "1 to come" in page
    assert "as input" in page  # its cached input has no price of its own, which is not to be without one
    (row,) = client.get("/staff/prices/?q=GPT-T").context["rows"]
    assert (row.price.input_usd_per_million, row.weight.weight, row.upcoming) == (2, 2, 1)


def test_the_list_shows_what_is_configured_refused_or_used_without_a_price(client, staff, settings):
    settings.AI_MODELS = {"cv_parse": "openai/gpt-configured", "scoring": "sandbox/sandbox-rules-1"}
    RefusedModel.objects.create(provider="openai", model="gpt-refused", operation="api")
    placed = hold(new_company(tokens=100), 10, provider="openai", model="gpt-used")
    settle_hold(hold_id=placed.hold_id, usages=[used(10)], answer=None)
    found = {row.model: row.reason for row in client.get("/staff/prices/").context["unpriced"]}
    assert found == {
        "gpt-configured": "configured for “Read CV”",
        "gpt-refused": "refused for “API”",
        "gpt-used": "1 call without a known cost in 30 days",
    }


def test_the_list_shows_the_rates_of_all_operations_by_the_names_of_other_pages(client, staff):
    response = client.get("/staff/prices/")
    rows = response.context["rates"]
    assert [row.label for row in rows] == [*OPERATION_LABELS.values(), "Transcription"]
    assert [row.label for row in rows if row.rate is None] == ["API"]
    page = response.content.decode()
    assert "Cv analyze" not in page
    assert f'href="{RATE}"' in page


def test_a_model_that_has_no_price_yet_can_be_reached_by_its_name(client, staff):
    found = client.get("/staff/prices/?q=openai/gpt-new").context
    assert (found["rows"], found["new_url"]) == ([], "/staff/prices/models/openai/gpt-new/")
    for name in ("gpt-new", "nobody/gpt-new", "openai/", "openai/\x00", f"openai/{'x' * 129}"):
        assert client.get("/staff/prices/", {"q": name}).context["new_url"] == ""


@pytest.mark.parametrize(
    "path", ["nobody/gpt-6", "openai/" + "x" * 129, "openai/a%00b", "a%00b/gpt", "x" * 33 + "/gpt-6"]
)
def test_what_cannot_be_a_model_has_no_page(client, staff, path):
    form = {"kind": "free", "effective_from": local(moment(days=1)), "reason": "test"}
    for response in (client.get(f"/staff/prices/models/{path}/"), client.post(f"/staff/prices/models/{path}/", form)):
        assert response.status_code == 404
    assert not PriceVersion.objects.filter(reason="test").exists()


def test_a_model_whose_provider_is_gone_keeps_its_page(client, staff):
    PriceVersionFactory(provider="gone")
    assert client.get("/staff/prices/models/gone/gpt-test/").status_code == 200


def test_a_model_under_its_providers_price_is_not_called_unpriced(client, staff):
    page = client.get("/staff/prices/models/sandbox/sandbox-rules-1/").content.decode()
    assert "No price of its own" in page
    assert "Not priced" not in page
    assert 'href="/staff/prices/models/sandbox/*/"' in page


def test_a_free_model_costs_nothing_whatever_stood_in_the_form(client, staff):
    form = {"kind": "free", "effective_from": local(moment(hours=-1)), "reason": "test", "input_usd_per_million": "5"}
    client.post(MODEL, form)
    price = price_in_force("openai", "gpt-test")
    assert (price.kind, price.input_usd_per_million, price.output_usd_per_million) == ("free", 0, 0)


def test_an_empty_post_changes_nothing(client, staff):
    for url in (MODEL, RATE):
        assert client.post(url, {}).status_code == 200
    assert not PriceVersion.objects.filter(model="gpt-test").exists()
    assert OperationRate.objects.filter(operation="cv_parse").count() == 1


# Rates of operations -----------------------------------------------------------------------------------------


def test_a_rate_begins_when_staff_say_and_replaces_all_amounts(client, staff):
    begins = moment(days=1)
    form = {"tokens_per_request": "250.5", "fallback_usd_per_request": "0.2", "effective_from": local(begins)}
    assert client.post(RATE, {**form, "reason": "dearer"}).url == RATE
    new, old = rate_in_force("cv_parse", begins), rate_in_force("cv_parse")
    amounts = (new.tokens_per_request, new.tokens_per_second, new.fallback_usd_per_request, new.fallback_usd_per_minute)
    assert amounts == (Decimal("250.5"), None, Decimal("0.2"), None)
    assert (new.effective_from, new.reason, new.created_by_id) == (begins, "dearer", staff.pk)
    assert (old.tokens_per_request, old.fallback_usd_per_request) == (None, Decimal("0.125"))
    page = client.get(RATE)
    assert [rate.pk for rate in page.context["rates"]] == [new.pk, old.pk]
    assert [row.upcoming for row in client.get("/staff/prices/").context["rates"]][0] == 1


def test_the_rate_form_starts_from_the_rate_in_force(client, staff):
    response = client.get("/staff/prices/operations/video_interview/")
    assert '<label for="id_tokens_per_second">Tokens per second' in response.content.decode()
    form = response.context["form"]
    assert (form["tokens_per_second"].initial, form["fallback_usd_per_minute"].initial) == ("30", "0.3")
    assert form["tokens_per_request"].initial is None


def test_a_rate_in_force_at_once_charges_the_next_call(client, staff, django_capture_on_commit_callbacks):
    form = {"tokens_per_second": "4", "effective_from": local(moment()), "reason": "test"}
    assert charge_at_rate(rate_in_force("transcription"), Decimal(10)) == 100
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/staff/prices/operations/transcription/", form)
    assert charge_at_rate(find_operation_rate("transcription"), Decimal(10)) == 40


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tokens_per_second": "-1"}, "tokens_per_second"),
        ({"tokens_per_request": "1e9"}, "tokens_per_request"),
        ({"tokens_per_request": "NaN"}, "tokens_per_request"),
        ({"fallback_usd_per_request": "0"}, "fallback_usd_per_request"),
        ({"fallback_usd_per_minute": "-0.1"}, "fallback_usd_per_minute"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"effective_from": ""}, "effective_from"),
        ({"effective_from": "9999-12-31T23:59"}, "effective_from"),
        ({"effective_from": "2026-01-01T00:00"}, "effective_from"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(client, staff, change, field):
    form = {"tokens_per_second": "1", "effective_from": local(moment(days=1)), "reason": "test", **change}
    response = client.post(RATE, form)
    assert (response.status_code, list(response.context["form"].errors)) == (200, [field])
    assert OperationRate.objects.filter(operation="cv_parse").count() == 1


def test_the_same_rate_sent_twice_is_kept_once(client, staff):
    form = {"tokens_per_second": "1", "effective_from": local(moment(days=1)), "reason": "test"}
    client.post(RATE, form)
    assert list(client.post(RATE, form).context["form"].errors) == ["effective_from"]
    assert OperationRate.objects.filter(operation="cv_parse").count() == 2


def test_two_rates_of_one_moment_at_once_are_told_apart_by_the_database(client, staff, monkeypatch):
    form = {"tokens_per_second": "1", "effective_from": local(moment(days=1)), "reason": "test"}
    client.post(RATE, form)
    looked = iter([False])  # the other was written just after this one looked
    exists = QuerySet.exists
    monkeypatch.setattr(QuerySet, "exists", lambda rows: next(looked, None) is None and exists(rows))
    assert list(client.post(RATE, form).context["form"].errors) == ["effective_from"]


def test_a_rate_to_come_can_be_withdrawn(client, staff):
    rate = OperationRateFactory(operation="cv_parse", effective_from=moment(days=1))
    assert client.post(f"/staff/prices/withdraw/rate/{rate.pk}/").url == RATE
    assert rate_in_force("cv_parse", moment(days=2)) != rate
    assert OperationRate.objects.get(pk=rate.pk).withdrawn_by_id == staff.pk


def test_an_operation_that_nobody_knows_has_no_page(client, staff):
    assert client.get("/staff/prices/operations/juggling/").status_code == 404
    OperationRateFactory(operation="juggling")
    assert client.get("/staff/prices/operations/juggling/").status_code == 200


def test_an_override_begins_when_staff_say(client, staff):
    old = PriceVersionFactory()
    begins = moment(days=1)
    form = {
        "kind": "override",
        "effective_from": local(begins),
        "input_usd_per_million": "1.5",
        "output_usd_per_million": "7",
        "other_rates": "flex: input=1 output=3.5\nstandard above 272000: input=3 output=9",
        "reason": "contract of November",
    }
    assert client.post(MODEL, form).status_code == 302
    new = price_in_force("openai", "gpt-test", begins)
    assert (new.kind, new.input_usd_per_million, new.reason) == ("override", Decimal("1.5"), "contract of November")
    assert (new.effective_from, new.created_by_id) == (begins, staff.pk)
    assert new.find_rate("flex", 0).output_usd_per_million == Decimal("3.5")
    assert new.find_rate("", 272_001).input_usd_per_million == Decimal(3)
    assert price_in_force("openai", "gpt-test") == old


def test_the_form_starts_from_the_price_in_force(client, staff):
    sync_prices(["openai/gpt-6-sol"])
    form = client.get("/staff/prices/models/openai/gpt-6-sol/").context["price_form"]
    assert form["input_usd_per_million"].initial == "2"
    listed = price_in_force("openai", "gpt-6-sol")
    assert {(r.service_tier, r.above_input_tokens): r.prices for r in parse_rates(form["other_rates"].initial)} == {
        (rate.service_tier, rate.above_input_tokens): {column: getattr(rate, column) for column in CLASS_PRICES}
        for rate in listed.known_rates
    }
    assert write_rates(listed).splitlines()[0].startswith("batch: input=1 ")


def test_a_model_can_go_back_to_the_price_list(client, staff):
    PriceVersionFactory(model="gpt-4o", kind="override", effective_from=moment(days=-9))
    form = {"kind": "listed", "effective_from": local(moment(hours=-1)), "reason": "the contract ended"}
    client.post("/staff/prices/models/openai/gpt-4o/", form)
    price = price_in_force("openai", "gpt-4o")
    assert (price.kind, price.input_usd_per_million) == ("listed", Decimal("2.5"))
    assert price.find_rate("priority", 0).input_usd_per_million == Decimal("4.25")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"input_usd_per_million": "", "output_usd_per_million": ""}, "kind"),
        ({"input_usd_per_million": "-1"}, "input_usd_per_million"),
        ({"kind": "listed"}, "kind"),
        ({"kind": "gift"}, "kind"),
        ({"reason": ""}, "reason"),
        ({"effective_from": "2026-01-01T00:00"}, "effective_from"),
        ({"effective_from": "9999-12-31T23:59"}, "effective_from"),
        ({"effective_from": "0206-11-21T00:00"}, "effective_from"),
        ({"input_usd_per_million": "1e30"}, "input_usd_per_million"),
        ({"other_rates": "flex input=1"}, "other_rates"),
        ({"other_rates": "flex: inptu=1"}, "other_rates"),
        ({"other_rates": "flex: input=NaN"}, "other_rates"),
        ({"other_rates": "flex: input=1\nflex: input=2"}, "other_rates"),
        ({"other_rates": "standard: input=1"}, "other_rates"),
    ],
)
def test_what_makes_no_sense_is_refused(client, staff, change, field):
    PriceVersionFactory()
    form = {
        "kind": "override",
        "effective_from": local(moment(days=1)),
        "input_usd_per_million": "1",
        "output_usd_per_million": "2",
        "reason": "test",
        **change,
    }
    response = client.post(MODEL, form)
    assert (response.status_code, list(response.context["price_form"].errors)) == (200, [field])
    assert PriceVersion.objects.filter(model="gpt-test").count() == 1


def test_a_weight_begins_now_or_later(client, staff):
    begins = moment(days=1)
    client.post(MODEL, {"weight": "1.5", "effective_from": local(begins), "reason": "dear model"})
    assert weight_in_force("openai", "gpt-test", begins).weight == Decimal("1.5")
    assert weight_in_force("openai", "gpt-test") is None
    past = client.post(MODEL, {"weight": "2", "effective_from": local(moment(hours=-1)), "reason": "too late"})
    assert list(past.context["weight_form"].errors) == ["effective_from"]
    nothing = client.post(MODEL, {"weight": "0", "effective_from": local(moment(days=2)), "reason": "free"})
    assert list(nothing.context["weight_form"].errors) == ["weight"]
    assert WeightVersion.objects.count() == 1


def test_what_is_to_come_can_be_withdrawn_and_stays_on_record(client, staff):
    price = PriceVersionFactory(effective_from=moment(days=1))
    assert client.post(f"/staff/prices/withdraw/price/{price.pk}/").url == MODEL
    price = PriceVersion.objects.get(pk=price.pk)
    assert (price.withdrawn_at is None, price.withdrawn_by_id) == (False, staff.pk)
    assert price_in_force("openai", "gpt-test", moment(days=2)) is None
    assert "Withdrawn" in client.get(MODEL).content.decode()
    again = PriceVersionFactory(effective_from=price.effective_from)
    assert price_in_force("openai", "gpt-test", moment(days=2)) == again


@pytest.mark.parametrize("shift", [{"days": -1}, {"seconds": 30}])
def test_what_is_in_force_or_nearly_so_cannot_be_withdrawn(client, staff, shift):
    price = PriceVersionFactory(effective_from=timezone.now() + timedelta(**shift))
    response = client.post(f"/staff/prices/withdraw/price/{price.pk}/", follow=True)
    assert "in force, or nearly so" in response.content.decode()
    assert PriceVersion.objects.get(pk=price.pk).withdrawn_at is None


def test_a_weight_to_come_can_be_withdrawn(client, staff):
    weight = WeightVersionFactory(effective_from=moment(days=1))
    client.post(f"/staff/prices/withdraw/weight/{weight.pk}/")
    assert weight_in_force("openai", "gpt-test", moment(days=2)) is None


def test_withdrawing_what_does_not_exist_is_missing(client, staff):
    price = PriceVersionFactory()
    assert client.post(f"/staff/prices/withdraw/plan/{price.pk}/").status_code == 404
    assert client.post(f"/staff/prices/withdraw/weight/{price.pk}/").status_code == 404


def test_two_prices_of_one_moment_are_refused_by_the_database():
    PriceVersionFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceVersionFactory()
