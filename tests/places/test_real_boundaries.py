"""Law 3 on every real boundary file: a point belongs to exactly one region or to none."""

import numpy as np
import pytest
import shapely

import riskmap as rm

FILES = (
    "AFG/AFG_ADM1_gbopen_dissolved.geojson",
    "AFG/AFG_ADM2_gbopen_simplified_pcoded.geojson",
    "AFG/geoBoundaries-AFG-ADM2.shp",
    "BFA/BFA_ADM2.parquet",
    "COD/COD_ADM2.parquet",
    "ETH/ETH_ADM2.parquet",
    "MLI/MLI_ADM2.parquet",
    "PAK/PAK_ADM2_codab2022_simplified5p.geojson",
    "PAK/geoBoundaries-PAK-ADM1.geojson",
    "SOM/SOM_ADM2.parquet",
    "UKR/geoBoundaries-UKR-ADM2.geojson",
)


@pytest.mark.filterwarnings("ignore::riskmap.errors.RiskmapWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_point_goes_to_the_smallest_id_that_covers_it(shared, name):
    regions = rm.read_regions(shared / "boundaries" / name)
    shapes = regions.geometry.to_numpy()
    rng = np.random.default_rng(3)
    west, south, east, north = regions.total_bounds
    anywhere = rng.uniform((west, south), (east, north), size=(1000, 2))
    corners = rng.choice(shapely.get_coordinates(shapes), 300)
    points = np.concatenate([anywhere, corners])
    point, region = shapely.STRtree(shapes).query(shapely.points(points), predicate="intersects")
    expected = np.full(len(points), len(regions))
    np.minimum.at(expected, point, region)
    expected[expected == len(regions)] = -1
    shuffled = rng.permutation(len(points))
    index = rm.RegionIndex(regions)
    assert np.array_equal(index.query(*points.T), expected)
    assert np.array_equal(index.query(*points[shuffled].T), expected[shuffled])
    assert (expected[1000:] >= 0).all()
