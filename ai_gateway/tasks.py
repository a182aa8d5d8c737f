"""Upkeep of the gateway on a schedule."""

from celery import shared_task

from ai_gateway import calibration


@shared_task
def calibrate() -> None:
    """Measure how well holds fit, and raise bounds that proved too low."""
    calibration.calibrate()
