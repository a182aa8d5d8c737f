"""What holds from a moment on: base of prices, weights and rates."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class Dated(models.Model):
    """Terms that hold from ``effective_from`` until the next of the same subject do.

    Usage logs name them: they are never edited. What is not in force yet may be withdrawn, and stays on record.
    ``created_by_id`` None is Winnow itself.
    """

    effective_from = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by_id = models.BigIntegerField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


def dated_constraints(*subject: str, table: str) -> tuple[models.BaseConstraint, ...]:
    """Constrain terms: one for each subject and moment, withdrawn only before they hold."""
    return (
        models.UniqueConstraint(
            fields=(*subject, "effective_from"),
            condition=Q(withdrawn_at__isnull=True),
            name=f"{table}_one_per_moment",
        ),
        models.CheckConstraint(
            condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__lt=F("effective_from")),
            name=f"{table}_withdrawn_before_force",
        ),
    )


def not_negative(*columns: str, table: str) -> models.CheckConstraint:
    """Constrain amounts; those that are not known are null."""
    condition = Q(**{f"{column}__gte": 0 for column in columns})
    return models.CheckConstraint(condition=condition, name=f"{table}_not_negative")
