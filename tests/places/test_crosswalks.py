"""Crosswalks share areas out wholly, and counts that are carried over keep their sum."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import BoundaryError, SchemaError
from riskmap.places.areas import join_parents
from riskmap.schema import REGION_COLUMNS, conform

DISTRICTS = rm.datasets.regions()
PROVINCES = rm.datasets.regions(level=1)


def table(*shapes):
    rows = {"region_id": [f"r{i}" for i in range(len(shapes))], "name": "x"}
    return gpd.GeoDataFrame(
        conform(pd.DataFrame(rows), REGION_COLUMNS), geometry=list(shapes), crs=4326
    )


def test_districts_go_wholly_to_their_province():
    walk = rm.crosswalk(DISTRICTS, PROVINCES)
    assert walk["weight"].tolist() == [1.0] * 24
    assert walk["new_id"].tolist() == DISTRICTS["parent_id"].tolist()
    assert np.allclose(walk["covered"], 1.0)


def test_a_split_shares_by_area():
    walk = rm.crosswalk(
        table(shapely.box(0, 0, 4, 1)), table(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 4, 1))
    )
    assert walk["weight"].tolist() == pytest.approx([0.25, 0.75])


def test_area_counts_as_it_is_on_the_globe_and_not_in_degrees():
    walk = rm.crosswalk(
        table(shapely.box(0, 0, 1, 60)), table(shapely.box(0, 0, 1, 30), shapely.box(0, 30, 1, 60))
    )
    south, north = walk["weight"]
    assert south / north == pytest.approx(0.5 / (np.sqrt(3) / 2 - 0.5), rel=0.01)


def test_where_coasts_differ_nothing_is_lost():
    walk = rm.crosswalk(table(shapely.box(0, 0, 2, 1)), table(shapely.box(0, 0, 1, 1)))
    assert walk[["weight", "covered"]].to_numpy().tolist() == [[1.0, pytest.approx(0.5)]]


def test_a_region_that_vanished_stays_on_the_books():
    walk = rm.crosswalk(
        table(shapely.box(0, 0, 1, 1), shapely.box(9, 9, 10, 10)), table(shapely.box(0, 0, 1, 1))
    )
    assert walk["new_id"].isna().tolist() == [False, True]
    counts = pd.DataFrame({"region_id": ["r0", "r1"], "n": [1, 2]})
    carried = rm.carry_over(counts, walk, values=["n"])
    assert carried["n"].tolist() == [1.0, 2.0]
    assert carried["region_id"].isna().tolist() == [False, True]


def test_touching_regions_share_nothing():
    walk = rm.crosswalk(
        table(shapely.box(0, 0, 1, 1)), table(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    )
    assert walk["new_id"].tolist() == ["r0"]


def test_only_regions_are_taken():
    with pytest.raises(SchemaError):
        rm.crosswalk(DISTRICTS, PROVINCES.drop(columns="name"))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (pd.DataFrame({"region_id": ["XQA0101"]}), "lack a column"),
        (pd.DataFrame({"n": [1]}), "lack a column"),
        (pd.DataFrame({"region_id": ["elsewhere"], "n": [1]}), "not in the crosswalk"),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts, message):
    with pytest.raises(BoundaryError, match=message):
        rm.carry_over(counts, rm.crosswalk(DISTRICTS, PROVINCES), values=["n"])


def test_a_missing_count_stays_missing():
    walk = rm.crosswalk(DISTRICTS, PROVINCES)
    counts = pd.DataFrame({"region_id": DISTRICTS["region_id"], "n": [np.nan, *[1.0] * 23]})
    carried = rm.carry_over(counts, walk, values=["n"])
    assert carried["n"].isna().tolist() == [True, False, False]


@pytest.mark.slow
@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(1, 59), min_size=1, max_size=8, unique=True),
    counts=st.lists(st.integers(0, 1000), min_size=48, max_size=48),
)
def test_mass_is_conserved(cuts, counts):
    west, south, east, north = DISTRICTS.total_bounds
    edges = [west - 1, *(west + (east - west) * k / 60 for k in sorted(cuts)), east + 1]
    strips = table(*(shapely.box(a, south - 1, b, north + 1) for a, b in pairwise(edges)))
    walk = rm.crosswalk(DISTRICTS, strips)
    assert walk.groupby("old_id")["weight"].sum().to_numpy() == pytest.approx(
        np.ones(24), abs=1e-12
    )
    frame = pd.DataFrame(
        {
            "region_id": [*DISTRICTS["region_id"]] * 2,
            "window": [0] * 24 + [1] * 24,
            "violence": counts,
        }
    )
    carried = rm.carry_over(frame, walk, values=["violence"])
    before = frame.groupby("window")["violence"].sum().to_numpy()
    assert carried.groupby("window")["violence"].sum().to_numpy() == pytest.approx(before, abs=1e-9)
    assert list(carried.columns) == list(frame.columns)


def test_there_and_back_keeps_the_sum():
    there, back = rm.crosswalk(DISTRICTS, PROVINCES), rm.crosswalk(PROVINCES, DISTRICTS)
    counts = pd.DataFrame({"region_id": DISTRICTS["region_id"], "n": np.arange(24.0)})
    carried = rm.carry_over(rm.carry_over(counts, there, values=["n"]), back, values=["n"])
    assert carried["n"].sum() == pytest.approx(counts["n"].sum(), abs=1e-9)


def test_parents_are_those_that_cover_most():
    orphans = DISTRICTS.assign(parent_id=None, parent=None)
    found = join_parents(orphans, PROVINCES)
    assert found["parent_id"].tolist() == DISTRICTS["parent_id"].tolist()
    assert found["parent"].tolist() == DISTRICTS["parent"].tolist()


def test_equal_shares_go_to_the_smallest_id_and_none_to_nobody():
    districts = table(shapely.box(0, 0, 2, 1), shapely.box(7, 7, 8, 8))
    parents = table(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    found = join_parents(districts, parents)["parent_id"]
    assert found.iloc[0] == "r0"
    assert found.isna().tolist() == [False, True]


def test_real_districts_carry_over_to_provinces(shared):
    folder = shared / "boundaries" / "AFG"
    districts = rm.read_regions(folder / "AFG_ADM2_gbopen_simplified_pcoded.geojson")
    provinces = rm.read_regions(folder / "AFG_ADM1_gbopen_dissolved.geojson")
    walk = rm.crosswalk(districts, provinces)
    main = walk.sort_values("weight").groupby("old_id")["new_id"].last()
    assert main.tolist() == districts["parent_id"].tolist()
    counts = pd.DataFrame({"region_id": districts["region_id"], "n": np.ones(398)})
    carried = rm.carry_over(counts, walk, values=["n"])
    assert carried["n"].sum() == pytest.approx(398, abs=1e-9)
