"""Pages of the ledger."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenants.access import CompanyRequest, company_view, staff_view
from tenants.models import Role
from tokens.models import AuditRun
from tokens.pages import token_page as token_page_context
from tokens.services import spool
from tokens.services.repairs import record_audit
from tokens.usage_filters import read_filters, read_id


@require_safe
@company_view(Role.ADMIN)
def token_page(request: CompanyRequest) -> HttpResponse:
    """Show what the company has and has used.

    ``after`` is the last call of the page before; ``key`` and ``application`` narrow the list of recent usage.
    """
    before, filters = read_id(request.GET.get("after", "")), read_filters(request.GET)
    context = token_page_context(request.company, before=before, filters=filters)
    return render(request, "tokens/token_page.html", context)


@require_safe
@staff_view
def staff_ledger(request: HttpRequest) -> HttpResponse:
    """Show the staff whether the books are in order: the last audit, and settlements that wait for the database."""
    context = {
        "audit": AuditRun.objects.first(),
        "earlier": AuditRun.objects.all()[1:11],
        "waiting_settlements": len(spool.list_waiting()),
        "unreadable_settlements": len(spool.list_unreadable()),
        "as_of": timezone.now(),
    }
    return render(request, "staff/ledger.html", context)


@require_POST
@staff_view
def staff_audit(request: HttpRequest) -> HttpResponse:
    """Audit the ledger now."""
    broken = sum(not result.holds for result in record_audit())
    messages.success(request, f"Audited: {broken} rules broken." if broken else "Audited: all rules hold.")
    return redirect("staff_ledger")
