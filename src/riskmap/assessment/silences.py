"""Silences: which sources report from where, and which reports have gone since the layer before.

Reports that were known then and are no longer there are seen one by one. Whether a source still
watches is told by :mod:`riskmap.panels.knowledge`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.layers import AUDIT_COLUMNS, SOURCE_COLUMNS
from riskmap.schema import conform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer

UNNAMED = "unnamed"

#: What is said of every region when reports that have gone can't be seen.
UNTOLD = "the layer before names no sources, so that reports that have gone can't be told"

#: A source that has lost more than this share of its known reports in a country is in doubt there;
#: less is what revisions do.
TOLERANCE = 0.01
#: A source that has lost more than this share of all its known reports is in doubt everywhere.
MOST = 0.5


def measure_sources(evidence: pd.DataFrame, *, as_of: str) -> pd.DataFrame:
    """Return how much each source has reported from each region, and how long ago.

    Parameters
    ----------
    evidence : DataFrame
        The incidents that were counted. What is known only to a province is no report from any one
        of its regions.
    as_of
        The day of the layer.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> measure_sources(panel.evidence, as_of="2025-01-01")["source"].unique().tolist()
    ['invented']
    """
    named = evidence[evidence["method"] != "spread"]
    table = named.assign(source=named["source"].fillna(UNNAMED))
    found = (
        table.groupby(["region_id", "source"], sort=True)
        .agg(reports=("weight", "sum"), last=("event_date", "max"))
        .reset_index()
    )
    days = (pd.Timestamp(as_of) - found["last"]).dt.days.astype("float64")
    return conform(found.assign(last_report_days=days).drop(columns="last"), SOURCE_COLUMNS)


def find_gone(
    evidence: pd.DataFrame, keys: pd.DataFrame, previous: RiskLayer
) -> tuple[frozenset[str], pd.DataFrame]:
    """Return the regions in doubt because reports that the layer before knew have gone.

    These are the regions that the reports named; all of a country in which a source has lost more
    than one in a hundred of its reports; and all there are, when a source has lost most of them.
    What was withdrawn or merged counts as gone: the next layer no longer misses it.

    Parameters
    ----------
    evidence : DataFrame
        The incidents that were counted.
    keys : DataFrame
        ``region_id, iso3``.
    previous : RiskLayer
        The layer before.

    Returns
    -------
    regions : frozenset of str
    audit : DataFrame
        A line for each of them.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> half = panel.evidence[panel.evidence["weight"].cumsum() % 2 < 1]
    >>> [len(find_gone(left, panel.keys, layer)[0]) for left in (half, panel.evidence)]
    [24, 0]
    """
    known = previous.incidents
    if known["source"].isna().all():  # published without sources: nothing can be told
        lines = pd.DataFrame({"region_id": keys["region_id"], "layer": "violence"})
        blind = lines.assign(rule="silence", detail=UNTOLD if len(known) else None)
        return frozenset(), conform(blind[blind["detail"].notna()], AUDIT_COLUMNS)
    source = known["source"].fillna(UNNAMED)
    gone = ~known["incident_id"].isin(known.loc[is_among(known, evidence), "incident_id"])
    lost = known["weight"].where(gone, 0.0)
    country = known["region_id"].map(keys.set_index("region_id")["iso3"]).fillna("")
    doubtful: dict[str, str] = {}
    for (name, iso3), share in _shares(lost, known["weight"], [source, country]).items():
        if share > TOLERANCE:
            where = keys.loc[keys["iso3"].fillna("") == iso3, "region_id"]
            doubtful |= dict.fromkeys(where, f"{name} has lost {share:.0%} of its reports here")
    for name, share in _shares(lost, known["weight"], [source]).items():
        if share > MOST:
            doubtful |= dict.fromkeys(keys["region_id"], f"{name} has lost {share:.0%} of all")
    named = known.loc[gone, "region_id"]
    for region in sorted(set(named) & set(keys["region_id"])):
        doubtful.setdefault(region, f"{int((named == region).sum())} known reports have gone")
    lines = [(region, "violence", "silence", why) for region, why in sorted(doubtful.items())]
    audit = pd.DataFrame(lines, columns=[column.name for column in AUDIT_COLUMNS])
    return frozenset(doubtful), conform(audit, AUDIT_COLUMNS)


def is_among(incidents: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which incidents stand among others: by their id, or as the same row of another file.

    A desk's log of the next week is another file, and where the file's name is the source its rows
    have other ids: one of the same number, day, region and type is the same incident.

    Examples
    --------
    >>> row = {"incident_id": ["wk2:7"], "source_id": ["7"], "event_type": ["explosion"],
    ...        "event_date": pd.to_datetime(["2024-12-03"]), "region_id": ["XQA0101"]}
    >>> old = pd.DataFrame(row)
    >>> is_among(old, old.assign(incident_id="wk3:7")).tolist()
    [True]
    """
    found = incidents["incident_id"].isin(others["incident_id"]).to_numpy()
    own, theirs = (
        pd.MultiIndex.from_frame(table[_ROW].astype({"event_date": "datetime64[us]"}))
        for table in (incidents, others)
    )
    numbered = incidents["source_id"].notna().to_numpy()
    return np.asarray(found | (numbered & own.isin(theirs)))


_ROW = ["source_id", "event_date", "region_id", "event_type"]


def _shares(lost: pd.Series, whole: pd.Series, by: list[pd.Series]) -> pd.Series:
    """Return the share that each group has lost."""
    sums = pd.DataFrame({"lost": lost, "whole": whole}).groupby([b.to_numpy() for b in by]).sum()
    return sums["lost"] / sums["whole"]


def flag_gone(risks: pd.DataFrame, gone: frozenset[str]) -> pd.DataFrame:
    """Return the risks with ``reporting_gap`` raised where known reports have gone.

    Parameters
    ----------
    risks : DataFrame
        Risks with what is known of each region.
    gone
        From :func:`find_gone`.

    Examples
    --------
    >>> risks = pd.DataFrame({"region_id": ["a", "b"], "reporting_gap": [False, False],
    ...                       "confidence": "high"})
    >>> flag_gone(risks, frozenset({"a"}))["confidence"].tolist()
    ['medium', 'high']
    """
    doubtful = risks["region_id"].isin(gone)
    return risks.assign(
        reporting_gap=risks["reporting_gap"] | doubtful,
        confidence=risks["confidence"].mask(doubtful & (risks["confidence"] == "high"), "medium"),
    )
