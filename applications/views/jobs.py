"""Pages on which members see and post jobs."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from applications.forms.job_form import JobForm, criteria_formset
from applications.models import Job
from applications.pages.job_pages import job_list_page, job_page
from applications.selectors.applications import list_applications
from applications.selectors.jobs import list_jobs
from applications.services.jobs import create_job, update_job
from applications.views.access import access_job
from tenants.access import CompanyRequest, company_view
from tenants.models import Role

ROWS_PER_PAGE = 25


@require_safe
@company_view(Role.VIEWER)
def job_list(request: CompanyRequest) -> HttpResponse:
    """List the company's jobs."""
    page = Paginator(list_jobs(request.company), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = job_list_page(request.membership, list(page.object_list))
    return render(request, "applications/job_list.html", {**context, "page_obj": page})


@require_safe
@company_view(Role.VIEWER)
def job_detail(request: CompanyRequest, job_slug: str) -> HttpResponse:
    """Show a job with its applications."""
    job = access_job(request.company, job_slug)
    page = Paginator(list_applications(request.company, job=job), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = job_page(job, request.membership, list(page.object_list))
    return render(request, "applications/job_detail.html", {**context, "page_obj": page})


@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.RECRUITER)
def job_new(request: CompanyRequest) -> HttpResponse:
    """Post a job."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@company_view(Role.RECRUITER)
def job_edit(request: CompanyRequest, job_slug: str) -> HttpResponse:
    """Change a job and its criteria."""
    return _edit(request, access_job(request.company, job_slug))


def _edit(request: CompanyRequest, job: Job | None) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form, criteria = JobForm(data, instance=job), criteria_formset(data, job)
    if data is not None and form.is_valid() and criteria.is_valid():
        draft, drafts = form.draft(), criteria.drafts()
        if job is None:
            job = create_job(company=request.company, acting=request.user, draft=draft, criteria=drafts)
        else:
            update_job(job=job, draft=draft, criteria=drafts)
        return redirect("job_detail", request.company.slug, job.slug)
    context = {
        "company": request.company,
        "job": job,
        "form": form,
        "criteria_formset": criteria,
        "cancel_url": _back_url(request, job),
    }
    return render(request, "applications/job_form.html", context)


def _back_url(request: CompanyRequest, job: Job | None) -> str:
    if job is None:
        return reverse("job_list", args=[request.company.slug])
    return reverse("job_detail", args=[request.company.slug, job.slug])
