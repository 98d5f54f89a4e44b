"""locate: who is placed where, how surely, and who is not and why."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import riskmap as rm
from riskmap.incidents.foreign_victims import hits_foreigners, tells_victims
from riskmap.panels.doubts import share_lost, sum_lost
from riskmap.places.placements import exact_weights
from riskmap.schema import INCIDENT_COLUMNS

NAME_OF = rm.datasets.regions().set_index("region_id")["name"].to_dict()
INSIDE = (2.5, -7.5)
OUTSIDE = (20.0, 20.0)


def incident(point=INSIDE, **fields):
    """One invented incident; `point` is a pair or None."""
    row = rm.datasets.incidents().iloc[[0]].reset_index(drop=True)
    plain = {"incident_id": "invented:1", "region_id": None, "geo_precision": "place"}
    fields = {**plain, "admin1": None, "admin2": None, "place": None, **fields}
    row = row.assign(**fields).astype({c.name: c.dtype for c in INCIDENT_COLUMNS})
    geometry = [None if point is None else shapely.Point(point)]
    return gpd.GeoDataFrame(row.drop(columns="geometry"), geometry=geometry, crs="EPSG:4326")


def located(point=INSIDE, level=2, **fields):
    return rm.locate(incident(point, **fields), rm.datasets.regions(level=level))


@pytest.mark.slow
def test_a_precise_point_goes_to_its_region():
    placed = located().placements
    assert placed["region_id"].tolist() == ["XQA0101"]
    assert placed[["weight", "method"]].to_numpy().tolist() == [[1.0, "point"]]
    assert placed["conflict_region_id"].isna().all()
    assert 0 < placed["boundary_distance_m"].item() < 60_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        (
            {"point": None, "country": None},
            "no_place",
            "no coordinates, and no place of the regions stated",
        ),
        ({"point": OUTSIDE}, "outside_regions", "longitude 20.0, latitude 20.0"),
        ({"point": OUTSIDE, "country": None}, "outside_regions", "longitude 20.0, latitude 20.0"),
        ({"country": "XQB"}, "outside_country", "country: XQB"),
        ({"point": None, "country": "XQB"}, "outside_country", "country: XQB"),
        ({"geo_precision": "country", "country": None}, "imprecise", "geo_precision: country"),
        ({"geo_precision": "unknown", "country": None}, "imprecise", "geo_precision: unknown"),
        (
            {"region_id": "elsewhere", "point": None, "country": None},
            "unknown_region",
            "region_id: elsewhere",
        ),
    ],
)
def test_a_row_without_a_region_says_why(fields, reason, detail):
    found = located(**fields)
    row = found.set_aside.iloc[0]
    assert (row["stage"], row["reason"], row["detail"]) == ("locate", reason, detail)
    assert dict(found.ledger.stages[1].reasons) == {reason: 1}
    assert found.placements.empty
    assert found.incidents.empty


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "levels"),
    [
        ("point", {1, 2}),
        ("place", {1, 2}),
        (None, {1, 2}),
        ("admin2", {1, 2}),
        ("admin1", {1}),
        ("country", set()),
        ("unknown", set()),
    ],
)
def test_precision_is_relative_to_the_regions(precision, levels):
    found = {
        level
        for level in (1, 2)
        if located(level=level, geo_precision=precision).placements["method"].tolist() == ["point"]
    }
    assert found == levels


def test_a_country_is_enough_for_a_country():
    country = rm.datasets.regions(level=1).dissolve(as_index=False).assign(adm_level=0)
    country["adm_level"] = country["adm_level"].astype("Int64")
    found = rm.locate(incident(geo_precision="country"), country)
    assert len(found.placements) == 1


def test_a_stated_region_outranks_the_point_and_the_conflict_is_kept():
    placed = located(region_id="XQA0304", geo_precision="unknown").placements
    row = placed.iloc[0]
    assert (row["region_id"], row["method"]) == ("XQA0304", "stated")
    assert row["conflict_region_id"] == "XQA0101"
    assert row["boundary_distance_m"] > 100_000


def test_a_stated_region_needs_no_point():
    row = located(point=None, region_id="XQA0304").placements.iloc[0]
    assert row["method"] == "stated"
    assert np.isnan(row["boundary_distance_m"])


def test_an_untold_precision_is_trusted_less():
    told = located(geo_precision="point").placements["confidence"].item()
    untold = located(geo_precision=None).placements["confidence"].item()
    assert untold < told < 1


def test_a_point_on_a_border_is_nothing_from_it():
    regions = rm.datasets.regions()
    shared = regions.geometry.iloc[0].intersection(regions.geometry.iloc[1])
    corner = shapely.get_coordinates(shared)[0]
    assert located(tuple(corner)).placements.iloc[0]["boundary_distance_m"] == 0


@pytest.mark.slow
def test_quarantined_rows_go_to_the_stage_that_read_them():
    refused = incident(
        incident_id="invented:2", quarantine_reason="no_date", quarantine_detail="event_date: ''"
    )
    table = pd.concat([incident(), refused], ignore_index=True)
    found = rm.locate(table, rm.datasets.regions())
    assert found.ledger.as_list()[0]["reasons"] == {"no_date": 1}
    row = found.set_aside.iloc[0]
    assert (row["stage"], row["detail"]) == ("read", "event_date: ''")


def test_no_incidents_at_all():
    found = rm.locate(incident().iloc[:0], rm.datasets.regions())
    assert found.placements.empty
    assert found.set_aside.empty
    assert [stage.rows_in for stage in found.ledger.stages] == [0, 0]


def test_the_tables_given_are_not_changed():
    incidents, regions = rm.datasets.incidents(), rm.datasets.regions()
    rm.locate(incidents, regions)
    pd.testing.assert_frame_equal(incidents, rm.datasets.incidents())
    pd.testing.assert_frame_equal(regions, rm.datasets.regions())


def test_other_tables_are_refused():
    with pytest.raises(rm.InputError, match="incidents are not a GeoDataFrame"):
        rm.locate(pd.DataFrame(), rm.datasets.regions())
    with pytest.raises(rm.InputError, match="regions are not a GeoDataFrame"):
        rm.locate(rm.datasets.incidents(), pd.DataFrame())


def just_outside(metres, country="XQA"):
    """One incident so many metres west of the invented country."""
    incidents = incident(country=country)
    degrees = metres / 110_500  # at 6 degrees south
    point = shapely.Point(2.0 - degrees, -5.9)
    return incidents.set_geometry([point], crs=4326)


@pytest.mark.parametrize(("metres", "placed"), [(600, 1), (4_900, 1), (5_100, 0), (50_000, 0)])
def test_a_point_just_outside_counts_in_the_nearest_region_of_its_country(metres, placed):
    located = rm.locate(just_outside(metres), rm.datasets.regions())
    assert located.placements["method"].tolist() == ["nearest"] * placed
    assert located.set_aside["reason"].tolist() == ["outside_regions"] * (1 - placed)


def test_nearest_is_least_trusted_and_says_how_far_it_was():
    located = rm.locate(just_outside(600), rm.datasets.regions())
    assert located.placements["confidence"].item() == 0.7
    assert located.placements["boundary_distance_m"].item() == pytest.approx(600, rel=0.01)


@pytest.mark.parametrize("country", [None, "XQB"])
def test_only_points_that_state_a_country_of_the_regions_are_drawn_in(country):
    located = rm.locate(just_outside(600, country), rm.datasets.regions())
    assert len(located.incidents) == 0


def test_a_district_stated_by_name_outranks_the_point():
    row = located(admin1="Velmar", admin2="Lomar district").placements.iloc[0]
    assert (row["method"], row["region_id"][:5]) == ("named", "XQA03")
    assert row["conflict_region_id"] == "XQA0101"


def renamed(**names):
    """The invented districts, some under another name."""
    regions = rm.datasets.regions()
    return regions.assign(name=regions["region_id"].map(names).fillna(regions["name"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "either"),
    [
        ({"admin1": "Ambrel", "admin2": "Lomar"}, ("XQA01", {"XQA0304"})),
        ({"admin1": "Ambrel", "admin2": "Twin"}, ("XQA01", {"XQA0201", "XQA0301"})),
        ({"admin1": "Ambrel", "admin2": "Nobody knows"}, ("XQA01", set())),
        ({"admin1": None, "admin2": "Twin"}, (None, {"XQA0201", "XQA0301"})),
    ],
)
def test_a_known_district_beside_another_province_may_be_meant(fields, either):
    """Half counts there, half in the province, and each may have lost a row."""
    regions = renamed(XQA0201="Twin", XQA0301="Twin")
    row = incident(None, geo_precision=None, **fields)
    placed = rm.locate(row, regions).placements.set_index("region_id")["weight"]
    wide, named = either
    around = set(regions["region_id"][regions["parent_id"] == wide])
    assert set(placed.index) == around | named
    assert placed[sorted(named)].sum() == (0.5 if around and named else len(around) == 0)
    lost = share_lost(
        sum_lost(rm.locate(row, regions).aside), regions, as_of=pd.Timestamp("2030-01-01")
    )
    assert set(lost["region_id"]) == set(placed.index)
    assert (lost[["weight", "may_be"]].to_numpy() == [0, 1]).all()


@pytest.mark.parametrize(
    ("fields", "shares"),
    [
        ({"country": "XQA", "admin1": None}, {"XQA0101": 1 / 32, "XQA0301": 0.5}),
        ({"country": "XQA", "admin1": "Velmaar"}, {"XQA0301": 1.0}),
        ({"country": "XQB", "admin1": None}, {"XQA0301": 1.0}),
        ({"country": None, "admin1": None}, {"XQA0301": 1.0}),
    ],
)
def test_a_known_district_beside_the_code_of_a_neighbour_may_be_meant(fields, shares):
    regions = rm.datasets.regions()
    south = regions["parent_id"] == "XQA03"
    regions = regions.assign(iso3=regions["iso3"].mask(south, "XQB"))
    row = incident(None, geo_precision=None, admin2=NAME_OF["XQA0301"], **fields)
    found = rm.locate(row, regions)
    placed = found.placements.set_index("region_id")["weight"]
    assert {key: placed[key] for key in shares} == shares
    lost = share_lost(sum_lost(found.aside), regions, as_of=pd.Timestamp("2030-01-01"))
    may_be = lost.set_index("region_id")["may_be"]
    either = placed if len(placed) > 1 else placed.iloc[:0]
    assert may_be.to_dict() == {key: 1.0 if part > 0.1 else 1 / 16 for key, part in either.items()}


def test_a_name_in_another_province_is_no_name():
    assert located(admin1="Ambrel", admin2="Lomar").placements["method"].tolist() == ["point"]


@pytest.mark.parametrize(
    ("fields", "level", "share"),
    [
        ({"geo_precision": "admin1", "admin1": "Dostan"}, 2, 1 / 8),
        ({"geo_precision": "admin1"}, 2, 1 / 8),
        ({"geo_precision": "country"}, 2, 1 / 24),
        ({"point": None, "geo_precision": None}, 2, 1 / 24),
        ({"geo_precision": "unknown", "admin1": "Dostan"}, 2, 1 / 8),
        ({"geo_precision": "country"}, 1, 1 / 3),
    ],
)
def test_an_area_is_spread_over_its_regions(fields, level, share):
    placed = located(level=level, **fields).placements
    assert set(placed["method"]) == {"spread"}
    assert placed["weight"].to_numpy() == pytest.approx(share)
    assert placed["weight"].sum() == 1.0
    assert placed["boundary_distance_m"].isna().all()


def test_a_province_that_is_named_is_enough_for_provinces():
    row = located(point=None, level=1, geo_precision="admin1", admin1="dostan").placements.iloc[0]
    assert (row["region_id"], row["method"], row["weight"]) == ("XQA02", "named", 1.0)


@pytest.mark.slow
def test_history_draws_a_vague_incident_to_where_incidents_were_known_before():
    precise = incident(incident_id="a:1", event_date=pd.Timestamp("2020-01-01"), ingested_at=None)
    vague = incident(
        incident_id="a:2",
        geo_precision="admin1",
        event_date=pd.Timestamp("2020-06-01"),
        ingested_at=None,
    )
    found = rm.locate(pd.concat([precise, vague], ignore_index=True), rm.datasets.regions())
    shares = found.placements[found.placements["incident_id"] == "a:2"].set_index("region_id")
    assert shares.loc["XQA0101", "weight"] == pytest.approx(2 / 9)
    assert shares.loc["XQA0102", "weight"] == pytest.approx(1 / 9)


@given(arrays(float, (4, 7), elements=st.floats(0, 1e6)).filter(lambda a: (a.sum(1) > 0).all()))
def test_exact_weights_sum_to_one_in_any_order(shares):
    weights = exact_weights(shares)
    assert (weights >= 0).all()
    for row in weights:
        assert sum(row) == sum(row[::-1]) == math.fsum(row) == 1.0
    assert np.abs(weights - shares / shares.sum(1, keepdims=True)).max() < 1e-11


CENTRE = rm.datasets.regions(level=1).geometry.iloc[1].centroid


@pytest.mark.parametrize(
    ("precision", "level", "method"),
    [(None, 2, "centroid"), ("point", 2, "point"), ("place", 2, "point"), (None, 1, "point")],
)
def test_a_point_of_untold_precision_on_the_centre_of_a_larger_area_is_flagged(
    precision, level, method
):
    row = located((CENTRE.x, CENTRE.y), level, geo_precision=precision).placements.iloc[0]
    assert row["method"] == method
    assert (row["confidence"] < 0.8) == (method == "centroid")


@pytest.mark.slow
def test_what_stands_on_the_centre_of_a_province_may_be_of_any_of_its_districts():
    spot = (CENTRE.x, CENTRE.y)
    for precision in (None, "point"):
        aside = located(spot, geo_precision=precision, admin1="Velmar", place=None).aside
        assert aside["spread"].tolist() == [True]
        assert aside["area"].str.startswith("parent_id=").tolist() == [True]
    assert located(spot, geo_precision="point", admin1="Velmar", place="a mill").aside.empty


@pytest.mark.slow
@pytest.mark.parametrize("place", ["Kelda", "Kelda, mill"])
def test_a_point_far_from_the_district_that_the_text_names_may_be_the_offices(place):
    office = rm.datasets.regions().geometry.iloc[2].representative_point()
    told = {"date": "2030-05-06", "admin1": "Velmar", "place": place}
    rows = pd.DataFrame([told | {"latitude": office.y, "longitude": office.x}])
    own = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert own.placements["region_id"].tolist() == ["XQA0103", "XQA0303"]
    assert own.placements["weight"].tolist() == [0.5, 0.5]
    assert own.aside["area"].tolist() == ["region_id=XQA0303;XQA0103"]
    feed = rm.read_incidents(rows).assign(source="awsd")  # they look up their points
    assert rm.locate(feed, rm.datasets.regions()).placements["region_id"].tolist() == ["XQA0103"]


def test_an_id_that_contradicts_the_name_beside_it_leaves_both_in_doubt():
    told = {"date": "2030-05-06", "admin1": "Velmar", "admin2": ["Kelda", "Kelda", "Keldaa"]}
    rows = pd.DataFrame(told | {"region_id": ["XQA0103", "XQA0303", "XQA0103"]})
    found = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert found.placements["region_id"].tolist() == ["XQA0103", "XQA0303", "XQA0103"]
    assert found.aside["area"].tolist() == ["region_id=XQA0303;XQA0103"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "told",
    [
        *[{"admin2": "Kelda/Lomar"}, {"admin2": "Kelda; Lomar"}, {"admin2": "Kelda (Lomar)"}],
        *[{"place": "Lomar/Kelda"}, {"place": "Lomar, Kelda"}],
        *[
            {"place": "Kelda/Lomar, Velmar", "admin1": None},
            {"admin2": "Kelda; Lomar", "admin1": None},
        ],
    ],
)
def test_a_cell_that_names_two_districts_is_spread_over_both(told):
    rows = pd.DataFrame([{"date": "2030-05-06", "admin1": "Velmar"} | told])
    found = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert found.placements["region_id"].tolist() == ["XQA0303", "XQA0304"]
    assert found.placements["weight"].tolist() == [0.5, 0.5]
    assert len(found.aside) == 1


def test_what_is_near_a_district_contradicts_none():
    told = {"date": "2030-05-06", "admin1": "Velmar", "admin2": ["Kelda (near Lomar)", "Kelda"]}
    rows = pd.DataFrame(told | {"region_id": [None, "XQA03"]})  # the id is that of the province
    found = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert found.placements["region_id"].tolist() == ["XQA0303"] * 2
    assert found.aside.empty


def test_an_id_that_no_region_has_names_an_unknown_district_and_that_of_a_province_none():
    told = {"date": "2030-05-06", "admin1": ["Velmar", "Velmar", None]}
    rows = pd.DataFrame(told | {"region_id": ["XQA304", "XQA0303;XQA0304", "XQA03"]})
    found = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert set(found.placements["region_id"].str[:5]) == {"XQA03"}
    assert found.aside["region_id"].tolist() == ["XQA304", "XQA0303;XQA0304"]
    assert found.ledger.stages[-1].not_used == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    ["Kelda", "Old mill", "Ostel", None, "10 km north of Lomar", "near Lomar", "Lomar, Kelda"],
)
def test_a_point_in_the_district_of_its_text_or_of_an_unknown_place_stands(place):
    spot = rm.datasets.regions().set_index("name").loc["Kelda"].geometry.representative_point()
    told = {"date": "2030-05-06", "admin1": "Velmar", "place": place}
    rows = pd.DataFrame([told | {"latitude": spot.y, "longitude": spot.x}])
    found = rm.locate(rm.read_incidents(rows), rm.datasets.regions())
    assert found.placements["region_id"].tolist() == ["XQA0303"]
    assert found.aside.empty


def test_a_point_of_untold_precision_on_the_centre_of_its_district_is_none():
    centre = rm.datasets.regions().geometry.iloc[4].centroid
    row = located((centre.x, centre.y), geo_precision=None).placements.iloc[0]
    assert (row["method"], row["confidence"]) == ("point", 0.8)


def test_a_point_of_untold_precision_on_a_capital_is_flagged(monkeypatch, tmp_path):
    (tmp_path / "a.csv").write_text("iso3,kind,lon,lat\nXQA,country_capital,2.5,-7.5\n")
    monkeypatch.setattr("riskmap.places.found_places.data_path", lambda _: tmp_path / "a.csv")
    row = located((2.501, -7.501), geo_precision=None).placements.iloc[0]
    assert (row["method"], row["region_id"], row["confidence"]) == ("capital", "XQA0101", 0.5)
    assert located((2.501, -7.501)).placements["method"].item() == "point"


@pytest.mark.parametrize("precision", ["place", "admin1", "country"])
@pytest.mark.parametrize("point", [None, OUTSIDE, (4.0, -7.5)])
def test_the_first_region_is_stated_like_any_other(precision, point):
    first = rm.datasets.regions()["region_id"].iloc[0]
    found = located(point, region_id=first, geo_precision=precision, country=None)
    row = found.placements.iloc[0]
    assert (len(found.placements), row["region_id"], row["method"]) == (1, first, "stated")


def test_the_first_region_outranks_another_country_like_any_other_that_is_stated():
    for region in rm.datasets.regions()["region_id"].iloc[:2]:
        found = located(None, region_id=region, country="AFG", geo_precision="place")
        assert found.placements["region_id"].tolist() == [region]


def test_the_first_region_is_named_like_any_other():
    first = rm.datasets.regions().iloc[0]
    fields = {"admin2": first["name"], "admin1": first["parent"], "geo_precision": "admin2"}
    row = located(None, **fields).placements.iloc[0]
    assert (row["region_id"], row["method"]) == (first["region_id"], "named")


def test_what_became_known_late_is_no_past_of_what_was_spread_before():
    precise = incident(
        incident_id="a:1",
        event_date=pd.Timestamp("2020-01-01"),
        ingested_at=pd.Timestamp("2022-01-01", tz="UTC"),
    )
    vague = incident(
        incident_id="a:2",
        event_date=pd.Timestamp("2021-01-01"),
        ingested_at=pd.Timestamp("2021-01-02", tz="UTC"),
        geo_precision="admin1",
    )
    late = incident(
        incident_id="a:3",
        event_date=pd.Timestamp("2022-06-01"),
        ingested_at=None,
        geo_precision="admin1",
    )
    table = pd.concat([precise, vague, late], ignore_index=True)
    placed = rm.locate(table, rm.datasets.regions()).placements.set_index("incident_id")["weight"]
    assert placed["a:2"].min() == placed["a:2"].max()
    assert placed["a:3"].max() == pytest.approx(2 * placed["a:3"].min())


#: A district of the invented country and its province, by name.
EVER = {"admin1": "Ambrel", "admin2": "Berin", "geo_precision": None}


def lost_in(table):
    """What is lost of incidents, by region."""
    regions = rm.datasets.regions()
    lost = sum_lost(rm.locate(table, regions).aside)
    return share_lost(lost, regions, as_of=pd.Timestamp("2030-01-01"))


def lost_rows(reason="bad_date", **fields):
    """What is lost of one incident that is set aside."""
    return lost_in(incident(quarantine_reason=reason, **fields))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"region_id": "XQA0304"}, {"XQA0304"}),
        ({"point": INSIDE}, {"XQA0101"}),
        ({"point": None, "admin2": "Berin", "geo_precision": None}, {"XQA0102"}),
        ({"point": None, "admin1": "Ambrel", "geo_precision": "admin1"}, "XQA01"),
        ({"point": None, "reason": "null_island"}, "XQA"),
        ({"point": OUTSIDE, "reason": None}, "XQA"),
        ({"point": None, "country": None}, "XQA"),
        ({"point": None, "country": "XQB"}, None),
        ({"point": None, "country": "PAK", **EVER}, {"XQA0102"}),
        ({"point": None, "country": "PAK", **EVER, "reason": None}, {"XQA0102"}),
        ({"point": INSIDE, "country": "PAK", **EVER, "reason": None}, {"XQA0102"}),
        ({"point": OUTSIDE, "country": "PAK", **EVER, "reason": None}, None),
        ({"point": None, "country": "PAK", **EVER, "admin1": "Ambral"}, {"XQA0102"}),
        ({"point": None, "country": "PAK", **EVER, "admin1": None}, {"XQA0102"}),
        ({"point": None, "country": "PAK", **EVER, "admin1": "Punjab"}, None),
        ({"point": None, "country": "PAK", **EVER, "admin2": "Lahore"}, None),
        ({"point": None, "country": "PAK", **EVER, "admin2": None}, None),
        ({"point": INSIDE, "reason": "duplicate"}, None),
        ({"point": INSIDE, "reason": "withdrawn"}, None),
    ],
)
def test_a_lost_row_is_lost_in_the_regions_that_it_names(fields, where):
    lost = lost_rows(**fields)
    ids = rm.datasets.regions()["region_id"]
    expected = set(ids[ids.str.startswith(where)]) if isinstance(where, str) else where or set()
    assert set(lost["region_id"]) == expected
    assert lost["weight"].sum() == pytest.approx(1.0 if expected else 0.0)
    assert lost["weight"].empty or lost["weight"].min() == lost["weight"].max()


@pytest.mark.slow
def test_what_is_lost_sums_to_the_rows_that_are_lost_by_day():
    table = rm.datasets.incidents()
    aside = table.assign(quarantine_reason=["bad_code", None] * (len(table) // 2))
    found = lost_in(aside)
    lost = aside[aside["quarantine_reason"].notna()]
    assert found["weight"].sum() == pytest.approx(len(lost))
    by_day = found.groupby("event_date")["weight"].sum()
    pd.testing.assert_series_equal(
        by_day, lost.groupby("event_date").size().astype(float), check_names=False
    )
    assert lost_in(table).empty


@pytest.mark.slow
def test_an_id_that_stands_twice_is_lost_unless_it_is_told_again():
    again = [
        incident(incident_id="invented:1", source_id="1"),
        incident(incident_id="invented:1#3", source_id="1", quarantine_reason="duplicate_id"),
        incident(
            incident_id="invented:1#4",
            source_id="1",
            event_date=pd.Timestamp("2024-02-02"),
            quarantine_reason="duplicate_id",
        ),
    ]
    located = rm.locate(pd.concat(again, ignore_index=True), rm.datasets.regions())
    assert located.aside["incident_id"].tolist() == ["invented:1#4"]
    assert lost_in(pd.concat(again, ignore_index=True))["weight"].tolist() == [1.0]


def test_a_district_named_from_abroad_stops_no_run_on_regions_of_the_third_level():
    regions = rm.datasets.regions()
    regions = regions.assign(adm_level=regions["adm_level"] + 1)
    rows = (
        rm.datasets.incidents()
        .iloc[:2]
        .assign(country="AFG", region_id=None, admin2=regions["parent"].iloc[0], geometry=None)
    )
    located = rm.locate(rows, regions)
    assert located.set_aside["reason"].tolist() == ["outside_country"] * 2


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        ("Kalda district, Velmar", {"XQA0303"}),
        ("Velmar - Kalda", {"XQA0303"}),
        ("old bridge, Kalda, Velmar", {"XQA0303"}),
        ("Vasteenia", set()),
        ("Vasteenia, Dostan", {"XQA0208"}),
        ("no such village, Velmar", {f"XQA03{i:02}" for i in range(1, 9)}),
        ("the border", set()),
    ],
)
def test_a_text_of_a_place_names_its_district(place, ids):
    """Likeness counts inside of a province that the text names, and nowhere else."""
    found = located(point=None, country=None, place=place)
    assert set(found.placements["region_id"]) == ids
    assert len(found.set_aside) == (not ids)


def test_a_place_that_is_a_district_of_the_stated_province_is_that_district():
    found = located(point=None, admin1="Velmar", place="Kalda")
    assert found.placements["region_id"].tolist() == ["XQA0303"]
    found = located(point=INSIDE, admin1="Velmar", place="Kalda")
    assert found.placements["method"].tolist() == ["point"]


def test_a_text_of_a_place_names_its_province():
    found = located(point=None, level=1, country=None, place="old bridge, Kalda, Velmar")
    assert found.placements["region_id"].tolist() == ["XQA03"]


@pytest.mark.parametrize(
    "fields", [{}, {"point": None, "admin1": "Velmar", "admin2": "Kelda"}], ids=["point", "name"]
)
def test_an_id_that_no_region_has_leaves_the_other_witnesses_standing(fields):
    known = located(**fields).placements["region_id"].tolist()
    found = located(region_id="elsewhere", **fields)
    assert found.placements["region_id"].tolist() == known
    assert len(known) == 1


@pytest.mark.slow
def test_exchanged_coordinates_are_lost_and_not_elsewhere():
    """Without a country nobody else would say so; where one is stated, reading has seen it."""
    regions = rm.datasets.regions()
    point = regions.geometry.representative_point()
    table = pd.DataFrame({"date": "2031-05-01", "latitude": point.x, "longitude": point.y})
    right = table.head(1).set_axis(["date", "longitude", "latitude"], axis=1)
    rows = rm.read_incidents(pd.concat([table, right], ignore_index=True))
    located = rm.locate(rows, regions)
    stage = located.ledger.stages[-1]
    assert stage.reasons == {"swapped_coordinates": len(regions)}
    assert stage.lost == len(regions)
    panel = rm.count_incidents(located, regions, every="month", as_of="2031-06-01")
    may_be = panel.knowledge.loc[panel.knowledge["layer"] == "violence", "may_be_here"]
    assert (may_be > 0.9).all()


def test_a_point_of_another_country_is_elsewhere():
    regions = rm.datasets.regions()
    table = pd.DataFrame({"date": ["2031-05-01"], "latitude": [51.5], "longitude": [-0.1]})
    located = rm.locate(rm.read_incidents(table), regions)
    assert located.ledger.stages[-1].reasons == {"outside_regions": 1}
    assert located.ledger.stages[-1].lost == 0


@pytest.mark.slow
def test_where_it_happened_says_who_is_foreign_where_the_row_does_not():
    """Without a country the same rows tell the same of foreigners as with one."""
    regions = rm.datasets.regions()
    notes = ["Two Afghan teachers were killed.", "Two Chinese engineers were killed.", "A raid."]
    table = pd.DataFrame({"date": "2031-05-01", "district": regions["name"].iloc[0]}, range(3))
    table["notes"] = [note.replace("Afghan", "Chinese") for note in notes[1:]] + [notes[0]]
    table["nationality"] = ["", "", "CHN"]
    for home in ("XQA", "CHN"):
        there = regions.assign(iso3=home)
        found = []
        for country in (home, None):
            rows = rm.derive_victims(rm.read_incidents(table.assign(country=country)))
            located = rm.locate(rows, there).incidents
            found.append((hits_foreigners(located).tolist(), tells_victims(located).tolist()))
        assert found[0] == found[1]
