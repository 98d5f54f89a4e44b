"""What each incident adds to each series of a panel."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.incidents.foreign_victims import (
    VICTIM_WORDS,
    count_of,
    hits_foreigners,
    is_violence,
    may_be_any,
    strange_targets,
    tells_victims,
)
from riskmap.panels.windows import day_numbers, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray, Relevance

#: The series of every panel: all reports; serious incidents; those in which foreign people were hit
#: or targeted; serious incidents that don't say who was hit; deaths.
SERIES = ("reports", "violence", "foreign", "unknown", "fatalities")

#: The series of a group: foreign incidents weighted by relevance, and so those of unknown victims.
GROUP_SERIES = ("group", "group_unknown")

#: Weights of a group's series are whole numbers of this.
RELEVANCE_UNIT = 2.0**-10

#: What counting knows of an incident beside its place: the days on which it may have happened, and
#: when it was known, since 1970; who tells it; what it is and whom it hit.
FACTS = (
    *("first", "last", "known", "source", "scope", "confirmed_by"),
    *("violence", "foreign", "told", "nationality", "sector", "target", "staff_type", "strange"),
)

#: The day number that stands for no day.
NO_DAY = int(np.iinfo(np.int64).min)


def tell_facts(incidents: pd.DataFrame) -> pd.DataFrame:
    """Return what counting knows of each incident.

    Parameters
    ----------
    incidents
        Incidents table, or evidence; grades in a column ``relevance`` are kept.

    Returns
    -------
    DataFrame
        :data:`FACTS`, with the number of ``rows``, of ``reports`` that a row stands for (its
        ``count``; this is where it enters all counting), and of ``fatalities``.

    Examples
    --------
    >>> import riskmap as rm
    >>> tell_facts(rm.datasets.incidents())[["violence", "foreign", "told"]].iloc[0].tolist()
    [1, 0, 1]
    """
    first, known = _known_days(incidents)
    last = incidents["event_date_end"].fillna(incidents["event_date"])
    kept = (*FACTS, "relevance")
    return pd.DataFrame(
        {
            "first": first,
            "last": day_numbers(last.to_numpy()),
            "known": known,
            "violence": is_violence(incidents).astype(np.int64),
            "foreign": hits_foreigners(incidents).astype(np.int64),
            "told": tells_victims(incidents).astype(np.int64),
            **{name: incidents[name].array for name in kept if name in incidents},
            "strange": _strange_columns(incidents).array,
            "rows": np.ones(len(incidents), dtype=np.int64),
            "reports": count_of(incidents),
            "fatalities": incidents["killed"].fillna(0).to_numpy(dtype=np.int64),
        }
    )


def _strange_columns(incidents: pd.DataFrame) -> pd.Series:
    """Return of what is not understood the columns that say what it is and whom it concerns."""
    told = pd.Series("", index=range(len(incidents)), dtype="str")
    for name in ("event_type", "sector", *VICTIM_WORDS):
        told += np.where(may_be_any(incidents, name), f"{name}=; ", "")
    told += ("target=" + strange_targets(incidents) + "; ").fillna("").to_numpy(dtype=object)
    return told.str.strip("; ").replace("", None).astype("str")


def join_sources(source: pd.Series, day: IntArray, region: pd.Series) -> pd.Series:
    """Return sources, with one name for those that follow each other and differ by date alone.

    A log that is kept in a file a year is one source, and none of its files has stopped. Its files
    are named alike but for numbers and months, hardly overlap, and tell of the same regions.

    Parameters
    ----------
    source, day, region
        The source of each report, its day, since 1970, and its region.

    Examples
    --------
    >>> source = pd.Series(["log 2023", "log 2024", "team 1", "team 2"])
    >>> region = pd.Series(["a", "a", "a", "b"])
    >>> join_sources(source, np.array([100, 400, 100, 400]), region).tolist()
    ['log 2024', 'log 2024', 'team 1', 'team 2']
    """
    named = source.dropna().unique()
    alike = pd.Series(named, named).str.replace(_DATED, "#", regex=True)
    alike = alike[(alike != alike.index) & alike.duplicated(keep=False)]
    reports = pd.DataFrame({"source": source, "day": day, "region": region})
    by = reports[reports["source"].isin(alike.index)].groupby("source")
    begin = by["day"].quantile(_FEW)
    joined: dict[str, str] = {}
    for _, names in alike.groupby(alike):
        order = begin[names.index].sort_values(kind="stable").index
        since = by.get_group(order[-1])
        for earlier, later in reversed(list(pairwise(order))):
            old = by.get_group(earlier)
            apart = (old["day"] > begin[later]).mean() <= _FEW
            first, second = (old, since) if len(since) >= _MANY else (since, old)
            if apart and first["region"].isin(second["region"]).mean() >= _SAME_REGIONS:
                joined[earlier] = joined.get(later, later)
            since = pd.concat([old, since])
    return source.replace(joined) if joined else source


_MONTH = (
    r"(?:(?<![^\W\d_])|(?<=[a-z])(?=[A-Z]))(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may"
    r"|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])"
)
_PART = rf"(?:(?<![^\W\d_])(?i:to|until|since|from)[\W_]+)?(?:\d+|{_MONTH})"
#: What the names of files differ by that follow each other: "2023", "Jan 2024", "to june 2023".
_DATED = re.compile(rf"(?:[\W_]*{_PART})+")
#: This share of their reports may lie within the other's time, as late rows do.
_FEW = 0.2
#: This share of the reports of the earlier one comes from regions that later ones name; or, while
#: there are fewer than so many of these, the other way round.
_SAME_REGIONS, _MANY = 0.5, 20


def is_known(incidents: pd.DataFrame, as_of: pd.Timestamp | int) -> NDArray[np.bool_]:
    """Return which incidents have a day, and had happened and were known before another day.

    One of which nobody says since when it was known was known when it happened.

    Parameters
    ----------
    incidents
        Incidents table, evidence, or what :func:`tell_facts` knows of either.
    as_of
        The day, or its number since 1970.

    Examples
    --------
    >>> days = pd.to_datetime(["2025-01-05", "2025-01-05", "2025-01-09", None])
    >>> told = pd.to_datetime([None, "2025-01-08", None, None], utc=True)
    >>> table = pd.DataFrame({"event_date": days, "ingested_at": told})
    >>> is_known(table, pd.Timestamp("2025-01-08")).tolist()
    [True, False, False, False]
    """
    today = as_of if isinstance(as_of, int) else day_of(as_of)
    facts = (incidents["first"], incidents["known"]) if "known" in incidents else None
    first, known = facts or _known_days(incidents)
    return np.asarray((known < today) & (first != NO_DAY))


def _known_days(incidents: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """Return the first day of incidents, and that on which they were known, since 1970."""
    first = day_numbers(incidents["event_date"].to_numpy())
    if "ingested_at" not in incidents:
        return first, first
    told = pd.to_datetime(incidents["ingested_at"], utc=True).dt.tz_localize(None)
    return first, np.maximum(first, day_numbers(told.to_numpy()))


def refuse_rows(facts: pd.DataFrame, *, as_of: int, first: int) -> pd.Series:
    """Return why incidents can't be counted as of a day, missing where they can.

    Parameters
    ----------
    facts
        From :func:`tell_facts`, or the sums of a scan.
    as_of, first
        The day, and the first day of the windows, since 1970.

    Examples
    --------
    >>> facts = pd.DataFrame({"first": [1, 5, 9], "last": [2, 5, 9], "known": [1, 8, 9]})
    >>> refuse_rows(facts, as_of=8, first=3).tolist()
    ['before_start', 'not_yet_known', 'after_as_of']
    """
    reasons = pd.Series(np.nan, index=facts.index, dtype="str")
    reasons[facts["last"] < first] = "before_start"
    reasons[~is_known(facts, as_of)] = "not_yet_known"
    reasons[facts["first"] >= as_of] = "after_as_of"
    reasons[facts["first"] == NO_DAY] = "no_date"
    return reasons


def measure(incidents: pd.DataFrame, group: Relevance | None = None) -> dict[str, IntArray]:
    """Return what each incident adds to each series.

    Parameters
    ----------
    incidents
        Incidents table, evidence, or what :func:`tell_facts` knows of either.
    group
        Whose series are measured too, in units of :data:`RELEVANCE_UNIT`.

    Returns
    -------
    dict of str to ndarray of int, shape (n_incidents,)

    Examples
    --------
    >>> import riskmap as rm
    >>> list(measure(rm.datasets.incidents()))
    ['reports', 'violence', 'foreign', 'unknown', 'fatalities']
    """
    facts = incidents if "told" in incidents else tell_facts(incidents)
    names = ("reports", "violence", "foreign", "told", "fatalities")
    series = {name: facts[name].to_numpy(dtype=np.int64) for name in names}
    told = series.pop("told")
    if group is not None:
        series["foreign"] = np.maximum(series["foreign"], group.is_aimed_at(facts))
    unknown = series["violence"] * (1 - told) * (1 - series["foreign"])
    series = {name: unknown if name == "unknown" else series[name] for name in SERIES}
    if group is None:
        return series
    weight = group.weigh(facts, foreign=series["foreign"] > 0)
    units = {"group": weight, "group_unknown": unknown * group.weigh_unknown(facts)}
    return series | {
        name: np.round(values / RELEVANCE_UNIT).astype(np.int64) for name, values in units.items()
    }


def driver_of(series: str, told: Mapping[str, FloatArray]) -> FloatArray:
    """Return what may lead a series: violence of which it is told who was hit.

    One that does not say is no evidence that nobody foreign was. What an attack on foreigners
    weighs for a group it also weighs in what leads the group's series, so that no attack on other
    foreigners dilutes it.

    Parameters
    ----------
    series
        ``"foreign"`` or ``"group"``.
    told
        Counts, rates or amounts by series.

    Examples
    --------
    >>> told = {"violence": np.array([5.0]), "unknown": np.array([2.0]),
    ...         "foreign": np.array([1.0]), "group": np.array([0.5])}
    >>> driver_of("foreign", told).tolist(), driver_of("group", told).tolist()
    ([3.0], [2.5])
    """
    known = told["violence"] - told["unknown"]
    if series == "group":
        known = known - told["foreign"] + told["group"]
    return np.maximum(known, 0.0)
