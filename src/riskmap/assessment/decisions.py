"""Decisions: what an analyst has found out and answers for, for a time; read from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import InputError
from riskmap.schema import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What clears all attacks of a region, or all its reports that have gone, instead of one by its id.
ATTACKED, GONE = "attacked", "gone"

#: How many days after ``as_of`` a decision may be taken and still count: a desk decides on a layer
#: some days after its day. One of a later day would clear what nobody can have looked at.
LATE_DAYS = 7

_TEXTS = ("region_id", "layer", "clears", "incident_id", "reason", "author", "second_reader")
_DAYS = ("until", "decided")
_NEEDED = ("region_id", "layer", "reason", "author")


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
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("not a TOML file", file=path, met=str(error)) from error
    known = None if region_ids is None else frozenset(region_ids)
    try:
        return _read_rows(table, known)
    except InputError as error:
        raise InputError(
            error.message, file=path, column=error.column, met=error.met, expected=error.expected
        ) from error


def _read_rows(table: dict[str, Any], region_ids: frozenset[str] | None) -> tuple[Decision, ...]:
    """Return the decisions that a table describes."""
    rows = table.pop("decision", [])
    for key in table:
        raise InputError("unknown key", column=key, expected="[[decision]]")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("not a list of tables", column="decision", expected="[[decision]]")
    return tuple(_read_row(row, number, region_ids) for number, row in enumerate(rows, start=1))


def _read_row(row: dict[str, Any], number: int, region_ids: frozenset[str] | None) -> Decision:
    """Return the decision that a table describes."""
    where = f"in decision {number}"
    for key in row:
        if key not in (*_TEXTS, *_DAYS):
            expected = ", ".join((*_TEXTS, *_DAYS))
            raise InputError(f"unknown key {where}", column=key, expected=expected)
    texts = {key: row[key] for key in _TEXTS if key in row}
    for key in dict.fromkeys((*_NEEDED, *texts)):
        if not isinstance(texts.get(key), str) or not texts[key].strip():
            raise InputError(f"no text {where}", column=key, met=texts.get(key))
    until = _read_day(row, "until", where=f"no end {where}")
    if texts["layer"] not in LAYERS:
        met, expected = texts["layer"], ", ".join(LAYERS)
        raise InputError(f"unknown layer {where}", column="layer", met=met, expected=expected)
    if region_ids is not None and texts["region_id"] not in region_ids:
        raise InputError(f"unknown region {where}", column="region_id", met=texts["region_id"])
    one, every = texts.pop("incident_id", None), texts.pop("clears", None)
    if (one is None) == (every is None) or every not in (None, ATTACKED, GONE):
        expected = f'clears = "{ATTACKED}" or "{GONE}", or an incident_id'
        raise InputError(
            f"not what it clears {where}", column="clears", met=every, expected=expected
        )
    decided = None
    if every is not None or "decided" in row:
        decided = _read_day(row, "decided", where=f"no day {where}")
    return Decision(clears=one or every or "", until=until, decided=decided, **texts)


def _read_day(row: dict[str, Any], key: str, *, where: str) -> date:
    """Return a day of a decision, or raise and say which is missing."""
    day = row.get(key)
    if not isinstance(day, date) or isinstance(day, datetime):
        met = None if day is None else str(day)
        raise InputError(where, column=key, met=met, expected="a day: 2025-04-01")
    return day
