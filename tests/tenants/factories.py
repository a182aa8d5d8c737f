"""People, companies, people signed in as members of them, and keys."""

import factory
from django.test import Client

from tenants.models import ApiKey, Company, KeyScope, Membership, Role, User
from tenants.services import create_api_key

PASSWORD = "six tall herons"


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    name = factory.Sequence(lambda number: f"Person {number}")
    password = factory.django.Password(PASSWORD)


class CompanyFactory(factory.django.DjangoModelFactory[Company]):
    class Meta:
        model = Company

    name = factory.Sequence(lambda number: f"Company {number}")
    slug = factory.Sequence(lambda number: f"company-{number}")
    time_zone = "UTC"


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    company = factory.SubFactory(CompanyFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


def sign_in(client: Client, role: str = Role.ADMIN, **facts: object) -> Membership:
    """Sign ``client`` in as a new member; ``facts`` are those of the membership."""
    membership = MembershipFactory(role=role, **facts)
    client.force_login(membership.user, backend="django.contrib.auth.backends.ModelBackend")
    return membership


def new_api_key(company: Company, **options: object) -> tuple[ApiKey, str]:
    """Make a key of a company, and return it with its secret."""
    acting = MembershipFactory(company=company)
    return create_api_key(**{"name": "CI", "scopes": KeyScope.values, "acting": acting, **options})
