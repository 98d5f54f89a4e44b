"""A point on the centre or the capital of an area larger than the regions is met."""

from functools import cache

import numpy as np
import pandas as pd
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.places.found_places import match_centres
from riskmap.settings import data_path


@cache
def districts():
    return rm.datasets.regions()


def match(*points, regions=None, level=2):
    return match_centres(np.array(points), districts() if regions is None else regions, level=level)


def centre_of(parent):
    return shapely.union_all(districts().geometry[districts()["parent"] == parent]).centroid


def test_centres_of_larger_areas_are_met():
    country = shapely.union_all(districts().geometry)
    own = districts().geometry.iloc[5]
    points = (country.centroid, country.representative_point(), centre_of("Dostan"), own.centroid)
    assert match(*points) == ["centroid", "centroid", "centroid", None]


def test_only_larger_areas_matter():
    provinces = rm.datasets.regions(level=1)
    assert match(centre_of("Dostan"), regions=provinces, level=1) == [None]
    assert match(shapely.union_all(districts().geometry).centroid, level=0) == [None]


def test_no_points():
    assert match() == []


def haversine(point, other):
    """Metres from a point to another, on a sphere of the mean radius."""
    x, y, lon, lat = (np.radians(value) for value in (point.x, point.y, other.x, other.y))
    half = np.sin((lat - y) / 2) ** 2 + np.cos(y) * np.cos(lat) * np.sin((lon - x) / 2) ** 2
    return 2 * 6_371_008.8 * np.arcsin(np.sqrt(half))


@settings(max_examples=20)
@given(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
def test_near_is_a_kilometre(east, north):
    centre = centre_of("Velmar")
    moved = shapely.Point(centre.x + east, centre.y + north)
    assume(abs(haversine(moved, centre) - 1000) > 1e-3)
    assert match(moved) == ["centroid" if haversine(moved, centre) <= 1000 else None]


def test_capitals_of_the_regions_countries_are_known():
    kabul, faizabad = shapely.points([(69.17233, 34.52813), (70.58002, 37.11664)])
    afghan = districts().assign(iso3="AFG")
    assert match(kabul, faizabad) == [None, None]
    assert match(kabul, faizabad, regions=afghan) == ["capital", "capital"]
    assert match(kabul, faizabad, regions=afghan, level=1) == ["capital", None]


def test_broken_shapes_have_a_centre_too():
    bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    broken = districts().set_geometry([bow, *districts().geometry.iloc[1:]], crs=4326)
    assert match(centre_of("Velmar"), regions=broken) == ["centroid"]


def test_shipped_capitals_lie_in_their_country(shared):
    regions = rm.read_regions(shared / "boundaries/AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson")
    towns = pd.read_csv(data_path("places/capitals.csv"), keep_default_na=False)
    towns = towns[(towns["iso3"] == "AFG") & (towns["kind"] == "province_capital")]
    rows = rm.RegionIndex(regions).query(towns["lon"], towns["lat"])
    assert len(towns) == 32
    assert (rows >= 0).all()
    assert pd.Series(rows).is_unique
