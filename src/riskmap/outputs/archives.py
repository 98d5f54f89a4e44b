"""The whole layer as one JSON file, so that a published set can be read back.

Every field of the layer is written by what it is: a table by columns with their types, a geometry
as GeoJSON, a scale, a ledger, or plain values. New columns and tables come along by themselves.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap.assessment.layers import (
    DRIVER_COLUMNS,
    GONE_COLUMNS,
    KNOWLEDGE_COLUMNS,
    RISK_COLUMNS,
    RiskLayer,
)
from riskmap.assessment.levels import Level, LevelScale
from riskmap.errors import InputError
from riskmap.ledgers import Ledger, Stage
from riskmap.outputs.geometries import prepare_geometries
from riskmap.outputs.tables import clean_plain
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.shares import SHARE_COLUMNS
from riskmap.schema import CRS, INCIDENT_COLUMNS, REGION_COLUMNS, check_columns, conform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmap.schema import Column

KIND = "riskmap layer 1"
#: Columns of risks that sets published before there were any lack; they come back missing.
_LATER = (
    *("p_least", "p_most", "reasons", "at_least", "attacked", "level_low", "level_high"),
    *("level_as_of", "attacks_told"),
)
#: Columns of incidents that came later, likewise.
_LATER_FACTS = ("toll", "target", "scope", "not_understood")
#: Tables that sets published before there were any lack; they come back empty.
_LATER_TABLES = {
    "knowledge": KNOWLEDGE_COLUMNS,
    "shares": SHARE_COLUMNS,
    "attacks": ATTACK_COLUMNS,
    "gone": GONE_COLUMNS,
}
_DTYPES = re.compile(
    r"str|string|object|bool|boolean|[Ii]nt64|float64|datetime64\[(s|ms|us)(, UTC)?\]"
)
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode_layer(layer: RiskLayer) -> bytes:
    """Return a layer as JSON.

    Numbers keep every digit; infinite ones become missing, coordinates are rounded as in GeoJSON,
    times are kept to the microsecond, columns of types that no schema holds become text.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), rm.datasets.regions())
    >>> decode_layer(encode_layer(layer)).risks.equals(layer.risks)
    True
    """
    fields = {
        field.name: _encode(getattr(layer, field.name)) for field in dataclasses.fields(layer)
    }
    return orjson.dumps({"kind": KIND, "fields": fields}, option=_SORTED) + b"\n"


def decode_layer(data: bytes) -> RiskLayer:
    """Return the layer that :func:`encode_layer` wrote.

    Raises
    ------
    InputError
        When it is no such file, or a part of it is missing or not what it must be.
    """
    try:
        layer = RiskLayer(**{name: _decode(part) for name, part in _fields(data).items()})
        check_columns(layer.regions, REGION_COLUMNS, table="regions")
        tables = {
            name: conform(getattr(layer, name), columns) for name, columns in _LATER_TABLES.items()
        }
        facts = [column for column in INCIDENT_COLUMNS if column.name in _LATER_FACTS]
        tables["incidents"] = _with_later(layer.incidents, facts)
        layer = dataclasses.replace(layer, risks=_with_later_columns(layer.risks), **tables)
        check_columns(layer.drivers, DRIVER_COLUMNS, table="drivers")
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise InputError("not a whole layer", met=f"{type(error).__name__}: {error}") from error
    return layer


def _with_later_columns(risks: pd.DataFrame) -> pd.DataFrame:
    """Return risks with the columns that an earlier version didn't know, after checking them."""
    absent = [name for name in _LATER if name not in risks]
    known = [column for column in RISK_COLUMNS if column.name not in absent]
    check_columns(risks, known, table="risks")
    return conform(risks, RISK_COLUMNS) if absent else risks


def _with_later(table: pd.DataFrame, columns: list[Column]) -> pd.DataFrame:
    """Return a table with the columns of these that it lacks, all missing."""
    absent = [column for column in columns if column.name not in table]
    return table.assign(**{one.name: pd.Series(None, table.index, one.dtype) for one in absent})


def _fields(data: bytes) -> dict[str, Any]:
    """Return the encoded fields of a layer file."""
    whole = orjson.loads(data)
    kind = whole.get("kind") if isinstance(whole, dict) else None
    if kind != KIND:
        raise InputError("not a layer of a known kind", met=kind, expected=KIND)
    fields: dict[str, Any] = whole["fields"]
    return fields


def _encode(value: Any) -> dict[str, Any]:
    """Return a field as its kind and its content."""
    if isinstance(value, gpd.GeoDataFrame):
        return {"geotable": _encode_geotable(value)}
    if isinstance(value, pd.DataFrame):
        return {"table": _encode_table(value)}
    if isinstance(value, LevelScale):
        return {"scale": dataclasses.asdict(value)}
    if isinstance(value, Ledger):
        return {"ledger": value.as_list()}
    return {"plain": clean_plain(value)}


def _decode(part: Mapping[str, Any]) -> Any:
    """Return the field that was encoded."""
    ((kind, content),) = part.items()
    return _DECODERS[kind](content)


def _encode_table(table: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [_known(table[name]) for name in table.columns]
    return [
        {"name": str(column.name), "dtype": str(column.dtype), "values": _plain_list(column)}
        for column in columns
    ]


def _known(column: pd.Series) -> pd.Series:
    """Return a column, as text when it is of a type that no schema holds."""
    return column if _DTYPES.fullmatch(str(column.dtype)) else column.astype("str")


def _plain_list(column: pd.Series) -> list[Any]:
    """Return a column as JSON can hold it: times as text, what is missing as null."""
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if column.dtype.kind == "M":
        values = np.datetime_as_string(column.to_numpy(dtype="datetime64[us]")).astype(object)
    else:
        values = np.array(column.to_numpy(dtype=object))
    if column.dtype.kind == "f":
        missing = ~np.isfinite(column.to_numpy())
    values[missing] = None
    return [clean_plain(value) for value in values.tolist()]


def _decode_table(columns: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({column["name"]: _decode_column(**column) for column in columns})


def _decode_column(name: str, dtype: str, values: list[Any]) -> pd.Series:
    if not _DTYPES.fullmatch(dtype):
        raise InputError("an unknown type of column", column=name, met=dtype)
    if dtype.startswith("datetime64"):
        times = pd.to_datetime(pd.Series(values, dtype="str"), format="ISO8601")
        return (times.dt.tz_localize("UTC") if dtype.endswith("UTC]") else times).astype(dtype)
    return pd.Series(values, dtype=dtype)


def _encode_geotable(frame: gpd.GeoDataFrame) -> dict[str, Any]:
    geometry = frame.geometry.name
    shapes = prepare_geometries(frame.geometry)
    return {
        "columns": _encode_table(pd.DataFrame(frame).drop(columns=geometry)),
        "geometry": [None if g is None else orjson.Fragment(shapely.to_geojson(g)) for g in shapes],
    }


def _decode_geotable(part: Mapping[str, Any]) -> gpd.GeoDataFrame:
    texts = [None if g is None else orjson.dumps(g) for g in part["geometry"]]
    shapes = shapely.from_geojson(np.array(texts, dtype=object))
    return gpd.GeoDataFrame(_decode_table(part["columns"]), geometry=shapes, crs=CRS)


def _decode_scale(part: Mapping[str, Any]) -> LevelScale:
    levels = tuple(Level(**level) for level in part["levels"])
    others = part.get("other_horizons", {})
    parts = {
        "levels": levels,
        "thresholds": _decode_thresholds(part["thresholds"]),
        "other_horizons": {days: _decode_thresholds(bounds) for days, bounds in others.items()},
    }
    return LevelScale(**(dict(part) | parts))


def _decode_thresholds(part: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(bounds) for name, bounds in part.items()}


def _decode_ledger(stages: list[dict[str, Any]]) -> Ledger:
    kept = ("stage", "rows_in", "rows_out", "reasons", "merged")
    return Ledger(tuple(Stage(**{key: stage[key] for key in kept}) for stage in stages))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "geotable": _decode_geotable,
    "table": _decode_table,
    "scale": _decode_scale,
    "ledger": _decode_ledger,
    "plain": lambda value: value,
}
