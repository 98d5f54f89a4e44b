"""A point on a centroid or a capital with no precision told is flagged; others are not."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.places.points import KNOWN_POINTS, flag_known_points, known_points


@cache
def incidents():
    return rm.datasets.incidents()


@cache
def districts():
    return rm.datasets.regions()


@cache
def known():
    return known_points(districts())


def at(*points, precision=None):
    """Invented incidents at some points."""
    table = incidents().head(len(points)).assign(geo_precision=precision)
    table = table.astype({"geo_precision": "str"})
    return table.set_geometry(list(points), crs=4326)


@pytest.fixture(scope="module")
def regions():
    return rm.datasets.regions()


def test_each_kind_of_point_is_met(regions):
    country = shapely.union_all(regions.geometry).centroid
    province = shapely.union_all(regions.geometry[regions["parent"] == "Dostan"]).centroid
    region = regions.geometry.iloc[5]
    found = flag_known_points(
        at(country, province, region.centroid, region.representative_point()), regions
    )
    assert found.tolist() == ["country_centroid", "province_centroid", *["region_centroid"] * 2]


@pytest.mark.parametrize("precision", ["point", "place", "admin2", "admin1", "country"])
def test_a_told_precision_is_believed(regions, precision):
    centre = regions.geometry.iloc[5].centroid
    assert flag_known_points(at(centre, precision=precision), regions).isna().all()
    assert flag_known_points(at(centre, precision="unknown"), regions).notna().all()


def test_rows_without_a_point_are_not_flagged(regions):
    table = at(None, shapely.Point(), regions.geometry.iloc[0].centroid)
    table.index = [7, 3, 5]
    found = flag_known_points(table, regions)
    assert found.index.tolist() == [7, 3, 5]
    assert found.notna().tolist() == [False, False, True]
    assert flag_known_points(table.head(0), regions).empty


def haversine(point, lon, lat):
    """Metres from a point to others, on a sphere of the mean radius."""
    x, y, lon, lat = (np.radians(value) for value in (point.x, point.y, lon, lat))
    half = np.sin((lat - y) / 2) ** 2 + np.cos(y) * np.cos(lat) * np.sin((lon - x) / 2) ** 2
    return 2 * 6_371_008.8 * np.arcsin(np.sqrt(half))


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(0, 23), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(10, 20_000))
def test_near_is_measured_in_metres(row, east, north, tolerance):
    centre = districts().geometry.iloc[row].centroid
    moved = shapely.Point(centre.x + east, centre.y + north)
    nearest = haversine(moved, known()["lon"], known()["lat"]).min()
    assume(abs(nearest - tolerance) > 1e-3)
    found = flag_known_points(at(moved), districts(), tolerance_m=tolerance)
    assert found.notna().tolist() == [nearest <= tolerance]


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_is_a_distance(regions, tolerance):
    with pytest.raises(InputError, match="no distance"):
        flag_known_points(at(shapely.Point(0, 0)), regions, tolerance_m=tolerance)


def test_capitals_of_the_regions_countries_are_known(regions):
    afghan = known_points(regions.assign(iso3="AFG"))
    assert "Kabul" in set(afghan.loc[afghan["kind"] == "country_capital", "name"])
    assert (afghan["kind"] == "province_capital").sum() == 32
    kabul = shapely.Point(69.17233, 34.52813)
    found = flag_known_points(at(kabul), regions.assign(iso3="AFG"))
    assert found.tolist() == ["country_capital"]


def test_provinces_alone_have_no_provinces_above_them():
    kinds = known_points(rm.datasets.regions(level=1))["kind"]
    assert set(kinds) == {"country_centroid", "region_centroid"}


def test_broken_shapes_have_a_centre_too(regions):
    bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    broken = regions.set_geometry([bow, *regions.geometry.iloc[1:]], crs=4326)
    known = known_points(broken)
    assert known[["lon", "lat"]].notna().all().all()
    assert set(known["kind"]) <= set(KNOWN_POINTS)


def test_shipped_capitals_lie_in_their_country(shared):
    districts = rm.read_regions(shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson")
    known = known_points(districts)
    towns = known[known["kind"].str.endswith("capital")]
    rows = rm.RegionIndex(districts).query(towns["lon"], towns["lat"])
    assert (rows >= 0).all()
    assert pd.Series(rows).is_unique
