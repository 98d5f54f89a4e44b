"""Links between reports: what may be one incident, found in runs of days and by how texts open.

The links of a table are those of its runs of whole days, with those of its texts' openings. So they
can be found a part at a time; rows that no chain of links joins are never one incident.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from rapidfuzz import utils

from riskmap.incidents.duplicates.pairs import (
    find_copies,
    find_reprints,
    name_copies,
    pairs_of_days,
    pairs_of_openings,
)
from riskmap.incidents.duplicates.points import TOLL

if TYPE_CHECKING:
    import geopandas as gpd

    from riskmap.typing import IntArray

#: What ``quarantine_reason`` says of a report whose incident is counted by another row.
DUPLICATE = "duplicate"
_OF, _WHY = "of ", r" \([^()]*\)$"


@dataclass(frozen=True)
class Links:
    """What may be one incident, by pairs of rows.

    Parameters
    ----------
    certain : ndarray of int, shape (n, 2)
        Copies and reprints.
    likely : ndarray of int, shape (m, 2)
        Rows that are one incident by their points, or would be if more were known of who was hit
        and who did it.
    copies : ndarray of int, shape (k,)
        Rows that are copies of another, and are compared with no more.
    """

    certain: IntArray
    likely: IntArray
    copies: IntArray


def find_links(table: gpd.GeoDataFrame, usable: IntArray) -> Links:
    """Return the links between rows of a table, by position.

    Parameters
    ----------
    table
        Incidents table in order (:func:`in_order`).
    usable
        Positions of the rows that can be reports of incidents.
    """
    days = link_days(table, usable)
    opened = link_openings(table, np.setdiff1d(usable, days.copies))
    return Links(
        days.certain, np.unique(np.concatenate([days.likely, opened]), axis=0), days.copies
    )


def link_days(table: gpd.GeoDataFrame, usable: IntArray) -> Links:
    """Return the links between rows of the same day or neighbouring days, by position.

    Parameters
    ----------
    table, usable
        As for :func:`find_links`; all rows of a run of days are enough to find their links.
    """
    rows, text, release = _among(table, usable)
    keys = name_copies(rows, text)
    copy_of = find_copies(rows, keys)
    is_copy = copy_of != np.arange(len(rows))
    copies = np.flatnonzero(is_copy)
    likely = pairs_of_days(rows, text, np.flatnonzero(~is_copy), release)
    reprints = find_reprints(rows, keys, copy_of)
    certain = np.concatenate([np.stack([copies, copy_of[copies]], axis=1), reprints])
    return Links(usable[certain], usable[likely], usable[copies])


def link_openings(table: gpd.GeoDataFrame, usable: IntArray) -> IntArray:
    """Return the pairs of rows whose texts open alike that are likely one incident, by position.

    Parameters
    ----------
    table, usable
        As for :func:`find_links`, without copies; all rows of some openings are enough.
    """
    rows, text, release = _among(table, usable)
    return usable[pairs_of_openings(rows, text, np.arange(len(rows)), release)]


def _among(
    table: gpd.GeoDataFrame, usable: IntArray
) -> tuple[gpd.GeoDataFrame, list[str], IntArray]:
    """Return some rows of a table, their texts in plain words and their releases."""
    rows = table.iloc[usable].reset_index(drop=True)
    return rows, plain_words(rows), find_releases(rows)


def plain_words(table: gpd.GeoDataFrame) -> list[str]:
    """Return the notes of each row in small letters, without signs."""
    return [utils.default_process(note) for note in table["notes"].fillna("").tolist()]


def find_releases(table: gpd.GeoDataFrame) -> IntArray:
    """Return a number for the release each row is of: a source's file, of articles each text."""
    return pd.factorize(pd.MultiIndex.from_frame(name_releases(table)))[0]


def name_releases(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return what tells releases apart."""
    text = table["source_id"].str.replace(r"-\d+$", "", regex=True)
    return pd.DataFrame(
        {
            "source": table["source"],
            "source_file": table["source_file"],
            "text": text.where(table["source"] == "article", ""),
        }
    )


def in_order(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the table by date and id, the newest of each id first, whatever order it came in."""
    table = incidents.reset_index(drop=True)
    by = ["event_date", "incident_id"]
    order = np.array(table.sort_values(by).index)
    is_twin = table.duplicated(by, keep=False).to_numpy()  # for the others, that was enough
    twins = table[is_twin]
    keys = twins.assign(
        refused=twins["quarantine_reason"].notna(),
        known=-twins.notna().sum(axis=1),
        where=shapely.to_wkt(twins.geometry.to_numpy(), rounding_precision=9),
    )
    by += ["refused", "ingested_at", "known", "source_file", "source_row", "notes", "where", *TOLL]
    newest = [name != "ingested_at" for name in by]
    order[is_twin[order]] = keys.sort_values(by, ascending=newest).index
    return table.iloc[order].reset_index(drop=True)


def lead_of(details: pd.Series) -> pd.Series:
    """Return the ids of the incidents that details of duplicates name.

    Examples
    --------
    >>> lead_of(pd.Series(["of wire:7 (same day, same place)", None])).tolist()
    ['wire:7', nan]
    """
    return details.str.removeprefix(_OF).str.replace(_WHY, "", regex=True)


def write_detail(lead: str, why: str) -> str:
    """Return the detail of a duplicate: the incident it is of, and what both rows agree on.

    Examples
    --------
    >>> write_detail("wire:7", "same day, same place")
    'of wire:7 (same day, same place)'
    """
    return f"{_OF}{lead} ({why})"


def find_earlier(table: gpd.GeoDataFrame) -> tuple[pd.Series, IntArray]:
    """Return which rows an earlier merge has marked, and for each row the one that stands for it.

    A mark whose incident is not in the table any more stays as it is.
    """
    first = table.reset_index().drop_duplicates("incident_id").set_index("incident_id")["index"]
    names = table["quarantine_detail"].where(table["quarantine_reason"] == DUPLICATE)
    found = lead_of(names).map(first)
    standing = table["quarantine_reason"].isna() | (table["quarantine_reason"] == DUPLICATE)
    marked = found.notna() & found.isin(table.index[standing])
    return marked, np.where(marked, found, table.index).astype(np.int64)
