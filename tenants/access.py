"""The one way for a view to the company named in its URL."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails
from structlog.contextvars import bound_contextvars

from tenants.models import Company, Membership, User
from tenants.selectors import find_membership

P = ParamSpec("P")


class CompanyRequest(HttpRequest):
    """A request whose signed-in user was found to be a member of the company in the URL."""

    user: User
    htmx: HtmxDetails
    membership: Membership
    company: Company


def company_view(
    role: str,
) -> Callable[
    [Callable[Concatenate[CompanyRequest, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, str, P], HttpResponse],
]:
    """Admit members of the company in the URL who hold at least ``role``.

    Somebody who is no member gets the same 404 as for a company that does not exist: its name is not
    theirs to know. A member whose role does not reach gets 403. Inside the view the current time zone is the
    company's, and every log line carries the company.
    """

    def decorate(
        view: Callable[Concatenate[CompanyRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, str, P], HttpResponse]:
        @wraps(view)
        def admitted(request: CompanyRequest, company_slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return _send_to_login(request)
            membership = find_membership(request.user, company_slug)
            if membership is None:
                raise Http404
            request.membership, request.company = membership, membership.company
            if not membership.allows(role):
                raise PermissionDenied
            with bound_contextvars(company_id=membership.company_id), timezone.override(membership.company.zone):
                return view(request, *args, **kwargs)

        return admitted  # type: ignore[return-value]

    return decorate


def staff_view(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Admit the platform's staff; for others the page does not exist."""

    @wraps(view)
    def admitted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not (request.user.is_authenticated and request.user.is_staff):
            raise Http404
        return view(request, *args, **kwargs)

    return admitted  # type: ignore[return-value]


def _send_to_login(request: CompanyRequest) -> HttpResponse:
    """Ask to sign in: a part of a page that htmx loads must not be filled with the sign-in page."""
    if request.htmx:
        return HttpResponseClientRefresh()
    return redirect_to_login(request.get_full_path())
