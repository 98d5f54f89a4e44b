"""Where the group is: sites, routes and workers by region. None of it is ever public."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from riskmap.errors import InputError

if TYPE_CHECKING:
    from datetime import date

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
