"""The tables that flow through riskmap: their columns, types and codes, and the checks at the gate.

Tables are plain (Geo)DataFrames. A column that is absent from a feed is present and missing here,
so that every stage can count on every column. Functions of this module never change their input.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CRS = "EPSG:4326"

TEXT = "str"
COUNT = "Int64"
NUMBER = "float64"
DAY = "datetime64[us]"
INSTANT = "datetime64[us, UTC]"
FLAG = "bool"

#: How exactly an incident's day is known; the interval is ``[event_date, event_date_end]``.
DATE_PRECISIONS = ("day", "week", "month", "year")

#: How exactly an incident's place is known, from the exact point to nothing at all.
GEO_PRECISIONS = ("point", "place", "admin2", "admin1", "country", "unknown")

#: The layers, from the widest to the narrowest; each is nested in the one before.
LAYERS = ("violence", "foreign", "group")

#: What happened, in the coarse types that every feed can be mapped to.
EVENT_TYPES = (
    "armed_attack",
    "explosion",
    "abduction",
    "assault",
    "battle",
    "unrest",
    "arrest",
    "other",
    "unknown",
)

#: Sectors of work, as readers write them and groups name them.
SECTORS = (
    "agriculture",
    "aid",
    "construction",
    "education",
    "energy",
    "fishing",
    "forestry",
    "health",
    "hospitality",
    "manufacturing",
    "media",
    "mining",
    "security",
    "services",
    "telecommunications",
    "trade",
    "transport",
)

#: The columns that count people who were hit.
TOLLS = ("killed", "wounded", "abducted")

#: Source reliability (Admiralty code): A completely reliable ... E unreliable, F can't be judged.
RELIABILITIES = ("A", "B", "C", "D", "E", "F")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name
        The column's name.
    dtype
        The pandas type that the column has after :func:`conform`.
    meaning
        What the column holds, with its unit.
    codes
        The values that are allowed; empty when any is.
    """

    name: str
    dtype: str
    meaning: str
    codes: tuple[str, ...] = ()


#: Incidents: a GeoDataFrame (points, EPSG:4326, may be missing), one row an incident; or, where
#: ``count`` is filled, the number of incidents of a region and a period.
INCIDENT_COLUMNS = (
    Column("incident_id", TEXT, "unique id, '<source>:<source_id>'"),
    Column("source", TEXT, "the feed the row comes from, such as 'ucdp' or 'awsd'"),
    Column("source_id", TEXT, "the row's id in the feed"),
    Column("event_date", DAY, "first local day on which it may have happened"),
    Column("event_date_end", DAY, "last local day on which it may have happened, inclusive"),
    Column("date_precision", TEXT, "how exactly the day is known", DATE_PRECISIONS),
    Column("event_type", TEXT, "what happened", EVENT_TYPES),
    Column("place", TEXT, "the place as written"),
    Column("admin1", TEXT, "province as written"),
    Column("admin2", TEXT, "district as written"),
    Column("country", TEXT, "ISO 3166-1 alpha-3 code"),
    Column("region_id", TEXT, "stated region, when the source names one by id"),
    Column("geo_precision", TEXT, "how exactly the place is known", GEO_PRECISIONS),
    Column("count", COUNT, "incidents that the row tells of; missing is one, 0 watched and none"),
    Column("killed", COUNT, "people killed; of a row with a count, by all of its incidents"),
    Column("wounded", COUNT, "people wounded"),
    Column("abducted", COUNT, "people abducted"),
    Column("toll", TEXT, "tolls that are bounds, as written: 'killed 3-4; wounded several'"),
    Column("foreign_victims", COUNT, "foreign people among the victims; missing when not known"),
    Column("nationality", TEXT, "victims' nationalities, alpha-3 codes joined by ';'"),
    Column("sector", TEXT, "victims' sector of work, such as 'mining' or 'aid'"),
    Column("staff_type", TEXT, "'international', 'national' or 'mixed'"),
    Column(
        "target", TEXT, "whom it was aimed at: 'foreigners', a sector, 'employer:...' or 'site:...'"
    ),
    Column("actor", TEXT, "who did it, as the source says"),
    Column("claimed_by", TEXT, "who claimed it"),
    Column("attributed_to", TEXT, "whom others blame"),
    Column("reliability", TEXT, "of the source, A to F", RELIABILITIES),
    Column("credibility", COUNT, "of the report, 1 (confirmed) to 6 (can't be judged)"),
    Column("source_count", COUNT, "reports of it, as the feed or the files tell"),
    Column("ingested_at", INSTANT, "when the row became known"),
    Column("scope", TEXT, "what its source can see, as riskmap.incidents.scope writes it"),
    Column("confirmed_by", TEXT, "other sources of it and their scopes: 'a = SCOPE | b = '"),
    Column("notes", TEXT, "free text of the source; untrusted"),
    Column("not_understood", TEXT, "values that are in no list, as written: 'column=value', '; '"),
    Column("source_file", TEXT, "name of the file the row comes from"),
    Column("source_row", COUNT, "1-based line of the row in its file"),
    Column("quarantine_reason", TEXT, "why the row can't be used, as a code; missing when it can"),
    Column("quarantine_detail", TEXT, "column, what was met, what was expected"),
)

#: Regions: a GeoDataFrame (polygons, EPSG:4326), one row a region, sorted by ``region_id``.
REGION_COLUMNS = (
    Column("region_id", TEXT, "P-code or boundary id, unique"),
    Column("name", TEXT, "name for display"),
    Column("names", TEXT, "other names and native spellings, joined by ' | '"),
    Column("parent_id", TEXT, "id of the region one level up"),
    Column("parent", TEXT, "name of the region one level up"),
    Column("iso3", TEXT, "ISO 3166-1 alpha-3 code of the country"),
    Column("adm_level", COUNT, "administrative level: 0 country, 1 province, 2 district ..."),
    Column("boundary_source", TEXT, "who published the boundary"),
    Column("boundary_version", TEXT, "its version or date"),
    Column("boundary_licence", TEXT, "its licence"),
)

#: Placements: which incident counts in which region, with what weight and how it got there.
PLACEMENT_COLUMNS = (
    Column("incident_id", TEXT, "the incident"),
    Column("region_id", TEXT, "the region it counts in"),
    Column("weight", NUMBER, "share of the incident that counts here; an incident's sum to 1"),
    Column("method", TEXT, "how it was placed: 'stated', 'point', ..."),
    Column("confidence", NUMBER, "probability, 0 to 1, that the region is the right one"),
    Column("boundary_distance_m", NUMBER, "metres from the point to the region's border"),
    Column("conflict_region_id", TEXT, "region of the point where it is not the stated one"),
)


def check_columns(frame: pd.DataFrame, columns: Iterable[Column], *, table: str) -> None:
    """Raise unless a table has the columns, types and codes that it must have.

    Parameters
    ----------
    frame
        The table.
    columns
        What it must have.
    table
        What to call the table in errors.

    Raises
    ------
    SchemaError
        When a column is missing, has another type, or holds a value that is not among its codes.

    Examples
    --------
    >>> check_columns(pd.DataFrame({"weight": [1.0]}), PLACEMENT_COLUMNS[2:3], table="placements")
    """
    for column in columns:
        name, dtype, values = column.name, column.dtype, frame.get(column.name)
        if values is None:
            expected = f"{column.meaning} ({dtype})"
            raise SchemaError(f"{table} lack a column", column=name, expected=expected)
        met = str(values.dtype)
        if not _same_dtype(met, dtype):
            raise SchemaError(f"{table} hold a wrong type", column=name, met=met, expected=dtype)
        if not column.codes:
            continue
        strange = values[values.notna() & ~values.isin(column.codes)]
        if len(strange):
            met, expected = strange.iloc[0], "one of " + ", ".join(column.codes)
            message = f"{table} hold an unknown code"
            raise SchemaError(message, column=name, met=met, expected=expected)


def _same_dtype(met: str, wanted: str) -> bool:
    """Return whether two pandas types are the same for the schema (any datetime unit will do)."""
    if wanted in (DAY, INSTANT):
        return met.startswith("datetime64") and met.endswith("UTC]") == (wanted == INSTANT)
    if wanted == TEXT:
        return met in ("str", "string", "object")
    return met == wanted


def conform(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """Return a copy of a table with every column of a schema, typed and in order.

    Columns that the table lacks are added, all missing; columns that the schema does not know are
    kept behind, in their order.

    Parameters
    ----------
    frame
        The table.
    columns
        The schema, such as :data:`INCIDENT_COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        The table with the schema's columns; a GeoDataFrame when a GeoDataFrame was given.

    Raises
    ------
    SchemaError
        When a value can't be held by its column's type.

    Examples
    --------
    >>> table = conform(pd.DataFrame({"incident_id": ["a:1"], "killed": [2]}), INCIDENT_COLUMNS)
    >>> table.loc[0, "killed"].item(), table["wounded"].isna().item()
    (2, True)
    """
    columns = tuple(columns)
    plain = pd.DataFrame(frame)
    names = dict.fromkeys([*(column.name for column in columns), *plain.columns])
    types = dict(zip(plain.columns, plain.dtypes, strict=True))
    wanted = {column.name: _dtype(column.dtype) for column in columns}
    if list(types) == list(names) and all(types[name] == one for name, one in wanted.items()):
        table = plain.set_axis(list(names), axis=1)
        table.attrs = {}
    else:
        blank = {
            one: pd.Series(False if one == FLAG else None, index=frame.index, dtype=one)
            for one in dict.fromkeys(one.dtype for one in columns if one.name not in types)
        }
        data = {
            one.name: _typed(plain[one.name], one) if one.name in types else blank[one.dtype]
            for one in columns
        }
        data.update({name: plain[name] for name in names if name not in data})
        table = pd.DataFrame(data, index=frame.index)
    if isinstance(frame, gpd.GeoDataFrame):
        return gpd.GeoDataFrame(table, geometry=frame.geometry.name, crs=frame.crs)
    return table


@cache
def _dtype(name: str) -> Any:
    """Return a type by its name."""
    return pd.api.types.pandas_dtype(name)


def _typed(values: pd.Series, column: Column) -> pd.Series:
    """Return one column in its type."""
    if values.dtype == _dtype(column.dtype):
        return values
    try:
        return values.astype(column.dtype)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"can't be held as {column.dtype}", column=column.name, met=str(error)
        ) from error


def check_incidents(incidents: gpd.GeoDataFrame) -> None:
    """Raise unless a table is an Incidents table (:data:`INCIDENT_COLUMNS`).

    Parameters
    ----------
    incidents
        The table.

    Raises
    ------
    SchemaError
        When it is not a GeoDataFrame in EPSG:4326, lacks a column, has a wrong type, an unknown
        code, or an ``incident_id`` twice or missing.

    Examples
    --------
    >>> import riskmap as rm
    >>> check_incidents(rm.datasets.incidents())
    """
    _check_frame(incidents, INCIDENT_COLUMNS, "incidents")


def check_regions(regions: gpd.GeoDataFrame) -> None:
    """Raise unless a table is a Regions table (:data:`REGION_COLUMNS`).

    Parameters
    ----------
    regions
        The table.

    Raises
    ------
    SchemaError
        When it is not a GeoDataFrame in EPSG:4326, is empty, lacks a column, has a wrong type, a
        ``region_id`` twice or missing, or a geometry that is missing, empty or no polygon.

    Examples
    --------
    >>> import riskmap as rm
    >>> check_regions(rm.datasets.regions())
    """
    _check_frame(regions, REGION_COLUMNS, "regions")
    if regions.empty:
        raise SchemaError("there are no regions")
    wrong = ~regions.geom_type.isin(("Polygon", "MultiPolygon")) | regions.is_empty
    if wrong.any():
        raise SchemaError(
            f"region {regions.loc[wrong, 'region_id'].iloc[0]} has no area",
            column="geometry",
            met=regions.geom_type[wrong].iloc[0],
            expected="Polygon or MultiPolygon",
        )


def _check_frame(frame: gpd.GeoDataFrame, columns: tuple[Column, ...], table: str) -> None:
    """Raise unless a table is a GeoDataFrame of a schema, in degrees, its rows with unique ids."""
    if not isinstance(frame, gpd.GeoDataFrame):
        expected = f"what riskmap.read_{table} returns"
        met = type(frame).__name__
        raise SchemaError(f"{table} are not a GeoDataFrame", met=met, expected=expected)
    check_columns(frame, columns, table=table)
    if frame.crs is None or frame.crs.to_epsg() != 4326:  # noqa: PLR2004 - WGS 84
        crs = None if frame.crs is None else frame.crs.to_string()
        raise SchemaError(f"{table} are in another coordinate system", met=crs, expected=CRS)
    name = columns[0].name
    ids = frame[name]
    if ids.isna().any():
        raise SchemaError(f"{table} lack an id", column=name)
    if not ids.is_unique:
        met = ids[ids.duplicated()].iloc[0]
        raise SchemaError(f"{table} hold an id twice", column=name, met=met, expected="unique")


@dataclass(frozen=True, eq=False, repr=False)
class Tables:
    """What a result is: tables and values, equal by what they hold, and shown on one screen.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> located == rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    True
    """

    def _summary(self) -> Mapping[str, object]:
        """Return what is told of it in a terminal, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return what it is, and how large its tables are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        sizes = [
            f"{name} {len(value):,}\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}{value.shape[1]}"
            for name, value in values.items()
            if isinstance(value, pd.DataFrame)
        ]
        lines = [type(self).__name__]
        for name, value in {**self._summary(), "tables": ", ".join(sizes)}.items():
            head = f"  {name:<8} "
            lines += textwrap.wrap(f"{head}{value}", 88, subsequent_indent=" " * len(head))
        return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")

    def __eq__(self, other: object) -> bool:
        """Return whether all tables and values are the same; missing ones are equal."""
        if type(self) is not type(other):
            return NotImplemented
        return all(_alike(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]  # tables have none


def _alike(one: Any, other: Any) -> bool:
    """Return whether two values of a result are the same; what gives a table is asked for it."""
    if callable(one) and callable(other):
        return one is other or _alike(one(), other())
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame | pd.Series | pd.Index):
        return bool(one.equals(other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if hasattr(one, "nnz"):  # sparse
        return one.shape == other.shape and (one != other).nnz == 0
    both_missing = isinstance(one, float) and np.isnan(one) and np.isnan(other)
    return both_missing or bool(one == other)
