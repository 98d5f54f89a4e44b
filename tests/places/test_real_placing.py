"""Placing on every real boundary file: cells over overlaps and gaps, mass, and the seed case."""

import warnings
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.places.region_index.cells import DOUBT, look_up
from riskmap.schema import INCIDENT_COLUMNS, conform

FILES = [
    "AFG/AFG_ADM1_gbopen_dissolved.geojson",
    "AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson",
    "AFG/geoBoundaries-AFG-ADM2.shp",
    "AFG/geoBoundaries-AFG-ADM2_simplified.geojson",
    "BFA/BFA_ADM2.parquet",
    "COD/COD_ADM2.parquet",
    "ETH/ETH_ADM2.parquet",
    "MLI/MLI_ADM2.parquet",
    "PAK/PAK_ADM2_codab2022_simplified5p.geojson",
    "PAK/geoBoundaries-PAK-ADM1.geojson",
    "SOM/SOM_ADM2.parquet",
    "UKR/geoBoundaries-UKR-ADM2.geojson",
]


@cache
def read(path):
    """The regions of a file, and points at random, on their corners and on their edges."""
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rm.RiskmapWarning)
        regions = rm.read_regions(path)
    rng = np.random.default_rng(4)
    west, south, east, north = regions.total_bounds
    inside = rng.uniform((west, south), (east, north), (2_000, 2))
    corners = shapely.get_coordinates(regions.geometry.to_numpy())
    chosen = rng.choice(len(corners) - 1, 1_500)
    middles = (corners[chosen] + corners[chosen + 1]) / 2
    return regions, np.concatenate([inside, corners[chosen], middles]).T


SEED = shapely.Point(69.49193, 37.30916)


@pytest.mark.parametrize("name", FILES[1:4])
def test_the_stated_district_of_a_village_outranks_the_polygon_its_point_falls_in(shared, name):
    regions, _ = read(shared / "boundaries" / name)
    row = {
        "incident_id": ["one"],
        "place": ["Katkajar"],
        "admin2": ["Khwaja Bahauddin district"],
        "admin1": ["Takhar"],
        "country": ["AFG"],
        "geo_precision": ["place"],
        "event_date": [pd.Timestamp("2025-01-21")],
    }
    table = gpd.GeoDataFrame(row, geometry=[SEED], crs="EPSG:4326")
    placed = rm.locate(conform(table, INCIDENT_COLUMNS), regions).placements.iloc[0]
    names = regions.set_index("region_id")["name"]
    assert names[placed["region_id"]] == "Khwaja Bahawuddin"
    assert names[placed["conflict_region_id"]] in ("Dasht-e-Qala", "Dashti Qala")
    assert 300 < placed["boundary_distance_m"] < 1_000
    assert (placed["method"], placed["weight"]) == ("named", 1.0)


def by_tree(regions, x, y):
    """The position of the smallest id among the regions that intersect each point."""
    tree = shapely.STRtree(regions.geometry.to_numpy())
    points, positions = tree.query(shapely.points(x, y), predicate="intersects")
    rank = regions["region_id"].rank(method="first").astype(int).to_numpy() - 1
    found = np.full(len(x), len(regions))
    np.minimum.at(found, points, rank[positions])
    return np.append(np.argsort(rank), -1)[found]


@pytest.mark.parametrize("name", FILES)
def test_law_3_each_point_is_in_the_smallest_of_its_regions_or_in_none(shared, name):
    regions, (x, y) = read(shared / "boundaries" / name)
    wanted = by_tree(regions, x, y)
    index = rm.RegionIndex(regions)
    assert (index.query(x, y) == wanted).all()
    assert (index.prepare().query(x, y) == wanted).all()
    at_random = look_up(index._cells, x[:2_000], y[:2_000])
    assert (at_random != DOUBT).all()
    shuffled = regions.sample(frac=1, random_state=3).reset_index(drop=True)
    there = rm.RegionIndex(shuffled).prepare().query(x, y)
    ids, others = (np.append(t["region_id"].to_numpy(object), None) for t in (regions, shuffled))
    assert (ids[wanted] == others[there]).all()


@pytest.mark.parametrize("name", FILES)
def test_laws_1_and_2_every_incident_counts_once_or_is_set_aside(shared, name):
    regions, (x, y) = read(shared / "boundaries" / name)
    some = slice(None, None, 25)
    table = pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(len(x[some]))],
            "geo_precision": "point",
            "event_date": pd.Timestamp("2024-01-01"),
        }
    )
    points = gpd.GeoDataFrame(table, geometry=shapely.points(x[some], y[some]), crs="EPSG:4326")
    located = rm.locate(conform(points, INCIDENT_COLUMNS), regions)
    inside = by_tree(regions, x[some], y[some]) >= 0
    assert len(located.incidents) == inside.sum()
    assert located.placements.groupby("incident_id")["weight"].sum().eq(1.0).all()
    assert located.placements["weight"].sum() == inside.sum()
    assert set(located.set_aside["reason"]) <= {"outside_regions"}
    assert len(located.set_aside) == (~inside).sum()
