"""Dates as feeds write them: the interval of days in which an incident may have happened.

A date is read by its own shape (ISO, or a month in words) or by a declared format, and never
guessed: ``03/04/2024`` is ambiguous, and a year 1399 belongs to another calendar.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from riskmap.countries import table as country_table
from riskmap.errors import InputError
from riskmap.incidents.calendars import CALENDARS, Calendar
from riskmap.incidents.quarantines import describe
from riskmap.schema import DATE_PRECISIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_YEAR, LAST_YEAR = 1900, 2100
_LONGEST = (1, 7, 31, 366)
ISO = "an ISO date such as 2024-03-31"
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH = {name[:n]: i + 1 for i, name in enumerate(_MONTHS) for n in (3, len(name))}
_MONTH["sept"] = 9
_NUMBERS = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_WORDS = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)?[- ])?([a-z]{3,9})\.?,?[- ](\d{4})")
_WORDS_US = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_TIME = re.compile(
    r"[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)


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


@dataclass(frozen=True)
class Day:
    """One date as read: an interval of days, or the reason why there is none.

    Parameters
    ----------
    first, last
        The interval, both ends included.
    instant
        The moment in UTC when the text named one; the interval then waits for a time zone.
    reason, expected
        Why the text is no date, and what would be one.

    Examples
    --------
    >>> day = read_day("2024-02")
    >>> day.last, read_day("30/30/2024").reason
    (datetime.date(2024, 2, 29), 'bad_date')
    """

    first: date | None = None
    last: date | None = None
    instant: datetime | None = None
    reason: str | None = None
    expected: str = ISO


@dataclass(frozen=True)
class Days:
    """The dates of many rows.

    Parameters
    ----------
    first, last
        Arrays of ``datetime64[D]``, NaT where there is no date.
    reason
        Array of reason codes, None where the date is good.
    detail
        Array of details beside the reasons.

    Examples
    --------
    >>> days = read_days(pd.Series(["2024-03-31", ""], dtype=object), column="date")
    >>> days.reason.tolist()
    [None, 'no_date']
    """

    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    reason: NDArray[Any]
    detail: NDArray[Any]

    @property
    def precision(self) -> Any:
        """How exactly each day is known: the shortest of day, week, month, year that holds it."""
        span = (self.last - self.first).astype(np.int64) + 1
        names = pd.array([*DATE_PRECISIONS, None], dtype="str")
        return names.take(np.searchsorted(_LONGEST, np.where(np.isnat(self.first), 10**6, span)))

    def widened(self, stated: NDArray[Any]) -> Days:
        """Return the intervals at least as wide as the precision that the source states.

        A single day becomes the seven days around it, its month or its year. A longer interval is
        taken as it is.
        """
        first, last = self.first.copy(), self.last.copy()
        single = ~np.isnat(first) & (first == last)
        for name in ("month", "year"):
            rows = single & (stated == name)
            unit = f"datetime64[{name[0].upper()}]"
            first[rows] = self.first[rows].astype(unit).astype("datetime64[D]")
            last[rows] = (self.first[rows].astype(unit) + 1).astype("datetime64[D]") - 1
        rows = single & (stated == "week")
        first[rows], last[rows] = self.first[rows] - 3, self.last[rows] + 3
        return replace(self, first=first, last=last)


def read_day(text: str, rules: DateRules | None = None) -> Day:
    """Return the interval of days that a text names.

    Parameters
    ----------
    text
        The date as written.
    rules
        Format, calendar and zone when known.

    Returns
    -------
    Day
        The interval; an instant for a text with a time zone; a reason otherwise.

    Examples
    --------
    >>> read_day("07 January 2025").first
    datetime.date(2025, 1, 7)
    >>> read_day("03/04/2024").reason, read_day("1399-12-14").reason
    ('ambiguous_date', 'other_calendar')
    """
    rules = rules or DateRules()
    text = text.strip()
    if not text:
        return Day(reason="no_date")
    try:
        if rules.calendar != "gregorian":
            return _in_calendar(text, rules.format, CALENDARS[rules.calendar])
        if rules.format is not None:
            return _in_format(text, rules.format)
        return _by_shape(text)
    except (ValueError, OverflowError):
        return Day(reason="bad_date")


def _by_shape(text: str) -> Day:
    """Return the days of a text in one of the shapes that can be read one way only."""
    body, zone = text, None
    time = _TIME.search(text)
    if time and time.end() == len(text):
        body, zone = text[: time.start()].strip(), time.group(1)
        if zone:
            return _instant(body, text[time.start() :].strip(" tT"))
    for shape in (_NUMBERS, _COMPACT):
        if found := shape.fullmatch(body):
            return _days_of(*(None if part is None else int(part) for part in found.groups()))
    if found := _WEEK.fullmatch(body):
        first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return _plausible(first, first + timedelta(days=6))
    if found := _WORDS.fullmatch(body.lower()):
        day, month, year = found.groups()
        return _days_of(int(year), _MONTH.get(month, 0), int(day) if day else None)
    if found := _WORDS_US.fullmatch(body.lower()):
        month, day, year = found.groups()
        return _days_of(int(year), _MONTH.get(month, 0), int(day))
    if found := _DAY_FIRST.fullmatch(body):
        return _either_way(int(found[1]), int(found[2]), int(found[3]))
    return Day(reason="bad_date")


def _either_way(a: int, b: int, year: int) -> Day:
    """Return the day of ``a/b/year`` when only one order, or both alike, make a day."""
    readings = [_days_of(year, month, day) for day, month in ((a, b), (b, a)) if 1 <= month <= 12]  # noqa: PLR2004
    good = [reading for reading in readings if reading.reason is None]
    if len(good) == 2 and good[0] != good[1]:  # noqa: PLR2004 - both orders make a day
        return Day(reason="ambiguous_date", expected=f"{ISO}, or a declared format")
    return good[0] if good else readings[0] if readings else Day(reason="bad_date")


def _days_of(year: int | None, month: int | None = None, day: int | None = None) -> Day:
    """Return the day, the month or the year as an interval."""
    if year is None:
        return Day(reason="no_date")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return _strange_year(year)
    if month is None:
        return Day(date(year, 1, 1), date(year, 12, 31))
    if day is None:
        return Day(date(year, month, 1), date(year, month, monthrange(year, month)[1]))
    return Day(date(year, month, day), date(year, month, day))


def _strange_year(year: int) -> Day:
    names = [name for name, calendar in CALENDARS.items() if year in calendar.years]
    if names:
        return Day(
            reason="other_calendar",
            expected=f"a year from {FIRST_YEAR} to {LAST_YEAR}, or calendar="
            + " or ".join(repr(name) for name in sorted(names)),
        )
    return Day(reason="bad_date", expected=f"a year from {FIRST_YEAR} to {LAST_YEAR}")


def _plausible(first: date, last: date) -> Day:
    if first.year >= FIRST_YEAR and last.year <= LAST_YEAR:
        return Day(first, last)
    return _strange_year(first.year)


def _instant(body: str, clock: str) -> Day:
    """Return the moment of a date with a time and an offset."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", body):
        return Day(reason="bad_date", expected=f"{ISO} before a time with a zone")
    clock = re.sub(r"\s*(z|utc)$", "+00:00", clock.lower()).replace(",", ".").replace(" ", "")
    moment = datetime.fromisoformat(f"{body}T{clock.zfill(5)}").astimezone(UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return _strange_year(moment.year)
    return Day(instant=moment)


def _in_format(text: str, form: str) -> Day:
    """Return the days of a text in a declared strptime format."""
    expected = f"a date in the declared format {form!r}"
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is asked for below
    except ValueError:
        return Day(reason="bad_date", expected=expected)
    if moment.tzinfo is not None:
        return Day(instant=moment.astimezone(UTC))
    if any(part in form for part in ("%d", "%j", "%x", "%c")):
        return _days_of(moment.year, moment.month, moment.day)
    has_month = any(part in form for part in ("%m", "%b", "%B"))
    return _days_of(moment.year, moment.month if has_month else None)


def _in_calendar(text: str, form: str | None, calendar: Calendar) -> Day:
    """Return the Gregorian days of a date in another calendar, numbers only."""
    expected = f"year, month and day of the {calendar.name} calendar"
    pattern = re.escape(form or "%Y-%m-%d").replace(r"\-", "[-/.]" if form is None else r"\-")
    for code, group in (
        ("%Y", r"(?P<year>\d{4})"),
        ("%m", r"(?P<month>\d{1,2})"),
        ("%d", r"(?P<day>\d{1,2})"),
    ):
        pattern = pattern.replace(code, group)
    found = re.fullmatch(pattern, _TIME.sub("", text))
    if not found:
        return Day(reason="bad_date", expected=expected)
    parts = {name: int(value) for name, value in found.groupdict().items()}
    if parts.get("year") not in calendar.years:
        return Day(reason="bad_date", expected=expected)
    days = calendar.interval(parts["year"], parts.get("month"), parts.get("day"))
    return Day(reason="bad_date", expected=expected) if days is None else _plausible(*days)


def read_days(
    texts: pd.Series,
    *,
    column: str,
    rules: DateRules | None = None,
    countries: pd.Series | None = None,
) -> Days:
    """Return the days of a column of dates; each distinct text is read once.

    Parameters
    ----------
    texts
        The dates as text, ``""`` where there is none.
    column
        The column's name, for details.
    rules
        Format, calendar and zone when known.
    countries
        Alpha-3 codes of the rows' countries, which give the time zone of instants.

    Examples
    --------
    >>> days = read_days(pd.Series(["2024-03-31T22:30Z"], dtype=object), column="date",
    ...                  countries=pd.Series(["AFG"]))
    >>> days.first.tolist()
    [datetime.date(2024, 4, 1)]
    """
    rules = rules or DateRules()
    codes, distinct = pd.factorize(texts, use_na_sentinel=False)
    read = [read_day("" if pd.isna(text) else str(text), rules) for text in distinct]
    first = np.array([day.first for day in read], "datetime64[D]")[codes]
    last = np.array([day.last for day in read], "datetime64[D]")[codes]
    reason = np.array([day.reason for day in read], object)[codes]
    moments = np.array(
        [None if day.instant is None else day.instant.replace(tzinfo=None) for day in read],
        "datetime64[us]",
    )[codes]
    waiting = ~np.isnat(moments)
    if waiting.any():
        zones = _zones_of(waiting, rules.timezone, countries)
        first[waiting], last[waiting] = local_days(moments[waiting], zones)
    detail = np.full(len(codes), None, object)
    bad = np.array([day.reason is not None for day in read], bool)[codes]
    for row in np.flatnonzero(bad):
        detail[row] = describe(column, distinct[codes[row]], read[codes[row]].expected)
    return Days(first, last, reason, detail)


def _zones_of(
    waiting: NDArray[np.bool_], timezone: str | None, countries: pd.Series | None
) -> list[tuple[str, ...]]:
    """Return the time zones that each waiting row may lie in; none when its country is unknown."""
    if timezone is not None:
        return [(timezone,)] * int(waiting.sum())
    if countries is None:
        return [()] * int(waiting.sum())
    known = country_table()
    return [
        known[iso3].zones if isinstance(iso3, str) and iso3 in known else ()
        for iso3 in countries.to_numpy(object)[waiting]
    ]


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


def read_parts(
    year: pd.Series, month: pd.Series, day: pd.Series, *, columns: str, unknown: str = "0"
) -> Days:
    """Return the days of dates in three columns; an unknown month or day widens the interval.

    Parameters
    ----------
    year, month, day
        The parts as text; ``""``, `unknown` and negative numbers stand for unknown.
    columns
        The columns' names, for details.
    unknown
        A value that stands for unknown.

    Examples
    --------
    >>> parts = [pd.Series([value], dtype=object) for value in ("2024", "2", "")]
    >>> days = read_parts(*parts, columns="Year, Month, Day")
    >>> days.first.tolist(), days.last.tolist()
    ([datetime.date(2024, 2, 1)], [datetime.date(2024, 2, 29)])
    """
    blank = ("", unknown, "-9", "-99")
    year, month, day = (
        part.str.strip().str.replace(r"\.0$", "", regex=True) for part in (year, month, day)
    )
    year, month, day = (part.where(~part.isin(blank), "") for part in (year, month, day))
    texts = year.where(month == "", year + "-" + month)
    texts = texts.where((month == "") | (day == ""), texts + "-" + day).where(year != "", "")
    return read_days(texts, column=columns)


def read_intervals(
    starts: pd.Series,
    ends: pd.Series,
    *,
    columns: tuple[str, str],
    rules: DateRules | None = None,
    countries: pd.Series | None = None,
) -> Days:
    """Return the days from one column of dates to another.

    Parameters
    ----------
    starts, ends
        The dates as text.
    columns
        The two columns' names, for details.
    rules, countries
        As for :func:`read_days`.

    Examples
    --------
    >>> days = read_intervals(pd.Series(["2024-03-01"], dtype=object),
    ...                       pd.Series(["2024-02-01"], dtype=object), columns=("from", "to"))
    >>> days.detail.tolist()
    ["to: met '2024-02-01', expected a day not before from"]
    """
    start = read_days(starts, column=columns[0], rules=rules, countries=countries)
    if ends is starts or ends.equals(starts):
        return start
    end = read_days(ends, column=columns[1], rules=rules, countries=countries)
    reason, detail = start.reason.copy(), start.detail.copy()
    broken = pd.isna(reason) & ~pd.isna(end.reason)
    reason[broken], detail[broken] = end.reason[broken], end.detail[broken]
    span = (end.last - start.first).astype(np.int64)
    for rows, expected in (
        (end.last < start.first, f"a day not before {columns[0]}"),
        (
            (span >= _LONGEST[-1]) & ~np.isnat(end.last) & ~np.isnat(start.first),
            f"a day within a year of {columns[0]}",
        ),
    ):
        for row in np.flatnonzero(rows & pd.isna(reason)):
            reason[row] = "bad_date"
            detail[row] = describe(columns[1], ends.iloc[row], expected)
    return Days(start.first, end.last, reason, detail)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    """Return a time zone of the tz database."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            "unknown time zone", met=name, expected="a tz database name such as 'Asia/Kabul'"
        ) from error
