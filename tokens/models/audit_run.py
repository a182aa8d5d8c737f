"""What the scheduled audit found, for the staff page."""

from django.db import models

from tokens.models.fields import ClockTimestamp, uuid_key


class AuditRun(models.Model):
    """One audit of all companies."""

    id = uuid_key()
    started_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    seconds = models.FloatField()
    broken_checks = models.IntegerField()
    results = models.JSONField(help_text="Each check with what it found.")

    class Meta:
        db_table = "tokens_audit_run"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"audit of {self.started_at:%Y-%m-%d %H:%M}: {self.broken_checks} broken"
