"""Counted rows: how many incidents a region had in a period; the row itself is none.

Their number stands in the column ``count``. A row of 0 tells that its source has watched and that
nothing happened; a row without a number tells of one incident.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskmap.incidents.scope import LEAST_DAYS, RECENT_DAYS, SURE
from riskmap.incidents.values import LARGEST_COUNT, parse_counts, parse_numbers
from riskmap.incidents.words import ATTACKS, SPLIT, key, read_words
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from riskmap.incidents.date_columns import Days
    from riskmap.incidents.quarantines import Quarantine, Remarks
    from riskmap.typing import FloatArray, IntArray

#: A column holds counts when so large a share of its filled cells are numbers.
_MOSTLY = 0.5
#: So many dates on one day of the week, or on the first of a month, are those of periods.
_WEEKS, _MONTHS = 4, 2
#: Where this share of the rows tells a story of its own, rows are incidents, and none is of zero.
_STORIES, _STORY = 0.5, 30
_A_DAY = np.timedelta64(1, "D")
#: What riskmap writes in a column ``toll`` of its own.
_OWN_TOLL = re.compile("^(?:killed|wounded|abducted|foreign_victims|count|victims) ")


class Counted(NamedTuple):
    """What a column of counts says.

    Parameters
    ----------
    numbers
        How many incidents each row tells of, ``Int64``; missing where none is counted.
    wrong
        Which rows state something that is no count.
    bounds
        Which state the least, such as ``5+``.
    texts
        What stands there.
    column
        The column's name as the file writes it.
    """

    numbers: pd.Series
    wrong: NDArray[np.bool_]
    bounds: NDArray[np.bool_]
    texts: pd.Series
    column: str


def read_count(texts: pd.Series, unknown: Iterable[str], *, column: str) -> Counted:
    """Return how many incidents each row of a table tells of, where one of its columns counts them.

    A column of which most cells are no numbers counts nothing ("Incidents: ambush").

    Parameters
    ----------
    texts
        What stands there.
    unknown
        Values that stand for nothing.
    column
        The column's name as the file writes it.

    Examples
    --------
    >>> found = read_count(pd.Series(["4", "0", "-1", ""]), (), column="events")
    >>> found.numbers.tolist(), found.wrong.tolist()
    ([4, 0, <NA>, <NA>], [False, False, True, False])
    """
    no = np.zeros(len(texts), dtype=bool)
    nothing = Counted(pd.Series(pd.NA, texts.index, "Int64"), no, no, texts, "")
    if not column:
        return nothing
    texts = texts.str.strip()
    counts, plain = parse_counts(texts, unknown), parse_numbers(texts)
    known = counts.numbers.notna().to_numpy(bool) | np.isfinite(plain)
    if known.sum() < max(_MOSTLY * (texts != "").sum(), 1):
        return nothing
    part = np.isfinite(plain) & (np.nan_to_num(plain) % 1.0 != 0.0)
    wrong = counts.strange | part
    return Counted(counts.numbers.mask(wrong), wrong, counts.bounds & ~part, texts, column)


def refuse_counts(counted: Counted, frame: pd.DataFrame, quarantine: Quarantine) -> pd.Series:
    """Return the counts of rows, and set those aside that can't be right.

    These are what is no whole number, and a row of none that tells of people who were hit. How many
    incidents such a row tells of is not known: it is lost as the largest of its table.

    Parameters
    ----------
    counted
        From :func:`read_count`.
    frame
        The rows as columns of the schema.
    quarantine
        Where rows that can't be used are noted.
    """
    numbers, texts = counted.numbers, counted.texts.to_numpy(object)
    zero = (numbers == 0).fillna(value=False).to_numpy(bool)
    hit = np.zeros(len(frame), dtype=bool)
    for name in ("killed", "wounded", "abducted", "foreign_victims"):
        if name in frame:
            hit |= (frame[name].fillna(0) > 0).to_numpy(bool)
    for name in ("nationality", "target", "claimed_by"):
        told = frame.get(name)
        if told is not None and not (told == told.iloc[:1].squeeze()).all():  # else of all of them
            hit |= told.notna().to_numpy(bool)
    each = _tell_stories(frame) or _have_days(frame)
    refused = (
        (counted.wrong, f"a whole number from 0 to {LARGEST_COUNT:,}"),
        (zero & hit, "more than 0, as the row tells of people who were hit"),
        (zero & each, "more than 0, as the rows tell of an incident each"),
    )
    for where, expected in refused:
        quarantine.add(where, "bad_count", column=counted.column, met=texts, expected=expected)
    most = numbers.max()
    bad = np.any([where for where, _ in refused], axis=0)
    return numbers.mask(bad, max(1, 1 if pd.isna(most) else int(most)))


def _tell_stories(frame: pd.DataFrame) -> bool:
    """Return whether the rows of a table have texts of their own, as incidents do."""
    if "notes" not in frame:
        return False
    texts = frame["notes"].dropna()
    return texts[texts.str.len() >= _STORY].nunique() >= max(_STORIES * len(frame), 1)


def _have_days(frame: pd.DataFrame) -> bool:
    """Return whether rows have ids of their own and single days, as incidents do, and no periods.

    A number of 0 in such a table may be of victims.
    """
    if not {"source_id", "event_date", "event_date_end"} <= set(frame):
        return False
    ids, known = frame["source_id"], frame["event_date"].notna()
    single = known & (frame["event_date"] == frame["event_date_end"])
    own = ids.notna().all() and ids.is_unique
    return bool(own and single.any() and single.sum() >= _STORIES * known.sum())


def widen_periods(days: Days, counted: NDArray[np.bool_], column: str) -> Days:
    """Return days of which those that stand for a week, month or year of counts are that long.

    The column is named for its periods, or all of its days are the first of a month (of a year), or
    all are one day of the week; a period begins with its day.

    Parameters
    ----------
    days
        The days as written.
    counted
        Which rows count incidents.
    column
        The name of the column of dates.

    Examples
    --------
    >>> from riskmap.incidents.date_columns import read_days
    >>> days = read_days(pd.Series(["2031-01-01", "2031-02-01"]), column="date")
    >>> widen_periods(days, np.ones(2, dtype=bool), "date").last.astype(str).tolist()
    ['2031-01-31', '2031-02-28']
    """
    single = counted & ~np.isnat(days.first) & (days.first == days.last)
    period = _period_of(np.unique(days.first[single]), column) if single.any() else None
    if period == "week":
        return replace(days, last=np.where(single, days.first + 6 * _A_DAY, days.last))
    return days.widened(pd.Series(np.where(single, period or "", ""), dtype="str"))


def _period_of(distinct: NDArray[np.datetime64], column: str) -> str | None:
    """Return for how long the days of a column stand."""
    words = read_words("period")
    named = [words[part] for part in SPLIT.split(key(column)) if part in words]
    if named:
        return named[0]
    for unit, name in (("Y", "year"), ("M", "month")):
        begun = distinct.astype(f"datetime64[{unit}]").astype("datetime64[D]")
        if len(distinct) >= _MONTHS and (begun == distinct).all():
            return name
    weekdays = np.unique(distinct.astype(np.int64) % 7)
    return "week" if len(distinct) >= _WEEKS and len(weekdays) == 1 else None


def read_sums(
    rows: pd.DataFrame,
    frame: pd.DataFrame,
    columns: Mapping[str, tuple[str, ...]],
    tolls: Remarks,
    not_understood: Remarks,
) -> dict[str, pd.Series]:
    """Return tolls with those that one column tells of several kinds of victims: "3/0".

    Where it tells of more people than the tolls do, it is noted beside them, and in a row of no
    attack as somebody of whom it is not known what befell him.

    Parameters
    ----------
    rows, frame
        The rows as their file writes them, and as columns of the schema.
    columns
        The columns of sums, and which tolls each names in order.
    tolls, not_understood
        The remarks of the rows.

    Examples
    --------
    >>> from riskmap.incidents.quarantines import Remarks
    >>> frame = pd.DataFrame({name: pd.array([pd.NA], "Int64") for name in TOLLS})
    >>> columns, notes = {"Killed/Injured": ("killed", "wounded")}, (Remarks(" "), Remarks("="))
    >>> rows = pd.DataFrame({"Killed/Injured": ["3/1"]})
    >>> found = read_sums(rows, frame.assign(event_type="other"), columns, *notes)
    >>> found["killed"].tolist(), found["wounded"].tolist()
    ([3], [1])
    """
    found = {name: frame[name] for name in TOLLS}
    other = frame["event_type"].notna() & ~frame["event_type"].isin((*ATTACKS, "unknown"))
    for column, names in columns.items():
        texts = rows[column].fillna("").str.strip().set_axis(frame.index)
        if key(column) == "toll":
            texts = texts.mask(texts.str.contains(_OWN_TOLL), "")
        parts = texts.str.split(r"\s*[/|+&;]\s*", regex=True)
        split = (parts.str.len() == len(names)) & (len(names) > 1)
        for place, name in enumerate(names):
            some = parse_counts(parts.str[place].where(split, ""))
            split &= ~some.strange
            new = (found[name].isna() & some.numbers.notna() & split).to_numpy(bool)
            tolls.add(name, new & some.bounds, texts)
            found[name] = found[name].mask(new, some.numbers)
        sums = parse_counts(texts.mask(split, ""))
        known = pd.concat(found.values(), axis=1).fillna(0).sum(axis=1)
        more = (sums.numbers > known).fillna(value=False).to_numpy(bool)
        more |= sums.strange & (texts.str.contains("[1-9]") & (known == 0)).to_numpy(bool)
        tolls.add("victims", more, f"{column}: " + texts)
        not_understood.add("killed", more & other.to_numpy(bool), f"{column}: " + texts)
    return found


def find_padding(first: IntArray, last: IntArray, numbers: FloatArray) -> NDArray[np.bool_]:
    """Return which zeros of a table lie before it began to tell of incidents, or after it ceased.

    A table that is filled up with zeros shows nothing there. Zeros behind its last incident count
    as long as such a silence may be chance at the rate of the year before it
    (:func:`riskmap.incidents.scope.find_gaps`), and for a year at most; so do those before its
    first, and none where there is no incident at all.

    Parameters
    ----------
    first, last : ndarray of int, shape (n,)
        The first and the last day of each row's period.
    numbers
        How many incidents each row tells of.

    Examples
    --------
    >>> days = np.arange(0, 360, 30)
    >>> find_padding(days, days + 29, np.array([0.0] * 3 + [5.0] * 6 + [0.0] * 3)).sum()
    np.int64(6)
    >>> find_padding(days, days + 29, np.array([0.0, 1.0] * 6)).any()
    np.False_
    """
    told, none = numbers > 0, numbers == 0
    if not told.any():
        return none
    padded = np.zeros(len(none), dtype=bool)
    for begin, end in ((first, last), (-last, -first)):  # forwards and backwards in time
        stop = end[told].max()
        tail = none & (begin > stop)
        if not tail.any():
            continue
        silence = end[tail].max() - stop
        number = numbers[told & (end > stop - RECENT_DAYS)].sum()
        base = np.clip(stop - begin[told].min() + 1, LEAST_DAYS, RECENT_DAYS)
        sure = np.exp(-max(number - 2.0, 0.0) / base * silence) < 1.0 - SURE
        if (silence > LEAST_DAYS and sure) or silence > RECENT_DAYS:
            padded |= tail
    return padded


def tell_counted(incidents: pd.DataFrame) -> str:
    """Return in a phrase what counted rows add up to; ``""`` where no row is one.

    Examples
    --------
    >>> counts = pd.array([4, 0, 12, 0], dtype="Int64")
    >>> tell_counted(pd.DataFrame({"count": counts, "quarantine_reason": None}))
    '16 incidents in 4 rows that count them (2 rows of none)'
    """
    counts = incidents.loc[incidents["quarantine_reason"].isna(), "count"].dropna()
    if counts.empty:
        return ""
    rows, none = len(counts), int((counts == 0).sum())
    padded = _count_padding(incidents.loc[counts.index], counts)
    away = f", {padded:,} of them before its first incident or after its last" if padded else ""
    zero = f" ({none:,} row{'' if none == 1 else 's'} of none{away})" if none else ""
    total = int(counts.sum())
    told = (
        f"{total:,} incident{'' if total == 1 else 's'} in {rows:,} row{'' if rows == 1 else 's'}"
    )
    return f"{told} that count{'s' if rows == 1 else ''} them{zero}"


def _count_padding(rows: pd.DataFrame, counts: pd.Series) -> int:
    """Return how many zeros of a file are not watched for when they are."""
    if not {"event_date", "event_date_end", "country"} <= set(rows):
        return 0
    dated = rows["event_date"].notna().to_numpy()
    rows, numbers = rows[dated], counts[dated].to_numpy(dtype=float)
    ends = rows["event_date_end"].fillna(rows["event_date"])
    first, last = (
        days.to_numpy("datetime64[D]").astype(np.int64) for days in (rows["event_date"], ends)
    )
    groups = rows.groupby(["source", rows["country"].fillna("")], dropna=False).indices.values()
    return sum(int(find_padding(first[at], last[at], numbers[at]).sum()) for at in groups)


def find_double_counts(incidents: pd.DataFrame, made_of: Mapping[str, str]) -> list[str]:
    """Return in words what is told twice: by incidents and by counts of one feed, or by two tables.

    Both count: a level may be too high for it, and none too low.

    Parameters
    ----------
    incidents
        Incidents table.
    made_of
        Of feeds of counts, by name, the feed whose incidents they are made from.

    Examples
    --------
    >>> day = pd.to_datetime(["2031-01-01", "2031-01-09"])
    >>> table = pd.DataFrame({"source": "acled", "country": "XQA", "count": [7, pd.NA],
    ...     "event_date": day, "event_date_end": day, "source_file": ["a", "b"],
    ...     "quarantine_reason": None})
    >>> table.loc[0, "event_date_end"] = day[1]
    >>> find_double_counts(table, {})
    ['acled may tell XQA twice from 2031-01-09 to 2031-01-09: incidents and counts all count']
    """
    if incidents["count"].isna().all():
        return []
    usable = incidents[incidents["quarantine_reason"].isna() & incidents["event_date"].notna()]
    feed = usable["source"].replace(dict(made_of))
    told = []
    for (name, country), rows in usable.groupby([feed, usable["country"].fillna("")]):
        counted = rows["count"].notna()
        tables = [one for _, one in rows[counted].groupby("source_file")]
        spans = sorted(_span(one) for one in (rows[~counted], *tables) if len(one))
        twice = [(b[0], min(a[1], b[1])) for a, b in pairwise(spans) if b[0] <= a[1]]
        if not twice or not counted.any():
            continue
        first, last = min(one[0] for one in twice), max(one[1] for one in twice)
        how = "two tables of counts both" if counted.all() else "incidents and counts all"
        where = f" {country}" if country else ""
        days = f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        told.append(f"{name} may tell{where} twice {days}: {how} count")
    return told


def _span(rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return the first and the last day that rows tell of."""
    last = rows["event_date_end"].fillna(rows["event_date"])
    return rows["event_date"].min(), last.max()
