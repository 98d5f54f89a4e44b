"""Clusters: where one is emerging in a panel, and where incidents draw others after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import spatial

from riskmap.errors import InputError, ModelError
from riskmap.models.estimators import parse_horizon
from riskmap.models.scan_statistics import graph_zones, scan
from riskmap.panels.measures import count_of, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.panels.panel import Panel
    from riskmap.typing import FloatArray, IntArray

#: Columns of a table of alerts, with the type of each.
COLUMNS = {
    "region_id": "str",
    "layer": "str",
    "p_value": "float64",
    "statistic": "float64",
    "start": "datetime64[us]",
}
#: Layers that are searched unless told otherwise.
LAYERS = ("violence", "foreign")


def find_clusters(
    panel: Panel,
    *,
    layers: Sequence[str] = LAYERS,
    longest: str = "90D",
    study: str = "1096D",
    size: int = 3,
    most: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the regions in which a cluster is emerging as of the panel's last day.

    The prospective space-time permutation scan over every connected set of up to `size` regions
    and every run of windows up to `longest` that ends on ``as_of``, against what the regions and
    the windows of the `study` period have on their own. Counts are rounded, so that shares of
    incidents known to a province or a country alone make no cluster.

    Parameters
    ----------
    panel : Panel
        Counts by region and window.
    layers
        Series to search.
    longest
        Longest cluster, rounded to whole windows.
    study
        Length of the past that clusters are compared with.
    size
        Most regions in a cluster. The work grows fast with it: 3 suits hundreds of regions.
    most
        Highest p-value to report (999 replicas). It already allows for all sets and runs searched.
    seed
        Seed of the replicas.

    Returns
    -------
    DataFrame
        ``region_id, layer, p_value, statistic, start``: one row a layer and region of a cluster;
        `start` is the first day of the cluster, `statistic` its log likelihood ratio. No rows when
        nothing stands out.

    Raises
    ------
    InputError
        When a layer is unknown, a length is no duration, or `most` is no share.

    References
    ----------
    Kulldorff et al. (2005), A space-time permutation scan statistic for disease outbreak detection.

    Examples
    --------
    >>> import riskmap as rm
    >>> months = pd.date_range("2022-01-01", periods=30, freq="MS")
    >>> counts = pd.DataFrame(1, index=months, columns=[*"abcdef"])
    >>> counts.iloc[-2:, 3] = 8
    >>> find_clusters(rm.panel_from_counts(counts)).astype(str).values.tolist()[0][:3]
    ['d', 'violence', '0.001']
    """
    _check_share(most)
    days = np.diff(panel.edges).astype(float)
    kept = _windows(parse_horizon(study), days)
    run = min(_windows(parse_horizon(longest), days), kept)
    zones = graph_zones(panel.neighbours, size=size)
    starts = pd.DatetimeIndex(panel.edges[:-1])[-kept:]
    tables = []
    for layer in layers:
        counts = np.rint(np.nan_to_num(panel.wide(layer).to_numpy()[-kept:])).astype(np.int64)
        if not counts.any():
            continue
        found = scan(counts, zones, longest=run, seed=seed)
        tables += [
            _mark(panel, list(c.places), layer, c.p_value, c.statistic, starts[c.start])
            for c in found
            if c.p_value <= most
        ]
    return _join(tables)


def find_repeats(
    panel: Panel,
    *,
    layers: Sequence[str] = LAYERS,
    within: str = "14D",
    study: str = "1096D",
    most: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the regions in which an incident of late makes another one more likely for a while.

    Knox's test of pairs of incidents in the same region that are at most `within` apart: where
    there are more of them in the `study` period than with shuffled days, every region with an
    incident of the last `within` is reported.

    Parameters
    ----------
    panel : Panel
        Counts by region and window, with the incidents as evidence.
    layers
        ``"violence"``, ``"foreign"`` or both.
    within
        How near in time.
    study
        Length of the past that is tested.
    most
        Highest p-value to report (199 shuffles).
    seed
        Seed of the shuffles.

    Returns
    -------
    DataFrame
        ``region_id, layer, p_value, statistic, start``: `statistic` is the Knox ratio, pairs seen
        over pairs expected, and `p_value` its chance, both of the whole panel; `start` is the day
        of the region's last incident.

    Raises
    ------
    InputError
        When a layer is unknown, a length is no duration, or `most` is no share.

    References
    ----------
    Knox (1964), Epidemiology of childhood leukaemia in Northumberland and Durham.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> sorted(find_repeats(panel, most=1.0)["layer"].unique())
    ['foreign', 'violence']
    """
    _check_share(most)
    gap, length = parse_horizon(within), parse_horizon(study)
    tables = []
    for layer in layers:
        codes, days = _events(panel, layer, length)
        if len(np.unique(days)) < 2:  # noqa: PLR2004 - days must differ to be shuffled
            continue
        # places far apart on a line: only incidents of one region are at a distance below 1
        points = np.column_stack([10.0 * codes, np.zeros(len(codes))])
        knox = near_repeats(
            points, days, distances=np.array([0.0, 1.0]), lags=np.array([0.0, gap + 1.0]), seed=seed
        )
        p_value, expected = float(knox.p_value[0, 0]), float(knox.expected[0, 0])
        if p_value > most or expected == 0:
            continue
        last = pd.Series(days).groupby(codes).max()
        last = last[last >= -gap]
        start = panel.as_of + pd.to_timedelta(last.to_numpy(), unit="D")
        statistic = float(knox.observed[0, 0]) / expected
        tables.append(_mark(panel, last.index, layer, p_value, statistic, start))
    return _join(tables)


def _windows(length: float, days: np.ndarray) -> int:
    """Return how many of the last windows a length in days takes in, at least one."""
    return max(1, min(round(length / float(days.mean())), len(days)))


def _check_share(most: float) -> None:
    if not 0.0 < most <= 1.0:
        raise InputError("not a share", column="most", met=most, expected="more than 0, at most 1")


def _mark(panel: Panel, places: Any, *values: Any) -> pd.DataFrame:
    """Return a row for each of some regions, by their positions."""
    ids = panel.keys["region_id"].to_numpy()[places]
    return pd.DataFrame(dict(zip(COLUMNS, (ids, *values), strict=True)))


def _join(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of alerts as one, sorted, with its columns also when there are none."""
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    joined = pd.concat(tables, ignore_index=True).astype(COLUMNS)
    return joined.sort_values(["layer", "p_value", "region_id"], ignore_index=True)


def _events(panel: Panel, layer: str, length: float) -> tuple[IntArray, np.ndarray]:
    """Return region and day (0 is ``as_of``) of the incidents of a layer whose day is known."""
    if layer not in LAYERS:
        raise InputError("no such layer", met=layer, expected=" or ".join(LAYERS))
    told = panel.evidence[measure(panel.evidence)[layer] > 0]
    sharp = (told["date_precision"] == "day") & (told["method"] != "spread")
    told = told[sharp].loc[lambda rows: rows.index.repeat(count_of(rows))]
    days = (told["event_date"] - panel.as_of).dt.days.to_numpy(dtype=float)
    codes = pd.Index(panel.keys["region_id"]).get_indexer(told["region_id"])
    recent = days >= -length
    return codes[recent].astype(np.int64), days[recent]


@dataclass(frozen=True)
class NearRepeats:
    """Pairs of incidents by how near they are in space and in time, against chance.

    Parameters
    ----------
    observed, expected, p_value : ndarray, shape (n_distances, n_lags)
        Pairs, the mean of the pairs over the replicas, and the share of the replicas, and itself,
        with as many pairs. ``observed / expected`` is the Knox ratio.
    """

    observed: IntArray
    expected: FloatArray
    p_value: FloatArray


def near_repeats(
    points: FloatArray,
    days: FloatArray,
    *,
    distances: FloatArray,
    lags: FloatArray,
    replicas: int = 199,
    seed: int = 0,
) -> NearRepeats:
    """Count pairs of incidents that are near in space and time, and compare with shuffled times.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Projected coordinates, in metres.
    days : ndarray, shape (n,)
        When each happened, in days.
    distances : ndarray, shape (n_distances + 1,)
        Edges of the distance bands, ascending; bands take in their lower edge.
    lags : ndarray, shape (n_lags + 1,)
        Edges of the bands of days apart, likewise.
    replicas
        Shuffles of the days.
    seed
        Seed of the shuffles.

    Returns
    -------
    NearRepeats
        A row for each distance band, a column for each band of days.

    Raises
    ------
    ModelError
        When there are not as many days as points.

    References
    ----------
    Knox (1964), Epidemiology of childhood leukaemia in Northumberland and Durham; Townsley, Homel
    and Chaseling (2003), Infectious burglaries.

    Examples
    --------
    >>> points = np.repeat(np.arange(30.0) * 1000, 2)[:, None] * [1, 0]
    >>> days = np.repeat(np.arange(30) * 9 % 200, 2) + np.tile([0, 2], 30)
    >>> found = near_repeats(points, days, distances=np.array([0, 500]), lags=np.array([0, 7]))
    >>> found.observed.tolist(), found.p_value.tolist()
    ([[30]], [[0.005]])
    """
    points, days = np.asarray(points, dtype=float), np.asarray(days, dtype=float)
    if len(points) != len(days):
        raise ModelError(f"{len(points)} points and {len(days)} days")
    distances, lags = np.asarray(distances, dtype=float), np.asarray(lags, dtype=float)
    pairs = spatial.KDTree(points).query_pairs(distances[-1], output_type="ndarray")
    apart = np.sqrt(((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1))
    shape = (len(distances) - 1, len(lags) - 1)
    row = np.searchsorted(distances, apart, side="right") - 1
    inside = (row >= 0) & (row < shape[0])
    row, pairs = row[inside], pairs[inside]

    def count(day: FloatArray) -> IntArray:
        lag = np.abs(day[pairs[:, 0]] - day[pairs[:, 1]])
        column = np.searchsorted(lags, lag, side="right") - 1
        known = (column >= 0) & (column < shape[1])
        cells = row[known] * shape[1] + column[known]
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)

    observed = count(days)
    rng = np.random.default_rng(seed)
    total, as_many = np.zeros(shape), np.ones(shape)
    for _ in range(replicas):
        replica = count(rng.permutation(days))
        total += replica
        as_many += replica >= observed
    return NearRepeats(observed, total / replicas, as_many / (replicas + 1))
