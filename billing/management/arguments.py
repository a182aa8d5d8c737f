"""Arguments that the commands of this app share."""

from datetime import datetime

from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime


def parse_model(text: str) -> tuple[str, str]:
    """Split ``provider/model``. Raises ``CommandError`` for anything else."""
    provider, _, model = text.partition("/")
    if not provider or not model:
        raise CommandError(f"“{text}” is not of the form provider/model.", returncode=2)
    return provider, model


def parse_moment(option: str, text: str) -> datetime:
    """Read a time with its offset. Raises ``CommandError`` for anything else."""
    try:
        moment = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"{option}: {error}.", returncode=2) from error
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"{option} needs a time with its offset, such as 2026-12-01T00:00:00Z.", returncode=2)
    return moment
