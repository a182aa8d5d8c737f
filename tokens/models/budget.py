"""Limits that a company sets on its own use, enforced inside the hold."""

from django.db import models
from django.db.models import Q

from tokens.models.account import Account
from tokens.models.fields import ClockTimestamp, DomainField, TokenCountField, uuid_key


class BudgetScope(models.TextChoices):
    """What a budget counts."""

    COMPANY = "company", "Company"
    JOB = "job", "Job"
    USER = "user", "Person"
    OPERATION = "operation", "Operation"
    KEY = "key", "API key"


class BudgetPeriod(models.TextChoices):
    """When a budget starts afresh, in the company's zone; weeks begin on Monday."""

    DAY = "day", "Day"
    WEEK = "week", "Week"
    MONTH = "month", "Month"
    TOTAL = "total", "In total"


class BudgetAction(models.TextChoices):
    """What happens at the limit."""

    STOP = "stop", "Stop"
    WARN = "warn", "Warn"


class Budget(models.Model):
    """A limit on charged tokens. Scope and period never change, or its counters would mean nothing."""

    id = uuid_key()
    company = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="budgets")
    scope = DomainField("tokens_budget_scope", choices=BudgetScope)
    scope_id = models.CharField(max_length=64, blank=True, help_text="Job, person, operation or key; empty: company.")
    period = DomainField("tokens_budget_period", choices=BudgetPeriod)
    limit_tokens = TokenCountField()
    action = DomainField("tokens_budget_action", choices=BudgetAction)
    is_active = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(scope=BudgetScope.COMPANY, scope_id="") | (~Q(scope=BudgetScope.COMPANY) & ~Q(scope_id="")),
                name="tokens_budget_scope_names_one",
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit_tokens} tokens per {self.period} for {self.scope} {self.scope_id}".rstrip()


class BudgetUse(models.Model):
    """What was used and is held within one period of a budget (law 7)."""

    pk = models.CompositePrimaryKey("budget_id", "period_start")
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="uses", db_index=False)
    period_start = models.DateField()
    used_tokens = models.BigIntegerField(db_default=0, default=0)
    held_tokens = TokenCountField(db_default=0, default=0)

    class Meta:
        db_table = "tokens_budget_use"

    def __str__(self) -> str:
        return f"{self.used_tokens} used, {self.held_tokens} held since {self.period_start}"
