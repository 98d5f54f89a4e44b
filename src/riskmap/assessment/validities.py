"""Validity: until when a layer speaks, and a loud word to those who read it later."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import RiskmapWarning
from riskmap.panels.windows import EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

#: A layer is stale when so many windows have passed and it was not made again.
STALE_WINDOWS = 2


def describe_validity(as_of: pd.Timestamp, *, horizon_days: float, every: str) -> dict[str, str]:
    """Return from when until when a layer is valid, as RFC 3339 texts; no clock is read.

    Parameters
    ----------
    as_of
        The day the layer was made for.
    horizon_days
        How far it looks ahead; then it has expired.
    every
        The length of its windows, which is how often it should be made again. It is stale after
        two of them, and at the latest when it has expired.

    Returns
    -------
    dict
        ``issued_at, valid_from, valid_until, stale_after``.

    Examples
    --------
    >>> found = describe_validity(pd.Timestamp("2025-01-31"), horizon_days=90, every="month")
    >>> found["stale_after"], found["valid_until"]
    ('2025-03-31T00:00:00Z', '2025-05-01T00:00:00Z')
    """
    until = as_of + pd.Timedelta(days=horizon_days)
    unit, length = EVERY[every]
    step = {"days" if unit == "D" else "months": STALE_WINDOWS * length}
    stale = min(as_of + pd.DateOffset(**step), until)
    return {
        "issued_at": _text(as_of),
        "valid_from": _text(as_of),
        "valid_until": _text(until),
        "stale_after": _text(stale),
    }


def check_validity(
    provenance: Mapping[str, Any], *, today: str | date | None = None, stacklevel: int = 2
) -> str:
    """Say whether a layer still speaks of a day, and warn loudly when it doesn't.

    Parameters
    ----------
    provenance
        Of a layer, with ``valid_until`` and ``stale_after``.
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
    >>> check_validity({"valid_until": "2025-04-01T00:00:00Z"}, today="2025-02-01")
    'valid'
    """
    until, stale = provenance.get("valid_until"), provenance.get("stale_after")
    if until is None:
        return "unknown"
    now = pd.Timestamp.now("UTC") if today is None else pd.Timestamp(today)
    now = now.tz_localize("UTC") if now.tzinfo is None else now
    if now >= pd.Timestamp(until):
        warnings.warn(
            f"EXPIRED: this layer was valid until {until}; its levels say nothing of "
            f"{now:%Y-%m-%d}. Assess again before anyone relies on it.",
            RiskmapWarning,
            stacklevel=stacklevel,
        )
        return "expired"
    if stale is not None and now >= pd.Timestamp(stale):
        warnings.warn(
            f"STALE: this layer should have been made again by {stale}; it does not know what "
            "happened since it was issued.",
            RiskmapWarning,
            stacklevel=stacklevel,
        )
        return "stale"
    return "valid"


def _text(instant: pd.Timestamp) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
