"""Hiring data in the Django admin, to look at: changes go through the services, which keep the history."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from applications.models import CV, Application, Candidate, Criterion, Job, Run, Step
from tenants.admin import LookOnlyAdmin, LookOnlyMixin

if TYPE_CHECKING:  # Django's admin classes are generic for the type checker alone
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline


class CriterionInline(LookOnlyMixin, _TabularInline):
    """The criteria on the page of their job."""

    model = Criterion
    extra = 0


class StepInline(LookOnlyMixin, _TabularInline):
    """The steps on the page of their run; what they found out about a person is not for platform staff."""

    model = Step
    extra = 0
    fields = ("position", "operation", "state", "attempts", "model", "hold_id", "error_code", "error_message")


@admin.register(Job)
class JobAdmin(LookOnlyAdmin):
    """Jobs of all companies."""

    list_display = ("title", "company", "status", "daily_ai_cap", "created_at")
    list_filter = ("status",)
    list_select_related = ("company",)
    search_fields = ("title", "company__name")
    inlines = (CriterionInline,)


@admin.register(Candidate)
class CandidateAdmin(LookOnlyAdmin):
    """People, as companies know them."""

    list_display = ("id", "company", "created_at", "erased_at")
    list_select_related = ("company",)
    search_fields = ("id", "email")


@admin.register(Application)
class ApplicationAdmin(LookOnlyAdmin):
    """Applications of all companies."""

    list_display = ("id", "company", "job", "status", "score", "created_at")
    list_filter = ("status",)
    list_select_related = ("company", "job")
    search_fields = ("id",)


@admin.register(CV)
class CVAdmin(LookOnlyAdmin):
    """Uploads: facts about the files, not what they say."""

    fields = ("application", "byte_count", "sha256", "kind", "notes", "error_code", "error_message")
    list_display = ("application_id", "kind", "byte_count", "error_code")
    list_filter = ("kind", "error_code")


@admin.register(Run)
class RunAdmin(LookOnlyAdmin):
    """Runs with their steps."""

    list_display = ("id", "company", "application_id", "number", "admitted_on", "created_at")
    list_select_related = ("company",)
    search_fields = ("id", "application__id")
    inlines = (StepInline,)


@admin.register(Step)
class StepAdmin(LookOnlyAdmin):
    """The queue: every AI step, whatever its state."""

    list_display = ("id", "company", "operation", "state", "attempts", "run_after", "error_code")
    list_filter = ("state", "operation")
    list_select_related = ("company",)
    search_fields = ("id", "hold_id")
    exclude = ("result",)
