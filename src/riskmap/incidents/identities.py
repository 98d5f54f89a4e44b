"""Ids of incidents: those that a feed gives, and those made from what a row holds."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import pandas as pd

from riskmap.incidents.quarantines import describe

if TYPE_CHECKING:
    from riskmap.incidents.gates import RawTable
    from riskmap.incidents.quarantines import Quarantine


def make_source_ids(frame: pd.DataFrame, raw: RawTable, kept: list[str] | None) -> pd.Series:
    """Return ids within the feed: its own, or one made from what the feed reads of the row.

    Parameters
    ----------
    frame
        The rows as columns of the schema, with ``source_id``.
    raw
        The rows as their file writes them.
    kept
        The columns that the feed reads; all of them when None.

    Returns
    -------
    Series of str
        Equal rows without an id get the same sixteen digits, and ``-2``, ``-3`` behind them.
    """
    ids, ragged = frame["source_id"], raw.widths != len(raw.header)
    if ragged.any():
        ids = ids.mask(ragged, f"{raw.name}:" + pd.Series(raw.lines).astype("str"))
    blank = ids.isna()
    if not blank.any():
        return ids
    rows = raw.rows if kept is None else raw.rows[kept]
    made = _hash_rows(rows if blank.all() else rows[blank])
    twice = made[made.duplicated(keep=False)]
    again = twice.groupby(twice, sort=False).cumcount()
    later = again[again > 0]
    made.loc[later.index] += "-" + (later + 1).astype("str")
    return made if blank.all() else ids.fillna(made)


def make_incident_ids(frame: pd.DataFrame, quarantine: Quarantine) -> pd.Series:
    """Return unique ids; a row whose id stands on an earlier line goes to quarantine.

    Parameters
    ----------
    frame
        With ``source``, ``source_id`` and ``source_row``.
    quarantine
        Where rows whose id stands twice are noted.
    """
    sources = frame["source"].unique()
    ids = (sources[0] + ":" if len(sources) == 1 else frame["source"] + ":") + frame["source_id"]
    if ids.is_unique:
        return ids
    repeated = ids.duplicated().to_numpy()
    first = dict(zip(ids[~repeated], frame.loc[~repeated, "source_row"], strict=True))
    quarantine.add_details(
        repeated,
        "duplicate_id",
        lambda row: describe(
            "incident_id",
            ids.iloc[row],
            f"an id that does not stand on line {first[ids.iloc[row]]}",
        ),
    )
    made = ids.copy()
    while (again := made.duplicated()).any():
        made = made.mask(again, made + "#" + frame["source_row"].astype("str"))
    return made


def _hash_rows(rows: pd.DataFrame) -> pd.Series:
    """Return sixteen hexadecimal digits for the content of each row."""
    first, *others = (rows[name] for name in rows)
    joined = first
    for values in others:
        joined = joined + ("\x1f" + values)
    texts = joined.to_numpy(object)
    digits = b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts]).hex()
    made = [digits[i : i + 16] for i in range(0, len(digits), 16)]
    return pd.Series(made, index=rows.index, dtype="str")
