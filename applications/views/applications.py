"""Pages on which members see applications, and what they can do there."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from applications.errors import CannotStartThere, RunUnderWay, StepNotRetryable
from applications.forms.filter_form import ApplicationFilterForm
from applications.forms.resieve_form import ResieveForm
from applications.models import Application, Operation
from applications.pages.application_page import application_page
from applications.pages.application_rows import application_rows
from applications.selectors.applications import list_applications
from applications.services.runs import retry_step, start_run
from applications.views.access import access_application, access_step
from tenants.access import CompanyRequest, company_view
from tenants.models import Role

ROWS_PER_PAGE = 25
CONTENT_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "txt": "text/plain",
}


@require_safe
@company_view(Role.VIEWER)
def application_list(request: CompanyRequest) -> HttpResponse:
    """List applications, by job, status, name or address."""
    form = ApplicationFilterForm(request.GET, request.company)
    filters = form.filters()
    found = list_applications(request.company, **filters)
    page = Paginator(found, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "company": request.company,
        "filter_form": form,
        "is_filtered": any(filters.values()),
        "rows": application_rows(request.company, list(page.object_list)),
        "page_obj": page,
    }
    return render(request, "applications/application_list.html", context)


@require_safe
@company_view(Role.VIEWER)
def application_detail(request: CompanyRequest, application_id: UUID) -> HttpResponse:
    """Show one application: its steps and their cost, what they found, the CV and the history."""
    context = _page(request, access_application(request.company, application_id))
    return render(request, "applications/application_detail.html", context)


@require_safe
@company_view(Role.VIEWER)
def application_progress(request: CompanyRequest, application_id: UUID) -> HttpResponse:
    """Show the parts of the page that change while AI works; opened by itself, the whole page."""
    application = access_application(request.company, application_id)
    if not request.htmx:
        return redirect("application_detail", request.company.slug, application.pk)
    context = _page(request, application)
    return render(request, "applications/_application_progress.html", {**context, "is_poll": True})


@require_safe
@company_view(Role.RECRUITER)
def cv_download(request: CompanyRequest, application_id: UUID) -> HttpResponse:
    """Hand out the file as it was uploaded. It may be anything: no browser is to open it in our name."""
    cv = access_application(request.company, application_id).cv
    if not cv.file:
        raise Http404
    try:
        file = cv.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    content_type = CONTENT_TYPES.get(cv.kind, "application/octet-stream")
    response = FileResponse(file, as_attachment=True, filename=cv.file_name, content_type=content_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    return response  # type: ignore[return-value]  # a stream is a response to all who see it here


@require_POST
@company_view(Role.RECRUITER)
def step_retry(request: CompanyRequest, step_id: UUID) -> HttpResponse:
    """Try a failed step again."""
    step = access_step(request.company, step_id)
    try:
        retry_step(step=step, acting=request.user)
    except StepNotRetryable:
        messages.warning(request, "This step cannot be tried again: it did not fail, or a later run replaced it.")
    return redirect("application_detail", request.company.slug, step.run.application_id)


@require_POST
@company_view(Role.RECRUITER)
def application_resieve(request: CompanyRequest, application_id: UUID) -> HttpResponse:
    """Screen an application once more."""
    application = access_application(request.company, application_id)
    form = ResieveForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose the step to start from, and send the form again.")
        return redirect("application_detail", request.company.slug, application.pk)
    try:
        start_run(application=application, acting=request.user, **form.run_wanted())
    except RunUnderWay:
        messages.warning(request, "Screening is still under way. Start another run when it has ended.")
    except CannotStartThere as error:
        label = Operation(error.operation).label
        messages.error(request, f"The steps before “{label}” have no results yet. Start from an earlier step.")
    return redirect("application_detail", request.company.slug, application.pk)


def _page(request: CompanyRequest, application: Application) -> dict[str, Any]:
    context = application_page(application, request.membership)
    if request.membership.can_recruit and not context["progress"].active:
        context["resieve_url"] = reverse("application_resieve", args=[request.company.slug, application.pk])
        context["resieve_form"] = ResieveForm.for_run(context["run_number"] + 1)
    return context
