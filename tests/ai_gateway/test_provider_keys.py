"""Companies' own keys at providers: encrypted, replaced, erased, rotated, and shown to nobody."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from structlog.testing import capture_logs

from ai_gateway.models import ProviderKey
from ai_gateway.provider_keys import (
    NoEncryptionKey,
    ProviderKeyUnreadable,
    find_provider_key,
    forget_provider_keys,
    list_provider_keys,
    remove_provider_key,
    set_provider_key,
)
from tenants.models import Role
from tests.tenants.factories import CompanyFactory, MembershipFactory, sign_in

pytestmark = pytest.mark.django_db

SECRET = "sk-proj-0123456789abcdefWXYZ"
OTHER = "sk-proj-another-0123456789abc"


@pytest.fixture
def admin():
    return MembershipFactory(role=Role.ADMIN)


def keep(admin, secret=SECRET, provider="openai"):
    return set_provider_key(company=admin.company, provider=provider, secret=secret, acting=admin)


def found(admin, provider="openai"):
    forget_provider_keys()
    return find_provider_key(admin.company_id, provider)


# Keeping keys ------------------------------------------------------------------------------------------------


def test_a_key_is_found_by_its_company_and_provider_alone(admin):
    keep(admin)
    assert found(admin) == SECRET
    assert found(admin, "anthropic") is None
    assert found(MembershipFactory()) is None


def test_what_is_stored_is_encrypted_but_for_the_last_four_characters(admin):
    key = keep(admin)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text, encode(ciphertext, 'escape') FROM ai_gateway_provider_key k")
        row, ciphertext = cursor.fetchone()
    assert SECRET[:-4] not in row + ciphertext
    assert key.last_four == "WXYZ"


def test_a_key_is_replaced_and_the_one_before_erased(admin):
    first = keep(admin)
    keep(admin, OTHER)
    assert found(admin) == OTHER
    first.refresh_from_db()
    assert (bytes(first.ciphertext), first.revoked_by, first.revoked_at is None) == (b"", admin.user, False)
    assert list_provider_keys(admin.company)["openai"].last_four == "9abc"


def test_a_key_is_removed_and_erased(admin):
    keep(admin)
    assert remove_provider_key(company=admin.company, provider="openai", acting=admin)
    assert found(admin) is None
    assert not remove_provider_key(company=admin.company, provider="openai", acting=admin)
    assert [bytes(key.ciphertext) for key in ProviderKey.objects.all()] == [b""]


def test_other_companies_and_providers_keep_theirs(admin):
    stranger = MembershipFactory()
    keep(stranger, OTHER)
    keep(admin, "sk-ant-0123456789abcdef0123", "anthropic")
    keep(admin)
    remove_provider_key(company=admin.company, provider="openai", acting=admin)
    assert (found(stranger), found(admin, "anthropic")) == (OTHER, "sk-ant-0123456789abcdef0123")


def test_who_set_and_removed_a_key_is_logged_and_the_key_is_not(admin):
    with capture_logs() as lines:
        key = keep(admin)
        found(admin)
        remove_provider_key(company=admin.company, provider="openai", acting=admin)
    who = {"provider_key_id": str(key.pk), "company_id": admin.company_id, "provider": "openai"}
    assert [line["event"] for line in lines] == ["provider_key_set", "provider_key_removed"]
    assert all(line.items() >= {**who, "user_id": admin.user_id}.items() for line in lines)
    assert SECRET[:-4] not in str(lines)
    assert SECRET[:-4] not in f"{key} {key!r} {vars(key)}"


@pytest.mark.parametrize("wrong", [{"ciphertext": b""}, {"revoked_at": "2026-01-01T00:00Z"}])
def test_the_database_refuses_a_removed_key_that_is_not_erased(admin, wrong):
    keep(admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        ProviderKey.objects.update(**wrong)


def test_the_database_refuses_a_second_key_in_use(admin):
    key = keep(admin)
    key.pk = None
    with pytest.raises(IntegrityError, match="one_in_use"), transaction.atomic():
        key.save(force_insert=True)


def test_a_ciphertext_moved_to_another_companys_row_opens_nothing(admin):
    stranger = MembershipFactory()
    keep(admin), keep(stranger, OTHER)
    stolen = ProviderKey.objects.get(company=admin.company).ciphertext
    ProviderKey.objects.filter(company=stranger.company).update(ciphertext=stolen)
    with pytest.raises(ProviderKeyUnreadable):
        found(stranger)


# Remembering -------------------------------------------------------------------------------------------------


def test_keys_of_a_company_are_read_once_in_two_seconds(admin, monkeypatch, django_assert_num_queries):
    now = [1000.0]
    monkeypatch.setattr("ai_gateway.provider_keys.monotonic", lambda: now[0])
    keep(admin)
    forget_provider_keys()
    with django_assert_num_queries(1):
        assert find_provider_key(admin.company_id, "openai") == SECRET
        now[0] += 1.9
        assert find_provider_key(admin.company_id, "openai") == SECRET
        assert find_provider_key(admin.company_id, "anthropic") is None
    ProviderKey.objects.update(provider="anthropic")  # another process changed it
    now[0] += 0.2
    assert find_provider_key(admin.company_id, "openai") is None


def test_a_key_that_this_process_set_is_seen_at_once(admin, django_capture_on_commit_callbacks):
    assert find_provider_key(admin.company_id, "openai") is None
    with django_capture_on_commit_callbacks(execute=True):
        keep(admin)
    assert find_provider_key(admin.company_id, "openai") == SECRET


# The secrets of the settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets", [[], ["too short"], [""]])
def test_without_a_secret_no_key_is_kept_and_that_is_said(admin, settings, secrets):
    settings.PROVIDER_KEYS_SECRETS = secrets
    with pytest.raises(NoEncryptionKey):
        keep(admin)
    assert ProviderKey.objects.count() == 0


def test_without_a_secret_companies_without_keys_are_served(admin, settings):
    settings.PROVIDER_KEYS_SECRETS = []
    assert found(admin) is None


def test_a_key_that_no_secret_opens_is_an_error_and_never_the_platforms_turn(admin, settings):
    keep(admin)
    settings.PROVIDER_KEYS_SECRETS = [Fernet.generate_key().decode()]
    with capture_logs() as lines, pytest.raises(ImproperlyConfigured):
        found(admin)
    assert [line["event"] for line in lines] == ["provider_key_unreadable"]


# Rotation ----------------------------------------------------------------------------------------------------


def rotate(*options):
    out = StringIO()
    call_command("rotate_provider_keys", *options, stdout=out)
    return out.getvalue()


def test_after_a_rotation_the_old_secret_is_not_needed(admin, settings):
    keep(admin)
    old, new = settings.PROVIDER_KEYS_SECRETS[0], Fernet.generate_key().decode()
    settings.PROVIDER_KEYS_SECRETS = [new, old]
    assert found(admin) == SECRET

    assert json.loads(rotate("--json")) == {"dry_run": False, "rotated": 1, "current": 0, "unreadable": []}

    settings.PROVIDER_KEYS_SECRETS = [new]
    assert found(admin) == SECRET
    assert json.loads(rotate("--json")) == {"dry_run": False, "rotated": 0, "current": 1, "unreadable": []}


def test_a_rehearsal_says_the_same_and_changes_nothing(admin, settings):
    keep(admin)
    before = bytes(ProviderKey.objects.get().ciphertext)
    settings.PROVIDER_KEYS_SECRETS = [Fernet.generate_key().decode(), *settings.PROVIDER_KEYS_SECRETS]
    assert rotate("--dry-run") == "1 would be encrypted anew, 0 were under the first secret already.\n"
    assert bytes(ProviderKey.objects.get().ciphertext) == before


def test_a_key_that_no_secret_opens_is_named_and_the_others_are_rotated(admin, settings):
    lost = keep(admin)
    new = Fernet.generate_key().decode()
    settings.PROVIDER_KEYS_SECRETS = [Fernet.generate_key().decode()]
    stranger = MembershipFactory()
    keep(stranger, OTHER)
    settings.PROVIDER_KEYS_SECRETS = [new, *settings.PROVIDER_KEYS_SECRETS]
    with pytest.raises(SystemExit) as stopped:
        rotate()
    assert stopped.value.code == 1
    assert ProviderKey.objects.get(pk=lost.pk).encryption_key_id == lost.encryption_key_id
    settings.PROVIDER_KEYS_SECRETS = [new]
    assert found(stranger) == OTHER


def test_removed_keys_are_left_alone_by_a_rotation(admin, settings):
    keep(admin)
    remove_provider_key(company=admin.company, provider="openai", acting=admin)
    settings.PROVIDER_KEYS_SECRETS = [Fernet.generate_key().decode()]
    assert rotate() == "0 encrypted anew, 0 were under the first secret already.\n"


def test_without_a_secret_there_is_nothing_to_rotate_to(settings):
    settings.PROVIDER_KEYS_SECRETS = []
    with pytest.raises(CommandError, match="Set PROVIDER_KEYS_SECRETS"):
        rotate()


# The pages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def member(client):
    return sign_in(client, Role.ADMIN)


def url(member, path=""):
    return f"/c/{member.company.slug}/provider-keys/{path}"


def test_a_key_is_added_by_the_page_which_then_shows_its_end_alone(client, member):
    response = client.post(url(member, "openai/"), {"secret": f"  {SECRET}\n"}, follow=True)
    page = response.content.decode()
    assert "Calls to OpenAI are made with your own key" in page
    assert found(member) == SECRET
    assert "…WXYZ" in page
    for path in ("", "openai/", "openai/remove/"):
        assert SECRET[:-4] not in client.get(url(member, path)).content.decode()


@pytest.mark.parametrize(
    ("provider", "secret"),
    [
        ("openai", ""),
        ("openai", "sk-short"),
        ("openai", "pk-0123456789abcdef0123456789"),
        ("openai", "sk-0123456789abcdef ghijklmnop"),
        ("openai", "sk-0123456789abcdefghijklmnopü"),
        ("openai", "sk-" + "x" * 300),
        ("anthropic", SECRET),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_being_quoted(client, member, provider, secret):
    response = client.post(url(member, f"{provider}/"), {"secret": secret})
    assert list(response.context["form"].errors) == ["secret"]
    assert not secret or secret not in response.content.decode()
    assert ProviderKey.objects.count() == 0


def test_a_key_is_removed_after_a_question(client, member):
    set_provider_key(company=member.company, provider="openai", secret=SECRET, acting=member)
    assert "Remove your key at OpenAI" in client.get(url(member, "openai/remove/")).content.decode()
    assert found(member) == SECRET
    page = client.post(url(member, "openai/remove/"), follow=True).content.decode()
    assert "Your key at OpenAI is erased." in page
    assert found(member) is None


def test_another_companys_key_is_neither_shown_nor_removed(client, member):
    stranger = MembershipFactory(company=CompanyFactory())
    set_provider_key(company=stranger.company, provider="openai", secret=SECRET, acting=stranger)
    assert "WXYZ" not in client.get(url(member)).content.decode()
    client.post(url(member, "openai/remove/"))
    assert found(stranger) == SECRET
    assert client.post(url(stranger, "openai/"), {"secret": OTHER}).status_code == 404
    assert found(stranger) == SECRET


@pytest.mark.parametrize("provider", ["sandbox", "local", "nobody"])
def test_only_providers_that_bill_companies_take_keys(client, member, provider):
    assert client.post(url(member, f"{provider}/"), {"secret": SECRET}).status_code == 404
    assert client.post(url(member, f"{provider}/remove/")).status_code == 404
    assert ProviderKey.objects.count() == 0


def test_where_no_secret_is_set_the_page_says_so(client, member, settings):
    settings.PROVIDER_KEYS_SECRETS = []
    page = client.post(url(member, "openai/"), {"secret": SECRET}).content.decode()
    assert "Winnow is not set up to keep keys here." in page
    assert SECRET not in page
    assert ProviderKey.objects.count() == 0


def test_where_no_provider_takes_keys_the_page_says_so(client, member, settings):
    settings.AI_PROVIDERS = {"sandbox": settings.AI_PROVIDERS["sandbox"]}
    assert "No provider takes keys here" in client.get(url(member)).content.decode()
