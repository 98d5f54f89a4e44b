"""What speaks for and against two reports being of one incident, and what forbids it.

What both agree on counts in points; from :data:`ENOUGH` points on they are one incident. Points
alone would join two attacks of one day by one group: they are of the same kind, on the same people,
not far from each other. So whatever their points, two reports are not of one incident when they
state different districts or places, when their texts tell of different things, or when both know
the spot and it is not the same, and neither names nor texts say that it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process

from riskmap.countries import fold
from riskmap.incidents.feeds import CURATED, TYPELESS
from riskmap.incidents.words import find_group, read_words
from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: Points from which on two reports are one incident. All points were weighed on the incidents of
#: odd years in two releases of one feed, and tried on those of even years.
ENOUGH = 4.0

#: Points for a text that is the same, and likeness (0 to 1) that speaks neither for nor against.
#: Other authors use other words, so between sources unlike texts take nothing off.
TEXT, TEXT_NEUTRAL = 6.0, 0.6

#: Kilometres up to which reports are compared at all.
REACH_KM = 50.0

#: Points for places that are known well, up to each distance in km.
NEAR = ((1.0, 2.0), (10.0, 1.0), (REACH_KM, -0.5))

#: Points where a distance can't be known, but names can: the same place, the same district, another
#: district. They stand in for distances, at the same worth.
PLACE_SAME, DISTRICT_SAME, DISTRICT_OTHER = 2.0, 1.0, -0.5

#: Names of places that are as alike (0 to 100) are the same.
NAME_ALIKE = 90.0

#: Points for tolls that are the same with victims, the same without, and different.
TOLL_SAME, TOLL_NONE, TOLL_OTHER = 2.0, 0.5, -2.0

#: Points for the same and another type of event, the same actor, and the same nationality of the
#: victims.
TYPE_SAME, TYPE_OTHER, ACTOR_SAME, NATION_SAME = 0.5, -0.5, 1.0, 1.0

#: Points for the next day, and for another day (a corrected date, where texts begin alike).
NEXT_DAY, OTHER_DAY = -1.0, -3.0

#: Actors whose names are as alike (0 to 100) are the same, unless both are known groups.
ACTOR_ALIKE = 85.0

KM_PER_DEGREE = 111.2

#: Names of places that are as alike (0 to 100) without their spaces may be spellings of one.
SPELLING = 80.0

#: Kilometres between two known spots that may be one.
SPOT_KM = 1.0

#: Kilometres within which two districts of one name are one, whatever province is stated.
SAME_DISTRICT_KM = 10.0

#: Texts with fewer words that tell something can't contradict each other.
FEW_WORDS = 3

#: Share of the words of the shorter text that both have: below the first, texts tell of different
#: things; from the second on, they tell of the same. Texts as alike (0 to 100) as the third do.
OTHER_STORY, SAME_STORY, SAME_WORDS = 0.2, 0.34, 80.0

#: Texts of as many characters single out an incident; shorter ones may be a form of words that a
#: desk uses for every attack. From as much likeness on (0 to 100) two of one source are one report,
#: revised: then it may have corrected the district too.
PROOF_LENGTH, SAME_REPORT = 60, 90.0

#: With as large a share of the words and at one spot, rows of two releases of one feed whose coders
#: have told incidents apart are one.
SAME_CODED = 0.5

_SUFFIX = re.compile(r"(?:ing|ers|er|ed|es|s|e)$")
_STEM = 4


@dataclass(frozen=True)
class Facts:
    """What rows of a table state, ready to be compared two by two.

    Parameters
    ----------
    names : dict of arrays of str
        ``country``, ``region_id``, ``admin1``, ``admin2`` and ``place``, ``""`` where not stated;
        names of places without spaces, accents and such words as *district*.
    sides : dict of arrays of str
        What tells areas of one name apart (*north*, *2*), of ``admin1`` and ``admin2``.
    x, y : ndarray of float
        The point, NaN where there is none.
    exact : ndarray of bool
        Whether the point is that of a place and not of an area.
    text : ndarray of str
        Notes in plain words.
    source, kind, actor, nation : ndarray of str
        Who reports, what happened (missing where that says nothing of the means), who did it and
        the victims' nationalities.
    toll : ndarray of float, shape (n, 3)
        The numbers of :data:`riskmap.schema.TOLLS`, NaN where not told.
    day : ndarray of float
        The first day as a number, NaN where it is missing.
    """

    names: Mapping[str, NDArray[np.object_]]
    sides: Mapping[str, NDArray[np.object_]]
    x: FloatArray
    y: FloatArray
    exact: NDArray[np.bool_]
    text: NDArray[np.object_]
    source: NDArray[np.object_]
    kind: NDArray[np.object_]
    actor: NDArray[np.object_]
    nation: NDArray[np.object_]
    toll: FloatArray
    day: FloatArray

    @classmethod
    def of(cls, table: Any, text: list[str]) -> Facts:
        """Return the facts of a table with its notes in plain words."""
        vague = (table["event_type"] == "unknown") | table["source"].isin(TYPELESS)
        # a word that nobody understands may name another type than any that is known
        strange = table["not_understood"].str.extract(r"\bevent_type=([^;]*)", expand=False)
        where = table.geometry.to_numpy()
        names = {name: table[name].fillna("").to_numpy(object) for name in ("country", "region_id")}
        names |= {name: squeeze_names(table[name]) for name in ("admin1", "admin2", "place")}
        exact = table["geo_precision"].fillna("place").isin(("point", "place"))
        return cls(
            names=names,
            sides={name: _find_sides(table[name]) for name in ("admin1", "admin2")},
            x=shapely.get_x(where),
            y=shapely.get_y(where),
            exact=exact.to_numpy(bool),
            text=np.array(text, dtype=object),
            source=table["source"].to_numpy(object),
            kind=table["event_type"].mask(vague).fillna(strange).to_numpy(object),
            actor=table["actor"].fillna("").to_numpy(object),
            nation=table["nationality"].fillna("").to_numpy(object),
            toll=table[list(TOLLS)].to_numpy(dtype=float, na_value=np.nan),
            day=count_days(table),
        )

    def knowing(self, table: pd.DataFrame) -> Facts:
        """Return the facts with what reports have told each other of who was hit and who did it."""
        actor, nation = (table[c].fillna("").to_numpy(object) for c in ("actor", "nationality"))
        return replace(self, actor=actor, nation=nation)

    def told(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both rows of each pair state a name."""
        told = self.names[name] != ""
        return np.asarray(told[i] & told[j], dtype=bool)

    def same(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both state a name and may mean the same by it.

        A part of the name of a place may stand for it; of districts there are *Eskil* and *Eskil
        North*.
        """
        names, told = self.names[name], self.told(name, i, j)
        if name not in self.sides:
            return told & are_spellings(names[i], names[j])
        sides = self.sides[name]
        return told & (likeness(names[i], names[j]) >= SPELLING) & (sides[i] == sides[j])

    def other(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both state a name, each another."""
        return self.told(name, i, j) & ~self.same(name, i, j)

    def km(self, i: IntArray, j: IntArray) -> FloatArray:
        """Return kilometres between the points of each pair, NaN where there are none."""
        across = (self.x[i] - self.x[j]) * np.cos(np.radians(self.y[i]))
        return np.asarray(np.hypot(across, self.y[i] - self.y[j]) * KM_PER_DEGREE)

    def within(self, name: str, others: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether one row's name stands in what the other calls by another column."""
        one, other = (self.names[column] for column in (name, others))
        found = np.zeros(len(i), dtype=bool)
        for a, b in ((one[i], other[j]), (one[j], other[i])):
            some = np.flatnonzero((a != "") & (b != ""))
            found[some] |= likeness(a[some], b[some], fuzz.partial_ratio) >= SPELLING
        return found

    def shared_words(self, i: IntArray, j: IntArray) -> FloatArray:
        """Return the share of the shorter text's telling words that both have, NaN if too few."""
        share = np.full(len(i), np.nan)
        for k, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            one, other = telling_words(self.text[a]), telling_words(self.text[b])
            fewer = min(len(one), len(other))
            if fewer >= FEW_WORDS:
                share[k] = len(one & other) / fewer
        return share


def squeeze_names(names: pd.Series) -> NDArray[np.object_]:
    """Return names of places without spaces, accents and such words as *district*.

    Examples
    --------
    >>> squeeze_names(pd.Series(["Khwaja Baha ud Din District", None])).tolist()
    ['khwajabahauddin', '']
    """
    codes, words = pd.factorize(names)
    plain = [
        "".join(w for w in fold(word).split() if w not in _listed("area")) or fold(word)
        for word in words
    ]
    return np.array([*plain, ""], dtype=object)[codes]


def _find_sides(names: pd.Series) -> NDArray[np.object_]:
    """Return the words of names that tell areas of one name apart, and numbers."""
    sides = read_words("side")
    codes, words = pd.factorize(names)
    told = [
        " ".join(sorted({sides.get(w, w) for w in fold(word).split() if w in sides or w.isdigit()}))
        for word in words
    ]
    return np.array([*told, ""], dtype=object)[codes]


def are_spellings(one: NDArray[np.object_], other: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which pairs of squeezed names may be spellings of one, or one a part of the other.

    Examples
    --------
    >>> one = np.array(["khwajabahauddin", "kabul", "yaftalsufla"], dtype=object)
    >>> other = np.array(["khwajabahawuddin", "kabulcity", "yaftalbala"], dtype=object)
    >>> are_spellings(one, other).tolist()
    [True, True, False]
    """
    starts = [
        a.startswith(b) or b.startswith(a) or a.endswith(b) or b.endswith(a)
        for a, b in zip(one.tolist(), other.tolist(), strict=True)
    ]
    return (likeness(one, other) >= SPELLING) | np.array(starts, dtype=bool)


@lru_cache
def _listed(kind: str) -> frozenset[str]:
    """Return words of names of areas (``area``), or that most reports share (``common``)."""
    return frozenset(read_words(kind))


@lru_cache(maxsize=1 << 16)
def telling_words(text: str) -> frozenset[str]:
    """Return the stems of words that tell something of an incident, of a text in plain words.

    Examples
    --------
    >>> sorted(telling_words("gunmen shot two engineers of the road company dead"))
    ['company', 'engine', 'road']
    """
    words = (w for w in text.split() if w not in _listed("common") and not any(map(str.isdigit, w)))
    stems = (_SUFFIX.sub("", w) if len(w) > _STEM else w for w in words if len(w) > 2)  # noqa: PLR2004
    return frozenset(stems)


def are_apart(facts: Facts, pairs: IntArray) -> NDArray[np.bool_]:
    """Return which pairs can't be one incident, by what both of them state.

    Parameters
    ----------
    facts
        What the rows state.
    pairs
        Positions of rows, two a row.
    """
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    i, j = pairs[:, 0], pairs[:, 1]
    share, alike = facts.shared_words(i, j), alike_texts(facts, i, j)
    words = alike >= SAME_WORDS
    story = words | (share >= SAME_STORY)
    far = facts.km(i, j) > SPOT_KM
    place = facts.same("place", i, j)
    spots = facts.exact[i] & facts.exact[j] & far & ~place & ~story
    curated = np.isin(facts.source, CURATED)[i] & (place | (facts.km(i, j) <= SPOT_KM))
    long = np.array([len(note) >= PROOF_LENGTH for note in facts.text], dtype=bool)
    again = (alike >= SAME_REPORT) & (curated | (long[i] & long[j]))
    again |= curated & (share >= SAME_CODED)
    revised = again & (facts.source[i] == facts.source[j])
    stories = (share < OTHER_STORY) & ~words
    places = _in_other_places(facts, i, j) & ~words
    proof = (words | (share >= SAME_CODED)) & long[i] & long[j]
    places |= _in_unlike_terms(facts, i, j) & ~proof
    return np.asarray((in_other_regions(facts, i, j) | places | spots | stories) & ~revised)


def in_other_regions(facts: Facts, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return which pairs state different countries, regions, districts or provinces."""
    country, region = (
        (facts.names[name][i] != facts.names[name][j]) & facts.told(name, i, j)
        for name in ("country", "region_id")
    )
    system = np.array([(len(name), name[:2]) for name in facts.names["region_id"]], dtype="U2")
    of_one_system = (system[i] == system[j]).all(axis=1)
    district = facts.same("admin2", i, j)
    close = district & (facts.km(i, j) <= SAME_DISTRICT_KM)
    return np.asarray(
        country
        | (region & (of_one_system | ~district))
        | facts.other("admin2", i, j)
        | (facts.other("admin1", i, j) & ~close)
    )


def _in_unlike_terms(facts: Facts, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return which pairs tell the spot in terms that nothing compares: a point alone, a name alone.

    One that tells no more than a country or a province is compared with any.
    """
    point = facts.exact & np.isfinite(facts.x)
    named = np.any([facts.names[name] != "" for name in ("region_id", "admin2", "place")], axis=0)
    return np.asarray(
        ((point & ~named)[i] & (named & ~point)[j]) | ((named & ~point)[i] & (point & ~named)[j])
    )


def _in_other_places(facts: Facts, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return which pairs name different places, neither of which is the other's district."""
    other = facts.other("place", i, j)
    rows = np.flatnonzero(other)
    for area in ("admin2", "admin1"):
        other[rows] &= ~facts.within(area, "place", i[rows], j[rows])
    return other


def alike_texts(facts: Facts, i: IntArray, j: IntArray) -> FloatArray:
    """Return the likeness of the texts of pairs, 0 to 100, 0 where one has none."""
    one, other = facts.text[i], facts.text[j]
    return np.where((one != "") & (other != ""), likeness(one, other), 0.0)


def score_pairs(facts: Facts, pairs: IntArray) -> FloatArray:
    """Return how much speaks for each pair of rows being one incident.

    Parameters
    ----------
    facts
        What the rows state.
    pairs
        Positions of rows, two a row.
    """
    if not len(pairs):
        return np.zeros(0)
    i, j = pairs[:, 0], pairs[:, 1]
    points = _text_points(facts, i, j) + _place_points(facts, i, j)
    toll = facts.toll
    victims = np.nansum(toll, axis=1)
    known = (~np.isnan(toll[i]) & ~np.isnan(toll[j])).any(axis=1)
    same = (np.isnan(toll[i]) | np.isnan(toll[j]) | (toll[i] == toll[j])).all(axis=1)
    alike = np.where(victims[i] + victims[j] > 0, TOLL_SAME, TOLL_NONE)
    points += np.where(known, np.where(same, alike, TOLL_OTHER), 0.0)
    code = pd.factorize(facts.kind)[0]
    typed = (code[i] >= 0) & (code[j] >= 0)
    points += np.where(typed, np.where(code[i] == code[j], TYPE_SAME, TYPE_OTHER), 0)
    points += np.where(_same_actor(facts.actor, i, j), ACTOR_SAME, 0.0)
    nation = facts.nation
    points += np.where((nation[i] == nation[j]) & (nation[i] != ""), NATION_SAME, 0.0)
    apart = np.abs(facts.day[i] - facts.day[j])
    return points + np.select([apart == 0, apart == 1], [0.0, NEXT_DAY], OTHER_DAY)


def count_days(table: pd.DataFrame) -> FloatArray:
    """Return the first day of each row as a number, NaN where it is missing."""
    first = table["event_date"]
    days = first.astype("datetime64[s]").astype("int64").to_numpy() / 86_400
    return np.where(first.isna(), np.nan, days)


def _text_points(facts: Facts, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for likeness of the texts, none where one has no text."""
    one, other = facts.text[i], facts.text[j]
    both = likeness(one, other) + likeness(one, other, fuzz.token_set_ratio)
    points = TEXT * (both / 200 - TEXT_NEUTRAL) / (1.0 - TEXT_NEUTRAL)
    same = facts.source[i] == facts.source[j]
    points = np.where(same, points, np.maximum(points, 0.0))
    return np.where((one != "") & (other != ""), points, 0.0)


def _place_points(facts: Facts, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for distance, or for names where one row has no coordinates.

    There are none where the coordinates of one are those of an area.
    """
    km = facts.km(i, j)
    points = np.select([km <= edge for edge, _ in NEAR], [worth for _, worth in NEAR], NEAR[-1][1])
    points = np.where(facts.exact[i] & facts.exact[j] & np.isfinite(km), points, 0.0)
    nameless = np.flatnonzero(~np.isfinite(km))
    points[nameless] = _name_points(facts, i[nameless], j[nameless])
    return points


def _name_points(facts: Facts, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for the same names of a place or district, written alike.

    A place may be written as its district: "Berin district, Ambrel".
    """
    place, district = (facts.names[name] for name in ("place", "admin2"))

    def alike(a: Any, b: Any, scorer: Any = fuzz.ratio) -> NDArray[np.bool_]:
        both = (likeness(a, b, scorer) >= NAME_ALIKE) & (a != "") & (b != "")
        return np.asarray(both, dtype=bool)

    same_district = alike(district[i], district[j])
    for a, b in ((district[i], place[j]), (district[j], place[i])):
        same_district |= alike(a, b, fuzz.partial_ratio)
    other = (district[i] != "") & (district[j] != "")
    of_district = np.where(same_district, DISTRICT_SAME, np.where(other, DISTRICT_OTHER, 0.0))
    return np.where(alike(place[i], place[j]), PLACE_SAME, of_district)


def _same_actor(names: NDArray[np.object_], i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return whether pairs have an actor in common, by any name that its table knows.

    Known groups are compared as such: a part of a name ("Islamic State") is another group.
    """
    known = {name: _groups(name) for name in set(names)}
    groups = [known[name] for name in names]
    both = np.array([bool(found) for found in groups], dtype=bool)
    both = both[i] & both[j]
    same = np.zeros(len(i), dtype=bool)
    same[both] = [
        not groups[a].isdisjoint(groups[b]) for a, b in zip(i[both], j[both], strict=True)
    ]
    one, other = names[i[~both]], names[j[~both]]
    same[~both] = likeness(one, other, fuzz.token_set_ratio) >= ACTOR_ALIKE
    return same


def _groups(actor: str) -> frozenset[str]:
    """Return the armed groups that a list of actors names."""
    return frozenset(found for part in actor.split(";") if (found := find_group(part)))


def likeness(
    one: NDArray[np.object_], other: NDArray[np.object_], scorer: Any = fuzz.ratio
) -> FloatArray:
    """Return the likeness of pairs of texts, 0 to 100.

    Examples
    --------
    >>> likeness(np.array(["mine"], object), np.array(["mile"], object)).tolist()
    [75.0]
    """
    if not len(one):
        return np.zeros(0)
    return np.asarray(process.cpdist(list(one), list(other), scorer=scorer), dtype=float)
