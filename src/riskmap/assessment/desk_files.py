"""Files of a desk, in TOML: what analysts have decided for a time, and groups of workers.

Every word of them that isn't understood is an error that says where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import InputError
from riskmap.panels.groups import RELEVANCE, Presence, Route, Site, WorkerGroup
from riskmap.schema import LAYERS
from riskmap.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: What clears all attacks of a region, or all its reports that have gone, instead of one by its id.
ATTACKED, GONE = "attacked", "gone"

#: How many days after ``as_of`` a decision may be taken and still count: a desk decides on a layer
#: some days after its day. One of a later day would clear what nobody can have looked at.
LATE_DAYS = 7

_NEEDED = ("region_id", "layer", "reason", "author")
_TEXTS = (*_NEEDED, "clears", "incident_id", "second_reader")


@dataclass(frozen=True)
class Decision:
    """A clearance: attacks, or reports that have gone, that no longer hold a region's level up.

    Parameters
    ----------
    region_id
        The region.
    layer
        The layer that it is about.
    clears
        ``"attacked"`` for all attacks of the region, ``"gone"`` for all its reports that have gone,
        or the ``incident_id`` of one.
    reason
        What was found out.
    author
        Who answers for it.
    until
        The first day on which it no longer counts.
    second_reader
        Who has looked at it besides the author.
    decided
        The day of the decision, needed where it clears all of a region: what became known later, or
        was missed later, it does not clear. It counts from :data:`LATE_DAYS` before it on.
    """

    region_id: str
    layer: str
    clears: str
    reason: str
    author: str
    until: date
    second_reader: str | None = None
    decided: date | None = None

    def __str__(self) -> str:
        """Return why, by whom and until when."""
        return f"{self.reason} ({self.author}, until {self.until:%Y-%m-%d})"

    def takes(
        self,
        key: str,
        region_id: str,
        layer: str,
        *,
        kind: str,
        known: pd.Timestamp,
        as_of: pd.Timestamp,
    ) -> bool:
        """Return whether it takes an incident from a region and layer on a day.

        Parameters
        ----------
        key
            The ``incident_id``.
        region_id, layer
            Where.
        kind
            :data:`ATTACKED` or :data:`GONE`.
        known
            The day on which the attack became known, or the report was missed.
        as_of
            The day.
        """
        of_all = self.clears == kind and self.decided is not None
        return (
            (self.region_id, self.layer) == (region_id, layer)
            and (of_all or self.clears == key)
            and self._is_looked_at(known, as_of)
            and as_of < pd.Timestamp(self.until)
        )

    def _is_looked_at(self, known: pd.Timestamp, as_of: pd.Timestamp) -> bool:
        """Return whether what became known on a day can have been looked at for the decision."""
        if self.decided is None:
            return True
        day = pd.Timestamp(self.decided)
        return bool(known <= day <= as_of + pd.Timedelta(days=LATE_DAYS))


def read_decisions(
    path: str | Path, *, region_ids: Iterable[str] | None = None
) -> tuple[Decision, ...]:
    r"""Read the decisions of analysts from a TOML file.

    Parameters
    ----------
    path
        The file: a ``[[decision]]`` for each, with the keys ``region_id``, ``layer``, ``reason``,
        ``author``, ``until``, either ``clears = "attacked"`` or ``"gone"`` with the day it was
        ``decided``, or ``incident_id``, and if there is one, ``second_reader``.
    region_ids
        The regions that there are; any when not given.

    Returns
    -------
    tuple of Decision
        In the order of the file.

    Raises
    ------
    InputError
        When the file is missing or no TOML, a key, layer or region is unknown, or a decision has no
        reason, author or end.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> text = '''[[decision]]
    ... region_id = "XQA0101"
    ... layer = "group"
    ... clears = "attacked"
    ... reason = "an accident at the mine, not an attack"
    ... author = "A. Analyst"
    ... decided = 2025-02-01
    ... until = 2025-04-01
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "decisions.toml"
    ...     _ = path.write_text(text)
    ...     read_decisions(path)[0].until
    datetime.date(2025, 4, 1)
    """
    table = read_toml(path)
    known = None if region_ids is None else frozenset(region_ids)
    try:
        _check_keys(table, ("decision",), where="the file")
        rows = enumerate(_rows(table, "decision"), start=1)
        return tuple(_make_decision(row, f" in decision {n}", known) for n, row in rows)
    except InputError as error:
        raise InputError.of(error, file=path) from error


def _make_decision(row: dict[str, Any], where: str, region_ids: frozenset[str] | None) -> Decision:
    """Return the decision that a table describes."""
    _check_keys(row, (*_TEXTS, "until", "decided"), where=where.removeprefix(" in "))
    texts = {key: _text(row, key, where) for key in _TEXTS if key in row or key in _NEEDED}
    until = _day(row, "until", where)
    if texts["layer"] not in LAYERS:
        met, expected = texts["layer"], ", ".join(LAYERS)
        raise InputError(f"unknown layer{where}", column="layer", met=met, expected=expected)
    if region_ids is not None and texts["region_id"] not in region_ids:
        raise InputError(f"unknown region{where}", column="region_id", met=texts["region_id"])
    one, every = texts.pop("incident_id", None), texts.pop("clears", None)
    if (one is None) == (every is None) or every not in (None, ATTACKED, GONE):
        expected = f'clears = "{ATTACKED}" or "{GONE}", or an incident_id'
        raise InputError(
            f"not what it clears{where}", column="clears", met=every, expected=expected
        )
    dated = every is not None or "decided" in row
    decided = _day(row, "decided", where) if dated else None
    return Decision(clears=one or every or "", until=until, decided=decided, **texts)


#: Days of a worker-year.
YEAR_DAYS = 365.25

_KEYS = ("nationality", "sector", "staff_type", "visibility", "movement")
_TABLES = ("relevance", "sites", "routes", "exposure", "all_foreigners", "employers")


def read_group(path: str | Path) -> WorkerGroup:
    r"""Read a group of workers from a TOML file.

    Parameters
    ----------
    path
        The file; its format is described in ``docs/groups.md``.

    Returns
    -------
    WorkerGroup

    Raises
    ------
    InputError
        When the file is missing or no TOML, a key or a code is unknown, or a value is not what it
        must be. Whether sites lie in the regions is seen when the risk is assessed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pathlib import Path
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "group.toml"
    ...     _ = path.write_text('nationality = ["CHN"]\nsector = "mining"')
    ...     print(read_group(path))
    CHN/mining
    """
    table = read_toml(path)
    try:
        return _make_group(table)
    except InputError as error:
        raise InputError.of(error, file=path) from error


def _make_group(table: Mapping[str, Any]) -> WorkerGroup:
    """Return the group that a table describes."""
    _check_keys(table, (*_KEYS, *_TABLES), where="the file")
    known: dict[str, Any] = {key: _text(table, key) for key in _KEYS[1:] if key in table}
    if isinstance(table.get("nationality"), str):
        table = {**table, "nationality": [table["nationality"]]}
    sites = tuple(_make_site(row) for row in _rows(table, "sites"))
    named = {site.name: site for site in sites}
    relevance = table.get("relevance", {})
    if not isinstance(relevance, dict):
        raise InputError("not a table of weights", column="relevance", met=relevance)
    _check_keys(relevance, tuple(RELEVANCE), where="relevance")
    weights = {grade: _number(relevance, grade) for grade in relevance}
    return WorkerGroup(
        nationality=_texts(table, "nationality", what="a code or a list of codes"),
        sites=sites,
        routes=tuple(_make_route(row, named) for row in _rows(table, "routes")),
        presence=tuple(_make_presence(row) for row in _rows(table, "exposure")),
        all_foreigners=tuple(_make_presence(row) for row in _rows(table, "all_foreigners")),
        employers=_texts(table, "employers", what="a list of names"),
        weights=tuple(weights.items()),
        **known,
    )


def _texts(table: Mapping[str, Any], key: str, *, what: str) -> tuple[str, ...]:
    """Return a list of texts as a tuple."""
    value = table.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise InputError(f"not {what}", column=key, met=value)
    return tuple(value)


def _make_site(row: Mapping[str, Any]) -> Site:
    _check_keys(row, ("name", "lon", "lat"), where="sites")
    return Site(_text(row, "name"), _number(row, "lon"), _number(row, "lat"))


def _make_route(row: Mapping[str, Any], sites: Mapping[str, Site]) -> Route:
    """Return a route whose stops are names of sites or pairs of longitude and latitude."""
    _check_keys(row, ("name", "via"), where="routes")
    name = _text(row, "name")
    via = row.get("via")
    if not isinstance(via, list):
        raise InputError("a route needs its stops", column="via", met=via, expected="a list")
    stops = []
    for stop in via:
        if isinstance(stop, str) and stop in sites:
            stops.append(sites[stop])
        elif isinstance(stop, list) and len(stop) == 2 and all(map(_is_number, stop)):  # noqa: PLR2004 - a pair
            stops.append(Site(name, float(stop[0]), float(stop[1])))
        else:
            raise InputError(
                f"route {name!r} has a stop that is none",
                column="via",
                expected="the name of a site, or [lon, lat]",
            )
    return Route(name, tuple(stops))


def _make_presence(row: Mapping[str, Any]) -> Presence:
    """Return exposure from a headcount, or from the worker-years of a closed period."""
    _check_keys(row, ("region_id", "headcount", "worker_years", "from", "until"), where="exposure")
    region = _text(row, "region_id")
    start, end = (_day(row, key) if key in row else None for key in ("from", "until"))
    if ("headcount" in row) == ("worker_years" in row):
        raise InputError(
            f"exposure in {region} is not told",
            column="exposure",
            expected="headcount, or worker_years with from and until",
        )
    if "headcount" in row:
        return Presence(region, _number(row, "headcount"), start, end)
    if start is None or end is None or start >= end:
        raise InputError(
            f"worker-years in {region} lack their period",
            column="exposure",
            expected="from and a later until",
        )
    years = (end - start).days / YEAR_DAYS
    return Presence(region, _number(row, "worker_years") / years, start, end)


def _rows(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    rows = table.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("not a list of tables", column=key, expected=f"[[{key}]]")
    return rows


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], *, where: str) -> None:
    for key in table:
        if key not in known:
            expected = ", ".join(known)
            raise InputError(f"unknown key in {where}", column=key, met=key, expected=expected)


def _text(row: Mapping[str, Any], key: str, where: str = "") -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"not a text{where}", column=key, met=value)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(row: Mapping[str, Any], key: str) -> float:
    value = row.get(key)
    if not _is_number(value):
        raise InputError("not a number", column=key, met=value)
    return float(value)  # type: ignore[arg-type]


def _day(row: Mapping[str, Any], key: str, where: str = "") -> date:
    value = row.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    met = None if value is None else str(value)
    raise InputError(f"not a calendar day{where}", column=key, met=met, expected="YYYY-MM-DD")
