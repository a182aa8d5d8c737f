"""Read companies and members."""

from collections.abc import Sequence
from functools import cache
from zoneinfo import available_timezones

from django.db import connection
from django.db.models import F, QuerySet

from tenants.errors import CompanyNotNamed, NotAMember
from tenants.models import ApiKey, Company, Membership, Role, User


def list_memberships(user: User) -> QuerySet[Membership]:
    """List the active companies of ``user``, by name."""
    return (
        Membership.objects.filter(user=user, company__is_active=True)
        .select_related("company")
        .order_by("company__name", "company_id")
    )


def find_membership(user: User, company_slug: str) -> Membership | None:
    """Find the place of ``user`` in a company, or None: also for companies that do not exist."""
    return list_memberships(user).filter(company__slug=company_slug).first()


def get_company_of(user: User, company: Company | None = None) -> Company:
    """Return the company that ``user`` acts for: the named one, or their only one.

    Raises:
        NotAMember: the user is no member of the named company, or of any.
        CompanyNotNamed: none is named and the user belongs to several.
    """
    companies = [membership.company for membership in list_memberships(user)]
    if company is not None:
        companies = [own for own in companies if own.pk == company.pk]
    if not companies:
        raise NotAMember
    if len(companies) > 1:
        raise CompanyNotNamed(len(companies))
    return companies[0]


def list_members(company: Company) -> QuerySet[Membership]:
    """List who belongs to ``company``, in the order in which they joined."""
    return company.memberships.select_related("user").order_by("created_at", "id")


def count_owned_companies(user: User) -> int:
    """Count the companies that ``user`` owns, inactive ones included."""
    return Membership.objects.filter(user=user, role=Role.OWNER).count()


def list_api_keys(company: Company) -> QuerySet[ApiKey]:
    """List the keys of ``company``: those that are not revoked first, then the newest first."""
    keys = company.api_keys.select_related("created_by", "revoked_by")
    return keys.order_by(F("revoked_at").desc(nulls_first=True), "-created_at", "-id")


@cache
def list_time_zones() -> Sequence[str]:
    """List the zones to choose from: places and UTC, as far as both Python and the database know them.

    The database cuts days in the company's zone: one that only Python knows would make every hold fail.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known_to_database = {row[0] for row in cursor.fetchall()}
    return sorted(name for name in available_timezones() & known_to_database if _is_place(name) or name == "UTC")


_AREAS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


def _is_place(name: str) -> bool:
    """Tell places from the database's aliases such as ``EST5EDT`` or ``Etc/GMT+3``."""
    return name.startswith(_AREAS)
