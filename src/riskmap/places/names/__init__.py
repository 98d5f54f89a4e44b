"""Names to regions, in bulk and offline: the gazetteer.

Names of regions, places and dated aliases, their spellings folded, are its forms
(:mod:`riskmap.places.names.forms`); :mod:`riskmap.places.names.matching` says which of them a
written name meets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd
import pandas as pd

from riskmap.errors import InputError
from riskmap.places.names.forms import (
    LISTED,
    OTHER_NAME,
    Form,
    name_variants,
    place_forms,
    read_aliases,
    region_forms,
    share_spellings,
    shipped_aliases,
    sound_name,
)
from riskmap.places.names.matching import Answer, NameIndex, Query
from riskmap.places.names.units import town_forms, unit_forms
from riskmap.schema import REGION_COLUMNS, Column, check_columns, conform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


#: Letters of towns' names that no other name of theirs gives: Arabic and Chinese ones.
_OWN_LETTERS = re.compile("[\u0600-\u06ff\u4e00-\u9fff]")
_STAGES = ("exact", "folded", "alias", "sound", "fuzzy", "town")

#: Resolutions: what :meth:`Gazetteer.resolve` returns, one row a name.
RESOLUTION_COLUMNS = (
    Column("region_id", "str", "the best region; rely on it where the status is 'match'"),
    Column("score", "float64", "likeness of the name to the one that was met, 0 to 1"),
    Column("status", "str", "whether to rely on it", ("match", "ambiguous", "miss")),
    Column("matched_name", "str", "the name of the region or place that was met"),
    Column("stage", "str", "how it was met", _STAGES),
    Column("candidates", "object", "ids of the regions it may mean, best first, as a tuple"),
)


@dataclass(frozen=True)
class Gazetteer:
    """Written names to regions: exact, folded, dated alias, sound, likeness, in this order.

    Make one with :meth:`from_regions`, ask it with :meth:`resolve`.

    Examples
    --------
    >>> import riskmap as rm
    >>> gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions())
    >>> gazetteer.resolve(["VASTEEN district", "Vastin"])["stage"].tolist()
    ['folded', 'sound']
    """

    regions: pd.DataFrame
    _index: NameIndex = field(repr=False)
    _shapes: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_regions(
        cls,
        regions: pd.DataFrame,
        places: pd.DataFrame | None = None,
        *,
        aliases: pd.DataFrame | str | Path | None = None,
        towns: bool = True,
    ) -> Self:
        """Build a gazetteer of regions.

        Parameters
        ----------
        regions
            A Regions table. A region is known by its id, its ``name``, its ``names``, and what
            stands in their brackets.
        places
            Places inside the regions: ``name``, optionally ``names`` (others, joined by
            ``" | "``), and ``region_id`` or ``lon`` and ``lat``; a stated region outranks a point.
            A place outside all regions is left out.
        aliases
            Aliases to add to those that ship with riskmap: a table with
            :data:`~riskmap.places.names.forms.ALIAS_COLUMNS`, or the path of its CSV file.
        towns
            Whether a name that no region bears may be a town's of GeoNames
            (:mod:`riskmap.places.names.units`); needs polygons and the extra ``towns``.

        Returns
        -------
        Gazetteer

        Raises
        ------
        SchemaError
            When a table lacks a column that it needs.
        InputError
            When an alias of these regions' country and level stands for none of them.

        Examples
        --------
        >>> import pandas as pd
        >>> import riskmap as rm
        >>> mine = pd.DataFrame({"alias": ["Old Town"], "name": ["Ashkor"], "iso3": ["XQA"],
        ...     "adm_level": [2], "relation": ["renamed"], "source": ["gazette 7"]})
        >>> gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions(), aliases=mine)
        >>> gazetteer.resolve(["old town"])["region_id"].tolist()
        ['XQA0101']
        """
        known = [column for column in REGION_COLUMNS if "boundary" not in column.name]
        check_columns(regions, known, table="regions")
        regions = regions.sort_values("region_id", ignore_index=True)
        table = pd.DataFrame(regions[[column.name for column in known]])
        shapes = regions if towns and isinstance(regions, gpd.GeoDataFrame) else None
        own = None if aliases is None else read_aliases(aliases)
        if places is not None or own is not None:
            forms = [] if places is None else place_forms(places, regions)
            return cls(table, _index(table, [*region_forms(table), *forms], own), shapes)
        # incidents that are used and those that are set aside are placed by the same names
        key = tuple(table.itertuples(index=False, name=None))
        index = _BUILT.get(key)
        if index is None:
            if len(_BUILT) >= _REMEMBERED:
                _BUILT.clear()
            index = _BUILT[key] = _index(table, list(region_forms(table)), None)
        return cls(table, index, shapes)

    @cached_property
    def _towns(self) -> NameIndex | None:
        """The towns of the regions, read when a name is first met that no region bears."""
        forms = [] if self._shapes is None else list(town_forms(self._shapes))
        ours = self._index
        return NameIndex.of(forms, (), ours.parents, ours.parent_codes) if forms else None

    def resolve(
        self,
        names: Iterable[str | None],
        parents: str | Iterable[str | None] | None = None,
        *,
        dates: Iterable[Any] | None = None,
    ) -> pd.DataFrame:
        """Find the region of each name.

        A name is looked up as it is written, then folded, then among the aliases, then by its
        sound; names of regions come before names of places, and those before towns. What is still
        unknown is compared with every known name, and is a match when it is at least 0.8 alike
        inside a stated parent, 0.88 anywhere, and leads the next region by 0.08; a place's name
        needs a lead of 0.15 where no parent is stated. A bracket or a last part after a comma that
        names a parent limits the search as a stated parent does.

        Parameters
        ----------
        names
            Names in any script; missing ones are a miss.
        parents
            The parent (name or id) inside which to search: one for all names, or one a name. A
            missing or unknown parent limits nothing; an ambiguous one allows all it may mean.
        dates
            A day for each name: an alias counts only on the days on which it meant the region.
            Without a day every alias counts.

        Returns
        -------
        pandas.DataFrame
            One row a name, in order, with the index of `names` when it is a Series:

            region_id
                The best region, missing for a miss. **Rely on it where `status` is ``match``**.
            score
                Likeness to the name that was met, 0 to 1; 0 for a miss.
            status
                ``match``; ``ambiguous`` (several regions fit, or the best is not alike enough);
                ``miss``.
            matched_name
                The name that was met, as the regions, places or aliases write it.
            stage
                ``exact``, ``folded``, ``alias``, ``sound``, ``fuzzy``, or ``town`` for a town that
                lies in the region.
            candidates
                Tuple of region ids, best first, ties by id. A miss inside a stated parent lists
                the regions elsewhere that bear the name.

        Raises
        ------
        InputError
            When `parents` or `dates` have another length than `names`.

        Examples
        --------
        >>> import riskmap as rm
        >>> gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions())
        >>> found = gazetteer.resolve(["Kalda", "Nowhere at all"], parents="Velmar")
        >>> found[["region_id", "status"]].values.tolist()
        [['XQA0303', 'match'], [nan, 'miss']]
        """
        if isinstance(names, str):
            raise InputError("names are one text", met=names, expected="a list of names")
        index = names.index if isinstance(names, pd.Series) else None
        texts = [name if isinstance(name, str) else "" for name in names]
        limits = self._index.limits(_as_many(parents, len(texts), "parents"))
        days = [_day(date) for date in _as_many(dates, len(texts), "dates")]
        queries = [Query(*query) for query in zip(texts, limits, days, strict=True)]
        unique = list(dict.fromkeys(queries))
        answers = dict(zip(unique, self._index.answers(unique), strict=True))
        unsure = [one for one, found in answers.items() if found.is_unsure and one.text]
        if unsure and self._towns is not None:
            towns = zip(unsure, self._towns.find_towns(unsure), strict=True)
            answers |= {query: town for query, town in towns if town is not None}
        return self._frame([answers[query] for query in queries], index)

    def inside(self, parents: Iterable[str | None]) -> list[frozenset[str] | None]:
        """Return the regions inside each parent.

        Parameters
        ----------
        parents
            Names or ids of the regions one level up.

        Returns
        -------
        list of frozenset of str
            Region ids; None for a parent that is missing or unknown, which limits nothing.

        Examples
        --------
        >>> import riskmap as rm
        >>> gazetteer = rm.Gazetteer.from_regions(rm.datasets.regions())
        >>> [None if ids is None else len(ids) for ids in gazetteer.inside(["Dostan", "Nowhere"])]
        [8, None]
        """
        own = list(zip(self.regions["region_id"], self._index.parent_codes, strict=True))
        return [
            None if limit is None else frozenset(id_ for id_, parent in own if parent in limit)
            for limit in self._index.limits(list(parents))
        ]

    def bearers(self, name: str) -> tuple[str, ...]:
        """Return the ids of the regions that bear a name, spelt as it is known or as it sounds.

        A name that no region bears is that of the towns in the regions.

        Examples
        --------
        >>> import riskmap as rm
        >>> rm.Gazetteer.from_regions(rm.datasets.regions()).bearers("Kelda")
        ('XQA0303',)
        """
        answer = self._index.look_up(Query(name))
        if answer is None and self._towns is not None:
            answer = self._towns.find_towns([Query(name)])[0]
        return () if answer is None else tuple(self.regions["region_id"].iloc[list(answer.codes)])

    def known_names(self) -> pd.DataFrame:
        """Return every name by which a region is known, as written, once however it sounds.

        Returns
        -------
        DataFrame
            ``region_id, name``, ``is_town``: whether it is that of a town in the region, and
            ``people`` who live there. The regions' own names come first, then towns, the largest
            first: the name that GeoNames gives each, and those in Chinese or Arabic letters.

        Examples
        --------
        >>> import riskmap as rm
        >>> rm.Gazetteer.from_regions(rm.datasets.regions()).known_names()["name"].tolist()[:2]
        ['XQA0101', 'Ashkor']
        """
        tables = self._index.tables.values()
        own = [form for table in tables for told in table.values() for form in told]
        own.sort(key=lambda form: (form.code, form.tier))
        places = {} if self._towns is None else self._towns.tables["exact"]
        named = (form for told in places.values() for form in told)
        towns = [form for form in named if not form.is_part or _OWN_LETTERS.search(form.text)]
        towns.sort(key=lambda form: (-form.people, form.code, form.is_part))
        kept: dict[tuple[int, str], Form] = {}
        for form in (*own, *towns):
            kept.setdefault((form.code, sound_name(form.text)), form)
        ids, ours = self.regions["region_id"].tolist(), set(map(id, own))
        rows = [(ids[one.code], one.text, id(one) not in ours, one.people) for one in kept.values()]
        return pd.DataFrame(rows, columns=["region_id", "name", "is_town", "people"])

    def _frame(self, answers: list[Answer], index: pd.Index | None) -> pd.DataFrame:
        """Return answers as a table."""
        ids = self.regions["region_id"].tolist()
        rows = []
        for answer in answers:
            candidates = tuple(ids[code] for code in answer.codes)
            best = None if answer.status == "miss" else candidates[0]
            told = (round(answer.score, 4), answer.status, answer.text, answer.stage)
            rows.append((best, *told, candidates))
        names = [column.name for column in RESOLUTION_COLUMNS]
        return conform(pd.DataFrame(rows, index=index, columns=names), RESOLUTION_COLUMNS)


#: The indices of the names of regions alone, by the regions, and how many are remembered.
_BUILT: dict[tuple[tuple[Any, ...], ...], NameIndex] = {}
_REMEMBERED = 32


def _index(regions: pd.DataFrame, forms: Sequence[Form], aliases: pd.DataFrame | None) -> NameIndex:
    """Return the index of some regions with their aliases, and of the regions one level up."""
    above = regions_above(regions)
    parents = None if above.empty else _index(above, list(region_forms(above)), aliases)
    codes = {parent_id: code for code, parent_id in enumerate(above["region_id"])}
    forms = [*forms, *share_spellings(forms)]
    parent_codes = [codes.get(parent_id, -1) for parent_id in regions["parent_id"]]
    plain = NameIndex.of(forms, (), parents, parent_codes)
    shipped = shipped_aliases(regions["iso3"].dropna())
    others = list(_alias_forms(shipped, regions, plain, strict=False))

    def who(name: str) -> int | None:
        answer = plain.look_up(Query(name))
        return answer.codes[0] if answer is not None and answer.status == "match" else None

    units = list(unit_forms(regions, who))
    named = [*forms, *(form for form in units if form.tier == LISTED)]
    others += [form for form in units if form.tier != LISTED]
    if aliases is not None:
        others += _alias_forms(aliases, regions, plain, strict=True)
    return NameIndex.of(named, others, parents, parent_codes) if others or units else plain


def regions_above(regions: pd.DataFrame) -> pd.DataFrame:
    """Return the regions one level up, as far as the regions tell of them, without geometry.

    Examples
    --------
    >>> import riskmap as rm
    >>> regions_above(rm.datasets.regions())["name"].tolist()
    ['Ambrel', 'Dostan', 'Velmar']
    """
    named = pd.DataFrame(regions).dropna(subset="parent_id").drop_duplicates("parent_id")
    above = pd.DataFrame(
        {
            "region_id": named["parent_id"],
            "name": named["parent"].fillna(named["parent_id"]),
            "iso3": named["iso3"],
            "adm_level": named["adm_level"] - 1,
        }
    )
    return conform(above.sort_values("region_id", ignore_index=True), REGION_COLUMNS)


def name_areas_above(regions: pd.DataFrame, level: int) -> pd.DataFrame:
    """Return the regions one level up as a table of regions, by their names alone.

    Examples
    --------
    >>> import riskmap as rm
    >>> name_areas_above(rm.datasets.regions(), 2)["name"].tolist()[:2]
    ['Ambrel', 'Dostan']
    """
    above = regions_above(regions)
    country = dict.fromkeys(("parent_id", "parent"), above["iso3"])
    return conform(above.assign(**country, adm_level=level - 1), REGION_COLUMNS)


def _alias_forms(
    aliases: pd.DataFrame, regions: pd.DataFrame, index: NameIndex, *, strict: bool
) -> Iterator[Form]:
    """Yield the aliases of some regions; if `strict`, raise for one that stands for none."""
    ours = aliases["iso3"].isin(regions["iso3"]) & aliases["adm_level"].isin(regions["adm_level"])
    rows = aliases[ours]
    for row, limit in zip(rows.itertuples(), index.limits(rows["parent"].tolist()), strict=True):
        elsewhere = row.relation == "transferred"
        code, alias = _bearer(row, None if elsewhere else limit, index)
        if code is None or (elsewhere and limit is None):
            if strict:
                raise InputError(
                    f"alias {row.alias!r} does not stand for one region",
                    column="name",
                    met=row.name,
                    expected="the name or id of one of the regions, and of its parent",
                )
            continue
        start, end = (None if pd.isna(day) else day for day in (row.valid_from, row.valid_to))
        parent = limit[0] if elsewhere and limit else None
        for variant in name_variants(alias):
            yield Form(variant, code, OTHER_NAME, start, end, parent)


def _bearer(row: Any, limit: tuple[int, ...] | None, index: NameIndex) -> tuple[int | None, str]:
    """Return the region that an alias stands for, and the alias.

    Two names of one region are aliases of each other: whichever the regions bear, the other leads
    to it.
    """
    ways = [(row.name, row.alias)]
    if row.relation in ("other_name", "renamed"):
        ways.append((row.alias, row.name))
    for name, alias in ways:
        answer = index.look_up(Query(name, limit))
        if answer is not None and answer.status == "match":
            return answer.codes[0], alias
    return None, row.alias


def _as_many(values: Any, n: int, what: str) -> list[Any]:
    """Return one value a name, from one for all, one a name, or none."""
    if values is None or isinstance(values, str):
        return [values] * n
    listed = list(values)
    if len(listed) != n:
        raise InputError(f"{what} are not one a name", met=len(listed), expected=str(n))
    return listed


def _day(date: Any) -> Any:
    """Return a date as a day without a zone, None when it is missing."""
    return None if date is None or pd.isna(date) else pd.Timestamp(date).tz_localize(None)
