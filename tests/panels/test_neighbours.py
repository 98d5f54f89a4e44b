"""Neighbours against brute force: who touches, how long borders are, who is nearest."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

import riskmap as rm
from riskmap.errors import InputError
from riskmap.panels.features import find_neighbours

REGIONS = rm.datasets.regions()


def kilometres(a, b):
    (x, y), (u, v) = np.radians([[a.x, a.y], [b.x, b.y]])
    half = np.sin((y - v) / 2) ** 2 + np.cos(y) * np.cos(v) * np.sin((x - u) / 2) ** 2
    return 2 * 6371 * np.arcsin(np.sqrt(half))


def test_neighbours_are_those_that_touch():
    found = find_neighbours(REGIONS).toarray()
    shapes = REGIONS.geometry.tolist()
    for i, a in enumerate(shapes):
        touch = np.array([i != j and a.intersects(b) for j, b in enumerate(shapes)])
        assert found[i] == pytest.approx(touch / touch.sum())


def test_borders_weigh_by_their_length():
    found = find_neighbours(REGIONS, by="border").toarray()
    shapes = REGIONS.geometry.tolist()
    for i, a in enumerate(shapes):
        own = np.zeros(len(shapes))
        for j, b in enumerate(shapes):
            if i != j:
                line = a.boundary.intersection(b.boundary)
                if line.is_empty:
                    continue
                scaled = shapely.transform(
                    line, lambda c: c * [np.cos(np.radians(c[:, 1].mean())), 1]
                )
                own[j] = scaled.length
        assert found[i] == pytest.approx(own / own.sum(), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("k", [1, 4, 50])
def test_the_nearest_are_nearest(k):
    found = find_neighbours(REGIONS, by="nearest", k=k).toarray()
    points = shapely.centroid(REGIONS.geometry.to_numpy())
    for i, a in enumerate(points):
        far = np.array([np.inf if i == j else kilometres(a, b) for j, b in enumerate(points)])
        nearest = np.sort(np.argsort(far)[: min(k, 23)])
        assert np.flatnonzero(found[i]).tolist() == nearest.tolist()
        assert found[i].sum() == pytest.approx(1.0)


def test_an_island_has_no_neighbours_but_a_nearest():
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(8, 8, 9, 9)]
    table = gpd.GeoDataFrame(geometry=boxes, crs=4326)
    assert np.diff(find_neighbours(table).indptr).tolist() == [1, 1, 0]
    assert np.diff(find_neighbours(table, by="nearest", k=1).indptr).tolist() == [1, 1, 1]
    assert find_neighbours(table.iloc[:1], by="nearest").nnz == 0


def test_a_shared_corner_is_no_border():
    boxes = [shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2), shapely.box(1, 0, 2, 1)]
    table = gpd.GeoDataFrame(geometry=boxes, crs=4326)
    assert np.diff(find_neighbours(table).indptr).tolist() == [2, 2, 2]
    assert np.diff(find_neighbours(table, by="border").indptr).tolist() == [1, 1, 2]


def test_regions_on_one_point_have_each_other():
    boxes = [shapely.box(0, 0, 2, 2), shapely.box(0.5, 0.5, 1.5, 1.5), shapely.box(5, 5, 6, 6)]
    table = gpd.GeoDataFrame(geometry=boxes, crs=4326)
    found = find_neighbours(table, by="nearest", k=1).toarray()
    assert (found[0, 1], found[1, 0]) == (1.0, 1.0)


@pytest.mark.parametrize("wrong", [{"by": "friendship"}, {"by": "nearest", "k": 0}])
def test_unknown_neighbours_are_refused(wrong):
    with pytest.raises(InputError, match="unknown neighbours"):
        find_neighbours(REGIONS, **wrong)
