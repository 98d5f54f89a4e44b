"""Counts whose truth is known: incidents that trigger incidents."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from riskmap.typing import CountHistory


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
