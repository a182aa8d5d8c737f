"""Change companies and members."""

from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from tenants.errors import AlreadyMember, LastOwner, NotAMember, RoleNotAllowed
from tenants.models import Company, Membership, Role, User


def create_company(*, name: str, time_zone: str, owner: User) -> Company:
    """Create a company with its owner. Its address is made from the name and never changes."""
    with transaction.atomic():
        company = _create_with_free_slug(name=name, time_zone=time_zone)
        Membership.objects.create(company=company, user=owner, role=Role.OWNER)
    return company


def update_company(*, company: Company, name: str, time_zone: str) -> None:
    """Rename a company or move it to another zone. Its address stays, and so do the days already recorded."""
    company.name, company.time_zone = name, time_zone
    company.save(update_fields=["name", "time_zone"])


def add_member(*, company: Company, email: str, role: str, acting: Membership) -> Membership:
    """Make the person of that address a member; an unknown address gets an account to be set up by reset link.

    Raises:
        RoleNotAllowed: only owners make owners, and only admins add members.
        AlreadyMember: the person has a place already; nothing was changed.
    """
    _require_right_over(acting, company.pk, role)
    with transaction.atomic():
        user = _get_or_create_user(email)
        membership, created = Membership.objects.get_or_create(company=company, user=user, defaults={"role": role})
    if not created:
        raise AlreadyMember(membership.pk)
    return membership


def change_role(*, membership: Membership, role: str, acting: Membership) -> None:
    """Give a member another role.

    Raises:
        RoleNotAllowed: the acting member may not grant that role, or not touch this member.
        LastOwner: the company would be left without an owner.
        NotAMember: the member was removed meanwhile.
    """
    with transaction.atomic():
        current, is_last_owner = _lock_with_owners(membership)
        _require_right_over(acting, current.company_id, role, current.role)
        if is_last_owner and role != Role.OWNER:
            raise LastOwner
        Membership.objects.filter(pk=current.pk).update(role=role)


def remove_member(*, membership: Membership, acting: Membership) -> None:
    """Take a member out of the company; what they did stays recorded.

    Raises:
        RoleNotAllowed: the acting member may not touch this member.
        LastOwner: the company would be left without an owner.
        NotAMember: the member was removed already.
    """
    with transaction.atomic():
        current, is_last_owner = _lock_with_owners(membership)
        _require_right_over(acting, current.company_id, current.role)
        if is_last_owner:
            raise LastOwner
        current.delete()


def _require_right_over(acting: Membership, company_id: int, *roles: str) -> None:
    is_allowed = acting.can_administer and all(acting.allows(role) for role in roles)
    if not is_allowed or acting.company_id != company_id:
        raise RoleNotAllowed


def _lock_with_owners(membership: Membership) -> tuple[Membership, bool]:
    """Lock a member's row and the owners' rows; return the member as stored, and whether it is the last owner.

    Without the lock two owners could step down at once and leave none, and an admin could change somebody who is
    just being made owner.
    """
    rows = Membership.objects.select_for_update().filter(company_id=membership.company_id).order_by("pk")
    locked = {row.pk: row for row in rows.filter(Q(role=Role.OWNER) | Q(pk=membership.pk))}
    if membership.pk not in locked:
        raise NotAMember
    owners = [pk for pk, row in locked.items() if row.role == Role.OWNER]
    return locked[membership.pk], owners == [membership.pk]


def _get_or_create_user(email: str) -> User:
    """Find the person by address; two admins who add the same new address at once get the same account."""
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        pass
    try:
        with transaction.atomic():
            return User.objects.create_user(email)
    except IntegrityError:
        return User.objects.get_by_natural_key(email)


def _create_with_free_slug(*, name: str, time_zone: str) -> Company:
    """Take the plain slug of the name, or, when the database says that it is taken, one with a random end."""
    slug = slugify(name)[:50].strip("-") or "company"
    try:
        with transaction.atomic():
            return Company.objects.create(name=name, slug=slug, time_zone=time_zone)
    except IntegrityError:
        return Company.objects.create(name=name, slug=f"{slug}-{uuid4().hex[:6]}", time_zone=time_zone)
