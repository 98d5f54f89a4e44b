"""Which incidents a layer carries along: the newest of each region, and those that hit foreigners.

A layer is read, shown and published; a million incidents in it would be none of these. All of them
counted, whatever is carried along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Up to how many are all carried along.
WHOLE = 100_000

#: Of more, how many of a region are, of all and of those with foreign victims.
CARRIED = 100


def carried_incidents(
    evidence: pd.DataFrame, limit: int = CARRIED, *, whole: int = WHOLE
) -> pd.DataFrame:
    """Return all incidents, or of very many each region's newest, and newest with foreign victims.

    Parameters
    ----------
    evidence
        The incidents that were counted, newest first (:attr:`riskmap.Panel.evidence`).
    limit
        How many of each kind are kept a region.
    whole
        Up to how many are all kept.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> kept = carried_incidents(panel.evidence, limit=3, whole=0)
    >>> int(kept[kept["foreign_victims"] == 0].groupby("region_id").size().max())
    3
    """
    if len(evidence) <= whole:
        return evidence
    region = pd.factorize(evidence["region_id"])[0]
    foreign = (evidence["foreign_victims"].fillna(0) > 0).to_numpy(dtype=bool)
    foreign |= evidence["nationality"].notna().to_numpy()
    kept = _rank(region) < limit
    among = np.flatnonzero(foreign)
    kept[among[_rank(region[among]) < limit]] = True
    return evidence if kept.all() else evidence[kept].reset_index(drop=True)


def _rank(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each row among the rows of its group, from 0."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], group[order], side="left")
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - starts
    return rank
