"""Clusters: where one is emerging in a panel, and where incidents draw others after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import optimize, spatial

from riskmap.errors import InputError, ModelError
from riskmap.incidents.foreign_victims import count_of
from riskmap.models.distributions import NegativeBinomial, fit_dispersion, size_of
from riskmap.models.estimators import CountEstimator, parse_horizon, windows_ahead
from riskmap.models.scan_statistics import graph_zones, scan
from riskmap.models.shrinkage import EmpiricalBayes, shrunk_rates
from riskmap.panels.measures import measure
from riskmap.panels.risk_days import (
    counts_and_days,
    days_ahead,
    observed_totals,
    watched_share,
    whole_days,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskmap.panels.panel import Panel
    from riskmap.typing import CountHistory, FloatArray, IntArray

#: Columns of a table of alerts, with the type of each.
COLUMNS = {
    **dict.fromkeys(("region_id", "layer"), "str"),
    **dict.fromkeys(("p_value", "statistic"), "float64"),
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


#: No fitted process triggers more than this many incidents an incident, or it would not end.
MOST_BRANCHING = 0.98
#: The background is never quite nothing.
_LEAST = 1e-3
#: At most so many past origins show how far counts stray from their forecast.
_ORIGINS = 24


class Hawkes(CountEstimator):
    r"""Self-exciting counts: a background, and triggered incidents that trigger others in turn.

    .. math:: \mathrm{E}[y_{rt}] = \nu_r d_t + \sum_{u<t} g(t-u)
              \Big(\alpha\, y_{ru} + \gamma \sum_q w_{rq}\, y_{qu}\Big)

    The kernel g is exponential in time with one half-life, has mass 1, and is summed by a
    recursion. In space the kernel is the graph of neighbours. The background is what the
    empirical Bayes rate leaves when triggered incidents are taken away. After Hawkes (1971), in
    discrete time.

    Parameters
    ----------
    half_lives_days
        Half-lives to choose from by likelihood; from half a window to 32 windows when None.

    Attributes
    ----------
    branching_ratio_ : float
        Incidents that one incident triggers at first hand, below 1.
    own_, neighbours_ : float
        The shares of the branching ratio in the region itself and among its neighbours.
    half_life_days_ : float
        Days after which half of the triggered incidents have happened.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(200, 20, own=0.5, seed=1)
    >>> model = Hawkes().fit(history, horizon_days=30)
    >>> 0.3 < model.branching_ratio_ < 0.7
    True
    """

    branching_ratio_: float
    own_: float
    neighbours_: float
    half_life_days_: float
    strength_days_: FloatArray
    dispersion_: FloatArray

    def __init__(self, half_lives_days: tuple[float, ...] | None = None) -> None:
        self.half_lives_days = half_lives_days

    def _learn(self, history: CountHistory) -> None:
        base = EmpiricalBayes().fit(history, horizon_days=self.horizon_days_)
        self.strength_days_ = base.strength_days_
        grid = self.half_lives_days or tuple(np.mean(history.days) * 2.0 ** np.arange(-1, 6))
        fits = [self._fit_kernel(history, float(half_life)) for half_life in grid]
        best = int(np.argmin([loss for loss, _, _ in fits]))
        self.half_life_days_ = float(grid[best])
        _, self.own_, self.neighbours_ = fits[best]
        self.branching_ratio_ = self.own_ + self.neighbours_
        self.dispersion_ = self._fit_dispersion(history)

    def _fit_kernel(self, history: CountHistory, half_life: float) -> tuple[float, float, float]:
        """Return the Poisson loss and the shares of own and neighbours' past, by likelihood.

        With the background that the shares leave of the long-run rate, the mean is linear in them.
        """
        links, (counts, risk) = history.neighbours, counts_and_days(history)[:2]
        end = np.array([history.n_windows])
        rate = shrunk_rates(history, self.strength_days_, at=end)[0]
        release = 1.0 - 0.5 ** (history.days / half_life)
        # how many incidents the past would trigger in each window at a ratio of 1
        excited = _memory(history, half_life, rate)[:-1] * release[:, None] * (risk > 0)
        base = risk * rate
        own = excited - base
        beside = np.zeros_like(own) if links is None else excited @ links.T - risk * (links @ rate)
        some = counts > 0
        seen = counts[some]

        def shares(values: FloatArray) -> tuple[float, float]:
            alone = 1.0 if links is None else float(values[1])
            return float(values[0]) * alone, float(values[0]) * (1.0 - alone)

        def loss(values: FloatArray) -> float:
            alpha, gamma = shares(values)
            mean = np.maximum(base + alpha * own + gamma * beside, _LEAST * base)
            return float(mean.sum() - seen @ np.log(np.maximum(mean[some], 1e-12)))

        bounds, start = [(0.0, MOST_BRANCHING), (0.0, 1.0)], np.array([0.3, 0.5])
        found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds)
        return float(found.fun), *shares(found.x)

    def _fit_dispersion(self, history: CountHistory) -> FloatArray:
        """Return the dispersion of past horizons around what would have been forecast."""
        ahead = windows_ahead(history, self.horizon_days_)
        first = max(1, history.n_windows // 4)
        at = np.unique(np.linspace(first, history.n_windows - ahead, _ORIGINS).astype(np.int64))
        at = at[at >= 1]
        if len(at) == 0:
            return np.array([0.0, 1.0])
        counts, means = [], []
        for t in at:
            counts.append(observed_totals(history, int(t), ahead))
            means.append(np.sum(list(self._parts(history.until(int(t))).values()), axis=0))
        count, mean = np.concatenate(counts), np.concatenate(means)
        weights = np.where(np.isnan(count), 0.0, min(1.0, 1.0 / ahead))
        return fit_dispersion(np.nan_to_num(count), mean, weights, theta=1.0)

    def _forecast(self, history: CountHistory) -> tuple[dict[str, FloatArray], NegativeBinomial]:
        parts = self._parts(history)
        mean = np.sum(list(parts.values()), axis=0)
        return parts, NegativeBinomial(mean, size_of(mean, self.dispersion_))

    def _background(self, rate: FloatArray, links: Any) -> FloatArray:
        """Return what the long-run rate leaves when triggered incidents are taken away."""
        triggered = self.own_ * rate
        if links is not None:
            triggered = triggered + self.neighbours_ * (links @ rate)
        return np.maximum(rate - triggered, _LEAST * rate)

    def _parts(self, history: CountHistory) -> dict[str, FloatArray]:
        """Return the expected counts of the horizon: background, own past, neighbours' past.

        The expectation obeys the same recursion as the process, a step a window; the parts are
        those of the recursion that starts from nothing, and from the excitement of the past.
        """
        end, links = np.array([history.n_windows]), history.neighbours
        ahead = days_ahead(history, self.horizon_days_)
        n_steps = windows_ahead(history, self.horizon_days_)
        keep = 0.5 ** (self.horizon_days_ / n_steps / self.half_life_days_)
        long_run = shrunk_rates(history, self.strength_days_, at=end)[0]
        rate = self._background(long_run, links)
        past = _memory(history, self.half_life_days_, long_run)[-1]
        at_risk = (ahead > 0).astype(float)

        def unroll(arrivals: FloatArray, memory: FloatArray, beside: float) -> FloatArray:
            total = np.zeros_like(memory)
            for _ in range(n_steps):
                excited = memory * (1.0 - keep)
                expected = arrivals + self.own_ * excited
                if links is not None and beside:
                    expected = expected + beside * (links @ excited)
                expected = expected * at_risk
                total += expected
                memory = memory * keep + expected
            return total

        none = np.zeros(history.n_regions)
        from_own = unroll(none, past, 0.0)
        from_past = unroll(none, past, self.neighbours_)
        return {
            "base_rate": unroll(rate * ahead / n_steps, none, self.neighbours_),
            "own_history": from_own,
            "neighbours": np.maximum(from_past - from_own, 0.0),
        }


def _memory(history: CountHistory, half_life_days: float, rate: FloatArray) -> FloatArray:
    """Return the decayed sum of incidents at the start of each window and at the end.

    Of days that nobody watched as many incidents are remembered as the long-run rate expects.
    """
    memory = np.zeros((history.n_windows + 1, history.n_regions))
    counts, share = np.nan_to_num(history.counts), watched_share(history)
    if share is not None:
        counts = counts + whole_days(history) * (1.0 - share) * rate
    keep = 0.5 ** (history.days / half_life_days)
    for t in range(history.n_windows):
        memory[t + 1] = memory[t] * keep[t] + counts[t]
    return memory
