"""The invented country keeps the schemas and is the same every time."""

import pytest
from geopandas.testing import assert_geodataframe_equal

import riskmap as rm
from riskmap.schema import check_incidents, check_regions


@pytest.mark.parametrize("level", [1, 2])
def test_regions_are_a_valid_coverage(level):
    regions = rm.datasets.regions(level)
    check_regions(regions)
    assert regions.geometry.is_valid_coverage()
    assert regions["region_id"].is_monotonic_increasing


def test_districts_know_their_province():
    districts, provinces = rm.datasets.regions(2), rm.datasets.regions(1)
    assert set(districts["parent_id"]) == set(provinces["region_id"])


def test_there_is_no_other_level():
    with pytest.raises(ValueError, match="levels 1 and 2, met 3"):
        rm.datasets.regions(3)


def test_incidents_lie_in_the_district_they_name():
    incidents, districts = rm.datasets.incidents(), rm.datasets.regions()
    check_incidents(incidents)
    homes = districts.set_index("name").geometry
    places = zip(incidents["place"], incidents.geometry, strict=True)
    assert all(homes[place].covers(point) for place, point in places)


def test_a_seed_is_a_history():
    assert_geodataframe_equal(rm.datasets.incidents(3), rm.datasets.incidents(3))
    assert len(rm.datasets.incidents(3)) != len(rm.datasets.incidents(4))
