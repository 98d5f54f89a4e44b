"""Nothing is lost, mass is conserved, and a point belongs to exactly one region or to none."""

import itertools
from fractions import Fraction
from math import fsum

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.schema import GEO_PRECISIONS, INCIDENT_COLUMNS, REGION_COLUMNS, conform

pytestmark = pytest.mark.slow


def as_regions(geometries, ids=None, level=2):
    ids = [f"r{i:03d}" for i in range(len(geometries))] if ids is None else ids
    table = pd.DataFrame(
        {"region_id": ids, "name": ids, "iso3": "XQA", "adm_level": level, "parent_id": "XQA01"}
    )
    frame = gpd.GeoDataFrame(table, geometry=list(geometries), crs="EPSG:4326")
    return conform(frame, REGION_COLUMNS)


def crossings_say(polygon, x, y):
    """Whether a polygon covers a point, in exact arithmetic over all its rings."""
    x, y = Fraction(x), Fraction(y)
    inside = False
    for ring in [r for p in shapely.get_parts(polygon) for r in (p.exterior, *p.interiors)]:
        corners = [(Fraction(a), Fraction(b)) for a, b in ring.coords]
        for (ax, ay), (bx, by) in itertools.pairwise(corners):
            side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
            if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                return True
            if (ay <= y) != (by <= y) and (side > 0) == (by > ay):
                inside = not inside
    return inside


def expected(regions, x, y):
    covering = [
        i
        for i, polygon in enumerate(regions.geometry)
        if np.isfinite([x, y]).all() and crossings_say(polygon, x, y)
    ]
    return min(covering, key=lambda i: regions["region_id"].iloc[i], default=-1)


coarse = st.integers(0, 12).map(lambda i: i / 4)
fine = st.integers(0, 3 * 2**40).map(lambda i: i / 2**40)
points = st.tuples(coarse | fine, coarse | fine)


@st.composite
def polygons(draw):
    """A box, a holed box, a triangle, or two boxes: on a coarse grid, so that much is shared."""
    xs = sorted(draw(st.lists(coarse | fine, min_size=4, max_size=4, unique=True)))
    ys = sorted(draw(st.lists(coarse | fine, min_size=4, max_size=4, unique=True)))
    box = shapely.box(xs[0], ys[0], xs[3], ys[3])
    hole = shapely.box(xs[1], ys[1], xs[2], ys[2])
    triangle = shapely.Polygon([(xs[0], ys[1]), (xs[2], ys[0]), (xs[3], ys[3])])
    pair = shapely.MultiPolygon(
        [shapely.box(xs[0], ys[0], xs[1], ys[1]), shapely.box(xs[2], ys[2], xs[3], ys[3])]
    )
    kinds = [box, shapely.Polygon(box.exterior, [hole.exterior]), triangle, pair]
    return draw(st.sampled_from([kind for kind in kinds if kind.is_valid]))


@st.composite
def region_tables(draw):
    shapes = draw(st.lists(polygons(), min_size=1, max_size=6))
    ids = draw(st.permutations([f"r{i}" for i in range(len(shapes))]))
    return as_regions(shapes, ids)


@st.composite
def questions(draw):
    """Overlapping regions, and points that like their corners and edges."""
    regions = draw(region_tables())
    corners = shapely.get_coordinates(regions.geometry.to_numpy())
    wanted = draw(st.lists(points, max_size=12))
    chosen = draw(st.lists(st.integers(0, len(corners) - 2), max_size=12))
    middles = [tuple((corners[i] + corners[i + 1]) / 2) for i in chosen]
    wanted += [tuple(corners[i]) for i in chosen] + middles
    wanted += [(float("nan"), 1.0), (float("inf"), 1.0), (1.0, -float("inf"))]
    return regions, np.array(wanted)


@settings(max_examples=25)
@given(questions())
def test_law_3_exactly_one_region_against_exact_arithmetic(question):
    regions, xy = question
    found = rm.RegionIndex(regions).query(xy[:, 0], xy[:, 1])
    assert found.tolist() == [expected(regions, x, y) for x, y in xy]


@settings(max_examples=25)
@given(questions(), st.randoms(use_true_random=False))
def test_law_3_the_order_of_rows_does_not_matter(question, random):
    regions, xy = question
    order = list(range(len(regions)))
    random.shuffle(order)
    shuffled = regions.iloc[order].reset_index(drop=True)
    ids = np.append(regions["region_id"].to_numpy(dtype=object), None)
    other = np.append(shuffled["region_id"].to_numpy(dtype=object), None)
    here = ids[rm.RegionIndex(regions).query(xy[:, 0], xy[:, 1])]
    there = other[rm.RegionIndex(shuffled).query(xy[:, 0], xy[:, 1])]
    assert here.tolist() == there.tolist()


@settings(max_examples=25)
@given(questions())
def test_law_3_a_point_belongs_to_the_smallest_id_that_covers_it(question):
    regions, xy = question
    found = rm.RegionIndex(regions).query(xy[:, 0], xy[:, 1])
    shapes = regions.geometry.to_numpy()
    ids = regions["region_id"].to_numpy(dtype=object)
    for i, (x, y) in enumerate(xy):
        covering = np.flatnonzero(shapely.intersects_xy(shapes, x, y))
        assert found[i] == min(covering, key=lambda p: ids[p], default=-1)


@st.composite
def incident_tables(draw):
    n = draw(st.integers(0, 15))
    maybe = [draw(st.none() | points) for _ in range(n)]
    some = lambda values: [draw(st.sampled_from([None, *values])) for _ in range(n)]  # noqa: E731 - short
    table = pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(n)],
            "country": some(["XQA", "XQB"]),
            "region_id": some(["r0", "r1", "elsewhere"]),
            "geo_precision": some(GEO_PRECISIONS),
            "quarantine_reason": some(["no_date"]),
        }
    )
    geometry = [None if p is None else shapely.Point(p) for p in maybe]
    frame = gpd.GeoDataFrame(table, geometry=geometry, crs="EPSG:4326")
    return conform(frame, INCIDENT_COLUMNS)


@settings(max_examples=25)
@given(incident_tables(), region_tables())
def test_law_1_every_row_is_placed_or_set_aside_with_a_reason(incidents, regions):
    located = rm.locate(incidents, regions)
    there = [*located.incidents["incident_id"], *located.set_aside["incident_id"]]
    assert sorted(there) == sorted(incidents["incident_id"])
    assert located.set_aside["reason"].notna().all()
    read, placed = located.ledger.stages
    assert (read.rows_in, placed.rows_out) == (len(incidents), len(located.incidents))
    for stage in (read, placed):
        here = located.set_aside[located.set_aside["stage"] == stage.stage]
        assert here["reason"].value_counts().to_dict() == dict(stage.reasons)


@settings(max_examples=25)
@given(incident_tables(), region_tables())
def test_law_2_the_weights_of_an_incident_sum_to_one(incidents, regions):
    located = rm.locate(incidents, regions)
    weights = located.placements.groupby("incident_id")["weight"]
    assert (weights.agg(fsum) == 1.0).all()
    assert set(weights.groups) == set(located.incidents["incident_id"])
    assert fsum(located.placements["weight"]) == len(located.incidents)


@settings(max_examples=25)
@given(incident_tables(), region_tables())
def test_law_8_row_order_changes_no_placement(incidents, regions):
    here = rm.locate(incidents, regions).placements
    there = rm.locate(incidents.iloc[::-1].reset_index(drop=True), regions).placements
    keys = ["incident_id", "region_id"]
    pd.testing.assert_frame_equal(
        here.sort_values(keys, ignore_index=True), there.sort_values(keys, ignore_index=True)
    )
