"""Duplicates: reports that tell of the same incident, within a feed and across feeds.

Reports are compared when they are of neighbouring days and close in space. What speaks for one
incident adds up, what speaks against it is taken off, and from
:data:`riskmap.incidents.duplicates.likeness.ENOUGH` points on two reports are one incident. Within
one release of a feed (one source and file; of articles, one text) rows are different incidents by
the feed's own word, however alike, unless nobody has curated it and they are copies or reprints: a
desk that files six attacks of a day under six ids has counted six. Whatever their points, reports
that state different districts or places, or tell of different things, stay two incidents
(:mod:`riskmap.incidents.duplicates.likeness`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.incidents.duplicates.candidates import DUPLICATE
from riskmap.incidents.duplicates.linked_rows import find_bins, merge_bin, read_rows, store_part
from riskmap.incidents.duplicates.merging import share_knowledge
from riskmap.schema import check_incidents

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["DUPLICATE", "merge_duplicates", "share_knowledge"]


def merge_duplicates(incidents: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Mark all but one report of each incident as a duplicate.

    Every row is kept. The report with the best known place and day stands for the incident; it
    takes over what only others know of who was hit and who did it, and counts its sources. The
    others get the ``quarantine_reason`` ``duplicate``, with the id of their incident and what both
    agree on in ``quarantine_detail``, so that :func:`riskmap.locate` counts them as merged. Rows
    with the same id of about the same days are one incident; all but one get a number behind it.

    The result does not depend on the order of rows, and merging it again changes nothing: what was
    one incident stays one, also when newer files are added.

    Parameters
    ----------
    incidents
        Incidents table, such as several read files in one; ids may occur more than once.

    Returns
    -------
    geopandas.GeoDataFrame
        The Incidents table, sorted by date and id. ``source_count`` is at least the number of
        different sources among an incident's reports: one source counts once however often it
        repeats itself. What only ``derive_victims`` knows gives way to what a feed says.

    Raises
    ------
    SchemaError
        When it is not an Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents()
    >>> merged = rm.merge_duplicates(pd.concat([table, table], ignore_index=True))
    >>> len(merged) - len(table), int(merged["quarantine_reason"].isna().sum()) - len(table)
    (416, 0)
    """
    numbers = pd.array([str(i) for i in range(len(incidents))], dtype="str")
    check_incidents(incidents.assign(incident_id=numbers))
    whole = [store_part(incidents, 0)]
    bins = find_bins(whole)
    linked = np.concatenate([np.empty(0, dtype=np.int64), *(one.rows for one in bins)])
    alone = read_rows(whole, np.setdiff1d(whole[0].number_rows(), linked))
    merged = pd.concat([alone, *(merge_bin(whole, one) for one in bins)], ignore_index=True)
    return merged.sort_values(["event_date", "incident_id"], kind="stable", ignore_index=True)
