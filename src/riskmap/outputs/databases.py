"""PostGIS: a layer into tables.

Everything happens in one transaction and with bound values: what a name holds is data. A password
stands in the URL or in the environment (``PGPASSWORD``, ``~/.pgpass``), and in no message.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_url

import orjson
import shapely

from riskmap.errors import InputError, MissingDependencyError, ServiceError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.geofiles import collection_member
from riskmap.outputs.profiles import apply_profile
from riskmap.outputs.sets import encode_layer
from riskmap.outputs.tables import DAYS, clean_plain, plain_records
from riskmap.schema import COUNT, FLAG, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from riskmap.assessment.layers import RiskLayer

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,49}")
_PREFIX = re.compile("^[vfg]_")
_TYPES = {COUNT: "bigint", NUMBER: "double precision", FLAG: "boolean"}
_TIMES = {
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
        _write(connection, bundle, f'"{schema}"."{table}', version)
    return version


def _write(connection: Connection, bundle: Bundle, stem: str, version: str) -> None:
    """Write a layer with the tables whose quoted names begin with `stem`."""
    run = connection.exec_driver_sql
    names = {"risks": f'{stem}"', "layers": f'{stem}_layers"', "latest": f'{stem}_latest"'}
    layer, frame = bundle.layer, bundle.table
    index = stem.rpartition(".")[2] + '_geom"'
    run("SELECT pg_advisory_xact_lock(hashtext(%(name)s))", {"name": names["risks"]})
    run(_LAYERS.format(**names))
    run(_RISKS.format(**names))
    run(_INDEX.format(index=index, **names))
    for name in frame.columns:
        kind = _TIMES.get(_PREFIX.sub("", name)) or _TYPES.get(str(frame[name].dtype), "text")
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
    try:
        import psycopg  # noqa: F401 - what SQLAlchemy drives
        import sqlalchemy
    except ImportError as error:
        raise MissingDependencyError(str(error.name), extra="postgis") from error
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
