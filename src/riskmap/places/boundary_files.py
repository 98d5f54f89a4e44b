"""Boundary files as they stand on disk: which formats are opened, and how, without trusting them.

A file is opened by the reader of its suffix, and only when its first bytes agree. GeoJSON is parsed
here and never by GDAL, which would follow a VRT or a service address under any suffix; GDAL opens
FlatGeobuf, GeoPackage and Shapefile alone. URLs and GDAL's virtual paths are refused.
TopoJSON, whose neighbours share arcs, is put together to polygons again.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap.errors import BoundaryError, importing
from riskmap.places.region_index.building import solid_parts
from riskmap.schema import CRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d{4,6})", re.IGNORECASE)
_CRS84 = re.compile(r"urn:ogc:def:crs:OGC:(1\.3|):CRS84|OGC:CRS84", re.IGNORECASE)
_BAD_CRS = "the coordinate system can't be used"
_POLYGONS, _COLLECTION = (3, 6), 7
#: Marks of files that name other files or services, and how many first bytes may hold one.
_REFERENCES = re.compile(
    rb"<(?:ogr|vrt|gdal|kml|gml|wfs|wms|csw|oapif|ogcapi|osm|gpx|rss|mapml|jcs|\?xml|!doctype)"
    rb"|@VGMT|/vsi[a-z]",
    re.IGNORECASE,
)
_HEAD = 1 << 12
#: Degrees beyond the whole globe that rounding may leave.
_SLACK = 1e-6


def read_polygons(source: Path | pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the features of a boundary file or table as they stand, in EPSG:4326, in order.

    Parameters
    ----------
    source
        A GeoDataFrame, or the path of a file: GeoJSON (``.geojson``, ``.json``), TopoJSON
        (``.topojson``, ``.json``), FlatGeobuf (``.fgb``), GeoPackage (``.gpkg``), Shapefile
        (``.shp``) or GeoParquet (``.parquet``, needs the extra ``parquet``).

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons and MultiPolygons, none missing or empty; they may be invalid.

    Raises
    ------
    BoundaryError
        When there is no such file, its format is not one of these, it is broken, it has no
        coordinate system, or a feature is no polygon; names the feature, counted from 1.
    MissingDependencyError
        When a GeoParquet file is met without pyarrow.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> len(read_polygons(data_path("boundaries/world_adm1.fgb"))) > 4000
    True
    """
    with naming(source):
        frame = source if isinstance(source, pd.DataFrame) else _read_file(source)
        if frame.empty:
            raise BoundaryError("there are no features")
        frame = _to_degrees(frame.reset_index(drop=True))
        frame = frame.set_geometry(_join_collections(frame.geometry.to_numpy()), crs=CRS)
        _check_geometries(frame)
    return frame.set_geometry(_without_empty_parts(frame.geometry.to_numpy()), crs=CRS)


@contextmanager
def naming(source: Path | pd.DataFrame) -> Iterator[None]:
    """Let every error of boundaries name the file that they are from, where they are from one.

    Examples
    --------
    >>> from pathlib import Path
    >>> with naming(Path("a.shp")):
    ...     raise BoundaryError("no feature has an id")
    Traceback (most recent call last):
    riskmap.errors.BoundaryError: a.shp: no feature has an id
    """
    try:
        yield
    except BoundaryError as error:
        error.file = None if isinstance(source, pd.DataFrame) else str(source)
        raise


def _join_collections(shapes: np.ndarray) -> np.ndarray:
    """Return geometries in which a collection of nothing but polygons is one shape."""
    whole = shapes.copy()
    for at in np.flatnonzero(shapely.get_type_id(shapes) == _COLLECTION):
        parts = shapely.get_parts(shapely.get_parts(shapes[at]))
        if len(parts) and (shapely.get_type_id(parts) == _POLYGONS[0]).all():
            united = shapely.is_valid(parts).all()
            whole[at] = shapely.union_all(parts) if united else shapely.multipolygons(parts)
    return whole


def _without_empty_parts(shapes: np.ndarray) -> np.ndarray:
    """Return polygons of which no part is empty; none of them is empty as a whole."""
    every, owners = shapely.get_parts(shapes, return_index=True)
    some = np.unique(owners[shapely.is_empty(every)])
    whole = shapes.copy()
    for at in some:
        whole[at] = shapely.multipolygons(solid_parts(shapes[at : at + 1])[0])
    return whole


def _read_file(path: Path) -> gpd.GeoDataFrame:
    """Return the features of a plain file of a known kind, or raise.

    The bytes that tell a format must stand in a file of its suffix, and no reference to others:
    GDAL asks its drivers in turn, and some find their mark anywhere in a file's first bytes, so
    that it could take a file for a description of where other data are.
    """
    text = str(path)
    if "://" in text or ":/" in text or text.lower().startswith("/vsi") or "!" in text:
        raise BoundaryError("not a plain file path", expected="a local file; download it first")
    if not path.is_file():
        raise BoundaryError("there is no such file")
    if path.suffix.lower() not in _FORMATS:
        known = "one of " + ", ".join(_FORMATS)
        raise BoundaryError("not a known boundary format", met=path.suffix, expected=known)
    reader, kind, marks = _FORMATS[path.suffix.lower()]
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for at, starts in marks.items():
        met = head[at : at + len(starts[0])]
        if met not in starts:
            wanted = " or ".join(map(repr, starts)) + f" at byte {at}"
            raise BoundaryError(f"not a {kind}", met=met, expected=wanted)
    found = _REFERENCES.search(head) if reader is _read_gdal else None
    if found:
        wanted = "a file that holds its features and no markup"
        raise BoundaryError("the file may stand for others", met=found[0], expected=wanted)
    return reader(path.resolve())


def _read_geojson(path: Path) -> gpd.GeoDataFrame:
    """Return the features of a GeoJSON FeatureCollection, or of TopoJSON."""
    try:
        document = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        wanted = "JSON text in UTF-8"
        raise BoundaryError("not GeoJSON", met=str(error), expected=wanted) from error
    if isinstance(document, dict) and document.get("type") == "Topology":
        document = read_topology(document)
    kind = document.get("type") if isinstance(document, dict) else type(document).__name__
    features = document.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        wanted = "a FeatureCollection"
        raise BoundaryError("not a collection of features", met=kind, expected=wanted)
    geometries = [_geometry_of(feature, i) for i, feature in enumerate(features, start=1)]
    rows = [feature.get("properties") or {} for feature in features]
    properties = pd.DataFrame(rows, index=range(len(rows)))
    # A property named "geometry" would hide the geometry.
    properties = properties.drop(columns="geometry", errors="ignore")
    crs = _geojson_crs(document.get("crs"))
    return gpd.GeoDataFrame(properties, geometry=np.array(geometries, dtype=object), crs=crs)


def _geometry_of(feature: Any, number: int) -> shapely.Geometry | None:
    """Return one feature's geometry, read strictly."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise BoundaryError("not a Feature", row=number)
    for name in ("properties", "geometry"):
        if not isinstance(feature.get(name), dict | None):
            raise BoundaryError(f"{name}: not an object", row=number)
    try:
        geometry = feature.get("geometry")
        return None if geometry is None else shapely.from_geojson(orjson.dumps(geometry))
    except (shapely.errors.GEOSException, orjson.JSONEncodeError) as error:
        met, wanted = str(error).strip(), "a Polygon or MultiPolygon of closed rings"
        message = "the geometry can't be read"
        raise BoundaryError(message, row=number, met=met, expected=wanted) from error


def _geojson_crs(member: Any) -> str:
    """Return the coordinate system of a GeoJSON file: WGS 84, or its legacy member's EPSG code."""
    from pyproj.database import get_codes

    if member is None:
        return CRS
    try:
        name = str(member["properties"]["name"])
    except (KeyError, TypeError):
        name = ""
    if _CRS84.fullmatch(name):
        return CRS
    code = _EPSG.fullmatch(name)
    if code and code[1] in get_codes("EPSG", "CRS", allow_deprecated=True):
        return f"EPSG:{code[1]}"
    wanted = "no crs member (WGS 84), CRS84, or an EPSG code"
    raise BoundaryError(_BAD_CRS, column="crs", met=name or member, expected=wanted)


def _read_gdal(path: Path) -> gpd.GeoDataFrame:
    """Return the one layer of a file whose first bytes were checked."""
    import pyogrio

    broken = (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        pyogrio.errors.GeometryError,
        shapely.errors.GEOSException,
        UnicodeDecodeError,
    )
    try:
        layers = pyogrio.list_layers(path)[:, 0]
        if len(layers) != 1:
            wanted = "one; save the layer to a file of its own"
            met = ", ".join(layers)
            raise BoundaryError("the file holds several layers", met=met, expected=wanted)
        encoding = _shape_encoding(path)
        return pyogrio.read_dataframe(path, force_2d=True, on_invalid="raise", encoding=encoding)
    except broken as error:
        raise BoundaryError("the file can't be read", met=str(error)) from error


def _shape_encoding(path: Path) -> str | None:
    """Return UTF-8 for a shapefile that is of it and does not say so; None for any other."""
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").exists() or not table.is_file():
        return None
    held = table.read_bytes()
    rows = held[int.from_bytes(held[8:10], "little") :]
    try:
        return None if rows.isascii() else rows.decode("utf-8") and "UTF-8"
    except UnicodeDecodeError:
        return None


def _read_geoparquet(path: Path) -> gpd.GeoDataFrame:
    with importing("pyarrow", extra="parquet"):
        import pyarrow as pa
        from pyarrow import parquet
    try:
        parquet.read_table(path).validate(full=True)
        return gpd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise BoundaryError("not a GeoParquet file", met=str(error)) from error


#: By suffix: the reader, what files of it are, and what must stand at a byte of them.
_FORMATS: dict[
    str, tuple[Callable[[Path], gpd.GeoDataFrame], str, dict[int, tuple[bytes, ...]]]
] = {
    ".geojson": (_read_geojson, "GeoJSON file", {}),
    ".json": (_read_geojson, "GeoJSON file", {}),
    ".topojson": (_read_geojson, "TopoJSON file", {}),
    ".fgb": (_read_gdal, "FlatGeobuf file", {0: (b"fgb\x03fgb",)}),
    ".gpkg": (
        _read_gdal,
        "GeoPackage",
        {0: (b"SQLite format 3\x00",), 68: (b"GPKG", b"GP10", b"GP11")},
    ),
    ".shp": (_read_gdal, "Shapefile", {0: (b"\x00\x00\x27\x0a",)}),
    ".parquet": (_read_geoparquet, "Parquet file", {0: (b"PAR1",)}),
    ".geoparquet": (_read_geoparquet, "Parquet file", {0: (b"PAR1",)}),
}


def _to_degrees(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the features in EPSG:4326, two-dimensional, with `geometry` as their only geometry."""
    from pyproj.exceptions import ProjError

    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        raise BoundaryError("there are no geometries", expected="polygons")
    if frame.crs is None:
        wanted = "one that is stated (a Shapefile needs its .prj, a GeoDataFrame set_crs)"
        raise BoundaryError("there is no coordinate system", expected=wanted)
    properties = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    shapes = gpd.GeoSeries(shapely.force_2d(frame.geometry.to_numpy()), crs=frame.crs)
    if frame.crs.is_projected and _fit_globe(shapes.to_numpy()).all():
        met, wanted = frame.crs.to_string(), "metres, or EPSG:4326 as the coordinate system"
        message = "the coordinates are degrees, and the coordinate system is of metres"
        raise BoundaryError(message, met=met[:40], expected=wanted)
    try:
        shapes = shapes.to_crs(CRS)
    except ProjError as error:
        raise BoundaryError(_BAD_CRS, met=str(error)) from error
    return gpd.GeoDataFrame(properties.select_dtypes(exclude="geometry"), geometry=shapes, crs=CRS)


def _check_geometries(frame: gpd.GeoDataFrame) -> None:
    """Raise at the first feature that is missing, empty, no polygon, or not in degrees."""
    shapes = frame.geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    degrees = _fit_globe(shapes)
    points, owners = shapely.get_coordinates(shapes, return_index=True)
    finite = np.isfinite(np.bincount(owners, points.sum(axis=1), minlength=len(shapes)))
    for wrong, message, expected in (
        (shapely.is_missing(shapes), "has no geometry", "a polygon; remove the feature"),
        (~np.isin(kinds, _POLYGONS), "is no polygon", "a Polygon or MultiPolygon"),
        (shapely.is_empty(shapes), "is empty", "a polygon with an area"),
        (~finite, "has coordinates that are not finite", "finite numbers"),
        (~degrees, "lies outside the globe", _outside(shapes)),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            met = None if shapes[first] is None else shapes[first].geom_type
            raise BoundaryError(f"a feature {message}", row=first + 1, met=met, expected=expected)


def _fit_globe(shapes: np.ndarray) -> np.ndarray:
    """Return which geometries have longitudes and latitudes for coordinates; not empty ones."""
    x0, y0, x1, y1 = shapely.bounds(shapes).T
    return np.asarray(
        (x0 >= -180 - _SLACK) & (x1 <= 180 + _SLACK) & (y0 >= -90 - _SLACK) & (y1 <= 90 + _SLACK)
    )


def _outside(shapes: np.ndarray) -> str:
    """Return what is expected of coordinates outside of the globe, and why they may be there."""
    wanted = "degrees: longitude in [-180, 180], latitude in ±90"
    turned = shapely.transform(shapes, lambda points: points[:, ::-1])
    if _fit_globe(turned[~shapely.is_missing(turned)]).all():
        return f"{wanted}; here latitude seems to stand first"
    return f"{wanted}; metres need the coordinate system that they are of"


_HOLDERS = ("GeometryCollection",)
_SHAPES = ("Polygon", "MultiPolygon")
_WANTED = "arcs of points, and polygons that name them"


def read_topology(document: dict[str, Any]) -> dict[str, Any]:
    """Return the polygons of a TopoJSON document as a FeatureCollection of GeoJSON.

    Parameters
    ----------
    document
        The values of the file.

    Raises
    ------
    BoundaryError
        When it holds no layer of polygons, or several, or names an arc that it does not hold.

    Examples
    --------
    >>> square = [[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2]]
    >>> one = {"type": "Polygon", "arcs": [[0]], "properties": {"name": "Kelda"}}
    >>> layer = {"type": "GeometryCollection", "geometries": [one]}
    >>> found = read_topology({"type": "Topology", "objects": {"a": layer}, "arcs": [square],
    ...     "transform": {"scale": [0.5, 0.5], "translate": [10, 20]}})
    >>> found["features"][0]["geometry"]["coordinates"]
    [[[10.0, 20.0], [11.0, 20.0], [11.0, 21.0], [10.0, 21.0], [10.0, 20.0]]]
    """
    objects = document.get("objects")
    layers = {
        name: [one for one in layer.get("geometries", ()) if isinstance(one, dict)]
        for name, layer in (objects.items() if isinstance(objects, dict) else ())
        if isinstance(layer, dict) and layer.get("type") in _HOLDERS
    }
    layers = {
        name: parts
        for name, parts in layers.items()
        if any(one.get("type") in _SHAPES for one in parts)
    }
    if len(layers) != 1:
        met = ", ".join(layers) or "no layer of polygons"
        raise BoundaryError(
            "not a collection of features", met=met, expected="one layer of polygons"
        )
    try:
        arcs = _read_arcs(document)
        features = [_read_feature(one, arcs) for one in next(iter(layers.values()))]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BoundaryError("not TopoJSON", met=repr(error), expected=_WANTED) from error
    return {"type": "FeatureCollection", "features": features}


def _read_arcs(document: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Return the points of each arc, in degrees; those of a grid are steps from one to the next."""
    arcs = [np.array([point[:2] for point in arc], dtype=np.float64) for arc in document["arcs"]]
    if transform := document.get("transform"):
        scale, origin = (np.array(transform[key], np.float64) for key in ("scale", "translate"))
        return [arc.cumsum(axis=0) * scale + origin for arc in arcs]
    return arcs


def _read_feature(one: dict[str, Any], arcs: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Return one geometry of a layer as a feature; its id is a property where it has none of it."""
    kind, held = one.get("type"), one.get("arcs")
    geometry = None
    if kind == "Polygon":
        geometry = {"type": kind, "coordinates": [_join(ring, arcs) for ring in held or ()]}
    elif kind == "MultiPolygon":
        rings = [[_join(ring, arcs) for ring in part] for part in held or ()]
        geometry = {"type": kind, "coordinates": rings}
    elif kind is not None:
        geometry = {"type": kind, "coordinates": one.get("coordinates", [])}
    properties = dict(one.get("properties") or {})
    if "id" in one:
        properties.setdefault("id", one["id"])
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _join(ring: list[int], arcs: list[NDArray[np.float64]]) -> list[list[float]]:
    """Return the points of a ring; an arc ``~i`` is arc ``i`` backwards, and its first is known."""
    parts = [arcs[at] if at >= 0 else arcs[~at][::-1] for at in ring]
    joint = [parts[0], *(part[1:] for part in parts[1:])]
    points: list[list[float]] = np.concatenate(joint).tolist()
    return points
