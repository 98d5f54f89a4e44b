"""RegionIndex: what covers a point, on shapes where it is easy to be wrong."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import riskmap as rm
from riskmap.schema import REGION_COLUMNS, conform

NAN = float("nan")


def as_regions(geometries, ids=None):
    ids = [f"r{i}" for i in range(len(geometries))] if ids is None else ids
    table = pd.DataFrame({"region_id": ids, "name": ids, "iso3": "XQA", "adm_level": 2})
    frame = gpd.GeoDataFrame(table, geometry=list(geometries), crs="EPSG:4326")
    return conform(frame, REGION_COLUMNS)


def ask(regions, *points):
    x, y = np.array(points, dtype=float).T
    return rm.RegionIndex(regions).query(x, y).tolist()


def test_a_shared_border_goes_to_the_smallest_id_in_any_row_order():
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    assert ask(as_regions(boxes, ["a", "b"]), (1.0, 0.5), (1.0, 0.0)) == [0, 0]
    assert ask(as_regions(boxes, ["b", "a"]), (1.0, 0.5), (1.0, 0.0)) == [1, 1]


def test_ids_are_ordered_as_text():
    boxes = [shapely.box(0, 0, 2, 2)] * 2
    assert ask(as_regions(boxes, ["r9", "r10"]), (1, 1)) == [1]


def test_a_hole_is_outside_and_its_rim_inside():
    holed = shapely.Polygon(shapely.box(0, 0, 3, 3).exterior, [shapely.box(1, 1, 2, 2).exterior])
    assert ask(as_regions([holed]), (1.5, 1.5), (1.0, 1.5), (0.5, 0.5)) == [-1, 0, 0]
    enclave = as_regions([holed, shapely.box(1, 1, 2, 2)])
    assert ask(enclave, (1.5, 1.5), (1.0, 1.5)) == [1, 0]


@pytest.mark.parametrize(
    "point", [(NAN, 0.5), (0.5, NAN), (NAN, NAN), (np.inf, 0.5), (0.5, -np.inf), (0.5, 95.0)]
)
def test_a_point_that_is_nowhere_is_in_no_region(point):
    assert ask(as_regions([shapely.box(0, 0, 1, 1)]), point) == [-1]


def test_the_antimeridian_is_one_line():
    west, east = shapely.box(178, -1, 180, 1), shapely.box(-180, -1, -178, 1)
    split = as_regions([shapely.MultiPolygon([west, east]), shapely.box(-178, -1, -176, 1)])
    assert ask(split, (180, 0), (-180, 0), (179, 0), (-179, 0), (181, 0)) == [0, 0, 0, 0, 0]
    apart = as_regions([east, west])
    assert ask(apart, (180, 0), (-180, 0)) == [0, 0]


def test_regions_drawn_beyond_180_meet_points_from_both_sides():
    across = as_regions([shapely.box(170, -1, 190, 1)])
    assert ask(across, (185, 0), (-175, 0), (175, 0), (-185, 0), (-165, 0)) == [0, 0, 0, 0, -1]


def test_a_cap_reaches_its_pole():
    cap = as_regions([shapely.box(-180, 80, 180, 90)])
    assert ask(cap, (-180, 90), (0, 90), (180, 90), (12, 79.9)) == [0, 0, 0, -1]


def test_no_points():
    index = rm.RegionIndex(as_regions([shapely.box(0, 0, 1, 1)]))
    assert index.query([], []).tolist() == []
    assert index.query([], []).dtype == np.int64


def test_answers_are_the_smallest_of_a_tree():
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 9, (200, 2))
    sizes = rng.uniform(0, 1, (200, 2))
    regions = as_regions(shapely.box(*corners.T, *(corners + sizes).T))
    x, y = rng.uniform(0, 10, (2, 2_000))
    tree = shapely.STRtree(regions.geometry.to_numpy())
    points, covering = tree.query(shapely.points(x, y), predicate="intersects")
    ids = regions["region_id"].iloc[covering].groupby(points).min().reindex(range(len(x)))
    found = rm.RegionIndex(regions).query(x, y)
    assert regions["region_id"].reindex(found).fillna("").tolist() == ids.fillna("").tolist()


def test_the_regions_given_are_not_changed():
    regions = rm.datasets.regions()
    before = regions.copy()
    rm.RegionIndex(regions).query([3.0], [-6.0])
    pd.testing.assert_frame_equal(regions, before)
    assert not shapely.is_prepared(regions.geometry.to_numpy()).any()


@pytest.mark.parametrize(("lon", "lat"), [([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]]), (1.0, 1.0)])
def test_points_must_come_in_pairs(lon, lat):
    index = rm.RegionIndex(rm.datasets.regions())
    with pytest.raises(rm.InputError, match="as many longitudes as latitudes"):
        index.query(lon, lat)


def test_an_index_tells_its_size():
    index = rm.RegionIndex(rm.datasets.regions())
    assert len(index) == 24
    assert repr(index) == "RegionIndex(24 regions)"


def test_an_empty_part_changes_nothing_for_few_points_and_for_many():
    boxes = shapely.box([0, 1], [0, 0], [1, 2], [1, 1])
    holed = boxes.copy()
    holed[0] = shapely.multipolygons([shapely.Polygon(), boxes[0]])
    xy = np.random.default_rng(0).uniform(-0.5, 2.5, (500, 2)).T
    expected = rm.RegionIndex(as_regions(boxes)).query(*xy)
    assert (expected >= 0).any()
    found = rm.RegionIndex(as_regions(holed))
    np.testing.assert_array_equal(found.query(*xy), expected)
    np.testing.assert_array_equal(found.prepare().query(*xy), expected)
