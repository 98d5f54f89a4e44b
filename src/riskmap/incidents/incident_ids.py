"""Ids of incidents: the file's own, or made from what a row says; and ids that stand twice."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.incidents.duplicates.candidates import DUPLICATE, write_detail
from riskmap.incidents.quarantines import LIKE, describe
from riskmap.incidents.values import number_rows, repeat_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from riskmap.incidents.delimited import RawTable
    from riskmap.incidents.feeds.mappings import Feed
    from riskmap.incidents.quarantines import Quarantine


#: What a later release of counts has corrected, so that it is no part of an id.
_CORRECTED = ("count", "killed", "wounded", "abducted", "foreign_victims", "source_id")


def make_source_ids(frame: pd.DataFrame, raw: RawTable, feed: Feed) -> pd.Series:
    """Return ids within the feed: its own, or one made from what the feed reads of the row.

    Parameters
    ----------
    frame
        The rows as columns of the schema, with ``source_id``.
    raw
        The rows as their file writes them.
    feed
        The feed.

    Returns
    -------
    Series of str
        Equal rows without an id get the same sixteen digits, and ``-2``, ``-3`` behind them. Those
        of a row that counts incidents are of its place and period and not of its numbers, and an id
        that several such rows have is none of a row.
    """
    ids = (frame["source_id"] if "source_id" in frame else repeat_text(None, len(frame))).copy()
    counted, kept = frame["count"].notna(), feed.kept(raw.header)
    if counted.any():
        ids = ids.mask(counted & ids.isin(ids[counted & ids.duplicated()]))
        found = feed.sources_of(raw.header)
        corrected = {name for column in _CORRECTED for name in found.get(column, ())}
        kept = [name for name in kept or raw.rows.columns if name not in corrected]
    for row in raw.broken:
        ids[row] = f"{raw.name}:{raw.lines[row]}"
    blank = ids.isna()
    if not blank.any():
        return ids
    rows = raw.rows if kept is None else raw.rows[kept]
    if counted.any():  # what a table counts may stand in its file's name alone
        rows = rows.assign(**{"\x1f": frame["event_type"].fillna("").to_numpy(object)})
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


def join_sheets(
    tables: Sequence[gpd.GeoDataFrame], opened: Sequence[tuple[RawTable, Feed]]
) -> gpd.GeoDataFrame:
    """Return the tables of several sheets of a workbook as one.

    A sheet's own numbers begin anew, so that its name stands before them. A row whose like, under
    the same number, stands in an earlier sheet is its duplicate: sheets that sum up others repeat
    them.

    Parameters
    ----------
    tables
        The Incidents tables, in the order of the sheets.
    opened
        The header and feed of each.
    """
    table, lengths = pd.concat(tables, ignore_index=True), [len(one) for one in tables]
    sheet = pd.Series(np.repeat([raw.sheet for raw, _ in opened], lengths), dtype="str")
    is_own = np.repeat([feed.reads is None for _, feed in opened], lengths)
    number, first = number_rows([table["source"], table["source_id"], *(table[c] for c in LIKE)])
    elsewhere = (sheet != sheet.take(first[number]).to_numpy()).to_numpy()
    named = table["source_id"].mask(is_own, sheet + ":" + table["source_id"])
    ids = (table["source"] + ":" + named).where(is_own, table["incident_id"])
    again = ids.duplicated().to_numpy() & ~elsewhere
    where = "#" + sheet + ":" + table["source_row"].astype("str")
    ids = ids.mask(ids.duplicated(), ids + where)
    usable = table["quarantine_reason"].isna().to_numpy()
    leads = ids.take(first[number]).to_numpy()
    copied = [write_detail(lead, "the same row of another sheet") for lead in leads]
    reason, detail = (table[f"quarantine_{name}"] for name in ("reason", "detail"))
    return table.assign(
        source_id=named,
        incident_id=ids,
        quarantine_reason=reason.mask(usable & elsewhere, DUPLICATE).mask(
            usable & again, "duplicate_id"
        ),
        quarantine_detail=detail.mask(usable & elsewhere, pd.Series(copied, dtype="str")).mask(
            usable & again, "incident_id: met " + named + ", expected an id of its own"
        ),
    )
