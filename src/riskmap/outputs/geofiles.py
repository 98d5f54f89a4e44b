"""What a GIS reads: GeoJSON (RFC 7946), GeoPackage, GeoParquet, vector tiles, styles, PostGIS.

A database is written in one transaction and with bound values: what a name holds is data. A
password stands in the URL or in the environment (``PGPASSWORD``, ``~/.pgpass``), in no message.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quote_url

import geopandas as gpd
import orjson
import pyogrio
import shapely

from riskmap.errors import InputError, MissingDependencyError, ServiceError, importing
from riskmap.incidents.parts import import_arrow
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.catalogues import read_template
from riskmap.outputs.geometries import bounding_box
from riskmap.outputs.sets import encode_layer
from riskmap.outputs.table_files import UNKNOWN
from riskmap.outputs.tables import (
    DAYS,
    INCIDENTS,
    RISK,
    clean_plain,
    incident_points,
    plain_records,
)
from riskmap.schema import COUNT, CRS, DAY, FLAG, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pandas as pd
    from sqlalchemy import Connection, Engine

    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale

#: What a tile carries of each region: what maps show, not all that tables know.
_TILE = ("region_id", "name", "parent", "risk_level", "level_name", "p_any", "confidence")
_TILE_END = (
    *("data_sufficiency", "reasons", "at_least", "attacked", "level_low", "level_high"),
    *("reporting_gap", "level_as_of", "trend", "valid_until"),
)
_MAXZOOM = 8

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,49}")
_PREFIX = re.compile("^[vfg]_")
_SQL_TYPES = {COUNT: "bigint", NUMBER: "double precision", FLAG: "boolean"}
_SQL_TIMES = {
    **dict.fromkeys(("as_of", *DAYS), "date"),
    **dict.fromkeys(("issued_at", "valid_from", "valid_until", "stale_after"), "timestamptz"),
}
_LAYERS = """CREATE TABLE IF NOT EXISTS {layers} (
  layer_version text PRIMARY KEY, as_of date NOT NULL, provenance jsonb NOT NULL,
  written bigint GENERATED ALWAYS AS IDENTITY)"""
_RISKS = """CREATE TABLE IF NOT EXISTS {risks} (
  layer_version text NOT NULL REFERENCES {layers} ON DELETE CASCADE, region_id text NOT NULL,
  geom geometry(MultiPolygon, 4326), PRIMARY KEY (layer_version, region_id))"""
_INDEX = "CREATE INDEX IF NOT EXISTS {index} ON {risks} USING GIST (geom)"
_COLUMN = "ALTER TABLE {risks} ADD COLUMN IF NOT EXISTS {column} {type}"
_BEFORE = "DELETE FROM {layers} WHERE layer_version = %(version)s"
_LAYER = """INSERT INTO {layers} (layer_version, as_of, provenance)
  VALUES (%(version)s, %(as_of)s::date, %(provenance)s::jsonb)"""
_ROW = """INSERT INTO {risks} (layer_version, geom, {names})
  VALUES (%(layer_version)s, ST_Multi(ST_GeomFromWKB(%(geom)s::bytea, 4326)), {values})"""
_VIEW = """CREATE OR REPLACE VIEW {latest} AS SELECT * FROM {risks} WHERE layer_version =
  (SELECT layer_version FROM {layers} ORDER BY as_of DESC, written DESC LIMIT 1)"""


def geojson_chunks(bundle: Bundle) -> Iterator[bytes]:
    """Yield a layer as GeoJSON, one feature a line, the same bytes every time.

    Yields
    ------
    bytes
        A FeatureCollection with ``bbox``, feature ids, and one foreign member ``riskmap`` that
        holds the provenance.
    """
    member = clean_plain(collection_member(bundle.layer))
    head = {"type": "FeatureCollection", "bbox": bounding_box(bundle.shapes), "riskmap": member}
    return _feature_chunks(
        head,
        (
            {"id": record["region_id"], "bbox": bounding_box([shape])} | _feature(record, shape)
            for record, shape in zip(plain_records(bundle.published), bundle.shapes, strict=True)
        ),
    )


def incident_chunks(bundle: Bundle) -> Iterator[bytes]:
    """Yield the incidents as GeoJSON: points where one is known, one feature a line."""
    table = bundle.table_of(INCIDENTS)
    days = {
        name: table[name].dt.strftime("%Y-%m-%d").astype("str")
        for name in table.columns
        if str(table[name].dtype) == DAY
    }
    told = zip(plain_records(table.assign(**days)), incident_points(table), strict=True)
    return _feature_chunks(
        {"type": "FeatureCollection"},
        (
            {"id": f"{record['incident_id']}@{record['region_id']}"} | _feature(record, shape)
            for record, shape in told
        ),
    )


def _feature(record: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Return what a feature has beside its id."""
    geometry = shape and orjson.Fragment(shapely.to_geojson(shape))
    return {"geometry": geometry, "properties": record}


def _feature_chunks(head: dict[str, Any], features: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a collection, one feature a line."""
    yield _dumps(head)[:-1] + b',"features":['
    between = b"\n"
    for feature in features:
        yield between + _dumps({"type": "Feature"} | feature)
        between = b",\n"
    yield b"\n]}\n"


def _dumps(member: dict[str, Any]) -> bytes:
    """Return a JSON object without a bbox that bounds nothing."""
    return orjson.dumps({key: value for key, value in member.items() if key != "bbox" or value})


def collection_member(layer: RiskLayer) -> dict[str, Any]:
    """Return the foreign member ``riskmap``: what the layer is and what it rests on.

    An attack that is known to a province or country alone marks no feature, and stands here.
    """
    provenance = {key: value for key, value in layer.provenance.items() if key != "inputs"}
    areas = ["area", "event_date", "until"]
    somewhere = layer.attacks.loc[layer.attacks["area"].notna(), areas].sort_values(areas)
    days = {name: somewhere[name].dt.strftime("%Y-%m-%d").astype("str") for name in areas[1:]}
    return {
        **dict(sorted(provenance.items())),
        "headline": layer.headline,
        "scale_id": layer.scale.scale_id,
        "thresholds": {
            name: list(bounds) for name, bounds in sorted(layer.scale.thresholds.items())
        },
        "attacks_in_areas": list(plain_records(somewhere.assign(**days))),
    }


def write_geoparquet(bundle: Bundle, path: Path) -> None:
    """Write a layer as GeoParquet 1.1 with a box a row, so that readers fetch what they need.

    Raises
    ------
    MissingDependencyError
        When pyarrow is not installed (extra ``parquet``).
    """
    import_arrow()
    _to_geoparquet(bundle.frame, path)


def _to_geoparquet(frame: gpd.GeoDataFrame, path: Path) -> None:
    frame.to_parquet(
        path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True
    )


def write_parquet(name: str, bundle: Bundle, path: Path, _: str) -> None:
    """Write one of the tables of a layer as Parquet, incidents as GeoParquet with their points.

    Raises
    ------
    MissingDependencyError
        When pyarrow is not installed (extra ``parquet``).
    """
    import_arrow()
    table = bundle.table_of(name)
    if name == INCIDENTS:
        frame = gpd.GeoDataFrame(table, geometry=incident_points(table), crs=CRS)
        _to_geoparquet(frame, path)
    else:
        table.to_parquet(path, index=False, compression="zstd")


def write_pmtiles(bundle: Bundle, path: Path) -> None:
    """Write a layer as vector tiles in one file (PMTiles 3), zoom 0 to 8, without a clock in it.

    Parameters
    ----------
    bundle
        The layer.
    path
        A file that is not there yet.

    Raises
    ------
    MissingDependencyError
        When this pyogrio's GDAL has no PMTiles (its wheels have; extra ``tiles``).
    """
    need_pmtiles()
    frame = bundle.frame.assign(valid_until=bundle.table["valid_until"])
    levels = [name for name in frame.columns if name.endswith("_risk_level")]
    frame = frame[[*_TILE, *_TILE_END, *levels, "geometry"]]
    pyogrio.write_dataframe(
        _as_tiled(frame[frame.geometry.notna()]),
        path,
        layer=RISK,
        driver="PMTiles",
        dataset_options={"MINZOOM": 0, "MAXZOOM": _MAXZOOM, "NAME": RISK, "TYPE": "overlay"},
    )


def need_pmtiles() -> None:
    """Refuse where this GDAL writes no PMTiles.

    Raises
    ------
    MissingDependencyError
        When it doesn't.
    """
    if "w" not in pyogrio.list_drivers().get("PMTiles", ""):
        raise MissingDependencyError("pyogrio with PMTiles", extra="tiles")


def _as_tiled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame whose whole numbers are such in tiles too, missing ones as 0: no level."""
    whole: pd.Index = frame.columns[
        frame.columns.str.endswith(("risk_level", "level_low", "level_high"))
    ]
    frame = frame.fillna(dict.fromkeys(("level_low", "level_high"), 0))
    return frame.astype(dict.fromkeys(whole, "int32"))


def maplibre_style(scale: LevelScale) -> bytes:
    """Return a MapLibre style (version 8) over vector tiles; it asks nobody for fonts or sprites.

    Parameters
    ----------
    scale
        The levels with their colours.

    Returns
    -------
    bytes
        JSON, for a page beside ``risk.pmtiles``. Insufficient data is grey and pale with a dashed
        border (a hatch needs a sprite).

    Examples
    --------
    >>> import riskmap as rm
    >>> len(orjson.loads(maplibre_style(rm.LevelScale.default()))["layers"])
    3
    """
    style = orjson.loads(read_template("risk.style.json"))
    colours = (part for step in scale.levels[1:] for part in (step.level, step.colour))
    level = ["to-number", ["get", "risk_level"], 0]
    style["name"] = f"riskmap {scale.scale_id}"
    style["layers"][0]["paint"]["fill-color"] = ["match", level, *colours, UNKNOWN]
    return orjson.dumps(style, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write_postgis(
    layer: RiskLayer,
    database: str | Engine,
    *,
    table: str = "risk",
    schema: str = "public",
    version: str | None = None,
    profile: str = "private",
) -> str:
    """Write a layer into a PostGIS table: all of it in one transaction, or nothing.

    Parameters
    ----------
    layer
        The risk layer.
    database
        A URL such as ``"postgresql://user@host/name"``, or an engine of SQLAlchemy.
    table, schema
        Where: `table` holds a row a layer version and region (primary key both, MultiPolygons in
        EPSG:4326 with a GIST index), ``<table>_layers`` the provenance of each version, and the
        view ``<table>_latest`` the rows of the newest: of the last ``as_of``, and of several of a
        day the one written last. All are made when absent; the schema must be there.
    version
        What to call the version; one that is there already is replaced. By default its day and a
        hash of its content, so that the same layer is the same version.
    profile
        ``"private"`` or ``"public"``, as for :func:`riskmap.publish`.

    Returns
    -------
    str
        The version.

    Raises
    ------
    InputError
        When the URL is no URL of PostgreSQL, or `table` or `schema` is no plain lower-case name.
    MissingDependencyError
        When SQLAlchemy or psycopg is not installed (extra ``postgis``).
    ServiceError
        When the server refuses; the versions before are untouched.

    Examples
    --------
    >>> import riskmap as rm
    >>> rm.write_postgis(None, "sqlite://", table="risk")
    Traceback (most recent call last):
    riskmap.errors.InputError: not a URL of PostgreSQL: expected postgresql://user@host/name
    """
    for name in (table, schema):
        if not _NAME.fullmatch(name):
            raise InputError(
                "not a plain name of a table", met=name, expected="lower-case letters, digits, _"
            )
    with _connected(database) as connection:
        bundle = Bundle(apply_profile(layer, profile))
        if version is None:
            digest = hashlib.sha256(encode_layer(bundle)).hexdigest()
            version = f"{layer.context.as_of:%Y-%m-%d}-{digest[:12]}"
        _write_tables(connection, bundle, f'"{schema}"."{table}', version)
    return version


def _write_tables(connection: Connection, bundle: Bundle, stem: str, version: str) -> None:
    """Write a layer with the tables whose quoted names begin with `stem`."""
    run = connection.exec_driver_sql
    names = {"risks": f'{stem}"', "layers": f'{stem}_layers"', "latest": f'{stem}_latest"'}
    layer, frame = bundle.layer, bundle.published
    index = stem.rpartition(".")[2] + '_geom"'
    run("SELECT pg_advisory_xact_lock(hashtext(%(name)s))", {"name": names["risks"]})
    run(_LAYERS.format(**names))
    run(_RISKS.format(**names))
    run(_INDEX.format(index=index, **names))
    for name in frame.columns:
        kind = _SQL_TIMES.get(_PREFIX.sub("", name)) or _SQL_TYPES.get(
            str(frame[name].dtype), "text"
        )
        run(_COLUMN.format(column=f'"{name}"', type=kind, **names))
    known = orjson.dumps(clean_plain(collection_member(layer)), option=orjson.OPT_SORT_KEYS)
    told = {"version": version, "as_of": f"{layer.context.as_of:%Y-%m-%d}"}
    run(_BEFORE.format(**names), told)
    run(_LAYER.format(**names), told | {"provenance": known.decode()})
    row = _ROW.format(
        names=", ".join(f'"{name}"' for name in frame.columns),
        values=", ".join(f"%({name})s" for name in frame.columns),
        **names,
    )
    shapes = zip(plain_records(frame), shapely.to_wkb(bundle.shapes), strict=True)
    run(row, [{**record, "layer_version": version, "geom": shape} for record, shape in shapes])
    run(_VIEW.format(**names))


@contextlib.contextmanager
def _connected(database: str | Engine) -> Iterator[Connection]:
    """Open a transaction; what fails is told without a password and without any row's values."""
    with importing(extra="postgis"):
        import psycopg  # noqa: F401 - what SQLAlchemy drives
        import sqlalchemy
    engine = _engine(database) if isinstance(database, str) else database
    try:
        with engine.begin() as connection:
            yield connection
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise ServiceError(_explain(error, engine)) from None
    finally:
        if isinstance(database, str):
            engine.dispose()


def _engine(url: str) -> Engine:
    """Return an engine for a URL of PostgreSQL."""
    import sqlalchemy

    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise InputError("not a URL of PostgreSQL", expected="postgresql://user@host/name")
    return sqlalchemy.create_engine(
        parsed.set(drivername="postgresql+psycopg"), hide_parameters=True
    )


def _explain(error: Exception, engine: Engine) -> str:
    """Return one line on what a server said, without the password."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    secrets = [engine.url.password, *(engine.url.query.get(k) for k in ("password", "sslpassword"))]
    for secret in secrets:
        for form in (str(secret), quote_url(str(secret), safe="")) if secret else ():
            said = said.replace(form, "***")
    return f"PostgreSQL at {engine.url.host or 'localhost'}: {said}"
