"""An invented country with invented incidents, for documentation, tests and first steps.

Qandara lies in the open sea south of the Gulf of Guinea, so that nothing invented here can be
mistaken for a fact about a real place. Its country code ``XQA`` is among those that ISO 3166
leaves to users.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import sparse

from riskmap.countries import INVENTED
from riskmap.errors import InputError
from riskmap.schema import CRS, INCIDENT_COLUMNS, REGION_COLUMNS, conform
from riskmap.typing import CountHistory

__all__ = ["COUNTRY", "ISO3", "incidents", "regions", "simulate_counts"]

ISO3, COUNTRY = INVENTED

_WEST, _SOUTH = 2.0, -8.0
_COLUMNS, _ROWS = 6, 4
PROVINCES = ("Ambrel", "Dostan", "Velmar")
_DISTRICTS = (
    *("Ashkor", "Berin", "Calmez", "Dorvan", "Eskil", "Faryn", "Galdor", "Hamra"),
    *("Istan", "Jorvel", "Kelda", "Lomar", "Marzen", "Nolva", "Orsk", "Pelar"),
    *("Qirun", "Rasken", "Solvar", "Tarnes", "Uldra", "Vasteen", "Wolmar", "Zarin"),
)


def regions(level: int = 2) -> gpd.GeoDataFrame:
    """Return the 24 districts of Qandara, or its 3 provinces, as a Regions table.

    Parameters
    ----------
    level
        2 for districts, 1 for provinces.

    Returns
    -------
    geopandas.GeoDataFrame
        A valid coverage: neighbours share their borders exactly.

    Raises
    ------
    InputError
        When `level` is neither 1 nor 2.

    Examples
    --------
    >>> regions().shape[0], regions(level=1)["name"].tolist()
    (24, ['Ambrel', 'Dostan', 'Velmar'])
    """
    if level not in (1, 2):
        raise InputError("no such level", met=f"{ISO3}:{level}", expected=f"{ISO3}:1 or {ISO3}:2")
    province = np.repeat(np.tile(np.arange(3), _ROWS), 2)
    table = pd.DataFrame(
        {
            "region_id": _district_ids(province),
            "name": list(_DISTRICTS),
            "parent_id": [f"{ISO3}{p + 1:02d}" for p in province],
            "parent": [PROVINCES[p] for p in province],
        }
    )
    frame = gpd.GeoDataFrame(table, geometry=_cells(), crs=CRS)
    if level == 1:
        frame = frame.dissolve("parent_id", as_index=False)[["parent_id", "parent", "geometry"]]
        frame = frame.rename(columns={"parent_id": "region_id", "parent": "name"})
        frame = frame.assign(parent_id=ISO3, parent=COUNTRY)
    frame = frame.assign(
        iso3=ISO3,
        adm_level=level,
        boundary_source="riskmap.datasets (invented)",
        boundary_version="1",
        boundary_licence="Apache-2.0",
    )
    ordered = frame.sort_values("region_id", ignore_index=True)
    return gpd.GeoDataFrame(conform(ordered, REGION_COLUMNS), geometry="geometry", crs=CRS)


def _district_ids(province: np.ndarray) -> list[str]:
    """Return ids such as XQA0203: the third district of the second province."""
    rank = pd.Series(province).groupby(province).cumcount() + 1
    return [f"{ISO3}{p + 1:02d}{k:02d}" for p, k in zip(province, rank, strict=True)]


def _cells() -> np.ndarray:
    """Return a grid of one-degree cells whose shared borders are crooked but exactly shared."""
    rng = np.random.default_rng(11)
    x, y = np.meshgrid(np.arange(_COLUMNS + 1.0), np.arange(_ROWS + 1.0))
    inner = (x % _COLUMNS > 0) & (y % _ROWS > 0)
    nodes = np.stack([x + _WEST, y + _SOUTH], axis=-1)
    nodes = np.round(nodes + rng.uniform(-0.3, 0.3, nodes.shape) * inner[..., None], 4)
    return np.array(
        [
            shapely.Polygon([nodes[j, i], nodes[j, i + 1], nodes[j + 1, i + 1], nodes[j + 1, i]])
            for j in range(_ROWS)
            for i in range(_COLUMNS)
        ]
    )


def incidents(seed: int = 7) -> gpd.GeoDataFrame:
    """Return about 400 invented incidents in Qandara from 2018 to 2024 as an Incidents table.

    Districts differ in their rate, incidents come in bursts, and about one in twelve concerns
    foreign workers.

    Parameters
    ----------
    seed
        Chooses one of many such histories.

    Returns
    -------
    geopandas.GeoDataFrame
        Sorted by date. Most rows have a point; some are known only to their province.

    Examples
    --------
    >>> table = incidents()
    >>> table["source"].unique().tolist(), bool(table["event_date"].is_monotonic_increasing)
    (['invented'], True)
    """
    rng = np.random.default_rng(seed)
    districts = regions()
    days = pd.date_range("2018-01-01", "2024-12-31", freq="D", unit="us")
    rates = rng.gamma(0.5, 1.0, len(districts))
    burst = 1.0 + 3.0 * rng.binomial(1, 0.1, (len(days) // 60 + 1, len(districts)))
    expected = rates * np.repeat(burst, 60, axis=0)[: len(days)]
    counts = rng.poisson(expected * 400 / expected.sum())
    day, district = np.nonzero(counts)
    n = len(day)
    points = points_in(districts.geometry.to_numpy()[district], rng)
    vague = rng.random(n) < 1 / 12
    foreign = rng.random(n) < 1 / 12
    nobody = np.array([None] * n)
    table = pd.DataFrame(
        {
            "source": "invented",
            "source_id": [str(i + 1) for i in range(n)],
            "incident_id": [f"invented:{i + 1}" for i in range(n)],
            "event_date": days[day],
            "event_date_end": days[day],
            "date_precision": "day",
            "event_type": rng.choice(["armed_attack", "explosion", "abduction"], n),
            "place": districts["name"].to_numpy()[district],
            "admin1": districts["parent"].to_numpy()[district],
            "admin2": np.where(vague, nobody, districts["name"].to_numpy(dtype=object)[district]),
            "country": ISO3,
            "geo_precision": np.where(vague, "admin1", "place"),
            "killed": rng.poisson(1.5, n),
            "wounded": rng.poisson(2.0, n),
            "abducted": 0,
            "foreign_victims": np.where(foreign, rng.integers(1, 4, n), 0),
            "nationality": np.where(foreign, rng.choice(["CHN", "IND", "TUR"], n), nobody),
            "sector": np.where(foreign, rng.choice(["mining", "construction", "aid"], n), nobody),
            "reliability": "B",
            "credibility": 2,
            "source_count": rng.integers(1, 4, n),
            "scope": "violence,foreign; reach=countries",
        }
    )
    frame = gpd.GeoDataFrame(conform(table, INCIDENT_COLUMNS), geometry=points, crs=CRS)
    frame["ingested_at"] = (frame["event_date"] + pd.Timedelta(days=3)).dt.tz_localize("UTC")
    return frame


def points_in(polygons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random point inside each polygon (convex quadrilaterals)."""
    corners = np.array([np.asarray(p.exterior.coords)[:4] for p in polygons])
    weights = rng.dirichlet(np.ones(4), len(polygons))
    return np.asarray(shapely.points(np.round((corners * weights[..., None]).sum(axis=1), 5)))


def simulate_counts(
    n_windows: int,
    n_regions: int,
    *,
    own: float = 0.4,
    neighbours: float = 0.0,
    half_life_days: float = 30.0,
    size: float = np.inf,
    seed: int = 7,
) -> tuple[CountHistory, np.ndarray]:
    r"""Return counts whose truth is known: incidents that trigger incidents.

    .. math:: \mathrm{E}[y_{rt}] = \nu_r d_t + \sum_{u<t} g(t-u)
              \Big(\alpha\, y_{ru} + \gamma \sum_q w_{rq}\, y_{qu}\Big)

    Windows are of 30 days. Regions stand in a ring, each with two neighbours; five make a parent
    and four parents a country. Their backgrounds are Gamma distributed with mean 0.5 a window. The
    kernel g is exponential with mass 1.

    Parameters
    ----------
    n_windows, n_regions
        Size of the history.
    own, neighbours
        Incidents that one triggers at first hand in its region and next to it; their sum is
        below 1. Without either the counts have no memory.
    half_life_days
        Half-life of the kernel.
    size
        Size of the negative binomial; infinite for Poisson counts.
    seed
        Chooses one of many such histories.

    Returns
    -------
    history : CountHistory
        The counts.
    expected : ndarray, shape (n_windows, n_regions)
        The mean that each count was drawn from.

    Raises
    ------
    ValueError
        When incidents would trigger one another without end.

    Examples
    --------
    >>> history, expected = simulate_counts(60, 20, own=0.5)
    >>> history.counts.shape, bool((expected > 0).all())
    ((60, 20), True)
    """
    if own < 0 or neighbours < 0 or own + neighbours >= 1:
        raise ValueError(f"own and neighbours must sum to less than 1, met {own} + {neighbours}")
    rng = np.random.default_rng(seed)
    background = rng.gamma(0.5, 1.0, n_regions) + 1e-3
    ring = np.arange(n_regions)
    sides = np.concatenate([np.roll(ring, 1), np.roll(ring, -1)])
    links = sparse.csr_array(
        (np.full(2 * n_regions, 0.5), (np.tile(ring, 2), sides)), shape=(n_regions, n_regions)
    )
    keep = 0.5 ** (30.0 / half_life_days)
    counts, expected = np.zeros((2, n_windows, n_regions))
    memory = background * (1 - own - neighbours) ** -1 / (1 - keep)
    for t in range(n_windows):
        excited = memory * (1 - keep)
        expected[t] = background + own * excited + neighbours * (links @ excited)
        rate = expected[t] if np.isinf(size) else rng.gamma(size, expected[t] / size)
        counts[t] = rng.poisson(rate)
        memory = memory * keep + counts[t]
    phase = np.arange(n_windows, dtype=np.float64) * 30.0 / 365.25 % 1.0
    history = CountHistory(
        counts=counts,
        days=np.full(n_windows, 30.0),
        parent=ring // 5,
        country=ring // 20,
        phase=phase,
        neighbours=links,
    )
    return history, expected
