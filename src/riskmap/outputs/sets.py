"""Published sets: what one is, whether it is whole, and the layer that it holds.

The layer is one JSON file. Every field of it is written by what it is: a table by columns with
their types, a geometry as GeoJSON, a scale, a ledger, or plain values. New columns and tables come
along by themselves.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap.assessment.contexts import check_validity
from riskmap.assessment.layers import (
    DRIVER_COLUMNS,
    GONE_COLUMNS,
    KEY,
    KNOWLEDGE_COLUMNS,
    RISK_COLUMNS,
    SITE_COLUMNS,
    WINDOW_COLUMNS,
    RiskLayer,
)
from riskmap.assessment.levels import LevelScale
from riskmap.errors import InputError, PublishedSetError
from riskmap.ledgers import Ledger, Stage
from riskmap.outputs.tables import clean_plain, plain_values
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.panels.joins import EVIDENCE, POINT_COLUMNS
from riskmap.panels.knowledge import SHARE_COLUMNS
from riskmap.schema import CRS, INCIDENT_COLUMNS, REGION_COLUMNS, check_columns, conform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from riskmap.outputs.bundles import Bundle
    from riskmap.schema import Column

POINTER = "latest"
MANIFEST = "manifest.json"
LAYER = "layer.json"
DIGITS = 12
#: Letters of a pointer file that are read.
_LONGEST = 200
_NAMED = re.compile(rf".*?([0-9a-f]{{{DIGITS}}})(\.\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLAIN_NAME = re.compile(r"[\w][\w.-]*")

KIND = "riskmap layer 1"
#: What each table of a layer holds. What a set that was published earlier lacks comes back missing,
#: but for what every set has.
_TABLES: dict[str, Sequence[Column]] = {
    "risks": RISK_COLUMNS,
    "drivers": DRIVER_COLUMNS,
    "incidents": [
        *(column for column in INCIDENT_COLUMNS if column.name in EVIDENCE),
        *POINT_COLUMNS,
    ],
    "knowledge": KNOWLEDGE_COLUMNS,
    "shares": SHARE_COLUMNS,
    "attacks": ATTACK_COLUMNS,
    "gone": GONE_COLUMNS,
    "counts": WINDOW_COLUMNS,
    "sites": SITE_COLUMNS,
}
_ALWAYS = {
    "risks": (*KEY, "risk_level", "level_name", "p_any", "expected_count", "q05", "q50", "q95"),
    "drivers": (*KEY, "driver", "value"),
}
_DTYPES = re.compile(
    r"str|string|object|bool|boolean|[Ii]nt64|float64|datetime64\[(s|ms|us)(, UTC)?\]"
)
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def read_layer(folder: str | Path, *, today: str | date | None = None) -> RiskLayer:
    """Return the layer of a published set, after checking that the set is whole and unchanged.

    Parameters
    ----------
    folder
        A folder that :func:`riskmap.publish` wrote to, for the set that ``latest`` points at, or
        the folder of one set, of which the day is enough where it has but one: ``out/2025-02-01``.
    today
        The day of reading, which decides whether the layer has expired; the clock's day in UTC when
        None. Nothing else depends on it.

    Returns
    -------
    RiskLayer
        The layer that was published: the same tables, with coordinates rounded to 6 decimals and
        infinite numbers missing. Of a set published with the profile ``public``, what is public.

    Raises
    ------
    PublishedSetError
        When there is no set, a file is missing or isn't as the manifest says, or the set is of a
        kind that this version can't read.

    Warns
    -----
    RiskmapWarning
        When the layer is stale or has expired.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel, horizon="90D"), districts)
    >>> with TemporaryDirectory() as out:
    ...     _ = rm.publish(layer, out, formats=["csv"])
    ...     rm.read_layer(out, today="2025-02-01").risks.equals(layer.risks)
    True
    """
    found = find_set(folder)
    check_set(found)
    try:
        layer = decode_layer((found / LAYER).read_bytes())
    except FileNotFoundError as error:
        raise PublishedSetError("the set holds no layer", file=found / LAYER) from error
    except InputError as error:
        raise PublishedSetError.of(error, file=found / LAYER) from error
    check_validity(layer.context, today=today, stacklevel=3)
    return layer


def find_set(folder: str | Path) -> Path:
    """Return the folder of the set that a path means.

    It is itself, or where its ``latest`` points, or the only set of its day: ``out/2025-02-01`` is
    short for ``out/2025-02-01-0123456789ab``.
    """
    folder = Path(folder)
    of_day = sorted(folder.parent.glob(f"{folder.name}-*")) if _DAY.fullmatch(folder.name) else []
    for candidate in (follow_pointer(folder / POINTER), folder, *of_day[:1]):
        if (candidate / MANIFEST).is_file() and not (candidate in of_day and len(of_day) > 1):
            return candidate.resolve()
    several = ", ".join(path.name for path in of_day)
    raise PublishedSetError(
        "several sets of this day" if several else "no published set",
        file=folder,
        met=several or None,
        expected="the name of one" if several else f"a folder with {MANIFEST}",
    )


def follow_pointer(pointer: Path) -> Path:
    """Return the set that a pointer names where it is a file, or the pointer itself: a link."""
    if not pointer.is_file():
        return pointer
    name = pointer.read_bytes()[:_LONGEST].decode("utf-8", "replace").strip()
    return pointer.with_name(name) if _NAMED.fullmatch(name) and _is_plain(name) else pointer


def _is_plain(name: str) -> bool:
    """Return whether a name stays within its folder."""
    return bool(_PLAIN_NAME.fullmatch(name))


def check_set(folder: Path) -> None:
    """Compare every file of a set with its manifest, and the manifest with the set's name.

    Raises
    ------
    PublishedSetError
        When a file is missing or changed, or the manifest is.
    """
    path = folder / MANIFEST
    data = path.read_bytes()
    named = _NAMED.fullmatch(folder.name)
    digest = hashlib.sha256(data).hexdigest()[:DIGITS]
    if named and named[1] != digest:
        raise PublishedSetError(
            "changed since it was published", file=path, met=digest, expected=named[1]
        )
    try:
        files = orjson.loads(data)["files"]
        entries = {str(entry["name"]): str(entry["sha256"]) for entry in files}
    except (KeyError, TypeError, ValueError) as error:
        raise PublishedSetError("not a manifest", file=path, met=str(error)) from error
    for name, expected in entries.items():
        _check_file(folder, name, expected)


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if not _is_plain(name) or path.is_symlink() or not path.is_file():
        raise PublishedSetError("a file of the set is missing", file=folder, met=name)
    with path.open("rb") as file:
        met = hashlib.file_digest(file, "sha256").hexdigest()
    if met != expected:
        raise PublishedSetError(
            "changed since it was published", file=path, met=met, expected=expected
        )


def encode_layer(bundle: Bundle) -> bytes:
    """Return a layer as JSON.

    Numbers keep every digit; infinite ones become missing, coordinates are rounded as in GeoJSON,
    times are kept to the microsecond, columns of types that no schema holds become text.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.outputs.bundles import Bundle
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), rm.datasets.regions())
    >>> decode_layer(encode_layer(Bundle(layer))).risks.equals(layer.risks)
    True
    """
    layer = bundle.layer
    fields = {
        field.name: _encode(getattr(layer, field.name))
        for field in dataclasses.fields(layer)
        if field.name != "regions"
    }
    place = pd.Index(bundle.regions["region_id"]).get_indexer(layer.regions["region_id"])
    fields["regions"] = {"geotable": _encode_regions(layer.regions, bundle.shapes[place])}
    return orjson.dumps({"kind": KIND, "fields": fields}, option=_SORTED) + b"\n"


def decode_layer(data: bytes) -> RiskLayer:
    """Return the layer that :func:`encode_layer` wrote.

    Raises
    ------
    InputError
        When it is no such file, or a part of it is missing or not what it must be.
    """
    try:
        told = {name: part for name, part in _fields(data).items() if name not in _GONE}
        layer = RiskLayer(**{name: _decode(part) for name, part in told.items()})
        check_columns(layer.regions, REGION_COLUMNS, table="regions")
        for name, always in _ALWAYS.items():
            table = getattr(layer, name)
            present = {*always, *table.columns}
            check_columns(table, [one for one in _TABLES[name] if one.name in present], table=name)
        tables = {name: getattr(layer, name) for name in _TABLES}
        layer = dataclasses.replace(
            layer, **{name: _with_all(table, _TABLES[name]) for name, table in tables.items()}
        )
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise InputError("not a whole layer", met=f"{type(error).__name__}: {error}") from error
    return layer


def _with_all(table: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return a table with the columns that it lacks behind, all missing."""
    lacking = [column.name for column in columns if column.name not in table]
    return conform(table, columns)[[*table.columns, *lacking]] if lacking else table


#: What sets of earlier versions held as well.
_GONE = ("sources",)


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
        {"name": str(column.name), "dtype": str(column.dtype), "values": _encode_column(column)}
        for column in columns
    ]


def _known(column: pd.Series) -> pd.Series:
    """Return a column, as text when it is of a type that no schema holds."""
    return column if _DTYPES.fullmatch(str(column.dtype)) else column.astype("str")


def _encode_column(column: pd.Series) -> list[Any]:
    """Return a column as JSON can hold it: times as text, what is missing as null."""
    if column.dtype.kind != "M":
        return plain_values(column)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    times = np.datetime_as_string(column.to_numpy(dtype="datetime64[us]"))
    return pd.Series(times, dtype=object).mask(column.isna().to_numpy(), None).tolist()


def _decode_table(columns: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({column["name"]: _decode_column(**column) for column in columns})


def _decode_column(name: str, dtype: str, values: list[Any]) -> pd.Series:
    if not _DTYPES.fullmatch(dtype):
        raise InputError("an unknown type of column", column=name, met=dtype)
    if dtype.startswith("datetime64"):
        times = pd.to_datetime(pd.Series(values, dtype="str"), format="ISO8601")
        return (times.dt.tz_localize("UTC") if dtype.endswith("UTC]") else times).astype(dtype)
    return pd.Series(values, dtype=dtype)


def _encode_regions(frame: gpd.GeoDataFrame, shapes: NDArray[np.object_]) -> dict[str, Any]:
    return {
        "columns": _encode_table(pd.DataFrame(frame).drop(columns=frame.geometry.name)),
        "geometry": [None if g is None else orjson.Fragment(shapely.to_geojson(g)) for g in shapes],
    }


def _decode_geotable(part: Mapping[str, Any]) -> gpd.GeoDataFrame:
    texts = [None if g is None else orjson.dumps(g) for g in part["geometry"]]
    shapes = shapely.from_geojson(np.array(texts, dtype=object))
    return gpd.GeoDataFrame(_decode_table(part["columns"]), geometry=shapes, crs=CRS)


def _decode_ledger(stages: list[dict[str, Any]]) -> Ledger:
    told = [{key: stage[key] for key in stage if key != "quarantined"} for stage in stages]
    return Ledger(tuple(Stage(**stage) for stage in told))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "geotable": _decode_geotable,
    "table": _decode_table,
    "scale": LevelScale.of,
    "ledger": _decode_ledger,
    "plain": lambda value: value,
}
