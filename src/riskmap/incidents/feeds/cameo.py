"""CAMEO event codes, which GDELT and ICEWS share: which of them are incidents, and of what type.

Codes are text: ``0102`` is not 102. The longest prefix counts. Talk, aid and agreements (01 to 13,
15 and 16) are no incidents. Source: Schrodt, CAMEO Codebook 1.1b3 (2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmap.incidents.values import per_unique

if TYPE_CHECKING:
    import pandas as pd

#: Type of each code's prefix.
EVENT_TYPE = {
    "14": "unrest",
    "17": "other",
    "172": "other",
    "173": "arrest",
    "175": "assault",
    "18": "assault",
    "181": "abduction",
    "183": "explosion",
    "185": "armed_attack",
    "186": "armed_attack",
    "19": "battle",
    "191": "other",
    "192": "other",
    "194": "explosion",
    "195": "explosion",
    "20": "armed_attack",
}

#: Root codes of talk, aid, agreements and what is no violence.
TALK = tuple(f"{root:02}" for root in (*range(1, 14), 15, 16))

#: Reason of rows that are no incident.
NO_INCIDENT = {True: "no_incident", False: None}


def find_type(code: str) -> str | None:
    """Return the event type of a code; None when it is no incident.

    A code that the codebook lacks is an incident of a type that is not known.

    Examples
    --------
    >>> find_type("1831"), find_type("0102"), find_type("190"), find_type("x1")
    ('explosion', None, 'battle', 'unknown')
    """
    text = code.strip()
    if not text or text[:2] in TALK:
        return None
    return next((EVENT_TYPE[text[:n]] for n in (3, 2) if text[:n] in EVENT_TYPE), "unknown")


def find_types(codes: pd.Series) -> pd.Series:
    """Return the event types of a column of codes, missing where a code is no incident.

    Examples
    --------
    >>> import pandas as pd
    >>> find_types(pd.Series(["145", "042"])).tolist()
    ['unrest', nan]
    """
    return per_unique(codes, lambda code: find_type(str(code)))
