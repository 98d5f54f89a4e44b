"""The reports that a panel was counted from, and histories without some of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.incidents.feeds import CURATED
from riskmap.incidents.foreign_victims import is_incident
from riskmap.models.what_ifs import WhatIfs
from riskmap.panels.lapses import default_rules
from riskmap.panels.measures import GROUP_SERIES, RELEVANCE_UNIT, driver_of, join_sources, measure
from riskmap.panels.windows import day_numbers, spread_days
from riskmap.places.placements import MEMORY_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountHistory, FloatArray, IntArray

#: The sources of record gave most of a layer's reports that are older than so many days (of all,
#: when none is), and no older than :data:`riskmap.places.placements.MEMORY_DAYS`.
RECORD_DAYS = 365
RECORD_SHARE = 0.9


@dataclass(frozen=True)
class Reports:
    """The reports of a panel: rows of one source of the same days and regions, taken together.

    A source that tells one story five hundred times gives one report with the weight of five
    hundred. Leaving out a report leaves out all of it.

    Parameters
    ----------
    key : ndarray of str, shape (n,)
        The first ``incident_id`` of each report.
    source : ndarray of str, shape (n,)
        Who reports it; empty when it is not told.
    confirmed : ndarray of bool, shape (n,)
        Whether a row of it has two independent sources or more.
    rows : ndarray, shape (n,)
        How many rows it is of that tell of one incident each: a row that counts several is none of
        a story that is told again.
    old : ndarray of bool, shape (n,)
        Whether it was more than a year ago and less than ten, of a source that is still expected to
        report.
    place, time : scipy.sparse.csr_array
        Incidents by region, and the share of them by window.
    series : mapping of str to ndarray, shape (n,)
        What one incident of it adds to each series of the panel.
    main
        The main sources of each layer, as the panel names them.
    """

    key: NDArray[np.str_]
    source: NDArray[np.str_]
    confirmed: NDArray[np.bool_]
    rows: FloatArray
    old: NDArray[np.bool_]
    place: sparse.csr_array
    time: sparse.csr_array
    series: Mapping[str, FloatArray]
    country: NDArray[np.str_]
    main: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    @property
    def curated(self) -> NDArray[np.bool_]:
        """Which come from a feed whose coders have told incidents apart."""
        return np.isin(self.source, CURATED)

    @cached_property
    def voices(self) -> tuple[list[tuple[str, str]], IntArray]:
        """Each country with a source that tells of it, and which of these a report is of."""
        country, there = np.unique(self.country, return_inverse=True)
        source, by = np.unique(self.source, return_inverse=True)
        codes, voice = np.unique(there * len(source) + by, return_inverse=True)
        pairs = (divmod(int(code), len(source)) for code in codes)
        return [(str(country[i]), str(source[j])) for i, j in pairs], voice

    def of_record(self, layer: str) -> set[tuple[str, str]]:
        """Return the sources that a layer is built on, as pairs of country and source.

        These are the curated feeds (``incidents.feeds.CURATED``), whose coders read many
        publishers and tell incidents apart, and of the others the largest that together gave nine
        tenths of the layer's reports from a country of more than a year and less than ten years
        ago (of all, where the country has none so old), and have reported within five years. No
        source becomes one by a flood of new reports, or by telling one story often.
        """
        counts = self.series["violence" if layer == "violence" else "foreign"] > 0
        found = {(country, name) for country in np.unique(self.country) for name in CURATED}
        for country in np.unique(self.country[counts]):
            here = counts & (self.country == country)
            own = self.source[here & self.old] if (here & self.old).any() else self.source[here]
            names, reports = np.unique(own, return_counts=True)
            order = np.argsort(-reports, kind="stable")
            before = (reports[order].cumsum() - reports[order]) / reports.sum()
            found |= {(country, name) for name in names[order][before < RECORD_SHARE]}
        return {(str(country), str(name)) for country, name in found}


#: Rows of one report count in the same of these series.
_TOLD_APART = ("violence", "foreign", "unknown", "group", "group_unknown")


def report_codes(evidence: pd.DataFrame, group: WorkerGroup | None = None) -> IntArray:
    """Return for each row of the evidence which report it belongs to: 0, 1, 2 ...

    Rows of one report have the source, the days and the regions in common, and count in the same
    series. Rows that count several incidents are reports of their own.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> panel = rm.count_incidents(rm.locate(rm.datasets.incidents(), districts), districts,
    ...                            as_of="2025-01-01")
    >>> bool(report_codes(panel.evidence).max() < len(panel.evidence))
    True
    """
    measures = measure(evidence, group)
    regions = evidence.groupby("incident_id")["region_id"]
    keys = pd.DataFrame(
        {
            "source": evidence["source"].fillna(""),
            "first": evidence["event_date"],
            "last": evidence["event_date_end"].fillna(evidence["event_date"]),
            "region": regions.transform("min"),
            "n_regions": regions.transform("size"),
            "is_incident": is_incident(evidence),
            **{name: measures[name] for name in measures if name in _TOLD_APART},
        }
    )
    return keys.groupby(list(keys), sort=True).ngroup().to_numpy(dtype=np.int64)


def tell_reports(evidence: pd.DataFrame, code: IntArray, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the source, weight and age of each report in each region, by its first id.

    Parameters
    ----------
    evidence : DataFrame
        Incidents as in ``Panel.evidence``.
    code : ndarray of int
        Which report each belongs to, from :func:`report_codes`.
    as_of
        The day from which the age is counted back.
    """
    table = pd.DataFrame(
        {
            "region_id": evidence["region_id"],
            "key": evidence["incident_id"].groupby(code).transform("min"),
            "source": evidence["source"].fillna(""),
            "weight": evidence["weight"],
            "age_days": (as_of - evidence["event_date"]).dt.days.astype(float),
        }
    )
    groups = table.groupby(["region_id", "key"], as_index=False, sort=True)
    return groups.agg({"source": "first", "weight": "sum", "age_days": "first"})


def find_reports(panel: Panel, code: IntArray) -> Reports:
    """Return the reports of a panel as arrays; `code` from :func:`report_codes`."""
    evidence = panel.evidence
    region = pd.Index(panel.keys["region_id"]).get_indexer(evidence["region_id"])
    n = int(code.max()) + 1 if len(code) else 0
    order = np.lexsort((evidence["incident_id"].to_numpy(dtype=str), code))
    first = order[np.unique(code[order], return_index=True)[1]]
    heads = evidence.iloc[first]
    row, window, share = spread_days(
        heads["event_date"].to_numpy(),
        heads["event_date_end"].fillna(heads["event_date"]).to_numpy(),
        edges=panel.edges,
    )
    told = evidence["source_count"].fillna(1).to_numpy(dtype=float)
    days = day_numbers(heads["event_date"].to_numpy())
    source = join_sources(heads["source"], days, heads["region_id"]).fillna("")
    measures = measure(heads, panel.group)
    once = ~evidence["incident_id"].duplicated().to_numpy() & is_incident(evidence)
    units = dict.fromkeys(GROUP_SERIES, RELEVANCE_UNIT)
    return Reports(
        key=heads["incident_id"].to_numpy(dtype=str),
        source=source.to_numpy(dtype=str),
        confirmed=np.bincount(code, told > 1, minlength=n) > 0,
        rows=np.bincount(code[once], minlength=n).astype(float),
        old=_is_record(heads.assign(source=source), panel.as_of),
        place=table_of(
            evidence["weight"].to_numpy(dtype=float), code, region, (n, panel.n_regions)
        ),
        time=table_of(share, row, window, (n, len(panel.edges) - 1)),
        series={name: units.get(name, 1.0) * told.astype(float) for name, told in measures.items()},
        country=panel.keys["iso3"].fillna("").to_numpy(dtype=str)[region[first]],
        main=panel.main_sources,
    )


def _is_record(heads: pd.DataFrame, as_of: pd.Timestamp) -> NDArray[np.bool_]:
    """Return which reports tell who the sources of record are."""
    age = (as_of - heads["event_date"]).dt.days
    last = age.groupby(heads["source"].fillna("")).transform("min")
    current = (last <= default_rules().gap_days) & (age <= MEMORY_DAYS)
    return np.asarray(current & (age > RECORD_DAYS), dtype=bool)


def table_of(
    values: FloatArray, row: IntArray, column: IntArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """Return a sparse table of values by row and column."""
    return sparse.csr_array(sparse.coo_array((values, (row, column)), shape=shape))


def history_of_record(
    history: CountHistory, layer: str, reports: Reports, *, once: bool = True
) -> CountHistory:
    """Return what a model learns from: no single voice, and no story more than once.

    What a source tells that is not of record or sees a part of the layer alone, and no second one
    confirms, counts for the forecast but teaches the model nothing; so without that source a
    refitted model would say the same. A series beside the counts is that of the main sources of
    violence too: where another tells of foreigners, what happened to local people still leads.

    Parameters
    ----------
    history
        Counts of all incidents.
    layer
        The series that is counted.
    reports : Reports
        What they were counted from.
    once
        Whether the rows of one report count once, unless its feed is curated.
    """
    trusted = _is_trusted(layer, reports)
    leads = trusted | _is_trusted("violence", reports)
    again = np.zeros(len(trusted))
    if once:
        again = np.where(reports.curated, 0.0, 1.0 - 1.0 / np.maximum(reports.rows, 1.0))
    less, led = (np.where(some, again, 1.0) for some in (trusted, leads))
    rows = np.flatnonzero(less)
    amounts = {
        **amounts_of(history, layer, reports, -led),
        "counts": -less * reports.series[layer],
    }
    return WhatIfs(reports.place, reports.time, amounts, rows, rows).changed(history, rows)


def subtract(
    history: CountHistory, layer: str, reports: Reports, share: FloatArray
) -> CountHistory:
    """Return the history without a share of each report."""
    rows = np.flatnonzero(share)
    amounts = amounts_of(history, layer, reports, -share)
    return WhatIfs(reports.place, reports.time, amounts, rows, rows).changed(history, rows)


def with_record(history: CountHistory, layer: str, reports: Reports) -> CountHistory:
    """Return a history with that of record beside it, where they differ and series lead it."""
    if not history.drivers or _is_trusted(layer, reports).all():
        return history
    return replace(history, record=history_of_record(history, layer, reports, once=False))


def _is_trusted(layer: str, reports: Reports) -> NDArray[np.bool_]:
    """Return which reports are of main sources of a layer, or confirmed."""
    wide = "violence" if layer == "violence" else "foreign"
    main = reports.main.get(wide, frozenset())
    record, (pairs, voice) = reports.of_record(wide), reports.voices
    is_main, of_record = (
        np.array([pair in some for pair in pairs], dtype=bool)[voice] for some in (main, record)
    )
    has_main = np.isin(reports.country, sorted({code for code, _ in main}))
    return np.where(has_main, is_main, of_record) | reports.confirmed


def amounts_of(
    history: CountHistory, series: str, reports: Reports, share: FloatArray | float
) -> dict[str, FloatArray]:
    """Return what a share of each report adds to each series of a history."""
    own = {"counts": share * reports.series[series]}
    if not history.drivers:
        return own
    return own | dict.fromkeys(history.drivers, share * driver_of(series, reports.series))
