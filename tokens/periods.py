"""Periods of a company's days, and the same days of the month before."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone
from django.utils.formats import date_format

from tenants.models import Company


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def label(self) -> str:
        """Name the period for people, such as “1–21 November”."""
        if self.first.replace(day=1) != self.last.replace(day=1):
            return f"{date_format(self.first, 'j F')} – {date_format(self.last, 'j F')}"
        return f"{self.first.day}–{self.last.day} {date_format(self.last, 'F')}"

    @property
    def same_days_before(self) -> "Period":
        """Return as many days of the month before, cut at that month's end."""
        end_of_previous = self.first - timedelta(days=1)
        start = end_of_previous.replace(day=1)
        return Period(start, min(start + (self.last - self.first), end_of_previous))


def today(company: Company) -> date:
    """Return the date in the company's zone."""
    return timezone.now().astimezone(company.zone).date()


def month_so_far(company: Company) -> Period:
    """Return the company's current month up to today."""
    last = today(company)
    return Period(last.replace(day=1), last)


def last_days(company: Company, count: int) -> Period:
    """Return the last ``count`` days, today included."""
    last = today(company)
    return Period(last - timedelta(days=count - 1), last)
