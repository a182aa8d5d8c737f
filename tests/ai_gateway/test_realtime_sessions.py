"""Whose key a realtime session is on: its first event decides."""

import pytest

from ai_gateway.models import RealtimeKeyOwner
from ai_gateway.provider_keys import find_own_providers, forget_provider_keys, remove_provider_key, set_provider_key
from ai_gateway.realtime_sessions import decide_key_owner
from ai_gateway.routing import Route
from tests.tenants.factories import CompanyFactory, MembershipFactory

pytestmark = pytest.mark.django_db
SPEAKS = Route("openai", "gpt-realtime")


@pytest.fixture(autouse=True)
def nothing_remembered():
    forget_provider_keys()


def own_key(company):
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider="openai", secret="sk-0123456789abcdefghij", acting=acting)
    return acting


def test_a_key_that_was_just_set_is_seen_whatever_this_process_remembers():
    company = CompanyFactory()
    assert find_own_providers(company.pk) == frozenset()
    own_key(company)

    assert decide_key_owner(company.pk, "sess_1", SPEAKS) == "company"


def test_what_was_decided_stays_and_is_of_one_company_provider_and_session(settings):
    settings.OWN_KEY_PROVIDERS = ("openai", "other")
    company, stranger = CompanyFactory(), CompanyFactory()
    acting = own_key(company)
    assert decide_key_owner(company.pk, "sess_1", SPEAKS) == "company"
    remove_provider_key(company=company, provider="openai", acting=acting)

    asked = [(company, "sess_1", SPEAKS), (company, "sess_2", SPEAKS), (stranger, "sess_1", SPEAKS)]
    owners = [decide_key_owner(whose.pk, session_id, route) for whose, session_id, route in asked]
    other = decide_key_owner(company.pk, "sess_1", Route("other", "speaks"))

    assert (owners, other) == (["company", "platform", "platform"], "platform")
    assert RealtimeKeyOwner.objects.count() == 4
