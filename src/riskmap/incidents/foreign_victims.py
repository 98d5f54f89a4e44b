"""What counts as violence, and what as an attack on foreigners; nothing else decides that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.schema import TOLLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.typing import IntArray, Relevance

#: Event types that are no attack on anyone unless somebody was killed, wounded or abducted.
HARMLESS = ("unrest", "arrest", "other")

#: Columns of words that say who was hit.
VICTIM_WORDS = ("nationality", "foreign_victims", "staff_type")


def is_violence(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which incidents are serious: attacks, and what killed, wounded or abducted somebody.

    A row that counts several is when any of them is, and one that counts none is not. A toll that
    is not understood is no zero.

    Examples
    --------
    >>> table = pd.DataFrame({"event_type": ["unrest", "unrest", None], "killed": [0, 1, None],
    ...                       "wounded": 0, "abducted": 0})
    >>> is_violence(table).tolist()
    [False, True, True]
    """
    unhurt = (incidents[list(TOLLS)].fillna(0).to_numpy(dtype=np.int64) == 0).all(axis=1)
    unhurt &= ~np.any([may_be_any(incidents, name) for name in TOLLS], axis=0)
    harmless = incidents["event_type"].isin(HARMLESS).to_numpy() & unhurt
    return np.asarray(~harmless & (count_of(incidents) > 0))


def hits_foreigners(incidents: pd.DataFrame, group: Relevance | None = None) -> NDArray[np.bool_]:
    """Return in which incidents foreign people were hit or targeted, as far as is known.

    One whose victims are of several nationalities hits foreigners when any of them is none of the
    country's. An attack that was aimed at foreigners, or at the group's sector, employer or site,
    is one whoever was hit. A row that counts several does when any of them does.

    Examples
    --------
    >>> import riskmap as rm
    >>> table = rm.datasets.incidents().head(3).assign(foreign_victims=[0, None, 0],
    ...     nationality=["XQA", "XQA;CHN", None], target=[None, None, "foreigners"])
    >>> hits_foreigners(table).tolist()
    [False, True, True]
    """
    hit = (incidents["foreign_victims"].fillna(0) > 0).to_numpy(dtype=bool)
    aimed = (incidents["target"] == "foreigners").to_numpy(dtype=bool)
    if "staff_type" in incidents:
        hit = hit | incidents["staff_type"].isin(["international", "mixed"]).to_numpy(dtype=bool)
    if group is not None:
        aimed = aimed | group.is_aimed_at(incidents)
    return np.asarray((hit | _is_abroad(incidents) | aimed) & (count_of(incidents) > 0))


def _is_abroad(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return in which incidents a victim's nationality is not the country's."""
    told = incidents["nationality"].notna().to_numpy()
    found = np.zeros(len(incidents), dtype=bool)
    if not told.any():
        return found
    a, nations = pd.factorize(incidents["nationality"][told])
    b, homes = pd.factorize(incidents["country"][told].fillna(""))
    pairs, code = np.unique(a * len(homes) + b, return_inverse=True)
    abroad = [
        any(one.strip().upper() != home for one in str(nation).split(";") if one.strip())
        for nation, home in zip(
            nations[pairs // len(homes)], homes[pairs % len(homes)], strict=True
        )
    ]
    found[told] = np.array(abroad, dtype=bool)[code]
    return found


def tells_victims(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which incidents tell whether foreign people were among the victims.

    One that names local people, and others in words that are in no list, does not. Nor does a row
    that counts several, unless it tells the number of foreign victims.

    Examples
    --------
    >>> import riskmap as rm
    >>> bool(tells_victims(rm.datasets.incidents()).all())
    True
    """
    named = incidents["nationality"].notna()
    if "staff_type" in incidents:
        named = named | incidents["staff_type"].notna()
    clear = ~leaves_victims_unclear(incidents) & is_incident(incidents)
    return np.asarray(incidents["foreign_victims"].notna() | (named & clear), dtype=bool)


def leaves_victims_unclear(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which incidents say who was hit in words that are in no list.

    Parameters
    ----------
    incidents
        As for :func:`may_be_any`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"not_understood": ["sector=dredgery", "nationality=?", None]})
    >>> leaves_victims_unclear(table).tolist()
    [False, True, False]
    """
    return np.any([may_be_any(incidents, name) for name in VICTIM_WORDS], axis=0)


def may_be_any(incidents: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    """Return which incidents state a value of a column that is in no list, so that it may be any.

    Parameters
    ----------
    incidents
        With ``not_understood``, or of a scan ``strange``; without them, all is understood.
    column
        ``"nationality"``, ``"sector"`` ...

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"not_understood": ["sector=dredgery", "toll=x; nationality=?", None]})
    >>> may_be_any(table, "nationality").tolist()
    [False, True, False]
    """
    names = [name for name in ("not_understood", "strange") if name in incidents]
    if not names or incidents[names[0]].isna().all():
        return np.zeros(len(incidents), dtype=bool)
    written = incidents[names[0]].astype("str")
    return written.str.contains(f"(?:^|; ){column}=", regex=True, na=False).to_numpy(bool)


def strange_targets(incidents: pd.DataFrame) -> pd.Series:
    """Return at whom incidents were aimed where that is in no list, as written; missing elsewhere.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"not_understood": ["toll=x; target=North pit", None]})
    >>> strange_targets(table).fillna("").tolist()
    ['North pit', '']
    """
    names = [name for name in ("not_understood", "strange") if name in incidents]
    written = (
        incidents[names[0]] if names else incidents["target"].mask(incidents["target"].notna())
    )
    return written.astype("str").str.extract(r"(?:^|; )target=([^;]*)", expand=False).astype("str")


def count_of(incidents: pd.DataFrame) -> IntArray:
    """Return how many incidents each row tells of: one, unless it counts them.

    Examples
    --------
    >>> count_of(pd.DataFrame({"count": [pd.NA, 0, 12]})).tolist()
    [1, 0, 12]
    """
    if "count" not in incidents:
        return np.ones(len(incidents), dtype=np.int64)
    return np.asarray(incidents["count"].astype("Int64").fillna(1).to_numpy(dtype=np.int64))


def is_incident(incidents: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are incidents, and no counts of a region and a period.

    Examples
    --------
    >>> is_incident(pd.DataFrame({"count": [pd.NA, 1]})).tolist()
    [True, False]
    """
    if "count" not in incidents:
        return np.ones(len(incidents), dtype=bool)
    return incidents["count"].isna().to_numpy(dtype=bool)
