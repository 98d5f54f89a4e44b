"""From the features of boundaries to rows of a Regions table: what their columns mean, and ids.

Publishers are known by the names of their columns (``data/boundaries/publishers.toml``), which are
compared in lower case.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely

from riskmap import countries
from riskmap.errors import BoundaryError, RiskmapWarning
from riskmap.places.areas import areas_km2, mend
from riskmap.places.boundary_files import naming, read_polygons
from riskmap.schema import CRS, DAY, REGION_COLUMNS, conform
from riskmap.settings import data_path, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


#: The letters of a column's name that a shapefile keeps.
_CUT = 10
#: By the column that tells it, what rank of OpenStreetMap and of Overture is what level.
_RANKS = {
    "admin_level": {"2": 0, "3": 1, "4": 1, "5": 2, "6": 2, "7": 2, "8": 2},
    "subtype": {"country": 0, "region": 1, "county": 2, "localadmin": 2},
}
#: Letters with a stroke as the Survey of India writes them.
_STROKES = str.maketrans({">": "Ā", "|": "Ī", "@": "Ū"})
#: How many rows a message names before it stops.
NAMED = 5
#: Degrees around a country in which a part of it may lie, and the share of rows that decides.
_MARGIN, _MOST = 1.0, 0.5
_PCODE_COUNTRY = r"^([A-Z]{2,3})\d"


@dataclass(frozen=True)
class Meaning:
    """Which columns of a file hold what.

    Parameters
    ----------
    columns
        By what they hold, columns of the file, best first: ``ids`` and ``names`` (the one for
        display first), ``parent_id`` and ``parent``, ``iso3`` (as alpha-2 or alpha-3 code),
        ``version``, ``valid_from`` and ``valid_to``.
    level
        Administrative level; None when the columns don't tell.
    source
        Who publishes files like this one.
    country
        The country that all its files are of; None where it publishes others too.

    Examples
    --------
    >>> recognise(["shapeID", "shapeName", "shapeGroup", "shapeType"]).source
    'geoBoundaries'
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    level: int | None = None
    source: str = ""
    country: str | None = None

    def texts(self, frame: pd.DataFrame, word: str) -> list[pd.Series]:
        """Return the columns of a file that hold something, as text."""
        found = [text_of(frame[column]) for column in self.columns.get(word, ())]
        if self.source == "Survey of India" and word in ("names", "parent"):
            return [text.str.translate(_STROKES) for text in found]
        return found

    def text(self, frame: pd.DataFrame, word: str) -> pd.Series | None:
        """Return the first of them; None when the file has none."""
        return next(iter(self.texts(frame, word)), None)


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
    >>> meaning.columns["ids"], meaning.columns["parent_id"], meaning.level
    (('ADM2_PCODE',), ('ADM1_PCODE',), 2)
    """
    spelt = {column.lower(): column for column in reversed(columns)}
    for publisher in read_toml(data_path("boundaries/publishers.toml"))["publishers"]:
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
        return Meaning(found, level, publisher["source"], publisher.get("country"))
    return Meaning()


def _matches(spelt: dict[str, str], patterns: Sequence[str], **at: object) -> list[re.Match[str]]:
    """Return the matches of columns with each pattern in turn, in the order of the file."""
    tried = (_match(pattern.format(**at), name) for pattern in patterns for name in reversed(spelt))
    return [match for match in tried if match]


def _match(pattern: str, name: str) -> re.Match[str] | None:
    """Return the match of a column with a pattern; one of a shapefile may be cut to ten letters."""
    found = re.fullmatch(pattern, name)
    if (
        found is None
        and len(name) == _CUT
        and any(len(part) > _CUT and part.startswith(name) for part in pattern.split("|"))
    ):
        return re.fullmatch(re.escape(name), name)
    return found


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
    >>> from riskmap.settings import data_path, read_toml
    >>> table = read_table(data_path("boundaries/world_adm1.fgb"), {})
    >>> bool(table["region_id"].is_unique)
    True
    """
    with naming(source):
        frame = _flatten(read_polygons(source))
        meaning = _meaning(frame, overrides)
        if as_is:
            table = _tabulate(frame, meaning, meaning.texts(frame, "ids")[0], source)
            return table.assign(name=_first_name(frame, meaning))
        frame = _leave_out_nameless(frame, meaning, source)
        return _tabulate(frame, meaning, _choose_ids(frame, meaning, source), source)


def _meaning(frame: pd.DataFrame, overrides: Mapping[str, str | None]) -> Meaning:
    """Return what the columns mean: as the publisher names them, and then as the user says."""
    columns = [column for column in frame.columns if column != "geometry"]
    meaning = recognise(columns)
    found = dict(meaning.columns)
    for word, column in overrides.items():
        if column is None:
            continue
        if column not in columns:
            wanted = "one of " + ", ".join(columns)
            raise BoundaryError(f"no such column for {word}", column=column, expected=wanted)
        if word == "name":
            found["names"] = tuple(dict.fromkeys([column, *found.get("names", ())]))
        else:
            found |= {"ids": (column,)} if word == "id" else {"parent": (column,), "parent_id": ()}
    if not found.get("ids"):
        met = ", ".join(columns) or "no columns"
        wanted = "columns of a known publisher (docs/boundaries.md), or id= and name="
        raise BoundaryError("no column of ids is found", met=met, expected=wanted)
    return replace(meaning, columns=found)


def _flatten(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return features with a column for each part of the names that Overture nests."""
    if "names" not in frame.columns:
        return frame
    told = frame["names"].map(_as_dict)
    if not told.map(lambda one: "primary" in one).any():
        return frame
    flat = pd.json_normalize(told.tolist()).dropna(axis=1, how="all").set_index(frame.index)
    flat = flat.loc[:, [column.split(".")[0] in ("primary", "common") for column in flat]]
    return frame.drop(columns="names").join(flat.add_prefix("names."))


def _as_dict(value: Any) -> dict[str, Any]:
    """Return a nested value as it is, or as JSON text says it; nothing for any other."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(value)
    if not isinstance(value, dict):
        return {}
    common = value.get("common")
    return value | {"common": dict(common)} if isinstance(common, list) else value


def _leave_out_nameless(
    frame: gpd.GeoDataFrame, meaning: Meaning, source: Path | pd.DataFrame
) -> gpd.GeoDataFrame:
    """Return the features that have an id or a name; one without either can't be reported on."""
    told = [text.notna() for word in ("ids", "names") for text in meaning.texts(frame, word)]
    silent = ~np.logical_or.reduce(told)
    if not silent.any():
        return frame
    if silent.all():
        raise BoundaryError("no feature has an id", column=meaning.columns["ids"][0])
    left_out = shapely.union_all(mend(frame.geometry[silent].to_numpy()))
    others = shapely.union_all(mend(frame.geometry[~silent].to_numpy()))
    area, bare = areas_km2(np.array([left_out, shapely.difference(left_out, others)]))
    rows = ", ".join(str(i + 1) for i in np.flatnonzero(silent)[:NAMED])
    warn(
        source,
        f"{silent.sum()} features have neither id nor name and are left out "
        f"({area:,.0f} km², {bare:,.0f} of them in no other region; feature {rows})",
    )
    return frame[~silent].reset_index(drop=True)


def _choose_ids(
    frame: gpd.GeoDataFrame, meaning: Meaning, source: Path | pd.DataFrame
) -> pd.Series:
    """Return the first column of ids that is complete and unique, or the best mended.

    A feature without an id in an otherwise unique column gets one made of its parent and its name,
    such as ``PK8:Jammu & Kashmir``.
    """
    columns, candidates = meaning.columns["ids"], meaning.texts(frame, "ids")
    for column, ids in zip(columns, candidates, strict=True):
        if ids.notna().all() and ids.is_unique:
            if column != columns[0]:
                warn(source, f"{columns[0]} has gaps or doubles, ids are from {column}")
            return ids
    column, ids = columns[0], candidates[0]
    twice = ids[ids.notna() & ids.duplicated(keep=False)]
    if len(twice):
        rows = ", ".join(str(i + 1) for i in twice.index[:NAMED])
        row, met = int(twice.index[0]) + 1, f"{twice.iloc[0]} (features {rows})"
        wanted = "unique ids, or another column by id="
        raise BoundaryError("ids stand twice", row=row, column=column, met=met, expected=wanted)
    parents = meaning.text(frame, "parent_id")
    made = ("" if parents is None else parents.fillna("")) + (":" + _first_name(frame, meaning))
    kept, ids = made[ids.isna()], ids.fillna(made)
    if not ids.is_unique:
        raise BoundaryError("features without an id share a name", column=column, expected="id=")
    warn(source, f"no {column} for {len(kept)} features, kept as {', '.join(kept[:NAMED])}")
    return ids


def _first_name(frame: gpd.GeoDataFrame, meaning: Meaning) -> pd.Series:
    """Return the first name that each feature has."""
    names = pd.Series([None] * len(frame), index=frame.index, dtype="str")
    for text in meaning.texts(frame, "names"):
        names = names.fillna(text)
    return names


def _tabulate(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, source: Path | pd.DataFrame
) -> gpd.GeoDataFrame:
    """Return the features as rows of a Regions table."""
    names = _first_name(frame, meaning).fillna(ids)
    spellings = zip(names, *meaning.texts(frame, "names"), strict=True)
    table = pd.DataFrame(
        {
            "region_id": ids,
            "name": names,
            "names": [_join(name, others) for name, *others in spellings],
            "parent_id": meaning.text(frame, "parent_id"),
            "parent": meaning.text(frame, "parent"),
            "iso3": _country_codes(meaning.text(frame, "iso3"), ids).fillna(meaning.country),
            "adm_level": _level_of(frame, meaning),
        }
    )
    for word in ("valid_from", "valid_to"):
        for column in meaning.columns.get(word, ())[:1]:
            days = pd.to_datetime(frame[column], errors="coerce", utc=True)
            table[word] = days.dt.tz_localize(None).astype(DAY)
    table = table.assign(**_publication(frame, meaning, ids, source))
    _refuse_swapped(table["iso3"], frame.geometry.to_numpy())
    return gpd.GeoDataFrame(conform(table, REGION_COLUMNS), geometry=frame.geometry, crs=CRS)


def _refuse_swapped(iso3: pd.Series, shapes: np.ndarray) -> None:
    """Raise where most polygons lie in their country only with longitude and latitude swapped."""
    known = countries.table()
    boxes = [known[code].box if code in known else None for code in iso3]
    told = [at for at, box in enumerate(boxes) if box]
    if not told:
        return
    west, south, east, north = np.array([boxes[at] for at in told], dtype=np.float64).T
    x0, y0, x1, y1 = shapely.bounds(shapes[told]).T
    x, y = (x0 + x1) / 2, (y0 + y1) / 2

    def inside(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        fits = (lon >= west - _MARGIN) & (lon <= east + _MARGIN)
        return np.asarray(fits & (lat >= south - _MARGIN) & (lat <= north + _MARGIN))

    if (~inside(x, y) & inside(y, x)).mean() > _MOST:
        where = countries.display_name(iso3.iloc[told[0]])
        met = f"{x[0]:.2f}, {y[0]:.2f} for a place in {where}"
        message = "longitude and latitude stand in each other's place"
        raise BoundaryError(message, met=met, expected="longitude first")


def _country_codes(written: pd.Series | None, ids: pd.Series) -> pd.Series:
    """Return alpha-3 codes from the column of countries, else from the letters of the P-codes.

    A file that names one country alone speaks for its silent rows too.
    """
    letters = ids.str.extract(_PCODE_COUNTRY, expand=False) if written is None else written
    letters = letters.str.upper()
    alpha2 = letters.map(countries.from_iso2, na_action="ignore")
    codes = letters.where(letters.str.fullmatch("[A-Z]{3}", na=False), alpha2).astype("str")
    known = codes.dropna().unique()
    return codes.fillna(known[0]) if len(known) == 1 else codes


def _level_of(frame: pd.DataFrame, meaning: Meaning) -> int | None:
    """Return the level that a file is of, from its columns or from the types its rows state."""
    for column in [] if meaning.level is not None else frame.columns:
        if ranks := _RANKS.get(column.lower()):
            levels = set(text_of(frame[column]).map(ranks).dropna())
            if len(levels) == 1:
                return int(levels.pop())
        if column.lower() in ("shapetype", "adm_level"):
            stated = text_of(frame[column]).dropna().unique()
            if len(stated) == 1 and stated[0][-1].isdecimal():
                return int(stated[0][-1])
    return meaning.level


def _publication(
    frame: gpd.GeoDataFrame, meaning: Meaning, ids: pd.Series, source: Path | pd.DataFrame
) -> dict[str, Any]:
    """Return who published the boundaries, in which version, and under which licence."""
    if meaning.columns["ids"][0] == "region_id":
        own = ("names", "boundary_source", "boundary_version", "boundary_licence")
        return {column: text_of(frame[column]) for column in own if column in frame.columns}
    if meaning.source != "geoBoundaries":
        version = meaning.text(frame, "version")
        version = None if version is None else version.str[:10]
        return {"boundary_source": meaning.source or None, "boundary_version": version}
    told = {"boundary_version": _geoboundaries_version(frame, ids)}
    if isinstance(source, pd.DataFrame):
        return told | {"boundary_source": "geoBoundaries"}
    try:
        beside = source.with_name(f"{source.stem.removesuffix('_simplified')}-metaData.json")
        metadata = orjson.loads(beside.read_bytes())
        publisher, licence = (str(metadata[k]) for k in ("boundarySource", "boundaryLicense"))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        publisher, licence = "", None
    publisher = f"geoBoundaries: {publisher}".removesuffix(": ")
    return told | {"boundary_source": publisher, "boundary_licence": licence}


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


def warn(source: Path | pd.DataFrame, message: str) -> None:
    """Warn of something in a file or table that was kept and deserves a look.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn(pd.DataFrame(), "two regions overlap")
    >>> str(caught[0].message)
    'regions: two regions overlap'
    """
    told = "regions" if isinstance(source, pd.DataFrame) else source.name
    warnings.warn(f"{told}: {message}", RiskmapWarning, stacklevel=2)
