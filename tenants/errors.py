"""What can go wrong with companies and their members."""

from dataclasses import dataclass
from uuid import UUID


class TenantError(Exception):
    """Base of this app's errors."""


class LastOwner(TenantError):
    """A company must keep one owner; the change would have removed the last."""


@dataclass
class AlreadyMember(TenantError):
    """The person has a place in the company already."""

    membership_id: int


class RoleNotAllowed(TenantError):
    """The acting member's role may not make this change."""


class NotAMember(TenantError):
    """The person has no place in that company, or in any."""


@dataclass
class KeyMadeBefore(TenantError):
    """The same form made a key already, whose secret was shown then."""

    key_id: UUID


@dataclass
class CompanyNotNamed(TenantError):
    """The person belongs to several companies, so that one has to be named."""

    company_count: int

    def __str__(self) -> str:
        return f"The person belongs to {self.company_count} companies: name the one that is meant."
