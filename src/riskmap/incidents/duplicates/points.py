"""What speaks for and against two reports being of one incident, in points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import fuzz, process

from riskmap.incidents.actors import find_group
from riskmap.incidents.duplicates.agreements import squeeze_names

if TYPE_CHECKING:
    from collections.abc import Sequence

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

#: Feeds whose types say who fights whom, and nothing of the means.
TYPELESS = ("ucdp",)

#: Points for the next day, and for another day (a corrected date, where texts begin alike).
NEXT_DAY, OTHER_DAY = -1.0, -3.0

#: Actors whose names are as alike (0 to 100) are the same, unless both are known groups.
ACTOR_ALIKE = 85.0

TOLL = ("killed", "wounded", "abducted")
KM_PER_DEGREE = 111.2


def score_pairs(table: pd.DataFrame, text: list[str], pairs: IntArray) -> FloatArray:
    """Return how much speaks for each pair of rows being one incident.

    Parameters
    ----------
    table
        The Incidents table.
    text
        Its notes in plain words.
    pairs
        Positions of rows, two a row.
    """
    i, j = pairs[:, 0], pairs[:, 1]
    points = _text_points(table["source"].to_numpy(), text, i, j)
    points += _place_points(table, i, j)
    toll = table[list(TOLL)].to_numpy(dtype=float, na_value=np.nan)
    victims = np.nansum(toll, axis=1)
    known = (~np.isnan(toll[i]) & ~np.isnan(toll[j])).any(axis=1)
    same = (np.isnan(toll[i]) | np.isnan(toll[j]) | (toll[i] == toll[j])).all(axis=1)
    alike = np.where(victims[i] + victims[j] > 0, TOLL_SAME, TOLL_NONE)
    points += np.where(known, np.where(same, alike, TOLL_OTHER), 0.0)
    vague = (table["event_type"] == "unknown") | table["source"].isin(TYPELESS)
    kind = table["event_type"].mask(vague)
    typed = kind.notna().to_numpy()
    code = pd.factorize(kind)[0]
    points += np.where(typed[i] & typed[j], np.where(code[i] == code[j], TYPE_SAME, TYPE_OTHER), 0)
    points += np.where(_same_actor(table["actor"], i, j), ACTOR_SAME, 0.0)
    nation = table["nationality"].fillna("").to_numpy(object)
    points += np.where((nation[i] == nation[j]) & (nation[i] != ""), NATION_SAME, 0.0)
    day = count_days(table)
    apart = np.abs(day[i] - day[j])
    return points + np.select([apart == 0, apart == 1], [0.0, NEXT_DAY], OTHER_DAY)


def count_days(table: pd.DataFrame) -> FloatArray:
    """Return the first day of each row as a number, NaN where it is missing."""
    first = table["event_date"]
    days = first.astype("datetime64[s]").astype("int64").to_numpy() / 86_400
    return np.where(first.isna(), np.nan, days)


def _text_points(source: Any, text: list[str], i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for likeness of the texts, none where one has no text."""
    alike = (_likeness(text, i, j, fuzz.ratio) + _likeness(text, i, j, fuzz.token_set_ratio)) / 200
    points = TEXT * (alike - TEXT_NEUTRAL) / (1.0 - TEXT_NEUTRAL)
    points = np.where(source[i] == source[j], points, np.maximum(points, 0.0))
    return np.where(_told(text, i, j), points, 0.0)


def _place_points(table: Any, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for distance, or for names where one row has no coordinates.

    There are none where the coordinates of one are those of an area.
    """
    where = table.geometry.to_numpy()
    x, y = shapely.get_x(where), shapely.get_y(where)
    across = (x[i] - x[j]) * np.cos(np.radians(y[i]))
    km = np.hypot(across, y[i] - y[j]) * KM_PER_DEGREE
    edges = np.array([edge for edge, _ in NEAR])
    worth = np.array([*(points for _, points in NEAR), NEAR[-1][1]])
    exact = table["geo_precision"].fillna("place").isin(("point", "place")).to_numpy()
    points = worth[np.searchsorted(edges, np.nan_to_num(km, nan=np.inf))]
    points = np.where(exact[i] & exact[j] & np.isfinite(km), points, 0.0)
    nameless = np.flatnonzero(~np.isfinite(km))
    points[nameless] = _name_points(table, i[nameless], j[nameless])
    return points


def _name_points(table: Any, i: IntArray, j: IntArray) -> FloatArray:
    """Return the points for the same names of a place or district, written alike.

    A place may be written as its district: "Berin district, Ambrel".
    """
    place, district = (squeeze_names(table[column]) for column in ("place", "admin2"))

    def alike(a: Any, b: Any, scorer: Any) -> NDArray[np.bool_]:
        both = process.cpdist(list(a), list(b), scorer=scorer) >= NAME_ALIKE
        return np.asarray(both & (a != "") & (b != ""), dtype=bool)

    if not len(i):
        return np.zeros(0)
    same_district = alike(district[i], district[j], fuzz.ratio)
    for a, b in ((district[i], place[j]), (district[j], place[i])):
        same_district |= alike(a, b, fuzz.partial_ratio)
    other = (district[i] != "") & (district[j] != "")
    of_district = np.where(same_district, DISTRICT_SAME, np.where(other, DISTRICT_OTHER, 0.0))
    return np.where(alike(place[i], place[j], fuzz.ratio), PLACE_SAME, of_district)


def _told(words: list[str], i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    told = np.array([len(text) > 0 for text in words], dtype=bool)
    return np.asarray(told[i] & told[j])


def _same_actor(actors: pd.Series, i: IntArray, j: IntArray) -> NDArray[np.bool_]:
    """Return whether pairs have an actor in common, by any name that its table knows.

    Known groups are compared as such: a part of a name ("Islamic State") is another group.
    """
    names = actors.fillna("").to_numpy(object)
    known = {name: _groups(name) for name in set(names)}
    groups = [known[name] for name in names]
    both = np.array([bool(found) for found in groups], dtype=bool)
    both = both[i] & both[j]
    same = np.zeros(len(i), dtype=bool)
    same[both] = [
        not groups[a].isdisjoint(groups[b]) for a, b in zip(i[both], j[both], strict=True)
    ]
    same[~both] = _likeness(names, i[~both], j[~both], fuzz.token_set_ratio) >= ACTOR_ALIKE
    return same


def _groups(actor: str) -> frozenset[str]:
    """Return the armed groups that a list of actors names."""
    return frozenset(found for part in actor.split(";") if (found := find_group(part)))


def _likeness(words: Sequence[str], i: IntArray, j: IntArray, scorer: Any) -> FloatArray:
    """Return the likeness of pairs of texts, 0 to 100."""
    if not len(i):
        return np.zeros(0)
    pairs = [words[k] for k in i], [words[k] for k in j]
    return np.asarray(process.cpdist(*pairs, scorer=scorer), dtype=float)
