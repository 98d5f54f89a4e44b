"""Contexts: of when, of whom and how made a layer is; and a loud word to those who read it late.

Files say so as text, which is read here and nowhere else.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import RiskmapWarning
from riskmap.panels.windows import EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

#: A layer is stale when so many windows have passed and it was not made again.
STALE_WINDOWS = 2

#: What is compared to see whether levels are made the way they were.
BOUNDARY = ("boundary_source", "boundary_version")
METHOD = ("method_version", "model", "scale_id", *BOUNDARY)


@dataclass(frozen=True)
class Context:
    """Of when, of whom and how made a layer or forecast is.

    Parameters
    ----------
    as_of
        The day it was made for.
    horizon_days
        How far it looks ahead.
    every
        The length of its windows.
    history_start
        The first day of its first window.
    valid_until, stale_after
        When it expires, and when it should have been made again.
    previous_as_of
        The day of the layer that it was compared with.
    group
        The group of its layer ``group``, as text.
    relevance
        What grades of relevance weigh.
    sources_of_record
        The sources that a layer has nothing to rest on beside.
    method
        :data:`METHOD`, by name.
    is_public
        Whether it is what anybody may see.
    is_whole
        Whether it carries all incidents that counted.
    """

    as_of: pd.Timestamp
    horizon_days: float
    every: str = "month"
    history_start: pd.Timestamp | None = None
    valid_until: pd.Timestamp | None = None
    stale_after: pd.Timestamp | None = None
    previous_as_of: pd.Timestamp | None = None
    group: str | None = None
    relevance: Mapping[str, Any] = field(default_factory=dict)
    sources_of_record: Mapping[str, frozenset[str]] = field(default_factory=dict)
    method: Mapping[str, str | None] = field(default_factory=dict)
    is_public: bool = False
    is_whole: bool = True

    @classmethod
    def read(cls, provenance: Mapping[str, Any]) -> Context:
        """Return what the provenance of a layer or forecast says.

        Examples
        --------
        >>> known = {"as_of": "2025-01-31", "horizon_days": 90, "model": "a"}
        >>> found = Context.read(known)
        >>> found.as_of.day, found.valid_until, found.method["model"]
        (31, None, 'a')
        """
        names = ("history_start", "valid_until", "stale_after", "previous_as_of")
        times = {name: pd.Timestamp(provenance[name]) for name in names if provenance.get(name)}
        record = provenance.get("sources_of_record") or {}
        return cls(
            as_of=pd.Timestamp(provenance["as_of"]),
            horizon_days=float(provenance["horizon_days"]),
            every=provenance.get("every", "month"),
            group=provenance.get("group"),
            relevance=provenance.get("relevance") or {},
            sources_of_record={layer: frozenset(names) for layer, names in record.items()},
            method={name: provenance.get(name) for name in METHOD},
            is_public=provenance.get("profile") == "public",
            is_whole=not provenance.get("incidents_left_out"),
            **times,
        )

    def differs(self, other: Context, names: tuple[str, ...] = METHOD) -> list[str]:
        """Return what of the method is another one.

        Examples
        --------
        >>> old, new = (Context(pd.Timestamp(0), 90, method={"model": name}) for name in "ab")
        >>> new.differs(old)
        ['model']
        """
        return [name for name in names if self.method.get(name) != other.method.get(name)]


def describe_validity(context: Context) -> dict[str, str]:
    """Return from when until when a layer is valid, as RFC 3339 texts; no clock is read.

    Parameters
    ----------
    context
        Of the layer. It has expired after its horizon. Its windows are how often it should be made
        again: it is stale after two of them, and at the latest when it has expired.

    Returns
    -------
    dict
        ``issued_at, valid_from, valid_until, stale_after``.

    Examples
    --------
    >>> found = describe_validity(Context(pd.Timestamp("2025-01-31"), 90, "month"))
    >>> found["stale_after"], found["valid_until"]
    ('2025-03-31T00:00:00Z', '2025-05-01T00:00:00Z')
    """
    as_of, until = context.as_of, context.as_of + pd.Timedelta(days=context.horizon_days)
    unit, length = EVERY[context.every]
    step = {"days" if unit == "D" else "months": STALE_WINDOWS * length}
    stale = min(as_of + pd.DateOffset(**step), until)
    return {
        "issued_at": _text(as_of),
        "valid_from": _text(as_of),
        "valid_until": _text(until),
        "stale_after": _text(stale),
    }


def check_validity(
    context: Context, *, today: str | date | None = None, stacklevel: int = 2
) -> str:
    """Say whether a layer still speaks of a day, and warn loudly when it doesn't.

    Parameters
    ----------
    context
        Of a layer.
    today
        The day of reading; the clock's day in UTC when None. Nothing but the warning depends on it.
    stacklevel
        Whose line the warning names, as in :func:`warnings.warn`.

    Returns
    -------
    str
        ``"valid"``, ``"stale"``, ``"expired"``, or ``"unknown"`` when the layer doesn't say.

    Warns
    -----
    RiskmapWarning
        When the layer is stale or has expired.

    Examples
    --------
    >>> until = pd.Timestamp("2025-04-01", tz="UTC")
    >>> check_validity(Context(until, 90, valid_until=until), today="2025-02-01")
    'valid'
    """
    until, stale = context.valid_until, context.stale_after
    if until is None:
        return "unknown"
    now = pd.Timestamp.now("UTC") if today is None else pd.Timestamp(today)
    now = now.tz_localize("UTC") if now.tzinfo is None else now
    if now >= until:
        state = "expired"
        text = f"was valid until {_text(until)}; its levels say nothing of {now:%Y-%m-%d}. "
        text += "Assess again before anyone relies on it."
    elif stale is not None and now >= stale:
        state = "stale"
        text = f"should have been made again by {_text(stale)}; "
        text += "it does not know what happened since it was issued."
    else:
        return "valid"
    warnings.warn(f"{state.upper()}: this layer {text}", RiskmapWarning, stacklevel=stacklevel)
    return state


def _text(instant: pd.Timestamp) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
