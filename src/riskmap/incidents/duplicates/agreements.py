"""What two reports agree on, and what in them forbids to take them for one incident.

Points alone would join two attacks of one day by one group: they are of the same kind, on the same
people, not far from each other. So whatever their points, two reports are not of one incident when
they state different districts or places, when their texts tell of different things, or when both
know the spot and it is not the same, and neither names nor texts say that it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process

from riskmap.countries import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

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

#: Feeds whose coders have told incidents apart: their rows are different incidents, even where all
#: that is told is the same (their text may be the title of a yearbook). With as large a share of
#: the words and at one spot, rows of two of their releases are one.
CURATED, SAME_CODED = ("acled", "awsd", "gtd", "ucdp"), 0.5

_AREA_WORDS = (
    "and at city county department district governorate in municipality near of province region "
    "state the town village wilaya wilayat"
)

#: Words that most reports of attacks share, whatever they tell of.
_COMMON = (
    "about after afternoon again against ago all also among and another april area armed arm "
    "around assailant at attack attacker august bandit because been before being between body by "
    "case city claim claimed dead death december desk died during early evening february fighter "
    "fire five for four friday from group gunman gunmen had has have him his hour in incident "
    "injured into item january july june kill killed later left local man march may member men "
    "militant monday month morning near nearby night november number october of official on one "
    "opened other over paper people perpetrator person police province region report reported "
    "said saturday september several she shot shooting since six some source state sunday ten "
    "terrorist than that the their them then there these they this three thursday time today "
    "together told tuesday two unidentified unknown victim village was wednesday week were when "
    "where which while who with wounded year yesterday district eight nine seven"
)
_PLAIN_NAMES, _COMMON_WORDS = frozenset(_AREA_WORDS.split()), frozenset(_COMMON.split())
_SUFFIX = re.compile(r"(?:ing|ers|er|ed|es|s|e)$")
_STEM = 4


@dataclass(frozen=True)
class Facts:
    """What rows of a table state, ready to be compared two by two.

    Parameters
    ----------
    names : DataFrame of str
        ``country``, ``region_id``, ``admin1``, ``admin2`` and ``place``, ``""`` where not stated;
        names of places without spaces, accents and such words as *district*.
    x, y : ndarray of float
        The point, NaN where there is none.
    exact : ndarray of bool
        Whether the point is that of a place and not of an area.
    text : list of str
        Notes in plain words.
    words : list of frozenset
        Stems of the words in it that tell something.
    source : ndarray of str
        Who reports.
    """

    names: pd.DataFrame
    x: FloatArray
    y: FloatArray
    exact: NDArray[np.bool_]
    text: list[str]
    words: list[frozenset[str]]
    source: NDArray[np.object_]

    @classmethod
    def of(cls, table: Any, text: list[str]) -> Facts:
        """Return the facts of a table with its notes in plain words."""
        where = table.geometry.to_numpy()
        names = {name: table[name].fillna("").to_numpy(object) for name in ("country", "region_id")}
        names |= {name: squeeze_names(table[name]) for name in ("admin1", "admin2", "place")}
        exact = table["geo_precision"].fillna("place").isin(("point", "place"))
        return cls(
            names=pd.DataFrame(names),
            x=shapely.get_x(where),
            y=shapely.get_y(where),
            exact=exact.to_numpy(bool),
            text=text,
            words=[telling_words(note) for note in text],
            source=table["source"].to_numpy(object),
        )

    def told(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both rows of each pair state a name."""
        told = self.names[name].to_numpy(object) != ""
        return np.asarray(told[i] & told[j], dtype=bool)

    def same(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both state a name and may mean the same by it."""
        names = self.names[name].to_numpy(object)
        return self.told(name, i, j) & are_spellings(names[i], names[j])

    def other(self, name: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether both state a name, each another."""
        return self.told(name, i, j) & ~self.same(name, i, j)

    def km(self, i: IntArray, j: IntArray) -> FloatArray:
        """Return kilometres between the points of each pair, NaN where there are none."""
        across = (self.x[i] - self.x[j]) * np.cos(np.radians(self.y[i]))
        return np.asarray(np.hypot(across, self.y[i] - self.y[j]) * 111.2)

    def within(self, name: str, others: str, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
        """Return whether one row's name stands in what the other calls by another column."""
        one, other = (self.names[column].to_numpy(object) for column in (name, others))
        found = np.zeros(len(i), dtype=bool)
        for a, b in ((one[i], other[j]), (one[j], other[i])):
            some = np.flatnonzero((a != "") & (b != ""))
            part = process.cpdist(list(a[some]), list(b[some]), scorer=fuzz.partial_ratio)
            found[some] |= part >= SPELLING
        return found

    def shared_words(self, i: IntArray, j: IntArray) -> FloatArray:
        """Return the share of the shorter text's telling words that both have, NaN if too few."""
        share = np.full(len(i), np.nan)
        for k, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            fewer = min(len(self.words[a]), len(self.words[b]))
            if fewer >= FEW_WORDS:
                share[k] = len(self.words[a] & self.words[b]) / fewer
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
        "".join(w for w in fold(word).split() if w not in _PLAIN_NAMES) or fold(word)
        for word in words
    ]
    return np.array([*plain, ""], dtype=object)[codes]


def are_spellings(one: NDArray[np.object_], other: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which pairs of squeezed names may be spellings of one, or one a part of the other.

    Examples
    --------
    >>> one = np.array(["khwajabahauddin", "kabul", "yaftalsufla"], dtype=object)
    >>> other = np.array(["khwajabahawuddin", "kabulcity", "yaftalbala"], dtype=object)
    >>> are_spellings(one, other).tolist()
    [True, True, False]
    """
    if not len(one):
        return np.zeros(0, dtype=bool)
    alike = process.cpdist(list(one), list(other), scorer=fuzz.ratio) >= SPELLING
    starts = [
        a.startswith(b) or b.startswith(a) or a.endswith(b) or b.endswith(a)
        for a, b in zip(one.tolist(), other.tolist(), strict=True)
    ]
    return np.asarray(alike | np.array(starts, dtype=bool))


def telling_words(text: str) -> frozenset[str]:
    """Return the stems of words that tell something of an incident, of a text in plain words.

    Examples
    --------
    >>> sorted(telling_words("gunmen shot two engineers of the road company dead"))
    ['company', 'engine', 'road']
    """
    words = (w for w in text.split() if w not in _COMMON_WORDS and not any(map(str.isdigit, w)))
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
    share, alike = facts.shared_words(i, j), _alike(facts.text, i, j)
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
    return np.asarray((_in_other_regions(facts, i, j) | places | spots | stories) & ~revised)


def _in_other_regions(facts: Facts, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return which pairs state different countries, regions, districts or provinces."""
    names = {name: facts.names[name].to_numpy(object) for name in ("country", "region_id")}
    differ = {name: (v[i] != v[j]) & facts.told(name, i, j) for name, v in names.items()}
    system = np.array([(len(name), name[:2]) for name in names["region_id"]], dtype="U2")
    of_one_system = (system[i] == system[j]).all(axis=1)
    district = facts.same("admin2", i, j)
    close = district & (facts.km(i, j) <= SAME_DISTRICT_KM)
    return np.asarray(
        differ["country"]
        | (differ["region_id"] & (of_one_system | ~district))
        | facts.other("admin2", i, j)
        | (facts.other("admin1", i, j) & ~close)
    )


def _in_other_places(facts: Facts, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return which pairs name different places, neither of which is the other's district."""
    other = facts.other("place", i, j)
    rows = np.flatnonzero(other)
    for area in ("admin2", "admin1"):
        other[rows] &= ~facts.within(area, "place", i[rows], j[rows])
    return other


def _alike(text: list[str], i: IntArray, j: IntArray) -> FloatArray:
    both = [text[k] for k in i], [text[k] for k in j]
    told = np.array([bool(a and b) for a, b in zip(*both, strict=True)])
    return np.where(told, np.asarray(process.cpdist(*both, scorer=fuzz.ratio), dtype=float), 0.0)


def tell_why(table: Any, facts: Facts, pairs: IntArray) -> list[str]:
    """Return for each pair what the two rows agree on, in words.

    Parameters
    ----------
    table
        Incidents table.
    facts
        What its rows state.
    pairs
        Positions of rows, two a row.
    """
    if not len(pairs):
        return []
    i, j = pairs[:, 0], pairs[:, 1]
    ids = table["incident_id"].str.replace(r"#\d+$", "", regex=True).to_numpy(object)
    days = table["event_date"].to_numpy("datetime64[D]").astype(float)
    apart = np.abs(days[i] - days[j])
    km = np.where(facts.exact[i] & facts.exact[j], facts.km(i, j), np.nan)
    toll = table[["killed", "wounded", "abducted"]].to_numpy(float, na_value=np.nan)
    known = ~np.isnan(toll[i]) & ~np.isnan(toll[j])
    actor, nation = (table[c].fillna("").to_numpy(object) for c in ("actor", "nationality"))
    shares = {
        "same id": ids[i] == ids[j],
        "same day": apart == 0,
        "a day apart": apart == 1,
        "same place": facts.same("place", i, j) | (km <= SPOT_KM),
        "same district": facts.same("admin2", i, j),
        "same words": _alike(facts.text, i, j) >= SAME_WORDS,
        "same story": facts.shared_words(i, j) >= SAME_STORY,
        "same toll": known.any(axis=1) & (~known | (toll[i] == toll[j])).all(axis=1),
        "same nationality": (nation[i] == nation[j]) & (nation[i] != ""),
        "same actor": (actor[i] == actor[j]) & (actor[i] != ""),
    }
    shares["same story"] &= ~shares["same words"]
    shares["same district"] &= ~shares["same place"]
    found = pd.DataFrame(shares)
    return [", ".join(found.columns[row]) or "told as one" for row in found.to_numpy(bool)]
