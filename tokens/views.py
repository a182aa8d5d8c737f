"""Pages of the ledger."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from tenants.access import CompanyRequest, company_view
from tenants.models import Role
from tokens.pages import token_page as token_page_context


@company_view(Role.ADMIN)
def token_page(request: CompanyRequest) -> HttpResponse:
    """Show what the company has and has used. ``after`` is the last call of the page before."""
    context = token_page_context(request.company, before=_cursor(request.GET.get("after", "")))
    return render(request, "tokens/token_page.html", context)


def _cursor(text: str) -> UUID | None:
    """Read a cursor; one that was cut short in copying begins at the newest call."""
    try:
        return UUID(text)
    except ValueError:
        return None
