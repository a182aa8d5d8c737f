"""The Celery application. Redis carries wake-ups only; what is to be done stands in PostgreSQL."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("winnow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_django_logging(**_kwargs: object) -> None:
    """Leave logging as Django set it up: Celery's own set-up would lose the structured format."""
