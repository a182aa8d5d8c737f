"""The ledger for the platform staff: to look at. Rows are written by the functions of ``tokens/sql/`` alone."""

from django.contrib import admin

from tenants.admin import LookOnlyAdmin
from tokens.models import Account, Allocation, Hold, LedgerEntry, UsageLog


@admin.register(Account)
class AccountAdmin(LookOnlyAdmin):
    """Debt and overdraft policy of companies."""

    list_display = ("company", "debt_tokens", "overdraft_policy")
    list_filter = ("overdraft_policy",)
    list_select_related = ("company",)
    search_fields = ("company__name", "company__slug")


@admin.register(Allocation)
class AllocationAdmin(LookOnlyAdmin):
    """Grants and what is left of them."""

    list_display = (
        *("company_id", "source", "priority", "effective_at", "expires_at"),
        *("allocated_tokens", "used_tokens", "held_tokens", "expired_tokens", "revoked_tokens"),
    )
    list_filter = ("source",)
    search_fields = ("=id", "=source_id", "company__company__slug")
    ordering = ("-id",)


@admin.register(Hold)
class HoldAdmin(LookOnlyAdmin):
    """Tokens reserved for calls."""

    list_display = (
        *("id", "company_id", "operation", "state", "needed_tokens", "held_tokens", "charged_tokens"),
        *("placed_at", "lease_expires_at", "ended_at"),
    )
    list_filter = ("state", "operation")
    search_fields = ("=id", "=application_id", "company__company__slug")
    ordering = ("-id",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnlyAdmin):
    """Movements of tokens."""

    list_display = (
        *("id", "company_id", "kind", "delta_tokens", "allocation_id", "usage_log_id"),
        *("reason_code", "company_day", "recorded_at"),
    )
    list_filter = ("kind",)
    search_fields = ("=id", "=usage_log_id", "=hold_id", "company__company__slug")
    ordering = ("-id",)


@admin.register(UsageLog)
class UsageLogAdmin(LookOnlyAdmin):
    """Calls to providers, and corrections of them."""

    list_display = (
        *("id", "company", "kind", "operation", "provider", "model", "status", "usage_source"),
        *("input_tokens", "output_tokens", "charged_tokens", "price_kind", "provider_cost_usd", "started_at"),
    )
    list_filter = ("kind", "status", "operation", "provider", "price_kind")
    list_select_related = ("company",)
    search_fields = ("=id", "=hold_id", "=application_id", "=provider_request_id", "company__slug")
    ordering = ("-id",)
