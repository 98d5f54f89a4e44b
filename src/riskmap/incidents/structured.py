"""Records that are no CSV - frames, JSON of an API, GeoJSON - as the same table of text."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap.errors import InputError
from riskmap.incidents.delimited import RawTable, check_width
from riskmap.incidents.parts import NO_FILE
from riskmap.incidents.words import unique_names
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from riskmap.typing import IntArray

#: Under which key the answers of known services hold their rows: ACLED and HDX HAPI, UCDP.
ENVELOPES = ("data", "Result")
#: How deep in objects lists of records and columns are looked for.
_NAMED = 4
#: How deep lists and objects may be nested in a value.
NESTED = 250
_WGS84 = ("crs84", "4326", "wgs84", "wgs 84")


def read_frame(frame: pd.DataFrame, *, name: str = NO_FILE) -> RawTable:
    """Return a frame as text; a row's line is its position, counted from 2 as under a header.

    A GeoDataFrame of points gives its columns ``longitude`` and ``latitude`` in EPSG:4326.

    Parameters
    ----------
    frame
        The table.
    name
        What to call it in messages.

    Raises
    ------
    InputError
        When it has no rows, or is a GeoDataFrame without a coordinate system.

    Examples
    --------
    >>> read_frame(pd.DataFrame({"id": [7], "killed": [None]})).rows.values.tolist()
    [['7', '']]
    """
    if isinstance(frame, gpd.GeoDataFrame):
        frame = _without_geometry(frame, name)
    if not len(frame):
        raise InputError("there is no row", file=name, expected="rows")
    check_width(len(frame.columns), name)
    header = unique_names(str(column) for column in frame.columns)
    rows = pd.DataFrame(
        {column: _texts(frame.iloc[:, i], name, column) for i, column in enumerate(header)}
    )
    return RawTable(
        name=name,
        header=header,
        rows=rows,
        lines=np.arange(2, len(frame) + 2, dtype=np.int64),
    )


def _without_geometry(frame: gpd.GeoDataFrame, name: str) -> pd.DataFrame:
    """Return a frame with its points in two columns; what is no point is told as its type."""
    if frame.crs is None:
        raise InputError("the table has no coordinate system", file=name, expected="a crs")
    points = frame.geometry.to_crs(CRS)
    other = points.geom_type.where(points.geom_type != "Point").fillna("")
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    for column, axis in (("longitude", shapely.get_x), ("latitude", shapely.get_y)):
        number = pd.Series(axis(points.to_numpy()), index=plain.index, dtype=object)
        plain[column] = number.where(other == "", other)
    return plain


def _texts(values: pd.Series, name: str, column: str) -> pd.Series:
    """Return any column as text, ``""`` where missing."""
    plain = values.astype(object).where(values.notna(), None)
    try:
        return pd.Series([to_text(value) for value in plain], dtype="str")
    except orjson.JSONEncodeError as error:
        raise InputError(
            f"a value can't be written as text: {error}",
            file=name,
            column=column,
            expected=f"lists and objects nested at most {NESTED} deep",
        ) from error


def to_text(value: object) -> str:
    """Return a value as a file would write it.

    Examples
    --------
    >>> to_text(None), to_text(True), to_text(2.0), to_text(["a", 1])
    ('', 'true', '2.0', '["a",1]')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def read_json_table(path: Path, fits: Callable[[Iterable[str]], bool] = lambda _: True) -> RawTable:
    """Return the rows of a JSON file: a list, one record a line, an answer, or GeoJSON of points.

    Parameters
    ----------
    path
        The file.
    fits
        Whether columns are those of a known feed; of others those within objects of a record are
        its columns too, such as ``where/lat``.

    Raises
    ------
    InputError
        When it is no JSON, holds no list of records, or is GeoJSON in another coordinate system.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rows.json")
    ...     _ = path.write_text('{"data": [{"id": "0102", "n": 1}]}')
    ...     read_json_table(path).rows.values.tolist()
    [['0102', '1']]
    """
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    content, lines = _load(path)
    try:
        is_geojson = isinstance(content, dict) and content.get("type") == "FeatureCollection"
        records = (_features if is_geojson else _records)(content, path.name)
    except orjson.JSONEncodeError as error:
        raise InputError(
            f"a value can't be read: {error}",
            file=path.name,
            expected=f"lists and objects nested at most {NESTED} deep",
        ) from error
    if not records:
        raise InputError("there is no record", file=path.name, expected="a list of records")
    if not fits(tuple({key: None for record in records for key in record})):
        records = [dict(_flatten(record)) for record in records]
    names = dict.fromkeys(key for record in records for key in record)
    check_width(len(names), path.name)
    frame = pd.DataFrame(
        {name: pd.Series([r.get(name) for r in records], dtype=object) for name in names}
    )
    raw = read_frame(frame, name=path.name)
    return raw if lines is None else replace(raw, lines=lines)


def _load(path: Path) -> tuple[Any, IntArray | None]:
    """Return what a JSON file holds; of a file with one record a line also their lines."""
    text = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        return orjson.loads(text), None
    except orjson.JSONDecodeError as error:
        failed = error
    found, lines = [], []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            if found and isinstance(found[0], dict):
                failed, failed.lineno = error, number
            break
        lines.append(number)
    else:
        return found, np.array(lines, np.int64)
    raise InputError(
        f"not JSON: {failed.msg}", file=path.name, row=failed.lineno, expected="JSON text"
    ) from failed


def _flatten(record: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of a record, those of its objects by the names of both."""
    for name, value in record.items():
        whole = f"{within}/{name}" if within else name
        if isinstance(value, dict) and value and whole.count("/") < _NAMED:
            yield from _flatten(value, whole)
        else:
            yield whole, value


def _find_lists(content: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of records in an answer, in objects too, each with its name."""
    for name, value in content.items():
        whole = f"{within}/{name}" if within else name
        if isinstance(value, list) and value:
            yield whole, value
        elif isinstance(value, dict) and whole.count("/") < _NAMED:
            yield from _find_lists(value, whole)


def _records(content: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the list of records in an answer; of one of no known service its only list."""
    if isinstance(content, dict):
        lists = dict(_find_lists(content))
        records = {key: some for key, some in lists.items() if isinstance(some[0], dict)} or lists
        known = [content[key] for key in ENVELOPES if isinstance(content.get(key), list)]
        if len(records) > 1 and not known:
            met = ", ".join(f"{key} ({len(some)})" for key, some in list(records.items())[:9])
            wanted = "one; save the records of incidents alone"
            raise InputError("holds several lists", file=name, met=met, expected=wanted)
        content = next(iter((*known, *records.values())), None)
    if not isinstance(content, list):
        wanted = "[{...}, ...], or such a list under a name"
        raise InputError("holds no list of records", file=name, expected=wanted)
    return _all_objects(content, name)


def _all_objects(items: Iterable[Any], name: str) -> list[Mapping[str, Any]]:
    records: list[Mapping[str, Any]] = []
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise InputError(
                "not a record", file=name, row=position + 2, met=str(item)[:40], expected="{...}"
            )
        records.append(item)
    return records


def _features(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return GeoJSON features as records with longitude and latitude."""
    crs = to_text(content.get("crs")).casefold()
    if crs and not any(known in crs for known in _WGS84):
        raise InputError(
            "coordinates in another system", file=name, met=crs[:80], expected="WGS 84 (RFC 7946)"
        )
    features = content.get("features")
    if not isinstance(features, list):
        raise InputError("holds no list of features", file=name, expected="a FeatureCollection")
    records: list[Mapping[str, Any]] = []
    for feature in _all_objects(features, name):
        properties, geometry = feature.get("properties"), feature.get("geometry")
        record = dict(properties) if isinstance(properties, dict) else {}
        if "id" in feature:
            record.setdefault("id", feature["id"])
        record["longitude"], record["latitude"] = _position(geometry)
        records.append(record)
    return records


def _position(geometry: Any) -> tuple[Any, Any]:
    """Return longitude and latitude of a point, nothing of no geometry, the type of any other."""
    if geometry is None:
        return None, None
    kind = geometry.get("type") if isinstance(geometry, dict) else geometry
    position = geometry.get("coordinates") if kind == "Point" else None
    if isinstance(position, list) and len(position) in (2, 3):
        return position[0], position[1]
    shown = to_text(kind) or "no type"
    return shown, shown
