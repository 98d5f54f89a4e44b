"""What each incident adds to each series of a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from riskmap.typing import IntArray

#: The series of a panel: all reports; serious incidents; those in which foreign people were hit or
#: targeted; deaths.
SERIES = ("reports", "violence", "foreign", "fatalities")

#: Event types that are no attack on anyone unless somebody was killed, wounded or abducted.
HARMLESS = ("unrest", "arrest", "other")


def measure(incidents: pd.DataFrame) -> dict[str, IntArray]:
    """Return what each incident adds to each series.

    Examples
    --------
    >>> import riskmap as rm
    >>> list(measure(rm.datasets.incidents()))
    ['reports', 'violence', 'foreign', 'fatalities']
    """
    toll = incidents[["killed", "wounded", "abducted"]].fillna(0).to_numpy(dtype=np.int64)
    harmless = incidents["event_type"].isin(HARMLESS).to_numpy() & (toll.sum(axis=1) == 0)
    return {
        "reports": np.ones(len(incidents), dtype=np.int64),
        "violence": (~harmless).astype(np.int64),
        "foreign": hits_foreigners(incidents).astype(np.int64),
        "fatalities": toll[:, 0],
    }


def hits_foreigners(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return in which incidents foreign people were hit or targeted, as far as is known."""
    abroad = incidents["nationality"].notna() & (incidents["nationality"] != incidents["country"])
    hit = (incidents["foreign_victims"].fillna(0) > 0).to_numpy(dtype=bool)
    return np.asarray(hit | abroad.to_numpy(dtype=bool))
