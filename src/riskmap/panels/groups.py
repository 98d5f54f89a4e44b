"""Who the group is: its nationality and sector, where it is, and which incidents concern it.

Sites, routes and workers by region are never public.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rapidfuzz.distance import OSA
from scipy import special

from riskmap import countries
from riskmap.errors import InputError
from riskmap.incidents.derivations import strip_legal_forms
from riskmap.incidents.foreign_victims import count_of, hits_foreigners, may_be_any, strange_targets
from riskmap.schema import SECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from riskmap.typing import FloatArray, IntArray

#: Letters from which on a name that differs by one is close, and from which on it is the same.
_CLOSE, _SURE = 4, 6

#: How an incident bears on a group, from the closest on, and what it weighs in the group's series
#: unless the group says otherwise. The first that holds is taken.
RELEVANCE = {
    "same nationality and sector": 1.0,
    "same nationality": 1.0,
    "same sector, foreign": 1.0,
    "aimed at them": 1.0,
    "other foreigners": 0.5,
    "same sector, local": 0.5,
    "national staff": 0.0,
    "no foreigners known": 0.0,
}

#: Codes of territories whose people are nationals of China too.
_TERRITORIES = ("HKG", "MAC")

#: The grade whose weight is that of the group's targeting, where workers are told.
OTHERS = "other foreigners"

#: The grades that are attacks on the group itself.
THEIRS = tuple(grade for grade, weight in RELEVANCE.items() if weight == 1.0)

#: The grades that explain and weigh nothing.
UNWEIGHTED = ("national staff", "no foreigners known")

#: How a group works and moves. Recorded and printed: no source says by how much they change a rate.
STAFF_TYPES = ("international", "mixed")
VISIBILITIES = ("low", "medium", "high")
MOVEMENTS = ("static", "commuting", "travelling")

_EAST, _NORTH = 180.0, 90.0

#: The prior of the ratio is Gamma distributed around 1, with the weight of so many attacks.
PRIOR_ATTACKS = 5.0


@dataclass(frozen=True)
class Site:
    """A place where the group works or lives; its coordinates are never public.

    Parameters
    ----------
    name
        What the group calls it; unique among its sites.
    lon, lat
        Degrees, WGS 84.

    Raises
    ------
    InputError
        When the coordinates are none.
    """

    name: str
    lon: float = field(repr=False)
    lat: float = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse coordinates that are none; the message doesn't repeat them."""
        if not (abs(self.lon) <= _EAST and abs(self.lat) <= _NORTH):
            raise InputError(
                f"site {self.name!r} has no valid coordinates",
                expected="lon in [-180, 180] and lat in [-90, 90], in degrees",
            )


@dataclass(frozen=True)
class Route:
    """A way that the group travels, such as camp - mine - airport; never public.

    Parameters
    ----------
    name
        What the group calls it; unique among its routes.
    stops
        At least two places on the way, joined by straight stretches.

    Raises
    ------
    InputError
        When it has fewer than two stops.
    """

    name: str
    stops: tuple[Site, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a way that leads nowhere."""
        if len({(stop.lon, stop.lat) for stop in self.stops}) < 2:  # noqa: PLR2004 - two ends
            raise InputError(f"route {self.name!r} leads nowhere", expected="two different stops")


@dataclass(frozen=True)
class Presence:
    """How many workers of the group are in a region, from a day on, up to and without another.

    Parameters
    ----------
    region_id
        The region.
    headcount
        Workers present on average; 0 says that there are none.
    start, end
        Half-open period; None is open.

    Raises
    ------
    InputError
        When the headcount is negative or not finite, or the period is empty.
    """

    region_id: str
    headcount: float
    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        """Refuse exposure that can't be."""
        if not 0 <= self.headcount < np.inf:
            raise InputError(
                f"exposure in {self.region_id} is no number of workers",
                met=self.headcount,
                expected="a finite number, not negative",
            )
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InputError(
                f"the period of the exposure in {self.region_id} is empty",
                met=f"{self.start} to {self.end}",
                expected="an end after the start",
            )


@dataclass(frozen=True)
class Targeting:
    """How often a group was hit, against what its share of the workers would give.

    Parameters
    ----------
    attacks
        Attacks on the group, where and while the workers of all foreigners are told.
    expected
        Those that its share of the workers would give: each attack on foreigners there counts with
        the group's share of the workers of its region and day.
    ratio, low, high
        Mean of the ratio of the two, shrunken towards 1, and its 90 % interval.
    prior_attacks
        Weight of the prior, in attacks.
    """

    attacks: float
    expected: float
    ratio: float
    low: float
    high: float
    prior_attacks: float = PRIOR_ATTACKS

    @classmethod
    def of(cls, attacks: float, expected: float) -> Targeting:
        r"""Return the ratio of attacks to those expected under a Gamma(a, a) prior.

        .. math:: \rho \sim \mathrm{Gamma}(k + a,\; E + a), \qquad
                  \bar\rho = \frac{k + a}{E + a}

        Examples
        --------
        >>> Targeting.of(0.0, 0.0).ratio, Targeting.of(0.0, 15.0).ratio
        (1.0, 0.25)
        """
        shape, rate = attacks + PRIOR_ATTACKS, expected + PRIOR_ATTACKS
        low, high = (float(special.gammaincinv(shape, q) / rate) for q in (0.05, 0.95))
        return cls(float(attacks), float(expected), float(shape / rate), low, high)


@dataclass(frozen=True)
class WorkerGroup:
    """The people whose risk is asked for.

    Parameters
    ----------
    nationality
        ISO 3166-1 alpha-3 code, or several; none for any nationality.
    sector
        One of :data:`riskmap.schema.SECTORS`; none for any sector.
    staff_type
        One of :data:`STAFF_TYPES`; the group is of foreign workers, alone or with national staff.
    visibility, movement
        One of :data:`VISIBILITIES` and of :data:`MOVEMENTS`. They are printed beside the levels and
        change no number: no published source says by how much they would.
    sites, routes
        Where the group works and travels; on the map of private sets, never public.
    presence
        How many of the group are where, for rates per worker-year.
    all_foreigners
        How many foreign workers of any kind are where. With both, the share of attacks that hit the
        group is compared with its share of the workers, and what attacks on other foreigners weigh
        follows from it.
    employers
        Names of employers; an attack whose ``target`` is ``employer:NAME``, or the plain name, is
        aimed at the group.
    weights
        What the grades of :data:`RELEVANCE` weigh, where it is not what stands there.
    targeting
        How often the group is hit, against its share of the workers; counting finds it
        (:mod:`riskmap.panels.groups`).

    Raises
    ------
    InputError
        When a code is unknown, neither nationality nor sector is given, a name stands twice, a
        weight is outside of 0 to 1, or the group has more workers than all foreigners.

    Examples
    --------
    >>> str(WorkerGroup("CHN", sector="mining"))
    'CHN/mining'
    >>> WorkerGroup.parse("CHN,PAK/") == WorkerGroup(("CHN", "PAK"))
    True
    """

    nationality: str | tuple[str, ...] = ()
    sector: str | None = None
    staff_type: str = "international"
    visibility: str | None = None
    movement: str | None = None
    sites: tuple[Site, ...] = field(default=(), repr=False)
    routes: tuple[Route, ...] = field(default=(), repr=False)
    presence: tuple[Presence, ...] = field(default=(), repr=False)
    all_foreigners: tuple[Presence, ...] = field(default=(), repr=False)
    employers: tuple[str, ...] = field(default=(), repr=False)
    weights: tuple[tuple[str, float], ...] = ()
    targeting: Targeting | None = None

    def __post_init__(self) -> None:
        """Make the nationalities a sorted tuple and check every code."""
        given = (self.nationality,) if isinstance(self.nationality, str) else self.nationality
        object.__setattr__(self, "nationality", tuple(sorted(set(given))))
        for code in self.nationality:
            if code not in countries.table():
                raise InputError(
                    "unknown nationality", met=code, expected="an alpha-3 code such as 'CHN'"
                )
        if not self.nationality and self.sector is None:
            raise InputError("a group needs a nationality or a sector")
        for what, met, codes in (
            ("sector", self.sector, SECTORS),
            ("visibility", self.visibility, VISIBILITIES),
            ("movement", self.movement, MOVEMENTS),
        ):
            _check_code(what, met, (None, *codes))
        _check_code("staff_type", self.staff_type, STAFF_TYPES)
        for grade, weight in self.weights:
            _check_code("relevance", grade, tuple(RELEVANCE))
            if not 0.0 <= weight <= 1.0:
                raise InputError(
                    "a weight of relevance is out of range",
                    column=f"relevance.{grade}",
                    met=weight,
                    expected="a number from 0 to 1",
                )
        _check_workers(self.presence, self.all_foreigners)
        _check_names("sites", [site.name for site in self.sites])
        _check_names("routes", [route.name for route in self.routes])

    @property
    def relevance_table(self) -> dict[str, float]:
        """Every grade of relevance and what it weighs in the group's series."""
        found = {} if self.targeting is None else {OTHERS: min(1.0, self.targeting.ratio)}
        return RELEVANCE | found | dict(self.weights)

    @classmethod
    def parse(cls, text: str) -> WorkerGroup:
        """Return the group that ``"CHN/mining"``, ``"CHN,PAK"`` or ``"/aid"`` stands for."""
        nationality, _, sector = text.partition("/")
        codes = tuple(code.strip() for code in nationality.split(",") if code.strip())
        return cls(codes, sector.strip() or None)

    @classmethod
    def of(cls, group: WorkerGroup | str | None) -> WorkerGroup | None:
        """Return a group as it is given, or as its text says (:meth:`parse`); None for none.

        Raises
        ------
        InputError
            When it is something else.

        Examples
        --------
        >>> WorkerGroup.of("CHN/mining") == WorkerGroup("CHN", sector="mining")
        True
        """
        if group is None or isinstance(group, cls):
            return group
        if not isinstance(group, str):
            raise InputError("no group", met=group, expected="a WorkerGroup, or such as CHN/mining")
        if group.endswith(".toml"):
            raise InputError("a group's file is read by riskmap.read_group", met=group)
        return cls.parse(group)

    def __str__(self) -> str:
        """Return the group as the command line takes it."""
        return f"{','.join(self.nationality)}/{self.sector or ''}"

    def relevance(
        self, incidents: pd.DataFrame, *, foreign: NDArray[np.bool_] | None = None
    ) -> pd.Series:
        """Return how each incident bears on the group, a key of :data:`RELEVANCE`.

        Parameters
        ----------
        incidents
            With ``nationality, sector, target`` and what tells whether foreigners were hit; several
            nationalities are joined by ``;``. One that is stated and not understood may be theirs,
            and so counts as theirs; a sector too.
        foreign : ndarray of bool, optional
            Which hit foreigners, where that is known already.

        Examples
        --------
        >>> import riskmap as rm
        >>> found = WorkerGroup("CHN", sector="aid").relevance(rm.datasets.incidents())
        >>> set(found) <= set(RELEVANCE)
        True
        """
        anyone = not self.nationality
        abroad = hits_foreigners(incidents, self) if foreign is None else foreign
        same_nation = (self._shares_nation(incidents) | anyone) & abroad
        same_sector = self._shares_sector(incidents)
        aimed = self.is_aimed_at(incidents) | (incidents["target"] == "foreigners").to_numpy(bool)
        staff = np.zeros(len(incidents), dtype=bool)
        if "staff_type" in incidents:
            staff = incidents["staff_type"].isin(["national", "mixed"]).to_numpy(bool)
        grades = np.select(
            [
                same_nation & same_sector,
                same_nation & (self.sector is None or not anyone),
                same_sector & abroad,
                aimed,
                abroad,
                same_sector,
                staff,
            ],
            list(RELEVANCE)[:-1],
            default="no foreigners known",
        )
        grades = np.where(count_of(incidents) > 0, grades, list(RELEVANCE)[-1])
        return pd.Series(grades, index=incidents.index, dtype="str")

    def weigh(self, incidents: pd.DataFrame, *, foreign: NDArray[np.bool_]) -> FloatArray:
        """Return what each incident weighs in the group's series, from 0 to 1.

        Parameters
        ----------
        incidents, foreign
            As for :meth:`relevance`; grades in a column ``relevance`` are taken as they are.

        Examples
        --------
        >>> import riskmap as rm
        >>> table = rm.datasets.incidents()
        >>> weight = WorkerGroup("CHN").weigh(table, foreign=hits_foreigners(table))
        >>> sorted(set(weight.tolist()))
        [0.0, 0.5, 1.0]
        """
        told = "relevance" in incidents
        grades = incidents["relevance"] if told else self.relevance(incidents, foreign=foreign)
        return np.asarray(grades.map(self.relevance_table), dtype=float)

    def weigh_unknown(self, incidents: pd.DataFrame) -> FloatArray:
        """Return what an incident that does not say who was hit weighs, had it hit foreigners."""
        table = self.relevance_table
        same = self._shares_sector(incidents)
        return np.where(same, table["same sector, foreign"], table["other foreigners"])

    def is_aimed_at(self, incidents: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which incidents were aimed at the group's sector, an employer or a site of it.

        A site or an employer may stand in ``target`` by its plain name too, or with more words,
        and behind ``employer:`` or ``site:`` by its first words: "Ruvo" is Ruvo Mining there. An
        employer may have another legal form, or a typing error in a name that is long enough.
        """
        close = {text for text, _, is_taken in self.find_close_employers(incidents) if is_taken}

        kinds = {"employer": self.employers, "site": tuple(site.name for site in self.sites)}
        names = [_words(name) for some in kinds.values() for name in some]

        def is_theirs(text: str) -> bool:
            if text in (*SECTORS, "foreigners"):
                return text == self.sector
            kind, _, name = text.rpartition(":")
            mine = names if kind not in kinds else [_words(one) for one in kinds[kind]]
            told = _words(name)
            whole = [one for one in mine if one and told[: len(one)] == one]
            return bool(whole) or any(told == one[: len(told)] for one in mine if kind and told)

        aimed = np.zeros(len(incidents), dtype=bool)
        for told in (incidents["target"], strange_targets(incidents)):
            theirs = [text for text in told.dropna().unique() if text in close or is_theirs(text)]
            aimed |= told.isin(theirs).to_numpy(bool)
        return aimed

    def find_close_employers(self, incidents: pd.DataFrame) -> list[tuple[str, str, bool]]:
        """Return each target that is almost an employer, which one, and whether it is taken for it.

        Examples
        --------
        >>> table = pd.DataFrame({"target": ["employer:MCC Gruop", "employer:Ruvo", None]})
        >>> WorkerGroup("CHN", employers=("MCC Group",)).find_close_employers(table)
        [('employer:MCC Gruop', 'MCC Group', True)]
        """
        columns = (incidents["target"], strange_targets(incidents)) if self.employers else ()
        told = sorted({text for column in columns for text in column.dropna().unique()})
        found = []
        for text in told:
            kind, _, name = text.rpartition(":")
            if kind in ("", "employer") and text not in (*SECTORS, "foreigners"):
                gaps = {one: _gap(name, one) for one in self.employers}
                best = min(gaps, key=lambda one: gaps[one][0])
                gap, letters = gaps[best]
                is_named = _words(name)[: len(_words(best))] == _words(best)
                if not is_named and gap <= (letters >= _CLOSE) + (letters >= _SURE):
                    found.append((text, best, gap == 0 or (gap == 1 and letters >= _SURE)))
        return found

    def _shares_nation(self, incidents: pd.DataFrame) -> NDArray[np.bool_]:
        told = {text: text.split(";") for text in incidents["nationality"].dropna().unique()}
        mine = {*self.nationality, *(_TERRITORIES if "CHN" in self.nationality else ())}
        names = [
            text
            for text, codes in told.items()
            if mine.intersection(code.strip().upper() for code in codes)
        ]
        theirs = incidents["nationality"].isin(names).to_numpy(bool)
        return np.asarray(theirs | may_be_any(incidents, "nationality"))

    def _shares_sector(self, incidents: pd.DataFrame) -> NDArray[np.bool_]:
        if self.sector is None:
            return np.zeros(len(incidents), dtype=bool)
        mine = (incidents["sector"] == self.sector).to_numpy(bool)
        return np.asarray(mine | may_be_any(incidents, "sector"))


def _gap(name: str, employer: str) -> tuple[int, int]:
    """Return by how many letters two names differ but for legal forms, and how many one has."""
    told, one = ("".join(strip_legal_forms(_words(text))) for text in (name, employer))
    return OSA.distance(told, one), min(len(told), len(one))


def _words(name: str) -> list[str]:
    """Return the words of a name, without points: C.M.O.C. is CMOC."""
    return re.findall(r"\w+", name.casefold().replace(".", ""))


def _check_workers(group: tuple[Presence, ...], everyone: tuple[Presence, ...]) -> None:
    """Refuse a group of more workers than all foreigners together, region by region."""
    if not everyone:
        return
    for region in sorted({entry.region_id for entry in group}):
        ours, all_of_them = (
            max((e.headcount for e in table if e.region_id == region), default=0.0)
            for table in (group, everyone)
        )
        if ours > all_of_them:
            raise InputError(
                f"the group has more workers than all foreigners in {region}",
                column="all_foreigners",
                met=ours,
                expected=f"at most {all_of_them:g}",
            )


def _check_code(what: str, met: str | None, codes: tuple[str | None, ...]) -> None:
    if met not in codes:
        raise InputError(
            f"unknown {what}", met=met, expected=", ".join(str(code) for code in codes if code)
        )


def _check_names(what: str, names: list[str]) -> None:
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise InputError(f"the names of {what} are not unique", met=names)


def with_targeting(
    group: WorkerGroup | None,
    incidents: pd.DataFrame,
    *,
    foreign: NDArray[np.bool_],
    position: IntArray,
    day: IntArray,
    weight: FloatArray,
    region_ids: Sequence[str],
) -> WorkerGroup | None:
    """Return the group with its targeting, where the workers of it and of all foreigners are told.

    Otherwise, and where the group says itself what an attack on other foreigners weighs, it is the
    group as it was. An attack that doesn't say which foreigners it hit tells nothing.

    Parameters
    ----------
    group
        The group.
    incidents
        One row a placed incident, as :meth:`WorkerGroup.relevance` takes it.
    foreign, position, day, weight
        Whether foreigners were hit, where (a position in `region_ids`), when (since 1970) and how
        many times each row counts.
    region_ids
        The regions in order.

    Examples
    --------
    >>> with_targeting(None, pd.DataFrame(), foreign=np.empty(0), position=np.empty(0),
    ...                day=np.empty(0), weight=np.empty(0), region_ids=[]) is None
    True
    """
    if group is None or not (group.presence and group.all_foreigners):
        return group
    if OTHERS in dict(group.weights):
        return group
    ids = list(region_ids)
    everyone = _workers(group.all_foreigners, ids, position, day)
    ours = _workers(group.presence, ids, position, day)
    theirs = group.relevance(incidents, foreign=foreign).isin(THEIRS).to_numpy()
    says = incidents["nationality" if group.nationality else "sector"].notna().to_numpy(bool)
    told = (everyone > 0) & foreign & (theirs | says)
    share = np.divide(ours, everyone, out=np.zeros(len(ours)), where=everyone > 0)
    attacks = float(weight[told & theirs].sum())
    expected = float((weight * np.minimum(share, 1.0))[told].sum())
    return replace(group, targeting=Targeting.of(attacks, expected))


def _workers(
    presence: tuple[Presence, ...], ids: list[str], position: IntArray, day: IntArray
) -> FloatArray:
    """Return how many workers are told of in the region of each incident on its day."""
    found = np.zeros(len(position))
    epoch = pd.Timestamp("1970-01-01").toordinal()
    for entry in presence:
        here = position == (ids.index(entry.region_id) if entry.region_id in ids else -1)
        if entry.start is not None:
            here &= day >= entry.start.toordinal() - epoch
        if entry.end is not None:
            here &= day < entry.end.toordinal() - epoch
        found += here * entry.headcount
    return found
