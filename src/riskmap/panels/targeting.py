"""Targeting: whether a group is hit more or less often than its share of all foreign workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.panels.groups import OTHERS, THEIRS
from riskmap.panels.presence import Targeting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.presence import Presence
    from riskmap.typing import FloatArray, IntArray


def with_targeting(
    group: WorkerGroup | None,
    incidents: pd.DataFrame,
    *,
    foreign: NDArray[np.bool_],
    position: IntArray,
    day: IntArray,
    weight: FloatArray,
    region_ids: Sequence[str],
) -> WorkerGroup | None:
    """Return the group with its targeting, where the workers of it and of all foreigners are told.

    Otherwise, and where the group says itself what an attack on other foreigners weighs, it is the
    group as it was.

    Parameters
    ----------
    group
        The group.
    incidents
        One row a placed incident, as :meth:`WorkerGroup.relevance` takes it.
    foreign, position, day, weight
        Whether foreigners were hit, where (a position in `region_ids`), when (since 1970) and how
        many times each row counts.
    region_ids
        The regions in order.

    Examples
    --------
    >>> with_targeting(None, pd.DataFrame(), foreign=np.empty(0), position=np.empty(0),
    ...                day=np.empty(0), weight=np.empty(0), region_ids=[]) is None
    True
    """
    if group is None or not (group.presence and group.all_foreigners):
        return group
    if OTHERS in dict(group.weights):
        return group
    ids = list(region_ids)
    everyone = _workers(group.all_foreigners, ids, position, day)
    ours = _workers(group.presence, ids, position, day)
    theirs = group.relevance(incidents, foreign=foreign).isin(THEIRS).to_numpy()
    told = (everyone > 0) & foreign
    share = np.divide(ours, everyone, out=np.zeros(len(ours)), where=everyone > 0)
    attacks = float(weight[told & theirs].sum())
    expected = float((weight * np.minimum(share, 1.0))[told].sum())
    return replace(group, targeting=Targeting.of(attacks, expected))


def _workers(
    presence: tuple[Presence, ...], ids: list[str], position: IntArray, day: IntArray
) -> FloatArray:
    """Return how many workers are told of in the region of each incident on its day."""
    found = np.zeros(len(position))
    epoch = pd.Timestamp("1970-01-01").toordinal()
    for entry in presence:
        here = position == (ids.index(entry.region_id) if entry.region_id in ids else -1)
        if entry.start is not None:
            here &= day >= entry.start.toordinal() - epoch
        if entry.end is not None:
            here &= day < entry.end.toordinal() - epoch
        found += here * entry.headcount
    return found
