"""Accounts as allauth keeps them: an address counts once it is verified."""

from allauth.account.models import EmailAddress
from django.db import transaction

from tenants.models import User


def verify_address(user: User) -> None:
    """Mark the user's address as verified, unless another address of theirs is: then that one was proven, not this.

    For somebody who came by a link that only this address received, and for accounts that an operator makes.
    """
    with transaction.atomic():
        if EmailAddress.objects.filter(user=user, verified=True).exists():
            return
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
