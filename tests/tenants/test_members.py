from smtplib import SMTPServerDisconnected
from unittest.mock import Mock

import pytest
from django.core import mail

from tenants.models import Membership, Role, User
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory, sign_in

pytestmark = pytest.mark.django_db


def add(client, company, email, role):
    return client.post(f"/c/{company.slug}/members/add/", {"email": email, "role": role}, follow=True)


def test_the_list_names_members_and_offers_what_an_admin_may_change(client):
    admin = sign_in(client, Role.ADMIN)
    owner = MembershipFactory(company=admin.company)
    viewer = MembershipFactory(company=admin.company, role=Role.VIEWER)
    page = client.get(f"/c/{admin.company.slug}/members/").content.decode()
    assert owner.user.name in page
    assert f"/members/{viewer.pk}/remove/" in page
    assert f"/members/{owner.pk}/remove/" not in page
    assert '<option value="owner"' not in page


def test_the_list_names_nobody_of_another_company(client):
    admin, stranger = sign_in(client, Role.ADMIN), MembershipFactory()
    assert stranger.user.name not in client.get(f"/c/{admin.company.slug}/members/").content.decode()


def test_somebody_new_is_added_and_invited(client):
    admin = sign_in(client, Role.ADMIN)
    response = add(client, admin.company, "New@Example.com", Role.RECRUITER)
    assert response.redirect_chain == [(f"/c/{admin.company.slug}/members/", 302)]
    assert "An invitation was sent" in response.content.decode()
    assert Membership.objects.get(user__email="new@example.com").role == "recruiter"
    assert [message.to for message in mail.outbox] == [["new@example.com"]]


def test_a_lost_mail_server_loses_no_member_and_is_shown(client, monkeypatch):
    admin = sign_in(client, Role.ADMIN)
    monkeypatch.setattr("tenants.invitations.send_mail", Mock(side_effect=SMTPServerDisconnected))
    page = add(client, admin.company, "new@example.com", Role.VIEWER).content.decode()
    assert "the invitation could not be sent" in page
    assert Membership.objects.filter(company=admin.company, user__email="new@example.com").exists()


def test_adding_again_writes_again_to_somebody_who_has_no_password(client):
    admin = sign_in(client, Role.ADMIN)
    add(client, admin.company, "new@example.com", Role.VIEWER)
    add(client, admin.company, "new@example.com", Role.ADMIN)
    assert len(mail.outbox) == 2
    assert Membership.objects.get(user__email="new@example.com").role == "viewer"


def test_a_member_who_is_set_up_is_not_added_again(client):
    admin = sign_in(client, Role.ADMIN)
    member = MembershipFactory(company=admin.company, role=Role.VIEWER)
    page = add(client, admin.company, member.user.email, Role.ADMIN).content.decode()
    assert f"{member.user} is a member already." in page
    assert (mail.outbox, Membership.objects.get(pk=member.pk).role) == ([], "viewer")


@pytest.mark.parametrize(("email", "role"), [("not an address", "viewer"), ("a@example.com", "owner"), ("", "viewer")])
def test_what_cannot_be_added_is_shown_with_the_form_and_changes_nothing(client, email, role):
    admin = sign_in(client, Role.ADMIN)
    response = add(client, admin.company, email, role)
    assert response.context["form"].errors
    assert (admin.company.memberships.count(), User.objects.count(), mail.outbox) == (1, 1, [])


def test_a_role_is_changed(client):
    owner = sign_in(client, Role.OWNER)
    member = MembershipFactory(company=owner.company, role=Role.VIEWER)
    url = f"/c/{owner.company.slug}/members/{member.pk}/role/"
    response = client.post(url, {"role": "admin"}, follow=True)
    assert f"{member.user} is now admin." in response.content.decode()
    assert Membership.objects.get(pk=member.pk).role == "admin"


def test_an_admin_makes_nobody_owner(client):
    admin = sign_in(client, Role.ADMIN)
    url = f"/c/{admin.company.slug}/members/{admin.pk}/role/"
    response = client.post(url, {"role": "owner"}, follow=True)
    assert "Choose one of the roles that you may give." in response.content.decode()
    assert Membership.objects.get(pk=admin.pk).role == "admin"


def test_the_last_owner_is_told_to_find_another_first(client):
    owner = sign_in(client, Role.OWNER)
    for action, fields in (("role", {"role": "viewer"}), ("remove", {})):
        response = client.post(f"/c/{owner.company.slug}/members/{owner.pk}/{action}/", fields, follow=True)
        assert "is the last owner. Make somebody else owner first." in response.content.decode()
    assert Membership.objects.get(pk=owner.pk).role == "owner"


def test_an_admin_removes_no_owner(client):
    admin = sign_in(client, Role.ADMIN)
    owner = MembershipFactory(company=admin.company)
    response = client.post(f"/c/{admin.company.slug}/members/{owner.pk}/remove/", follow=True)
    assert f"Only an owner may change {owner.user}." in response.content.decode()
    assert Membership.objects.filter(pk=owner.pk).exists()


def test_a_member_is_removed_after_a_question_and_keeps_the_account(client):
    admin = sign_in(client, Role.ADMIN)
    member = MembershipFactory(company=admin.company, role=Role.RECRUITER)
    url = f"/c/{admin.company.slug}/members/{member.pk}/remove/"
    assert f'href="{url}"' in client.get(f"/c/{admin.company.slug}/members/").content.decode()
    question = client.get(url).content.decode()
    assert f"Remove {member.user}?" in question
    assert member.user.email in question
    assert Membership.objects.filter(pk=member.pk).exists()
    client.post(url)
    assert not Membership.objects.filter(pk=member.pk).exists()
    assert User.objects.filter(pk=member.user_id).exists()


def test_an_admin_who_leaves_is_led_home(client):
    admin = sign_in(client, Role.ADMIN)
    question = client.get(f"/c/{admin.company.slug}/members/{admin.pk}/remove/").content.decode()
    assert f"Leave {admin.company.name}?" in question
    MembershipFactory(company=admin.company)
    assert client.post(f"/c/{admin.company.slug}/members/{admin.pk}/remove/").url == "/"


@pytest.mark.parametrize("action", ["role", "remove"])
def test_a_member_of_another_company_cannot_be_reached_through_ones_own(client, action):
    owner, stranger = sign_in(client, Role.OWNER), MembershipFactory(role=Role.VIEWER)
    response = client.post(f"/c/{owner.company.slug}/members/{stranger.pk}/{action}/", {"role": "admin"})
    assert response.status_code == 404
    assert Membership.objects.get(pk=stranger.pk).role == "viewer"


def test_settings_are_changed_and_the_address_stays(client):
    admin = sign_in(client, Role.ADMIN)
    url = f"/c/{admin.company.slug}/settings/"
    client.post(url, {"name": "New name", "time_zone": "Asia/Tokyo", "slug": "other"})
    slug = admin.company.slug
    admin.company.refresh_from_db()
    assert (admin.company.name, admin.company.time_zone, admin.company.slug) == ("New name", "Asia/Tokyo", slug)


def change_answer_days(client, company, days):
    entered = {"name": company.name, "time_zone": company.time_zone, "answer_days": days}
    response = client.post(f"/c/{company.slug}/settings/", entered)
    company.refresh_from_db()
    return response, company.answer_days


def test_how_long_answers_are_kept_is_an_admins_choice(client, settings):
    settings.AI_ANSWER_DAYS = 21
    admin, other = sign_in(client, Role.ADMIN), CompanyFactory()
    page = client.get(f"/c/{admin.company.slug}/settings/").content.decode()
    assert "Empty: 21 days" in page

    assert [change_answer_days(client, admin.company, days)[1] for days in ("1", "365", "")] == [1, 365, None]

    change_answer_days(client, admin.company, "7")
    response, days = change_answer_days(client, other, "7")
    assert (response.status_code, days) == (404, None)
    sign_in(client, Role.RECRUITER, company=admin.company)
    response, days = change_answer_days(client, admin.company, "8")
    assert (response.status_code, days) == (403, 7)


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        ("0", "greater than or equal to 1."),
        ("-1", "greater than or equal to 1."),
        ("366", "less than or equal to 365."),
        ("99999999999", "less than or equal to 365."),
        ("1.5", "whole number."),
        ("a week", "whole number."),
    ],
)
def test_days_that_make_no_sense_are_refused_with_the_reason(client, days, reason):
    admin = sign_in(client, Role.ADMIN)
    response, kept = change_answer_days(client, admin.company, days)
    [error] = response.context["form"].errors["answer_days"]
    assert (error.endswith(reason), kept) == (True, None)


def test_settings_that_are_refused_change_nothing_on_the_page_either(client):
    admin = sign_in(client, Role.ADMIN)
    url = f"/c/{admin.company.slug}/settings/"
    response = client.post(url, {"name": "Refused name", "time_zone": "Mars/Olympus"})
    assert list(response.context["form"].errors) == ["time_zone"]
    assert response.context["company"].name == admin.company.name
    admin.company.refresh_from_db()
    assert admin.company.time_zone == "UTC"


def test_a_zone_that_is_no_longer_offered_stays_selected(client):
    admin = sign_in(client, Role.ADMIN, company__time_zone="Etc/GMT+3")
    page = client.get(f"/c/{admin.company.slug}/settings/").content.decode()
    assert '<option value="Etc/GMT+3" selected>' in page


def test_a_person_added_to_a_second_company_is_told_to_sign_in(client):
    admin, known = sign_in(client, Role.ADMIN), UserFactory()
    add(client, admin.company, known.email, Role.VIEWER)
    assert "Sign in as usual" in mail.outbox[0].body
