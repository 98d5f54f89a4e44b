"""Time windows: half-open, of whole days, stepped back from the day a forecast is made."""

from __future__ import annotations

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
