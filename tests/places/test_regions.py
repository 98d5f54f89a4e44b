"""What the columns of boundary files mean, and what becomes of broken ones."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import BoundaryError, RiskmapWarning
from riskmap.places.boundary_tables import recognise
from riskmap.schema import check_regions

DISTRICTS = rm.datasets.regions()
SHAPES = DISTRICTS.geometry.to_numpy()


def save(path, columns, shapes=SHAPES):
    n = len(next(iter(columns.values())))
    frame = gpd.GeoDataFrame(columns, geometry=shapes[:n], crs=4326)
    frame.to_file(path, driver="GeoJSON")
    return path


@pytest.fixture
def file(tmp_path):
    return lambda columns, shapes=SHAPES: save(tmp_path / "a.geojson", columns, shapes)


def cod(level=2, **more):
    return {
        f"ADM{level}_EN": ["Berin", "Ashkor"],
        f"ADM{level}_PCODE": ["XQ0102", "XQ0101"],
        f"ADM{level - 1}_EN": ["Ambrel", "Ambrel"],
        f"ADM{level - 1}_PCODE": ["XQ01", "XQ01"],
        **more,
    }


def test_cod_ab_is_recognised(file):
    columns = cod(ADM2_FR=["Bérin", "Ashkor"], ADM0_PCODE=["AF", "AF"], validOn=["2022-09-09"] * 2)
    regions = rm.read_regions(file(columns))
    assert regions["region_id"].tolist() == ["XQ0101", "XQ0102"]
    assert regions["name"].tolist() == ["Ashkor", "Berin"]
    assert regions["names"].tolist()[1] == "Bérin"
    assert regions["parent_id"].tolist() == ["XQ01", "XQ01"]
    assert regions["parent"].tolist() == ["Ambrel", "Ambrel"]
    assert regions["iso3"].tolist() == ["AFG", "AFG"]
    assert regions["adm_level"].tolist() == [2, 2]
    assert regions["valid_from"].tolist() == [pd.Timestamp("2022-09-09")] * 2
    assert regions["boundary_source"].iloc[0] == "OCHA COD-AB"
    assert regions["boundary_version"].iloc[0] == "2022-09-09"


def test_lower_case_columns_are_the_same(file):
    lower = {key.lower(): value for key, value in cod().items()}
    assert rm.read_regions(file(lower))["name"].tolist() == ["Ashkor", "Berin"]


def test_provinces_belong_to_their_country(file):
    regions = rm.read_regions(file({"adm1_pcode": ["AF01"], "adm1_name": ["Kabul"]}))
    row = regions.iloc[0]
    assert (row["parent_id"], row["parent"], row["adm_level"]) == ("AFG", "Afghanistan", 1)


def test_geoboundaries_is_recognised(file):
    columns = {
        "shapeName": ["Ashkor", "Berin"],
        "shapeISO": ["", ""],
        "shapeID": ["123B1", "123B2"],
        "shapeGroup": ["XQA", "XQA"],
        "shapeType": ["ADM3", "ADM3"],
    }
    regions = rm.read_regions(file(columns))
    assert regions["iso3"].tolist() == ["XQA", "XQA"]
    assert regions["adm_level"].tolist() == [3, 3]
    assert regions["boundary_version"].tolist() == ["XQA-ADM3-123"] * 2


def test_a_version_that_stands_in_the_id_is_kept(file):
    columns = {"shapeName": ["Ashkor"], "shapeID": ["XQA-ADM2-2_0_0-B1"]}
    assert rm.read_regions(file(columns))["boundary_version"].tolist() == ["XQA-ADM2-2_0_0"]


def test_natural_earth_is_recognised(file):
    columns = {
        "iso_3166_2": ["XQ-B", "XQ-A"],
        "adm1_code": ["XQA-2", "XQA-1"],
        "name": ["Dostan", "Ambrel"],
        "admin": ["Qandara"] * 2,
        "adm0_a3": ["XQA"] * 2,
    }
    regions = rm.read_regions(file(columns))
    assert regions["region_id"].tolist() == ["XQ-A", "XQ-B"]
    assert regions["parent"].tolist() == ["Qandara"] * 2


def test_a_table_of_riskmap_comes_back_as_it_was(tmp_path):
    DISTRICTS.to_file(tmp_path / "a.geojson", driver="GeoJSON")
    again = rm.read_regions(tmp_path / "a.geojson")
    pd.testing.assert_frame_equal(
        pd.DataFrame(again.drop(columns="geometry")),
        pd.DataFrame(DISTRICTS.drop(columns="geometry")),
    )


def test_columns_can_be_named(file):
    columns = {"code": [2, 1], "label": ["B", "A"], "province": ["P", "P"]}
    regions = rm.read_regions(file(columns), id="code", name="label", parent="province")
    assert regions["region_id"].tolist() == ["1", "2"]
    assert regions["name"].tolist() == ["A", "B"]
    assert regions["parent_id"].tolist() == ["P", "P"]
    assert regions["adm_level"].isna().all()


def test_a_named_column_outranks_a_found_one(file):
    columns = cod(label=["B", "A"], label_id=["z2", "z1"])
    regions = rm.read_regions(file(columns), id="label_id", name="label")
    assert regions["region_id"].tolist() == ["z1", "z2"]
    assert regions["names"].tolist() == ["Ashkor", "Berin"]


def test_a_column_that_is_not_there_is_told(file):
    with pytest.raises(BoundaryError, match="no such column for id") as caught:
        rm.read_regions(file(cod()), id="code")
    assert "ADM2_PCODE" in str(caught.value)


def test_unknown_columns_are_told(file):
    with pytest.raises(BoundaryError, match="no column of ids"):
        rm.read_regions(file({"a": [1], "b": [2]}))


def test_another_level_than_told_is_refused(file):
    with pytest.raises(BoundaryError, match="another level"):
        rm.read_regions(file(cod()), level=1)


def test_doubled_ids_are_refused_with_their_rows(file):
    with pytest.raises(BoundaryError, match="ids stand twice") as caught:
        rm.read_regions(file(cod(ADM2_PCODE=["XQ1", "XQ1"])))
    assert caught.value.row == 1
    assert "features 1, 2" in str(caught.value)


def test_gaps_in_p_codes_fall_back_to_shape_ids(file):
    columns = cod(shapeID=["s2", "s1"], ADM2_PCODE=["XQ1", ""])
    with pytest.warns(RiskmapWarning, match="ids are from shapeID"):
        regions = rm.read_regions(file(columns))
    assert regions["region_id"].tolist() == ["s1", "s2"]


def test_a_region_without_an_id_is_kept_under_its_name(file):
    with pytest.warns(RiskmapWarning, match="kept as XQ01:Ashkor"):
        regions = rm.read_regions(file(cod(ADM2_PCODE=["XQ0102", None])))
    assert regions["region_id"].tolist() == ["XQ0102", "XQ01:Ashkor"]


def test_a_made_id_without_a_parent_has_the_name_alone(file):
    with pytest.warns(RiskmapWarning, match="kept as :A"):
        rm.read_regions(file({"shapeID": ["1B1", None], "shapeName": ["B", "A"]}))


def test_two_without_an_id_may_not_share_a_name(file):
    columns = {"shapeID": ["1B1", None, None], "shapeName": ["B", "A", "A"]}
    with pytest.raises(BoundaryError, match="share a name"):
        rm.read_regions(file(columns))


def test_a_feature_without_id_and_name_is_left_out_and_told(file):
    columns = {"shapeID": ["1B1", None], "shapeName": ["B", " "]}
    with pytest.warns(RiskmapWarning, match=r"neither id nor name .*km².*feature 2"):
        assert len(rm.read_regions(file(columns))) == 1


def test_no_id_at_all_is_refused(file):
    with pytest.raises(BoundaryError, match="no feature has an id"):
        rm.read_regions(file({"shapeID": [None, ""], "shapeName": ["", None]}))


def test_an_invalid_polygon_is_repaired_and_told(file):
    bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    with pytest.warns(RiskmapWarning, match=r"1 invalid polygons were repaired: a .*km²"):
        regions = rm.read_regions(file({"shapeID": ["a"], "shapeName": ["A"]}, np.array([bow])))
    assert regions.is_valid.all()
    assert shapely.area(regions.geometry.iloc[0]) == pytest.approx(2.0)


def test_overlaps_are_told(file):
    shapes = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)])
    with pytest.warns(RiskmapWarning, match="1 pairs of regions overlap"):
        rm.read_regions(file({"shapeID": ["a", "b"], "shapeName": ["A", "B"]}, shapes))


@pytest.mark.slow
@settings(max_examples=12)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_changes_nothing(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("order")
    columns = {"shapeID": [f"1B{i}" for i in range(6)], "shapeName": list("ABCDEF")}
    one = rm.read_regions(save(folder / "a.geojson", columns))
    shuffled = {key: [values[i] for i in order] for key, values in columns.items()}
    two = rm.read_regions(save(folder / "b.geojson", shuffled, SHAPES[:6][list(order)]))
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))


@given(
    columns=st.lists(
        st.sampled_from(
            [
                *("ADM2_PCODE", "adm1_pcode", "ADM3_EN", "ADM2_EN", "ADM0_PCODE", "validTo"),
                *("shapeID", "shapeName", "shapeGroup", "region_id", "name", "adm1_code", "x"),
            ]
        ),
        unique=True,
    )
)
def test_recognised_columns_are_columns_of_the_file(columns):
    meaning = recognise(columns)
    assert set().union(*meaning.columns.values()) <= set(columns)


def test_the_licence_beside_a_file_of_geoboundaries_is_read(file, tmp_path):
    path = file({"shapeName": ["A"], "shapeID": ["1B1"]})
    beside = tmp_path / "a-metaData.json"
    beside.write_text('{"boundarySource": "X", "boundaryLicense": "CC0"}', encoding="utf-8")
    row = rm.read_regions(path).iloc[0]
    assert (row["boundary_source"], row["boundary_licence"]) == ("geoBoundaries: X", "CC0")
    beside.write_text("[]", encoding="utf-8")
    assert rm.read_regions(path)["boundary_licence"].isna().all()


def test_districts_without_a_parent_get_the_shipped_province(file):
    kabul = shapely.box(69.1, 34.45, 69.3, 34.6)
    columns = {
        "shapeID": ["1B1"],
        "shapeName": ["A"],
        "shapeGroup": ["AFG"],
        "shapeType": ["ADM2"],
    }
    row = rm.read_regions(file(columns, np.array([kabul]))).iloc[0]
    assert (row["parent_id"], row["parent"]) == ("AF-KAB", "Kabul")
    bouvet = rm.read_regions(file({**columns, "shapeGroup": ["BVT"]}, np.array([kabul])))
    assert bouvet["parent_id"].isna().all()


REAL = [
    ("AFG/AFG_ADM1_gbopen_dissolved.geojson", 34, "AFG", None),
    ("AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson", 398, "AFG", None),
    ("AFG/geoBoundaries-AFG-ADM2.shp", 398, "AFG", None),
    ("AFG/geoBoundaries-AFG-ADM2_simplified.geojson", 398, "AFG", None),
    ("BFA/BFA_ADM2.parquet", 45, "BFA", None),
    ("COD/COD_ADM2.parquet", 48, "COD", None),
    ("ETH/ETH_ADM2.parquet", 74, "ETH", None),
    ("MLI/MLI_ADM2.parquet", 50, "MLI", None),
    ("PAK/PAK_ADM2_codab2022_simplified5p.geojson", 161, "PAK", "no ADM2_PCODE.*repaired.*overlap"),
    ("PAK/geoBoundaries-PAK-ADM1.geojson", 7, "PAK", None),
    ("SOM/SOM_ADM2.parquet", 74, "SOM", None),
    ("UKR/geoBoundaries-UKR-ADM2.geojson", 494, "UKR", "neither id nor name"),
]


@pytest.mark.parametrize(("name", "count", "iso3", "told"), REAL, ids=[r[0] for r in REAL])
@pytest.mark.filterwarnings("always::riskmap.errors.RiskmapWarning")
def test_every_real_file_loads(shared, recwarn, name, count, iso3, told):
    regions = rm.read_regions(shared / "boundaries" / name)
    check_regions(regions)
    assert len(regions) == count
    assert regions["iso3"].unique().tolist() == [iso3]
    assert regions.is_valid.all()
    messages = " ".join(str(w.message) for w in recwarn)
    assert (told is None) == (not messages)
    if told:
        assert pd.Series([messages]).str.contains(told).all()


def test_p_codes_are_preferred_to_shape_ids(shared):
    folder = shared / "boundaries" / "AFG"
    regions = rm.read_regions(folder / "AFG_ADM2_gbopen_simplified_pcoded.geojson")
    assert regions["region_id"].str.fullmatch(r"AF\d{4}").all()
    assert regions["parent"].nunique() == 34


def test_regions_in_memory_are_read_as_those_of_a_file(tmp_path):
    table = gpd.GeoDataFrame(
        {"ADM2_PCODE": ["XQ0102", "XQ0101"], "ADM2_EN": ["B", "A"], "ADM1_PCODE": ["XQ01"] * 2},
        geometry=[shapely.box(1, 0, 2, 1), shapely.box(0, 0, 1, 1)],
        crs="EPSG:4326",
        index=[7, 7],
    )
    table.to_file(tmp_path / "regions.geojson")
    before = table.copy()
    found = rm.read_regions(table.to_crs(3857).rename_geometry("shape"), level=2)
    assert found["name"].tolist() == ["A", "B"]
    columns = [name for name in found if name != "geometry"]
    wanted = rm.read_regions(tmp_path / "regions.geojson", level=2)
    pd.testing.assert_frame_equal(pd.DataFrame(found[columns]), pd.DataFrame(wanted[columns]))
    assert shapely.equals_exact(found.geometry, wanted.geometry, tolerance=1e-9).all()
    pd.testing.assert_frame_equal(table, before)


def test_a_regions_table_in_memory_stays_as_it_is():
    regions = rm.datasets.regions()
    pd.testing.assert_frame_equal(rm.read_regions(regions), regions)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"name": ["A"]}), "there are no geometries"),
        (gpd.GeoDataFrame({"name": ["A"]}), "there are no geometries"),
        (
            gpd.GeoDataFrame({"name": ["A"]}, geometry=SHAPES[:1]),
            "there is no coordinate system",
        ),
        (gpd.GeoDataFrame({"name": []}, geometry=[], crs=4326), "there are no features"),
        (
            gpd.GeoDataFrame({"name": ["A"]}, geometry=SHAPES[:1], crs=4326),
            "no column of ids",
        ),
        (gpd.GeoSeries(SHAPES[:1], crs=4326), "no regions: met 'GeoSeries', expected codes such"),
        (None, "no regions: met 'NoneType'"),
    ],
)
def test_a_table_that_is_none_of_regions_is_refused(table, message):
    with pytest.raises(BoundaryError, match=message):
        rm.read_regions(table)


def test_overlaps_of_a_table_are_warned_of():
    boxes = [shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)]
    table = gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=boxes, crs=4326)
    with pytest.warns(RiskmapWarning, match="regions: 1 pairs of regions overlap"):
        found = rm.read_regions(table, id="code", name="code", level=1)
    assert found["region_id"].tolist() == ["a", "b"]
