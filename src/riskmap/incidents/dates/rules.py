"""What a caller knows of a file's dates: their format, calendar and zone, and their last day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from riskmap.errors import InputError
from riskmap.incidents.calendars import CALENDARS

#: What a date should look like, for messages.
ISO = "an ISO date such as 2024-03-31"


@dataclass(frozen=True)
class DateRules:
    """What is known about a file's dates beyond their shape.

    Parameters
    ----------
    format
        ``strptime`` format of every date; one without ``%d`` gives months, without ``%m`` years.
    calendar
        ``"gregorian"``, ``"solar_hijri"``, ``"islamic"``, ``"ethiopian"`` or ``"buddhist"``.
    timezone
        Name in the tz database of the zone whose days count, for dates with a time zone; by
        default that of the row's country.
    latest
        Last day that can have been known; a later incident is quarantined as ``future_date``.

    Raises
    ------
    InputError
        When the calendar or the zone is unknown.

    Examples
    --------
    >>> from riskmap.incidents.dates import read_day
    >>> read_day("03/04/2024", DateRules(format="%d/%m/%Y")).first
    datetime.date(2024, 4, 3)
    """

    format: str | None = None
    calendar: str = "gregorian"
    timezone: str | None = None
    latest: date | str | None = None

    def __post_init__(self) -> None:
        """Refuse a calendar, zone or last day that can't be read."""
        if self.calendar != "gregorian" and self.calendar not in CALENDARS:
            raise InputError(
                "unknown calendar",
                met=self.calendar,
                expected="gregorian, " + ", ".join(sorted(CALENDARS)),
            )
        if self.timezone is not None:
            _zone(self.timezone)
        _ = self.last_day

    @property
    def last_day(self) -> date | None:
        """`latest` as a day."""
        if not isinstance(self.latest, str):
            return self.latest
        try:
            return date.fromisoformat(self.latest)
        except ValueError as error:
            raise InputError("not a day", column="latest", met=self.latest, expected=ISO) from error


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    """Return a time zone of the tz database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            "unknown time zone", met=name, expected="a tz database name such as 'Asia/Kabul'"
        ) from error
