import re

import pytest
from django.core import mail

from tenants.invitations import send_invitation
from tenants.models import Role, User
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def invite(**facts):
    membership = MembershipFactory(role=Role.RECRUITER, **facts)
    assert send_invitation(membership, invited_by=UserFactory(name="Ana"), site_url="https://winnow.example")
    return membership, mail.outbox[0]


def test_somebody_without_a_password_gets_a_link_to_set_one():
    user = User.objects.create_user("new@example.com")
    _, message = invite(user=user, company=CompanyFactory(name="Acme"))
    assert (message.to, message.subject) == (["new@example.com"], "You are a member of Acme on Winnow")
    assert "Ana made you recruiter of Acme on Winnow." in message.body
    assert "works for 3 days" in message.body
    assert "https://winnow.example/accounts/password/reset/key/" in message.body


def test_somebody_with_a_password_gets_no_link_that_could_change_it():
    _, message = invite()
    assert "https://winnow.example/accounts/login/" in message.body
    assert "password/reset" not in message.body


def test_a_name_with_line_breaks_makes_no_other_headers():
    _, message = invite(company=CompanyFactory(name="Acme\nBcc: all@example.com"))
    assert message.subject == "You are a member of Acme Bcc: all@example.com on Winnow"


def test_the_link_sets_a_password_signs_in_and_proves_the_address(client):
    membership, message = invite(user=User.objects.create_user("new@example.com"))
    link = re.search(r"https://winnow\.example(/\S+)", message.body)[1]
    form_url = client.get(link).url
    answer = client.post(form_url, {"password1": "six tall herons", "password2": "six tall herons"})
    assert answer.status_code == 302
    assert client.get("/").url == f"/c/{membership.company.slug}/jobs/"
    assert membership.user.emailaddress_set.values_list("email", "verified", "primary").get() == (
        "new@example.com",
        True,
        True,
    )


def test_the_link_works_once(client):
    _, message = invite(user=User.objects.create_user("new@example.com"))
    link = re.search(r"https://winnow\.example(/\S+)", message.body)[1]
    client.post(client.get(link).url, {"password1": "six tall herons", "password2": "six tall herons"})
    client.logout()
    assert "This link no longer works" in client.get(link).content.decode()
