"""Platform staff can look at hiring data and change nothing there."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from applications import models
from tests.applications.factories import ApplicationFactory
from tests.tenants.factories import UserFactory

pytestmark = pytest.mark.django_db

SHOWN = [models.Job, models.Candidate, models.Application, models.CV, models.Run, models.Step]


def address(model, page, *args):
    return reverse(f"admin:applications_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("model", SHOWN)
def test_rows_are_listed_and_shown_and_cannot_be_changed(staff, model):
    ApplicationFactory()
    row = model.objects.first()

    assert staff.get(address(model, "changelist")).status_code == 200
    assert staff.get(address(model, "change", row.pk)).status_code == 200
    assert staff.get(address(model, "add")).status_code == 403
    assert staff.post(address(model, "change", row.pk), {}).status_code == 403
    assert staff.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_what_a_cv_says_is_not_shown_to_the_platform_s_staff(staff):
    application = ApplicationFactory(content=b"Very private things", pages=("Very private things",))

    response = staff.get(address(models.CV, "change", application.pk))

    assertContains(response, application.cv.sha256)
    assertNotContains(response, "Very private things")
