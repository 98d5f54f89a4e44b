"""PostGIS holds what the file holds, in one transaction, and tells no password."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy

import riskmap as rm
from riskmap.errors import InputError, MissingDependencyError, ServiceError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.geofiles import _explain, geojson_chunks

PASSWORD = "s3:cr/t@pässwort%"  # noqa: S105 - of a server that lives for this test
PAYLOADS = [
    "'); DROP TABLE risk; --",
    '"; DROP TABLE risk; --',
    "O'Neil %s %(name)s :x $1 \\",
    "ولسوالی",
    "北京",
]


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server with PostGIS on loopback, as host and port; gone afterwards."""
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        pytest.skip("PostGIS is absent: apt-get install postgresql-15-postgis-3")
    folder = Path(mkdtemp(prefix="riskmap-postgis-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).parent / "start-postgis"
    started = subprocess.run(
        [script, folder / "server", str(port), PASSWORD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    process = int(started.stdout)
    yield port
    os.kill(process, signal.SIGINT)
    while (folder / "server" / "data" / "postmaster.pid").exists():
        time.sleep(0.05)
    shutil.rmtree(folder)


def url_of(port, password=PASSWORD, base="postgres"):
    return sqlalchemy.URL.create(
        "postgresql",
        "riskmap",
        password,
        "127.0.0.1",
        port,
        base,
    ).render_as_string(hide_password=False)


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    base = f"t{secrets.token_hex(6)}"
    admin = sqlalchemy.create_engine(
        url_of(server).replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {base}")
    admin.dispose()
    query(url_of(server, base=base), "CREATE EXTENSION postgis")
    return url_of(server, base=base)


def query(url, sql):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        done = connection.exec_driver_sql(sql)
        rows = done.all() if done.returns_rows else []
    engine.dispose()
    return rows


def comparable(feature):
    """A feature with its polygons as one MultiPolygon and its times as such."""
    geometry = feature["geometry"]
    if geometry == {"type": None}:  # how PostGIS 3.3 writes none within a row
        geometry = None
    if geometry and geometry["type"] == "Polygon":
        geometry = {"type": "MultiPolygon", "coordinates": [geometry["coordinates"]]}
    times = ("issued_at", "valid_from", "valid_until")
    properties = {
        key: datetime.fromisoformat(value) if key in times else value
        for key, value in feature["properties"].items()
    }
    return {"geometry": geometry, "properties": properties}


def view_features(url, table="risk"):
    rows = query(url, f"SELECT ST_AsGeoJSON(r) FROM {table}_latest r ORDER BY region_id")  # noqa: S608
    found = [json.loads(row[0]) for row in rows]
    for feature in found:
        feature["properties"].pop("layer_version")
    return [comparable(feature) for feature in found]


def file_features(layer):
    collection = json.loads(b"".join(geojson_chunks(Bundle(layer))))
    return [comparable(feature) for feature in collection["features"]]


def test_the_view_says_what_the_file_says(layer, database):
    version = rm.write_postgis(layer, database)
    assert version.startswith("2025-01-01-")
    assert view_features(database) == file_features(layer)


def test_names_are_data(layers, database):
    layer = layers["layer"](regions=layers["names"](PAYLOADS))
    rm.write_postgis(layer, database)
    assert view_features(database) == file_features(layer)
    assert [f["properties"]["name"] for f in view_features(database)[:5]] == PAYLOADS


def test_regions_cut_at_the_antimeridian_and_without_geometry(layers, database):
    layer = layers["layer"]()
    shapes = [
        shapely.transform(g, lambda xy: xy + np.array([175.0, 0.0])) for g in layer.regions.geometry
    ]
    shapes[5] = None
    layer = layers["layer"](regions=layer.regions.set_geometry(gpd.GeoSeries(shapes, crs=4326)))
    rm.write_postgis(layer, database)
    assert view_features(database) == file_features(layer)


def test_keys_types_and_index(layer, database):
    rm.write_postgis(layer, database)
    (key,) = query(
        database, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'risk_pkey'"
    )
    assert key[0] == "PRIMARY KEY (layer_version, region_id)"
    found = query(database, "SELECT type, srid FROM geometry_columns WHERE f_table_name = 'risk'")
    assert found == [("MULTIPOLYGON", 4326)]
    indexes = query(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'risk'")
    assert any("USING gist (geom)" in row[0] for row in indexes)
    types = dict(
        query(
            database,
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = 'risk'",
        )
    )
    assert types["as_of"] == "date"
    assert types["valid_until"] == "timestamp with time zone"
    assert (types["risk_level"], types["p_any"]) == ("bigint", "double precision")


def test_the_same_layer_twice_is_one_version(layer, database):
    assert rm.write_postgis(layer, database) == rm.write_postgis(layer, database)
    assert query(database, "SELECT count(*) FROM risk") == [(24,)]
    assert query(database, "SELECT count(*) FROM risk_layers") == [(1,)]


def test_a_version_is_replaced_and_the_newest_day_is_latest(layer, layers, database):
    later = layers["layer"](provenance=layer.provenance | {"as_of": "2025-02-01"})
    rm.write_postgis(later, database, version="february")
    rm.write_postgis(layer, database, version="january")
    assert view_features(database) == file_features(later)
    few = layers["layer"](regions=later.regions.head(20), provenance=later.provenance)
    rm.write_postgis(few, database, version="february")
    assert view_features(database) == file_features(few)
    assert query(database, "SELECT count(*) FROM risk WHERE layer_version = 'january'") == [(24,)]


def test_of_one_day_the_version_written_last_is_latest(layer, layers, database):
    other = layers["layer"](headline="violence")
    rm.write_postgis(layer, database)
    rm.write_postgis(other, database)
    assert view_features(database) == file_features(other)
    rm.write_postgis(layer, database)
    assert view_features(database) == file_features(layer)


def test_new_columns_are_added_behind(layer, layers, database):
    rm.write_postgis(layer, database)
    more = layers["layer"](risks=layer.risks.assign(zeal=1.5))
    rm.write_postgis(more, database)
    assert view_features(database) == file_features(more)


def test_a_failing_transaction_leaves_the_version_before(layer, layers, database):
    rm.write_postgis(layer, database)
    query(database, "ALTER TABLE risk ADD CHECK (name <> 'Zarin' OR as_of < '2025-02-01')")
    later = layers["layer"](provenance=layer.provenance | {"as_of": "2025-02-01"})
    with pytest.raises(ServiceError, match="violates check constraint"):
        rm.write_postgis(later, database)
    assert view_features(database) == file_features(layer)
    assert query(database, "SELECT count(*) FROM risk_layers") == [(1,)]


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_the_version_before(layer, database):
    rm.write_postgis(layer, database)
    code = (
        f"import os, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from conftest import make_layer\n"
        "import riskmap as rm\n"
        "from riskmap.outputs import geofiles\n"
        "class Deadly(str):\n"
        "    def format(self, **names): os._exit(9)\n"
        "geofiles._VIEW = Deadly('')\n"
        "layer = make_layer()\n"
        "rm.write_postgis(make_layer(provenance=layer.provenance | {'as_of': '2025-02-01'}),"
        " os.environ['DATABASE'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"DATABASE": database}, check=False
    )
    assert done.returncode == 9
    assert view_features(database) == file_features(layer)
    assert query(database, "SELECT count(*) FROM risk_layers") == [(1,)]


def test_a_public_version_names_no_input(layer, database):
    rm.write_postgis(layer, database, profile="public")
    ((known,),) = query(database, "SELECT provenance FROM risk_layers")
    assert known["profile"] == "public"


def test_another_table_and_schema(layer, database):
    query(database, "CREATE SCHEMA maps")
    rm.write_postgis(layer, database, table="mining", schema="maps")
    assert view_features(database, "maps.mining") == file_features(layer)


def test_an_engine_will_do(layer, database):
    engine = sqlalchemy.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    rm.write_postgis(layer, engine)
    assert view_features(database) == file_features(layer)
    engine.dispose()


@pytest.mark.parametrize("name", ["risk; DROP", "Risk", "", "a" * 51, 'a"b', "1a"])
def test_a_table_has_a_plain_name(layer, name):
    with pytest.raises(InputError, match="not a plain name"):
        rm.write_postgis(layer, "postgresql://host/base", table=name)


@pytest.mark.parametrize("password", ["wrong:s/cret@w", "plain-secret"])
def test_no_password_in_any_message(server, layer, password):
    with pytest.raises(ServiceError, match="password authentication failed") as caught:
        rm.write_postgis(layer, url_of(server, password=password))
    assert password not in str(caught.value)
    assert caught.value.__suppress_context__


def test_no_password_of_a_broken_url(layer):
    for url in ("postgresql//u:secret-word@h/b", "postgresql://u:secret-word@h:port/b", "x"):
        with pytest.raises(InputError, match="not a URL of PostgreSQL") as caught:
            rm.write_postgis(layer, url)
        assert "secret-word" not in str(caught.value)


def test_a_password_that_a_server_repeats_is_covered():
    engine = sqlalchemy.create_engine("postgresql+psycopg://u:a%2Fb@h/b?sslpassword=key")
    told = _explain(RuntimeError("cannot use a/b or a%2Fb or key\nDETAIL: row"), engine)
    assert told == "PostgreSQL at h: cannot use *** or *** or ***"


def test_no_server_is_a_service_error(layer):
    with pytest.raises(ServiceError, match=r"PostgreSQL at 127\.0\.0\.1"):
        rm.write_postgis(layer, url_of(1))


@pytest.mark.slow
def test_a_missing_package_is_named(layer, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'riskmap\[postgis\]'"):
        rm.write_postgis(layer, "postgresql://host/base")
