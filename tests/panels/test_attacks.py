"""Which incidents hold levels up, for how long, and where."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

import riskmap as rm
from riskmap.panels.attacks import ATTACK_COLUMNS, find_attacks
from riskmap.panels.groups import Site
from riskmap.schema import INCIDENT_COLUMNS, check_columns, conform

AS_OF = pd.Timestamp("2025-01-01")
MINERS = rm.WorkerGroup("CHN", sector="mining")
GLOBE = Geod(ellps="WGS84")
#: Two regions of one degree each, side by side at 6 degrees south.
CELLS = gpd.GeoDataFrame(
    {"region_id": ["west", "east"]},
    geometry=[shapely.box(4, -7, 5, -6), shapely.box(5, -7, 6, -6)],
    crs=4326,
)


def incidents(n=1, **changes):
    table = pd.DataFrame(
        {
            "incident_id": [f"one:{i}" for i in range(n)],
            "event_date": AS_OF - pd.Timedelta(days=10),
            "event_type": "armed_attack",
            "nationality": "CHN",
            "sector": "mining",
            "foreign_victims": 1,
            "country": "XQA",
            "geo_precision": "point",
        }
        | changes
    )
    point = gpd.points_from_xy([4.9] * n, [-6.5] * n)
    return gpd.GeoDataFrame(conform(table, INCIDENT_COLUMNS), geometry=point, crs=4326)


def find(table, *, position=0, method="point", group=MINERS, as_of=AS_OF):
    n = len(table)
    placed = pd.DataFrame(
        {"row": np.arange(n), "position": position, "weight": 1.0, "method": method}
    )
    return find_attacks(table, placed, CELLS, group=group, as_of=as_of)


def km_away(km):
    """A point so many km west of the border between the two regions."""
    lon, lat, _ = GLOBE.fwd(5.0, -6.5, 270.0, 1000.0 * km)
    return incidents().set_geometry(gpd.points_from_xy([lon], [lat]), crs=4326)


def test_the_table_is_one_of_attacks():
    check_columns(find(incidents()), ATTACK_COLUMNS, table="attacks")
    check_columns(find(incidents(foreign_victims=0, nationality=None, sector=None)),
                  ATTACK_COLUMNS, table="attacks")  # fmt: skip


@pytest.mark.parametrize(("km", "regions"), [(24.5, "west;east"), (25.5, "west")])
def test_a_point_holds_up_what_is_within_25_km(km, regions):
    assert find(km_away(km))["regions"].item() == regions


@pytest.mark.parametrize("precision", ["place", "admin2"])
def test_what_is_known_to_a_place_or_district_holds_up_its_own_region_alone(precision):
    row = find(incidents(geo_precision=precision)).iloc[0]
    assert (row["regions"], row["is_point"]) == ("west", False)


def test_a_place_that_is_said_to_be_exact_and_lacks_its_point_holds_up_its_own_region_alone():
    row = find(incidents(2).set_geometry([None, None], crs=4326), method="stated").iloc[0]
    assert (row["regions"], row["is_point"]) == ("west", False)


def test_what_is_spread_holds_up_none_and_tells_its_area():
    row = find(incidents(geo_precision="admin1", admin1="Ambrel"), method="spread").iloc[0]
    assert pd.isna(row["regions"])
    assert row["area"] == "Ambrel"


def test_sites_within_reach_are_named_with_their_distance():
    lon, lat, _ = GLOBE.fwd(4.9, -6.5, 0.0, 12_000.0)
    sites = (Site("camp", lon, lat), Site("far", 4.1, -6.9))
    row = find(incidents(), group=rm.WorkerGroup("CHN", sites=sites)).iloc[0]
    assert row["sites"] == "camp (12 km)"


def test_the_newest_comes_first():
    days = AS_OF - pd.to_timedelta([30, 5, 60], unit="D")
    assert find(incidents(3, event_date=days))["incident_id"].tolist() == [
        "one:1",
        "one:0",
        "one:2",
    ]


def test_an_interval_counts_from_its_last_day_and_never_beyond_today():
    long = find(incidents(event_date=pd.Timestamp("2024-01-01"), event_date_end="2024-11-01"))
    assert long["until"].item() == pd.Timestamp("2024-11-01") + pd.Timedelta(days=90)
    open_end = find(incidents(event_date=pd.Timestamp("2024-12-01"), event_date_end="2025-12-31"))
    assert open_end["until"].item() == AS_OF + pd.Timedelta(days=90)


@pytest.mark.parametrize(
    ("changes", "group", "counts"),
    [
        ({"nationality": "TUR", "sector": "aid"}, MINERS, False),
        ({"nationality": "TUR", "sector": "aid"}, None, True),
        ({"nationality": "TUR"}, MINERS, True),
        ({"nationality": None, "foreign_victims": 0}, MINERS, False),
        ({"nationality": None, "foreign_victims": 0, "target": "mining"}, MINERS, True),
        ({"nationality": None, "foreign_victims": 0, "sector": None, "target": "foreigners"},
         None, True),
        ({"nationality": None, "foreign_victims": None, "sector": None}, None, False),
    ],
)  # fmt: skip
def test_only_attacks_of_relevance_1_count(changes, group, counts):
    assert len(find(incidents(**changes), group=group)) == counts


def read_aside(**columns):
    """Rows of the invented country as people send them, beside the demonstration's."""
    n = max(len(values) for values in columns.values())
    rows = {"country": ["XQA"] * n, "type": ["attack"] * n, "date": ["next week"] * n}
    told = rm.derive_victims(rm.read_incidents(pd.DataFrame(rows | columns)))
    table = pd.concat([rm.datasets.incidents(), told], ignore_index=True)
    return rm.locate(table, rm.datasets.regions())


def undated(located, group=MINERS):
    regions = rm.datasets.regions()
    panel = rm.count_incidents(located, regions, group=group, as_of=AS_OF)
    return panel.attacks[panel.attacks["event_date"].isna()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "group", "n"),
    [
        ({"nationality": ["Chinese"]}, MINERS, 1),
        ({"notes": ["two chinese engineers killed"]}, MINERS, 1),
        ({"notes": ["中方人员遇袭"]}, MINERS, 1),
        ({"国籍": ["中国"]}, MINERS, 1),
        ({"target": ["foreigners"]}, MINERS, 1),
        ({"expats killed": ["2"]}, None, 1),
        ({"expats killed": ["2"]}, MINERS, 0),  # other foreigners
        ({"nationality": ["XQA"]}, MINERS, 0),
        ({"notes": ["no Chinese were hurt"]}, MINERS, 0),
    ],
)
@pytest.mark.parametrize("date", ["next week", "", "03/04/2024"])
def test_a_row_without_a_day_that_tells_of_an_attack_on_the_group_is_told(columns, group, n, date):
    found = undated(read_aside(admin2=["Berin"], date=[date], **columns), group)
    assert len(found) == n
    if n:
        row = found.iloc[0]
        assert (row["region_id"], row["place"]) == ("XQA0102", "Berin")
        assert row[["until", "regions", "sites"]].isna().all()
        assert f"met '{date}'" in row["unusable"]


@pytest.mark.slow
def test_one_without_a_place_either_is_told_of_the_country():
    row = undated(read_aside(nationality=["Chinese"])).iloc[0]
    assert (row["area"], pd.isna(row["place"])) == ("XQA", True)


@pytest.mark.slow
@pytest.mark.parametrize(("known", "n"), [("2024-12-30", 1), ("2024-09-01", 0), ("2025-01-01", 0)])
def test_one_that_was_known_long_ago_or_is_not_yet_known_is_not_told(known, n):
    located = read_aside(nationality=["Chinese"], ingested_at=[f"{known}T12:00:00+00:00"])
    assert len(undated(located)) == n


@pytest.mark.slow
@pytest.mark.parametrize(
    ("district", "regions"), [("Berin", ["XQA0102"]), ("Lahore", []), ("", [])]
)
def test_a_neighbours_code_beside_our_province_and_district_hides_no_attack(
    tmp_path, district, regions
):
    """A code is one slip of a pen; the district is attacked, and the row counts nowhere."""
    rows = {"date": ["2024-12-20"], "country": "PAK", "admin1": "Ambrel", "admin2": district}
    rows |= {"type": "attack", "nationality": "Chinese", "killed": 1}
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    whole = read_aside(**{name: [told] for name, told in rows.items() if name != "date"},
                       date=rows["date"])  # fmt: skip
    scan = rm.scan_incidents([tmp_path / "a.csv"], rm.datasets.regions(), each=rm.derive_victims)
    assert whole.set_aside["reason"].tolist() == ["outside_country"]
    for located in (whole, scan):
        panel = rm.count_incidents(located, rm.datasets.regions(), group=MINERS, as_of=AS_OF,
                                   start="2024-01-01")  # fmt: skip
        attacks = panel.attacks[panel.attacks["source"] != "invented"]
        assert attacks["regions"].dropna().tolist() == regions
        assert panel.knowledge.groupby("region_id")["rows_lost"].max()["XQA0102"] == len(regions)


@pytest.mark.slow
def test_an_attack_whose_point_contradicts_its_text_marks_both_districts():
    office = rm.datasets.regions().set_index("region_id").loc["XQA0103"].geometry.centroid
    told = {"date": "2024-12-20", "admin1": "Velmar", "place": "Kelda", "nationality": "Chinese"}
    table = pd.DataFrame([told | {"killed": 1, "latitude": office.y, "longitude": office.x}])
    located = rm.locate(rm.derive_victims(rm.read_incidents(table)), rm.datasets.regions())
    panel = rm.count_incidents(located, rm.datasets.regions(), as_of=AS_OF, start="2024-01-01")
    assert {"XQA0103", "XQA0303"} <= set(panel.attacks["regions"].item().split(";"))


@pytest.mark.slow
def test_files_read_in_parts_tell_the_same(tmp_path):
    rows = {"date": ["soon", "2024-12-30"], "country": "XQA", "admin2": "Berin"}
    pd.DataFrame(rows | {"nationality": ["Chinese", ""]}).to_csv(tmp_path / "a.csv", index=False)
    regions = rm.datasets.regions()
    scan = rm.scan_incidents([tmp_path / "a.csv"], regions, each=rm.derive_victims)
    one = rm.locate(rm.derive_victims(rm.read_incidents(tmp_path / "a.csv")), regions)
    for found in (undated(scan), undated(one)):
        assert found["region_id"].tolist() == ["XQA0102"]
        assert found["unusable"].tolist() == ["date: met 'soon'"]


@pytest.mark.slow
def test_a_row_with_too_many_fields_that_names_the_group_is_told_in_its_own_words(tmp_path):
    lines = [
        "date,country,admin2,nationality,notes",
        "2024-12-01,XQA,Berin,,quiet",
        "2024-12-20,XQA,Berin,Chinese,Gunmen came, one was hit",
        "2024-12-20,XQA,Berin,,Gunmen killed two Chinese, and fled",
        "2024-12-20,XQA,Berin,,Gunmen fled, no Chinese were hurt",
        "2024-12-20,XQA,Berin,Qandaran,Gunmen came, one was hit",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    table = rm.derive_victims(rm.read_incidents(tmp_path / "a.csv"))
    both = pd.concat([rm.datasets.incidents(), table], ignore_index=True)
    found = undated(rm.locate(both, rm.datasets.regions()))
    assert found["area"].tolist() == ["XQA"] * 2
    assert found["unusable"].str.startswith("row: met 6 fields: 2024-12-20; XQA; Berin; ").all()
    assert found["unusable"].str.contains("Chinese").all()
    scan = rm.scan_incidents([tmp_path / "a.csv"], rm.datasets.regions(), each=rm.derive_victims)
    assert undated(scan)["unusable"].tolist() == found["unusable"].tolist()
