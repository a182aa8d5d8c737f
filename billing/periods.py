"""The periods of subscriptions: calendar months, counted in days of the company's own zone."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Period:
    """From the first moment of one company day up to the first moment of another."""

    starts_at: datetime
    ends_at: datetime


def month_from(first_day: date, zone: ZoneInfo) -> Period:
    """Return the month that begins with ``first_day``.

    It ends on the same day of the next month, or, where that month is shorter, with its last day: a month from
    31 January ends as February does.
    """
    return Period(_midnight(first_day, zone), _midnight(_one_month_later(first_day), zone))


def _one_month_later(day: date) -> date:
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day.day, last))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
