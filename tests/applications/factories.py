"""Jobs, and applications that came in through the service as they do in life."""

from typing import Any

import factory
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import CV, Application, Criterion, Job
from applications.services.applying import submit_application
from tests.billing.factories import SubscriptionFactory
from tests.tokens.ledger import grant

CV_TEXT = """Grace Mbeki
grace@example.com

Senior backend engineer. Seven years of Python in production.

Experience
2019-03 - present  Backend engineer, Harbour Systems
  Built a booking service in Python and Django on PostgreSQL.
2016-01 - 2019-02  Developer, Small Tools Ltd
  Wrote automated tests for everything.

Skills: Python, Django, PostgreSQL, Docker
Languages: English (native), German (B2)
"""


class CriterionFactory(factory.django.DjangoModelFactory[Criterion]):
    class Meta:
        model = Criterion

    code = factory.Sequence(lambda number: f"c{number}")
    text = factory.Sequence(lambda number: f"Criterion {number}")


class JobFactory(factory.django.DjangoModelFactory[Job]):
    """A job with two criteria at a company with a subscription, and 100,000 tokens unless told otherwise."""

    class Meta:
        model = Job
        skip_postgeneration_save = True

    class Params:
        tokens = 100_000

    company = factory.LazyAttribute(lambda job: subscribed_company(tokens=job.tokens))
    title = factory.Sequence(lambda number: f"Engineer {number}")
    slug = factory.Sequence(lambda number: f"engineer-{number}")
    description = "You build services in Python."

    @factory.post_generation
    def criteria(job: Job, create: bool, extracted: Any, **facts: Any) -> None:
        texts = ("Python in production", "Leading a team") if extracted is None else extracted
        for number, text in enumerate(texts, start=1):
            CriterionFactory(job=job, code=f"c{number}", text=text, weight=number, must_have=number == 1)


class ApplicationFactory(factory.django.DjangoModelFactory[Application]):
    """An application with its CV and its first run. ``pages`` spares the workers reading the file; None leaves that."""

    class Meta:
        model = Application

    job = factory.SubFactory(JobFactory)
    name = factory.Sequence(lambda number: f"Candidate {number}")
    email = factory.Sequence(lambda number: f"candidate{number}@example.com")
    content = CV_TEXT.encode()
    file_name = "cv.txt"
    pages = (CV_TEXT,)

    @classmethod
    def _create(cls, model_class: type[Application], **facts: Any) -> Application:
        content, file_name, pages = (facts.pop(name) for name in ("content", "file_name", "pages"))
        application = submit_application(cv_file=SimpleUploadedFile(file_name, content), **facts)
        if pages is not None:
            CV.objects.filter(pk=application.pk).update(pages=list(pages))
        return application


def subscribed_company(*, tokens: int = 0) -> Any:
    """Make a company that may use AI."""
    company = SubscriptionFactory().company
    if tokens:
        grant(company, tokens)
    return company
