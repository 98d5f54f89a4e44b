"""Regions: from the provinces that ship with riskmap, a boundary file, or geoBoundaries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import orjson
import pandas as pd
import shapely

from riskmap import countries
from riskmap.errors import BoundaryError
from riskmap.places.areas import areas_km2, find_overlaps, join_parents, mend
from riskmap.places.boundaries import fetch_boundary
from riskmap.places.boundary_files import naming
from riskmap.places.boundary_tables import NAMED, read_table, warn
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_ISO3 = re.compile(r"[A-Z]{3}")
_WORLD = "boundaries/world_adm1"
_LEVELS = range(6)
_DISTRICT = 2


def read_regions(
    source: str | Path | Sequence[str] | gpd.GeoDataFrame,
    *,
    level: int | None = None,
    id: str | None = None,  # noqa: A002 - the word that users expect for the column of ids
    name: str | None = None,
    parent: str | None = None,
) -> gpd.GeoDataFrame:
    """Return the regions of countries, or of a boundary file or table, as a Regions table.

    Provinces (level 1) of every country ship with riskmap and need no connection; other levels are
    fetched from geoBoundaries once, pinned, and kept in the cache. A file is
    GeoJSON, FlatGeobuf, GeoPackage, Shapefile or GeoParquet; the columns of geoBoundaries, OCHA's
    COD-AB, Natural Earth and riskmap itself are found, those of others are named by `id`, `name`
    and `parent`.

    Parameters
    ----------
    source
        An ISO 3166-1 alpha-3 code in capitals, a sequence of them, the path of a file, or a
        GeoDataFrame, whose columns are found as those of a file are; it is not changed.
    level
        For countries: the administrative level, 1 when not given. For a file or table: its level,
        where its columns don't tell.
    id, name, parent
        For a file or table: its columns of ids, names and names one level up, where they are not
        found or another is wanted.

    Returns
    -------
    geopandas.GeoDataFrame
        A Regions table (:data:`riskmap.schema.REGION_COLUMNS`) in EPSG:4326, sorted by
        ``region_id``; with ``valid_from`` and ``valid_to`` where the file has them.

    Raises
    ------
    BoundaryError
        When the country or its level is unknown, the file can't be read or has no coordinate
        system, a feature is no polygon, the columns aren't found, or ids stand twice.
    OfflineError
        When boundaries would have to be downloaded and ``RISKMAP_OFFLINE`` forbids it.
    ServiceError
        When geoBoundaries fails, or gives something else than what is pinned.

    Warns
    -----
    RiskmapWarning
        When polygons had to be repaired, overlap, or are left out for having neither id nor name;
        when a region has no id and gets one made from its name; when the best column of ids can't
        serve.

    Notes
    -----
    Districts whose file names no province get the one of the shipped provinces that covers most of
    them, so that ``parent_id`` of level 2 is ``region_id`` of level 1.

    Examples
    --------
    >>> import riskmap as rm
    >>> provinces = rm.read_regions("AFG")
    >>> len(provinces), provinces["name"].iloc[:3].tolist()
    (34, ['Balkh', 'Bamyan', 'Badghis'])
    """
    if isinstance(source, str) and not _ISO3.fullmatch(source):
        source = Path(source)
    if isinstance(source, Path | pd.DataFrame):
        overrides = {"id": id, "name": name, "parent": parent}
        regions = _read_features(source, level=level, overrides=overrides)
    elif (id, name, parent) != (None, None, None):
        raise BoundaryError("id, name and parent are for files and tables", met=str(source))
    else:
        regions = _read_countries(source, 1 if level is None else level)
    regions = regions.sort_values("region_id", ignore_index=True)
    check_regions(regions)
    return regions


def _read_countries(source: Any, level: int) -> gpd.GeoDataFrame:
    """Return the regions of countries, from what ships with riskmap or from geoBoundaries."""
    codes = (source,) if isinstance(source, str) else source
    if not isinstance(codes, Iterable) or not all(isinstance(code, str) for code in codes):
        wanted = "codes such as 'AFG', the path of a file, or a GeoDataFrame"
        raise BoundaryError("no regions", met=type(source).__name__, expected=wanted)
    codes = sorted(set(codes))
    wanted = "alpha-3 codes of ISO 3166-1 such as 'AFG'"
    if not codes:
        raise BoundaryError("no country is named", expected=wanted)
    for code in codes:
        if code not in countries.table():
            raise BoundaryError("not a country", met=code, expected=wanted)
    if level == 1:
        return read_world_provinces(codes)
    if level not in _LEVELS:
        raise BoundaryError("not an administrative level", met=level, expected="0 to 5")
    frames = [_read_geoboundaries(code, level) for code in codes]
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=CRS)


def _read_geoboundaries(code: str, level: int) -> gpd.GeoDataFrame:
    """Return the pinned regions of one country, from the cache or from geoBoundaries."""
    boundary, path = fetch_boundary(code, level)
    regions = _read_features(path, level=level, overrides={})
    if level > _DISTRICT:
        regions = join_parents(regions, _read_geoboundaries(code, level - 1))
    return regions.assign(
        iso3=code,
        boundary_source=f"geoBoundaries: {boundary.source}".removesuffix(": "),
        boundary_version=boundary.version,
        boundary_licence=boundary.licence,
    )


def read_world_provinces(codes: Sequence[str]) -> gpd.GeoDataFrame:
    """Return the provinces of countries from the file that ships with riskmap.

    Parameters
    ----------
    codes
        Alpha-3 codes that :func:`riskmap.countries.table` knows.

    Raises
    ------
    BoundaryError
        When Natural Earth shows no province of one of them.

    Examples
    --------
    >>> read_world_provinces(["PAK"])["parent"].unique().tolist()
    ['Pakistan']
    """
    import pyogrio

    listed = ", ".join(f"'{code}'" for code in sorted(set(codes)))
    table = pyogrio.read_dataframe(data_path(f"{_WORLD}.fgb"), where=f"iso3 IN ({listed})")
    lacking = sorted(set(codes) - set(table["iso3"]))
    if lacking:
        raise BoundaryError("Natural Earth shows no provinces", met=", ".join(lacking))
    table = table.assign(parent_id=table["iso3"], **world_provenance()["columns"])
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry="geometry", crs=CRS)


@lru_cache(maxsize=1)
def world_provenance() -> dict[str, Any]:
    """Return where the provinces that ship with riskmap come from: source, licence, sha256.

    Examples
    --------
    >>> world_provenance()["columns"]["boundary_licence"]
    'Public domain'
    """
    provenance: dict[str, Any] = orjson.loads(data_path(f"{_WORLD}.json").read_bytes())
    return provenance


def _read_features(
    source: Path | pd.DataFrame, *, level: int | None, overrides: dict[str, str | None]
) -> gpd.GeoDataFrame:
    """Return the regions of a file or table."""
    regions = read_table(source, overrides)
    stated = regions["adm_level"].dropna().unique().tolist()
    if level is not None:
        if stated not in ([], [level]):
            met = ", ".join(map(str, stated))
            with naming(source):
                raise BoundaryError("of another level", met=met, expected=str(level))
        regions["adm_level"] = pd.Series(level, index=regions.index, dtype="Int64")
    regions = _fill_parents(_repair_invalid(regions, source))
    first, _, area = find_overlaps(regions.geometry.to_numpy())
    if len(first):
        warn(
            source,
            f"{len(first)} pairs of regions overlap, {area.sum():,.1f} km² in all; "
            "a point there goes to the smallest region_id (see riskmap.places.audit_regions)",
        )
    return regions


def _fill_parents(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the regions with what is known of their parents.

    A parent that has a name alone is known by its name; provinces belong to their country, and
    districts without any parent to the shipped province that covers most of them.
    """
    regions = regions.assign(parent_id=regions["parent_id"].fillna(regions["parent"]))
    if regions["parent_id"].notna().any():
        return regions
    if (regions["adm_level"] == 1).all():
        name = regions["iso3"].map(countries.display_name, na_action="ignore").astype("str")
        return regions.assign(parent_id=regions["iso3"], parent=name)
    codes = sorted(set(regions["iso3"].dropna()) & set(countries.table()))
    if not codes or not (regions["adm_level"] == _DISTRICT).all():
        return regions
    try:
        provinces = read_world_provinces(codes)
    except BoundaryError:
        return regions
    return join_parents(regions, provinces.sort_values("region_id", ignore_index=True))


def _repair_invalid(regions: gpd.GeoDataFrame, source: Path | pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the regions with every polygon valid; warn of those that were not."""
    shapes = regions.geometry.to_numpy()
    broken = ~shapely.is_valid(shapes)
    if not broken.any():
        return regions
    mended = mend(shapes)
    change = areas_km2(mended[broken]) - areas_km2(shapes[broken])
    ids, reasons = regions["region_id"][broken], shapely.is_valid_reason(shapes[broken])
    rows = zip(ids, reasons, change, strict=True)
    told = [f"{region_id} ({reason}; {km2:+.3f} km²)" for region_id, reason, km2 in rows]
    warn(source, f"{len(told)} invalid polygons were repaired: {'; '.join(told[:NAMED])}")
    return regions.set_geometry(gpd.GeoSeries(mended, index=regions.index, crs=CRS))
