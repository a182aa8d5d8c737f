"""Change companies and members."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.text import slugify

from tenants.errors import AlreadyMember, KeyMadeBefore, LastOwner, NotAMember, RoleNotAllowed
from tenants.models import ApiKey, Company, Membership, Role, User
from tenants.secrets import PREFIX_LENGTH, digest_secret, new_secret

logger = structlog.get_logger(__name__)


def create_company(*, name: str, time_zone: str, owner: User) -> Company:
    """Create a company with its owner. Its address is made from the name and never changes."""
    with transaction.atomic():
        company = _create_with_free_slug(name=name, time_zone=time_zone)
        Membership.objects.create(company=company, user=owner, role=Role.OWNER)
    return company


def update_company(*, company: Company, name: str, time_zone: str, answer_days: int | None) -> None:
    """Rename a company, move it to another zone, or keep answers for other than the usual days.

    Its address stays, and so do the days already recorded and those of answers already stored.
    """
    company.name, company.time_zone, company.answer_days = name, time_zone, answer_days
    company.save(update_fields=["name", "time_zone", "answer_days"])


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


def create_api_key(
    *,
    name: str,
    scopes: Sequence[str],
    acting: Membership,
    allowed_models: Sequence[str] = (),
    requests_per_minute: int | None = None,
    expires_at: datetime | None = None,
    form_token: UUID | None = None,
) -> tuple[ApiKey, str]:
    """Make a key of the acting member's company; returns it with its secret, which nothing can show again.

    Raises:
        RoleNotAllowed: only admins make keys: a key spends the company's tokens.
        KeyMadeBefore: a key of the company was made with the same ``form_token``; nothing was changed.
    """
    _require_right_over(acting, acting.company_id)
    secret = new_secret()
    key = ApiKey(
        company_id=acting.company_id,
        name=name,
        prefix=secret[:PREFIX_LENGTH],
        secret_sha256=digest_secret(secret),
        scopes=list(scopes),
        allowed_models=list(allowed_models),
        requests_per_minute=requests_per_minute,
        expires_at=expires_at,
        created_by_id=acting.user_id,
        form_token=form_token,
    )
    _store_once(key)
    logger.info("api_key_created", api_key_id=str(key.pk), company_id=key.company_id, user_id=acting.user_id)
    return key, secret


def revoke_api_key(*, key: ApiKey, acting: Membership) -> bool:
    """Make a key useless, within seconds and for good; returns False when it was revoked already.

    Raises:
        RoleNotAllowed: only admins of its company revoke a key.
    """
    _require_right_over(acting, key.company_id)
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(
        revoked_at=Now(), revoked_by_id=acting.user_id
    )
    if revoked:
        logger.info("api_key_revoked", api_key_id=str(key.pk), company_id=key.company_id, user_id=acting.user_id)
    return bool(revoked)


def note_use(key_id: UUID) -> bool:
    """Record that a key was used, at most once a minute; returns whether it was written."""
    is_stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=Now() - timedelta(minutes=1))
    return bool(ApiKey.objects.filter(is_stale, pk=key_id).update(last_used_at=Now()))


def _store_once(key: ApiKey) -> None:
    """Store a key; of two requests of one form at the same time, the database lets one through."""
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError:
        before = ApiKey.objects.filter(company_id=key.company_id, form_token=key.form_token).first()
        if key.form_token is None or before is None:
            raise
        raise KeyMadeBefore(before.pk) from None


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
