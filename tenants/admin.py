"""Companies and people for the platform staff. What members change themselves is changed on their pages."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest

from tenants.models import Company, Membership, User

# Staff sign in where everybody does: with the same limits on failed attempts.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Winnow staff"


class LookOnlyMixin:
    """Show rows; add, change and delete nothing."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Nobody deletes rows here."""
        return False


class LookOnlyAdmin(LookOnlyMixin, admin.ModelAdmin[Any]):
    """A table that is written by services alone."""

    list_per_page = 50
    show_full_result_count = False  # counting every row of a large ledger takes longer than showing fifty


class MembershipInline(LookOnlyMixin, admin.TabularInline[Membership, Company]):
    """Who belongs to a company."""

    model = Membership
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = fields


@admin.register(User)
class UserAdmin(admin.ModelAdmin[Any]):
    """People: activate, deactivate, make staff. Passwords are set by reset link alone."""

    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("-date_joined",)
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login", "erased_at")
    readonly_fields = ("email", "date_joined", "last_login", "erased_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People sign up, or are added as members."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Ledger rows carry the ids of people: they are erased, not deleted."""
        return False


@admin.register(Company)
class CompanyAdmin(admin.ModelAdmin[Any]):
    """Companies: deactivate one, or correct its name or zone."""

    list_display = ("name", "slug", "time_zone", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "slug")
    fields = ("name", "slug", "time_zone", "is_active", "created_at")
    readonly_fields = ("slug", "created_at")
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A company comes with a subscription and tokens, which this form would leave out."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Company | None = None) -> bool:
        """Its ledger stays, so the company does."""
        return False
