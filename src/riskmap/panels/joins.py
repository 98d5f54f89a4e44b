"""Joining incidents with where they are placed: by positions, and in full only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import SchemaError
from riskmap.schema import INCIDENT_COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.places.placements import Located
    from riskmap.typing import IntArray

#: What of each incident is kept beside the counts, to name it among the reasons of a level.
EVIDENCE = tuple(
    column.name
    for column in INCIDENT_COLUMNS
    if column.name not in ("incident_id", "region_id", "quarantine_reason", "quarantine_detail")
)


def join_placements(located: Located, used: NDArray[np.bool_], regions: pd.Series) -> pd.DataFrame:
    """Return where some of the located incidents count, by positions.

    Parameters
    ----------
    located
        What :func:`riskmap.locate` returned.
    used : ndarray of bool
        Which of its incidents.
    regions
        Ids of the regions.

    Returns
    -------
    DataFrame
        ``row`` among the used incidents, in order, ``position`` of the region, ``weight`` and
        ``method``.

    Raises
    ------
    SchemaError
        When placements name a region that is not among `regions`.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> every = np.ones(len(located.incidents), dtype=bool)
    >>> placed = join_placements(located, every, rm.datasets.regions()["region_id"])
    >>> placed["weight"].sum() == len(located.incidents)
    np.True_
    """
    placements = located.placements
    codes, names = pd.factorize(placements["region_id"], use_na_sentinel=False)
    position = pd.Index(regions).get_indexer(names)
    if (position < 0).any():
        raise SchemaError(
            "placements name a region that is not among the regions",
            column="region_id",
            met=names[position < 0][0],
        )
    row = _rows_of(placements["incident_id"], located.incidents["incident_id"])
    row = np.append(np.where(used, np.cumsum(used) - 1, -1), -1)[row]
    table = pd.DataFrame(
        {
            "row": row,
            "position": position[codes],
            "weight": placements["weight"].to_numpy(),
            "method": placements["method"].array,
        }
    )
    table = table if (row >= 0).all() else table[row >= 0]
    return table.sort_values("row", kind="stable", ignore_index=True)


def _rows_of(placed: pd.Series, incidents: pd.Series) -> IntArray:
    """Return the row of each placement's incident, -1 for none.

    Placements stand in the order of the incidents as :func:`riskmap.locate` leaves them: then
    comparing neighbours is enough, and checked.
    """
    ids = placed.array
    if len(ids):
        row = np.cumsum(np.append(False, np.asarray(ids[1:] != ids[:-1], dtype=bool)))
        if row[-1] + 1 == len(incidents):
            same = np.asarray(incidents.array.take(row) == ids, dtype=bool)
            if same.all():
                return row
    return pd.Index(incidents).get_indexer(placed)


def line_up(incidents: pd.DataFrame, placed: pd.DataFrame, regions: pd.Series) -> pd.DataFrame:
    """Return what is known of each placed incident, newest first, whatever the input's order.

    Parameters
    ----------
    incidents, placed
        The used incidents, and what :func:`join_placements` returned for them.
    regions
        Ids of the regions, sorted.

    Returns
    -------
    DataFrame
        ``incident_id, region_id, weight, method`` and :data:`EVIDENCE`.
    """
    row, position = (placed[name].to_numpy() for name in ("row", "position"))
    newest = incidents[["event_date", "incident_id"]].reset_index(drop=True)
    newest = newest.sort_values(["event_date", "incident_id"], ascending=[False, True])
    rank = np.empty(len(newest), dtype=np.int64)
    rank[newest.index.to_numpy()] = np.arange(len(newest))
    order = np.argsort(rank[row] * len(regions) + position, kind="stable")
    row, position = row[order], position[order]
    known = {name: incidents[name].array.take(row) for name in ("incident_id", *EVIDENCE)}
    table = {
        "incident_id": known.pop("incident_id"),
        "region_id": regions.array.take(position),
        "weight": placed["weight"].to_numpy()[order],
        "method": placed["method"].array.take(order),
    }
    return pd.DataFrame(table | known)
