"""Dates as feeds write them: the days that one text names, by its shape, a format or a calendar.

A date is read by its own shape (ISO, or a month in words) or by a declared format, and never
guessed: ``03/04/2024`` is ambiguous, and a year 1399 belongs to another calendar. A calendar other
than the Gregorian is converted only when it is named.
"""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from riskmap.countries import fold
from riskmap.errors import InputError
from riskmap.incidents.calendars import CALENDARS, spell_out_group
from riskmap.incidents.words import is_bound, read_words, strip_phrases

if TYPE_CHECKING:
    from riskmap.incidents.calendars import Calendar

#: The digits of Arabic, Persian and wide letters.
DIGITS = {first + i: str(i) for first in (0x660, 0x6F0, 0xFF10) for i in range(10)}
#: What a date should look like, for messages.
ISO = "an ISO date such as 2024-03-31"
UNCLEAR = f"{ISO}, or a declared format"
FIRST_YEAR, LAST_YEAR = 1946, 2100
#: What programs write where there is no day; others write one of 1900, which is out of range.
_NO_DAY = date(1969, 12, 31), date(1970, 1, 1)
MONTH_NUMBERS = {name[:n].casefold(): i for i, name in enumerate(month_name) for n in (3, 9)}
NUMBERS = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE)
TWO_ORDERS = re.compile(r"(\d{1,2})([-/. ])\s?(\d{1,2})\2\s?(\d{4}|(?<=[./])\d{2})\.?")
_OF = r"(?:[-/ ]|\s+d[ei]l?\s+|\s+of\s+|\s*)"
_WORDS = re.compile(
    rf"(?:(\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?{_OF})?([^\W\d]{{2,15}})\.?,?{_OF}(\d{{4}}|\d{{2}})(?:\s*\u0433(?:\.|\u043e\u0434\u0430?)?)?"
)
_WORDS_US = re.compile(r"([^\W\d]{3,12})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_BARE = re.compile(r"([^\W\d]{3,15})\.?\s*[-/ ,']\s*(\d{2})")
_DAYS = 31
_CHINESE = re.compile(r"(\d{4})\s*年\s*(?:(\d{1,2})\s*月\s*(?:(\d{1,2})\s*[日号])?)?")
_MONTH_YEAR = re.compile(r"(\d{1,2})[/.](\d{4})")
#: How a table program keeps a day: as the number of days since 1899-12-30; here from 1970 on.
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_SERIALS = range(25_570, 73_051)
_A_MONTH = timedelta(days=31)
#: Signs of a date with words, at most.
_LONGEST = 60
#: Years of the Solar Hijri calendar that a month of it may be of.
_SOLAR = CALENDARS["solar_hijri"].years
#: Some workbooks count from 1904, so many days later.
_LATER, _LATER_BY = 1904, 1462
#: A cell of a table program that holds a date and no text.
CELL = re.compile(r"\d{4}-\d\d-\d\d[ T]00:00:00(?:\.0+)?")
_YEAR_MONTH = re.compile(r"(\d{4})[-/ ]([^\W\d]{3,12})[-/ ](\d{1,2})")
_QUARTER = re.compile(r"(?:q([1-4])[-/ ]*(\d{4})|(\d{4})[-/ ]*q([1-4]))", re.IGNORECASE)
_WEEK_OF = re.compile(
    r"(?:week|kw|w|woche|semaine|semana|неделя)\s*(\d{1,2})\s*[-/, ]\s*(\d{4})", re.IGNORECASE
)
#: Days of a Chinese month or year: ``2025年1月3日至5日``.
_CHINESE_SPAN = re.compile(
    r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?\s*[至到~\uff5e\u2013\u2014-]\s*"
    r"(?:(\d{1,2})\s*月\s*)?(\d{1,2})\s*[日号]"
)
_JOINTS = "to|until|and|bis|und|au|al|a|y|e|et|à|ao|по|до|и|إلى|الى|حتى|تا|to the"
_TO = re.compile(rf"(.+?)\s*(?:\s(?:{_JOINTS})\s|\s-\s|[–—~&至到]|(?<=\d)/(?=\d{{4}}-))\s*(.+)")
#: Days of one month, the month before them: ``January 3-5, 2025``, ``2025-01-03/05``.
_SPAN_US = re.compile(
    r"([^\W\d]{3,15}\.?) (\d{1,2})(?:st|nd|rd|th)?\s*(?:[-–—/&]|to|and)\s*"
    r"(\d{1,2})(?:st|nd|rd|th)?,? (\d{4})"
)
_SPAN_ISO = re.compile(r"(\d{4}-\d\d-)(\d\d)/(\d\d)")
#: Months of one year: ``June-July 2025``.
_MONTHS = re.compile(r"([^\W\d]{3,15})\.?\s*[-–—/&]\s*([^\W\d]{3,15}\.?,? \d{4})")
_WEEK_FROM = re.compile(
    r"(?:the )?week (?:of|commencing|beginning|starting|from) (.+)", re.IGNORECASE
)
#: Days of one month: ``3-5 Jan 2025``, ``3.-5.1.2025``.
_SPAN = re.compile(r"(\d{1,2})\.?\s*[-/–—]\s*(\d{1,2}(?:\.|(?:st|nd|rd|th)?[- ]).+)")
_YEAR_FIRST = r"%Y(?:[-/.]%m(?:[-/.]%d)?)?"
TIME = re.compile(
    r",?[T ]\s*\d{1,2}[:.]\d{2}(?:(?<=:\d\d):\d{2}(?:[.,]\d+)?)?"
    r"(?:\s*(?:[ap]\.?m\.?|uhr|hrs?|h)|\s*(Z|UTC|[+-]\d{2}:?\d{2}))?$",
    re.IGNORECASE,
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
    text = spell_out_group(text.strip().lstrip("'\u2019").translate(DIGITS))
    if not text:
        return Day(reason="no_date")
    try:
        if rules.calendar != "gregorian":
            day = _in_calendar(text, rules.format, CALENDARS[rules.calendar])
            other = _by_shape(text) if day.reason == "bad_date" else day
            return day if other.reason else other  # one of another calendar beside them
        if rules.counts_from == _LATER and _SERIAL.fullmatch(text):
            text = str(float(text) + _LATER_BY)
        if rules.format is None and is_bare_month(text):
            return Day(reason="ambiguous_date", expected="a year of four digits beside a month")
        day = _by_shape(text) if rules.format is None else _in_format(text, rules.format)
        if day.reason == "bad_date" and rules.format is not None:
            day = _other_than_declared(text, rules.format) or day
        is_none = day.first == day.last and day.first in _NO_DAY
        is_none |= day.instant is not None and day.instant.timestamp() == 0
        return Day(reason="no_date") if is_none else day
    except (ValueError, OverflowError):
        return Day(reason="bad_date")


def is_bare_month(text: str) -> bool:
    """Return whether a text is a month and a number that is its year or one of its days.

    Examples
    --------
    >>> is_bare_month("January 20"), is_bare_month("Jan-98"), is_bare_month("20 January 2024")
    (True, False, False)
    """
    found = _BARE.fullmatch(text.strip().casefold())
    return found is not None and int(found[2]) <= _DAYS and bool(_month_number(found[1]))


def _other_than_declared(text: str, form: str) -> Day | None:
    """Return the days of a text that is not in the declared format; None where it is no date.

    Numbers in another order than the declared one, with the same mark, contradict it.
    """
    day, found = _by_shape(text), TWO_ORDERS.fullmatch(TIME.sub("", text).strip())
    contradicts = found is not None and f"{found[2]}%" in form
    return None if contradicts or day.reason == "bad_date" else day


def is_declared(text: str, rules: DateRules) -> bool:
    """Return whether a text is a date in the declared format.

    Examples
    --------
    >>> is_declared("03/04/2024", DateRules(format="%d/%m/%Y"))
    True
    """
    try:
        return rules.format is not None and _in_format(text.strip(), rules.format).reason is None
    except (ValueError, OverflowError):
        return False


def _by_shape(text: str, *, is_bare: bool = False) -> Day:
    """Return the days of a text in one of the shapes that can be read one way only.

    Of a bare text no words around the date are taken away.
    """
    body, zone = text, None
    time = TIME.search(text)
    if time and time.end() == len(text):
        body, zone = text[: time.start()].strip(), time.group(1)
        if zone:
            return _instant(body, text[time.start() :].strip(" tT"))
    for shape in (NUMBERS, _COMPACT, _CHINESE):
        if found := shape.fullmatch(body):
            return days_of(*(int(part) for part in found.groups() if part))
    if found := _WEEK.fullmatch(body):
        return _week(int(found[1]), int(found[2]))
    if found := _WEEK_OF.fullmatch(body):
        return _week(int(found[2]), int(found[1]))
    if (found := _SERIAL.fullmatch(body)) and int(found[1]) in _SERIALS:
        day = date(1899, 12, 30) + timedelta(days=int(found[1]))
        return Day(day, day)
    if found := TWO_ORDERS.fullmatch(body):
        if len(found[4]) == 2:  # noqa: PLR2004 - 21.01.25 may be a day of January 2021 as well
            return Day(reason="ambiguous_date", expected=UNCLEAR)
        return _either_way(int(found[1]), int(found[3]), int(found[4]), mark=found[2])
    found_day = _by_words(body.casefold()) or _range(body)
    return _by_phrase(body) if found_day.reason == "bad_date" and not is_bare else found_day


def _week(year: int, week: int) -> Day:
    first = date.fromisocalendar(year, week, 1)
    return _plausible(first, first + timedelta(days=6))


def _by_phrase(body: str) -> Day:
    """Return the days of a date with words around it: a weekday, "about", "early", "night of".

    What stands for about a day are the seven days around it; a part of a month is ten days of it.
    """
    if len(body) > _LONGEST:
        return Day(reason="bad_date")
    if is_bound(body):
        return Day(reason="bad_date", expected="a day on which it began, not a bound alone")
    text, is_about, part = strip_phrases(body)
    day = Day(reason="bad_date") if text == body.strip() else _by_shape(text)
    if day.first is None or day.last is None:
        return day if day.reason else Day(reason="bad_date")
    if part is not None and day.first.replace(day=28) <= day.last < day.first + _A_MONTH:
        first, last = (day.first + timedelta(days=number - 1) for number in part)
        return Day(first, min(day.last, last))
    if is_about and day.first == day.last:
        return Day(day.first - timedelta(days=3), day.last + timedelta(days=3))
    return day


def _by_words(body: str) -> Day | None:
    """Return the days of a text with a month in words, or of a month and a year; None of others."""
    body = re.sub(r" ?['\u2019](?=\d\d$)", " ", body)  # as in Apr '98
    for month in _two_words():
        body = body.replace(month, month.replace(" ", "_"))
    if found := _WORDS.fullmatch(body):
        day, month, year = found.groups()
        if (solar := read_words("solar_month").get(month)) and len(year) > 2:  # noqa: PLR2004
            days = CALENDARS["solar_hijri"].interval(
                int(year), int(solar), int(day) if day else None
            )
            return _plausible(*days) if days and int(year) in _SOLAR else Day(reason="bad_date")
        if number := _month_number(month):
            return days_of(full_year(year), number, int(day) if day else None)
    if (found := _WORDS_US.fullmatch(body)) and (number := _month_number(found[1])):
        return days_of(int(found[3]), number, int(found[2]))
    if found := _MONTH_YEAR.fullmatch(body):
        return days_of(int(found[2]), int(found[1]))
    if (found := _YEAR_MONTH.fullmatch(body)) and (number := _month_number(found[2])):
        return days_of(int(found[1]), number, int(found[3]))
    if found := _QUARTER.fullmatch(body):
        end = days_of(int(found[2] or found[3]), 3 * int(found[1] or found[4]))
        return Day(end.first.replace(month=end.first.month - 2), end.last) if end.first else end
    if found := _CHINESE_SPAN.fullmatch(body):
        start, begun, first, other, last_day = (int(part or 0) for part in found.groups())
        span = date(start, begun, first), date(start, other or begun, last_day)
        return _plausible(*span) if span[0] <= span[1] else Day(reason="bad_date")
    return None


@lru_cache(maxsize=1)
def _two_words() -> tuple[str, ...]:
    """Return the names of months that are two words."""
    return tuple(word.replace("_", " ") for word in read_words("month") if "_" in word)


def _range(text: str) -> Day:
    """Return the days from one date to another in one text, the end of which names the year."""
    if (found := _WEEK_FROM.fullmatch(text)) and (from_ := _by_shape(found[1], is_bare=True)).first:
        is_day = from_.first == from_.last
        return Day(from_.first, from_.first + timedelta(days=6)) if is_day else from_
    if found := _SPAN_US.fullmatch(text):
        text = f"{found[2]}-{found[3]} {found[1]} {found[4]}"
    elif found := _SPAN_ISO.fullmatch(text):
        text = f"{found[1]}{found[2]} - {found[1]}{found[3]}"
    for pattern in (_SPAN, _MONTHS, _TO):
        found = pattern.fullmatch(text) if len(text) <= _LONGEST else None
        last = _by_shape(found[2].strip(), is_bare=True) if found else Day()
        if found is None or last.first is None or last.last is None:
            continue
        start = found[1].strip()
        number = start.removesuffix(".")
        years = (last.last.year, last.last.year - 1)
        tries = (
            start,
            *(f"{start.rstrip('./-')}{joint}{year}" for year in years for joint in " ."),
        )
        if number.isdigit() and len(number) <= 2:  # noqa: PLR2004 - a day of the month of the end
            tries = (last.first.replace(day=int(number)).isoformat(),)
        for one in tries:
            begun = Day()
            with suppress(ValueError):
                begun = _by_shape(one, is_bare=True)
            if begun.first and begun.first <= last.last <= begun.first + timedelta(days=366):
                return Day(begun.first, last.last)
    return Day(reason="bad_date")


def full_year(text: str) -> int:
    """Return a year; one of two digits lies between 1951 and 2050.

    Examples
    --------
    >>> full_year("24"), full_year("2024"), full_year("98")
    (2024, 2024, 1998)
    """
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year <= 50 else 1900)  # noqa: PLR2004


def _month_number(word: str) -> int:
    """Return the number of a month by its name in any listed language; 0 when it is none."""
    return _months().get(word) or _months().get(fold(word), 0)


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    words = {word.casefold(): int(value) for word, value in read_words("month").items()}
    return {key: n for word, n in words.items() for key in (word, fold(word)) if key}


def _either_way(a: int, b: int, year: int, *, mark: str = "/") -> Day:
    """Return the day of ``a/b/year`` when only one order, or both alike, make a day.

    Between points the day stands first, as everywhere where points are written.
    """
    readings = [days_of(year, month, day) for day, month in ((a, b), (b, a)) if 1 <= month <= 12]  # noqa: PLR2004
    good = [reading for reading in readings if reading.reason is None]
    if len(good) == 2 and good[0] != good[1] and mark != ".":  # noqa: PLR2004 - both orders make a day
        return Day(reason="ambiguous_date", expected=UNCLEAR)
    return good[0] if good else readings[0] if readings else Day(reason="bad_date")


def days_of(year: int, month: int | None = None, day: int | None = None) -> Day:
    """Return the day, the month or the year as an interval.

    Examples
    --------
    >>> days_of(2024, 2).last
    datetime.date(2024, 2, 29)
    """
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
    day = Day() if TWO_ORDERS.fullmatch(body) else _by_shape(body)
    if day.first is None or day.first != day.last:
        bad = Day(reason="bad_date", expected=f"{ISO} before a time with a zone")
        return day if day.reason == "other_calendar" else bad
    clock = re.sub(r"\s*(z|utc)$", "+00:00", clock.lower()).replace(",", ".").replace(" ", "")
    moment = datetime.fromisoformat(f"{day.first}T{clock.zfill(5)}").astimezone(UTC)
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
        return days_of(moment.year, moment.month, moment.day)
    has_month = any(part in form for part in ("%m", "%b", "%B"))
    return days_of(moment.year, moment.month if has_month else None)


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
    found = re.fullmatch(pattern, TIME.sub("", text))
    if not found:
        return Day(reason="bad_date", expected=expected)
    parts = {name: int(value) for name, value in found.groupdict().items() if value}
    if parts.get("year") not in calendar.years:
        return Day(reason="bad_date", expected=expected)
    days = calendar.interval(parts["year"], parts.get("month"), parts.get("day"))
    return Day(reason="bad_date", expected=expected) if days is None else _plausible(*days)


@dataclass(frozen=True)
class DateRules:
    """What is known about a file's dates beyond their shape.

    Parameters
    ----------
    format
        ``strptime`` format of the dates; what is not written so is read by its own shape, as the
        cells are that a table program keeps as dates. One without ``%d`` gives months, without
        ``%m`` years.
    calendar
        ``"gregorian"``, ``"solar_hijri"``, ``"islamic"``, ``"ethiopian"`` or ``"buddhist"``.
    counts_from
        The year from which a table program counts the days that it keeps as numbers: 1900, or 1904.

    Raises
    ------
    InputError
        When the calendar is unknown, or the format is none that names a year.

    Examples
    --------
    >>> from riskmap.incidents.dates import read_day
    >>> read_day("03/04/2024", DateRules(format="%d/%m/%Y")).first
    datetime.date(2024, 4, 3)
    """

    format: str | None = None
    calendar: str = "gregorian"
    counts_from: int = 1900

    def __post_init__(self) -> None:
        """Refuse an unknown calendar, and a format that no date is in."""
        if self.calendar != "gregorian" and self.calendar not in CALENDARS:
            raise InputError(
                "unknown calendar",
                column="calendar",
                met=self.calendar,
                expected="gregorian, " + ", ".join(sorted(CALENDARS)),
            )
        if self.format is not None and not _names_year(self.format):
            raise InputError(
                "no format of dates", column="dates", met=self.format, expected="such as %d/%m/%Y"
            )


def _names_year(form: str) -> bool:
    """Return whether a ``strptime`` format can be read, and tells of which year a date is."""
    day = datetime(2031, 5, 13, tzinfo=UTC)
    try:
        return datetime.strptime(day.strftime(form), form).year == day.year  # noqa: DTZ007
    except (ValueError, re.error):
        return False
