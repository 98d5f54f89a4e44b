"""Features of 50,000 regions over 260 weeks: ``python benchmarks/features.py``.

Sums of the last 4, 13, 26 and 52 weeks, decayed sums with three half-lives, and for each of these
the mean of the neighbours. Every value looks back only.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import harness
import numpy as np
import pandas as pd
from harness import Bar, Contender, Work
from scipy import sparse

from riskmap.panels.features import decayed_sums, neighbour_sums, rolling_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

N_WEEKS = 260
WIDTHS = (4, 13, 26, 52)
HALF_LIVES = (4.0, 13.0, 52.0)
SHOWN = slice(None, None, 997)

Loaded = tuple[np.ndarray, sparse.csr_array]


def make_work(rows: int) -> Work:
    """Return the work on some number of regions."""
    return Work(
        title="features of regions over 260 weeks (rows are regions)",
        rows=rows,
        make=lambda folder: make(folder, rows),
        contenders=(
            Contender("riskmap", by_riskmap, load),
            Contender("pandas rolling", by_pandas, load_frame),
        ),
        bars=(
            Bar("riskmap", "ratio", 8, "pandas rolling"),
            Bar("riskmap", "gigabytes", 2),
        ),
        same=np.allclose,
    )


def make(folder: Path, rows: int) -> None:
    """Write counts, most of them zero, and six neighbours of each region."""
    rng = np.random.default_rng(3)
    np.save(folder / "counts.npy", rng.poisson(0.1, (N_WEEKS, rows)).astype(np.float64))
    np.save(folder / "neighbours.npy", rng.integers(0, rows, (rows, 6)))


def load(folder: Path) -> Loaded:
    """Return counts by week and region, and the weights of the neighbours."""
    counts, near = np.load(folder / "counts.npy"), np.load(folder / "neighbours.npy")
    n = len(near)
    where = (np.repeat(np.arange(n), 6), near.ravel())
    return counts, sparse.csr_array((np.full(6 * n, 1 / 6), where), shape=(n, n))


def load_frame(folder: Path) -> tuple[pd.DataFrame, Any]:
    """Return the same for pandas."""
    counts, near = load(folder)
    return pd.DataFrame(counts), near


def digest(own: Iterable[np.ndarray], near: Iterable[np.ndarray]) -> np.ndarray:
    """Return some of every feature, to be compared."""
    return np.stack([values[:, SHOWN] for values in chain(own, near)])


def by_riskmap(loaded: Loaded) -> np.ndarray:
    """Make them as riskmap does."""
    counts, neighbours = loaded
    at = np.arange(1, N_WEEKS + 1)
    weeks = np.ones(N_WEEKS)

    def features(values: np.ndarray) -> Iterator[np.ndarray]:
        yield from rolling_sums(values, WIDTHS, at=at)
        for half_life in HALF_LIVES:
            yield decayed_sums(values, lengths=weeks, half_life_days=half_life, at=at)

    # sums of the neighbours' means are means of the neighbours' sums
    return digest(features(counts), features(neighbour_sums(counts, neighbours)))


def by_pandas(loaded: tuple[pd.DataFrame, Any]) -> np.ndarray:
    """Make them as a user of pandas would, who has the neighbours' matrix too."""
    frame, neighbours = loaded
    own = [frame.rolling(width, min_periods=1).sum() for width in WIDTHS]
    for half_life in HALF_LIVES:
        keep = 0.5 ** (1 / half_life)
        mean = frame.ewm(halflife=half_life, adjust=True).mean()
        weights = (1 - keep ** np.arange(1, N_WEEKS + 1)) / (1 - keep)
        own.append(mean.mul(weights, axis=0))
    values = [table.to_numpy() for table in own]
    shares = neighbours.T
    return digest(values, [table @ shares for table in values])


if __name__ == "__main__":
    harness.main(make_work, rows=50_000)
