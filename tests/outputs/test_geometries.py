"""Geometries are fit for RFC 7946: cut, wound, rounded, and valid afterwards."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from riskmap.outputs.geometries import (
    bounding_box,
    prepare_geometries,
    split_at_antimeridian,
)

# Cases of the golden suite in which a clockwise ring stands for everything outside it (both poles,
# half the world): a region is always the inside. The expected answers of the next two are invalid
# or made with the pole forced, and the last drops a hole.
OTHER_READING = ("both-poles", "issues-124", "issues-164")
UNUSABLE = ("force-north-pole", "overlap", "issues-171")


def prepared(*geometries, crs="EPSG:4326"):
    return prepare_geometries(gpd.GeoSeries(list(geometries), crs=crs))


def read(path):
    member = json.loads(path.read_text(encoding="utf-8"))
    while member["type"].startswith("Feature"):
        member = member["features"][0] if "features" in member else member["geometry"]
    return shapely.geometry.shape(member)


def test_golden_antimeridian_cases(shared):
    folder = shared / "suites" / "antimeridian" / "tests" / "data"
    agreed = 0
    for path in sorted((folder / "input").glob("*.json")):
        expected = folder / "output" / "flat" / path.name
        given_ = read(path)
        if path.stem in OTHER_READING + UNUSABLE or not expected.exists():
            continue
        if "Polygon" not in given_.geom_type:
            continue
        (found,) = prepared(given_)
        difference = shapely.symmetric_difference(found, read(expected)).area
        assert difference <= 1e-5 * max(1.0, found.area), path.stem
        assert found.is_valid, path.stem
        agreed += 1
    assert agreed == 22


def test_a_ring_round_the_pole_holds_the_pole():
    ring = [(lon, 70) for lon in (0, 90, 180, -90)]
    (found,) = prepared(shapely.Polygon(ring))
    assert found.bounds == (-180.0, 70.0, 180.0, 90.0)


def test_a_band_round_the_world_stays():
    band = shapely.box(-180, 40, 180, 50)
    assert prepared(band)[0].equals(band)


@pytest.mark.parametrize("turn", [-360, 0, 360])
def test_longitudes_past_a_turn_come_home(turn):
    (found,) = prepared(shapely.box(10 + turn, 0, 12 + turn, 1))
    assert found.equals(shapely.box(10, 0, 12, 1))


@given(
    st.floats(-179, 179),
    st.floats(-80, 79),
    st.floats(0.01, 170),
    st.floats(0.01, 9),
    st.booleans(),
)
def test_cut_area_is_kept_wherever_a_box_lies(west, south, width, height, flip):
    box = shapely.box(west, south, west + width, south + height)
    wrapped = shapely.transform(
        box, lambda xy: np.column_stack([(xy[:, 0] + 180) % 360 - 180, xy[:, 1]])
    )
    (found,) = prepared(shapely.reverse(wrapped) if flip else wrapped)
    assert found.is_valid
    assert found.area == pytest.approx(box.area, rel=1e-3)
    west_, _, east, _ = found.bounds
    assert -180 <= west_ <= east <= 180


def rings(geometry):
    for part in shapely.get_parts(geometry):
        yield part.exterior.is_ccw, [hole.is_ccw for hole in part.interiors]


def test_exterior_rings_run_counter_clockwise_and_holes_clockwise():
    holed = shapely.Polygon(
        shapely.box(0, 0, 9, 9, ccw=False).exterior, [shapely.box(1, 1, 2, 2, ccw=True).exterior]
    )
    assert list(rings(prepared(holed)[0])) == [(True, [False])]


def test_rounding_keeps_polygons_valid():
    # rounding one vertex onto the opposite edge would make the ring touch itself
    spike = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0.5, 1e-8), (0, 1)])
    (found,) = prepared(spike)
    assert found.is_valid
    assert found.area == pytest.approx(spike.area, rel=1e-6)
    assert (shapely.get_coordinates(found) == shapely.get_coordinates(found).round(6)).all()


def test_a_polygon_too_small_for_the_decimals_stays_unrounded():
    speck = shapely.box(1, 1, 1 + 1e-8, 1 + 1e-8)
    assert prepared(speck)[0].area == pytest.approx(speck.area)


def test_an_invalid_polygon_is_mended_without_loss():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    (found,) = prepared(bow)
    assert found.is_valid
    assert found.area == pytest.approx(2.0)


def test_other_coordinate_systems_come_to_wgs84():
    metres = gpd.GeoSeries([shapely.box(10, 10, 11, 11)], crs=4326).to_crs(3857)[0]
    assert prepared(metres, crs="EPSG:3857")[0].equals(shapely.box(10, 10, 11, 11))


def test_missing_and_empty_geometries_are_none():
    assert prepared(None, shapely.Polygon()).tolist() == [None, None]


def test_a_third_dimension_is_dropped():
    high = shapely.Polygon([(0, 0, 5), (1, 0, 5), (1, 1, 5)])
    assert not prepared(high)[0].has_z


def test_bounding_boxes():
    assert bounding_box([None]) == []
    assert bounding_box([shapely.box(1, 2, 3, 4), None]) == [1, 2, 3, 4]
    cut = split_at_antimeridian(shapely.box(170, 0, 190, 1))
    assert bounding_box([cut]) == [170, 0, -170, 1]
    assert bounding_box([shapely.box(-180, 0, 180, 1)]) == [-180, 0, 180, 1]
    halves = [shapely.box(-180, 0, 0, 1), shapely.box(0, 0, 180, 1)]
    assert bounding_box(halves) == [-180, 0, 180, 1]


def test_neighbours_still_share_their_border(layer):
    found = prepare_geometries(layer.regions.geometry)
    assert shapely.coverage_is_valid(found)
