"""Revisions: what a newer release of a feed added, removed, moved and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.schema import INCIDENT_COLUMNS, NUMBER, TEXT, Column, check_incidents, conform

if TYPE_CHECKING:
    import geopandas as gpd

#: Revisions: one row for each added or removed incident, and for each changed cell of another.
REVISION_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("change", TEXT, "what happened to it", ("added", "removed", "moved", "changed")),
    Column("column", TEXT, "the column that changed; missing when the whole row came or went"),
    Column("before", TEXT, "the older value as text; missing when there was none"),
    Column("after", TEXT, "the newer value as text; missing when there is none"),
    Column("moved_km", NUMBER, "kilometres between the older and the newer point"),
)

#: Columns that tell of the file and not of the incident.
_OF_THE_FILE = {"incident_id", "source_file", "source_row", "ingested_at"}

_EARTH_KM = 6371.0088


def compare_incidents(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, *, moved_km: float = 0.1
) -> pd.DataFrame:
    """Return what changed between two releases of a feed, by incident id.

    Parameters
    ----------
    old, new
        Incidents tables of the older and the newer release.
    moved_km
        Points that shift by less have not moved.

    Returns
    -------
    pandas.DataFrame
        :data:`REVISION_COLUMNS`, sorted by incident and column. An incident has one row when it
        was added or removed, and one for each column that changed; `moved` stands for its point.

    Raises
    ------
    SchemaError
        When a table is not an Incidents table.

    Examples
    --------
    >>> import riskmap as rm
    >>> old = rm.datasets.incidents()
    >>> new = old.iloc[1:].assign(killed=old["killed"].where(old["source_id"] != "3", 9))
    >>> rm.compare_incidents(old, new)[["incident_id", "change", "column", "after"]].values.tolist()
    [['invented:1', 'removed', nan, nan], ['invented:3', 'changed', 'killed', '9']]
    """
    check_incidents(old)
    check_incidents(new)
    before, after = (table.set_index("incident_id") for table in (old, new))
    both = before.index.intersection(after.index)
    parts = [
        pd.DataFrame({"incident_id": after.index.difference(both), "change": "added"}),
        pd.DataFrame({"incident_id": before.index.difference(both), "change": "removed"}),
        _moved(before.loc[both], after.loc[both], moved_km),
        *(
            _changed(before.loc[both, column.name], after.loc[both, column.name])
            for column in INCIDENT_COLUMNS
            if column.name not in _OF_THE_FILE
        ),
    ]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table = conform(found, REVISION_COLUMNS)
    return table.sort_values(["incident_id", "column"], ignore_index=True)


def _changed(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Return the rows of one column that differ, as text."""
    same = (before == after).fillna(value=False).astype(bool) | (before.isna() & after.isna())
    differs = ~same.to_numpy()
    return pd.DataFrame(
        {
            "incident_id": before.index[differs],
            "change": "changed",
            "column": before.name,
            "before": _as_text(before[differs]),
            "after": _as_text(after[differs]),
        }
    )


def _as_text(values: pd.Series) -> list[str | None]:
    if str(values.dtype).startswith("datetime64"):
        values = values.dt.strftime("%Y-%m-%d")
    return [None if pd.isna(value) else str(value) for value in values]


def _moved(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, moved_km: float) -> pd.DataFrame:
    """Return the incidents whose points appeared, vanished or lie apart."""
    old, new = (table.geometry.to_numpy() for table in (before, after))
    (x, y), (u, v) = (np.radians([shapely.get_x(p), shapely.get_y(p)]) for p in (old, new))
    half = np.sin((v - y) / 2) ** 2 + np.cos(y) * np.cos(v) * np.sin((u - x) / 2) ** 2
    km = 2.0 * _EARTH_KM * np.arcsin(np.sqrt(half))
    moved = (km >= moved_km) | (np.isfinite(x) != np.isfinite(u))
    return pd.DataFrame(
        {
            "incident_id": before.index[moved],
            "change": "moved",
            "column": "geometry",
            "before": _where(old[moved]),
            "after": _where(new[moved]),
            "moved_km": km[moved],
        }
    )


def _where(points: np.ndarray) -> list[str | None]:
    """Return points as 'latitude, longitude'."""
    pairs = zip(shapely.get_y(points), shapely.get_x(points), strict=True)
    return [f"{lat:.6f}, {lon:.6f}" if np.isfinite(lat) else None for lat, lon in pairs]
