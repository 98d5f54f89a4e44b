r"""Scan statistics: where in space and time more was counted than expected, over zones.

A scan looks at every cylinder (a zone of places over the last windows, or over any run of windows)
and asks where more was counted than expected, allowing for how many cylinders it looked at. Arrays
only: `counts` has a row for each window, oldest first, and a column for each place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from riskmap.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from riskmap.typing import FloatArray, IntArray

    Draw = Callable[[np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Cluster:
    """A cylinder in which more was counted than expected.

    Parameters
    ----------
    places : tuple of int
        Positions of its places, ascending.
    start, stop
        Its windows, half open: from `start` up to, but without, `stop`.
    observed, expected
        Counts in it.
    statistic
        Log likelihood ratio, greater than 0.
    p_value
        Share of the replicas, and itself, whose highest statistic is as high (Monte Carlo);
        missing without replicas.
    """

    places: tuple[int, ...]
    start: int
    stop: int
    observed: float
    expected: float
    statistic: float
    p_value: float


def scan(  # noqa: PLR0913 - what is expected, where to look, and chance
    counts: IntArray,
    zones: Any,
    *,
    longest: int,
    baseline: FloatArray | None = None,
    given_total: bool = True,
    prospective: bool = True,
    replicas: int = 999,
    seed: int = 0,
) -> tuple[Cluster, ...]:
    r"""Find clusters beyond what was expected.

    Without a baseline this is the space-time permutation scan, which needs cases only: expected in
    a cylinder is :math:`n_{zone}\, n_{time} / N`, and replicas shuffle the cases' times. With one
    it is the Poisson scan, for a baseline that is known up to a factor, such as a population: it is
    scaled to the total, which replicas deal out in its proportion. Where the total is not given
    either, it is the expectation-based scan, for a baseline such as a forecast.

    Parameters
    ----------
    counts : ndarray of int, shape (n_windows, n_places)
        Incidents.
    zones : scipy.sparse.csr_array, shape (n_zones, n_places)
        From :func:`circular_zones` or :func:`graph_zones`. Zones that hold over half of the
        expected incidents are left out.
    longest
        Most windows in a cluster.
    baseline : ndarray, shape (n_windows, n_places), optional
        Expected incidents, or what is in proportion to them.
    given_total
        Whether the total of the counts is taken as it is.
    prospective
        Whether to look only for clusters that are still alive in the last window.
    replicas
        Simulated data sets for the p-values; 0 for none.
    seed
        Seed of the replicas.

    Returns
    -------
    tuple of Cluster
        Highest statistic first; no two share a place.

    Raises
    ------
    ModelError
        When shapes differ, counts are not whole or not positive, or `longest` is out of range.

    References
    ----------
    Kulldorff et al. (2005), A space-time permutation scan statistic for disease outbreak detection;
    Kulldorff (2001), Prospective time periodic geographical disease surveillance using a scan
    statistic; Neill, Moore, Sabhnani and Daniel (2005), Detection of emerging space-time clusters.

    Examples
    --------
    >>> counts = np.ones((8, 5), dtype=int)
    >>> counts[6:, 1] = 7
    >>> zones = circular_zones(np.abs(np.arange(5.0)[:, None] - np.arange(5)))
    >>> first, *_ = scan(counts, zones, longest=4, replicas=99)
    >>> first.places, first.start, first.stop, first.observed, first.p_value
    ((1,), 6, 8, 14.0, 0.02)
    """
    counts = _whole(counts)
    total = float(counts.sum())
    free = baseline is not None and not given_total
    if baseline is None:
        expected, draw = _permute(counts)
    elif given_total:
        shares = _check_baseline(baseline, counts) / np.sum(baseline)
        expected = total * shares
        draw = _deal(int(total), shares)
    else:
        expected = _check_baseline(baseline, counts)
        draw = _draw_freely(expected)
    found = _Scan(
        expected, zones, longest=longest, prospective=prospective, total=None if free else total
    )
    rng = np.random.default_rng(seed)
    highest = np.array([found.highest(draw(rng)) for _ in range(replicas)])
    return found.clusters(counts, highest)


def _permute(counts: IntArray) -> tuple[FloatArray, Draw]:
    """Return what the margins expect, and shuffles of the cases' times."""
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    when, where = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])

    def draw(rng: np.random.Generator) -> FloatArray:
        cells = rng.permutation(when) * counts.shape[1] + where
        return np.bincount(cells, minlength=counts.size).reshape(counts.shape).astype(float)

    return expected, draw


def _deal(total: int, shares: FloatArray) -> Draw:
    return lambda rng: rng.multinomial(total, shares.ravel()).reshape(shares.shape).astype(float)


def _draw_freely(expected: FloatArray) -> Draw:
    return lambda rng: rng.poisson(expected).astype(float)


class _Scan:
    """Every cylinder of a data set: its expected count now, its statistic for any counts.

    `total` is that of all counts, where it is given.
    """

    def __init__(
        self,
        expected: FloatArray,
        zones: Any,
        *,
        longest: int,
        prospective: bool,
        total: float | None,
    ) -> None:
        self.n_windows, n_places = expected.shape
        if zones.shape[1] != n_places:
            raise ModelError(f"zones of {zones.shape[1]} places, counts of {n_places}")
        if not 1 <= longest <= self.n_windows:
            raise ModelError(f"longest must be from 1 to {self.n_windows} windows, met {longest}")
        self.zones = _keep_telling(zones, expected.sum(axis=0))
        self.longest, self.prospective, self.total = longest, prospective, total
        self.expected = [e for _, _, e in self.cylinders(expected)]

    def cylinders(self, counts: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """Yield each run of windows and the counts of all zones in it."""
        first = self.n_windows - self.longest if self.prospective else 0
        by_zone = (self.zones @ np.ascontiguousarray(counts[first:].T)).T
        upto = np.concatenate([np.zeros((1, by_zone.shape[1])), np.cumsum(by_zone, axis=0)])
        stops = (len(upto) - 1,) if self.prospective else range(1, len(upto))
        for stop in stops:
            for start in reversed(range(max(0, stop - self.longest), stop)):
                yield first + start, first + stop, upto[stop] - upto[start]

    def highest(self, counts: FloatArray) -> float:
        """Return the highest statistic of any cylinder."""
        pairs = zip(self.cylinders(counts), self.expected, strict=True)
        return max(float(self.statistic(c, e).max(initial=0.0)) for (_, _, c), e in pairs)

    def statistic(self, observed: FloatArray, expected: FloatArray) -> FloatArray:
        """Return the log likelihood ratios of a higher rate inside, 0 where it is no higher.

        One incident is no cluster, however little was expected.
        """
        result = np.zeros(observed.shape)
        more = (observed > expected) & (observed > 1)
        c, e = observed[more], expected[more]
        if self.total is None:
            result[more] = c * np.log(c / e) + e - c
        else:
            rest = self.total - c
            outside = rest * np.log(np.maximum(rest, 1.0) / np.maximum(self.total - e, 1e-300))
            result[more] = c * np.log(c / e) + outside
        return result

    def clusters(self, counts: IntArray, highest: FloatArray) -> tuple[Cluster, ...]:
        """Return the clusters of which no two overlap, with p-values from those of replicas."""
        n_zones = self.zones.shape[0]
        best = np.zeros((n_zones, 5))
        runs = self.cylinders(counts.astype(float))
        for (start, stop, observed), expected in zip(runs, self.expected, strict=True):
            statistic = self.statistic(observed, expected)
            better = statistic > best[:, 4] * (1 + 1e-12)
            row = np.stack(np.broadcast_arrays(start, stop, observed, expected, statistic), axis=1)
            best[better] = row[better]
        sizes = np.diff(self.zones.indptr)
        found: list[Cluster] = []
        taken: set[int] = set()
        for zone in np.lexsort((np.arange(n_zones), sizes, -best[:, 4].round(10))):
            places = tuple(self.zones[[zone]].indices.tolist())
            start, stop, observed, expected, high = best[zone].tolist()
            if high > 0 and taken.isdisjoint(places):
                taken.update(places)
                run = (int(start), int(stop), observed, expected, high)
                found.append(Cluster(places, *run, _monte_carlo(high, highest)))
        return tuple(found)


def _monte_carlo(statistic: float, highest: FloatArray) -> float:
    if not highest.size:
        return np.nan
    return float((1 + (highest >= statistic * (1 - 1e-12)).sum()) / (1 + highest.size))


def _whole(counts: IntArray) -> IntArray:
    """Return counts as integers, or raise where they are none."""
    found = np.asarray(counts)
    if found.ndim != 2:  # noqa: PLR2004 - windows by places
        raise ModelError(f"counts must be windows by places, met shape {found.shape}")
    whole = found.astype(np.int64)
    if (whole != found).any() or (whole < 0).any() or not whole.any():
        raise ModelError("counts must be whole, not negative, and not all 0")
    return whole


def _check_baseline(baseline: FloatArray, counts: IntArray) -> FloatArray:
    """Return the baseline as floats, or raise where it doesn't fit the counts."""
    found = np.asarray(baseline, dtype=float)
    if found.shape != counts.shape:
        raise ModelError(f"baseline of shape {found.shape}, counts of {counts.shape}")
    if not np.isfinite(found).all() or (found < 0).any() or (counts[found == 0] > 0).any():
        raise ModelError("the baseline must be positive wherever something was counted")
    return found


def circular_zones(
    distances: FloatArray, *, radius: float = np.inf, size: int | None = None
) -> Any:
    """Return the zones that a growing circle around each place takes in.

    Parameters
    ----------
    distances : ndarray, shape (n_places, n_places)
        Distances between places, 0 to themselves.
    radius
        Largest radius, in the distances' unit.
    size
        Most places in a zone; any number when not given. Places at the same distance enter one
        by one, in the order given.

    Returns
    -------
    scipy.sparse.csr_array of float, shape (n_zones, n_places)
        1 where a zone holds a place; each zone once.

    References
    ----------
    Kulldorff (1997), A spatial scan statistic.

    Examples
    --------
    >>> line = np.array([0.0, 1.0, 3.0])
    >>> circular_zones(np.abs(line[:, None] - line), radius=1.5).toarray().astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    size = len(distances) if size is None else size
    found: dict[tuple[int, ...], None] = {}
    for row in np.asarray(distances, dtype=float):
        order = np.argsort(row, kind="stable")
        for end in range(1, min(size, int((row <= radius).sum())) + 1):
            found[tuple(sorted(order[:end].tolist()))] = None
    return _zones(found, len(distances))


def graph_zones(neighbours: Any, *, size: int) -> Any:
    """Return every connected set of up to `size` places.

    Parameters
    ----------
    neighbours : scipy.sparse.csr_array, shape (n_places, n_places)
        Not 0 where two places are neighbours.
    size
        Most places in a zone. The number of zones grows fast with it: keep it to 4 or so.

    Returns
    -------
    scipy.sparse.csr_array of float, shape (n_zones, n_places)
        1 where a zone holds a place; each zone once.

    References
    ----------
    Tango and Takahashi (2005), A flexibly shaped spatial scan statistic for detecting clusters.

    Examples
    --------
    >>> chain = sparse.csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> graph_zones(chain, size=2).toarray().astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]]
    """
    graph = sparse.csr_array(neighbours)
    beside = [set(part.tolist()) for part in np.split(graph.indices, graph.indptr[1:-1])]
    layer: set[tuple[int, ...]] = {(i,) for i in range(len(beside))}
    found = sorted(layer)
    for _ in range(size - 1):
        layer = {
            tuple(sorted((*zone, place)))
            for zone in layer
            for place in set().union(*(beside[i] for i in zone)) - set(zone)
        }
        found += sorted(layer)
    return _zones(dict.fromkeys(found), len(beside))


def _keep_telling(zones: Any, expected: FloatArray) -> Any:
    """Return the zones that hold something, but not over half, of what is expected, each once.

    Places where nothing is expected are left out of them: they tell nothing.
    """
    kept = sparse.csr_array(zones)[zones @ expected <= 0.5 * expected.sum() * (1 + 1e-12)]
    telling = kept @ sparse.diags_array((expected > 0).astype(float))
    telling.eliminate_zeros()
    telling.sort_indices()
    found = (tuple(part.tolist()) for part in np.split(telling.indices, telling.indptr[1:-1]))
    return _zones(dict.fromkeys(zone for zone in found if zone), len(expected))


def _zones(found: dict[tuple[int, ...], None], n_places: int) -> Any:
    indptr = np.concatenate([[0], np.cumsum([len(zone) for zone in found])])
    indices = np.fromiter((place for zone in found for place in zone), dtype=np.int64)
    data = np.ones(len(indices))
    return sparse.csr_array((data, indices, indptr), shape=(len(found), n_places))
