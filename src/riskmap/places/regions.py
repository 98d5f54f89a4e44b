"""Regions: from the provinces that ship with riskmap, a boundary file, or geoBoundaries.

geoBoundaries' first answer for a country and level is pinned: its boundaryID, the commit in its
address, its licence and the sha256 of its file stand beside the file in the cache, and later runs
use that version without asking again. A download that stops goes on where it stopped.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import orjson
import pandas as pd
import shapely

from riskmap import countries
from riskmap.downloads import Service, ask, refuse_offline, stream, write_whole
from riskmap.errors import BoundaryError, ServiceError
from riskmap.places.areas import areas_km2, find_overlaps, join_parents, mend
from riskmap.places.boundary_files import naming
from riskmap.places.boundary_tables import NAMED, read_table, warn
from riskmap.schema import CRS, REGION_COLUMNS, check_regions, conform
from riskmap.settings import cache_folder, data_path

if TYPE_CHECKING:
    from collections.abc import Sequence

GEOBOUNDARIES = Service(
    api="https://www.geoboundaries.org/api/current/gbOpen",
    hosts=(
        "www.geoboundaries.org",
        "github.com",
        "raw.githubusercontent.com",
        "media.githubusercontent.com",
    ),
)


_COMMIT = re.compile(r"/raw/([0-9a-f]{7,40})/")
_BOUNDARY_ID = re.compile(r"[A-Z]{3}-ADM\d-\w{1,40}")
_POINTER = b"version https://git-lfs.github.com/spec/v1"
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


@dataclass(frozen=True)
class Boundary:
    """One version of one country's boundaries at one level.

    Parameters
    ----------
    boundary_id
        geoBoundaries' id of the version, such as ``AFG-ADM2-17698898``.
    commit
        The commit that the address names, so that the address always gives the same file.
    url
        Where the file is.
    licence, source
        Its licence, and whom geoBoundaries has it from.
    sha256
        Of the file; empty until it has been downloaded, unless it is a known one.

    Examples
    --------
    >>> boundary = Boundary("AFG-ADM2-17698898", "9469f09", "", licence="Public Domain", source="")
    >>> boundary.version
    'AFG-ADM2-17698898@9469f09'
    """

    boundary_id: str
    commit: str
    url: str
    licence: str
    source: str
    sha256: str = ""

    @property
    def version(self) -> str:
        """The version as it stands in outputs."""
        return f"{self.boundary_id}@{self.commit}"


def fetch_boundary(iso3: str, level: int, *, update: bool = False) -> tuple[Boundary, Path]:
    """Return the pinned boundaries of a country and the path of their file, from the cache or not.

    Parameters
    ----------
    iso3, level
        The country's alpha-3 code and the administrative level, 0 to 5.
    update
        Ask again, and pin what the service has now.

    Returns
    -------
    boundary : Boundary
        What is pinned, with its sha256.
    path : pathlib.Path
        The GeoJSON file, whose sha256 was checked.

    Raises
    ------
    BoundaryError
        When the service has no such level of the country.
    OfflineError
        When the file isn't in the cache and ``RISKMAP_OFFLINE`` forbids a connection.
    ServiceError
        When the service fails, leads to another host, or gives something else than the file.
    """
    folder = cache_folder() / "boundaries"
    pin = folder / f"{iso3}-ADM{level}.json"
    boundary = None if update else _read_pin(pin)
    if boundary is None:
        refuse_offline(f"the boundaries of {iso3}, level {level} would have to be downloaded")
        answer = ask(f"{GEOBOUNDARIES.api}/{iso3}/ADM{level}/", GEOBOUNDARIES)
        if answer is None:
            raise BoundaryError("geoBoundaries has no such level", met=f"{iso3} ADM{level}")
        boundary = parse_answer(answer, iso3=iso3, level=level)
    path = folder / f"{boundary.boundary_id}-{boundary.commit}.geojson"
    if not (boundary.sha256 and path.is_file() and _hash(path) == boundary.sha256):
        refuse_offline(f"the file {path.name} would have to be downloaded")
        boundary = _download(boundary, path)
    text = orjson.dumps(asdict(boundary), option=orjson.OPT_INDENT_2) + b"\n"
    if not (pin.is_file() and pin.read_bytes() == text):
        write_whole(pin, text)
    return boundary, path


def _read_pin(pin: Path) -> Boundary | None:
    """Return what is pinned; None when nothing is, or when it can't be read."""
    try:
        return Boundary(**orjson.loads(pin.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        return None


def parse_answer(answer: Any, *, iso3: str, level: int) -> Boundary:
    """Return what the service's answer describes.

    Parameters
    ----------
    answer
        The API's answer, as JSON values.
    iso3, level
        What was asked for.

    Raises
    ------
    ServiceError
        When the answer lacks a field, is about something else, or names no fixed version.

    Examples
    --------
    >>> parse_answer({"boundaryID": "AFG-ADM2-1", "boundaryISO": "AFG", "boundaryType": "ADM2",
    ...               "simplifiedGeometryGeoJSON": "https://github.com/a/raw/9469f09/b.geojson",
    ...               "boundaryLicense": "Public Domain"}, iso3="AFG", level=2).version
    'AFG-ADM2-1@9469f09'
    """
    fields = answer if isinstance(answer, dict) else {}
    # geoBoundaries writes "nan" where it knows nothing
    told = {key: text for key, text in fields.items() if isinstance(text, str) and text != "nan"}
    for key, wanted in (("boundaryISO", iso3), ("boundaryType", f"ADM{level}")):
        if told.get(key) != wanted:
            raise ServiceError(f"geoBoundaries: {key} is {told.get(key)!r}, expected {wanted!r}")
    url, boundary_id = told.get("simplifiedGeometryGeoJSON", ""), told.get("boundaryID", "")
    commit = _COMMIT.search(url)
    if commit is None or not _BOUNDARY_ID.fullmatch(boundary_id):
        raise ServiceError(f"geoBoundaries names no fixed version: {boundary_id!r} at {url!r}")
    return Boundary(
        boundary_id=boundary_id,
        commit=commit[1],
        url=url,
        licence=told.get("boundaryLicense") or "not stated",
        source=told.get("boundarySource", ""),
        sha256=_known_hash(boundary_id, commit[1]),
    )


def _known_hash(boundary_id: str, commit: str) -> str:
    """Return the sha256 that a version must have, when riskmap knows it."""
    with data_path("boundaries/geoboundaries.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        known = {(row["boundary_id"], row["commit"]): row["sha256"] for row in rows}
    return known.get((boundary_id, commit), "")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(boundary: Boundary, path: Path) -> Boundary:
    """Return the boundary with the sha256 of its file, which has been put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    # What an earlier try left may be no part of the file: then it starts over.
    for is_last in (not part.is_file(), True):
        stream(boundary.url, part, GEOBOUNDARIES)
        message = _find_fault(part.read_bytes())
        if not message:
            break
        part.unlink()
        if is_last:
            raise ServiceError(f"{boundary.url}: {message}")
    sha256 = _hash(part)
    if boundary.sha256 not in ("", sha256):
        part.unlink()
        raise ServiceError(
            f"{boundary.url}: the file is not the one that is pinned: "
            f"sha256 {sha256}, expected {boundary.sha256}"
        )
    part.replace(path)
    return replace(boundary, sha256=sha256)


def _find_fault(body: bytes) -> str:
    """Return why what came is no whole GeoJSON file; nothing when it is one."""
    if body.startswith(_POINTER):
        return "a Git LFS pointer stands in the file's place; try again later"
    try:
        features = orjson.loads(body)["features"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        features = None
    return "" if features else f"no whole GeoJSON file, met {body[:40]!r}"


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
