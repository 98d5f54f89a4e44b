"""Columns of dates: each distinct text is read once, and what is no date says why."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from riskmap.incidents.calendars import CALENDARS, is_in_order, local_days, zones_of
from riskmap.incidents.dates import (
    DIGITS,
    NUMBERS,
    TIME,
    TWO_ORDERS,
    UNCLEAR,
    DateRules,
    Day,
    days_of,
    full_year,
    is_bare_month,
    is_declared,
    read_day,
)
from riskmap.incidents.quarantines import Quarantine, describe
from riskmap.schema import DATE_PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray


_A_DAY = np.timedelta64(1, "D")
_LONGEST = (1, 7, 31, 366)


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

    def widened(self, stated: pd.Series) -> Days:
        """Return the intervals at least as wide as the precision that the source states.

        A single day becomes the seven days around it, its month or its year. A longer interval is
        taken as it is.
        """
        first, last = self.first.copy(), self.last.copy()
        single = ~np.isnat(first) & (first == last)
        for name in ("month", "year"):
            rows = single & (stated == name).to_numpy(bool)
            unit = name[0].upper()
            begun = self.first[rows].astype(f"datetime64[{unit}]")
            after = (begun + np.array(1, f"timedelta64[{unit}]")).astype("datetime64[D]")
            first[rows], last[rows] = begun.astype("datetime64[D]"), after - _A_DAY
        rows = single & (stated == "week").to_numpy(bool)
        first[rows], last[rows] = self.first[rows] - 3 * _A_DAY, self.last[rows] + 3 * _A_DAY
        return replace(self, first=first, last=last)


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
    read = read_texts(["" if pd.isna(text) else str(text) for text in distinct], rules)
    first = np.array([day.first for day in read], "datetime64[D]")[codes]
    last = np.array([day.last for day in read], "datetime64[D]")[codes]
    moments = np.array(
        [None if day.instant is None else day.instant.replace(tzinfo=None) for day in read],
        "datetime64[us]",
    )[codes]
    waiting = ~np.isnat(moments)
    if waiting.any():
        nowhere = pd.Series(None, texts.index, dtype="object")
        zones = zones_of((nowhere if countries is None else countries)[waiting])
        first[waiting], last[waiting] = local_days(moments[waiting], zones)
    aside, reasons = Quarantine(len(codes)), np.array([day.reason for day in read], object)[codes]
    aside.add_details(
        pd.notna(reasons),
        reasons,
        lambda row: describe(column, distinct[codes[row]], read[codes[row]].expected),
    )
    return Days(first, last, aside.reason, aside.detail)


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
    rules = rules or DateRules()
    days = [read_day(text, rules) for text in texts]
    if rules.calendar != "gregorian":
        if rules.format is not None:  # what it refuses is in no other order either
            return days
        orders = _orders_of(texts)
        again = (_read_in(text, rules.calendar, orders) for text in texts)
        pairs = zip(days, again, strict=True)
        return [new if old.reason and new.reason != "bad_date" else old for old, new in pairs]
    days = settle_others(texts, days)
    told = zip(texts, days, settle_orders(texts, days), strict=True)
    days = [day if is_declared(text, rules) else settled for text, day, settled in told]
    if (rules.format or "").startswith("%Y"):  # such dates are not taken for turned round
        return days
    bodies = [TIME.sub("", text).strip().lower() for text in texts]
    dates: dict[int, date] = {}
    late = early = written = 0
    for i, (day, body) in enumerate(zip(days, bodies, strict=True)):
        if day.first is not None and (one := NUMBERS.fullmatch(body)) and one[3]:
            dates[i] = day.first
            late += day.first.day > 12  # noqa: PLR2004 - no month
        elif (day.first is not None and day.first == day.last) or day.reason == "ambiguous_date":
            written += 1
            early += day.first is None or day.first.day <= 12  # noqa: PLR2004
    few_late = special.bdtr(late, max(len(dates), 1), 0.6)
    few_early = special.bdtr(early, max(written, 1), 0.4)
    usual = not dates or not written or max(few_late, few_early) > 0.5  # noqa: PLR2004
    if usual or few_late * few_early > (0.01 if late or early else 0.1):
        return days
    unsure = Day(reason="ambiguous_date", expected="a day that no program has turned round")
    turned = {i for i, day in dates.items() if day.day <= 12 and day.day != day.month}  # noqa: PLR2004
    return [unsure if i in turned else day for i, day in enumerate(days)]


def settle_others(texts: Sequence[str], days: Sequence[Day]) -> list[Day]:
    """Return days with those settled that the other dates of their column complete.

    A date without a year is of the year that all others are of, or of the next where it follows
    on them; it is ambiguous where both may be. One of another calendar is of the one by which it
    falls among them, a year before or after at most. ``January 20`` is a day among days, a month
    among months; where others are of both kinds, of neither, or of several years, it is ambiguous.

    Examples
    --------
    >>> texts = ["21 January 2024", "January 20", "3 February", "1402-11-01"]
    >>> [str(day.first) for day in settle_others(texts, [read_day(text) for text in texts])]
    ['2024-01-21', '2024-01-20', '2024-02-03', '2024-01-21']
    >>> read_texts(["Jan 2024", "Jan-23"])[1].last, read_texts(["Jan 20", "Feb 20"])[1].reason
    (datetime.date(2023, 1, 31), 'ambiguous_date')
    """
    known = [(day.first, day.last) for day in days if day.first and day.last]
    exact = {first for first, last in known if first == last}
    spans = {first for first, last in known if _A_MONTH <= (last - first).days + 1 <= _LONGEST[2]}
    years = {day.year for day in exact}
    settled = list(days)
    bare = [i for i, text in enumerate(texts) if days[i].reason and is_bare_month(text)]
    alone = not exact and _are_months({texts[i].strip().casefold() for i in bare})
    are_months = bool(spans) and not exact
    for i in bare:
        text = texts[i].strip()
        if are_months or (alone and not known):
            settled[i] = read_day(f"{text[:-2].rstrip(_JOINTS)} {full_year(text[-2:])}")
    orders = _orders_of(texts)
    for i, text in enumerate(texts):
        if settled[i].reason == "other_calendar" and exact:
            settled[i] = _in_other_calendar(text, settled[i], years, orders)
        yearless = settled[i].reason == "bad_date" or (i in bare and not spans)
        if yearless and len(years) == 1 and settled[i].reason and len(text) <= _LONG:
            settled[i] = _in_year(text.strip(), i, settled, exact)
    return settled


def _in_year(text: str, i: int, days: Sequence[Day], exact: set[date]) -> Day:
    """Return a date without a year as it falls among others of one year, or near them.

    Where the year before or after is nearer, it is of that, unless the one of the others is near;
    but of none that is earlier than the order shows. Half a year behind all others it is of none.
    """
    low, high = min(exact), max(exact)
    found: list[tuple[int, int, Day]] = []
    for order, year in enumerate((low.year, low.year + 1, low.year - 1)):
        tries = (f"{text.replace('-', ' ')} {year}", f"{year}年{text}")
        one = next((one for one in map(read_day, tries) if one.first), Day())
        if one.first and one.last:
            away = max((low - one.first).days, (one.last - high).days, 0)
            found.append((away, order, one))
    if not found:
        return days[i]
    nearest, same = min(found, key=lambda one: one[:2]), min(found, key=lambda one: one[1])
    if nearest is same or nearest[0] > _NEAR:
        return same[2]
    other = nearest[2] if same[0] > _NEAR else days[i]
    if nearest[1] == 1 and other.first:  # of the next year
        return other
    dates = [one.first if one.first == one.last else None for one in days]
    stands, fits = (is_in_order(one.first, i, dates) for one in (same[2], other))
    day = same[2].first
    if stands and any(one and day and abs((day - one).days) <= 2 * _NEAR for one in dates):
        return same[2]
    return days[i] if stands or fits is False else other


#: Days of a month, at least and at most; what is no chance; how many months show that they are of
#: years, where one can be no day, and of how many years at most.
_A_MONTH, _DAYS, _CHANCE, _SHOWN_MONTHS, _MANY_YEARS = 28, 31, 1e-6, 4, 10
#: A date without a year lies so many days from the others, and has so many signs, at most; and what
#: stands between a month and its year.
_NEAR, _LONG, _JOINTS = 92, 40, "-/ ,'."


def _are_months(texts: set[str]) -> bool:
    """Return whether months and numbers without anything else are months of years.

    Days of one year fall all over its months: that so many all lie so near is no chance, or one of
    them is no day, and none is far from it: a typing error alone makes no years of days.
    """
    found = {(text[:3], int(text[-2:])) for text in texts}
    numbers = {number for _, number in found}
    years = max(numbers, default=0) - min(numbers, default=0) + 1
    near = _DAYS * (years / _DAYS) ** len(found)
    no_day = any(read_day(f"{month} {number} 2024").first is None for month, number in found)
    no_day &= len(found) >= _SHOWN_MONTHS and years <= _MANY_YEARS
    return (near < _CHANCE or no_day) and len({month for month, _ in found}) > len(numbers)


def _in_other_calendar(
    text: str, day: Day, years: set[int], orders: Mapping[str, bool | None]
) -> Day:
    """Return a date by the only calendar of which it falls among given years; else as it was."""
    read = [_read_in(text, name, orders) for name in CALENDARS]
    found = [d for d in read if d.first and min(years) - 1 <= d.first.year <= max(years) + 1]
    return found[0] if len(found) == 1 else day


def _orders_of(texts: Sequence[str]) -> dict[str, bool | None]:
    """Return by the mark between numbers whether the day stands first, None if unsure."""
    found = [m for text in texts if (m := TWO_ORDERS.fullmatch(TIME.sub("", text).strip()))]
    rows = {i: (int(m[1]), int(m[3]), m[4], m[2]) for i, m in enumerate(found) if len(m[4]) > 2}  # noqa: PLR2004
    return {
        mark: _shown_order({i: row for i, row in rows.items() if row[3] == mark}, mark, 4)
        for mark in {row[3] for row in rows.values()}
    }


def _read_in(text: str, calendar: str, orders: Mapping[str, bool | None]) -> Day:
    """Return the days of a date in a calendar; one of two orders as the column's others show."""
    plain = TIME.sub("", text.strip().translate(DIGITS))
    found = TWO_ORDERS.fullmatch(plain)
    if found is None or len(found[4]) == 2:  # noqa: PLR2004
        return read_day(text, DateRules(calendar=calendar))
    mark = found[2]
    forms = {f"%d{mark}%m{mark}%Y": True, f"%m{mark}%d{mark}%Y": False}
    shown = [form for form, first in forms.items() if orders.get(mark) in (None, first)]
    read = {read_day(plain, DateRules(form, calendar)) for form in shown}
    good = {one for one in read if one.first}
    if len(good) > 1:
        return Day(reason="ambiguous_date", expected=UNCLEAR)
    return good.pop() if good else Day(reason="bad_date")


#: Dates that show the order of a column's others, at least, and as a share of all.
_SHOWN, _SHARE = 2, 0.2
_LAST_MONTH = 12


def settle_orders(texts: Sequence[str], days: Sequence[Day]) -> list[Day]:
    """Return days with those settled that may be read two ways, where the others show which.

    Of the dates of one column with the same mark between their numbers some have a day beyond 12.
    Where all of those, and two at least, have it in the same place, the others have it there too.
    A year of two digits is one where the numbers in its place differ less than those in front.

    Examples
    --------
    >>> texts = ["1/21/2025", "11/28/2024", "12/3/2024"]
    >>> [str(day.first) for day in settle_orders(texts, [read_day(text) for text in texts])]
    ['2025-01-21', '2024-11-28', '2024-12-03']
    """
    found = {i: TWO_ORDERS.fullmatch(TIME.sub("", text).strip()) for i, text in enumerate(texts)}
    parts = {i: (int(m[1]), int(m[3]), m[4], m[2]) for i, m in found.items() if m}
    settled = list(days)
    for style in sorted({(mark, len(year)) for _, _, year, mark in parts.values()}):
        rows = {i: p for i, p in parts.items() if (p[3], len(p[2])) == style}
        is_day_first = _shown_order(rows, *style)
        if is_day_first is None and style[1] == 2:  # noqa: PLR2004 - as years of four digits show
            longer = {i: p for i, p in parts.items() if (p[3], len(p[2])) == (style[0], 4)}
            years = {int(year) + k for _, _, year, _ in longer.values() for k in (-1, 0, 1)}
            rows = {i: p for i, p in rows.items() if full_year(p[2]) in years}
            is_day_first = _shown_order(longer, style[0], 4) if longer else None
        for i, (a, b, year, mark) in rows.items():
            day, month = (a, b) if is_day_first else (b, a)
            open_ = settled[i].reason == "ambiguous_date" or (mark == "." and not is_day_first)
            if is_day_first is None:
                if mark == "." and settled[i].first and max(a, b) <= _LAST_MONTH:
                    settled[i] = Day(reason="ambiguous_date", expected=UNCLEAR)
            elif open_ and month <= _LAST_MONTH:
                with suppress(ValueError):
                    settled[i] = days_of(full_year(year), month, day)
    return settled


def _shown_order(
    rows: Mapping[int, tuple[int, int, str, str]], mark: str, digits: int
) -> bool | None:
    """Return whether the day stands first in dates of one style; None where they don't show it."""
    pairs = [(a, b) for a, b, _, _ in rows.values() if max(a, b) > _LAST_MONTH]
    orders = {a > b for a, b in pairs}
    if digits == 2:  # noqa: PLR2004 - which of the three numbers is the year must be shown too
        numbers = [(a, b, full_year(year)) for a, b, year, _ in rows.values()]
        first, second, last = (max(some) - min(some) for some in zip(*numbers, strict=True))
        if len(numbers) < _SHOWN + 1 or first < max(4, last + 1) or max(first, second) < 2 * last:
            return None
    if mark == "." and orders <= {True}:
        return True
    is_shown = len(orders) == 1 and len(pairs) >= max(_SHOWN, _SHARE * len(rows))
    return orders.pop() if is_shown else None


def tell_orders(counts: Mapping[str, int], rules: DateRules | None = None) -> dict[str, str]:
    """Return how dates were read that may be read two ways, each style by its ``strptime`` format.

    Parameters
    ----------
    counts
        The distinct texts of a column of dates, and how many rows have each.
    rules
        As for :func:`read_days`.

    Examples
    --------
    >>> tell_orders({"1/21/2025": 1, "11/28/2024": 2, "12/3/2024": 1})
    {'%m/%d/%Y': "'12/3/2024' read as 3 December 2024, as 3 others show"}
    """
    matches = {text: TWO_ORDERS.fullmatch(TIME.sub("", text).strip()) for text in counts}
    texts = [text for text, one in matches.items() if one]  # the others are read one way only
    found = [matches[text] for text in texts]
    days = read_texts(texts, rules)
    told: dict[str, str] = {}
    shown: Counter[tuple[str, bool]] = Counter()
    for text, one, day in zip(texts, found, days, strict=True):
        if one and day.first and max(int(one[1]), int(one[3])) > _LAST_MONTH:
            shown[one[2], day.first.day == int(one[1])] += counts[text]
    for text, one, day in zip(texts, found, days, strict=True):
        if not one or not day.first or max(int(one[1]), int(one[3])) > _LAST_MONTH:
            continue
        is_day_first = day.first.day == int(one[1])
        parts = ("%d", "%m") if is_day_first else ("%m", "%d")
        form = one[2].join((*parts, "%Y" if len(one[4]) == 4 else "%y"))  # noqa: PLR2004
        others = shown[one[2], is_day_first]
        why = f"as {others:,} others show" if others > 1 else "as points between numbers say"
        why = "as declared" if rules is not None and rules.format is not None else why
        if int(one[1]) != int(one[3]):
            read = f"{day.first.day} {day.first:%B %Y}"
            told.setdefault(form, f"{text!r} read as {read}, {why}")
    return told | _tell_settled(counts, rules)


def _tell_settled(counts: Mapping[str, int], rules: DateRules | None) -> dict[str, str]:
    """Return how dates were read that others of their column complete, or another calendar."""
    rules = rules or DateRules()
    texts = list(counts)
    if rules.calendar != "gregorian":
        mixed = [text for text in texts if read_day(text).first]
        n = sum(counts[text] for text in mixed)
        words = f"dates such as {mixed[0]!r} ({n:,}) read as Gregorian" if n else ""
        return {"gregorian": f"{words} beside those of calendar={rules.calendar!r}"} if n else {}
    before = [read_day(text, rules) for text in texts]
    after = settle_others(texts, before)
    found = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    told: dict[str, str] = {}
    for kind in ("other_calendar", "ambiguous_date", "bad_date"):
        some = [i for i in found if before[i].reason == kind]
        if not some:
            continue
        first, day = texts[some[0]], after[some[0]]
        n = sum(counts[texts[i]] for i in some)
        others = f" ({n:,} dates so)" if n > 1 else ""
        read = f"{day.first}" if day.first == day.last else f"{day.first} to {day.last}"
        told[kind] = f"{first!r} read as {read}, as the other dates show{others}"
    return told


def read_parts(year: pd.Series, month: pd.Series, day: pd.Series, *, columns: str) -> Days:
    """Return the days of dates in three columns; an unknown month or day widens the interval.

    Parameters
    ----------
    year, month, day
        The parts as text; ``""``, ``0``, ``-9`` and ``-99`` stand for unknown.
    columns
        The columns' names, for details.

    Examples
    --------
    >>> parts = [pd.Series([value], dtype=object) for value in ("2024", "2", "")]
    >>> days = read_parts(*parts, columns="Year, Month, Day")
    >>> days.first.tolist(), days.last.tolist()
    ([datetime.date(2024, 2, 1)], [datetime.date(2024, 2, 29)])
    """
    parts = (part.str.strip().str.replace(r"\.0$", "", regex=True) for part in (year, month, day))
    year, month, day = (part.where(~part.isin(("", "0", "-9", "-99")), "") for part in parts)
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
    aside = Quarantine(len(starts))
    for days in (start, end):
        aside.add_details(pd.notna(days.reason), days.reason, days.detail.__getitem__)
    span = (end.last - start.first).astype(np.int64)
    long = (span >= _LONGEST[-1]) & ~np.isnat(end.last) & ~np.isnat(start.first)
    for wrong, expected in ((end.last < start.first, "not before"), (long, "within a year of")):
        said = f"a day {expected} {columns[0]}"
        aside.add(wrong, "bad_date", column=columns[1], met=ends, expected=said)
    return Days(start.first, end.last, aside.reason, aside.detail)
