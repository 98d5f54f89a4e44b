"""Dates as feeds write them: the days that one text names, by its shape, a format or a calendar.

A date is read by its own shape (ISO, or a month in words) or by a declared format, and never
guessed: ``03/04/2024`` is ambiguous, and a year 1399 belongs to another calendar. A calendar other
than the Gregorian is converted only when it is named.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from scipy import special

from riskmap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


#: What a date should look like, for messages.
ISO = "an ISO date such as 2024-03-31"
FIRST_YEAR, LAST_YEAR = 1946, 2100
#: What programs write where there is no day; others write one of 1900, which is out of range.
_NO_DAY = date(1969, 12, 31), date(1970, 1, 1)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTH_NUMBERS = {name[:n]: i + 1 for i, name in enumerate(_MONTHS) for n in (3, len(name))}
MONTH_NUMBERS["sept"] = 9
_NUMBERS = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_WORDS = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)?[- ])?([a-z]{3,9})\.?,?[- ](\d{4})")
_WORDS_US = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_YEAR_FIRST = r"%Y(?:[-/.]%m(?:[-/.]%d)?)?"
_TIME = re.compile(
    r"[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)


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


def read_day(text: str, rules: DateRules | None = None) -> Day:
    """Return the interval of days that a text names.

    Parameters
    ----------
    text
        The date as written.
    rules
        Format and calendar when known.

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
        day = _by_shape(text) if rules.format is None else _in_format(text, rules.format)
        is_none = day.first == day.last and day.first in _NO_DAY
        is_none |= day.instant is not None and day.instant.timestamp() == 0
        return Day(reason="no_date") if is_none else day
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
            year, *rest = found.groups()
            return _days_of(int(year), *(None if part is None else int(part) for part in rest))
    if found := _WEEK.fullmatch(body):
        first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return _plausible(first, first + timedelta(days=6))
    if found := _WORDS.fullmatch(body.lower()):
        day, month, year = found.groups()
        return _days_of(int(year), MONTH_NUMBERS.get(month, 0), int(day) if day else None)
    if found := _WORDS_US.fullmatch(body.lower()):
        month, day, year = found.groups()
        return _days_of(int(year), MONTH_NUMBERS.get(month, 0), int(day))
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


def _days_of(year: int, month: int | None = None, day: int | None = None) -> Day:
    """Return the day, the month or the year as an interval."""
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
    pattern = _YEAR_FIRST if form is None else re.escape(form)
    for code, group in (
        ("%Y", r"(?P<year>\d{4})"),
        ("%m", r"(?P<month>\d{1,2})"),
        ("%d", r"(?P<day>\d{1,2})"),
    ):
        pattern = pattern.replace(code, group)
    found = re.fullmatch(pattern, _TIME.sub("", text))
    if not found:
        return Day(reason="bad_date", expected=expected)
    parts = {name: int(value) for name, value in found.groupdict().items() if value}
    if parts.get("year") not in calendar.years:
        return Day(reason="bad_date", expected=expected)
    days = calendar.interval(parts["year"], parts.get("month"), parts.get("day"))
    return Day(reason="bad_date", expected=expected) if days is None else _plausible(*days)


def read_texts(texts: Sequence[str], rules: DateRules | None = None) -> list[Day]:
    """Return the days that the distinct texts of a column name.

    A spreadsheet of another country takes ``03/04/2025`` for 4 March, shows it as a date, and
    leaves ``25/04/2025`` as text. In such a column hardly any date has a day beyond 12 and hardly
    any text a day up to 12. Had two people written it, six in ten days would be beyond 12. Where
    that has a probability of less than .01, or of .1 and there is no such day at all, dates up to
    the 12th are ambiguous.

    Examples
    --------
    >>> days = read_texts(["2025-03-04", "25/04/2025", "2025-10-04", "28/04/2025"])
    >>> [day.reason for day in days]
    ['ambiguous_date', None, 'ambiguous_date', None]
    """
    days = [read_day(text, rules) for text in texts]
    if rules is not None and rules.format is not None:
        return days
    bodies = [_TIME.sub("", text).strip().lower() for text in texts]
    dates: dict[int, date] = {}
    late = early = written = 0
    for i, (day, body) in enumerate(zip(days, bodies, strict=True)):
        if day.first is not None and (one := _NUMBERS.fullmatch(body)) and one[3]:
            dates[i] = day.first
            late += day.first.day > 12  # noqa: PLR2004 - no month
        elif (day.first is not None and day.first == day.last) or day.reason == "ambiguous_date":
            written += 1
            early += day.first is None or day.first.day <= 12  # noqa: PLR2004
    few_late = special.bdtr(late, max(len(dates), 1), 0.6)
    few_early = special.bdtr(early, max(written, 1), 0.4)
    likely = max(few_late, few_early) > 0.5  # noqa: PLR2004 - one of both is as usual
    if (
        not dates
        or not written
        or likely
        or few_late * few_early > (0.01 if late or early else 0.1)
    ):
        return days
    unsure = Day(reason="ambiguous_date", expected="a day that no program has turned round")
    turned = {i for i, day in dates.items() if day.day <= 12 and day.day != day.month}  # noqa: PLR2004
    return [unsure if i in turned else day for i, day in enumerate(days)]


@dataclass(frozen=True)
class DateRules:
    """What is known about a file's dates beyond their shape.

    Parameters
    ----------
    format
        ``strptime`` format of every date; one without ``%d`` gives months, without ``%m`` years.
    calendar
        ``"gregorian"``, ``"solar_hijri"``, ``"islamic"``, ``"ethiopian"`` or ``"buddhist"``.

    Raises
    ------
    InputError
        When the calendar is unknown.

    Examples
    --------
    >>> from riskmap.incidents.dates import read_day
    >>> read_day("03/04/2024", DateRules(format="%d/%m/%Y")).first
    datetime.date(2024, 4, 3)
    """

    format: str | None = None
    calendar: str = "gregorian"

    def __post_init__(self) -> None:
        """Refuse an unknown calendar."""
        if self.calendar != "gregorian" and self.calendar not in CALENDARS:
            raise InputError(
                "unknown calendar",
                met=self.calendar,
                expected="gregorian, " + ", ".join(sorted(CALENDARS)),
            )


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
