"""Metres to borders, against geodesics on the ellipsoid."""

import numpy as np
import pyproj
import pytest
import shapely

from riskmap.places.areas import boundary_distances

GEOD = pyproj.Geod(ellps="WGS84")


@pytest.mark.parametrize("lat", [-60.0, -8.0, 0.0, 35.0, 60.0])
@pytest.mark.parametrize(("km", "error"), [(0.1, 0.003), (1, 0.003), (10, 0.003), (100, 0.03)])
@pytest.mark.parametrize("azimuth", [0, 45, 90, 200])
def test_distances_keep_their_stated_error(lat, km, error, azimuth):
    lon, there, _ = GEOD.fwd(20.0, lat, azimuth, km * 1000)
    speck = np.array([shapely.Point(lon, there).buffer(1e-9)])
    metres = boundary_distances(speck, np.array([0]), np.array([20.0]), np.array([lat]))
    assert metres[0] == pytest.approx(km * 1000, rel=error)


def test_points_are_measured_to_their_own_polygon_from_both_sides():
    boxes = shapely.box([0, 5], [0, 0], [1, 6], [1, 1])
    x, y = np.array([0.9, 0.9, 1.1, np.nan]), np.array([0.5, 0.5, 0.5, 0.5])
    metres = boundary_distances(boxes, np.array([0, 1, 0, 0]), x, y)
    assert metres[0] == pytest.approx(metres[2], rel=1e-9)
    assert metres[1] == pytest.approx(41 * metres[0], rel=1e-6)
    assert np.isnan(metres[3])


def test_a_hole_has_a_border():
    rim = shapely.box(4, 4, 6, 6).exterior
    holed = np.array([shapely.Polygon(shapely.box(0, 0, 10, 10).exterior, [rim])])
    metres = boundary_distances(holed, np.array([0]), np.array([5.0]), np.array([3.9]))
    assert metres[0] == pytest.approx(11_057, rel=1e-3)


def test_a_border_of_almost_no_length_is_quiet():
    sliver = np.array([shapely.box(0, 0, 0.25, 1e-266)])
    assert boundary_distances(sliver, np.array([0]), np.array([0.0]), np.array([0.0])) == [0.0]
