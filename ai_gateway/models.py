"""What staff decide about models."""

from django.db import models
from django.db.models import Q

from tenants.models import Company, User
from tokens.models.fields import ClockTimestamp, uuid_key


class ModelRoute(models.Model):
    """The models that do an operation, for one company, or (without one) for all that have no route of their own."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    operation = models.CharField(max_length=32)
    chain = models.CharField(
        max_length=1000,
        help_text="provider/model; after a comma the model to ask when that one is of no use, and so on.",
    )
    updated_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "ai_gateway_model_route"
        ordering = ("operation", "company__name")
        constraints = (
            models.UniqueConstraint(
                fields=("company", "operation"),
                nulls_distinct=False,
                name="ai_gateway_model_route_one_per_operation",
            ),
            models.CheckConstraint(condition=~Q(chain=""), name="ai_gateway_model_route_names_a_model"),
        )

    def __str__(self) -> str:
        return f"{self.operation}: {self.chain}"
