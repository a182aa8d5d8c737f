"""Read companies and members."""

from django.db.models import QuerySet

from tenants.models import Company, Membership, User


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


def list_members(company: Company) -> QuerySet[Membership]:
    """List who belongs to ``company``, in the order in which they joined."""
    return company.memberships.select_related("user").order_by("created_at", "id")
