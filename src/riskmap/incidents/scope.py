"""Scope: what a source can see, and so what its silence can tell.

What a source tells can raise any level. Its silence lowers one only where it watches: the layers,
sectors and countries of its scope, from ``since`` on and up to its ``delay``. A scope travels with
each incident as one line of text, in the column ``scope`` of the Incidents table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.schema import SECTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a source may watch. One that watches violence sees attacks on foreigners too, and does not
#: say so.
WATCHED_LAYERS = ("violence", "foreign")

#: Where a source watches: the quiet regions of the countries that it names often and lately, or
#: only the regions that its reports come from. Countries may be named instead.
REACHES = ("countries", "reports")

_VALUES = ("sectors", "reach", "since", "delay")
_FLAGS = ("deaths", "inferred")
_ISO3 = re.compile("[A-Z]{3}")


@dataclass(frozen=True)
class Scope:
    """What a source can see.

    Parameters
    ----------
    layers
        Of :data:`WATCHED_LAYERS`, those that the source watches; none for a source that is heard
        and never taken for silence.
    sectors
        The sectors of work whose people it watches; all of them when empty.
    reach
        One of :data:`REACHES`, or ISO 3166-1 alpha-3 codes joined by ``;``.
    deaths_only
        Whether it tells of deaths alone, so that its silence says nothing of kidnapping.
    since
        The first day that it watches; its first reports tell when it is None.
    delay_days
        Days that pass before it tells of an incident.
    inferred
        Whether this was worked out from the rows and stated by nobody.

    Raises
    ------
    InputError
        When a word is none of a scope.

    Examples
    --------
    >>> scope = Scope(("foreign",), sectors=("aid",))
    >>> str(scope)
    'foreign; sectors=aid; reach=countries'
    >>> Scope.parse(str(scope)) == scope
    True
    >>> Scope.parse("none").layers
    ()
    """

    layers: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    reach: str = "countries"
    deaths_only: bool = False
    since: pd.Timestamp | None = None
    delay_days: float = 0.0
    inferred: bool = False

    def __post_init__(self) -> None:
        """Refuse words that are none of a scope."""
        for what, met, known in (
            ("layer", self.layers, WATCHED_LAYERS),
            ("sector", self.sectors, SECTORS),
        ):
            for word in met:
                if word not in known:
                    raise InputError(
                        f"unknown {what} of a scope",
                        column="scope",
                        met=word,
                        expected=", ".join(known),
                    )
        codes = self.reach.split(";")
        if self.reach not in REACHES and not all(_ISO3.fullmatch(code) for code in codes):
            raise InputError(
                "unknown reach of a scope",
                column="scope",
                met=self.reach,
                expected=" or ".join((*REACHES, "codes such as AFG;PAK")),
            )
        if not 0 <= self.delay_days < float("inf"):
            raise InputError(
                "a delay is no number of days", column="scope", met=self.delay_days, expected=">= 0"
            )

    def __str__(self) -> str:
        """Return the one line that :meth:`parse` reads."""
        parts = [",".join(self.layers) or "none"]
        if self.sectors:
            parts.append("sectors=" + ",".join(self.sectors))
        if self.layers:
            parts.append(f"reach={self.reach.replace(';', ',')}")
        if self.deaths_only:
            parts.append("deaths")
        if self.since is not None:
            parts.append(f"since={self.since:%Y-%m-%d}")
        if self.delay_days:
            parts.append(f"delay={self.delay_days:g}")
        if self.inferred:
            parts.append("inferred")
        return "; ".join(parts)

    @classmethod
    def parse(cls, text: str, *, reach: str = "countries") -> Self:
        """Return the scope that a line such as ``"violence,foreign; since=2015-01-01"`` states.

        Parameters
        ----------
        text
            Layers or ``none``, then any of ``sectors=aid,health``, ``reach=countries``, ``reports``
            or ``AFG,PAK``, ``deaths``, ``since=YYYY-MM-DD``, ``delay=DAYS`` and ``inferred``,
            separated by ``;``.
        reach
            Its reach where the text does not say.

        Raises
        ------
        InputError
            When it holds an unknown word.
        """
        head, *rest = (part.strip() for part in text.split(";"))
        told: dict[str, str] = {}
        for part in filter(None, rest):
            name, equals, value = part.partition("=")
            if name.strip() not in (_VALUES if equals else _FLAGS) or name.strip() in told:
                raise InputError(
                    "unknown word of a scope, or one that is told twice",
                    column="scope",
                    met=part,
                    expected="sectors=, reach=, deaths, since= or delay=",
                )
            told[name.strip()] = value.strip()
        try:
            since = pd.Timestamp(date.fromisoformat(told["since"])) if "since" in told else None
            delay = float(told.get("delay", 0.0))
        except ValueError as error:
            raise InputError(
                "not a scope", column="scope", met=text, expected=str(error)
            ) from error
        return cls(
            layers=() if head in ("none", "") else _words(head),
            sectors=_words(told.get("sectors", "")),
            reach=";".join(_words(told.get("reach", reach))),
            deaths_only="deaths" in told,
            since=since,
            delay_days=delay,
            inferred="inferred" in told,
        )

    def covers(self, layer: str, sector: str | None = None) -> bool:
        """Return whether silence of the source can make a layer low.

        Parameters
        ----------
        layer
            ``"violence"``, ``"foreign"`` or ``"group"``. A source that watches violence also sees
            the attacks on foreigners, without naming them.
        sector
            Whose people the layer ``group`` is about; all sectors when None.

        Examples
        --------
        >>> aid = Scope(("foreign",), sectors=("aid",))
        >>> aid.covers("foreign"), aid.covers("group", "aid"), aid.covers("group", "mining")
        (False, True, False)
        """
        if self.deaths_only:
            return False
        wanted = ("violence",) if layer == "violence" else WATCHED_LAYERS
        if not set(wanted) & set(self.layers):
            return False
        return not self.sectors or (layer == "group" and sector in self.sectors)


def find_gaps(
    days: NDArray[np.int64],
    until: int,
    *,
    recent_days: int = 365,
    probability: float = 0.99,
    least_days: float = 30.0,
) -> NDArray[np.bool_]:
    r"""Return after which of the days of a source's reports a silence is a gap.

    A silence of t days is one when reports at the rate r of the last year before it would have
    broken it so surely:

    .. math:: e^{-r t} < 1 - p

    Parameters
    ----------
    days : ndarray of int, shape (n,)
        Days with a report, ascending, none twice.
    until
        The day up to which the last silence lasts.
    recent_days
        The rate is that of so many days before a silence: an old history does not stretch it.
    probability, least_days
        How sure it must be, and how long it must last at least.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> find_gaps(np.array([0, 7, 14, 21, 400]), 405).tolist()
    [False, False, False, True, False]
    """
    quiet = np.diff(np.append(days, until))
    seen = np.arange(1, len(days) + 1) - np.searchsorted(days, days - recent_days, side="right")
    base = np.clip(days - days[:1] + 1, min(_LEAST_BASE, recent_days), recent_days)
    # days of reports come in bursts, and a silence begins with one: two fewer tell the rate
    sure = -np.expm1(-np.maximum(seen - 2, 0) / base * quiet) > probability
    return np.asarray((quiet > least_days) & sure)


#: A rate is never that of fewer days than this.
_LEAST_BASE = 90


def find_end(dates: pd.Series) -> pd.Timestamp:
    """Return the last day up to which a table of incidents tells of what happened.

    A few strange rows long after all others, such as a wrong year, do not stretch it.

    Parameters
    ----------
    dates
        First days of the incidents.

    Examples
    --------
    >>> dates = pd.Series(pd.date_range("2024-01-01", periods=50, freq="7D"))
    >>> find_end(pd.concat([dates, pd.Series([pd.Timestamp("2025-11-01")])]))
    Timestamp('2024-12-09 00:00:00')
    """
    known = np.unique(dates.dropna().to_numpy().astype("datetime64[D]").astype(np.int64))
    if not len(known):
        return pd.NaT
    gaps = np.flatnonzero(find_gaps(known, int(known[-1]))[:-1])
    few = [at for at in gaps if len(known) - 1 - at <= STRANGE_DAYS]
    last = known[few[0]] if few else known[-1]
    return pd.Timestamp(np.datetime64(int(last), "D")).as_unit("us")


#: So few days with reports, behind a gap, are strange rows and no reporting.
STRANGE_DAYS = 2


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
