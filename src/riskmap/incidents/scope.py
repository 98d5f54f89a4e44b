"""Scope: what a source can see, and so what its silence can tell.

What a source tells can raise any level. Its silence lowers one only where it watches: the layers,
sectors and countries of its scope, from ``since`` on and up to its ``delay``. A scope travels with
each incident as one line of text, in the column ``scope`` of the Incidents table.

The caller, the row, a file beside the file, the feed or the rows say it; the first of them that
says anything counts. What nobody says and nothing shows stays missing: such rows raise levels, and
nobody watches. What a person states has the reach ``reports`` unless it says otherwise, since a
desk's own log knows nothing of places that it has no reports from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.schema import SECTORS
from riskmap.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
#: The reach of what a person states.
STATED_REACH = "reports"
_PACKED = (".gz", ".zip")
#: A file whose rows nearly all tell of foreign victims is a log of attacks on foreigners.
FOREIGN_SHARE = 0.9
#: Fewer usable rows show nothing.
LEAST_ROWS = 5
#: A rate is never that of fewer days than this.
_LEAST_BASE = 90
#: What a silence is held against: days whose rate it breaks, how surely, how long it is at least.
RECENT_DAYS, SURE, LEAST_DAYS = 365, 0.99, 30.0
#: So few days with reports, behind a gap, are strange rows and no reporting.
STRANGE_DAYS = 2


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
        refused: list[tuple[str, Any, str]] = [
            (f"unknown {what} of a scope", word, ", ".join(known))
            for what, words, known in (
                ("layer", self.layers, WATCHED_LAYERS),
                ("sector", self.sectors, SECTORS),
            )
            for word in words
            if word not in known
        ]
        if self.reach not in REACHES and not all(map(_ISO3.fullmatch, self.reach.split(";"))):
            expected = " or ".join((*REACHES, "codes such as AFG;PAK"))
            refused.append(("unknown reach of a scope", self.reach, expected))
        if not 0 <= self.delay_days < float("inf"):
            refused.append(("a delay is no number of days", self.delay_days, ">= 0"))
        for message, met, expected in refused[:1]:
            raise InputError(message, column="scope", met=met, expected=expected)

    def __str__(self) -> str:
        """Return the one line that :meth:`parse` reads."""
        since = "" if self.since is None else f"{self.since:%Y-%m-%d}"
        parts = (
            ",".join(self.layers) or "none",
            self.sectors and "sectors=" + ",".join(self.sectors),
            self.layers and f"reach={self.reach.replace(';', ',')}",
            self.deaths_only and "deaths",
            since and f"since={since}",
            self.delay_days and f"delay={self.delay_days:g}",
            self.inferred and "inferred",
        )
        return "; ".join(str(part) for part in parts if part)

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


@dataclass(frozen=True)
class ScopeRules:
    """What is known of a file's scope besides its rows and its feed.

    Parameters
    ----------
    given
        What the caller says; it outranks everything.
    beside
        What a file beside the file says; it outranks the feed.
    is_whole
        Whether all rows of the file are read at once, so that they may show it.

    Examples
    --------
    >>> ScopeRules.read("violence").given.reach
    'reports'
    """

    given: Scope | None = None
    beside: Scope | None = None
    is_whole: bool = True

    @classmethod
    def read(
        cls, given: Scope | str | None, *, path: str | Path | None = None, is_whole: bool = True
    ) -> ScopeRules:
        """Return the rules of what a caller says and of the file beside a file.

        Raises
        ------
        InputError
            When either holds an unknown word.
        """
        scope = Scope.parse(given, reach=STATED_REACH) if isinstance(given, str) else given
        beside = None if path is None else scope_path(path)
        found = read_scope(beside) if beside is not None and beside.is_file() else None
        return cls(scope, found, is_whole)


def scope_path(path: str | Path) -> Path:
    """Return where the scope of a file or folder of incidents is looked for.

    Examples
    --------
    >>> scope_path("incidents.csv").name, scope_path("incidents.csv.gz").name
    ('incidents.scope.toml', 'incidents.scope.toml')
    """
    path = Path(path)
    if path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    path = path if path.name else path.absolute()  # such as "."
    return path.parent / f"{path.stem}.scope.toml"


def read_scope(path: str | Path) -> Scope:
    r"""Read a scope from a TOML file.

    Parameters
    ----------
    path
        The file; its keys are ``layers``, ``sectors``, ``reach``, ``deaths_only``, ``since`` and
        ``delay_days``.

    Raises
    ------
    InputError
        When it is missing or no TOML, lacks its layers, or holds an unknown key or word.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "incidents.scope.toml"
    ...     _ = path.write_text('layers = ["foreign"]\nsectors = ["mining"]')
    ...     print(read_scope(path))
    foreign; sectors=mining; reach=reports
    """
    table = read_toml(path)
    if "layers" not in table:
        raise InputError("no layers", file=path, column="layers", expected='such as ["foreign"]')
    values: dict[str, Any] = {"reach": STATED_REACH}
    for key, value in table.items():
        try:
            values[key] = _value(key, value)
            Scope(**{key: values[key]})
        except InputError as error:
            raise InputError.of(error, file=path, column=key) from error
    return Scope(**values)


#: The keys of the file: of which types each may be, how a scope holds it, and what to expect.
_KEYS: Mapping[str, tuple[tuple[type, ...], Callable[[Any], Any], str]] = {
    "layers": ((list,), tuple, "a list of texts"),
    "sectors": ((list,), tuple, "a list of texts"),
    "reach": (
        (str, list),
        lambda value: value if isinstance(value, str) else ";".join(value),
        "a text, or a list of country codes",
    ),
    "deaths_only": ((bool,), bool, "true or false"),
    "since": ((date,), pd.Timestamp, "a day such as 2015-01-01"),
    "delay_days": ((int, float), float, "a number"),
}


def _value(key: str, value: Any) -> Any:
    """Return a value of the file as a scope holds it."""
    if key not in _KEYS:
        raise InputError("unknown key of a scope", expected=", ".join(_KEYS))
    types, hold, expected = _KEYS[key]
    texts = not isinstance(value, list) or all(isinstance(item, str) for item in value)
    if type(value) not in types or not texts:
        raise InputError("not what it must be", met=value, expected=expected)
    return hold(value)


def infer_scope(incidents: pd.DataFrame) -> Scope | None:
    """Return the scope that the rows of a file show, None when they show none.

    A file of at least :data:`LEAST_ROWS` usable rows of which nearly all say that foreign people
    were hit is a log of attacks on foreigners. No rows show that a file tells of all violence.

    Parameters
    ----------
    incidents
        The rows whose scope nobody states, all those of a file.

    Examples
    --------
    >>> rows = pd.DataFrame({"foreign_victims": [1, 2, 1, 3, 1], "quarantine_reason": [None] * 5})
    >>> print(infer_scope(rows), infer_scope(rows[:4]))
    foreign; reach=reports; inferred None
    """
    usable = incidents[incidents["quarantine_reason"].isna()]
    if "count" in usable:
        usable = usable[usable["count"].fillna(1) > 0]
    foreign = (usable["foreign_victims"].fillna(0) > 0).mean()
    if len(usable) < LEAST_ROWS or not foreign >= FOREIGN_SHARE:
        return None
    return Scope(("foreign",), reach=STATED_REACH, inferred=True)


def describe_scopes(counts: Mapping[str, int]) -> list[str]:
    r"""Return a line on each scope that a file's rows have, and how many have it.

    Parameters
    ----------
    counts
        Rows by scope; ``""`` where nobody states one and none could be inferred.

    Examples
    --------
    >>> print(*describe_scopes({"none": 3, "": 1}), sep="\n")
    none: heard, and never taken for silence (3 rows)
    not stated and can't be inferred: watched by nobody (1 row)
    """
    words = {
        "": "not stated and can't be inferred: watched by nobody",
        "none": "none: heard, and never taken for silence",
    }
    return [
        f"{words.get(scope, scope)} ({n:,} row{'' if n == 1 else 's'})"
        for scope, n in counts.items()
    ]


def find_gaps(
    days: NDArray[np.int64],
    until: int,
    *,
    recent_days: int = RECENT_DAYS,
    probability: float = SURE,
    least_days: float = LEAST_DAYS,
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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
