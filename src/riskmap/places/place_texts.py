"""Places in free text: "Kelda district, Velmar" or "Velmar - Kelda" as province and district."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.countries import find_country
from riskmap.incidents.feeds import FEEDS
from riskmap.incidents.words import any_of, read_words
from riskmap.places.names import Gazetteer
from riskmap.places.names.forms import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.typing import IntArray, NameResolver

#: What stands between the parts of a place.
_PARTS = re.compile(r"\s*[,;/|()\n\u060c\u061b\uff0c\u3001]\s*|\s+[-–—>]+\s+|\s*->\s*")
#: How a name must be met where nothing limits the search: likeness alone finds Dasht-e-Archi for
#: Dasht-e-Barchi.
_SURE = ("exact", "folded", "alias", "sound", "town")
#: How alike a province's name must be to a district's to be a slip of the columns.
_LIKE = 0.88
#: Twenty kilometres and more from a place is no longer near it.
_FAR_OFF = (
    r"(?:1?\d(?:[.,]\d)? ?km )?(?:to the )?"
    r"(?:(?:north|south)[ -]?(?:east|west)?|east|west|[NSEW]{1,3}) of"
    r"|1?\d(?:[.,]\d)? ?km (?:from|of|outside(?: of)?)"
)
_ROAD = re.compile(
    r"^(?:on |along |at )?(?:the )?(.+?)(?:\s*[-–—]\s*|\s+to\s+)(.+?)\s+"
    r"(?:highway|road|rd|route|motorway|axis)$"
    r"|^(.+?)[至到](.+?)(?:公路|高速公路|途中|路上|之间)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def _near() -> re.Pattern[str]:
    """Return what is said of a place that is told by another, before and behind its name."""
    words, behind = (any_of(list(read_words(kind))) for kind in ("near_place", "place_around"))
    return re.compile(
        rf"^(?:just )?(?:{words}|{_FAR_OFF})\s+|(?:\s+|(?=[\u4e00-\u9fff]))(?:{behind})$",
        re.IGNORECASE,
    )


@lru_cache(maxsize=1)
def _between() -> re.Pattern[str]:
    """Return what stands before two places between which something happened, and between them."""
    words, joints = (any_of(list(read_words(kind))) for kind in ("between_places", "and_place"))
    return re.compile(rf"(?<!\w)(?:{words})\s+(.+?)\s+(?:{joints})\s+(.+)$", re.IGNORECASE)


_NO_NAME = re.compile(r"\s+(?:highway|road|route|districts?|provinces?)$", re.IGNORECASE)
#: What joins the names of two places between which something happened.
TO = " – "


def between(text: str) -> tuple[str, str] | None:
    """Return the two places between which a text says that something happened.

    Examples
    --------
    >>> between("road between Kelda and Norring"), between("the Kelda-Norring highway")
    (('Kelda', 'Norring'), ('Kelda', 'Norring'))
    >>> between("Kelda and Norring") is None
    True
    """
    found = _between().search(text) or _ROAD.search(text)
    if found is None:
        return None
    first, last = (_plain(_NO_NAME.sub("", end)) for end in found.groups() if end)
    return first, last


@lru_cache(maxsize=2**14)
def _plain(part: str) -> str:
    """Return the name of a place without what says that it is near."""
    return _near().sub("", _near().sub("", part.strip())).strip() or part


def tell_texts(incidents: gpd.GeoDataFrame) -> pd.Series:
    """Return the text of a place of those incidents that have no point; missing elsewhere.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> import riskmap as rm
    >>> tell_texts(rm.datasets.incidents()).notna().sum().item()
    0
    """
    no_point = np.isnan(shapely.get_x(incidents.geometry.to_numpy()))
    return incidents["place"].where(no_point & incidents["region_id"].isna().to_numpy())


def split_parts(text: str) -> list[str]:
    """Return the parts of a text of a place, without what stands around their names.

    Examples
    --------
    >>> split_parts("near Kelda, Velmar")
    ['Kelda', 'Velmar']
    """
    return [_plain(part) for part in _PARTS.split(text) if part]


def may_contradict(incidents: gpd.GeoDataFrame) -> pd.Series:
    """Return which incidents name a province, no district, a point and a text of their place.

    A form takes its point where it is filled in, often at the office. The feeds look theirs up.

    Parameters
    ----------
    incidents
        Incidents table.
    """
    told = incidents[["admin1", "place"]].notna().all(axis=1) & incidents["admin2"].isna()
    return told & is_own_log(incidents)


def is_own_log(incidents: pd.DataFrame) -> pd.Series:
    """Return which incidents are of no known feed, whose coders keep to one book of rules.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> is_own_log(pd.DataFrame({"source": ["acled", "desk"]})).tolist()
    [False, True]
    """
    return ~incidents["source"].isin([feed.name for feed in FEEDS])


def _names_in(text: str) -> list[str]:
    """Return the parts of a text that are places themselves: what is near one may lie elsewhere."""
    return [part for part in _PARTS.split(text) if part and _plain(part) == part]


def find_either(
    beside: dict[str, tuple[pd.Series, IntArray]],
    regions: gpd.GeoDataFrame,
    province: NDArray[np.object_],
) -> pd.Series:
    """Return by row the regions any of which may be meant, where words contradict each other.

    Only whole names count, since villages bear the parts of them: those of districts in the
    province of the row, and beside an id, or where no province is known, those of one region alone.

    Parameters
    ----------
    beside
        Texts that hold such names, by what stands beside them ("id", "name", "point"), and the
        position of the region where that is, -1 for nowhere.
    regions
        Regions table.
    province : ndarray of str or None, shape (n_rows,)
        The ``parent_id`` that each row tells of.

    Returns
    -------
    Series of str
        Ids joined by ``;``, missing where nothing contradicts.
    """
    own = pd.DataFrame({"above": regions["parent_id"], "own": fold_names(regions["name"])})
    own = own.assign(position=np.arange(len(own)))
    found = [pd.DataFrame({"row": [], "position": []}, dtype=np.int64)]
    for what, (texts, at) in beside.items():
        parts = texts.dropna().map(_names_in).explode().dropna()
        if parts.empty:
            continue
        row = parts.index.to_numpy()
        above = np.where(what == "id", None, province[row])
        told = pd.DataFrame({"row": row, "above": above, "own": fold_names(parts).array})
        anywhere = told["above"].isna()
        met = pd.concat(
            [
                some.merge(own.dropna(subset=keys).drop_duplicates(keys, keep=False), on=keys)
                for some, keys in ((told[~anywhere], ["above", "own"]), (told[anywhere], ["own"]))
            ]
        )[["row", "position"]]
        agrees = met["position"].to_numpy() == at[met["row"].to_numpy()]
        met = met[~met["row"].isin(met["row"][agrees])]  # one name is that of where it stands
        rows = met["row"].unique()
        stand = pd.DataFrame({"row": rows, "position": at[rows]})
        found += [met, stand[stand["position"] >= 0]]
    every = pd.concat(found, ignore_index=True).drop_duplicates()
    every = every[every["row"].duplicated(keep=False)]
    ids = pd.Series(regions["region_id"].array.take(every["position"]), dtype="str")
    several = ids.groupby(every["row"].to_numpy()).agg(";".join)
    return several.reindex(range(len(province)))


#: How far from a place something happened; what is less than 20 km off is found before.
_DISTANCE = r"(?i)\d ?(?:km|kilomet|mi\b|miles?)"
#: Words of a name of a region, at most; regions that a text may mention, and signs of a first word.
_WORDS, _MENTIONED, _FIRST = 5, 5, 4


def find_mentions(
    texts: pd.Series, regions: gpd.GeoDataFrame, province: NDArray[np.object_]
) -> pd.Series:
    """Return by row the regions whose whole name stands somewhere in a text of a place.

    "Kelda bazaar" and "Upper Kelda" are likely to be in Kelda, or near it. So is "Kelda" where one
    region is "Kelda Valley". What is told by a distance is elsewhere. In the province of a row only
    its own regions are mentioned.

    Parameters
    ----------
    texts
        Texts of places of which no part is a region for sure.
    regions
        Regions table.
    province : ndarray of str or None, shape (n_rows,)
        The ``parent_id`` that each row tells of.

    Returns
    -------
    Series of str
        Ids joined by ``;``, missing where there are none or too many.

    Examples
    --------
    >>> import riskmap as rm
    >>> texts = pd.Series(["the bazaar of Kelda", "by the river"])
    >>> find_mentions(texts, rm.datasets.regions(), np.array([None, None])).tolist()
    ['XQA0303', nan]
    """
    found = pd.Series(None, texts.index, dtype="str")
    if texts.isna().all():
        return found
    whole: dict[str, list[int]] = {}
    first: dict[str, list[int]] = {}
    for position, name in enumerate(fold_names(regions["name"]).fillna("")):
        whole.setdefault(name, []).append(position)
        for word in accumulate(name.split()[:-1], "{} {}".format):
            first.setdefault(word, []).append(position)
    parents, ids = regions["parent_id"].to_numpy(object), regions["region_id"].to_numpy(object)
    own = dict(zip(parents, fold_names(regions["parent"]), strict=True))
    for row, text in texts[~texts.str.contains(_DISTANCE, na=True)].items():
        above = province[texts.index.get_loc(row)]
        if between(text):
            continue
        met = _mentioned(text, whole, set() if above is None else {own.get(above)})
        if not met:
            parts = [one for part in split_parts(text) if len(one := fold_name(part)) >= _FIRST]
            met = [position for part in parts for position in first.get(part, [])]
        met = [at for at in dict.fromkeys(met) if above is None or parents[at] == above]
        if 0 < len(met) <= _MENTIONED:
            found[row] = ";".join(ids[met])
    return found


def _mentioned(text: str, names: dict[str, list[int]], above: set[str | None]) -> list[int]:
    """Return where the longest of some names are that stand in a text, but for those `above`."""
    words, found, until = fold_name(text).split(), [], 0
    for start in range(len(words)):
        for stop in range(min(start + _WORDS, len(words)), max(start, until), -1):
            name = " ".join(words[start:stop])
            if name in names and name not in above:
                found += names[name]
                until = stop
                break
    return found


def fold_names(names: pd.Series) -> pd.Series:
    """Return names folded, missing ones missing."""
    return names.map(fold_name, na_action="ignore").astype("str")


def find_by_words(
    incidents: gpd.GeoDataFrame,
    among: NDArray[np.bool_],
    *,
    level: int,
    gazetteer: NameResolver,
    above: Iterable[str],
) -> pd.Series:
    """Return the region that other words of a row name, where the district named is none known.

    Files differ in what they call a district: it may be a province's, a town's or a quarter's name.
    For districts, the parts of the text of the place are asked for inside of the province, then the
    province itself where it bears a district's name and no province's; for provinces, the district
    and then the parts of the text.

    Parameters
    ----------
    incidents
        Incidents table.
    among
        The rows that are asked about.
    level
        The level of the regions, 1 or 2.
    gazetteer
        Resolves names of the regions.
    above
        Names of the regions one level up.

    Returns
    -------
    Series of str
        Region ids, missing where no word is sure.

    Examples
    --------
    >>> import riskmap as rm
    >>> told = {"date": ["2031-05-06"], "admin2": ["Old Town"], "place": ["Kelda, mill"]}
    >>> rows = pd.DataFrame(told)
    >>> table, names = rm.read_incidents(rows), rm.Gazetteer.from_regions(rm.datasets.regions())
    >>> find_by_words(table, np.array([True]), level=2, gazetteer=names, above=()).tolist()
    ['XQA0303']
    """
    found = pd.Series(None, incidents.index, dtype="str")
    columns = ["admin1", "admin2", "place", "country"]
    told = pd.DataFrame(incidents.loc[among, columns]).dropna(how="all", subset=columns[:3])
    if told.empty:
        return found
    unique = told.drop_duplicates()
    provinces = {fold_name(name) for name in above}
    asked: list[tuple[int, str, str | None]] = []
    for number, (admin1, admin2, place, country) in enumerate(unique.itertuples(index=False)):
        whole = not isinstance(place, str) or between(place) is not None
        parts = [] if whole else split_parts(place)
        if level == 1:
            asked += [(number, one, country) for one in (admin2, *parts) if isinstance(one, str)]
            continue
        asked += [(number, one, admin1) for one in parts]
        if isinstance(admin1, str) and fold_name(admin1) not in provinces:
            asked.append((number, admin1, None))
    answers = gazetteer.resolve([one for _, one, _ in asked], parents=[one for *_, one in asked])
    alone = np.array([level > 1 and parent is None for *_, parent in asked], dtype=bool)
    sure = answers["stage"].isin(_SURE) | (answers["score"].gt(_LIKE) & alone)
    good = (answers["status"] == "match") & sure
    chosen: dict[int, str] = {}
    for (number, *_), region_id, one in zip(asked, answers["region_id"], good, strict=True):
        if one:
            chosen.setdefault(number, region_id)
    ids = [chosen.get(number) for number in range(len(unique))]
    merged = told.merge(unique.assign(found=pd.array(ids, dtype="str")), on=columns, how="left")
    found[told.index] = merged["found"].to_numpy()
    return found


def split_texts(
    incidents: gpd.GeoDataFrame,
    regions: pd.DataFrame,
    above: pd.DataFrame,
    *,
    level: int = 2,
    gazetteer: NameResolver | None = None,
) -> gpd.GeoDataFrame:
    """Return incidents with the province and the district that a text of their place names.

    A part of the text that is a province's name limits the search for the others. Where none is,
    a district counts that bears just that name; either may be meant where another province bears it
    too.

    Parameters
    ----------
    incidents
        Incidents table.
    regions
        Regions of the first or second level.
    above
        The regions above those of the second level; of these only names count.
    level
        The level of the regions.
    gazetteer
        Resolves names of regions; one of the regions' own names when None.

    Examples
    --------
    >>> import riskmap as rm
    >>> from riskmap.places.names import name_areas_above
    >>> regions = rm.datasets.regions()
    >>> rows = pd.DataFrame({"date": ["2031-05-06"], "place": ["Velmar - Kelda district"]})
    >>> found = split_texts(rm.read_incidents(rows), regions, name_areas_above(regions, 2))
    >>> found[["admin1", "admin2"]].values.tolist()
    [['Velmar', 'Kelda district']]
    """
    texts = tell_texts(incidents)
    texts = texts.where(incidents["admin2"].isna())
    asked = pd.DataFrame({"text": texts, "admin1": incidents["admin1"]}).dropna(subset="text")
    if asked.empty:
        return _name_both(incidents, regions, above) if level > 1 else incidents
    own = Gazetteer.from_regions(regions) if gazetteer is None else gazetteer
    wide = Gazetteer.from_regions(above) if level > 1 and len(above) else None
    unique = asked.drop_duplicates()
    told = [
        _read(text, stated, own, wide) if level > 1 else (_read_province(text, own), None)
        for text, stated in unique.itertuples(index=False)
    ]
    read = unique.assign(province=[one[0] for one in told], district=[one[1] for one in told])
    found = asked.merge(read, on=["text", "admin1"], how="left").set_index(asked.index)
    read = incidents.assign(
        admin1=incidents["admin1"].fillna(found["province"]),
        admin2=incidents["admin2"].fillna(found["district"]),
    )
    return _name_both(read, regions, above) if level > 1 else read


def _name_both(
    rows: gpd.GeoDataFrame, regions: pd.DataFrame, above: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Name the province too where a log names a district alone that has another province's name."""
    own, around = fold_names(regions["name"]), fold_names(regions["parent"])
    wider = set(zip(above["iso3"], fold_names(above["name"]), strict=True))
    twins = {name for iso3, name in zip(regions["iso3"], own, strict=True) if (iso3, name) in wider}
    twins -= set(own[own == around])
    if not twins:
        return rows
    alone = rows["admin1"].isna() & rows["region_id"].isna() & rows.geometry.isna()
    both = alone & is_own_log(rows) & fold_names(rows["admin2"]).isin(twins)
    return rows.assign(admin1=rows["admin1"].mask(both, rows["admin2"]))


def _read(
    text: str, stated: str | None, own: NameResolver, wide: Gazetteer | None
) -> tuple[str | None, str | None]:
    """Return the province and the district that a text names, None for what it does not.

    Where something happened between two places, the district is the names of both.
    """
    pieces = [piece for piece in re.split(r"\s*[,;()]\s*", text) if piece]
    for piece in pieces:
        if ends := between(piece):
            above = [one for one in pieces if one != piece and wide and _sure(wide, [one])[0]]
            province = stated if isinstance(stated, str) else above[-1] if above else None
            return province, TO.join(ends) if all(_sure(own, ends)) else None
    parts = [part for part in _PARTS.split(text) if part and find_country(part) is None]
    parts = [
        part if _plain(part) == part or _sure(own, [part])[0] else _plain(part) for part in parts
    ]
    province = stated if isinstance(stated, str) else None
    if province is None and wide is not None and len(parts) > 1:
        known = [part for part in parts if _sure(wide, [part])[0]]
        province = known[-1] if known else None
    rest = [part for part in parts if province is None or part != province] or parts
    if not rest:
        return province, None
    if province is None or (wide is not None and not _sure(wide, [province])[0]):
        met = [part for part, good in zip(rest, _sure(own, rest), strict=True) if good]
        if met:
            return province, met[0] if len(met) == 1 else None
        is_wide = wide is not None and _sure(wide, rest[-1:])[0]
        return (rest[-1] if province is None and is_wide else province), None
    return province, _find_inside(rest, province, own)


def _read_province(text: str, own: NameResolver) -> str | None:
    """Return the last part of a text that is the name of a province, or two that it is between."""
    if ends := between(text):
        return TO.join(ends) if all(_sure(own, ends)) else None
    parts = [part for part in _PARTS.split(text) if part]
    known = [part for part, good in zip(parts, _sure(own, parts), strict=True) if good]
    return known[-1] if known else None


def _sure(names: NameResolver, parts: Sequence[str]) -> list[bool]:
    """Return which names are borne by a region, or by several, and not just like one."""
    answers = names.resolve(list(parts))
    return [
        stage in _SURE and status != "miss"
        for stage, status in zip(answers["stage"], answers["status"], strict=True)
    ]


def _find_inside(parts: Sequence[str], province: str, own: NameResolver) -> str | None:
    """Return the part that names a district of a province, the one nearest to its name first."""
    ordered = list(parts)[::-1]
    answers = own.resolve(ordered, parents=[province] * len(ordered))
    sure = answers["stage"].isin(_SURE).to_numpy()
    match = (answers["status"] == "match").to_numpy()
    for good in (match & sure, match):
        if good.any():
            return ordered[int(np.argmax(good))]
    for part, name, candidates in zip(
        ordered, answers["matched_name"], answers["candidates"], strict=True
    ):
        if len(candidates) == 1 and fold_name(str(name)).startswith(f"{fold_name(part)} "):
            return str(name)
    return None
