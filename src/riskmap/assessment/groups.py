"""Worker groups: who it is about, which incidents concern them, and what their share of risk is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap import countries
from riskmap.assessment.shares import (
    PRIOR_INCIDENTS,
    Tally,
    share_influences,
    share_responses,
    thin,
)
from riskmap.errors import InputError
from riskmap.panels.measures import hits_foreigners
from riskmap.schema import SECTORS

if TYPE_CHECKING:
    from datetime import date

    from riskmap.models.forecasts import Forecast
    from riskmap.typing import FloatArray

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

_EAST, _NORTH = 180.0, 90.0


@dataclass(frozen=True)
class Site:
    """A place where the group works or lives; its coordinates are never published.

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
    """A way that the group travels, such as camp - mine - airport; never published.

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
        names = [text for text, codes in told.items() if mine.intersection(map(str.strip, codes))]
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


def add_group(forecast: Forecast, group: WorkerGroup) -> Forecast:
    r"""Return a forecast with the layer ``group`` beside ``violence`` and ``foreign``.

    The group's rate is the foreign rate times the group's share of the foreign incidents, shrunk
    from region to parent to country to all:

    .. math:: s_u = \frac{k_u + m\, s_{\mathrm{above}(u)}}{n_u + m}, \qquad
              s_{\mathrm{all}} = \frac{k + 1/2}{n + 1}

    with :math:`k_u` of :math:`n_u` foreign incidents of the area that concern the group and the
    area above worth :math:`m = 5` incidents. Thinning a negative binomial count leaves its size.

    Parameters
    ----------
    forecast : Forecast
        With the layer ``foreign``.
    group : WorkerGroup
        Who it is about.

    Returns
    -------
    Forecast
        With one more row a region, and ``relevance`` beside each incident of its evidence.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> found = add_group(rm.forecast(panel), WorkerGroup("CHN", sector="mining"))
    >>> counts = found.frame.pivot(index="region_id", columns="layer", values="expected_count")
    >>> bool((counts["group"] <= counts["foreign"]).all())
    True
    """
    grades = group.relevance(forecast.evidence)
    evidence = forecast.evidence.assign(relevance=grades)
    foreign = forecast.frame[forecast.frame["layer"] == "foreign"].reset_index(drop=True)
    counts = count_shares(evidence, forecast.activity, theirs=group.theirs)
    share = shrink_shares(counts, forecast.activity)
    foreigners = ~grades.isin(LOCAL)
    told = evidence.assign(foreign=foreigners, ours=foreigners & grades.isin(group.theirs))
    tally = Tally.of(told, forecast.activity)
    mean = foreign["expected_count"].to_numpy() * share
    frame = foreign.assign(layer="group", expected_count=mean)
    if not np.isnan(mean).any():
        frame = _thinned(frame, foreign, mean)
    parts = forecast.components[forecast.components["layer"] == "foreign"]
    factor = pd.Series(share, index=forecast.activity["region_id"])
    ours = parts.assign(layer="group", value=parts["value"] * parts["region_id"].map(factor))
    return replace(
        forecast,
        frame=_interleave(forecast.frame, frame),
        components=_interleave(forecast.components, ours),
        evidence=evidence,
        provenance={**forecast.provenance, **_describe(group)},
        influences=_interleave(forecast.influences, share_influences(forecast, told, tally)),
        responses=_interleave(forecast.responses, share_responses(forecast, tally)),
    )


def _describe(group: WorkerGroup) -> dict[str, Any]:
    """Return what outputs say of a group; never where it is."""
    return {
        "group": str(group),
        "group_staff_type": group.staff_type,
        "group_visibility": group.visibility,
        "group_movement": group.movement,
        "relevance": group.relevance_table,
    }


def count_shares(
    evidence: pd.DataFrame, regions: pd.DataFrame, *, theirs: tuple[str, ...]
) -> FloatArray:
    """Return how many of the foreign incidents of each region are the group's, and how many all.

    Parameters
    ----------
    evidence : DataFrame
        Incidents with their ``relevance``.
    regions : DataFrame
        ``region_id, parent_id, iso3``.
    theirs
        The grades of relevance that count.

    Returns
    -------
    ndarray, shape (2, n_regions)

    Examples
    --------
    >>> regions = pd.DataFrame({"region_id": ["a"], "parent_id": "p", "iso3": "XQA"})
    >>> evidence = pd.DataFrame({"region_id": "a", "weight": 1.0, "relevance": ["same nationality",
    ...                          "other foreigners"]})
    >>> count_shares(evidence, regions, theirs=("same nationality",)).tolist()
    [[1.0], [2.0]]
    """
    foreign = evidence[~evidence["relevance"].isin(LOCAL)]
    ours = foreign["relevance"].isin(theirs).to_numpy()
    region = pd.Index(regions["region_id"]).get_indexer(foreign["region_id"])
    known, weight = region >= 0, foreign["weight"].to_numpy()
    return np.array(
        [
            np.bincount(region[rows], weight[rows], minlength=len(regions))
            for rows in (known & ours, known)
        ]
    )


def shrink_shares(counts: FloatArray, regions: pd.DataFrame) -> FloatArray:
    """Return the group's share of the foreign incidents of each region, shrunk.

    Parameters
    ----------
    counts : ndarray, shape (2, n_regions)
        From :func:`count_shares`.
    regions : DataFrame
        ``region_id, parent_id, iso3``.

    Examples
    --------
    >>> regions = pd.DataFrame({"region_id": ["a"], "parent_id": "p", "iso3": "XQA"})
    >>> shrink_shares(np.array([[1.0], [1.0]]), regions).round(2).tolist()
    [0.86]
    """
    share = np.full(len(regions), (counts[0].sum() + 0.5) / (counts[1].sum() + 1.0))
    country = regions["iso3"].fillna("")
    units = (country, country + "/" + regions["parent_id"].fillna(""), regions["region_id"])
    for unit in units:
        codes = pd.factorize(unit)[0]
        ours, whole = (np.bincount(codes, row)[codes] for row in counts)
        share = (ours + PRIOR_INCIDENTS * share) / (whole + PRIOR_INCIDENTS)
    return share


def _thinned(frame: pd.DataFrame, foreign: pd.DataFrame, mean: FloatArray) -> pd.DataFrame:
    """Return the group's frame with the probabilities of the thinned distribution."""
    whole = foreign["expected_count"].to_numpy()
    share = np.divide(mean, whole, out=np.zeros_like(mean), where=whole > 0)
    found = thin(whole, foreign["dispersion"].to_numpy(), share)
    return frame.assign(
        p_any=found.p_gt(0),
        p_gt1=found.p_gt(1),
        p_gt4=found.p_gt(4),
        q05=found.quantile(0.05),
        q50=found.quantile(0.5),
        q95=found.quantile(0.95),
        dispersion=1.0 + mean * found.dispersion,
        p_least=1.0 - (1.0 - foreign["p_least"]) ** share,
        p_most=1.0 - (1.0 - foreign["p_most"]) ** share,
    )


def _interleave(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a narrower layer behind those of each region's wider ones."""
    both = pd.concat([table, rows], ignore_index=True)
    return both.sort_values("region_id", kind="stable", ignore_index=True)


def _check_code(what: str, met: str | None, codes: tuple[str | None, ...]) -> None:
    if met not in codes:
        raise InputError(
            f"unknown {what}", met=met, expected=", ".join(str(code) for code in codes if code)
        )


def _check_names(what: str, names: list[str]) -> None:
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise InputError(f"the names of {what} are not unique", met=names)
