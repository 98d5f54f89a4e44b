"""Zones: the sets of places that a scan looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from riskmap.typing import FloatArray


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


def informative_zones(zones: Any, expected: FloatArray) -> Any:
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
