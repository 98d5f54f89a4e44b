"""Calendars other than the Gregorian, by which dates are read that name one; days of moments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.countries import table as country_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_UNIX_EPOCH_JDN = 2_440_588
_BREAKS = (
    *(-61, 9, 38, 199, 426, 686, 756, 818, 1111, 1181),
    *(1210, 1635, 2060, 2097, 2192, 2262, 2324, 2394, 2456, 3178),
)


@dataclass(frozen=True)
class Calendar:
    """A calendar by three facts: its plausible years, its months and the day on which one starts.

    Parameters
    ----------
    name
        What it is called.
    years
        The years that are taken, about 1900 to 2100 of the Gregorian calendar.
    months
        How many months a year has.
    month_start
        The Gregorian day on which a month of a year starts.
    slack
        Days by which a date may be off either way, where months begin with a sighting.

    Examples
    --------
    >>> CALENDARS["solar_hijri"].interval(1399, 12, 14)
    (datetime.date(2021, 3, 4), datetime.date(2021, 3, 4))
    """

    name: str
    years: range
    months: int
    month_start: Callable[[int, int], date]
    slack: int = 0

    def interval(
        self, year: int, month: int | None = None, day: int | None = None
    ) -> tuple[date, date] | None:
        """Return the Gregorian days of a day, a month or a year; None when there is no such date.

        Examples
        --------
        >>> CALENDARS["buddhist"].interval(2567, 2)
        (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
        """
        if month is not None and not 1 <= month <= self.months:
            return None
        at = year * self.months + (month or 1) - 1
        first, after = self._start(at), self._start(at + (1 if month else self.months))
        if day is not None:
            if not 1 <= day <= (after - first).days:
                return None
            first += timedelta(days=day - 1)
            after = first + timedelta(days=1)
        slack = timedelta(days=self.slack)
        return first - slack, after - timedelta(days=1) + slack

    def _start(self, number: int) -> date:
        """Return the first day of a month, by its number from the year 0 on."""
        year, month = divmod(number, self.months)
        return self.month_start(year, month + 1)


def _solar_hijri(year: int, month: int) -> date:
    """Return the first day of a Solar Hijri month (Borkowski 1996, tables of the leap cycles)."""
    leap, jump = -14, 0
    before = _BREAKS[0]
    for mark in _BREAKS[1:]:
        jump = mark - before
        if year < mark:
            break
        leap += jump // 33 * 8 + jump % 33 // 4
        before = mark
    n = year - before
    leap += n // 33 * 8 + (n % 33 + 3) // 4
    if jump % 33 == 4 and jump - n == 4:  # noqa: PLR2004 - the last years of a cycle
        leap += 1
    gregorian = year + 621
    leap_gregorian = gregorian // 4 - (gregorian // 100 + 1) * 3 // 4 - 150
    new_year = date(gregorian, 3, 20 + leap - leap_gregorian)
    return new_year + timedelta(days=31 * (month - 1) - max(month - 7, 0))


def _islamic(year: int, month: int) -> date:
    """Return the first day of a month of the tabular Islamic calendar (civil epoch)."""
    days = (year - 1) * 354 + (3 + 11 * year) // 30 + (59 * (month - 1) + 1) // 2
    return _from_jdn(1_948_440 + days)


def _ethiopian(year: int, month: int) -> date:
    """Return the first day of a month of the Ethiopian calendar (Amete Mihret)."""
    return _from_jdn(1_724_221 + 365 * (year - 1) + year // 4 + 30 * (month - 1))


def _buddhist(year: int, month: int) -> date:
    """Return the first day of a month of the Thai solar calendar."""
    return date(year - 543, month, 1)


def _from_jdn(number: int) -> date:
    """Return the Gregorian day of a Julian day number."""
    return date(1970, 1, 1) + timedelta(days=number - _UNIX_EPOCH_JDN)


#: The calendars that can be declared. Months of the Islamic calendar begin with a sighting of the
#: moon, so its days are known to a day either way.
CALENDARS = {
    "solar_hijri": Calendar("Solar Hijri", range(1279, 1480), 12, _solar_hijri),
    "islamic": Calendar("Islamic", range(1318, 1526), 12, _islamic, slack=1),
    "ethiopian": Calendar("Ethiopian", range(1893, 2093), 13, _ethiopian),
    "buddhist": Calendar("Buddhist", range(2443, 2644), 12, _buddhist),
}


def zones_of(countries: pd.Series) -> list[tuple[str, ...]]:
    """Return the time zones that each row may lie in; none when its country is unknown.

    Examples
    --------
    >>> zones_of(pd.Series(["AFG", None]))
    [('Asia/Kabul',), ()]
    """
    known = country_table()
    return [known[iso3].zones if iso3 in known else () for iso3 in countries]


#: A date-time group of armed forces: day, hour, minute, zone, month and year.
_GROUP = re.compile(
    r"(\d\d)(?: (?=\d{4}[A-Z]\*? ))?([01]\d|2[0-3])([0-5]\d) ?"
    r"(?:([A-Z])(\*?))? ?([^\W\d_]{3}) ?(\d{4}|\d\d)",
    re.IGNORECASE,
)
_EAST, _WEST = "ABCDEFGHIKM", "NOPQRSTUVWXY"


def spell_out_group(text: str) -> str:
    """Return a date-time group of armed forces as a date, a time and its zone; others as they are.

    J and L stand for the local time, and a star for half an hour more.

    Examples
    --------
    >>> spell_out_group("210630ZJAN25"), spell_out_group("212230D*JAN25")
    ('21 JAN 25 06:30+00:00', '21 JAN 25 22:30+04:30')
    >>> spell_out_group("210630L Jan 25"), spell_out_group("21 Jan 25")
    ('21 Jan 25', '21 Jan 25')
    """
    found = _GROUP.fullmatch(text)
    if found is None:
        return text
    day, hour, minute, letter, star, month, year = found.groups()
    zone = (letter or "J").upper()
    if zone in "JL":
        return f"{day} {month} {year}"
    hours = _EAST.find(zone) + 1 or -(_WEST.find(zone) + 1)
    hours += zone == "M"  # there is no hour of L, which stands for the local one
    sign = "-" if hours < 0 else "+"
    return f"{day} {month} {year} {hour}:{minute}{sign}{abs(hours):02}:{30 if star else 0:02}"


def local_days(
    moments: NDArray[np.datetime64], zones: list[tuple[str, ...]]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return the first and the last local day that moments can fall on.

    Parameters
    ----------
    moments
        UTC, ``datetime64[us]``.
    zones
        For each moment the zones in which it may have happened; the whole earth when empty.

    Examples
    --------
    >>> late = np.array(["2024-03-31T22:30"], "datetime64[us]")
    >>> [days.tolist() for days in local_days(late, [("Asia/Kabul",)])]
    [[datetime.date(2024, 4, 1)], [datetime.date(2024, 4, 1)]]
    """
    first = (moments - np.timedelta64(12, "h")).astype("datetime64[D]")
    last = (moments + np.timedelta64(14, "h")).astype("datetime64[D]")
    codes, distinct = pd.factorize(pd.Series(zones, dtype=object), use_na_sentinel=False)
    for code, names in enumerate(distinct):
        rows = np.flatnonzero(codes == code)
        utc = pd.DatetimeIndex(moments[rows], tz="UTC")
        local = [utc.tz_convert(name).tz_localize(None).to_numpy("datetime64[D]") for name in names]
        if local:
            first[rows], last[rows] = np.min(local, axis=0), np.max(local, axis=0)
    return first, last


#: So many steps from date to date show an order where this share of them goes one way.
_STEPS, _ONE_WAY = 2, 0.9


def is_in_order(day: date | None, place: int, dates: Sequence[date | None]) -> bool | None:
    """Return whether a day stands in order between its neighbours; None where there is no order.

    Parameters
    ----------
    day
        The day.
    place
        Its place among the dates.
    dates
        The others, from first to last or from last to first; None where one is not known.

    Examples
    --------
    >>> dates = [date(2031, 1, 3), date(2031, 5, 2), date(2031, 9, 17), None]
    >>> is_in_order(date(2031, 12, 20), 3, dates), is_in_order(date(2030, 12, 20), 3, dates)
    (True, False)
    """
    known = [(k, one) for k, one in enumerate(dates) if one is not None]
    later = [b > a for (_, a), (_, b) in pairwise(known) if a != b]
    if day is None or len(later) < _STEPS:
        return None
    share = sum(later) / len(later)
    if max(share, 1.0 - share) < _ONE_WAY:
        return None
    before, after = ([one for k, one in known if (k > place) == late] for late in (False, True))
    near = [*before[-1:], day, *after[:1]]
    return near == sorted(near, reverse=share < _ONE_WAY)
