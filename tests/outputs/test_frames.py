"""GeoParquet and tiles hold the published table and its geometry."""

import gzip
import json
import sys

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from riskmap.errors import MissingDependencyError
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.geofiles import write_geoparquet, write_pmtiles
from riskmap.outputs.tables import risk_table


@pytest.fixture(scope="module")
def parquet(layer, tmp_path_factory):
    pytest.importorskip("pyarrow", reason="pyarrow is absent: extra parquet")
    path = tmp_path_factory.mktemp("parquet") / "risk.parquet"
    write_geoparquet(Bundle(layer), path)
    return path


def geo_of(path):
    import pyarrow.parquet as pq

    return json.loads(pq.read_metadata(path).metadata[b"geo"])


def test_parquet_holds_the_published_table(layer, parquet):
    found = gpd.read_parquet(parquet)
    assert_geodataframe_equal(found, Bundle(layer).frame, check_dtype=False)
    assert list(found.drop(columns="geometry")) == list(Bundle(layer).published)


def test_parquet_is_geoparquet_1_1_by_its_schema(parquet, shared):
    jsonschema = pytest.importorskip("jsonschema")
    path = shared / "suites" / "geoparquet" / "format-specs" / "schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    geo = geo_of(parquet)
    assert geo["version"] == "1.1.0"
    if schema["properties"]["version"]["const"] == "1.1.0":
        jsonschema.validate(geo, schema)


def test_parquet_has_a_box_a_row(parquet):
    assert set(geo_of(parquet)["columns"]["geometry"]["covering"]) == {"bbox"}
    part = gpd.read_parquet(parquet, bbox=(2.1, -7.9, 2.2, -7.8))
    assert part["region_id"].tolist() == ["XQA0101"]


def test_parquet_is_the_same_to_the_byte(layer, parquet, tmp_path):
    write_geoparquet(Bundle(layer), tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == parquet.read_bytes()


def test_without_pyarrow_no_parquet(layer, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'riskmap\[parquet\]'"):
        write_geoparquet(Bundle(layer), tmp_path / "a.parquet")


@pytest.fixture(scope="module")
def tiles(layers, tmp_path_factory):
    """Tiles of a layer in which one region has no geometry."""
    layer = layers["layer"]()
    shapes = layer.regions.geometry.to_numpy(copy=True)
    shapes[3] = None
    path = tmp_path_factory.mktemp("tiles") / "risk.pmtiles"
    write_pmtiles(Bundle(layers["layer"](regions=layer.regions.set_geometry(shapes))), path)
    return path


def test_tiles_are_read_by_the_reference_reader(layer, tiles):
    reader = pytest.importorskip("pmtiles.reader")
    decoder = pytest.importorskip("mapbox_vector_tile")
    with tiles.open("rb") as file:
        source = reader.MmapSource(file)
        header = reader.Reader(source).header()
        (_, data), *_ = reader.all_tiles(source)
    assert (header["min_zoom"], header["max_zoom"]) == (0, 8)
    features = decoder.decode(gzip.decompress(data))["risk"]["features"]
    found = {f["properties"]["region_id"]: f["properties"] for f in features}
    table = risk_table(layer).set_index("region_id")
    assert set(table.index) - set(found) == {"XQA0104"}
    for key, properties in found.items():
        assert properties["risk_level"] == table.loc[key, "risk_level"]
        assert properties["name"] == table.loc[key, "name"]
        assert properties["reporting_gap"] == table.loc[key, "reporting_gap"]
        assert ("p_any" in properties) == (table.loc[key, "risk_level"] > 0)


def test_tiles_say_of_what_day_a_kept_level_is(layers, tmp_path):
    layer = layers["layer"]()
    risks = layer.risks.assign(level_as_of=pd.Timestamp("2025-01-01"), reporting_gap=True)
    write_pmtiles(Bundle(layers["layer"](risks=risks)), tmp_path / "kept.pmtiles")
    told = gpd.read_file(tmp_path / "kept.pmtiles", layer="risk")
    assert told["level_as_of"].astype(str).str.startswith("2025-01-01").all()
    assert told["reporting_gap"].all()


def test_tiles_cover_what_the_layer_covers(layer, tiles):
    frame = gpd.read_file(tiles, layer="risk").to_crs(4326)
    whole = shapely.union_all(layer.regions.geometry.drop(index=3).to_numpy())
    met = shapely.union_all(shapely.make_valid(frame.geometry.to_numpy()))
    assert shapely.symmetric_difference(met, whole).area < 0.01 * whole.area


def test_tiles_are_the_same_to_the_byte(layer, tmp_path):
    for name in "ab":
        write_pmtiles(Bundle(layer), tmp_path / f"{name}.pmtiles")
    assert (tmp_path / "a.pmtiles").read_bytes() == (tmp_path / "b.pmtiles").read_bytes()


def test_without_the_driver_no_tiles(layer, tmp_path, monkeypatch):
    monkeypatch.setattr(pyogrio, "list_drivers", lambda: {"GPKG": "rw"})
    with pytest.raises(MissingDependencyError, match=r"pip install 'riskmap\[tiles\]'"):
        write_pmtiles(Bundle(layer), tmp_path / "a.pmtiles")
