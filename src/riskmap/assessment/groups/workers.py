"""Who the group is: its nationality and sector, and which incidents concern it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap import countries
from riskmap.errors import InputError
from riskmap.panels.measures import hits_foreigners
from riskmap.schema import SECTORS

if TYPE_CHECKING:
    from riskmap.assessment.groups.whereabouts import Presence, Route, Site

#: How an incident bears on a group, from the closest on, and whether it counts as one of theirs
#: unless the group says otherwise. The first that holds is taken. The table selects and explains;
#: the rate comes from the share.
RELEVANCE = {
    "same nationality and sector": True,
    "same nationality": True,
    "same sector, foreign": True,
    "other foreigners": False,
    "same sector, local": False,
    "national staff": False,
    "no foreigners known": False,
}

#: The grades without foreigners: they explain, but no share of the foreign rate can hold them.
LOCAL = ("same sector, local", "national staff", "no foreigners known")

#: How a group works and moves. Recorded and printed: no source says by how much they change a rate.
STAFF_TYPES = ("international", "mixed")
VISIBILITIES = ("low", "medium", "high")
MOVEMENTS = ("static", "commuting", "travelling")


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
        Where the group works and travels; never published.
    presence
        How many of the group are where, for rates per worker-year.
    theirs
        The grades of :data:`RELEVANCE` that count as incidents of the group.

    Raises
    ------
    InputError
        When a code is unknown, neither nationality nor sector is given, or a name stands twice.

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
    theirs: tuple[str, ...] = tuple(grade for grade, counts in RELEVANCE.items() if counts)

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
        for grade in self.theirs:
            _check_code(
                "relevance that counts", grade, tuple(g for g in RELEVANCE if g not in LOCAL)
            )
        _check_names("sites", [site.name for site in self.sites])
        _check_names("routes", [route.name for route in self.routes])

    @property
    def relevance_table(self) -> dict[str, bool]:
        """Every grade of relevance, and whether it counts as one of theirs."""
        return {grade: grade in self.theirs for grade in RELEVANCE}

    @classmethod
    def parse(cls, text: str) -> WorkerGroup:
        """Return the group that ``"CHN/mining"``, ``"CHN,PAK"`` or ``"/aid"`` stands for."""
        nationality, _, sector = text.partition("/")
        codes = tuple(code.strip() for code in nationality.split(",") if code.strip())
        return cls(codes, sector.strip() or None)

    def __str__(self) -> str:
        """Return the group as the command line takes it."""
        return f"{','.join(self.nationality)}/{self.sector or ''}"

    def relevance(self, incidents: pd.DataFrame) -> pd.Series:
        """Return how each incident bears on the group, a key of :data:`RELEVANCE`.

        Parameters
        ----------
        incidents
            With ``nationality, sector, staff_type, country, foreign_victims``; several
            nationalities are joined by ``;``.

        Examples
        --------
        >>> import riskmap as rm
        >>> found = WorkerGroup("CHN", sector="aid").relevance(rm.datasets.incidents())
        >>> set(found) <= set(RELEVANCE)
        True
        """
        told = {text: text.split(";") for text in incidents["nationality"].dropna().unique()}
        mine = set(self.nationality)
        names = [
            text
            for text, codes in told.items()
            if mine.intersection(code.strip().upper() for code in codes)
        ]
        ours = incidents["nationality"].isin(names)
        anyone = not self.nationality
        foreign = hits_foreigners(incidents)
        same_nation = (ours | anyone) & foreign
        same_sector = incidents["sector"] == self.sector
        if self.sector is None:
            same_sector = pd.Series(data=False, index=incidents.index)
        grades = np.select(
            [
                same_nation & same_sector,
                same_nation & (self.sector is None or not anyone),
                same_sector & foreign,
                foreign,
                same_sector,
                incidents["staff_type"].isin(["national", "mixed"]),
            ],
            list(RELEVANCE)[:-1],
            default="no foreigners known",
        )
        return pd.Series(grades, index=incidents.index, dtype="str")


def _check_code(what: str, met: str | None, codes: tuple[str | None, ...]) -> None:
    if met not in codes:
        raise InputError(
            f"unknown {what}", met=met, expected=", ".join(str(code) for code in codes if code)
        )


def _check_names(what: str, names: list[str]) -> None:
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise InputError(f"the names of {what} are not unique", met=names)
