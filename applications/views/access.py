"""The one way for a view to a thing that its URL names: another company's does not exist."""

from uuid import UUID

from django.http import Http404

from applications.models import Application, Job, Step
from applications.selectors.applications import find_application
from applications.selectors.jobs import find_careers_company, find_job
from tenants.models import Company


def access_application(company: Company, application_id: UUID) -> Application:
    """Return an application of ``company`` with all that its page shows; otherwise 404."""
    application = find_application(company, application_id)
    if application is None:
        raise Http404
    return application


def access_job(company: Company, slug: str) -> Job:
    """Return a job of ``company``; otherwise 404."""
    job = find_job(company, slug)
    if job is None:
        raise Http404
    return job


def access_step(company: Company, step_id: UUID) -> Step:
    """Return a step of ``company`` with its run; otherwise 404."""
    step = Step.objects.filter(company=company, pk=step_id).select_related("run").first()
    if step is None:
        raise Http404
    return step


def access_careers(company_slug: str) -> Company:
    """Return the company whose careers pages these are; otherwise 404."""
    company = find_careers_company(company_slug)
    if company is None:
        raise Http404
    return company
