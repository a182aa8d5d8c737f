"""Accounts as people use them: through the pages, with allauth as the settings configure it."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache

from tenants.accounts import verify_address
from tenants.models import User
from tests.tenants.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


def sign_up(client, email="ana@example.com", password=PASSWORD):
    return client.post("/accounts/signup/", {"email": email, "password1": password, "password2": password})


def log_in(client, email, password=PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password})


def link_in(message):
    return re.search(r"https?://testserver(/\S+)", message.body)[1]


def verified_user(**facts):
    user = UserFactory(**facts)
    verify_address(user)
    return user


def test_people_sign_up_verify_their_address_and_come_in(client):
    assert sign_up(client).url == "/accounts/confirm-email/"
    client.post(link_in(mail.outbox[0]))
    response = log_in(client, "ana@example.com")
    assert (response.url, client.get("/").url) == ("/", "/companies/new/")


def test_nobody_comes_in_before_the_address_is_verified(client):
    sign_up(client)
    client.logout()
    assert log_in(client, "ana@example.com").url == "/accounts/confirm-email/"
    assert "_auth_user_id" not in client.session


def test_the_address_may_be_typed_in_any_case(client):
    verified_user(email="ana@example.com")
    assert log_in(client, "Ana@Example.com").url == "/"


def test_signing_up_with_a_known_address_tells_its_owner_alone(client):
    verified_user(email="ana@example.com")
    known, unknown = sign_up(client, "ana@example.com"), sign_up(client, "new@example.com")
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert [message.to for message in mail.outbox] == [["ana@example.com"], ["new@example.com"]]
    assert User.objects.filter(email="ana@example.com").count() == 1


def test_an_invited_person_who_signs_up_instead_is_led_to_the_reset(client):
    User.objects.create_user("invited@example.com")
    sign_up(client, "invited@example.com")
    assert "/accounts/password/reset/" in mail.outbox[0].body
    assert not User.objects.get(email="invited@example.com").has_usable_password()


@pytest.mark.parametrize("password", ["short", "password123", "ana@example.com"])
def test_a_weak_password_is_refused(client, password):
    assert sign_up(client, password=password).status_code == 200
    assert not User.objects.exists()


def test_a_forgotten_password_is_set_anew_by_link(client):
    user = verified_user()
    client.post("/accounts/password/reset/", {"email": user.email})
    form_url = client.get(link_in(mail.outbox[0])).url
    client.post(form_url, {"password1": "nine grey cranes", "password2": "nine grey cranes"})
    client.logout()
    assert log_in(client, user.email, PASSWORD).status_code == 200
    assert log_in(client, user.email, "nine grey cranes").url == "/"


def test_asking_for_a_reset_does_not_tell_who_has_an_account(client):
    user = verified_user()
    known = client.post("/accounts/password/reset/", {"email": user.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_failed_attempts_are_limited_even_with_the_right_password_at_last(client):
    user = verified_user()
    for _ in range(5):
        log_in(client, user.email, "wrong")
    response = log_in(client, user.email)
    assert response.status_code == 200
    assert "Too many failed login attempts" in response.content.decode()


def test_a_deactivated_person_does_not_come_in(client):
    user = verified_user(is_active=False)
    assert log_in(client, user.email).url == "/accounts/inactive/"
    assert "_auth_user_id" not in client.session


def test_signing_out_takes_a_post(client):
    client.force_login(verified_user(), backend="django.contrib.auth.backends.ModelBackend")
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "page", ["login", "signup", "password/reset", "password/reset/done", "confirm-email", "inactive"]
)
def test_the_pages_hold_to_the_content_security_policy(client, page):
    response = client.get(f"/accounts/{page}/")
    text = response.content.decode()
    assert response.status_code == 200
    assert "'unsafe" not in response.headers["Content-Security-Policy"]
    assert re.findall(r"<[^>]*\s(?:style|on[a-z]+)=", text) == []
    assert [
        tag for tag in re.findall(r"<(?:script|style)[^>]*>", text) if "src=" not in tag and "nonce=" not in tag
    ] == []


def test_verifying_an_address_twice_changes_nothing():
    user = UserFactory()
    verify_address(user)
    verify_address(user)
    assert EmailAddress.objects.values_list("email", "verified", "primary").get() == (user.email, True, True)


def test_an_address_is_not_verified_through_another_that_was():
    user = UserFactory(email="first@example.com")
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)
    verify_address(user)
    assert not EmailAddress.objects.filter(email="first@example.com", verified=True).exists()
