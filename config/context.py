"""What every template may rely on."""

from django.http import HttpRequest

from ai_gateway.disclosure import is_sandbox_alone
from tenants.models import Company
from tenants.selectors import list_memberships


def winnow(request: HttpRequest) -> dict[str, object]:
    """Name the provider in use, the signed-in person's companies, and the company of the URL."""
    user = getattr(request, "user", None)
    is_known = user is not None and user.is_authenticated
    return {
        "ai_is_sandbox": lambda: is_sandbox_alone(_find_company_id(request)),  # for the few pages that ask
        "memberships": list_memberships(user) if is_known else [],  # type: ignore[arg-type]  # lazy, hence Any
        "current_membership": getattr(request, "membership", None),
    }


def _find_company_id(request: HttpRequest) -> int | None:
    """Find the company whose pages these are: the member's, or the one that people apply to."""
    membership = getattr(request, "membership", None)
    if membership is not None:
        return int(membership.company_id)
    slug = request.resolver_match.kwargs.get("company_slug") if request.resolver_match else None
    return Company.objects.filter(slug=slug).values_list("pk", flat=True).first() if slug else None
