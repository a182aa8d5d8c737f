"""What can go wrong with companies and their members."""


class TenantError(Exception):
    """Base of this app's errors."""


class LastOwner(TenantError):
    """A company must keep one owner; the change would have removed the last."""


class AlreadyMember(TenantError):
    """The person is a member of the company already."""


class RoleNotAllowed(TenantError):
    """The acting member's role may not make this change."""
