"""What every template may rely on."""

from django.conf import settings
from django.http import HttpRequest

from tenants.selectors import list_memberships


def winnow(request: HttpRequest) -> dict[str, object]:
    """Name the provider in use, the signed-in person's companies, and the company of the URL."""
    user = getattr(request, "user", None)
    is_known = user is not None and user.is_authenticated
    return {
        "ai_is_sandbox": settings.AI_PROVIDER == "sandbox",
        "memberships": list_memberships(user) if is_known else [],  # type: ignore[arg-type]  # lazy, hence Any
        "current_membership": getattr(request, "membership", None),
    }
