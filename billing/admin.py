"""Plans, subscriptions and the price book for the platform staff."""

from django.contrib import admin
from django.http import HttpRequest

from billing.models import Plan, PriceVersion, Subscription
from tenants.admin import LookOnlyAdmin


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    """What is on offer. A plan that companies are on is retired, not deleted."""

    list_display = ("name", "tokens_per_period", "price_usd", "max_rollover_tokens", "margin_percent", "is_offered")

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> tuple[str, ...]:
        """Keep the code of a plan that exists: subscriptions name it."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        """Plans are retired by ``is_offered``."""
        return False


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin[Subscription]):
    """Which company is on which plan; staff deactivate one or set its margin."""

    list_display = ("company", "plan", "status", "is_current", "period_starts_at", "period_ends_at", "margin_percent")
    list_filter = ("status", "is_current", "plan")
    list_select_related = ("company", "plan")
    search_fields = ("company__name", "company__slug")
    ordering = ("-id",)
    fields = (
        "company",
        "plan",
        "status",
        "is_current",
        "period_starts_at",
        "period_ends_at",
        "margin_percent",
        "allows_unpriced_models",
    )
    readonly_fields = ("company", "plan", "is_current", "period_starts_at", "period_ends_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A subscription comes with its tokens, which this form would leave out."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """Subscriptions are history."""
        return False


@admin.register(PriceVersion)
class PriceVersionAdmin(LookOnlyAdmin):
    """Dated prices; usage logs name them. New ones come from ``manage.py sync_prices``."""

    list_display = (
        *("provider", "model", "kind", "effective_from", "source"),
        *("input_usd_per_million", "cache_read_usd_per_million", "output_usd_per_million"),
    )
    list_filter = ("provider", "kind")
    search_fields = ("model",)
    ordering = ("provider", "model", "-effective_from")
