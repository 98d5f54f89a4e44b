"""Regions: from the provinces that ship with riskmap, a boundary file, or geoBoundaries."""

from __future__ import annotations

import dataclasses
import re
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap import countries
from riskmap.errors import BoundaryError, RiskmapWarning
from riskmap.places.boundary_columns import (
    Meaning,
    country_codes,
    level_of,
    recognise,
    text_of,
)
from riskmap.places.boundary_files import read_polygons
from riskmap.places.coverages import areas_km2, find_overlaps, mend
from riskmap.schema import CRS, DAY, REGION_COLUMNS, check_regions, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_ISO3 = re.compile(r"[A-Z]{3}")
_WORLD = "boundaries/world_adm1"
#: How many rows a message names before it says "and so on".
_NAMED = 5


def read_regions(
    source: str | Path | Sequence[str],
    *,
    level: int | None = None,
    id: str | None = None,  # noqa: A002 - the word that users expect for the column of ids
    name: str | None = None,
    parent: str | None = None,
) -> gpd.GeoDataFrame:
    """Return the regions of countries, or those of a boundary file, as a Regions table.

    Provinces (level 1) of every country ship with riskmap and need no connection. A file is
    GeoJSON, FlatGeobuf, GeoPackage, Shapefile or GeoParquet; the columns of geoBoundaries, OCHA's
    COD-AB, Natural Earth and riskmap itself are found, those of others are named by `id`, `name`
    and `parent`.

    Parameters
    ----------
    source
        An ISO 3166-1 alpha-3 code in capitals, a sequence of them, or the path of a file.
    level
        For countries: the administrative level, 1 when not given. For a file: its level, where its
        columns don't tell.
    id, name, parent
        For a file: its columns of ids, names and names one level up, where they are not found or
        another is wanted.

    Returns
    -------
    geopandas.GeoDataFrame
        A Regions table (:data:`riskmap.schema.REGION_COLUMNS`) in EPSG:4326, sorted by
        ``region_id``; with ``valid_from`` and ``valid_to`` where the file has them.

    Raises
    ------
    BoundaryError
        When the country is unknown, the file can't be read or has no coordinate system, a feature
        is no polygon, the columns aren't found, or ids stand twice.

    Warns
    -----
    RiskmapWarning
        When polygons had to be repaired, overlap, or are left out for having neither id nor name;
        when a region has no id and gets one made from its name; when the best column of ids can't
        serve.

    Examples
    --------
    >>> import riskmap as rm
    >>> provinces = rm.read_regions("AFG")
    >>> len(provinces), provinces["name"].iloc[:3].tolist()
    (34, ['Balkh', 'Bamyan', 'Badghis'])
    """
    if isinstance(source, Path) or (isinstance(source, str) and not _ISO3.fullmatch(source)):
        overrides = {"id": id, "name": name, "parent": parent}
        regions = _read_file(Path(source), level=level, overrides=overrides)
    else:
        codes = (source,) if isinstance(source, str) else tuple(source)
        if (id, name, parent) != (None, None, None):
            raise BoundaryError("id, name and parent are for files", met=", ".join(codes))
        regions = _read_countries(codes, 1 if level is None else level)
    regions = regions.sort_values("region_id", ignore_index=True)
    check_regions(regions)
    return regions


def _read_countries(codes: tuple[str, ...], level: int) -> gpd.GeoDataFrame:
    """Return the regions of countries, from the provinces that ship with riskmap."""
    if not codes:
        raise BoundaryError("no country is named", expected="alpha-3 codes such as 'AFG'")
    for code in codes:
        if code not in countries.table():
            raise BoundaryError(
                "not a country", met=code, expected="an ISO 3166-1 alpha-3 code such as 'AFG'"
            )
    if level != 1:
        raise BoundaryError(
            "only level 1 ships with riskmap", met=level, expected="1, or the path of a file"
        )
    return read_world_provinces(codes)


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


def _read_file(
    path: Path, *, level: int | None, overrides: dict[str, str | None]
) -> gpd.GeoDataFrame:
    """Return the regions of a file."""
    frame = read_polygons(path)
    meaning = _meaning(frame, overrides, path)
    frame = _leave_out_nameless(frame, meaning, path)
    ids = _choose_ids(frame, meaning, path)
    table = _tabulate(frame, meaning, ids)
    told = level_of(frame, meaning)
    if level is not None and told is not None and level != told:
        raise BoundaryError(
            "the file is of another level", file=path, met=told, expected=str(level)
        )
    table["adm_level"] = told if level is None else level
    regions = gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=frame.geometry, crs=CRS)
    regions = _repair_invalid(_fill_parents(regions), path)
    _warn_of_overlaps(regions, path)
    return regions


def _meaning(frame: pd.DataFrame, overrides: dict[str, str | None], path: Path) -> Meaning:
    """Return what the columns mean: as the publisher names them, and then as the user says."""
    columns = [column for column in frame.columns if column != "geometry"]
    for word, column in overrides.items():
        if column is not None and column not in columns:
            raise BoundaryError(
                f"there is no such column for {word}",
                file=path,
                column=column,
                expected="one of " + ", ".join(columns),
            )
    meaning = recognise(columns)
    if overrides["id"]:
        meaning = dataclasses.replace(meaning, ids=(overrides["id"],))
    if overrides["name"]:
        others = tuple(column for column in meaning.names if column != overrides["name"])
        meaning = dataclasses.replace(meaning, names=(overrides["name"], *others))
    if overrides["parent"]:
        meaning = dataclasses.replace(meaning, parent=overrides["parent"], parent_id="")
    if not meaning.ids:
        raise BoundaryError(
            "no column of ids is found",
            file=path,
            met=", ".join(columns) or "no columns",
            expected="columns of geoBoundaries, COD-AB or Natural Earth, or id= and name=",
        )
    return meaning


def _leave_out_nameless(frame: gpd.GeoDataFrame, meaning: Meaning, path: Path) -> gpd.GeoDataFrame:
    """Return the features that have an id or a name; one without either can't be reported on."""
    silent = _blank(frame, meaning.ids) & _blank(frame, meaning.names)
    if not silent.any():
        return frame
    if silent.all():
        raise BoundaryError("no feature has an id", file=path, column=meaning.ids[0])
    area = areas_km2(mend(frame.geometry[silent].to_numpy())).sum()
    rows = ", ".join(str(i + 1) for i in np.flatnonzero(silent)[:_NAMED])
    _warn(
        f"{path.name}: {silent.sum()} features have neither id nor name and are left out "
        f"({area:,.0f} km²; feature {rows})"
    )
    return frame[~silent].reset_index(drop=True)


def _blank(frame: gpd.GeoDataFrame, columns: Sequence[str]) -> pd.Series:
    """Return whether each feature has nothing in all of the columns."""
    blank = pd.Series(data=True, index=frame.index)
    for column in columns:
        blank &= text_of(frame[column]).isna()
    return blank


def _choose_ids(frame: gpd.GeoDataFrame, meaning: Meaning, path: Path) -> pd.Series:
    """Return the first column of ids that is complete and unique, or the best mended.

    A feature without an id in an otherwise unique column gets one made of its parent and its name.
    """
    candidates = {column: text_of(frame[column]) for column in meaning.ids}
    for column, ids in candidates.items():
        if ids.notna().all() and ids.is_unique:
            if column != meaning.ids[0]:
                _warn(f"{path.name}: {meaning.ids[0]} has gaps or doubles, ids are from {column}")
            return ids
    column, ids = next(iter(candidates.items()))
    twice = ids[ids.notna() & ids.duplicated(keep=False)]
    if len(twice):
        rows = ", ".join(str(i + 1) for i in twice.index[:_NAMED])
        raise BoundaryError(
            "ids stand twice",
            file=path,
            row=int(twice.index[0]) + 1,
            column=column,
            met=f"{twice.iloc[0]} (features {rows})",
            expected="unique ids, or another column by id=",
        )
    made = _made_ids(frame, meaning)
    ids = ids.fillna(made)
    if not ids.is_unique:
        raise BoundaryError(
            "features without an id share a name", file=path, column=column, expected="id="
        )
    kept = made[candidates[column].isna()]
    _warn(f"{path.name}: no {column} for {len(kept)} features, kept as {', '.join(kept[:_NAMED])}")
    return ids


def _made_ids(frame: gpd.GeoDataFrame, meaning: Meaning) -> pd.Series:
    """Return ids made of each feature's parent and name, such as ``PK8:Jammu & Kashmir``."""
    names = _first_name(frame, meaning)
    if not meaning.parent_id:
        return ":" + names
    return text_of(frame[meaning.parent_id]).fillna("") + ":" + names


def _first_name(frame: gpd.GeoDataFrame, meaning: Meaning) -> pd.Series:
    """Return the first name that each feature has."""
    names = pd.Series([None] * len(frame), index=frame.index, dtype="str")
    for column in meaning.names:
        names = names.fillna(text_of(frame[column]))
    return names


def _tabulate(frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series) -> pd.DataFrame:
    """Return the columns of a Regions table, without level and geometry."""
    names = _first_name(frame, meaning).fillna(ids)
    all_names = [text_of(frame[column]) for column in meaning.names]
    table = pd.DataFrame(
        {
            "region_id": ids,
            "name": names,
            "names": [_join(name, row) for name, *row in zip(names, *all_names, strict=True)],
            "iso3": country_codes(frame, meaning, ids),
            "boundary_source": meaning.source or None,
        }
    )
    for column, told in (("parent_id", meaning.parent_id), ("parent", meaning.parent)):
        table[column] = text_of(frame[told]) if told else None
    for column, told in (("valid_from", meaning.valid_from), ("valid_to", meaning.valid_to)):
        if told:
            days = pd.to_datetime(frame[told], errors="coerce", utc=True)
            table[column] = days.dt.tz_localize(None).astype(DAY)
    own = {"names", "boundary_source", "boundary_version", "boundary_licence"}
    for column in own.intersection(frame.columns if "region_id" in meaning.ids else ()):
        table[column] = text_of(frame[column])
    if meaning.source == "geoBoundaries":
        table["boundary_version"] = _geoboundaries_version(frame, ids)
    return table


def _join(name: str, others: Sequence[Any]) -> str | None:
    """Return the other names of a region, each once."""
    kept = [other for other in dict.fromkeys(others) if isinstance(other, str) and other != name]
    return " | ".join(kept) or None


def _geoboundaries_version(frame: gpd.GeoDataFrame, ids: pd.Series) -> pd.Series:
    """Return geoBoundaries' boundaryID, whose number stands before the B of every shapeID."""
    build = ids.str.rpartition("B")[0].str.strip("-")
    spelt = {column.lower(): column for column in frame.columns}
    if "shapegroup" not in spelt or "shapetype" not in spelt:
        return build
    group, kind = (text_of(frame[spelt[key]]) for key in ("shapegroup", "shapetype"))
    return build.where(build.str.contains("-"), group + "-" + kind + "-" + build)


def _fill_parents(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the regions with what is known of their parents.

    A parent that has a name alone is known by its name; provinces belong to their country.
    """
    parent_id = regions["parent_id"].fillna(regions["parent"])
    parent = regions["parent"]
    level = regions["adm_level"].fillna(0)
    of_country = parent_id.isna() & (level == 1)
    country_name = regions["iso3"].map(countries.display_name, na_action="ignore").astype("str")
    return regions.assign(
        parent_id=parent_id.mask(of_country, regions["iso3"]),
        parent=parent.mask(of_country, country_name),
    )


def _repair_invalid(regions: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Return the regions with every polygon valid; warn of those that were not."""
    shapes = regions.geometry.to_numpy()
    broken = np.flatnonzero(~shapely.is_valid(shapes))
    if len(broken) == 0:
        return regions
    mended = shapes.copy()
    mended[broken] = mend(shapes[broken])
    change = areas_km2(mended[broken]) - areas_km2(shapes[broken])
    told = [
        f"{regions['region_id'].iloc[i]} ({shapely.is_valid_reason(shapes[i])}; {km2:+.3f} km²)"
        for i, km2 in zip(broken[:_NAMED], change[:_NAMED], strict=True)
    ]
    _warn(f"{path.name}: {len(broken)} invalid polygons were repaired: {'; '.join(told)}")
    return regions.set_geometry(gpd.GeoSeries(mended, index=regions.index, crs=CRS))


def _warn_of_overlaps(regions: gpd.GeoDataFrame, path: Path) -> None:
    """Warn when regions overlap: a point there belongs to the smallest of their ids."""
    first, _, area = find_overlaps(regions.geometry.to_numpy())
    if len(first):
        _warn(
            f"{path.name}: {len(first)} pairs of regions overlap, {area.sum():,.1f} km² in all; "
            "a point there goes to the smallest region_id (see riskmap.audit_regions)"
        )


def _warn(message: str) -> None:
    warnings.warn(message, RiskmapWarning, stacklevel=2)
