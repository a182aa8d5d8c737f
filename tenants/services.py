"""Change companies and members."""

from uuid import uuid4

from django.db import transaction
from django.utils.text import slugify

from tenants.errors import AlreadyMember, LastOwner, RoleNotAllowed
from tenants.models import Company, Membership, Role, User


def create_company(*, name: str, time_zone: str, owner: User) -> Company:
    """Create a company with its owner. Its address is made from the name and never changes."""
    with transaction.atomic():
        company = Company.objects.create(name=name, slug=_free_slug(name), time_zone=time_zone)
        Membership.objects.create(company=company, user=owner, role=Role.OWNER)
    return company


def add_member(*, company: Company, email: str, role: str, acting: Membership) -> Membership:
    """Make the person of that address a member; an unknown address gets an account to be set up by reset link.

    Raises:
        RoleNotAllowed: only owners make owners, and only admins add members.
        AlreadyMember: the person has a place already; nothing was changed.
    """
    _require_right_over(acting, role)
    with transaction.atomic():
        user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email)
        membership, created = Membership.objects.get_or_create(company=company, user=user, defaults={"role": role})
    if not created:
        raise AlreadyMember
    return membership


def change_role(*, membership: Membership, role: str, acting: Membership) -> None:
    """Give a member another role.

    Raises:
        RoleNotAllowed: the acting member may not grant that role, or not touch this member.
        LastOwner: the company would be left without an owner.
    """
    _require_right_over(acting, role, membership.role)
    with transaction.atomic():
        _lock_owners(membership, keeps_owner=role == Role.OWNER)
        Membership.objects.filter(pk=membership.pk).update(role=role)


def remove_member(*, membership: Membership, acting: Membership) -> None:
    """Take a member out of the company; what they did stays recorded.

    Raises:
        RoleNotAllowed: the acting member may not touch this member.
        LastOwner: the company would be left without an owner.
    """
    _require_right_over(acting, membership.role)
    with transaction.atomic():
        _lock_owners(membership, keeps_owner=False)
        membership.delete()


def _require_right_over(acting: Membership, *roles: str) -> None:
    if not acting.can_administer or not all(acting.allows(role) for role in roles):
        raise RoleNotAllowed


def _lock_owners(membership: Membership, *, keeps_owner: bool) -> None:
    """Lock the company's owner rows, so that two owners cannot step down at once and leave none."""
    owners = Membership.objects.select_for_update().filter(company_id=membership.company_id, role=Role.OWNER)
    others = [owner for owner in owners.order_by("pk") if owner.pk != membership.pk]
    if not others and not keeps_owner:
        raise LastOwner


def _free_slug(name: str) -> str:
    slug = slugify(name)[:50] or "company"
    return f"{slug}-{uuid4().hex[:6]}" if Company.objects.filter(slug=slug).exists() else slug
