"""Invented countries with names of several styles, for articles that tell of invented incidents."""

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from riskmap.incidents.articles import PlaceMatcher
from riskmap.schema import CRS, REGION_COLUMNS, conform

HERE = Path(__file__).parent


def invented_regions():
    """The countries, provinces and districts of worlds.json as one Regions table."""
    rows = []
    for world in json.loads((HERE / "worlds.json").read_text(encoding="utf-8")):
        iso3 = world["iso3"]
        rows.append((iso3, world["country"], None, None, iso3, 0))
        for p, (province, districts) in enumerate(world["provinces"].items(), start=1):
            code = f"{iso3}{p:02d}"
            rows.append((code, province, iso3, world["country"], iso3, 1))
            rows += [
                (f"{code}{d:02d}", name, code, province, iso3, 2)
                for d, name in enumerate(districts, start=1)
            ]
    columns = ["region_id", "name", "parent_id", "parent", "iso3", "adm_level"]
    frame = pd.DataFrame(rows, columns=columns)
    cells = [shapely.box(i, 0, i + 1, 1) for i in range(len(frame))]
    return conform(gpd.GeoDataFrame(frame, geometry=cells, crs=CRS), REGION_COLUMNS)


@pytest.fixture(scope="session")
def regions():
    return invented_regions()


@pytest.fixture(scope="session")
def matcher(regions):
    return PlaceMatcher.from_regions(regions)
