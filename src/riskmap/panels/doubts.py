"""Doubts: reports that may be of a region and count nowhere, or elsewhere.

A row that was set aside is lost in the region that it names, or in equal shares in those of its
area. It may all be of any region of its province; so may one that names a district which nobody
knows, and is spread over the province.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.panels.measures import FACTS, NO_DAY, measure, tell_facts
from riskmap.panels.windows import day_of
from riskmap.places.evidence import members_of, readings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.typing import FloatArray, IntArray

#: What lost rows are summed by: their area, whether they count elsewhere, and their facts.
LOST_KEYS = ("area", "spread", *FACTS)

_SUMS = ["reports", "fatalities"]
_EPOCH = pd.Timestamp("1970-01-01")
_NUMBERS = ("weight", "foreign", "may_be", "may_be_foreign", "wide", "wide_foreign")


def sum_lost(aside: pd.DataFrame) -> pd.DataFrame:
    """Return the sums of rows that were set aside; sums of parts add up to those of the whole.

    Parameters
    ----------
    aside
        From :func:`riskmap.places.found_places.find_aside`.

    Returns
    -------
    DataFrame
        :data:`LOST_KEYS`: ``area`` (``column=code`` of the regions that hold it; empty for none in
        particular), whether they are ``spread`` and so count elsewhere, and what counting knows of
        them (:func:`riskmap.panels.measures.tell_facts`); with the number of ``reports`` and of
        ``fatalities``.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().iloc[:2].assign(quarantine_reason="bad_date")
    >>> sum_lost(rm.locate(table, rm.datasets.regions()).aside)["reports"].tolist()
    [1, 1]
    """
    known = aside[aside["area"].notna()] if len(aside) else aside
    if known.empty:
        return pd.DataFrame(columns=[*LOST_KEYS, *_SUMS])
    told = {name: known[name].array for name in ("area", "spread")}
    return add_lost([tell_facts(known).assign(**told)])


def add_lost(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the sums of several tables of lost rows."""
    some = [part for part in parts if len(part)]
    if not some:
        return parts[0]
    both = pd.concat(some, ignore_index=True)
    return both.groupby(list(LOST_KEYS), dropna=False, as_index=False)[_SUMS].sum()


def share_lost(
    lost: pd.DataFrame,
    regions: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    group: WorkerGroup | None = None,
) -> pd.DataFrame:
    """Return the rows that were set aside, by the regions that they name.

    Those that happened or became known on `as_of` or later are left out. A row that states or names
    a region, or has a point in one, is lost there; one that knows its province or its country alone
    is lost in equal shares in all their regions, and one that knows nothing in all there are. What
    is known to a region or a province may all be of any region of it.

    Parameters
    ----------
    lost
        From :func:`sum_lost`.
    regions
        With ``region_id, parent_id, iso3``.
    as_of
        The day.
    group
        At whom an attack may be aimed.

    Returns
    -------
    DataFrame
        ``region_id, event_date, weight, foreign, may_be, may_be_foreign, wide, wide_foreign``;
        ``event_date`` is the day on which they became known where their own is not told, and
        ``wide`` are those of the weight that don't know their province, and half of those that do
        and have no day.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().iloc[:1].assign(quarantine_reason="bad_date")
    >>> lost = sum_lost(rm.locate(table, rm.datasets.regions()).aside)
    >>> found = share_lost(lost, rm.datasets.regions(), as_of=pd.Timestamp("2025-01-01"))
    >>> found[["region_id", "weight"]].to_numpy().tolist()
    [['XQA0304', 1.0]]
    """
    before = lost[(lost["known"] < day_of(as_of)).to_numpy(bool)]
    if before.empty:
        return pd.DataFrame(columns=["region_id", "event_date", *_NUMBERS])
    number = before["reports"].to_numpy(dtype=float)
    gone = number * ~before["spread"].to_numpy(bool)
    hit = (measure(before, group)["foreign"] > 0).astype(float)
    undated = before["first"] == NO_DAY
    day = before["first"].mask(undated, before["known"])
    sums = {"weight": gone, "foreign": hit * gone, "may_be": number, "may_be_foreign": hit * number}
    sums["undated"] = gone * undated
    sums["undated_foreign"] = hit * gone * undated
    rows = pd.DataFrame({"area": before["area"].array, "day": day.array, **sums})
    rows = rows.groupby(["area", "day"], as_index=False).sum()
    areas = rows["area"].map(readings)
    rows = rows.assign(area=areas, ways=areas.str.len()).explode("area", ignore_index=True)
    ways = rows["ways"].to_numpy(dtype=float)
    code, names = pd.factorize(rows["area"])
    found = [members_of(name, regions) for name in names]
    members = [found[i] for i in code]
    size = np.array([len(some) for some in members], dtype=float)
    near = rows["area"].str.match("region_id=|parent_id=").to_numpy(bool)
    wide = {
        f"wide{whom}": rows[name].mask(near, _UNDATED * rows[f"undated{whom}"])
        for whom, name in (("", "weight"), ("_foreign", "foreign"))
    }
    rows, parts = rows.assign(**wide), dict.fromkeys(_NUMBERS, size * ways)
    parts |= dict.fromkeys(("may_be", "may_be_foreign"), np.where(near, 1.0, size))
    row = np.repeat(np.arange(len(rows)), size.astype(np.int64))
    position = np.concatenate([np.empty(0, dtype=np.int64), *members])
    days = pd.Series(rows["day"].where(rows["day"] != NO_DAY), dtype=float)
    return pd.DataFrame(
        {
            "region_id": regions["region_id"].array.take(position),
            "event_date": (_EPOCH + pd.to_timedelta(days, unit="D")).array.take(row),
            **{name: (rows[name].to_numpy() / part)[row] for name, part in parts.items()},
        }
    )


#: What a row without a day would have taught elsewhere hangs on its day, of which half is known.
_UNDATED = 0.5

#: A row that was spread over so many regions that less than this falls on each is lost of none.
LEAST_LOST = 0.5

#: A report that may be of a region weighs half after so many days, as its own rate does.
_HALF_LIFE_DAYS = 730.5

#: So many days a steady rate is summed over by such weights.
_OWN_DAYS = _HALF_LIFE_DAYS / np.log(2.0)


@dataclass(frozen=True)
class Doubts:
    """What was lost of each region, in numbers and shares of its reports.

    Parameters
    ----------
    lost : ndarray
        Rows that named the region and were set aside.
    is_lost, is_lost_foreign : ndarray of bool
        Whether that is too large a share of its reports, of those that tell of foreigners.
    may_be, may_be_foreign : ndarray
        Reports that may be of it and count nowhere or elsewhere, the older the less; or as many as
        a steady rate would give, where that is more.
    share, share_foreign : ndarray
        What share of the reports of its country was lost, the region that lost most left out: what
        is lost of one region alone is its own matter.
    times, times_foreign : ndarray
        How many times its hazard may be higher for what its country lost that knows no province.
    """

    lost: FloatArray
    is_lost: NDArray[np.bool_]
    is_lost_foreign: NDArray[np.bool_]
    may_be: FloatArray
    may_be_foreign: FloatArray
    share: FloatArray
    share_foreign: FloatArray
    times: FloatArray
    times_foreign: FloatArray


def find_doubts(
    lost: pd.DataFrame | None,
    keys: pd.DataFrame,
    told: pd.DataFrame,
    *,
    today: int,
    recent_days: int,
    lost_share: float,
) -> Doubts:
    """Return what was lost of each region.

    All that was lost is held against all reports; what was lost of the last days against those of
    the last days. What has no day may be of today. In the shares of a country both weigh the less
    the older they are. Reports that say in unknown words who was hit may be of foreigners.

    With a share s of a country's reports lost that know no province, or no day (of these a half),
    hazards may be :math:`1 / (1 - s)^3` times as high, because what is lost would also have taught
    coefficients and shown silences.
    What the others would have done is asked of the models (:mod:`riskmap.panels.frames`).

    Parameters
    ----------
    lost
        From :func:`share_lost`; None where it is not known.
    keys : DataFrame
        ``region_id, iso3``.
    told : DataFrame
        ``position, day, reports, foreign, unclear``: what counts.
    today, recent_days
        The day, since 1970, and how many days are recent.
    lost_share
        More than this share is too much.
    """
    mine = _Reports(told, len(keys), today)
    gone = _Reports(_place_lost(lost, keys), len(keys), today)
    country = keys["iso3"].fillna("").factorize()[0]
    pairs = [
        (gone.total("weight"), mine.total("reports")),
        (gone.recent(recent_days).total("weight"), mine.recent(recent_days).total("reports")),
        (gone.total("foreign"), mine.total("foreign")),
    ]
    all_of_it, lately, hits = (
        (_share(lack, rest) > lost_share) & (lack >= LEAST_LOST) for lack, rest in pairs
    )
    unclear = mine.total("unclear", by_age=True)
    reports, hit = (mine.total(name, by_age=True) for name in ("reports", "foreign"))
    lack, lack_foreign = (gone.total(name, by_age=True) for name in ("weight", "foreign"))
    wide = _shares_of(country, lack, reports, worst=False)
    theirs = _shares_of(country, lack_foreign + unclear, hit, worst=False)
    times, times_foreign = (
        np.maximum(1.0 - _shares_of(country, gone.total(name, by_age=True), rest), 1e-3) ** -3
        for name, rest in (("wide", reports), ("wide_foreign", hit))
    )
    since = pd.Series(today - told["day"]).groupby(country[told["position"]]).max()
    steady = _OWN_DAYS / since.reindex(country).fillna(0.0).clip(lower=_OWN_DAYS).to_numpy()
    may_be, may_be_foreign = (
        np.maximum(gone.total(name, by_age=True), steady * gone.total(name))
        for name in ("may_be", "may_be_foreign")
    )
    vague, vague_foreign = _find_vague(told, keys, today=today, lost_share=lost_share)
    return Doubts(
        lost=gone.total("weight"),
        is_lost=all_of_it | lately,
        is_lost_foreign=all_of_it | lately | hits,
        may_be=may_be + vague,
        may_be_foreign=may_be_foreign + unclear + vague_foreign,
        share=wide,
        share_foreign=np.maximum(wide, theirs),
        times=times,
        times_foreign=times_foreign,
    )


@dataclass(frozen=True)
class _Reports:
    """Rows with the position of a region and a day, as they are summed up."""

    rows: pd.DataFrame
    n: int
    today: int

    def recent(self, days: int) -> _Reports:
        """Return those of the last days."""
        return replace(self, rows=self.rows[self.rows["day"] >= self.today - days])

    def total(self, name: str, *, by_age: bool = False) -> FloatArray:
        """Return the sum of a column by region; the older the less, where asked."""
        values = self.rows[name].fillna(0.0).to_numpy(dtype=float)
        if by_age:
            age = np.maximum(self.today - self.rows["day"].to_numpy(dtype=float), 0.0)
            values = values * 0.5 ** (np.nan_to_num(age) / _HALF_LIFE_DAYS)
        position = self.rows["position"].to_numpy(dtype=np.int64)
        return np.bincount(position, values, self.n).astype(float)


def _find_vague(
    told: pd.DataFrame, keys: pd.DataFrame, *, today: int, lost_share: float
) -> tuple[FloatArray, FloatArray]:
    """Return by region how many reports of its area alone may be of it, more than usual.

    So many of a province are always known to it alone. When lately far more are than of those of
    more than two years ago (with the share of the whole country counted as ten of these), districts
    have been left out. A district that hardly any report names may always have been left out: of it
    as many are usual as in the middle one of the country's other provinces, and of what is known to
    the country alone the share that may be lost. The older a report, the less it weighs. The second
    are those of foreigners.
    """
    n = len(keys)
    if "spread_ways" not in told or "parent_id" not in keys:
        return np.zeros(n), np.zeros(n)
    parents = keys["iso3"] + keys["parent_id"]
    country, province = (names.fillna("").factorize()[0] for names in (keys["iso3"], parents))
    within = parents.groupby(province).transform("count").to_numpy()[told["position"]]
    wide = (told["spread_ways"] > within * told["spread"]) & (told["spread"] > 0)
    told = told.assign(wide=told["spread"] * wide, wide_foreign=told["spread_foreign"] * wide)
    mine, old = _Reports(told, n, today), told[told["day"] < today - _HALF_LIFE_DAYS]

    def among(
        where: IntArray, rows: _Reports, *names: str, by_age: bool = False
    ) -> list[FloatArray]:
        return [
            np.bincount(where, rows.total(name, by_age=by_age)).astype(float)[where]
            for name in names
        ]

    both = ("spread", "reports")
    vague, sharp = among(province, _Reports(old, n, today), *both)
    usual = vague + _USUAL * _share(*among(country, mine, *both))
    usual = usual / (vague + sharp + _USUAL)
    elsewhere = _usual_elsewhere(country, province, *among(province, mine, *both))
    vague, sharp, foreign = among(province, mine, *both, "spread_foreign", by_age=True)
    own = mine.total("reports", by_age=True)
    few = own < vague - elsewhere * (vague + sharp)
    near = _more_than_usual(vague, sharp, np.where(few, np.minimum(usual, elsewhere), usual))
    vague, spread, sharp, abroad = among(country, mine, "wide", *both, "wide_foreign", by_age=True)
    far = _more_than_usual(vague, sharp + spread - vague, np.full(n, lost_share))
    far = np.where(own < far, far, 0.0)
    return np.maximum(near, far), np.maximum(np.minimum(near, foreign), np.minimum(far, abroad))


def _more_than_usual(vague: FloatArray, rest: FloatArray, usual: FloatArray) -> FloatArray:
    """Return how many reports are vague beyond the usual share, where that is no chance."""
    more = vague - usual * (vague + rest)
    chance = np.sqrt((vague + rest) * usual * (1.0 - usual) + 1.0)
    return np.where(more > _UNUSUAL * chance, more, 0.0)


def _usual_elsewhere(
    country: IntArray, province: IntArray, vague: FloatArray, sharp: FloatArray
) -> FloatArray:
    """Return by region what share the middle one of the country's other provinces leaves open."""
    share = pd.Series(_share(vague, sharp)).where(vague + sharp > 0).groupby(province).first()
    where = pd.Series(country).groupby(province).first()
    middle = {p: share[(where == where[p]) & (share.index != p)].median() for p in share.index}
    return np.asarray(pd.Series(province).map(middle).fillna(1.0))


#: How many reports the share of a country is worth where that of a province is asked for.
_USUAL = 10.0
#: More vague reports than usual are no chance beyond so many standard deviations.
_UNUSUAL = 3.0


def _place_lost(lost: pd.DataFrame | None, keys: pd.DataFrame) -> pd.DataFrame:
    """Return lost rows with the position of their region and their day since 1970."""
    columns = ["region_id", "event_date", *_NUMBERS]
    table = pd.DataFrame(columns=columns) if lost is None else lost.reindex(columns=columns)
    at = pd.Index(keys["region_id"]).get_indexer(table["region_id"])
    day = (table["event_date"].astype("datetime64[us]") - _EPOCH).dt.days
    return table.assign(position=at, day=day.to_numpy(dtype=float))[at >= 0]


def _shares_of(
    country: IntArray, lack: FloatArray, rest: FloatArray, *, worst: bool = True
) -> FloatArray:
    """Return by region what share its country lacks, with its worst region or without."""
    most = np.zeros(country.max(initial=-1) + 1)
    if not worst:
        np.maximum.at(most, country, lack)
    gone, left = (np.bincount(country, values).astype(float) for values in (lack, rest))
    return _share(gone - most, left)[country]


def _share(lack: FloatArray, rest: FloatArray) -> FloatArray:
    """Return what share of all is lacking."""
    return np.asarray(lack / np.maximum(lack + rest, 1e-9))
