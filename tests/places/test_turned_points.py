"""Points whose two numbers are exchanged, or have lost a sign, beside a place that is named."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import riskmap as rm

DISTRICTS = rm.datasets.regions()
BERIN = DISTRICTS.set_index("name").loc["Berin"]
SPOT = BERIN.geometry.representative_point()
NAMED = {"admin1": "Ambrel", "admin2": "Berin", "country": "XQA"}

#: What may have been written of a latitude and a longitude.
WRITTEN = {
    "exchanged": (SPOT.x, SPOT.y),
    "no minus": (abs(SPOT.y), SPOT.x),
    "a minus too many": (SPOT.y, -SPOT.x),
    "both signs": (-SPOT.y, -SPOT.x),
    "exchanged, no minus": (SPOT.x, abs(SPOT.y)),
}


def locate(lat, lon, regions=DISTRICTS, **told):
    rows = pd.DataFrame({"date": ["2031-05-06"], "latitude": [lat], "longitude": [lon]})
    return rm.locate(rm.read_incidents(rows.assign(**told)), regions)


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN.values(), ids=list(WRITTEN))
@pytest.mark.parametrize("told", [NAMED, {"admin1": "Ambrel"}, {"region_id": "XQA0102"}])
def test_a_point_that_is_turned_round_lies_in_what_the_row_names(written, told):
    found = locate(*written, **told)
    assert found.placements["region_id"].tolist() == ["XQA0102"]
    assert shapely.distance(found.incidents.geometry.iloc[0], SPOT) < 1e-9


def test_a_point_is_turned_round_into_the_first_region_like_into_any_other():
    first = DISTRICTS.iloc[0]
    spot = first.geometry.representative_point()
    found = locate(spot.x, spot.y, region_id=first["region_id"])
    assert shapely.distance(found.incidents.geometry.iloc[0], spot) < 1e-9


def test_what_was_written_is_told():
    remark = locate(*WRITTEN["exchanged"], **NAMED).incidents["not_understood"].iloc[0]
    assert remark == (
        f"coordinates={SPOT.x:.10g}, {SPOT.y:.10g} (taken as {SPOT.y:.10g}, {SPOT.x:.10g})"
    )


def test_other_remarks_of_the_row_stay():
    remarks = locate(*WRITTEN["exchanged"], **NAMED, sector="dredgery").incidents["not_understood"]
    assert remarks.iloc[0].startswith("sector=dredgery; coordinates=")


SQUARES = gpd.GeoDataFrame(
    {"ADM1_PCODE": ["XQ1", "XQ2"], "ADM1_EN": ["East", "West"]},
    geometry=[shapely.box(10, 9, 11, 10), shapely.box(9, 10, 10, 11)],
    crs="EPSG:4326",
)


@pytest.mark.parametrize(
    ("metres", "other", "is_turned"),
    [(500.0, False, False), (20e3, False, False), (40e3, False, True), (40e3, True, False)],
)
def test_a_point_in_another_region_or_just_across_a_border_stays_where_it_is(
    metres, other, is_turned
):
    """Squares on both sides of the line where latitude and longitude are the same."""
    regions = rm.read_regions(SQUARES if other else SQUARES.head(1))
    lat, lon = 10.01, 10.0 - metres / 111_195.0
    found = locate(lat, lon, regions, admin1="East").incidents
    assert shapely.get_coordinates(found.geometry)[0, 0] == (lat if is_turned else lon)
    assert found["not_understood"].notna().all() == is_turned


@pytest.mark.slow
def test_a_point_that_fits_no_way_leaves_the_named_district_standing():
    found = locate(50.0, 60.0, **NAMED)
    assert found.placements["region_id"].tolist() == ["XQA0102"]
    assert found.incidents.geometry.iloc[0] == shapely.Point(60, 50)


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("told", [{}, {"country": "XQA"}])
def test_where_no_place_bears_witness_the_region_is_in_doubt(written, told):
    lat, lon = WRITTEN[written]
    found = locate(lat, lon, **told)
    moved = max(abs(lat - SPOT.y), abs(lon - SPOT.x))
    if "exchanged" not in written and moved < (11 if told else 25):  # it may be next door
        assert found.set_aside["reason"].tolist() == ["outside_regions"]
        return
    assert found.set_aside["reason"].tolist() == ["swapped_coordinates"]
    assert found.aside["area"].tolist() == ["region_id=XQA0102"]


def test_a_sign_that_moves_a_point_far_is_wrong_though_no_country_is_stated():
    far = DISTRICTS.set_geometry(DISTRICTS.geometry.translate(0, -20))
    found = locate(abs(SPOT.y - 20), SPOT.x, regions=far)
    assert found.set_aside["reason"].tolist() == ["swapped_coordinates"]
    assert found.aside["area"].tolist() == ["region_id=XQA0102"]


@pytest.mark.slow
def test_an_attack_with_exchanged_numbers_marks_what_lies_within_25_km():
    def marks(lat, lon):
        told = {**NAMED, "nationality": "Chinese", "event_type": "armed attack"}
        located = locate(lat, lon, **told)
        panel = rm.count_incidents(located, DISTRICTS, group="CHN", as_of="2031-05-20")
        return panel.attacks[["region_id", "is_point", "regions"]].to_numpy().tolist()

    assert marks(*WRITTEN["exchanged"]) == marks(SPOT.y, SPOT.x)


def test_whole_columns_may_be_exchanged():
    spots = DISTRICTS.geometry.representative_point()
    rows = pd.DataFrame(
        {
            "date": "2031-05-06",
            "admin1": DISTRICTS["parent"],
            "admin2": DISTRICTS["name"],
            "latitude": spots.x,
            "longitude": spots.y,
        }
    )
    found = rm.locate(rm.read_incidents(rows), DISTRICTS)
    assert found.placements["region_id"].tolist() == DISTRICTS["region_id"].tolist()
    assert shapely.distance(found.incidents.geometry.to_numpy(), spots.to_numpy()).max() < 1e-9


def test_numbers_that_the_reader_set_aside_are_tried_too():
    """A country that is known bears witness when the file is read."""
    provinces = rm.read_regions("AFG", level=1)
    kabul = provinces[provinces["name"] == "Kabul"]
    spot = kabul.geometry.iloc[0].representative_point()
    rows = {"date": ["2031-05-06"], "country": ["AFG"], "region_id": kabul["region_id"].tolist()}
    table = rm.read_incidents(pd.DataFrame(rows | {"latitude": [spot.x], "longitude": [spot.y]}))
    assert table.geometry.isna().all()
    found = rm.locate(table, provinces).incidents
    assert shapely.distance(found.geometry.iloc[0], spot) < 1e-9
    assert found["not_understood"].str.contains("taken as").all()


@pytest.mark.slow
def test_an_attack_in_one_district_that_names_its_mirror_image_marks_both():
    """On the equator another sign may lie in the district that a row names by mistake."""
    boxes = [shapely.box(10, 1, 11, 2), shapely.box(10, -2, 11, -1)]
    north_and_south = rm.read_regions(
        SQUARES.assign(ADM1_EN=["North", "South"]).set_geometry(boxes, crs="EPSG:4326")
    )
    told = {"admin1": "South", "nationality": "Chinese", "event_type": "armed attack"}
    located = locate(1.5, 10.5, north_and_south, **told)
    panel = rm.count_incidents(located, north_and_south, group="CHN", as_of="2031-05-20")
    risks = rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), north_and_south).risks
    assert sorted(risks.loc[risks["attacked"], "region_id"].unique()) == ["XQ1", "XQ2"]
