"""Missing reports: which have gone since the layer before.

Reports that were known then and are no longer there are seen one by one. Whether a source still
watches is told by :mod:`riskmap.panels.knowledge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.desk_files import GONE
from riskmap.assessment.layers import (
    AUDIT_COLUMNS,
    GONE_COLUMNS,
    LAYERS,
    audit_of,
    empty_table,
)
from riskmap.incidents.foreign_victims import hits_foreigners, is_violence
from riskmap.panels.doubts import LEAST_LOST, find_doubts
from riskmap.panels.groups import THEIRS
from riskmap.panels.lapses import default_rules
from riskmap.schema import conform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from riskmap.assessment.desk_files import Decision
    from riskmap.assessment.layers import RiskLayer

UNNAMED = "unnamed"
#: Days are counted from this one.
_FIRST_DAY = pd.Timestamp("1970-01-01")

#: What is said of every region when reports that have gone can't be seen.
UNTOLD = "the layer before names no sources, so that reports that have gone can't be told"

#: A source that has lost more than this share of its known reports in a country since the layer
#: before is in doubt there; less is what revisions do.
TOLERANCE = 0.01
#: A source that has lost more than this share of all its known reports is in doubt everywhere.
MOST = 0.5
#: What a source has lost in so many regions, or in this share of those that it names, is doubted
#: there alone.
FEW, FEW_SHARE = 3, 0.1


@dataclass(frozen=True)
class Gone:
    """Which regions and layers are in doubt, why, and the reports that are missed.

    Parameters
    ----------
    doubtful : frozenset of (str, str)
        ``region_id`` and ``layer`` of each that is in doubt.
    audit : DataFrame
        A line for each region of them, and for each decision that clears some.
    reports : DataFrame
        :data:`riskmap.assessment.layers.GONE_COLUMNS`: what the next layer misses too.
    """

    doubtful: frozenset[tuple[str, str]]
    audit: pd.DataFrame
    reports: pd.DataFrame


def find_gone(
    evidence: pd.DataFrame,
    keys: pd.DataFrame,
    previous: RiskLayer,
    *,
    as_of: pd.Timestamp,
    decisions: Sequence[Decision] = (),
) -> Gone:
    """Return what is in doubt because reports that an earlier layer knew have gone.

    A report that has gone since the layer before casts doubt on the region that it named. A source
    that has lost more than one in a hundred of its reports in a country, and in more than a few of
    its regions, is in doubt in all of that country; one that has lost most of them, everywhere.

    So does one that is told otherwise now, under the same id: of another region, of another time,
    or of local people where foreigners were hit. A report is missed until it comes back, another of
    its day and region is told under a new id, somebody clears it, or ``lost_days`` of
    ``data/knowledge/default.toml`` have passed. So long what is missed casts doubt as rows do that
    were set aside (:func:`riskmap.panels.doubts.find_doubts`): where it is more than a tenth of a
    region's or country's reports. Less is what revisions do.

    Parameters
    ----------
    evidence : DataFrame
        The incidents that were counted.
    keys : DataFrame
        ``region_id, iso3``.
    previous : RiskLayer
        The layer before.
    as_of
        The day of the layer.
    decisions
        Those that clear reports that have gone.

    Returns
    -------
    Gone

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> half = panel.evidence[panel.evidence["weight"].cumsum() % 2 < 1]
    >>> found = [find_gone(left, panel.keys, layer, as_of=panel.as_of)
    ...          for left in (half, panel.evidence)]
    >>> [len({region for region, _ in gone.doubtful}) for gone in found]
    [24, 0]
    """
    known = _list_known(previous, keys, as_of=as_of)
    if known["source"].eq(UNNAMED).all():  # published without sources: nothing can be told
        ids = keys["region_id"] if len(known) else ()
        untold = audit_of((region, "violence", "silence", UNTOLD) for region in ids)
        return Gone(frozenset(), untold, empty_table(GONE_COLUMNS))
    here = known["incident_id"].isin(known.loc[is_among(known, evidence), "incident_id"])
    here &= ~_is_changed(known, evidence)
    if here.all():
        return Gone(frozenset(), empty_table(AUDIT_COLUMNS), empty_table(GONE_COLUMNS))
    fresh = evidence[~is_among(evidence, known)]
    if len(fresh):
        here[_told_by_others(known[~here], fresh)] = True
    again = pd.MultiIndex.from_frame(known[_SAME]).isin(pd.MultiIndex.from_frame(fresh[_SAME]))
    lost = known[~here & (known["new"] | ~again)]
    told = _sum_up(evidence, keys)
    doubts: dict[tuple[str, str], str] = {}
    cleared: dict[tuple[str, ...], None] = {}
    for layer in LAYERS:
        free, lines = _clear(lost, layer, decisions, as_of=as_of)
        cleared |= dict.fromkeys(lines)
        left = lost[free]
        found = _doubt_regions(left, told, keys, layer=layer, as_of=as_of)
        found |= _doubt_sources(known, left[left["new"]], keys)
        doubts |= {(region, layer): why for region, why in found.items()}
    first = {region: (region, layer) for region, layer in reversed(doubts)}
    lines = [(*first[region], "silence", doubts[first[region]]) for region in sorted(first)]
    missed = lost.loc[~again[lost.index], [column.name for column in GONE_COLUMNS]]
    reports = conform(missed, GONE_COLUMNS).reset_index(drop=True)
    return Gone(frozenset(doubts), audit_of([*lines, *cleared]), reports)


def _list_known(previous: RiskLayer, keys: pd.DataFrame, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the reports that an earlier layer knew; ``new`` are those of the layer before."""
    until = as_of + pd.Timedelta(days=default_rules().lost_days)
    told = previous.incidents
    told = told.assign(until=until, new=True, **_kinds(told))
    missed = previous.gone[previous.gone["until"] > as_of].assign(new=False, confirmed_by=None)
    names = [*(column.name for column in GONE_COLUMNS), "new", "confirmed_by"]
    known = (
        pd.concat([told[names], missed[names]], ignore_index=True) if len(missed) else told[names]
    )
    return known.reset_index(drop=True).assign(
        source=known["source"].fillna(UNNAMED).array,
        country=known["region_id"].map(keys.set_index("region_id")["iso3"]).fillna("").array,
    )


def _clear(
    lost: pd.DataFrame, layer: str, decisions: Sequence[Decision], *, as_of: pd.Timestamp
) -> tuple[NDArray[np.bool_], list[tuple[str, ...]]]:
    """Return which reports that have gone nobody has cleared for a layer, and who has others."""
    free = np.ones(len(lost), dtype=bool)
    lines: list[tuple[str, ...]] = []
    for one in decisions:
        days = pd.Timedelta(days=default_rules().lost_days)
        taken = [
            one.takes(key, region, layer, kind=GONE, known=until - days, as_of=as_of)
            for key, region, until in lost[["incident_id", "region_id", "until"]].to_numpy()
        ]
        if any(taken):
            free &= ~np.array(taken, dtype=bool)
            lines.append((one.region_id, layer, "cleared", str(one)))
    return free, lines


def _doubt_sources(known: pd.DataFrame, lost: pd.DataFrame, keys: pd.DataFrame) -> dict[str, str]:
    """Return the regions of sources that have just lost many reports in more than a few regions."""
    doubts: dict[str, str] = {}
    for by, most, where in (
        (["source", "country"], TOLERANCE, "its reports here"),
        (["source"], MOST, "all"),
    ):
        spots = lost.groupby([*by, "region_id"])["weight"].sum() >= LEAST_LOST
        table = pd.DataFrame(
            {
                "share": lost.groupby(by)["weight"].sum() / known.groupby(by)["weight"].sum(),
                "spots": spots.groupby(level=by).sum(),
                "named": known.groupby(by)["region_id"].nunique(),
            }
        )
        wide = table["spots"] > np.maximum(FEW, FEW_SHARE * table["named"])
        for key, lack in table.loc[wide & (table["share"] > most), "share"].items():
            name, *country = key if isinstance(key, tuple) else (key,)
            there = keys["iso3"].fillna("").isin(country) | (not country)
            text = f"{name} has lost {lack:.0%} of {where}"
            doubts |= dict.fromkeys(keys.loc[there, "region_id"], text)
    return doubts


def _sum_up(evidence: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return the region, day and weight of each report, as doubts are held against them."""
    table = pd.DataFrame(
        {
            "position": pd.Index(keys["region_id"]).get_indexer(evidence["region_id"]),
            "day": (evidence["event_date"] - _FIRST_DAY).dt.days,
            "reports": evidence["weight"],
            "foreign": evidence["weight"] * hits_foreigners(evidence),
            "unclear": 0.0,
        }
    )
    return table[table["position"] >= 0]


def _doubt_regions(
    lost: pd.DataFrame, told: pd.DataFrame, keys: pd.DataFrame, *, layer: str, as_of: pd.Timestamp
) -> dict[str, str]:
    """Return the regions of which reports have just gone, or in all too many."""
    rules, ids = default_rules(), keys["region_id"]
    doubts = find_doubts(
        lost.assign(foreign=lost["weight"] * lost["foreign"]),
        keys,
        told,
        today=(as_of - _FIRST_DAY).days,
        recent_days=rules.recent_days,
        lost_share=rules.lost_share,
    )
    many = doubts.is_lost | (doubts.share > rules.lost_share)
    if layer != "violence":
        many = doubts.is_lost_foreign | (doubts.share_foreign > rules.lost_share)
    rows = lost["region_id"].value_counts()
    doubtful = ids[ids.isin(lost.loc[lost["new"], "region_id"]) | many]
    wide = "too many known reports of its country have gone"
    return {
        region: f"{rows[region]} known reports have gone" if region in rows else wide
        for region in doubtful
    }


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


def _told_by_others(lost: pd.DataFrame, fresh: pd.DataFrame) -> pd.Index:
    """Return the reports whose incident another report stands for now: one source tells both.

    Of an incident that several sources tell, one report stands for it (``confirmed_by`` names the
    other sources), and not always the same one. One that tells of less stands for nothing.
    """
    fresh = fresh.assign(**_kinds(fresh))
    sides = []
    for side in (lost, fresh):
        names = side["confirmed_by"].fillna("").str.split(" | ", regex=False).explode()
        others = names.str.split(" = ", regex=False).str[0]
        nth = side.groupby(_SAME).cumcount()
        kinds = side[[*_KINDS]].fillna(value=False).astype(bool)
        frame = kinds.assign(nth=nth, report=side.index, source=side["source"], **side[_SAME])
        sides.append((frame, frame.loc[others.index].assign(source=others)))
    (old, old_others), (now, now_others) = sides
    by = [*_SAME, "nth", "source"]
    pairs = pd.concat([old.merge(now_others, on=by), old_others.merge(now, on=by)])
    milder = [pairs[f"{kind}_x"] & ~pairs[f"{kind}_y"] for kind in _KINDS]
    return pd.Index(pairs.loc[~np.any(milder, axis=0), "report_x"].unique())


def _is_changed(known: pd.DataFrame, evidence: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which known reports of one region are told otherwise now, under the same id.

    They named the region and no longer do, or lie so many days apart that they hold nothing up, or
    were of violence, of foreigners or of the group and are not. Where the same is told under
    another id, rows were only numbered anew.
    """
    told = evidence.assign(**_kinds(evidence))
    there = told.groupby(["incident_id", "region_id"])["weight"].sum()
    by_id = told.groupby("incident_id")
    again = by_id.agg(day=("event_date", "max")).join(by_id[[*_KINDS]].any())
    again = again.reindex(known["incident_id"])
    pairs = pd.MultiIndex.from_frame(known[["incident_id", "region_id"]])
    moved = there.reindex(pairs, fill_value=0.0).to_numpy() < 0.5 * known["weight"].to_numpy()
    apart = np.abs(again["day"].to_numpy() - known["event_date"].to_numpy())
    other = apart > np.timedelta64(default_rules().attack_days, "D")
    milder = np.zeros(len(known), dtype=bool)
    for kind in _KINDS:
        still = again[kind].fillna(value=False).to_numpy(bool)
        milder |= known[kind].fillna(value=False).to_numpy(bool) & ~still
    sharp = (known["weight"] >= _SHARP).to_numpy()
    changed = again["day"].notna().to_numpy() & sharp & (moved | other | milder)
    same = [*_SAME, *_KINDS]
    keys = pd.MultiIndex.from_frame(known[same].fillna(dict.fromkeys(_KINDS, False)))
    return np.asarray(changed & ~keys.isin(pd.MultiIndex.from_frame(told[same])))


#: What a report may tell of.
_KINDS = ("violence", "foreign", "theirs")


def _kinds(incidents: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return which incidents are violence, hit foreigners, and are attacks on the group."""
    grades = incidents.get("relevance", pd.Series(index=incidents.index, dtype="str"))
    return {
        "violence": is_violence(incidents),
        "foreign": hits_foreigners(incidents),
        "theirs": grades.isin(THEIRS).to_numpy(bool),
    }


#: A report of at least this weight names its region; one of less is spread over several.
_SHARP = 0.99

_ROW = ["source_id", "event_date", "region_id", "event_type"]
#: A report that has gone is told again by another of the same day and region with a new id.
_SAME = ["event_date", "region_id"]
