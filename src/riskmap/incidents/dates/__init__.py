"""Dates as feeds write them: the interval of days in which an incident may have happened.

A date is read by its own shape (ISO, or a month in words) or by a declared format, and never
guessed: ``03/04/2024`` is ambiguous, and a year 1399 belongs to another calendar.
"""

from riskmap.incidents.dates.columns import Days, local_days, read_days, read_intervals, read_parts
from riskmap.incidents.dates.rules import DateRules
from riskmap.incidents.dates.shapes import Day, read_day

__all__ = [
    "DateRules",
    "Day",
    "Days",
    "local_days",
    "read_day",
    "read_days",
    "read_intervals",
    "read_parts",
]
