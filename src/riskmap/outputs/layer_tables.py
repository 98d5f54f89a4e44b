"""The tables of a layer beside the published one: names, typed columns, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    CHANGE_COLUMNS,
    COUNTERFACTUAL_COLUMNS,
    DRIVER_COLUMNS,
    GONE_COLUMNS,
    INFLUENCE_COLUMNS,
    KNOWLEDGE_COLUMNS,
    RISK_COLUMNS,
    SITE_COLUMNS,
    WINDOW_COLUMNS,
)
from riskmap.outputs.tables import clean_text, long_table
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.joins import POINT_COLUMNS
from riskmap.panels.shares import SHARE_COLUMNS
from riskmap.schema import (
    DAY,
    INCIDENT_COLUMNS,
    INSTANT,
    NUMBER,
    PLACEMENT_COLUMNS,
    REGION_COLUMNS,
    TEXT,
    Column,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer

#: The published table itself.
RISK = "risk"
INCIDENTS = "incidents"

_VALID = (
    Column("as_of", DAY, "the day the levels are of"),
    Column("issued_at", INSTANT, "when they were issued"),
    Column("valid_from", INSTANT, "from when they hold"),
    Column("valid_until", INSTANT, "until when they hold"),
    Column("horizon", TEXT, "how far ahead they look"),
    Column("horizon_days", NUMBER, "the same in days"),
    Column("scale_id", TEXT, "the scale of the levels"),
)
_PLACED = {column.name: column for column in PLACEMENT_COLUMNS}
_OF_INCIDENTS = (
    *(column for column in INCIDENT_COLUMNS if column.name not in _PLACED),
    *(_PLACED[name] for name in ("incident_id", "region_id", "weight", "method")),
    *POINT_COLUMNS,
    Column("relevance", TEXT, "how it bears on the group"),
)

#: What each table holds, in the order in which they are written.
TABLES: Mapping[str, tuple[Column, ...]] = {
    "risk_long": (*REGION_COLUMNS, *RISK_COLUMNS, *_VALID),
    INCIDENTS: _OF_INCIDENTS,
    "attacks": ATTACK_COLUMNS,
    "drivers": DRIVER_COLUMNS,
    "influences": INFLUENCE_COLUMNS,
    "counterfactuals": COUNTERFACTUAL_COLUMNS,
    "changes": CHANGE_COLUMNS,
    "audit": AUDIT_COLUMNS,
    "knowledge": KNOWLEDGE_COLUMNS,
    "shares": SHARE_COLUMNS,
    "counts": WINDOW_COLUMNS,
    "sites": SITE_COLUMNS,
    "gone": GONE_COLUMNS,
}
_TYPES = {column.name: column.dtype for columns in TABLES.values() for column in columns}
#: Incidents that are known to an area only: a point of theirs would say too much.
_AREAS = ("admin2", "admin1", "country")


#: Columns of a table that say where the group is, which no table tells.
_PLACES = {"sites": ["wkt"]}


def layer_table(layer: RiskLayer, name: str) -> pd.DataFrame:
    """Return a table of a layer: days and times as such, nothing infinite, clean texts.

    Parameters
    ----------
    layer
        The risk layer.
    name
        One of :data:`TABLES`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> layer_table(layer, "counts")["window_start"].dtype.kind
    'M'
    """
    table = long_table(layer) if name == "risk_long" else getattr(layer, name)
    if name == INCIDENTS:
        points = [column.name for column in POINT_COLUMNS]
        lacking = {point: np.nan for point in points if point not in table}
        coarse = table["geo_precision"].isin(_AREAS)
        table = table.assign(**lacking)
        table = table.assign(**{point: table[point].astype(float).mask(coarse) for point in points})
    return as_typed(table.drop(columns=_PLACES.get(name, []), errors="ignore"))


def as_typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with days and times as such, nothing infinite, clean texts; no index."""
    return pd.DataFrame({name: _as_typed(table[name]) for name in table.columns}).reset_index(
        drop=True
    )


def _as_typed(column: pd.Series) -> pd.Series:
    kind = kind_of(str(column.name))
    if kind in (DAY, INSTANT):
        times = pd.to_datetime(column, utc=True, format="ISO8601")
        return (times.dt.tz_localize(None) if kind == DAY else times).astype(kind)
    if str(column.dtype) in ("str", "object"):
        return column.map(lambda value: clean_text(str(value)), na_action="ignore").astype("str")
    return column.replace([np.inf, -np.inf], np.nan) if column.dtype.kind == "f" else column


def kind_of(name: str) -> str:
    """Return the type of a column, also where it is a day that stands as text; empty if unknown."""
    return _TYPES.get(name, "")


def incident_points(incidents: pd.DataFrame) -> NDArray[np.object_]:
    """Return the points of incidents, None where none is known."""
    places = incidents[["longitude", "latitude"]].to_numpy(dtype=float)
    known = np.isfinite(places).all(axis=1)
    found = np.full(len(incidents), None, dtype=object)
    found[known] = shapely.points(places[known])
    return found


def describe_columns(
    tables: Mapping[str, pd.DataFrame], words: Mapping[str, Any]
) -> list[tuple[str, str, str, str]]:
    """Return the name, the words for people and the meaning of each column of some tables.

    Returns
    -------
    list of tuple
        Table, column, what people call it, what it holds.
    """
    return [
        (table, name, alias_of(name, words), meaning_of(table, name))
        for table, frame in tables.items()
        for name in frame.columns
    ]


def alias_of(name: str, words: Mapping[str, Any]) -> str:
    """Return what people call a column, of those side by side with their layer.

    Examples
    --------
    >>> from riskmap.outputs.catalogues import catalogue
    >>> alias_of("f_risk_level", catalogue("en")), alias_of("q50", catalogue("en"))
    ('Foreign workers: Risk level', 'q50')
    """
    layers = {"v_": "violence", "f_": "foreign", "g_": "group"}
    layer = layers.get(name[:2])
    if layer and name[2:] in words["aliases"]:
        return f"{words['page'][f'layer_{layer}']}: {words['aliases'][name[2:]]}"
    return str(words["aliases"].get(name, name))


def meaning_of(table: str, name: str) -> str:
    """Return what a column holds, as the schema says."""
    columns = TABLES["risk_long"] if table == RISK else TABLES[table]
    meanings = {column.name: column.meaning for column in columns}
    plain = name[2:] if table == RISK and name[:2] in ("v_", "f_", "g_") else name
    return meanings.get(plain, "")
