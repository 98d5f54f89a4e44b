"""The names of regions as a matcher reads them: folded, by their consonants, by their level."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from anyascii import anyascii
from rapidfuzz import fuzz, process

from riskmap.incidents.articles.lexicons import countries

if TYPE_CHECKING:
    import geopandas as gpd

LEVELS = ("country", "admin1", "admin2", "place")


_FUZZY = 82


class Entry(NamedTuple):
    """A known name: its level, the region it is (if one), the name to show, parent and country."""

    level: str
    region_id: str | None
    name: str
    parent: str | None
    iso3: str | None


_QUOTES = str.maketrans("", "", "'’‘ʻ`ʿʾ")


_SKELETON = str.maketrans("", "", "aeiouyw'")


@lru_cache(maxsize=16_384)
def fold(name: str) -> str:
    """Return a name as plain lower-case letters and digits, with no blanks.

    Examples
    --------
    >>> fold("Qal’ah-ye Zāl")
    'qalahyezal'
    """
    if not name.isascii():
        name = anyascii(name.translate(_QUOTES))
    return "".join(filter(str.isalnum, name.lower()))


@lru_cache(maxsize=16_384)
def skeleton(folded: str) -> str:
    """Return the consonants of a folded name, doubled ones once.

    Examples
    --------
    >>> skeleton("paktiya") == skeleton("paktya"), skeleton("helmand") == skeleton("hilmand")
    (True, True)
    """
    text = folded.replace("kh", "x").replace("gh", "g").replace("q", "k").replace("ph", "f")
    text = ("a" if text[:1] in "aeiou" else "") + text.translate(_SKELETON)
    return re.sub(r"(.)\1", r"\1", text)


@dataclass(frozen=True, eq=False)
class PlaceMatcher:
    """Finds the names of regions in text. Build it once and pass it as `regions` for many texts.

    Parameters
    ----------
    entries
        Known names by their folded form.

    Examples
    --------
    >>> import riskmap as rm
    >>> matcher = PlaceMatcher.from_regions(rm.datasets.regions())  # doctest: +SKIP
    """

    entries: dict[str, tuple[Entry, ...]] = field(repr=False)
    iso3: str | None = None

    @classmethod
    def from_regions(cls, regions: gpd.GeoDataFrame | None) -> PlaceMatcher:
        """Return a matcher of the names in a Regions table; of countries alone without one."""
        if regions is None:
            return _matcher(())
        columns = ("region_id", "name", "names", "parent", "iso3", "adm_level")
        values = (
            [None if pd.isna(value) else value for value in regions[name].tolist()]
            for name in columns
        )
        return _matcher(tuple(zip(*values, strict=True)))

    def __hash__(self) -> int:
        """Return the identity: matchers are few, big and shared."""
        return id(self)

    @cached_property
    def skeletons(self) -> dict[str, tuple[str, ...]]:
        """Folded names by their consonants."""
        found: dict[str, list[str]] = {}
        for key in self.entries:
            found.setdefault(skeleton(key), []).append(key)
        return {key: tuple(sorted(names)) for key, names in found.items()}

    @cached_property
    def districts(self) -> dict[str, dict[str, list[Entry]]]:
        """Districts by their folded names, of each province by its folded name."""
        found: dict[str, dict[str, list[Entry]]] = {}
        for key, entries in self.entries.items():
            for entry in entries:
                if entry.level == "admin2":
                    inside = found.setdefault(fold(entry.parent or ""), {})
                    inside.setdefault(key, []).append(entry)
        return found

    def levels(self, level: str) -> dict[str, str]:
        """Return the folded names that a level has."""
        return _level_names(self)[level]

    def lookup(
        self, name: str, *, level: str | None = None, typed: bool = False
    ) -> tuple[Entry, ...]:
        """Return the regions that a name may be: the same letters, then nearly the same."""
        return _lookup(self, fold(name), level, typed)

    def _lookup(self, key: str, level: str | None, typed: bool) -> tuple[Entry, ...]:  # noqa: FBT001 - cached by value
        found = self._at(key, level)
        if found or len(key) < 4:  # noqa: PLR2004 - too short to be nearly anything
            return found
        near = [
            name
            for name in self.skeletons.get(skeleton(key), ())
            if self._at(name, level) and fuzz.ratio(name, key) >= (65 if typed else _FUZZY)
        ]
        if near:
            best = max(near, key=lambda name: (fuzz.ratio(name, key), name))
            return self._at(best, level)
        if not typed or level is None:
            return ()
        choices = self.levels(level)
        hit = process.extractOne(key, choices.keys(), scorer=fuzz.ratio, score_cutoff=_FUZZY)
        return self._at(hit[0], level) if hit else ()

    def _at(self, key: str, level: str | None) -> tuple[Entry, ...]:
        found = self.entries.get(key, ())
        return tuple(e for e in found if e.level == level) if level else found

    def inside(self, name: str, parent: str) -> tuple[Entry, ...]:
        """Return the district of a province whose name is nearest to one as written."""
        choices = self.districts.get(fold(parent), {})
        hit = process.extractOne(
            skeleton(fold(name)),
            {key: skeleton(key) for key in choices},
            scorer=fuzz.ratio,
            score_cutoff=75,
        )
        return tuple(choices[hit[2]]) if hit else ()


@lru_cache(maxsize=4096)
def _lookup(matcher_: PlaceMatcher, key: str, level: str | None, typed: bool) -> tuple[Entry, ...]:  # noqa: FBT001 - cached by value
    return matcher_._lookup(key, level, typed)  # noqa: SLF001 - its own cache


@lru_cache(maxsize=8)
def _level_names(matcher_: PlaceMatcher) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    for key, entries in matcher_.entries.items():
        for entry in entries:
            found[entry.level][key] = entry.name
    return found


@lru_cache(maxsize=8)
def _matcher(rows: tuple[tuple[Any, ...], ...]) -> PlaceMatcher:
    entries: dict[str, set[Entry]] = {}

    def add(name: str | None, entry: Entry) -> None:
        key = fold(name) if name else ""
        if len(key) > 1:
            entries.setdefault(key, set()).add(entry)

    for name, iso3 in countries()[0].items():
        add(name, Entry("country", None, name, None, iso3))
    codes = {row[4] for row in rows}
    for region_id, name, names, parent, iso3, adm_level in rows:
        level = ("country", "admin1")[adm_level] if adm_level in (0, 1) else "admin2"
        entry = Entry(level, region_id, name, parent, iso3)
        for other in (name, *(names or "").split(" | ")):
            add(other, entry)
        if level == "admin2" and parent:
            add(parent, Entry("admin1", None, parent, None, iso3))
    _add_short_names(entries)
    for key, found in entries.items():
        rows_of = {(e.level, e.name, e.iso3) for e in found if e.region_id}
        entries[key] = {e for e in found if e.region_id or (e.level, e.name, e.iso3) not in rows_of}
    frozen = {key: tuple(sorted(value, key=repr)) for key, value in sorted(entries.items())}
    return PlaceMatcher(frozen, iso3=next(iter(codes)) if len(codes) == 1 else None)


def _add_short_names(entries: dict[str, set[Entry]]) -> None:
    """Let "Wardak" mean Maidan Wardak when no other name has the word."""
    by_word: dict[str, set[Entry]] = {}
    provinces = {e for found in entries.values() for e in found if e.level == "admin1"}
    for entry in provinces:
        for word in re.split(r"[\s-]+", entry.name):
            if len(word) > 4:  # noqa: PLR2004 - shorter ones are particles
                by_word.setdefault(fold(word), set()).add(entry)
    for key, found in by_word.items():
        if len(found) == 1 and key not in entries and " " in next(iter(found)).name:
            entries[key] = found
