"""Companies with people who look at their pages."""

from applications.models import Application
from tenants.models import Company, Role, User
from tests.tenants.factories import MembershipFactory


def recruiter_of(company: Company) -> User:
    """Make a recruiter."""
    return MembershipFactory(company=company, role=Role.RECRUITER).user


def admin_of(company: Company) -> User:
    """Make an admin."""
    return MembershipFactory(company=company, role=Role.ADMIN).user


def address_of(application: Application) -> str:
    """Return where members see an application."""
    return f"/c/{application.company.slug}/applications/{application.pk}/"


def tokens_of(company: Company) -> str:
    """Return where admins see the tokens of a company."""
    return f"/c/{company.slug}/tokens/"
