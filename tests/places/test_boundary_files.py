"""Boundary files of every kind, sound and broken."""

import contextlib
import json
import sqlite3

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import BoundaryError, InputError, MissingDependencyError
from riskmap.places import boundary_files
from riskmap.places.boundary_files import read_polygons

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
VRT = (
    "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource>"
    "</OGRVRTLayer></OGRVRTDataSource>"
)


def feature(geometry=SQUARE, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


def write(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def districts():
    return rm.datasets.regions()


@pytest.mark.parametrize("suffix", ["geojson", "json", "fgb", "gpkg", "shp", "parquet"])
def test_every_format_gives_the_same_polygons(tmp_path, districts, suffix):
    path = tmp_path / f"districts.{suffix}"
    table = districts[["region_id", "name", "geometry"]]
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    elif suffix == "json":
        path.write_text(table.to_json(), encoding="utf-8")
    else:
        table.to_file(path, **({"SPATIAL_INDEX": "NO"} if suffix == "fgb" else {}))
    found = read_polygons(path)
    assert found.crs.to_epsg() == 4326
    assert found["region_id"].tolist() == table["region_id"].tolist()
    assert shapely.equals_exact(
        shapely.normalize(found.geometry.to_numpy()),
        shapely.normalize(table.geometry.to_numpy()),
        1e-9,
    ).all()


@pytest.mark.parametrize("suffix", ["fgb", "gpkg", "parquet"])
def test_metres_become_degrees(tmp_path, districts, suffix):
    path = tmp_path / f"districts.{suffix}"
    projected = districts[["region_id", "name", "geometry"]].to_crs(32631)
    projected.to_parquet(path) if suffix == "parquet" else projected.to_file(path)
    found = read_polygons(path)
    assert found.total_bounds == pytest.approx(districts.total_bounds, abs=1e-6)


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "fgb", "parquet"])
def test_a_file_without_a_coordinate_system_is_refused(tmp_path, districts, suffix):
    path = tmp_path / f"districts.{suffix}"
    bare = gpd.GeoDataFrame(
        districts[["region_id"]], geometry=districts.geometry.to_numpy(), crs=None
    )
    if suffix == "parquet":
        bare.to_parquet(path)
    else:
        with pytest.warns(UserWarning, match="crs"):
            bare.to_file(path)
    with pytest.raises(BoundaryError, match="no coordinate system"):
        read_polygons(path)


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1/a.geojson",
        "/VSIZIP/a.zip/a.shp",
        "https://127.0.0.1/a.geojson",
        "zip:///a.zip!a.shp",
        "a.zip!b.shp",
    ],
)
def test_addresses_are_refused(path):
    with pytest.raises(BoundaryError, match="not a plain file path"):
        rm.read_regions(path)


@pytest.mark.parametrize("suffix", sorted(boundary_files._FORMATS))
def test_a_vrt_is_refused_under_every_suffix(tmp_path, suffix):
    path = tmp_path / f"trap{suffix}"
    path.write_text(VRT, encoding="utf-8")
    with pytest.raises(BoundaryError, match="not "):
        read_polygons(path)


@pytest.mark.parametrize("suffix", ["fgb", "gpkg", "shp"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_vrt_behind_the_right_first_bytes_opens_no_other_file(tmp_path, suffix, whole):
    districts = rm.datasets.regions()[["region_id", "name", "geometry"]]
    districts.to_file(tmp_path / "other.geojson")
    path = tmp_path / f"trap.{suffix}"
    districts.to_file(path)
    start = path.read_bytes() if whole else path.read_bytes()[:72]
    reference = VRT.replace("/etc/passwd", str(tmp_path / "other.geojson")).replace(
        "'a'", "'other'"
    )
    at = {"fgb": 16, "gpkg": 100, "shp": 40}[suffix]
    path.write_bytes(start[:at] + reference.encode() + start[at:])
    with pytest.raises(BoundaryError, match=r"stand for others|not a "):
        read_polygons(path)
    path.write_bytes(b"fgb" + reference.encode())
    with pytest.raises(BoundaryError, match="not a "):
        read_polygons(path)


def test_an_empty_part_of_a_polygon_is_left_out(tmp_path):
    shape = {"type": "MultiPolygon", "coordinates": [[], SQUARE["coordinates"]]}
    path = write(tmp_path / "a.geojson", collection(feature(shape, region_id="a")))
    found = read_polygons(path).geometry.iloc[0]
    assert [part.is_empty for part in found.geoms] == [False]
    assert found.area == 1


def test_a_geometry_that_is_nested_too_deeply_is_named(tmp_path):
    deep = json.loads("[" * 400 + "]" * 400)
    path = write(tmp_path / "a.geojson", collection(feature({"type": "Polygon", "x": deep})))
    with pytest.raises(BoundaryError, match="row 1: the geometry can't be read"):
        read_polygons(path)


@pytest.mark.parametrize("name", ["a.vrt", "a.csv", "a.kml", "a.zip", "a", "a.sqlite"])
def test_other_formats_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text(VRT, encoding="utf-8")
    with pytest.raises(BoundaryError, match="not a known boundary format"):
        read_polygons(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(BoundaryError, match="no such file"):
        rm.read_regions(tmp_path / "nowhere.geojson")


def test_a_database_that_is_no_geopackage_is_refused(tmp_path):
    path = tmp_path / "a.gpkg"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE a (b)")
    base.close()
    with pytest.raises(BoundaryError, match="not a GeoPackage"):
        read_polygons(path)


@pytest.mark.parametrize("suffix", ["fgb", "gpkg", "shp", "parquet"])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_cut_file_is_refused(tmp_path, districts, suffix, share):
    path = tmp_path / f"cut.{suffix}"
    table = districts[["region_id", "geometry"]]
    table.to_parquet(path) if suffix == "parquet" else table.to_file(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(120, int(len(whole) * share))])
    with pytest.raises(InputError):
        read_polygons(path)


def test_several_layers_are_refused(tmp_path, districts):
    path = tmp_path / "two.gpkg"
    districts[["region_id", "geometry"]].to_file(path, layer="a")
    districts[["region_id", "geometry"]].to_file(path, layer="b")
    with pytest.raises(BoundaryError, match="several layers"):
        read_polygons(path)


def test_parquet_without_geometry_is_refused(tmp_path, districts):
    path = tmp_path / "bare.parquet"
    districts[["region_id"]].to_parquet(path)
    with pytest.raises(BoundaryError, match="not a GeoParquet"):
        read_polygons(path)


def test_a_layer_without_geometry_is_refused(tmp_path, districts):
    path = tmp_path / "bare.gpkg"
    pyogrio.write_dataframe(districts[["region_id"]], path)
    with pytest.raises(BoundaryError, match="no geometries"):
        read_polygons(path)


def test_parquet_needs_its_extra(tmp_path, districts, monkeypatch):
    path = tmp_path / "a.parquet"
    districts[["region_id", "geometry"]].to_parquet(path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"riskmap\[parquet\]"):
        read_polygons(path)


RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "not a collection"),
        ("text", "not a collection"),
        ({"type": "Topology", "objects": {}}, "not a collection"),
        ({"type": "FeatureCollection"}, "not a collection"),
        ({"type": "FeatureCollection", "features": {}}, "not a collection"),
        (collection(), "no features"),
        (collection(None), "row 1: not a Feature"),
        (collection({"type": "Polygon"}), "not a Feature"),
        (collection({**feature(), "properties": [1]}), "properties: not an object"),
        (collection(feature("here")), "geometry: not an object"),
        (collection(feature(), feature(None)), "row 2: a feature has no geometry"),
        (collection(feature({"type": "Point", "coordinates": [0, 0]})), "is no polygon"),
        (collection(feature({"type": "Polygon", "coordinates": []})), "is empty"),
        (collection(feature({"type": "GeometryCollection", "geometries": []})), "no polygon"),
        (collection(feature({"type": "Polygon", "coordinates": [RING[:3]]})), "can't be read"),
        (collection(feature({"type": "Polygon", "coordinates": [[["a", 0]]]})), "can't be read"),
        (collection(feature({"type": "Polygon", "coordinates": [[[0]]]})), "can't be read"),
        (collection(feature({"type": "Polygon"})), "can't be read"),
        (collection(feature({"coordinates": [RING]})), "can't be read"),
        (collection(feature({"type": "Polygon", "coordinates": 7})), "can't be read"),
        (
            collection(
                feature({"type": "Polygon", "coordinates": [[[0, 0], [9e5, 0], [1, 1], [0, 0]]]})
            ),
            "outside the globe",
        ),
        (
            collection(
                feature({"type": "Polygon", "coordinates": [[[0, 0], [9, 95], [1, 1], [0, 0]]]})
            ),
            "outside the globe",
        ),
        (collection(feature(), crs={"type": "link", "properties": {"href": "http://x"}}), "crs"),
        (collection(feature(), crs="EPSG:4326"), "crs"),
        (collection(feature(), crs={"properties": {"name": "+init=epsg:4326"}}), "crs"),
        (collection(feature(), crs={"properties": {"name": "EPSG:99999"}}), "crs"),
    ],
)
def test_broken_geojson_is_refused_with_its_place(tmp_path, document, message):
    path = write(tmp_path / "a.geojson", document)
    with pytest.raises(BoundaryError, match=message) as caught:
        read_polygons(path)
    assert "a.geojson" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"type": "FeatureCollection", "features": [NaN]}', "\udce9", "[" * 100_000],
    ids=["empty", "cut", "NaN", "latin-1", "deep"],
)
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "a.geojson"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BoundaryError, match="not GeoJSON"):
        read_polygons(path)


@given(junk=st.binary(max_size=200), suffix=st.sampled_from(sorted(boundary_files._FORMATS)))
def test_junk_is_refused_under_every_suffix(tmp_path_factory, junk, suffix):
    path = tmp_path_factory.mktemp("junk") / f"a{suffix}"
    path.write_bytes(junk)
    with pytest.raises(InputError):
        read_polygons(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["fgb", "gpkg", "shp", "parquet", "geojson"])
@pytest.mark.parametrize("flips", [1, 20])
def test_a_spoilt_file_is_refused_or_read_and_nothing_else(tmp_path, districts, suffix, flips):
    path = tmp_path / f"spoilt.{suffix}"
    table = districts[["region_id", "name", "geometry"]]
    driver = {"driver": "GeoJSON"} if suffix == "geojson" else {}
    table.to_parquet(path) if suffix == "parquet" else table.to_file(path, **driver)
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(5)
    for _ in range(30):
        spoilt = whole.copy()
        spoilt[rng.integers(len(whole), size=flips)] = rng.integers(256, size=flips)
        path.write_bytes(spoilt.tobytes())
        with contextlib.suppress(InputError):
            rm.read_regions(path)


SUITES = (
    "geojsonhint/test/data/bad",
    "check-geojson/test/fixture/bad",
    "JSONTestSuite/test_parsing",
)


@pytest.mark.parametrize("suite", SUITES)
def test_no_broken_geojson_of_other_projects_is_read(shared, tmp_path, suite):
    found = [path for path in sorted((shared / "suites" / suite).iterdir()) if path.is_file()]
    assert len(found) > 20
    for path in found:
        copy = tmp_path / "a.geojson"
        copy.write_bytes(path.read_bytes())
        with pytest.raises(BoundaryError):
            read_polygons(copy)


@pytest.mark.parametrize(
    ("name", "east"),
    [
        (None, 1.0),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 1.0),
        ("urn:ogc:def:crs:EPSG::4326", 1.0),
        ("EPSG:3857", 1000 / 111319.49079327358),
    ],
)
def test_a_legacy_crs_is_honoured(tmp_path, name, east):
    crs = {} if name is None else {"crs": {"type": "name", "properties": {"name": name}}}
    size = 1000 if name == "EPSG:3857" else 1
    ring = [[x * size, y * size] for x, y in SQUARE["coordinates"][0]]
    square = {"type": "Polygon", "coordinates": [ring]}
    path = write(tmp_path / "a.geojson", collection(feature(square), **crs))
    assert read_polygons(path).total_bounds[2] == pytest.approx(east)


def test_heights_byte_marks_and_odd_properties_do_no_harm(tmp_path):
    ring = [[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]
    solid = feature({"type": "Polygon", "coordinates": [ring]}, a=[1, {"b": None}])
    solid["properties"]["geometry"] = "x"
    path = tmp_path / "a.geojson"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(collection(solid, {**solid, "properties": None})).encode()
    )
    found = read_polygons(path)
    assert len(found) == 2
    assert not shapely.has_z(found.geometry.to_numpy()).any()


def test_columns_of_gadm_are_read():
    squares = rm.datasets.regions().iloc[:2]
    frame = gpd.GeoDataFrame(
        {
            "GID_2": ["XQA.1.1_1", "XQA.1.2_1"],
            "GID_0": "XQA",
            "GID_1": "XQA.1_1",
            "NAME_1": "Ambrel",
            "NAME_2": ["Ashkor", "Berin"],
            "VARNAME_2": "NA",
        },
        geometry=squares.geometry.to_numpy(),
        crs=squares.crs,
    )
    found = rm.read_regions(frame)
    assert found[["region_id", "name", "parent"]].values.tolist() == [
        ["XQA.1.1_1", "Ashkor", "Ambrel"],
        ["XQA.1.2_1", "Berin", "Ambrel"],
    ]
    assert set(found["adm_level"]) == {2}


def test_a_shapefile_of_utf8_that_does_not_say_so_is_read_as_it_is(tmp_path):
    regions = rm.datasets.regions().iloc[:2]
    plain = regions[["region_id", "name", "geometry"]].assign(name=["São João", "Açu"])
    plain.to_file(tmp_path / "a.shp", encoding="utf-8")
    (tmp_path / "a.cpg").unlink()
    found = rm.read_regions(tmp_path / "a.shp", name="name", id="region_id", level=2)
    assert found["name"].tolist() == ["São João", "Açu"]
