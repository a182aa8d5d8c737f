"""Tell people by e-mail that they were made members, with a link to set a password if they have none."""

from textwrap import dedent

import structlog
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse

from tenants.models import Membership, User

logger = structlog.get_logger(__name__)

_SET_UP = """\
    Hello,

    {inviter} made you {role} of {company} on Winnow.

    Set a password to get started (the link works for {days} days and only once):
    {link}

    Later, “Forgot your password?” on the sign-in page sends you a new link.
    """
_SIGN_IN = """\
    Hello,

    {inviter} made you {role} of {company} on Winnow. Sign in as usual:
    {link}
    """


def send_invitation(membership: Membership, *, invited_by: User, site_url: str) -> bool:
    """Send the invitation and return whether the mail server took it; the membership stands either way.

    Call it after the membership is committed. ``site_url``: scheme and host, such as ``https://winnow.example``.
    """
    company = " ".join(membership.company.name.split())
    try:
        send_mail(
            f"You are a member of {company} on Winnow",
            _compose(membership, company=company, invited_by=invited_by, site_url=site_url),
            settings.DEFAULT_FROM_EMAIL,
            [membership.user.email],
        )
    except OSError:  # SMTP errors are OSErrors
        logger.exception("invitation_not_sent", membership_id=membership.pk)
        return False
    return True


def _compose(membership: Membership, *, company: str, invited_by: User, site_url: str) -> str:
    needs_password = not membership.user.has_usable_password()
    path = _set_password_path(membership.user) if needs_password else reverse("account_login")
    return dedent(_SET_UP if needs_password else _SIGN_IN).format(
        inviter=invited_by.get_full_name(),
        role=membership.get_role_display().lower(),
        company=company,
        days=settings.PASSWORD_RESET_TIMEOUT // 86_400,
        link=f"{site_url}{path}",
    )


def _set_password_path(user: User) -> str:
    parts = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return reverse("account_reset_password_from_key", kwargs=parts)
