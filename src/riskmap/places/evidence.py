"""What each incident tells of its place: a stated region, a name, a point, or only an area."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from riskmap.incidents.values import number_rows
from riskmap.places.areas import find_nearest
from riskmap.places.names import Gazetteer, name_areas_above
from riskmap.places.names.matching import MATCH_SCORE, FormTable, likeness
from riskmap.places.place_texts import (
    TO,
    find_by_words,
    find_either,
    find_mentions,
    fold_names,
    is_own_log,
    may_contradict,
    split_texts,
    tell_texts,
)
from riskmap.places.region_index import read_points, turn_points

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    from numpy.typing import NDArray

    from riskmap.places.region_index import RegionIndex
    from riskmap.typing import FloatArray, IntArray, NameResolver

#: The finest administrative level that each precision is good for; an unknown one is good for none.
FINEST_LEVEL = {"point": 9, "place": 9, "admin2": 2, "admin1": 1, "country": 0, "unknown": -1}

#: What incidents tell of their places, beside a point: two that tell the same are placed alike.
PLACE_COLUMNS = ("region_id", "admin1", "admin2", "country", "geo_precision")

#: Level of regions that do not state one.
DEFAULT_LEVEL = 2

#: What names the regions of a level.
NAMED_BY = {1: "admin1", 2: "admin2"}

#: What stands between the two areas that are meant where words contradict each other.
_OR = " or "
#: What stands before the ids of an area of regions that a name may mean.
NAMED = "region_id="


@dataclass(frozen=True)
class Evidence:
    """What incidents tell of their places; regions are positions, -1 is none.

    Parameters
    ----------
    places : GeoDataFrame
        One row of the incidents for each place that they tell of. All that follows is of these:
        a million incidents tell of some ten thousand places, and each is placed once.
    place : ndarray of int
        The place of each incident.
    x, y : ndarray
        The point, NaN where there is none.
    turned : ndarray of bool
        Whether the two stand there in each other's place, or without a sign.
    stated, named, pointed : ndarray of int
        The region stated by its id, by its name, and the one that holds the point.
    nearest : ndarray of bool
        Whether the point lies just outside of the region that it is given to.
    coarse : ndarray of bool
        Whether the stated precision is too coarse for the level of the regions, or the text
        contradicts the point.
    area : Series of str
        The area that each is known to, ``parent_id=...`` or ``iso3=...``; missing if unknown. The
        regions of an area are those of :func:`members_of`. Where a name is that of other regions
        than the area's, either may be meant: ``parent_id=... or region_id=...;...``.
    either : Series of str
        Two regions of which either may be meant, since a name contradicts an id or a point;
        missing elsewhere.
    unsure : ndarray of bool
        Whether a log of one's own names a region of the level, and says that it knows no more than
        a larger area, or a text of a place merely mentions regions.
    """

    places: gpd.GeoDataFrame
    place: IntArray
    x: FloatArray
    y: FloatArray
    turned: NDArray[np.bool_]
    stated: IntArray
    named: IntArray
    pointed: IntArray
    nearest: NDArray[np.bool_]
    coarse: NDArray[np.bool_]
    area: pd.Series
    either: pd.Series
    unsure: NDArray[np.bool_]

    @property
    def region(self) -> IntArray:
        """The one region that each incident belongs to; -1 where no more than an area is known.

        What is stated by its id outranks a name, and a name the point.
        """
        sharp = np.where(self.named >= 0, self.named, np.where(self.coarse, -1, self.pointed))
        return np.where(self.stated >= 0, self.stated, sharp)


def members_of(area: str, regions: gpd.GeoDataFrame) -> IntArray:
    """Return the positions of the regions of an area; of one that is not known, all.

    Examples
    --------
    >>> import riskmap as rm
    >>> members_of("parent_id=XQA03", rm.datasets.regions()).tolist()
    [16, 17, 18, 19, 20, 21, 22, 23]
    >>> members_of("region_id=XQA0101;XQA0301", rm.datasets.regions()).tolist()
    [0, 16]
    """
    column, _, key = area.partition("=")
    if not column:
        return np.arange(len(regions))
    keys = key.split(";") if area.startswith(NAMED) else [key]
    return np.flatnonzero(regions[column].isin(keys).to_numpy())


def are_named(area: str) -> bool:
    """Return whether an area is the regions that bear one name, and no more.

    Examples
    --------
    >>> are_named("region_id=XQA0101;XQA0301"), are_named("parent_id=XQA01")
    (True, False)
    """
    return area.startswith(NAMED)


def find_members(areas: Iterable[str], regions: gpd.GeoDataFrame) -> dict[str, list[IntArray]]:
    """Return by area the positions of the regions of each of its :func:`readings`.

    Examples
    --------
    >>> import riskmap as rm
    >>> area = "region_id=XQA0101;XQA0102 or region_id=XQA0301"
    >>> [one.tolist() for one in find_members([area], rm.datasets.regions())[area]]
    [[0, 1], [16]]
    """
    told = {area: readings(area) for area in areas}
    found = {one: members_of(one, regions) for one in set(chain.from_iterable(told.values()))}
    return {area: [found[one] for one in parts] for area, parts in told.items()}


def readings(area: str) -> list[str]:
    """Return the areas that are meant: two where what is written contradicts itself.

    Examples
    --------
    >>> readings("parent_id=XQA01 or region_id=XQA0301")
    ['parent_id=XQA01', 'region_id=XQA0301']
    """
    wide, between, named = area.partition(_OR + NAMED)
    return [wide, NAMED + named] if between else [area]


def level_of(regions: pd.DataFrame) -> int:
    """Return the administrative level of regions, the finest of several.

    Examples
    --------
    >>> import riskmap as rm
    >>> level_of(rm.datasets.regions())
    2
    """
    return int(regions["adm_level"].fillna(DEFAULT_LEVEL).max())


def gather_evidence(
    incidents: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    *,
    gazetteer: NameResolver | None,
    index: RegionIndex,
) -> Evidence:
    """Gather what each incident tells of its place.

    Parameters
    ----------
    incidents
        Incidents table.
    regions
        Regions table.
    gazetteer
        Resolves names of regions; one of the regions' own names when None.
    index
        The index of the regions.

    Returns
    -------
    Evidence

    Examples
    --------
    >>> import riskmap as rm
    >>> incidents, regions = rm.datasets.incidents(), rm.datasets.regions()
    >>> index = rm.RegionIndex(regions)
    >>> found = gather_evidence(incidents, regions, gazetteer=None, index=index)
    >>> told = found.named >= 0
    >>> bool((found.named[told] == found.pointed[told]).all())
    True
    >>> gather_evidence(incidents.iloc[[3, 3, 4]], regions, gazetteer=None, index=index).place
    array([0, 0, 1])
    """
    mine = is_own_log(incidents).to_numpy(bool)
    place, first = _number_places(incidents, mine)
    mine = mine[first]
    written = usable = incidents.iloc[first].reset_index(drop=True)
    x, y, noted = read_points(written)
    covering = index.query(*(np.where(noted, np.nan, z) for z in (x, y)))
    level = level_of(regions)
    above = name_areas_above(regions, level)
    if level in NAMED_BY:
        if gazetteer is None and usable[["admin1", "admin2", "place"]].notna().any(axis=None):
            gazetteer = Gazetteer.from_regions(regions)
        usable = split_texts(written, regions, above, level=level, gazetteer=gazetteer)
    finest = usable["geo_precision"].map(FINEST_LEVEL).to_numpy(float)
    stated = _find_ids(usable["region_id"], regions["region_id"])
    named = _resolve(usable, regions, level, gazetteer, covering)
    named, coarse, unsure = _weigh_precision(usable, level, named, finest < level, mine)
    province = _name_provinces(usable, above, level, covering)
    own, wide = np.where(stated >= 0, stated, named), np.where(coarse, np.array(None), province)
    x, y, turned = turn_points(x, y, noted, own, wide, regions=regions, index=index)
    usable = usable.set_geometry(np.where(turned, shapely.points(x, y), usable.geometry))
    covering = np.where(turned, index.query(x, y), covering)
    pointed = _or_nearest(covering, usable, regions)
    if level > 1:
        province = _fill_provinces(province, regions, np.where(finest >= level - 1, covering, -1))
    open_ = (np.maximum(np.maximum(stated, named), pointed) < 0) & ~coarse
    named = np.maximum(named, _name_by_words(usable, regions, above, level, gazetteer, open_))
    open_ &= named < 0
    bearers = _find_bearers(usable, regions, level, gazetteer, open_)
    wider = usable["region_id"].isin([*regions["parent_id"].dropna(), *regions["iso3"].dropna()])
    coarse |= wider.to_numpy(bool) & (np.maximum(stated, named) < 0)
    if level in NAMED_BY:
        texts = usable[NAMED_BY[level]].fillna(usable["place"]).where(open_ & bearers.isna())
        mentioned = find_mentions(texts, regions, province)
        bearers, unsure = bearers.fillna(mentioned), unsure | mentioned.notna().to_numpy()
    area = _join_areas(usable, regions, province, bearers)
    texts = _find_texts(written, level, coarse, stated=stated, named=named, pointed=pointed)
    either = NAMED + find_either(texts, regions, province)
    area, either_of = either.fillna(area), either.notna().to_numpy() & (stated < 0)
    named, coarse = np.where(either_of, -1, named), coarse | either_of
    only = _find_ids(area.str.removeprefix(NAMED), regions["region_id"])
    return Evidence(
        places=usable,
        place=place,
        x=x,
        y=y,
        turned=turned,
        stated=stated,
        named=np.where(open_, only, named),
        pointed=pointed,
        nearest=pointed != covering,
        coarse=coarse,
        area=area,
        either=either,
        unsure=unsure,
    )


def _or_nearest(
    covering: IntArray, usable: gpd.GeoDataFrame, regions: gpd.GeoDataFrame
) -> IntArray:
    """Return the region that covers each point, or the nearest one where it lies just outside."""
    points, country = usable.geometry.to_numpy(), usable["country"].to_numpy(dtype=object)
    nearest = find_nearest(points, country, regions, covering < 0)
    return np.where(covering >= 0, covering, nearest)


def _weigh_precision(
    usable: gpd.GeoDataFrame,
    level: int,
    named: IntArray,
    coarse: NDArray[np.bool_],
    mine: NDArray[np.bool_],
) -> tuple[IntArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return named regions, which rows know a larger area alone, and which are unsure.

    A log of one's own that names a region says more by that than by a coarse word of precision.
    """
    unsure = coarse & mine
    unsure &= usable[NAMED_BY[level]].notna().to_numpy() if level in NAMED_BY else False
    coarse = coarse & ~(mine & (named >= 0))
    return np.where(coarse, -1, named), coarse, unsure


def _number_places(
    incidents: gpd.GeoDataFrame, mine: NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """Return the number of the place that each incident tells of, and the first row of each."""
    texts = incidents["place"].where(may_contradict(incidents)).fillna(tell_texts(incidents))
    told = (incidents[column] for column in PLACE_COLUMNS)
    return number_rows([*read_points(incidents), mine, *told, texts])


def _find_bearers(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    level: int,
    gazetteer: NameResolver | None,
    among: NDArray[np.bool_],
) -> pd.Series:
    """Return the ids of the regions that bear the name some rows tell, whatever area they state."""
    names = usable.get(NAMED_BY.get(level, ""), pd.Series(None, usable.index, dtype="str"))
    names = names.where(among)
    told = names.dropna().unique()
    if not len(told):
        return names
    known = gazetteer if isinstance(gazetteer, Gazetteer) else Gazetteer.from_regions(regions)
    ids = set(regions["region_id"])
    found = {
        name: ";".join(
            dict.fromkeys(one for end in name.split(TO) for one in known.bearers(end) if one in ids)
        )
        for name in told
    }
    return names.map(found).replace("", None).astype("str")


def _find_texts(
    written: gpd.GeoDataFrame,
    level: int,
    coarse: NDArray[np.bool_],
    *,
    stated: IntArray,
    named: IntArray,
    pointed: IntArray,
) -> dict[str, tuple[pd.Series, IntArray]]:
    """Return texts that may name another region than what places a row, and where that is."""
    column = NAMED_BY.get(level)
    if column is None:
        return {}
    by_name = (stated < 0) & (named >= 0) & ~coarse & (level > 1)
    by_point = (stated < 0) & (named < 0) & (pointed >= 0) & ~coarse & (level > 1)
    names, nowhere = written[column].fillna(written["place"]), np.full(len(written), -1)
    return {
        "id": (written[column].where(stated >= 0), stated),
        "name": (names.where(by_name), nowhere),
        "point": (written["place"].where(by_point & may_contradict(written)), pointed),
    }


def _join_areas(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    province: NDArray[np.object_],
    bearers: pd.Series,
) -> pd.Series:
    """Return areas with the regions that bear a name: what both have in common, or either."""
    country = usable["country"].where(usable["country"].isin(regions["iso3"]))
    area = ("parent_id=" + pd.Series(province, dtype="str")).fillna("iso3=" + country)
    area, named = area.reset_index(drop=True), bearers.reset_index(drop=True)
    told = pd.DataFrame({"area": area, "named": named}).dropna(subset="named")
    each = told.assign(one=told["named"].str.split(";")).explode("one")
    own = regions.set_index("region_id")[["parent_id", "iso3"]].reindex(each["one"])
    around = each["area"].to_numpy(object)
    inside = each["area"].isna().to_numpy()
    for column in own:
        inside = inside | (around == (column + "=" + own[column]).to_numpy(object))
    both = each[inside].groupby(level=0)["one"].agg(";".join).reindex(told.index)
    either = told["area"] + _OR + NAMED + told["named"]
    area[told.index] = (NAMED + both).fillna(either)
    return area


def _find_ids(told: pd.Series, ids: pd.Series) -> IntArray:
    """Return the region that each id names, -1 for none, however it is capitalised or padded."""
    exact = pd.Index(ids).get_indexer(told)
    folded = ids.str.strip().str.casefold().reset_index(drop=True)
    plain = folded[~folded.duplicated(keep=False)]
    alike = told.str.strip().str.casefold().map(dict(zip(plain, plain.index, strict=True)))
    return np.where(exact >= 0, exact, alike.fillna(-1)).astype(np.int64)


def _resolve(
    usable: gpd.GeoDataFrame,
    regions: pd.DataFrame,
    level: int,
    gazetteer: NameResolver | None,
    covering: IntArray,
) -> IntArray:
    """Return the region that each incident names at the regions' level; -1 is none."""
    column = NAMED_BY.get(level)
    if column is None or usable[column].isna().all():
        return np.full(len(usable), -1, dtype=np.int64)
    chosen = Gazetteer.from_regions(regions) if gazetteer is None else gazetteer
    parents = usable["country" if level == 1 else "admin1"]
    asked = pd.DataFrame({"name": usable[column], "parent": parents}).dropna(subset="name")
    unique = asked.drop_duplicates()
    answers = chosen.resolve(unique["name"].tolist(), parents=unique["parent"].tolist())
    sure = answers["region_id"].where(answers["status"] == "match")
    town = np.isin(answers.get("stage", pd.Series("", answers.index)), ["town"])
    found = unique.assign(region_id=sure.to_numpy(), town=town)
    merged = asked.merge(found, on=["name", "parent"], how="left").set_index(asked.index)
    by_town = merged["town"].reindex(usable.index, fill_value=False).to_numpy(dtype=bool)
    ids = merged["region_id"].reindex(usable.index).mask(by_town & (covering >= 0))
    position = pd.Index(regions["region_id"]).get_indexer(ids).astype(np.int64)
    iso3 = regions["iso3"].to_numpy(dtype=object)[position]
    country = usable["country"]
    abroad = country.notna().to_numpy() & pd.notna(iso3) & (country.to_numpy(object) != iso3)
    if level > 1 and abroad.any():
        pointless = np.isnan(shapely.get_x(usable.geometry.to_numpy()))
        abroad &= ~name_one(usable, regions, abroad & pointless, covering)
    return np.where(abroad, -1, position)


def name_one(
    rows: gpd.GeoDataFrame,
    regions: pd.DataFrame,
    among: NDArray[np.bool_],
    covering: IntArray,
    *,
    alone: bool = False,
) -> NDArray[np.bool_]:
    """Return which of some rows name one region by province and district, and no point elsewhere.

    Only whole names of districts count: neighbours have provinces of the same name. The province
    may be misspelt; where a district is enough `alone`, it may be blank or another of the regions'.
    Such a row outvotes the code of another country, which is one slip of a pen. `covering` is the
    region of each row's point.
    """
    pointless = ~np.isfinite(shapely.get_x(rows.geometry.to_numpy()))
    asked = np.flatnonzero(among & ((covering >= 0) | pointless))
    keys, found = ["admin1", "admin2"], np.zeros(len(rows), dtype=bool)
    told = rows[keys].iloc[asked].assign(row=asked, own=fold_names(rows["admin2"].iloc[asked]))
    own = pd.DataFrame({"above": regions["parent"], "own": fold_names(regions["name"])}).dropna()
    told = told[told["own"].isin(own["own"]) & (alone | told["admin1"].notna())]
    pairs = told.drop_duplicates(keys).merge(own, on="own")
    ours = fold_names(pairs["admin1"]).isin(fold_names(regions["parent"].dropna())) & alone
    pairs["alike"] = [
        1.0 if known or pd.isna(a) else likeness(FormTable.of([a]), FormTable.of([b])).item()
        for a, b, known in zip(pairs["admin1"], pairs["above"], ours, strict=True)
    ]
    most = pairs.groupby(keys, dropna=False)["alike"].transform("max")
    pairs = pairs[(pairs["alike"] == most) & (most >= MATCH_SCORE)]
    one = pairs.drop_duplicates(keys, keep=False)
    found[told.merge(one[keys], on=keys)["row"]] = True
    return found


def _name_by_words(
    usable: gpd.GeoDataFrame,
    regions: gpd.GeoDataFrame,
    above: pd.DataFrame,
    level: int,
    gazetteer: NameResolver | None,
    among: NDArray[np.bool_],
) -> IntArray:
    """Return the region that the words of some incidents name; -1 is none."""
    if gazetteer is None or level not in NAMED_BY or not among.any():
        return np.full(len(usable), -1, dtype=np.int64)
    names = above["name"].dropna()
    found = find_by_words(usable, among, level=level, gazetteer=gazetteer, above=names)
    return _find_ids(found, regions["region_id"])


def _name_provinces(
    usable: gpd.GeoDataFrame, above: pd.DataFrame, level: int, covering: IntArray
) -> NDArray[np.object_]:
    """Return the area one level up that each incident names."""
    if level <= 1 or above.empty:
        return np.full(len(usable), None, dtype=object)
    ids = above["region_id"].to_numpy(dtype=object)
    stated = _find_ids(usable["region_id"], above["region_id"])
    stated = np.where(stated >= 0, stated, _resolve(usable, above, level - 1, None, covering))
    return np.where(stated >= 0, ids[stated], np.array(None))


def _fill_provinces(
    province: NDArray[np.object_], regions: gpd.GeoDataFrame, covering: IntArray
) -> NDArray[np.object_]:
    """Return the areas one level up, where none is named that of the region around a point."""
    around = regions["parent_id"].to_numpy(dtype=object)[covering]
    return np.where(pd.isna(province) & (covering >= 0) & pd.notna(around), around, province)
