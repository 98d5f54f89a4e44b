"""Columns of dates: each distinct text is read once, and what is no date says why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.countries import table as country_table
from riskmap.incidents.dates import DateRules, read_texts
from riskmap.incidents.quarantines import Quarantine, describe
from riskmap.schema import DATE_PRECISIONS

if TYPE_CHECKING:
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
        zones = _zones_of((nowhere if countries is None else countries)[waiting])
        first[waiting], last[waiting] = local_days(moments[waiting], zones)
    aside, reasons = Quarantine(len(codes)), np.array([day.reason for day in read], object)[codes]
    aside.add_details(
        pd.notna(reasons),
        reasons,
        lambda row: describe(column, distinct[codes[row]], read[codes[row]].expected),
    )
    return Days(first, last, aside.reason, aside.detail)


def _zones_of(countries: pd.Series) -> list[tuple[str, ...]]:
    """Return the time zones that each row may lie in; none when its country is unknown."""
    known = country_table()
    return [known[iso3].zones if iso3 in known else () for iso3 in countries]


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
    blank = ("", "0", "-9", "-99")
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
    aside = Quarantine(len(starts))
    for days in (start, end):
        aside.add_details(pd.notna(days.reason), days.reason, days.detail.__getitem__)
    span = (end.last - start.first).astype(np.int64)
    long = (span >= _LONGEST[-1]) & ~np.isnat(end.last) & ~np.isnat(start.first)
    for wrong, expected in ((end.last < start.first, "not before"), (long, "within a year of")):
        said = f"a day {expected} {columns[0]}"
        aside.add(wrong, "bad_date", column=columns[1], met=ends, expected=said)
    return Days(start.first, end.last, aside.reason, aside.detail)
