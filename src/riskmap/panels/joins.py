"""Joining incidents with where they are placed: by positions, and in full only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.errors import SchemaError
from riskmap.incidents.foreign_victims import count_of, hits_foreigners
from riskmap.schema import INCIDENT_COLUMNS, NUMBER, Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.places.placements import Located
    from riskmap.typing import FloatArray, IntArray

#: What of each incident is kept beside the counts, to name it among the reasons of a level.
EVIDENCE = tuple(
    column.name
    for column in INCIDENT_COLUMNS
    if column.name not in ("incident_id", "region_id", "quarantine_reason", "quarantine_detail")
)

#: Where an incident is, as its source says; of one known to an area it may be any point of it.
POINT_COLUMNS = (
    Column("longitude", NUMBER, "degrees east; missing when no point is told"),
    Column("latitude", NUMBER, "degrees north; missing when no point is told"),
)

_PLACED = ("incident_id", "region_id", "weight", "method")

#: Up to how many rows of evidence are kept with all that is known of them, and carried along by a
#: layer.
WHOLE = 100_000

#: Of more, how many of a region are, of all and of those that hit foreigners.
CARRIED = 100


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


def line_up(
    incidents: pd.DataFrame,
    placed: pd.DataFrame,
    regions: pd.Series,
    group: WorkerGroup | None = None,
) -> pd.DataFrame:
    """Return what is known of each placed incident, newest first, whatever the input's order.

    Parameters
    ----------
    incidents, placed
        The used incidents, and what :func:`join_placements` returned for them.
    regions
        Ids of the regions, sorted.
    group
        Whose ``relevance`` is told too.

    Returns
    -------
    DataFrame
        ``incident_id, region_id, weight, method``, :data:`EVIDENCE` and :data:`POINT_COLUMNS`; the
        weight is the number of incidents that a row tells of, and of what is spread the share. Of
        more than :data:`WHOLE` rows those that :func:`find_newest` doesn't name have no ``notes``:
        texts are most of what a million incidents weigh, and nobody reads these.
    """
    row, position = (placed[name].to_numpy() for name in ("row", "position"))
    newest = incidents[["event_date", "incident_id"]].reset_index(drop=True)
    newest = newest.sort_values(["event_date", "incident_id"], ascending=[False, True])
    rank = np.empty(len(newest), dtype=np.int64)
    rank[newest.index.to_numpy()] = np.arange(len(newest))
    order = np.argsort(rank[row] * len(regions) + position, kind="stable")
    row, position = row[order], position[order]
    known = {
        name: incidents[name].array.take(row)
        for name in ("incident_id", *EVIDENCE)
        if name != "notes"
    }
    kept = find_newest(position, hits_foreigners(incidents)[row])
    told = np.where(kept, row, -1)
    known["notes"] = incidents["notes"].array.take(told, allow_fill=True)
    table = {
        "incident_id": known.pop("incident_id"),
        "region_id": regions.array.take(position),
        "weight": placed["weight"].to_numpy()[order] * count_of(incidents)[row],
        "method": placed["method"].array.take(order),
    }
    table |= known
    found = pd.DataFrame({name: table[name] for name in (*_PLACED, *EVIDENCE)})
    found = found.assign(**{name: told[row] for name, told in _points_of(incidents).items()})
    if group is None:
        return found
    return found.assign(relevance=group.relevance(incidents).array.take(row))


def _points_of(incidents: pd.DataFrame) -> dict[str, FloatArray]:
    """Return where incidents are, which stand with their points or with their coordinates."""
    names = [column.name for column in POINT_COLUMNS]
    if names[0] in incidents:
        return {name: incidents[name].to_numpy(dtype=float) for name in names}
    points = incidents["geometry"].to_numpy()
    return dict(zip(names, (shapely.get_x(points), shapely.get_y(points)), strict=True))


class Once:
    """A table that is made when somebody first asks for it, and what it is made from let go.

    Parameters
    ----------
    make : callable
        Gives the table.

    Examples
    --------
    >>> table = Once(lambda: pd.DataFrame({"a": [1]}))
    >>> table() is table()
    True
    """

    def __init__(self, make: Callable[[], pd.DataFrame]) -> None:
        self._make: Callable[[], pd.DataFrame] | None = make
        self._made = pd.DataFrame()

    def __call__(self) -> pd.DataFrame:
        """Return the table."""
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made


def find_newest(
    region: IntArray, foreign: NDArray[np.bool_], limit: int = CARRIED, *, whole: int = WHOLE
) -> NDArray[np.bool_]:
    """Return which rows of evidence are kept whole: of very many, each region's newest.

    Parameters
    ----------
    region : ndarray of int, shape (n,)
        The region of each row, newest first.
    foreign : ndarray of bool, shape (n,)
        Which hit foreigners: of these the newest of each region are kept beside those of all.
    limit
        How many of each kind are kept a region.
    whole
        Up to how many rows are all kept.

    Examples
    --------
    >>> find_newest(np.array([0, 0, 1, 0]), np.array([False, False, False, True]), 1, whole=0)
    array([ True, False,  True,  True])
    """
    if len(region) <= whole:
        return np.ones(len(region), dtype=bool)
    kept = _rank(region) < limit
    among = np.flatnonzero(foreign)
    kept[among[_rank(region[among]) < limit]] = True
    return kept


def _rank(group: IntArray) -> IntArray:
    """Return the place of each row among the rows of its group, from 0."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], group[order], side="left")
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - starts
    return rank
