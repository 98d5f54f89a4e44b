"""From the features of a boundary file to rows of a Regions table."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap.errors import BoundaryError, RiskmapWarning
from riskmap.places.areas import areas_km2, mend
from riskmap.places.boundary_columns import (
    Meaning,
    country_codes,
    level_of,
    recognise,
    text_of,
)
from riskmap.places.boundary_files import read_polygons
from riskmap.schema import CRS, DAY, REGION_COLUMNS, conform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: How many rows a message names before it stops.
_NAMED = 5


def read_table(path: Path, overrides: Mapping[str, str | None]) -> gpd.GeoDataFrame:
    """Return a file's features as rows of a Regions table, with unique ids; polygons as they stand.

    Parameters
    ----------
    path
        The file.
    overrides
        Columns that the user names, by ``id``, ``name`` and ``parent``; None where he doesn't.

    Returns
    -------
    geopandas.GeoDataFrame
        With the columns of :data:`riskmap.schema.REGION_COLUMNS`, in the file's order. A feature
        that has neither id nor name is left out; one that lacks an id alone gets one made of its
        parent and its name. Both are warned of.

    Raises
    ------
    BoundaryError
        When columns aren't found or ids stand twice.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> table = read_table(data_path("boundaries/world_adm1.fgb"), {})
    >>> bool(table["region_id"].is_unique)
    True
    """
    frame = read_polygons(path)
    meaning = _meaning(frame, overrides, path)
    frame = _leave_out_nameless(frame, meaning, path)
    return _tabulate(frame, meaning, _choose_ids(frame, meaning, path), path)


def read_unchecked(path: Path) -> gpd.GeoDataFrame:
    """Return a file's features as rows of a Regions table just as they stand, for an audit.

    Ids and names may be missing or stand twice.

    Examples
    --------
    >>> from riskmap.settings import data_path
    >>> len(read_unchecked(data_path("boundaries/world_adm1.fgb"))) > 4000
    True
    """
    frame = read_polygons(path)
    meaning = _meaning(frame, {}, path)
    table = _tabulate(frame, meaning, text_of(frame[meaning.ids[0]]), path)
    return table.assign(name=_first_name(frame, meaning))


def _meaning(frame: pd.DataFrame, overrides: Mapping[str, str | None], path: Path) -> Meaning:
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
    if column := overrides.get("id"):
        meaning = dataclasses.replace(meaning, ids=(column,))
    if column := overrides.get("name"):
        others = tuple(other for other in meaning.names if other != column)
        meaning = dataclasses.replace(meaning, names=(column, *others))
    if column := overrides.get("parent"):
        meaning = dataclasses.replace(meaning, parent=column, parent_id="")
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
    left_out = shapely.union_all(mend(frame.geometry[silent].to_numpy()))
    others = shapely.union_all(mend(frame.geometry[~silent].to_numpy()))
    area, bare = areas_km2(np.array([left_out, shapely.difference(left_out, others)]))
    rows = ", ".join(str(i + 1) for i in np.flatnonzero(silent)[:_NAMED])
    warn(
        f"{path.name}: {silent.sum()} features have neither id nor name and are left out "
        f"({area:,.0f} km², {bare:,.0f} of them in no other region; feature {rows})"
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
                warn(f"{path.name}: {meaning.ids[0]} has gaps or doubles, ids are from {column}")
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
    warn(f"{path.name}: no {column} for {len(kept)} features, kept as {', '.join(kept[:_NAMED])}")
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


def _tabulate(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, path: Path
) -> gpd.GeoDataFrame:
    """Return the features as rows of a Regions table."""
    names = _first_name(frame, meaning).fillna(ids)
    all_names = [text_of(frame[column]) for column in meaning.names]
    table = pd.DataFrame(
        {
            "region_id": ids,
            "name": names,
            "names": [_join(name, row) for name, *row in zip(names, *all_names, strict=True)],
            "parent_id": text_of(frame[meaning.parent_id]) if meaning.parent_id else None,
            "parent": text_of(frame[meaning.parent]) if meaning.parent else None,
            "iso3": country_codes(frame, meaning, ids),
            "adm_level": level_of(frame, meaning),
        }
    )
    for column, told in (("valid_from", meaning.valid_from), ("valid_to", meaning.valid_to)):
        if told:
            days = pd.to_datetime(frame[told], errors="coerce", utc=True)
            table[column] = days.dt.tz_localize(None).astype(DAY)
    table = table.assign(**_publication(frame, meaning, ids, path))
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=frame.geometry, crs=CRS)


def _publication(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, path: Path
) -> dict[str, Any]:
    """Return who published the boundaries, in which version, and under which licence."""
    if meaning.ids[0] == "region_id":
        own = ("names", "boundary_source", "boundary_version", "boundary_licence")
        return {column: text_of(frame[column]) for column in own if column in frame.columns}
    if meaning.source != "geoBoundaries":
        version = text_of(frame[meaning.version]).str[:10] if meaning.version else None
        return {"boundary_source": meaning.source or None, "boundary_version": version}
    beside = path.with_name(f"{path.stem.removesuffix('_simplified')}-metaData.json")
    try:
        metadata = orjson.loads(beside.read_bytes())
        publisher, licence = (str(metadata[k]) for k in ("boundarySource", "boundaryLicense"))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        publisher, licence = None, None
    return {
        "boundary_source": f"geoBoundaries: {publisher}" if publisher else "geoBoundaries",
        "boundary_version": _geoboundaries_version(frame, ids),
        "boundary_licence": licence,
    }


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


def warn(message: str) -> None:
    """Warn of something that was kept and deserves a look.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("two regions overlap")
    >>> len(caught)
    1
    """
    warnings.warn(message, RiskmapWarning, stacklevel=2)
