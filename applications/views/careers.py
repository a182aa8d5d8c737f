"""Public pages: a company's open jobs, and the form to apply with."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from applications.errors import JobClosed
from applications.forms.apply_form import ApplyForm, DropFiles, form_for_too_large, is_too_large, is_worth_reading
from applications.models import Job
from applications.pages.careers import job_cards
from applications.services.applying import submit_application
from applications.views.access import access_careers, access_job
from applications.views.throttling import count_submission
from tenants.models import Company


@require_safe
def careers_company(request: HttpRequest, company_slug: str) -> HttpResponse:
    """List the open jobs of a company."""
    company = access_careers(company_slug)
    return render(request, "careers/company.html", {"company": company, "jobs": job_cards(company)})


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt  # the check reads the whole request; it is made below, once the request is known to be of a sane size
def careers_job(request: HttpRequest, company_slug: str, job_slug: str) -> HttpResponse:
    """Show a job with the form to apply; take an application in."""
    company = access_careers(company_slug)
    job = access_job(company, job_slug)
    length = request.META.get("CONTENT_LENGTH", "")
    if request.method != "POST" or not is_too_large(length):
        return _job(request, company, job)
    if not is_worth_reading(length):
        return _page(request, company, job, form_for_too_large(), status=413)
    request.upload_handlers = [DropFiles(request)]
    return _too_large(request, company, job)


@csrf_protect
def _too_large(request: HttpRequest, company: Company, job: Job) -> HttpResponse:
    """Say that the file was too large, and give back what was typed beside it."""
    return _page(request, company, job, form_for_too_large(request.POST), status=413)


@csrf_protect
def _job(request: HttpRequest, company: Company, job: Job) -> HttpResponse:
    if request.method != "POST":
        return _page(request, company, job, ApplyForm())
    if not job.is_open:
        return _page(request, company, job, ApplyForm(), status=409)
    form = ApplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, company, job, form)
    wait_seconds = count_submission(request, job)
    if wait_seconds:
        return _throttled(request, company, job, form, wait_seconds)
    return _submit(request, company, job, form)


def _submit(request: HttpRequest, company: Company, job: Job, form: ApplyForm) -> HttpResponse:
    sent: dict[str, Any] = form.cleaned_data
    try:
        submit_application(
            job=job,
            name=sent["name"],
            email=sent["email"],
            phone=sent["phone"],
            cover_note=sent["cover_note"],
            cv_file=sent["cv"],
        )
    except JobClosed:  # between the page and the click
        job.refresh_from_db()
        return _page(request, company, job, form, status=409)
    return redirect("careers_thanks", company.slug, job.slug)


@require_safe
def careers_thanks(request: HttpRequest, company_slug: str, job_slug: str) -> HttpResponse:
    """Say that the application has arrived, and what happens next."""
    company = access_careers(company_slug)
    return render(request, "careers/applied.html", {"company": company, "job": access_job(company, job_slug)})


def _page(request: HttpRequest, company: Company, job: Job, form: ApplyForm, *, status: int = 200) -> HttpResponse:
    return render(request, "careers/job.html", {"company": company, "job": job, "form": form}, status=status)


def _throttled(request: HttpRequest, company: Company, job: Job, form: ApplyForm, wait_seconds: int) -> HttpResponse:
    """Say when to try again, with what was typed kept in a form to send then; only the file has to be chosen anew."""
    context = {
        "company": company,
        "job": job,
        "job_url": reverse("careers_job", args=[company.slug, job.slug]),
        "form": form,
        "wait_minutes": -(-wait_seconds // 60),
    }
    response = render(request, "careers/throttled.html", context, status=429)
    response.headers["Retry-After"] = str(wait_seconds)
    return response
