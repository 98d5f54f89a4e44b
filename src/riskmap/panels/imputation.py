"""Imputation: the panel that would have been counted, had nothing been lost or misunderstood."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.panels.counts import recount_evidence
from riskmap.panels.measures import (
    HARMLESS,
    NO_DAY,
    is_violence,
    leaves_victims_unclear,
    may_be_any,
)
from riskmap.panels.tallies import as_incidents
from riskmap.panels.windows import GRAIN, day_numbers, day_of
from riskmap.places.evidence import members_of, readings

if TYPE_CHECKING:
    from riskmap.panels.panel import Panel


def impute_lost(panel: Panel) -> Panel | None:
    """Return the panel as if what was set aside had counted; None where nothing was.

    A row that was set aside counts in its region, or in equal parts in those of its province; one
    that knows neither, nowhere. Without a readable day it is given one of its source's other
    reports, so that all of them are spread over time as those are. One that is spread over its
    province since nobody knows its district shows that its source may name each district of it;
    one that may be of two areas counts whole in either. Who was hit in words that are not
    understood is foreign, and what is of an unknown type without a toll is no attack, which teaches
    nothing of how many attacks hit foreigners.

    Parameters
    ----------
    panel : Panel
        With what was ``lost``.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts, table = rm.datasets.regions(), rm.datasets.incidents()
    >>> table.loc[90:99, "quarantine_reason"] = "bad_number"
    >>> panel = rm.count_incidents(rm.locate(table, districts), districts, as_of="2025-01-01")
    >>> whole = impute_lost(panel)
    >>> float(whole.frame["reports"].sum() - panel.frame["reports"].sum())
    10.0
    """
    evidence, lost = panel.evidence.drop(columns="relevance", errors="ignore"), _place_lost(panel)
    read = _read_strange(evidence)
    if lost.empty and read is evidence:
        return None
    hit = lost["foreign_victims"].mask(leaves_victims_unclear(lost), 1) if len(lost) else None
    both = pd.concat([read, lost.assign(foreign_victims=hit)], ignore_index=True)
    whole = recount_evidence(
        both,
        keys=panel.keys,
        neighbours=panel.neighbours,
        start=str(panel.edges[0]),
        as_of=f"{panel.as_of:%Y-%m-%d}",
        every=panel.every,
        group=panel.group,
    )
    return replace(whole, exposure=panel.exposure, breaks=panel.breaks, lead_days=panel.lead_days)


def _read_strange(incidents: pd.DataFrame) -> pd.DataFrame:
    """Return incidents in which words that are not understood mean the worst for foreigners."""
    unclear = leaves_victims_unclear(incidents)
    hit = incidents["foreign_victims"].mask(unclear, 1)
    harmless = incidents["event_type"].mask(may_be_any(incidents, "event_type"), HARMLESS[-1])
    found = incidents.assign(foreign_victims=hit, event_type=harmless)
    unsure = is_violence(incidents) & ~is_violence(found)
    return found if (unclear | unsure).any() else incidents


def _place_lost(panel: Panel) -> pd.DataFrame:
    """Return what was lost of regions and provinces as evidence."""
    lost = panel.lost
    if lost.empty:
        return pd.DataFrame()
    areas = lost["area"].map(readings)
    rows = lost.assign(area=areas, ways=areas.str.len()).explode("area", ignore_index=True)
    rows = rows[rows["area"].str.match("region_id=|parent_id=")]
    code, names = pd.factorize(rows["area"])
    members = [members_of(str(area), panel.keys) for area in names]
    iso3 = panel.keys["iso3"].fillna("").to_numpy(dtype=object)
    home = np.array([iso3[some[0]] if len(some) else "" for some in members], dtype=object)
    rows = _give_days(rows.assign(area=code, country=home[code]), panel)
    size = np.array([len(some) for some in members], dtype=float)[rows["area"]]
    row = np.repeat(np.arange(len(rows)), size.astype(np.int64))
    position = np.concatenate([np.empty(0, dtype=np.int64), *(members[i] for i in rows["area"])])
    spread, ways = rows["spread"].to_numpy(bool), rows["ways"].to_numpy(dtype=float)
    part = rows["reports"].to_numpy(dtype=float) / np.maximum(size * ways, 1.0)
    part = np.where(spread, np.maximum(part * (ways - 1.0), GRAIN), part)
    told = as_incidents(rows.take(row).reset_index(drop=True))
    return told.assign(
        incident_id=pd.Series(row, dtype="str") + " lost",
        region_id=panel.keys["region_id"].array.take(position),
        weight=part[row],
        method=np.where((size == 1) | spread, "named", "spread")[row],
    )


def _give_days(lost: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return lost rows, those without a day with days as their source's other reports have.

    The k-th of n of an area has the day of the report that stands as far on in their order.
    """
    undated = (lost["first"] == NO_DAY).to_numpy()
    rows = lost[undated]
    rows = rows.take(np.repeat(np.arange(len(rows)), rows["reports"].to_numpy(dtype=np.int64)))
    evidence = panel.evidence
    at = pd.Index(panel.keys["region_id"]).get_indexer(evidence["region_id"])
    country = panel.keys["iso3"].fillna("").to_numpy(dtype=object)[at]
    day = pd.Series(day_numbers(evidence["event_date"].to_numpy()), index=evidence.index)
    known = {
        key: np.sort(some) for key, some in day.groupby([evidence["source"].fillna(""), country])
    }
    yesterday = np.array([day_of(panel.as_of) - 1])
    by = rows.assign(source=rows["source"].fillna("")).groupby(["source", "area"])["reports"]
    rank = (by.cumcount() + 0.5) / by.transform("size")
    keys = zip(rows["source"].fillna(""), rows["country"], strict=True)
    own = [known.get(key, yesterday) for key in keys]
    given = [days[int(part * len(days))] for part, days in zip(rank, own, strict=True)]
    dated = rows.assign(first=given, last=given, reports=1)
    return pd.concat([lost[~undated], dated], ignore_index=True)
