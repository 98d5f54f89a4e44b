"""Which incidents a layer carries along: the newest of each region, and those that hit foreigners.

A layer is read, shown and published; a million incidents in it would be none of these. All of them
counted, whatever is carried along.
"""

from __future__ import annotations

import pandas as pd

from riskmap.panels.joins import CARRIED, WHOLE, find_newest
from riskmap.panels.measures import hits_foreigners


def carried_incidents(
    evidence: pd.DataFrame, limit: int = CARRIED, *, whole: int = WHOLE
) -> pd.DataFrame:
    """Return all incidents, or of very many each region's newest, and newest that hit foreigners.

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
    kept = find_newest(region, hits_foreigners(evidence), limit, whole=whole)
    return evidence if kept.all() else evidence[kept].reset_index(drop=True)
