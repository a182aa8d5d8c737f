"""Wiring of Winnow: settings, URLs, servers, background work and the embedded services."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
