"""Answers of another shape than expected, told as such.

Messages repeat what was met in full: whoever shows one takes the keys out first, then cuts it short
(:func:`plain`), so that no part of a key is left.
"""

from __future__ import annotations

from typing import Any

from riskmap.errors import ServiceError
from riskmap.incidents.feeds.mappings import key

_SHOWN = 300


def plain(text: str) -> str:
    r"""Return what a service says as one line of printable text, cut short.

    Examples
    --------
    >>> plain("no\x1b access")
    'no? access'
    """
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


def object_of(content: Any, service: str) -> dict[str, Any]:
    """Return an answer that is an object.

    Examples
    --------
    >>> object_of({"data": []}, "a service")
    {'data': []}
    """
    if not isinstance(content, dict):
        raise ServiceError(f"{service} answered a {type(content).__name__}, expected an object")
    return content


def list_of(answer: dict[str, Any], name: str, service: str) -> list[dict[str, Any]]:
    """Return the records that an answer holds under a name.

    Examples
    --------
    >>> list_of({"data": [{"id": 1}]}, "data", "a service")
    [{'id': 1}]
    """
    records = answer.get(name)
    if not isinstance(records, list):
        met = ", ".join(sorted(str(k) for k in answer))
        raise ServiceError(f"{service} answered no list {name!r}, met {met or 'nothing'}")
    if not all(isinstance(record, dict) for record in records):
        raise ServiceError(f"{service} answered records in {name!r} that are no objects")
    return records


def count_of(answer: dict[str, Any], name: str, service: str) -> int | None:
    """Return a count that an answer may state.

    Examples
    --------
    >>> count_of({"total": "12"}, "total", "a service"), count_of({}, "total", "a service")
    (12, None)
    """
    met = answer.get(name)
    if met is None:
        return None
    if isinstance(met, bool) or not str(met).isdecimal():
        raise ServiceError(f"{service} states {name} {str(met)!r}, expected a count")
    return int(met)


def check_columns(records: list[dict[str, Any]], columns: frozenset[str], service: str) -> None:
    """Raise unless records have the columns that they must have.

    Examples
    --------
    >>> check_columns([{"Event ID": 1}], frozenset({"event_id"}), "a service")
    """
    if not records:
        return
    met = {key(str(name)) for record in records for name in record}
    if missing := sorted(columns - met):
        shown = ", ".join(sorted(met))
        raise ServiceError(
            f"{service} has changed its columns: {', '.join(missing)} not among them; met {shown}"
        )
