"""Losses: rows that may tell of an incident and can't be used, and how many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskmap.incidents.coordinates import number_rows
from riskmap.ledgers import DECIDED, NO_LOSS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: What two rows of one id have in common when they are copies.
LIKE = ("event_date", "admin1", "admin2", "region_id", "place", "killed")


def are_lost(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows were quarantined and may tell of an incident that no other row tells of.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"date": ["2031-05-01", "soon"], "place": ["Kelda", "Kelda"]})
    >>> are_lost(rm.read_incidents(rows)).tolist()
    [False, True]
    """
    reason = incidents["quarantine_reason"]
    told = reason.notna() & ~reason.isin(NO_LOSS)
    return np.asarray(told.to_numpy() & ~_are_copies(incidents))


def _are_copies(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows whose id stands twice tell the same as the row that has it first."""
    again = np.flatnonzero(incidents["quarantine_reason"] == "duplicate_id")
    copies = np.zeros(len(incidents), dtype=bool)
    if not len(again):
        return copies
    ids = incidents["source"] + ":" + incidents["source_id"]
    number, _ = number_rows([ids, *(incidents[name] for name in LIKE)])
    kept = np.delete(number, again)
    copies[again] = np.isin(number[again], kept)
    return copies


def count_lost(incidents: pd.DataFrame) -> tuple[int, int]:
    """Return how many rows are lost, and of how many that tell of an incident.

    Copies, totals, and what readers of articles have decided are neither.

    Parameters
    ----------
    incidents
        Incidents table.

    Examples
    --------
    >>> import pandas as pd
    >>> import riskmap as rm
    >>> rows = pd.DataFrame({"date": ["2031-05-01", "soon", "TOTAL"], "place": ["Kelda"] * 3})
    >>> count_lost(rm.read_incidents(rows))
    (1, 2)
    """
    reason = incidents["quarantine_reason"]
    lost = are_lost(incidents) & ~reason.isin(DECIDED).to_numpy()
    return int(lost.sum()), int(lost.sum() + reason.isna().sum())
