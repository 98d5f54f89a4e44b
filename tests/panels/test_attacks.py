"""Which incidents hold levels up, for how long, and where."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

import riskmap as rm
from riskmap.panels.attacks import ATTACK_COLUMNS, find_attacks
from riskmap.panels.presence import Site
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
