"""The invented country keeps the schemas and is the same every time."""

import pytest
from geopandas.testing import assert_geodataframe_equal
from scenarios import SCOPES, scenario

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
    with pytest.raises(ValueError, match="XQA:1 or XQA:2"):
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


def test_a_scenario_is_a_history_of_four_sources():
    table, truth = scenario(3)
    check_incidents(table)
    assert_geodataframe_equal(table, scenario(3)[0])
    scopes = table.groupby("source")["scope"].unique().map(list).to_dict()
    assert scopes == {source: [scope] for source, scope in SCOPES.items()}
    assert set(truth["layer"]) == {"violence", "foreign", "CHN/mining", "aid"}


@pytest.mark.slow
def test_a_scenario_tells_what_its_truth_says():
    seen, expected = 0.0, 0.0
    for seed in range(20):
        table, truth = scenario(seed)
        expected += truth.loc[truth["layer"] == "violence", "rate"].sum() * 2557 / 90
        watch = table[table["source"] == "watch"]
        seen += (~watch["event_type"].isin(["unrest", "arrest"])).sum() / 0.85
    assert seen == pytest.approx(expected, rel=0.05)


def test_sources_see_what_their_scope_says():
    table, _ = scenario()
    watch, aid, desk = (table[table["source"] == name] for name in ("watch", "aidlog", "desk"))
    assert watch[["foreign_victims", "nationality", "sector", "target"]].isna().all(axis=None)
    assert set(aid["sector"]) == {"aid"}
    assert set(desk["admin1"].dropna()) == {"Ambrel"}
    assert (aid["nationality"] == "XQA").any(), "nationals are hit at home"
    for column, codes in (("date_precision", 3), ("geo_precision", 4), ("event_type", 7)):
        assert table[column].nunique() >= codes
