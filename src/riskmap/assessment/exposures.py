"""Exposure: how many workers are at risk, and so how many incidents come on 1 000 worker-years."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from riskmap.assessment.group_files import YEAR_DAYS
from riskmap.errors import InputError
from riskmap.panels.groups import THEIRS
from riskmap.settings import data_path

if TYPE_CHECKING:
    from datetime import date

    import geopandas as gpd

    from riskmap.assessment.contexts import Context
    from riskmap.models.tables import Forecast
    from riskmap.panels.presence import Presence
    from riskmap.typing import FloatArray

#: Rates are per so many worker-years.
PER = 1000.0

#: What `exposure_basis` says where worker-years were given.
GIVEN = "worker-years as given"
CARRIED = "worker-years as given, the last period carried forward"
NONE = "none of the group there, as given: no rate"
DISPUTED = "none of the group there, as given, but incidents of the group were reported: no rate"

_DISTRICT = 2


@dataclass(frozen=True)
class Scenarios:
    """Assumed numbers of workers in a region, where nobody told how many there are.

    Parameters
    ----------
    scenario_id
        Versioned name that outputs carry.
    workers
        Low, middle and high headcount by administrative level.
    anchors
        What the middle is read off, with its source.
    """

    scenario_id: str
    workers: dict[int, tuple[float, float, float]]
    anchors: tuple[str, ...]


@lru_cache(maxsize=1)
def read_scenarios() -> Scenarios:
    """Return the scenarios that ship with riskmap.

    Examples
    --------
    >>> low, mid, high = read_scenarios().workers[2]
    >>> low < mid < high
    True
    """
    table = tomllib.loads(data_path("exposure/scenarios.toml").read_text(encoding="utf-8"))
    return Scenarios(
        scenario_id=table["scenario_id"],
        workers={
            row["adm_level"]: (float(row["low"]), float(row["mid"]), float(row["high"]))
            for row in table["scenarios"]
        },
        anchors=tuple(f"{row['what']} ({row['source']})" for row in table["anchors"]),
    )


def add_rates(
    risks: pd.DataFrame,
    forecast: Forecast,
    regions: gpd.GeoDataFrame,
    *,
    context: Context,
) -> pd.DataFrame:
    r"""Return risks with the group's incidents per 1 000 worker-years and their 90 % interval.

    With :math:`\mu` expected incidents of the group over the horizon and `w` worker-years of the
    group within it, the rate is :math:`1000\,\mu/w`. Its uncertainty is Gamma distributed, with a
    squared coefficient of variation of

    .. math:: \frac{1}{k + 1/2} + \frac{1}{s},

    where `k` is the number of the group's incidents seen in the region (Jeffreys' interval; Brown,
    Cai and DasGupta, 2003) and `s` the size of the forecast's negative binomial. Where no
    exposure was given the rate is that of the middle scenario, and the interval reaches from its
    lower end at the high headcount to its upper end at the low one.

    Parameters
    ----------
    risks : DataFrame
        One row a region and layer.
    forecast : Forecast
        What they were judged from, with the layer ``group``.
    regions : GeoDataFrame
        The regions, sorted by id.
    context : Context
        Of the forecast. Without a group there are no rates. Presence is of all workers of
        its nationality and sector, not of one company's.

    Returns
    -------
    DataFrame
        The risks with ``rate_per_1000_wy, wy_rate_q05, wy_rate_q95, exposure_basis``, missing for
        the layers ``violence`` and ``foreign``, whose exposure nobody gives.

    Raises
    ------
    InputError
        When exposure is given for a region that is not among `regions`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, group=rm.WorkerGroup("CHN"),
    ...                            as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> layer.risks["exposure_basis"].dropna().iloc[0]
    'none given: scenario of 200 workers (20 to 2000), riskmap-exposure-2026.1'
    """
    group = forecast.group
    if group is None:
        return risks
    _check_regions(group.presence, regions)
    theirs = forecast.evidence[forecast.evidence["relevance"].isin(THEIRS)]
    seen = theirs.groupby("region_id")["weight"].sum().reindex(regions["region_id"]).fillna(0.0)
    years, basis = _find_years(group.presence, regions, context, seen=seen)
    rows = (risks["layer"] == "group").to_numpy()
    order = pd.Index(regions["region_id"]).get_indexer(risks.loc[rows, "region_id"])
    mean = risks.loc[rows, "expected_count"].to_numpy()
    frame = forecast.frame[forecast.frame["layer"] == "group"].set_index("region_id")
    excess = frame["dispersion"].reindex(risks.loc[rows, "region_id"]).to_numpy() - 1.0
    low, high = _interval(mean, np.maximum(excess, 0.0), seen.to_numpy()[order])
    found = risks.copy()
    for name, number, column in (
        ("rate_per_1000_wy", mean, 1),
        ("wy_rate_q05", low, 2),
        ("wy_rate_q95", high, 0),
    ):
        below = years[order, column]
        rate = np.divide(number, below, out=np.full(len(mean), np.nan), where=below > 0)
        found.loc[rows, name] = PER * rate
    found.loc[rows, "exposure_basis"] = basis[order]
    return found


def _check_regions(presence: tuple[Presence, ...], regions: gpd.GeoDataFrame) -> None:
    known = set(regions["region_id"])
    for entry in presence:
        if entry.region_id not in known:
            raise InputError(
                "exposure is given for a region that is not among the regions",
                column="region_id",
                met=entry.region_id,
            )


def _interval(
    mean: FloatArray, excess: FloatArray, seen: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the 5 % and 95 % quantiles of the expected count."""
    variation = 1.0 / (seen + 0.5)
    variation += np.divide(excess, mean, out=np.zeros(len(mean)), where=mean > 0)
    shape = 1.0 / variation
    low, high = (mean * special.gammaincinv(shape, q) / shape for q in (0.05, 0.95))
    return low, high


def _find_years(
    presence: tuple[Presence, ...],
    regions: gpd.GeoDataFrame,
    context: Context,
    *,
    seen: pd.Series,
) -> tuple[FloatArray, FloatArray]:
    """Return low, middle and high worker-years of each region in the horizon, and their basis."""
    scenarios, days = read_scenarios(), context.horizon_days
    years = np.empty((len(regions), 3))
    basis = np.empty(len(regions), dtype=object)
    by_region: dict[str, list[Presence]] = {}
    for entry in presence:
        by_region.setdefault(entry.region_id, []).append(entry)
    levels = regions["adm_level"].fillna(_DISTRICT).astype(int)
    for i, (region, level) in enumerate(zip(regions["region_id"], levels, strict=True)):
        told = by_region.get(region)
        if told is None:
            workers = scenarios.workers[min(level, _DISTRICT)]
            years[i] = np.array(workers) * days / YEAR_DAYS
            low, mid, high = workers
            basis[i] = (
                f"none given: scenario of {mid:g} workers ({low:g} to {high:g}), "
                f"{scenarios.scenario_id}"
            )
            continue
        years[i], basis[i] = _count_years(told, start=context.as_of, days=days)
        if years[i, 0] == 0:
            basis[i] = DISPUTED if seen[region] > 0 else NONE
    return years, basis


def _count_years(told: list[Presence], *, start: pd.Timestamp, days: float) -> tuple[float, str]:
    """Return the worker-years of one region in the horizon; the last known where all is past."""
    first = start.toordinal()
    total = 0.0
    for entry in told:
        begin = max(first, _ordinal(entry.start, first))
        end = min(first + days, _ordinal(entry.end, first + days))
        total += entry.headcount * max(end - begin, 0.0) / YEAR_DAYS
    past = [entry.end for entry in told if entry.end is not None]
    if len(past) == len(told) and max(past).toordinal() <= first:
        last = max(past)
        crew = sum(entry.headcount for entry in told if entry.end == last)
        return crew * days / YEAR_DAYS, CARRIED
    return total, GIVEN


def _ordinal(day: date | None, otherwise: float) -> float:
    return otherwise if day is None else float(day.toordinal())
