"""Boundary files of many publishers, in small: which columns hold what, and what is refused."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely

import riskmap as rm
from riskmap.desk import RegionSource
from riskmap.errors import BoundaryError
from riskmap.places.boundary_files import read_topology

SQUARES = np.array([shapely.box(x, 10, x + 1, 11) for x in range(2)])
IN_MEXICO = shapely.transform(SQUARES, lambda points: np.add(points, [-100, 10]))
IN_COLOMBIA = shapely.transform(SQUARES, lambda points: np.add(points, [-74, -6]))
IN_INDIA = shapely.transform(SQUARES, lambda points: np.add(points, [76, 10]))


def table(squares=SQUARES, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=squares, crs=crs)


TWO = ["Kelda", "Lomar"]


@pytest.mark.parametrize(
    ("frame", "ids", "parents", "level"),
    [
        (
            table(ID_1=[3, 3], NAME_1="Velmar", ID_2=[31, 32], NAME_2=TWO, ISO="XQA"),
            ["31", "32"],
            ["Velmar"],
            2,
        ),
        (
            table(adm2_id=["X-1", "X-2"], adm2_name=TWO, adm1_id="X", adm1_name="Velmar"),
            ["X-1", "X-2"],
            ["Velmar"],
            2,
        ),
        (
            table(osm_id=[71, 72], name=["كلدا", "لومار"], admin_level="6", **{"name:en": TWO}),
            ["71", "72"],
            [],
            2,
        ),
        (
            table(
                id=["o1", "o2"],
                names=[{"primary": name, "common": {"es": name + "s"}} for name in TWO],
                subtype="county",
                country="XQ",
            ),
            ["o1", "o2"],
            [],
            2,
        ),
        (
            table(IN_MEXICO, CVEGEO=["01001", "01002"], CVE_ENT="01", CVE_MUN="001", NOMGEO=TWO),
            ["01001", "01002"],
            [],
            2,
        ),
        (
            table(
                IN_COLOMBIA,
                DPTO_CCDGO="05",
                MPIO_CCDGO=["001", "002"],
                MPIO_CDPMP=["05001", "05002"],
                MPIO_CNMBR=TWO,
                DPTO_CNMBR="Velmar",
            ),
            ["05001", "05002"],
            ["Velmar"],
            2,
        ),
        (
            table(IN_INDIA, District=TWO, STATE="VELM>R", State_LGD=7, Dist_LGD=[71, 72]),
            ["71", "72"],
            ["VELMĀR"],
            2,
        ),
    ],
    ids=["GADM 2", "fieldmaps", "OSM", "Overture", "INEGI", "DANE", "Survey of India"],
)
def test_columns_of_a_publisher_are_read(frame, ids, parents, level):
    found = rm.read_regions(frame)
    assert found["region_id"].tolist() == ids
    assert found["name"].tolist() == TWO
    assert set(found["adm_level"]) == {level}
    assert not parents or found["parent"].unique().tolist() == parents


def test_other_names_of_a_publisher_are_kept():
    names = [json.dumps({"primary": name, "common": {"es": f"La {name}"}}) for name in TWO]
    found = rm.read_regions(table(id=["a", "b"], names=names, subtype="region", country="XQ"))
    assert found["names"].tolist() == ["La Kelda", "La Lomar"]
    assert set(found["adm_level"]) == {1}


def test_a_publisher_of_one_country_is_of_that_country():
    columns = {"CVEGEO": ["01", "02"], "CVE_ENT": ["01", "02"], "NOMGEO": TWO}
    found = rm.read_regions(table(IN_MEXICO, **columns))
    assert set(found["iso3"]) == {"MEX"}
    assert set(found["adm_level"]) == {1}


def test_states_and_districts_of_anybody_are_not_taken_for_indias():
    with pytest.raises(BoundaryError, match="no column of ids"):
        rm.read_regions(table(District=TWO, State="Velmar"))


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"osm_relati": ["1", "2"], "name": TWO}, ["1", "2"]),
        ({"ADM2_PCODE": ["XQ0101", "XQ0102"], "adm2_name_": TWO}, ["XQ0101", "XQ0102"]),
    ],
)
def test_names_of_columns_that_a_shapefile_cut_are_met(tmp_path, columns, kept):
    table(**columns).to_file(tmp_path / "a.shp")
    found = rm.read_regions(tmp_path / "a.shp")
    assert found["region_id"].tolist() == kept
    assert found["name"].tolist() == TWO


def topology(**layers):
    """Two squares that share an arc, on a grid of tenths of a degree."""
    arcs = [
        [[10, 0], [0, 10]],
        [[10, 10], [-10, 0], [0, -10], [10, 0]],
        [[10, 10], [10, 0], [0, -10], [-10, 0]],
    ]
    rings = [[[0, 1]], [[0, 2]]]
    geometries = [
        {"type": "Polygon", "arcs": ring, "id": code, "properties": {"navn": name}}
        for ring, code, name in zip(rings, "ab", TWO, strict=True)
    ]
    layer = {"type": "GeometryCollection", "geometries": geometries}
    return {
        "type": "Topology",
        "transform": {"scale": [0.1, 0.1], "translate": [0, 10]},
        "objects": {"districts": layer, **layers},
        "arcs": arcs,
    }


@pytest.mark.parametrize("suffix", ["topojson", "json"])
def test_topojson_is_read(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_text(json.dumps(topology()), encoding="utf-8")
    found = rm.read_regions(path, id="id", name="navn", level=2)
    assert found["name"].tolist() == TWO
    assert shapely.equals(found.geometry.to_numpy(), SQUARES).all()


def test_an_arc_backwards_is_read_backwards():
    document = topology()
    document["objects"]["districts"]["geometries"][0]["arcs"] = [[~1, ~0]]
    ring = read_topology(document)["features"][0]["geometry"]["coordinates"][0]
    assert shapely.Polygon(ring).equals(SQUARES[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arcs": []}, "not TopoJSON"),
        ({"objects": {}}, "not a collection of features"),
        ({"transform": {"scale": [1]}}, "not TopoJSON"),
    ],
)
def test_a_broken_topology_is_refused(tmp_path, change, message):
    path = tmp_path / "a.topojson"
    path.write_text(json.dumps(topology() | change), encoding="utf-8")
    with pytest.raises(BoundaryError, match=message):
        rm.read_regions(path, id="id", name="navn")


def test_a_topology_of_several_layers_is_refused():
    document = topology()
    document["objects"]["provinces"] = document["objects"]["districts"]
    with pytest.raises(BoundaryError, match="districts, provinces"):
        read_topology(document)


def test_a_collection_of_polygons_is_their_union():
    collection = shapely.geometrycollections(SQUARES)
    found = rm.read_regions(table([collection], region_id=["a"], name=["Kelda"]))
    assert found.geometry.iloc[0].equals(shapely.union_all(SQUARES))
    mixed = shapely.geometrycollections([SQUARES[0], shapely.Point(0, 0)])
    with pytest.raises(BoundaryError, match="is no polygon"):
        rm.read_regions(table([mixed], region_id=["a"], name=["Kelda"]))


def test_swapped_axes_are_refused_by_the_country():
    turned = shapely.transform(IN_COLOMBIA, lambda points: points[:, ::-1])
    with pytest.raises(BoundaryError, match=r"in each other's place.*Colombia"):
        rm.read_regions(table(turned, region_id=["a", "b"], name=TWO, iso3="COL"))


def test_swapped_axes_are_refused_by_the_globe():
    far = shapely.transform(SQUARES, lambda points: np.add(points[:, ::-1], [0, 120]))
    with pytest.raises(BoundaryError, match="latitude seems to stand first"):
        rm.read_regions(table(far, region_id=["a", "b"], name=TWO))


def test_degrees_in_a_projected_system_are_refused_with_the_reason():
    with pytest.raises(BoundaryError, match="are degrees, and the coordinate system is of metres"):
        rm.read_regions(table(crs="EPSG:32642", region_id=["a", "b"], name=TWO))


def test_several_files_are_one_table(tmp_path):
    for name, row in zip("ab", (0, 1), strict=True):
        columns = {"kode": [name], "navn": [TWO[row]], "fylke": ["Velmar"]}
        table(SQUARES[[row]], **columns).to_file(tmp_path / f"{name}.geojson")
    files = [tmp_path / "a.geojson", tmp_path / "b.geojson"]
    source = RegionSource.of({"parts": files, "id": "kode", "name": "navn", "parent": "fylke"})
    found = source.read()
    assert found[["region_id", "name", "parent"]].values.tolist() == [
        ["a", "Kelda", "Velmar"],
        ["b", "Lomar", "Velmar"],
    ]
    twice = RegionSource.of({"parts": [files[0], files[0]], "id": "kode", "name": "navn"})
    with pytest.raises(BoundaryError, match="share ids"):
        twice.read()


@pytest.mark.parametrize("told", [None, [], 1, {"id": "x"}, {"parts": "AFG", "ids": "x"}])
def test_what_names_no_regions_is_refused(told):
    with pytest.raises(BoundaryError, match="of a wrong kind"):
        RegionSource.of(told)
