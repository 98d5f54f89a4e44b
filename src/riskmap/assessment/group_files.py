"""Groups as files: a TOML file to a :class:`WorkerGroup`, with an error for every unknown word."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmap.errors import InputError
from riskmap.panels.groups import RELEVANCE, WorkerGroup
from riskmap.panels.presence import Presence, Route, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        When the file is not TOML, a key or a code is unknown, or a value is not what it must be.
        Whether sites lie in the regions is seen when the risk is assessed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "group.toml"
    ...     _ = path.write_text('nationality = ["CHN"]\nsector = "mining"')
    ...     print(read_group(path))
    CHN/mining
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return _make_group(table)
    except InputError as error:
        raise InputError(
            error.message, file=path, column=error.column, met=error.met, expected=error.expected
        ) from error
    except ValueError as error:
        raise InputError("not a TOML file", file=path, met=str(error)) from error


def _make_group(table: Mapping[str, Any]) -> WorkerGroup:
    """Return the group that a table describes."""
    _check_keys(table, (*_KEYS, *_TABLES), where="the file")
    known: dict[str, Any] = {key: _text(table, key) for key in _KEYS[1:] if key in table}
    nations = table.get("nationality", ())
    sites = tuple(_make_site(row) for row in _rows(table, "sites"))
    named = {site.name: site for site in sites}
    relevance = table.get("relevance", {})
    if not isinstance(relevance, dict):
        raise InputError("not a table of weights", column="relevance", met=relevance)
    _check_keys(relevance, tuple(RELEVANCE), where="relevance")
    weights = {grade: _number(relevance, grade) for grade in relevance}
    return WorkerGroup(
        nationality=_nations(nations),
        sites=sites,
        routes=tuple(_make_route(row, named) for row in _rows(table, "routes")),
        presence=tuple(_make_presence(row) for row in _rows(table, "exposure")),
        all_foreigners=tuple(_make_presence(row) for row in _rows(table, "all_foreigners")),
        employers=_names(table.get("employers", ())),
        weights=tuple(weights.items()),
        **known,
    )


def _nations(value: Any) -> tuple[str, ...]:
    """Return a code or a list of codes as a tuple."""
    codes = [value] if isinstance(value, str) else value
    if not isinstance(codes, list | tuple) or not all(isinstance(code, str) for code in codes):
        raise InputError("not a code or a list of codes", column="nationality", met=value)
    return tuple(codes)


def _names(value: Any) -> tuple[str, ...]:
    """Return a list of names as a tuple."""
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError("not a list of names", column="employers", met=value)
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
    start, end = _day(row, "from"), _day(row, "until")
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
            raise InputError(f"unknown key in {where}", met=key, expected=", ".join(known))


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError("not a text", column=key, met=value)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(row: Mapping[str, Any], key: str) -> float:
    value = row.get(key)
    if not _is_number(value):
        raise InputError("not a number", column=key, met=value)
    return float(value)  # type: ignore[arg-type]


def _day(row: Mapping[str, Any], key: str) -> date | None:
    value = row.get(key)
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise InputError("not a calendar day", column=key, met=str(value), expected="YYYY-MM-DD")
