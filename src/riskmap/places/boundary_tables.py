"""From the features of boundaries to rows of a Regions table: what their columns mean, and ids.

Publishers are known by the names of their columns (``data/boundaries/publishers.toml``), which are
compared in lower case.
"""

from __future__ import annotations

import re
import tomllib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap import countries
from riskmap.errors import BoundaryError, RiskmapWarning
from riskmap.places.areas import areas_km2, mend
from riskmap.places.boundary_files import read_polygons
from riskmap.schema import CRS, DAY, REGION_COLUMNS, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: How many rows a message names before it stops.
_NAMED = 5
_SHAPE_TYPE = re.compile(r"ADM(\d)")
_PCODE_COUNTRY = re.compile(r"([A-Z]{2,3})\d")


@dataclass(frozen=True)
class Meaning:
    """Which columns of a file hold what; an empty text where none does.

    Parameters
    ----------
    ids
        Columns that may serve as ids, best first.
    names
        Columns of names, the one for display first.
    parent_id, parent
        Columns of the region one level up.
    iso3
        Column of the country, as alpha-2 or alpha-3 code.
    level
        Administrative level; None when the file doesn't tell.
    source
        Who publishes files like this one.
    valid_from, valid_to
        Columns of dates between which a region exists.
    version
        Column of the version.

    Examples
    --------
    >>> recognise(["shapeID", "shapeName", "shapeGroup", "shapeType"]).source
    'geoBoundaries'
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    parent_id: str = ""
    parent: str = ""
    iso3: str = ""
    level: int | None = None
    source: str = ""
    valid_from: str = ""
    valid_to: str = ""
    version: str = ""


def recognise(columns: Sequence[str]) -> Meaning:
    """Return what the columns mean by the publisher that names them so; empty when nobody does.

    Parameters
    ----------
    columns
        A file's column names.

    Returns
    -------
    Meaning
        With the names as the file spells them.

    Examples
    --------
    >>> meaning = recognise(["ADM2_EN", "ADM2_PCODE", "ADM1_EN", "ADM1_PCODE", "ADM0_PCODE"])
    >>> meaning.ids, meaning.names, meaning.parent_id, meaning.level
    (('ADM2_PCODE',), ('ADM2_EN',), 'ADM1_PCODE', 2)
    """
    spelt = {column.lower(): column for column in reversed(columns)}
    told = tomllib.loads(data_path("boundaries/publishers.toml").read_text(encoding="utf-8"))
    for publisher in told["publishers"]:
        needed = [_matches(spelt, [pattern]) for pattern in publisher["needs"]]
        if not all(needed):
            continue
        levels = [int(match[1]) for matches in needed for match in matches if match.re.groups]
        level = max(levels, default=publisher.get("level"))
        at = {"level": level, "above": (level or 0) - 1 or "-"}
        found = {
            word: tuple(dict.fromkeys(spelt[match[0]] for match in _matches(spelt, patterns, **at)))
            for word, patterns in publisher["columns"].items()
        }
        ids, names = found.pop("ids"), found.pop("names")
        one = {word: columns[0] for word, columns in found.items() if columns}
        return Meaning(ids, names, level=level, source=publisher["source"], **one)
    return Meaning()


def _matches(spelt: dict[str, str], patterns: Sequence[str], **at: object) -> list[re.Match[str]]:
    """Return the matches of columns with each pattern in turn, in the order of the file."""
    tried = (
        re.fullmatch(pattern.format(**at), name) for pattern in patterns for name in reversed(spelt)
    )
    return [match for match in tried if match]


def text_of(column: pd.Series) -> pd.Series:
    """Return a column as trimmed text, whole numbers without a fraction, and blanks as missing.

    Examples
    --------
    >>> text_of(pd.Series([101.0, None])).tolist(), text_of(pd.Series([" AF01 ", ""])).tolist()
    (['101', nan], ['AF01', nan])
    """
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("str").str.strip()
    return text.mask(column.isna() | (text == ""))


def _country_codes(frame: pd.DataFrame, meaning: Meaning, ids: pd.Series) -> pd.Series:
    """Return alpha-3 codes from the column of countries, else from the letters of the P-codes.

    A file that names one country alone speaks for its silent rows too.
    """
    if meaning.iso3:
        written = text_of(frame[meaning.iso3]).str.upper()
    else:
        written = ids.str.extract(f"^{_PCODE_COUNTRY.pattern}", expand=False)
    is_alpha3 = written.str.fullmatch("[A-Z]{3}", na=False)
    codes = written.where(is_alpha3, written.map(countries.from_iso2, na_action="ignore"))
    codes = codes.astype("str")
    known = codes.dropna().unique()
    return codes.fillna(known[0]) if len(known) == 1 else codes


def _level_of(frame: pd.DataFrame, meaning: Meaning) -> int | None:
    """Return the level that a file is of, from its columns or from the types its rows state."""
    if meaning.level is not None:
        return meaning.level
    for column in frame.columns:
        if column.lower() in ("shapetype", "adm_level"):
            stated = text_of(frame[column]).dropna().unique()
            if len(stated) == 1 and (m := _SHAPE_TYPE.fullmatch(f"ADM{stated[0][-1]}")):
                return int(m[1])
    return None


def read_table(
    source: Path | pd.DataFrame, overrides: Mapping[str, str | None], *, as_is: bool = False
) -> gpd.GeoDataFrame:
    """Return the features of a file or table as rows of a Regions table; polygons as they stand.

    Parameters
    ----------
    source
        The file, or a GeoDataFrame.
    overrides
        Columns that the user names, by ``id``, ``name`` and ``parent``; None where he doesn't.
    as_is
        Whether ids and names stay as they stand, missing or doubled, for an audit.

    Returns
    -------
    geopandas.GeoDataFrame
        With the columns of :data:`riskmap.schema.REGION_COLUMNS`, in their order, and unique ids. A
        feature that has neither id nor name is left out; one that lacks an id alone gets one made
        of its parent and its name. Both are warned of.

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
    path = source if isinstance(source, Path) else None
    frame = read_polygons(source)
    meaning = _meaning(frame, overrides, path)
    if as_is:
        table = _tabulate(frame, meaning, text_of(frame[meaning.ids[0]]), path)
        return table.assign(name=_first_name(frame, meaning))
    frame = _leave_out_nameless(frame, meaning, path)
    return _tabulate(frame, meaning, _choose_ids(frame, meaning, path), path)


def _meaning(
    frame: pd.DataFrame, overrides: Mapping[str, str | None], path: Path | None
) -> Meaning:
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
        meaning = replace(meaning, ids=(column,))
    if column := overrides.get("name"):
        others = tuple(other for other in meaning.names if other != column)
        meaning = replace(meaning, names=(column, *others))
    if column := overrides.get("parent"):
        meaning = replace(meaning, parent=column, parent_id="")
    if not meaning.ids:
        raise BoundaryError(
            "no column of ids is found",
            file=path,
            met=", ".join(columns) or "no columns",
            expected="columns of geoBoundaries, COD-AB or Natural Earth, or id= and name=",
        )
    return meaning


def _leave_out_nameless(
    frame: gpd.GeoDataFrame, meaning: Meaning, path: Path | None
) -> gpd.GeoDataFrame:
    """Return the features that have an id or a name; one without either can't be reported on."""
    told = [text_of(frame[column]).notna() for column in (*meaning.ids, *meaning.names)]
    silent = ~np.logical_or.reduce(told)
    if not silent.any():
        return frame
    if silent.all():
        raise BoundaryError("no feature has an id", file=path, column=meaning.ids[0])
    left_out = shapely.union_all(mend(frame.geometry[silent].to_numpy()))
    others = shapely.union_all(mend(frame.geometry[~silent].to_numpy()))
    area, bare = areas_km2(np.array([left_out, shapely.difference(left_out, others)]))
    rows = ", ".join(str(i + 1) for i in np.flatnonzero(silent)[:_NAMED])
    warn(
        path,
        f"{silent.sum()} features have neither id nor name and are left out "
        f"({area:,.0f} km², {bare:,.0f} of them in no other region; feature {rows})",
    )
    return frame[~silent].reset_index(drop=True)


def _choose_ids(frame: gpd.GeoDataFrame, meaning: Meaning, path: Path | None) -> pd.Series:
    """Return the first column of ids that is complete and unique, or the best mended.

    A feature without an id in an otherwise unique column gets one made of its parent and its name,
    such as ``PK8:Jammu & Kashmir``.
    """
    candidates = {column: text_of(frame[column]) for column in meaning.ids}
    for column, ids in candidates.items():
        if ids.notna().all() and ids.is_unique:
            if column != meaning.ids[0]:
                warn(path, f"{meaning.ids[0]} has gaps or doubles, ids are from {column}")
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
    parents = text_of(frame[meaning.parent_id]).fillna("") if meaning.parent_id else ""
    made = parents + (":" + _first_name(frame, meaning))
    ids = ids.fillna(made)
    if not ids.is_unique:
        raise BoundaryError(
            "features without an id share a name", file=path, column=column, expected="id="
        )
    kept = made[candidates[column].isna()]
    warn(path, f"no {column} for {len(kept)} features, kept as {', '.join(kept[:_NAMED])}")
    return ids


def _first_name(frame: gpd.GeoDataFrame, meaning: Meaning) -> pd.Series:
    """Return the first name that each feature has."""
    names = pd.Series([None] * len(frame), index=frame.index, dtype="str")
    for column in meaning.names:
        names = names.fillna(text_of(frame[column]))
    return names


def _tabulate(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, path: Path | None
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
            "iso3": _country_codes(frame, meaning, ids),
            "adm_level": _level_of(frame, meaning),
        }
    )
    for column, told in (("valid_from", meaning.valid_from), ("valid_to", meaning.valid_to)):
        if told:
            days = pd.to_datetime(frame[told], errors="coerce", utc=True)
            table[column] = days.dt.tz_localize(None).astype(DAY)
    table = table.assign(**_publication(frame, meaning, ids, path))
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=frame.geometry, crs=CRS)


def _publication(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, path: Path | None
) -> dict[str, Any]:
    """Return who published the boundaries, in which version, and under which licence."""
    if meaning.ids[0] == "region_id":
        own = ("names", "boundary_source", "boundary_version", "boundary_licence")
        return {column: text_of(frame[column]) for column in own if column in frame.columns}
    if meaning.source != "geoBoundaries":
        version = text_of(frame[meaning.version]).str[:10] if meaning.version else None
        return {"boundary_source": meaning.source or None, "boundary_version": version}
    try:
        stem = path.stem.removesuffix("_simplified") if path else ""
        beside = (path or Path()).parent / f"{stem}-metaData.json"
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


def warn(path: Path | None, message: str) -> None:
    """Warn of something in a file or table that was kept and deserves a look.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn(None, "two regions overlap")
    >>> str(caught[0].message)
    'regions: two regions overlap'
    """
    told = "regions" if path is None else path.name
    warnings.warn(f"{told}: {message}", RiskmapWarning, stacklevel=2)
