"""Keys of companies: made once, kept as hashes, found by secret, revoked for good."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tenants.api_keys import KeyRing, KeyTerms
from tenants.errors import RoleNotAllowed
from tenants.models import ApiKey, KeyScope, Role
from tenants.selectors import list_api_keys
from tenants.services import create_api_key, note_use, revoke_api_key
from tests.tenants.factories import MembershipFactory
from tests.tenants.keys import find_api_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return MembershipFactory(role=Role.ADMIN)


def new_key(admin, **options):
    return create_api_key(**{"name": "CI", "scopes": [KeyScope.INFERENCE], "acting": admin, **options})


# Making one --------------------------------------------------------------------------------------------------


def test_a_key_is_256_random_bits_of_which_only_the_hash_is_kept(admin):
    key, secret = new_key(admin)
    _, other = new_key(admin)
    assert secret.startswith("wnw_")
    assert len(bytes.fromhex(secret.removeprefix("wnw_"))) == 32
    assert secret != other
    key.refresh_from_db()
    assert bytes(key.secret_sha256) == hashlib.sha256(secret.encode()).digest()
    assert key.prefix == secret[:8]


def test_no_column_holds_the_secret(admin):
    _, secret = new_key(admin)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM tenants_api_key k")
        assert secret[8:] not in cursor.fetchone()[0]


def test_who_made_and_revoked_a_key_is_logged_and_its_secret_is_not(admin, caplog):
    caplog.set_level("INFO")
    key, secret = new_key(admin)
    revoke_api_key(key=key, acting=admin)
    lines = [record.msg for record in caplog.records if record.name.startswith("tenants.")]
    who = {"api_key_id": str(key.pk), "company_id": admin.company_id, "user_id": admin.user_id}
    assert [line["event"] for line in lines] == ["api_key_created", "api_key_revoked"]
    assert all(who.items() <= line.items() for line in lines)
    assert secret[4:] not in str(lines)


def test_a_recruiter_makes_no_key():
    recruiter = MembershipFactory(role=Role.RECRUITER)
    with pytest.raises(RoleNotAllowed):
        new_key(recruiter)
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": {}},
        {"requests_per_minute": 0},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"secret_sha256": b"short"},
        {"revoked_at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_database_refuses_a_key_that_makes_no_sense(admin, wrong):
    key, _ = new_key(admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(**wrong)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tenants_api_key",
        'UPDATE tenants_api_key SET scopes = \'["inference", "models:read"]\'',
        "UPDATE tenants_api_key SET secret_sha256 = sha256('guess')",
    ],
)
def test_the_products_role_neither_deletes_a_key_nor_changes_what_it_is(admin, statement):
    new_key(admin)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE winnow_app")
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement)
        cursor.execute("RESET ROLE")


def test_the_products_role_can_do_what_keys_need(admin):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE winnow_app")
        key, secret = new_key(admin)
        assert note_use(key.pk)
        assert find_api_key(secret) == key
        assert revoke_api_key(key=key, acting=admin)
        cursor.execute("RESET ROLE")


# Finding one -------------------------------------------------------------------------------------------------


def test_a_key_is_found_by_its_secret_alone(admin):
    key, secret = new_key(admin)
    new_key(admin)
    assert find_api_key(secret) == key
    for wrong in (
        secret[:-1],
        secret + "0",
        secret.upper(),
        secret.removeprefix("wnw_"),
        key.prefix,
        "",
        "wnw_ü\udce9",
    ):
        assert find_api_key(wrong) is None


def test_a_revoked_key_is_found_no_more(admin):
    key, secret = new_key(admin)
    assert revoke_api_key(key=key, acting=admin)
    assert find_api_key(secret) is None
    key.refresh_from_db()
    assert key.revoked_by == admin.user


def test_revoking_again_changes_nothing(admin):
    key, _ = new_key(admin)
    revoke_api_key(key=key, acting=admin)
    first = ApiKey.objects.get()
    other = MembershipFactory(company=admin.company, role=Role.OWNER)
    assert not revoke_api_key(key=key, acting=other)
    assert (ApiKey.objects.get().revoked_at, ApiKey.objects.get().revoked_by_id) == (first.revoked_at, admin.user_id)


def test_an_admin_of_another_company_does_not_revoke_it(admin):
    key, secret = new_key(admin)
    with pytest.raises(RoleNotAllowed):
        revoke_api_key(key=key, acting=MembershipFactory(role=Role.OWNER))
    assert find_api_key(secret) == key


def test_keys_of_a_company_that_is_not_active_are_not_found(admin):
    _, secret = new_key(admin)
    type(admin.company).objects.update(is_active=False)
    assert find_api_key(secret) is None


def test_the_list_has_the_companys_keys_alone_the_revoked_last(admin):
    first, _ = new_key(admin, name="first")
    revoked, _ = new_key(admin, name="revoked")
    second, _ = new_key(admin, name="second")
    new_key(MembershipFactory(), name="another company's")
    revoke_api_key(key=revoked, acting=admin)
    # In one transaction they were made at one moment: the newer has the greater id.
    assert list(list_api_keys(admin.company)) == [second, first, revoked]


def test_use_is_written_once_a_minute(admin):
    key, _ = new_key(admin)
    assert note_use(key.pk)
    assert not note_use(key.pk)
    ApiKey.objects.update(last_used_at=datetime.now(UTC) - timedelta(seconds=61))
    assert note_use(key.pk)
    assert not note_use(uuid4())


# The ring ----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """The ring's clock, moved by hand."""
    now = [1000.0]
    monkeypatch.setattr("tenants.api_keys.monotonic", lambda: now[0])
    return now


def test_the_ring_tells_what_a_key_may_do(admin):
    expiry = datetime(2100, 1, 1, tzinfo=UTC)
    key, secret = new_key(admin, allowed_models=["gpt-6*"], requests_per_minute=60, expires_at=expiry)
    assert KeyRing().find(secret) == KeyTerms(
        id=key.pk,
        company_id=admin.company_id,
        scopes=frozenset({"inference"}),
        allowed_models=("gpt-6*",),
        requests_per_minute=60,
        expires_at=expiry,
    )


def test_a_key_is_read_once_in_two_seconds(admin, clock, django_assert_num_queries):
    ring, (_, secret) = KeyRing(), new_key(admin)
    with django_assert_num_queries(1):
        terms = ring.find(secret)
        clock[0] += 1.9
        assert ring.find(secret) is terms
    clock[0] += 0.2
    with django_assert_num_queries(1):
        assert ring.find(secret) == terms


def test_a_revoked_key_works_for_two_seconds_at_most(admin, clock):
    ring, (key, secret) = KeyRing(), new_key(admin)
    ring.find(secret)
    revoke_api_key(key=key, acting=admin)
    clock[0] += 1.9
    assert ring.find(secret) is not None
    clock[0] += 0.2
    assert ring.find(secret) is None


def test_a_key_in_use_is_read_again_in_advance_once(admin, clock, django_assert_num_queries):
    ring, (key, secret) = KeyRing(), new_key(admin)
    terms = ring.find(secret)
    clock[0] += 0.9
    assert ring.recall(secret) == (terms, False)
    clock[0] += 0.2
    assert [ring.recall(secret), ring.recall(secret)] == [(terms, True), (terms, False)]
    with django_assert_num_queries(1):
        ring.renew()
    clock[0] += 0.9
    assert ring.recall(secret) == (terms, False)
    clock[0] += 0.2
    revoke_api_key(key=key, acting=admin)
    assert ring.recall(secret) == (terms, True)
    ring.renew()
    assert ring.recall(secret) == (None, False)


def test_all_keys_in_use_that_are_soon_too_old_are_read_at_once(admin, clock, django_assert_num_queries):
    ring, (one, other, idle) = KeyRing(), (new_key(admin)[1] for _ in range(3))
    terms = [ring.find(secret) for secret in (one, other, idle)]
    ring.recall(other)
    clock[0] += 1.1
    assert ring.recall(one) == (terms[0], True)
    with django_assert_num_queries(1):
        ring.renew()
    clock[0] += 1.0
    assert [ring.recall(secret)[0] for secret in (one, other, idle)] == [terms[0], terms[1], None]


def test_a_secret_that_is_unknown_is_looked_for_once_in_two_seconds(admin, clock, django_assert_num_queries):
    ring = KeyRing()
    with django_assert_num_queries(1):
        assert [ring.find("wnw_unknown"), ring.find("wnw_unknown")] == [None, None]
    clock[0] += 2.1
    with django_assert_num_queries(1):
        assert ring.find("wnw_unknown") is None


def test_made_up_secrets_neither_fill_the_memory_nor_push_out_a_key(admin, clock, django_assert_num_queries):
    ring, (_, secret) = KeyRing(max_keys=4), new_key(admin)
    ring.find(secret)
    for number in range(20):
        ring.find(f"wnw_{number}")
    assert len(ring._unknown) <= 4
    with django_assert_num_queries(0):
        assert ring.find(secret) is not None


def test_many_keys_are_found_though_few_are_remembered(admin, clock):
    ring, made = KeyRing(max_keys=2), [new_key(admin) for _ in range(5)]
    for key, secret in made * 2:
        assert ring.find(secret).id == key.pk
    assert len(ring._known) <= 2


def test_use_is_due_once_a_minute_for_each_key(clock):
    ring, one, other = KeyRing(), uuid4(), uuid4()
    assert [ring.is_use_due(key) for key in (one, one, other, one)] == [True, False, True, False]
    clock[0] += 61
    assert ring.is_use_due(one)


# Terms -------------------------------------------------------------------------------------------------------


def terms(**facts):
    plain = {"scopes": frozenset(), "allowed_models": (), "requests_per_minute": None, "expires_at": None}
    return KeyTerms(**{"id": uuid4(), "company_id": 1, **plain, **facts})


@pytest.mark.parametrize(
    ("allowed", "names", "allows"),
    [
        ((), ["anything"], True),
        (("gpt-6-luna",), ["gpt-6-luna"], True),
        (("gpt-6-luna",), ["gpt-6-luna-mini"], False),
        (("gpt-6*", "claude-haiku-*"), ["claude-haiku-5-5"], True),
        (("gpt-6*",), ["GPT-6-luna"], False),
        (("openai/*",), ["gpt-6-luna", "openai/gpt-6-luna"], True),
        (("gpt-6*",), [], False),
    ],
)
def test_a_key_allows_the_models_that_its_patterns_match(allowed, names, allows):
    assert terms(allowed_models=allowed).allows_model(*names) is allows


def test_a_key_is_active_until_it_expires():
    now = datetime.now(UTC)
    assert terms().is_active
    assert terms(expires_at=now + timedelta(minutes=1)).is_active
    assert not terms(expires_at=now).is_active
