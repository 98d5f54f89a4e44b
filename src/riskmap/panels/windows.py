"""Time windows and what is summed into them, exactly, and the same in whatever order it comes.

Windows are half-open, of whole days, stepped back from the day a forecast is made. A cell is a
number of incidents of one region, one interval of days and one weight. Everything about it is a
whole number, weights too (of ``GRAIN``), so that sums over cells don't depend on their order;
floating point comes in only at the end, once for each interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: Window lengths by name: whole days, or calendar months.
EVERY = {"day": ("D", 1), "week": ("D", 7), "month": ("M", 1), "quarter": ("M", 3)}

_DAY = np.dtype("datetime64[D]")


def parse_day(day: str | date | pd.Timestamp, *, what: str) -> pd.Timestamp:
    """Return a calendar day as a Timestamp without zone, at midnight.

    Parameters
    ----------
    day
        A date, or an ISO text such as ``"2025-01-31"``.
    what
        What to call it in an error.

    Raises
    ------
    InputError
        When it is no date, or carries a time of day or a zone.

    Examples
    --------
    >>> parse_day("2025-01-31", what="as_of")
    Timestamp('2025-01-31 00:00:00')
    """
    try:
        parsed = pd.Timestamp.fromisoformat(day) if isinstance(day, str) else pd.Timestamp(day)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} is not a date", met=day, expected="YYYY-MM-DD") from error
    if pd.isna(parsed) or parsed.tzinfo is not None or parsed != parsed.normalize():
        raise InputError(f"{what} is not a plain calendar day", met=day, expected="YYYY-MM-DD")
    return pd.Timestamp(parsed).as_unit("us")


def step_windows(as_of: pd.Timestamp, start: pd.Timestamp, *, every: str) -> NDArray[np.datetime64]:
    """Return the edges of the windows that end at `as_of` and reach back to `start`.

    Every edge is counted back from `as_of` by the calendar, so that months that end on the 31st
    don't drift. The last edge is `as_of`; the first is the latest that is not after `start`.

    Parameters
    ----------
    as_of
        End of the last window, not included in it.
    start
        A day that the first window must reach.
    every
        ``"day"``, ``"week"``, ``"month"`` or ``"quarter"``.

    Returns
    -------
    ndarray of datetime64[D], shape (n_windows + 1,)

    Raises
    ------
    InputError
        When `every` is unknown or `start` is not before `as_of`.

    Examples
    --------
    >>> step_windows(pd.Timestamp("2025-01-31"), pd.Timestamp("2024-12-01"), every="month")
    array(['2024-11-30', '2024-12-31', '2025-01-31'], dtype='datetime64[D]')
    """
    if every not in EVERY:
        raise InputError("unknown window", column="every", met=every, expected=" or ".join(EVERY))
    if not start < as_of:
        raise InputError(
            "nothing to count before as_of", met=f"{start:%Y-%m-%d}", expected=f"< {as_of:%Y-%m-%d}"
        )
    unit, length = EVERY[every]
    if unit == "D":
        n = -(-(as_of - start).days // length)
        return _step(as_of, length * np.arange(-n, 1), unit)
    months = (as_of.year - start.year) * 12 + as_of.month - start.month
    edges = _step(as_of, length * np.arange(months // -length - 1, 1), unit)
    return edges[np.searchsorted(edges, np.datetime64(start, "D"), side="right") - 1 :]


def step_onwards(as_of: pd.Timestamp, until: pd.Timestamp, *, every: str) -> NDArray[np.datetime64]:
    """Return the edges of the windows that follow `as_of`, none of which ends after `until`.

    Parameters
    ----------
    as_of
        Start of the first window.
    until
        A day that no window passes.
    every
        ``"day"``, ``"week"``, ``"month"`` or ``"quarter"``.

    Returns
    -------
    ndarray of datetime64[D], shape (n_windows + 1,)

    Examples
    --------
    >>> step_onwards(pd.Timestamp("2025-01-31"), pd.Timestamp("2025-04-15"), every="month")
    array(['2025-01-31', '2025-02-28', '2025-03-31'], dtype='datetime64[D]')
    """
    unit, length = EVERY[every]
    if unit == "D":
        return _step(as_of, length * np.arange((until - as_of).days // length + 1), unit)
    months = (until.year - as_of.year) * 12 + until.month - as_of.month
    edges = _step(as_of, length * np.arange(months // length + 1), unit)
    return edges[edges <= np.datetime64(until, "D")]


def _step(day: pd.Timestamp, steps: IntArray, unit: str) -> NDArray[np.datetime64]:
    """Return the days that lie some days or months from a day, as calendars count.

    Where a month has no such day, its last day stands for it.
    """
    if unit == "D":
        return np.datetime64(day, "D") + steps.astype("timedelta64[D]")
    month = np.datetime64(day, "M") + steps.astype("timedelta64[M]")
    first, after = month.astype(_DAY), (month + np.timedelta64(1, "M")).astype(_DAY)
    wanted = first + np.timedelta64(day.day - 1, "D")
    return np.asarray(np.minimum(wanted, after - np.timedelta64(1, "D")))


def frame_of(
    sums: dict[str, FloatArray], *, keys: pd.DataFrame, edges: NDArray[np.datetime64]
) -> pd.DataFrame:
    """Return the complete region x window frame of sums by region and window."""
    n_regions, n_windows = len(keys), len(edges) - 1
    return pd.DataFrame(
        {
            "region_id": np.repeat(keys["region_id"].array, n_windows),
            "window_start": np.tile(edges[:-1].astype("datetime64[us]"), n_regions),
            "window_end": np.tile(edges[1:].astype("datetime64[us]"), n_regions),
            **sums,
        }
    )


#: Weights are whole numbers of this; WHOLE of them are an incident that belongs to one region.
GRAIN = 2.0**-40
WHOLE = 2**40

#: Rows counted at a time.
BLOCK = 2**15

_HALF = 20
_LOW = 2**_HALF - 1
_EPOCH = np.datetime64("1970-01-01", "D")


def day_numbers(days: NDArray[np.datetime64]) -> IntArray:
    """Return days as days since 1970; a missing one is the smallest integer.

    Examples
    --------
    >>> day_numbers(np.array(["1970-01-02"], dtype="datetime64[D]")).tolist()
    [1]
    """
    return days.astype("datetime64[D]").astype(np.int64)


def day_of(day: pd.Timestamp) -> int:
    """Return a day as days since 1970.

    Examples
    --------
    >>> day_of(pd.Timestamp("1970-01-03"))
    2
    """
    return int((day.normalize() - pd.Timestamp("1970-01-01")).days)


@dataclass(frozen=True)
class Cells:
    """Incidents by region, interval and weight.

    Parameters
    ----------
    position : ndarray of int, shape (n,)
        Position of the region.
    first, last : ndarray of int, shape (n,)
        First and last day of the interval, in days since 1970.
    grains : ndarray of int, shape (n,)
        The weight in units of ``2 ** -40``.
    series : dict of str to ndarray of int, shape (n,)
        What the cell adds to each series, before it is weighted.
    """

    position: IntArray
    first: IntArray
    last: IntArray
    grains: IntArray
    series: dict[str, IntArray]

    def take(self, rows: IntArray) -> Cells:
        """Return some of the cells, by position."""
        return Cells(
            self.position[rows],
            self.first[rows],
            self.last[rows],
            self.grains[rows],
            {name: values[rows] for name, values in self.series.items()},
        )


def sum_cells(
    cells: Cells, *, n_regions: int, edges: NDArray[np.datetime64]
) -> dict[str, FloatArray]:
    """Sum cells into regions x windows.

    Parameters
    ----------
    cells
        The cells; every interval meets the windows.
    n_regions
        Number of regions.
    edges : ndarray of datetime64[D], shape (n_windows + 1,)
        Edges of the windows.

    Returns
    -------
    dict of str to ndarray, shape (n_regions * n_windows,)
        Each series, by region and then window. It sums to the weighted sum over the cells.

    Examples
    --------
    >>> edges = np.array(["1970-01-01", "1970-01-03", "1970-01-05"], dtype="datetime64[D]")
    >>> day, one = np.array([0, 1]), np.array([1, 1])
    >>> cells = Cells(np.array([0, 0]), day, np.array([0, 2]), WHOLE * one, {"reports": one})
    >>> sum_cells(cells, n_regions=1, edges=edges)["reports"].tolist()
    [1.5, 0.5]
    """
    one_day = cells.first == cells.last
    brief = cells if one_day.all() else cells.take(np.flatnonzero(one_day))
    sums = sum_days(
        brief.position,
        brief.first,
        series=brief.series,
        n_regions=n_regions,
        edges=edges,
        grains=brief.grains,
    )
    if brief is cells:
        return sums
    n_cells = n_regions * (len(edges) - 1)
    lasting = _sum_intervals(cells.take(np.flatnonzero(~one_day)), edges=edges, n_cells=n_cells)
    return {name: values + lasting[name] for name, values in sums.items()}


def sum_days(
    position: IntArray,
    day: IntArray,
    *,
    series: dict[str, IntArray],
    n_regions: int,
    edges: NDArray[np.datetime64],
    grains: IntArray | None = None,
) -> dict[str, FloatArray]:
    """Sum incidents of one region and one day each into regions x windows.

    Region and window make one key; rows are taken in blocks whose keys stay in the processor's
    cache. All sums are whole numbers: the order of the rows, or of batches of them, is no matter.

    Parameters
    ----------
    position, day : ndarray of int, shape (n,)
        Position of the region, and days since 1970.
    series : dict of str to ndarray of int, shape (n,)
        What each row adds to each series.
    n_regions
        Number of regions.
    edges : ndarray of datetime64[D], shape (n_windows + 1,)
        Edges of the windows; a day outside of them counts in the nearest window.
    grains : ndarray of int, shape (n,), optional
        The weight in units of ``2 ** -40``; by default every incident is a whole one.

    Returns
    -------
    dict of str to ndarray, shape (n_regions * n_windows,)
        Each series, by region and then window.

    Examples
    --------
    >>> edges = np.array(["1970-01-01", "1970-01-03", "1970-01-05"], dtype="datetime64[D]")
    >>> sum_days(np.array([0, 0]), np.array([0, 3]), series={"killed": np.array([2, 5])},
    ...          n_regions=1, edges=edges)["killed"].tolist()
    [2.0, 5.0]
    """
    bounds = day_numbers(edges)
    n_windows = len(bounds) - 1
    window_of_day = np.repeat(np.arange(n_windows), np.diff(bounds))
    size = n_regions * n_windows
    sums = {name: np.zeros(size) for name in series}
    shared = {name: np.zeros((2, size), dtype=np.int64) for name in series if grains is not None}
    for start in range(0, len(day), BLOCK):
        part = slice(start, start + BLOCK)
        key = np.multiply(position[part], n_windows, dtype=np.int64)
        key += window_of_day.take(day[part] - bounds[0], mode="clip")
        rows = {name: values[part] for name, values in series.items()}
        if grains is not None and not (whole := grains[part] == WHOLE).all():
            some, halves = key[~whole], _halve(grains[part][~whole])
            for name, values in rows.items():
                for sum_of_half, half in zip(shared[name], halves, strict=True):
                    np.add.at(sum_of_half, some, values[~whole] * half)
            key = key[whole]
            rows = {name: values[whole] for name, values in rows.items()}
        for name, values in rows.items():
            np.add.at(sums[name], key, values.astype(float))
    for name, (upper, lower) in shared.items():
        sums[name] += _join(upper, lower)
    return sums


def _halve(grains: IntArray) -> tuple[IntArray, IntArray]:
    """Return the upper and the lower bits of weights, whose sums over many incidents fit."""
    return grains >> _HALF, grains & _LOW


def _join(upper: IntArray, lower: IntArray) -> FloatArray:
    """Return the weight that sums of upper and of lower bits stand for."""
    return (upper.astype(float) * 2.0**_HALF + lower.astype(float)) * GRAIN


def _sum_intervals(
    cells: Cells, *, edges: NDArray[np.datetime64], n_cells: int
) -> dict[str, FloatArray]:
    """Return the sums of incidents that several windows may share, by interval in order."""
    group = _number_intervals(cells)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    heads = cells.take(order[starts])
    row, window, share = spread_days(_EPOCH + heads.first, _EPOCH + heads.last, edges=edges)
    key = heads.position[row] * (len(edges) - 1) + window
    again = np.argsort(key, kind="stable")
    halves = _halve(cells.grains[order])
    sums: dict[str, FloatArray] = {}
    for name, values in cells.series.items():
        if not values.any():
            sums[name] = np.zeros(n_cells)
            continue
        weighted = _join(*(np.add.reduceat(values[order] * half, starts) for half in halves))
        parts_of = (weighted[row] * share)[again]
        sums[name] = np.bincount(key[again], parts_of, minlength=n_cells).astype(float, copy=False)
    return sums


def _number_intervals(cells: Cells) -> IntArray:
    """Return a number for each cell, the same for equal regions and intervals, in their order."""
    number = np.zeros(len(cells.position), dtype=np.int64)
    for values in (cells.position, cells.first, cells.last):
        least = int(values.min(initial=0))
        span = int(values.max(initial=0)) - least + 1
        number = number * span + (values - least)
    return number


def spread_days(
    first: NDArray[np.datetime64], last: NDArray[np.datetime64], *, edges: NDArray[np.datetime64]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Spread intervals of days over windows, by days.

    Parameters
    ----------
    first, last : ndarray of datetime64, shape (n,)
        First and last day of each interval, inclusive. The part outside of the windows is cut off
        and the rest is made whole again, so that each interval's shares sum to 1.
    edges : ndarray of datetime64[D], shape (n_windows + 1,)

    Returns
    -------
    row, window : ndarray of int
        Interval and window of each part, sorted by interval and window.
    share : ndarray
        Share of the interval that falls in the window.

    Examples
    --------
    >>> edges = np.array(["2024-01-01", "2024-02-01", "2024-03-01"], dtype="datetime64[D]")
    >>> day = np.array(["2024-01-30"], dtype="datetime64[D]")
    >>> spread_days(day, day + 3, edges=edges)
    (array([0, 0]), array([0, 1]), array([0.5, 0.5]))
    """
    bounds = day_numbers(edges)
    begin, end = day_numbers(first), day_numbers(last) + 1
    begin = np.clip(begin, bounds[0], bounds[-1] - 1)
    end = np.clip(end, begin + 1, bounds[-1])
    w0 = np.searchsorted(bounds, begin, side="right") - 1
    w1 = np.searchsorted(bounds, end, side="left")
    parts = w1 - w0
    row = np.repeat(np.arange(len(begin)), parts)
    window = (
        np.repeat(w0, parts) + np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    )
    overlap = np.minimum(end[row], bounds[window + 1]) - np.maximum(begin[row], bounds[window])
    return row, window, overlap / (end - begin)[row]
