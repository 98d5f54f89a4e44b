"""The cell index answers as the sweep does, on shapes where candidates get lost."""

import pickle
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.places.region_index import building
from riskmap.places.region_index import cells as cell_index
from riskmap.places.region_index.cells import (
    DOUBT,
    MAX_CANDIDATES,
    look_up,
    look_up_arrays,
    look_up_compiled,
)
from riskmap.schema import REGION_COLUMNS, conform


def as_regions(geometries):
    ids = [f"r{i:05d}" for i in range(len(geometries))]
    table = pd.DataFrame({"region_id": ids, "name": ids, "iso3": "XQA", "adm_level": 2})
    frame = gpd.GeoDataFrame(table, geometry=list(geometries), crs="EPSG:4326")
    return conform(frame, REGION_COLUMNS)


def swept(geometries, x, y):
    """The smallest of the pairs that a tree finds."""
    tree = shapely.STRtree(geometries)
    points, regions = tree.query(shapely.points(x, y), predicate="intersects")
    answer = np.full(len(x), len(geometries))
    np.minimum.at(answer, points, regions)
    return np.where(answer == len(geometries), -1, answer)


def points_about(geometries, n=3_000, seed=1):
    """Random points in and around, and every vertex and middle of an edge."""
    west, south, east, north = shapely.total_bounds(geometries)
    pad = (east - west) / 10
    rng = np.random.default_rng(seed)
    xy = rng.uniform((west - pad, south - pad), (east + pad, north + pad), (n, 2))
    corners = shapely.get_coordinates(geometries)
    return np.concatenate([xy, corners, (corners[1:] + corners[:-1]) / 2]).T


def of_parts(engine, shapes, x, y):
    """The shapes that cells over their parts answer with, and what they hand back."""
    parts, owners = shapely.get_parts(shapes, return_index=True)
    found = engine(building.build_cells(parts), x, y)
    return np.where(found < 0, found, owners[np.maximum(found, 0)])


@pytest.fixture
def small_grid(monkeypatch):
    """Few cells, so that many borders meet in each."""
    monkeypatch.setattr(building, "CELLS_PER_EDGE", 1)
    monkeypatch.setattr(building, "MIN_CELLS", 1)


def stars(n, *, spread, size, seed=5):
    """Crooked overlapping polygons with holes."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 17)[:-1]
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    made = []
    for centre in rng.uniform(0, spread, (n, 2)):
        reach = size * rng.uniform(0.5, 1.0, (16, 1))
        outer = centre + circle * reach
        made.append(shapely.Polygon(outer, [centre + circle * reach * 0.3]))
    return np.array(made)


SHAPES = {
    "one": shapely.box([0], [0], [1], [1]),
    "overlapping": stars(40, spread=3, size=1),
    "smaller than a cell": np.concatenate(
        [stars(60, spread=0.1, size=0.001), stars(1, spread=9, size=9)]
    ),
    "more than a cell can hold": stars(MAX_CANDIDATES + 20, spread=0.01, size=1),
    "apart": stars(30, spread=300, size=1),
    "thin": shapely.box([0, 0, 0], [0, 1e-9, 2e-9], [50, 50, 50], [1e-9, 2e-9, 3e-9]),
    "tiny": shapely.box([10, 10 + 1e-9], [10, 10], [10 + 1e-9, 10 + 2e-9], [10 + 1e-9] * 2),
    "twins": np.array([shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1)]),
    "stacked": np.array(
        [shapely.box(0, 0, 9, 9), shapely.box(2, 2, 4, 4), shapely.box(3, 3, 8, 8)]
    ),
    "bow tie": np.array([shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])]),
    "spike": np.array([shapely.Polygon([(0, 0), (2, 0), (3, 0), (2, 0), (2, 2), (0, 2)])]),
    "repeated points": np.array([shapely.Polygon([(0, 0), (0, 0), (2, 0), (2, 0), (0, 2)])]),
    "parts that overlap": np.array(
        [shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])]
    ),
    "a part twice": np.array([shapely.MultiPolygon([shapely.box(0, 0, 1, 1)] * 2)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("engine", [look_up_arrays, look_up_compiled])
@pytest.mark.usefixtures("small_grid")
def test_every_answer_is_the_trees_or_is_handed_back(name, engine):
    shapes = SHAPES[name]
    x, y = points_about(shapes)
    found = of_parts(engine, shapes, x, y)
    sure = found != DOUBT
    assert (found[sure] == swept(shapes, x, y)[sure]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_prepared_or_not_the_answers_are_the_same(name):
    regions = as_regions(SHAPES[name])
    x, y = points_about(SHAPES[name])
    found = rm.RegionIndex(regions).prepare().query(x, y)
    assert found.tolist() == rm.RegionIndex(regions).query(x, y).tolist()
    assert found.tolist() == swept(SHAPES[name], x, y).tolist()


@pytest.mark.slow
@pytest.mark.usefixtures("small_grid")
def test_the_loop_says_the_same_before_it_is_compiled():
    shapes = SHAPES["overlapping"]
    x, y = points_about(shapes, n=300)
    x[:3], y[2:4] = (np.nan, np.inf, -np.inf), np.nan
    cells = building.build_cells(shapes)
    records = {name: values.view(np.recarray) for name, values in vars(cells).items()}
    ranks = np.empty(len(x), dtype=np.int32)
    cell_index.loop(*records.values(), x, y, ranks)
    assert ranks.tolist() == look_up(cells, x, y).tolist()
    assert ranks.tolist() == look_up_compiled(cells, x, y).tolist()


coordinate = st.integers(0, 40).map(lambda i: i / 16) | st.floats(0, 2.5, allow_subnormal=False)
corners = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=7, unique=True)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(corners, min_size=1, max_size=8), st.integers(1, 60))
def test_law_3_holds_in_cells_of_any_size(rings, cells_per_edge):
    shapes = np.array([p for p in map(shapely.Polygon, rings) if p.is_valid])
    if not len(shapes):
        return
    before = building.CELLS_PER_EDGE, building.MIN_CELLS
    building.CELLS_PER_EDGE, building.MIN_CELLS = cells_per_edge, 1
    try:
        cells = building.build_cells(shapes)
    finally:
        building.CELLS_PER_EDGE, building.MIN_CELLS = before
    x, y = points_about(shapes, n=40)
    found = look_up(cells, x, y)
    wanted = swept(shapes, x, y)
    assert (found[found != DOUBT] == wanted[found != DOUBT]).all()


def test_hardly_a_random_point_is_in_doubt():
    shapes = rm.datasets.regions().geometry.to_numpy()
    cells = building.build_cells(shapes)
    x, y = np.random.default_rng(2).uniform((2, -8), (8, -4), (200_000, 2)).T
    found = look_up(cells, x, y)
    assert (found != DOUBT).all()
    assert (found >= 0).all()


def test_asking_often_enough_builds_the_cells(monkeypatch):
    built = []

    def build(polygons):
        built.append(len(polygons))
        return building.build_cells(polygons)

    monkeypatch.setattr("riskmap.places.region_index.build_cells", build)
    index = rm.RegionIndex(rm.datasets.regions())
    x, y = np.random.default_rng(2).uniform((1, -9), (9, -3), (900, 2)).T
    first = index.query(x, y)
    assert built == []
    assert (index.query(x, y) == first).all()
    assert built == [24]


@pytest.mark.slow
def test_many_points_are_shared_among_threads_and_stay_in_order(monkeypatch):
    monkeypatch.setattr("riskmap.places.region_index.cells.CHUNK", 1000)
    regions = rm.datasets.regions()
    x, y = np.random.default_rng(2).uniform((1, -9), (9, -3), (20_500, 2)).T
    found = rm.RegionIndex(regions).prepare().query(x, y)
    assert (found == swept(regions.geometry.to_numpy(), x, y)).all()
    assert (rm.RegionIndex(regions, fast=True).prepare().query(x, y) == found).all()


def test_without_numba_fast_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(cell_index, "find_spec", lambda _: None)
    cell_index.compiled_loop.cache_clear()
    with pytest.raises(rm.RiskmapError, match=r"pip install 'riskmap\[fast\]'"):
        rm.RegionIndex(rm.datasets.regions(), fast=True)
    cell_index.compiled_loop.cache_clear()


def test_an_index_that_is_sent_brings_its_cells(monkeypatch):
    regions = rm.datasets.regions().sample(frac=1, random_state=1).reset_index(drop=True)
    x, y = points_about(regions.geometry.to_numpy())
    index = rm.RegionIndex(regions)
    expected, sent = index.query(x, y).tolist(), pickle.dumps(index)
    monkeypatch.setattr("riskmap.places.region_index.build_cells", None)  # nobody could build them
    received = pickle.loads(sent).prepare()  # noqa: S301 - its own
    assert received.region_ids == tuple(regions["region_id"])
    assert received.query(x, y).tolist() == expected
