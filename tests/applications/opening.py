"""Open the pages of an application in a test."""

from django.urls import reverse

from applications.models import Step
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import step_of
from tests.tenants.factories import sign_in


def address(name, application):
    return reverse(name, args=[application.company.slug, application.pk])


def application_for(client, role, **facts):
    """An application that the signed-in member of that role can open."""
    application = ApplicationFactory(**facts)
    sign_in(client, role, company=application.company)
    return application


def fail_first_step(application):
    step = step_of(application)
    Step.objects.filter(pk=step.pk).update(
        state="failed", finished_at=step.run_after, error_code="provider_timeout", error_message="It took too long."
    )
    return step
