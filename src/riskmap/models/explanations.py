"""Explanations of a forecast: what it would be without one report or source, with more, or quiet.

The coefficients of the fitted model are held; only the history changes. The forecast that would be
made after a refit can differ a little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.incidents.duplicates.pairs import CURATED
from riskmap.models.what_ifs import WhatIfs
from riskmap.panels.cells import spread_days
from riskmap.panels.measures import measure
from riskmap.panels.windows import step_onwards

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.models.what_ifs import WhatIfModel
    from riskmap.panels.counts import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray, IntArray

#: So many more incidents are tried in each region, one after the other.
MOST_MORE = 10
#: So many days of quiet are tried, in at most so many steps of whole windows.
MOST_QUIET_DAYS, MOST_STEPS = 731, 60
#: Of the reports that make a forecast, so many of the weightiest are kept for each region, both
#: of those with one source and of those with several.
KEPT_REPORTS = 20
#: Sources beyond the so many that report most are not left out one by one.
MOST_SOURCES = 40
#: The sources of record gave this share of a layer's reports ...
RECORD_SHARE = 0.9
#: ... that are older than so many days (of all, when none is).
RECORD_DAYS = 365
#: A report of so many rows that nobody has curated is left out of every region, not only of those
#: that it names.
LOUD_ROWS = 10

_FORECAST = ("expected_count", "p_any", "dispersion")
#: What :func:`find_influences` and :func:`find_responses` tell.
INFLUENCES = ("region_id", "layer", "kind", "key", "confirmed", *_FORECAST)
RESPONSES = ("region_id", "layer", "kind", "amount", *_FORECAST)


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
        How many incidents it tells of.
    old : ndarray of bool, shape (n,)
        Whether it was more than a year ago.
    place, time : scipy.sparse.csr_array
        Incidents by region, and the share of them by window.
    violence, foreign : ndarray, shape (n,)
        Whether it counts in each series.
    """

    key: NDArray[np.str_]
    source: NDArray[np.str_]
    confirmed: NDArray[np.bool_]
    rows: FloatArray
    old: NDArray[np.bool_]
    place: sparse.csr_array
    time: sparse.csr_array
    violence: FloatArray
    foreign: FloatArray

    @property
    def curated(self) -> NDArray[np.bool_]:
        """Which come from a feed whose coders have told incidents apart."""
        return np.isin(self.source, CURATED)

    def of_record(self, layer: str) -> set[str]:
        """Return the sources that a layer is built on.

        These are the curated feeds (``riskmap.incidents.duplicates.pairs.CURATED``), whose coders
        read many publishers and tell incidents apart, and of the others the largest that together
        gave nine tenths of the layer's reports of more than a year ago. No source becomes one by a
        flood of new reports, or by telling one story often.
        """
        counts = (self.violence if layer == "violence" else self.foreign) > 0
        known = counts & self.old if (counts & self.old).any() else counts
        names, reports = np.unique(self.source[known], return_counts=True)
        order = np.argsort(-reports, kind="stable")
        before = (reports[order].cumsum() - reports[order]) / max(reports.sum(), 1)
        return {*CURATED, *(str(name) for name in names[order][before < RECORD_SHARE])}


def report_codes(evidence: pd.DataFrame) -> IntArray:
    """Return for each row of the evidence which report it belongs to: 0, 1, 2 ...

    Rows of one report have the source, the days and the regions in common, and count in the same
    series.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> panel = rm.count_incidents(rm.locate(rm.datasets.incidents(), districts), districts,
    ...                            as_of="2025-01-01")
    >>> bool(report_codes(panel.evidence).max() < len(panel.evidence))
    True
    """
    measures = measure(evidence)
    regions = evidence.groupby("incident_id")["region_id"]
    keys = pd.DataFrame(
        {
            "source": evidence["source"].fillna(""),
            "first": evidence["event_date"],
            "last": evidence["event_date_end"].fillna(evidence["event_date"]),
            "region": regions.transform("min"),
            "n_regions": regions.transform("size"),
            "violence": measures["violence"],
            "foreign": measures["foreign"],
        }
    )
    return keys.groupby(list(keys), sort=True).ngroup().to_numpy(dtype=np.int64)


def find_reports(panel: Panel) -> Reports:
    """Return the reports of a panel as arrays."""
    evidence = panel.evidence
    code = report_codes(evidence)
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
    measures = measure(heads)
    return Reports(
        key=heads["incident_id"].to_numpy(dtype=str),
        source=heads["source"].fillna("").to_numpy(dtype=str),
        confirmed=np.bincount(code, told > 1, minlength=n) > 0,
        rows=np.bincount(code[~evidence["incident_id"].duplicated()], minlength=n).astype(float),
        old=(heads["event_date"] < panel.as_of - pd.Timedelta(days=RECORD_DAYS)).to_numpy(),
        place=_table(evidence["weight"].to_numpy(dtype=float), code, region, (n, panel.n_regions)),
        time=_table(share, row, window, (n, len(panel.edges) - 1)),
        violence=measures["violence"].astype(float),
        foreign=measures["foreign"].astype(float),
    )


def _table(
    values: FloatArray, row: IntArray, column: IntArray, shape: tuple[int, int]
) -> sparse.csr_array:
    return sparse.csr_array(sparse.coo_array((values, (row, column)), shape=shape))


@dataclass(frozen=True)
class Question:
    """One layer of a forecast and all that is needed to ask of it what if.

    Parameters
    ----------
    model : CountModel
        Fitted.
    history : CountHistory
        What it forecasts from.
    layer
        The series that is forecast.
    region_ids : pandas.Series
        The regions in order.
    rates : mapping of str to ndarray, shape (n_regions,)
        Expected incidents a day of each series.
    """

    model: CountModel
    history: CountHistory
    layer: str
    region_ids: pd.Series
    rates: dict[str, FloatArray]

    @property
    def quick(self) -> WhatIfModel | None:
        """The model when it answers what-ifs of single regions, else None."""
        quick: WhatIfModel | None = (
            self.model if hasattr(self.model, "predict_what_ifs") else None  # type: ignore[assignment]
        )
        return None if np.isnan(self.history.counts).any() else quick

    def tell(self, found: CountDistribution, region: IntArray, **columns: object) -> pd.DataFrame:
        """Return answers as a table."""
        mean = found.mean
        spread = np.divide(found.variance, mean, out=np.ones_like(mean), where=mean > 0)
        return pd.DataFrame(
            {
                "region_id": self.region_ids.to_numpy()[region],
                "layer": self.layer,
                **columns,
                "expected_count": mean,
                "p_any": found.p_gt(0),
                "dispersion": spread,
            }
        )


def find_influences(question: Question, reports: Reports) -> pd.DataFrame:
    """Return each region's forecast without one report, and without one source.

    Reports are left out of the regions that they name or are spread over, and those of ten rows or
    more that nobody has curated out of all. Of a source everything is left out that no second
    source confirms.

    Parameters
    ----------
    question : Question
        The layer.
    reports : Reports
        All that was counted.

    Returns
    -------
    DataFrame
        :data:`INFLUENCES`. Of the reports only the weightiest stand in it, and all that concern
        foreigners: since ``p_any`` falls with ``expected_count``, no other changes a level if the
        weightiest doesn't. Models without ``predict_what_ifs`` are asked for sources alone.
    """
    tables = [_without_sources(question, reports)]
    counts = reports.violence if question.layer == "violence" else reports.foreign
    matters = (counts + (reports.violence if question.history.drivers else 0.0)) > 0
    event, region = reports.place.nonzero()
    event, region = event[matters[event]], region[matters[event]]
    loud = np.flatnonzero(matters & (reports.rows >= LOUD_ROWS) & ~reports.curated)
    quiet = ~np.isin(event, loud)
    n_regions = question.history.n_regions
    event = np.concatenate([event[quiet], np.repeat(loud, n_regions)])
    region = np.concatenate([region[quiet], np.tile(np.arange(n_regions), len(loud))])
    if question.quick is not None and len(event):
        amounts = amounts_of(question.history, question.layer, reports, -1.0)
        what_ifs = WhatIfs(reports.place, reports.time, amounts, event, region)
        found = question.quick.predict_what_ifs(question.history, what_ifs)
        keep = _weightiest(found.mean, region, reports.confirmed[event], reports.foreign[event])
        table = question.tell(
            found,
            region,
            kind="incident",
            key=reports.key[event],
            confirmed=reports.confirmed[event],
        )
        tables.insert(0, table[keep])
    return pd.concat(tables, ignore_index=True)


def _weightiest(
    mean: FloatArray, region: IntArray, confirmed: NDArray[np.bool_], foreign: FloatArray
) -> NDArray[np.bool_]:
    """Return which reports to keep: those that a forecast would be lowest without."""
    table = pd.DataFrame({"region": region, "confirmed": confirmed, "mean": mean})
    rank = table.groupby(["region", "confirmed"])["mean"].rank(method="first")
    return ((rank <= KEPT_REPORTS) | (foreign > 0)).to_numpy(dtype=bool)


def _without_sources(question: Question, reports: Reports) -> pd.DataFrame:
    """Return the forecast of every region without each source."""
    weight = reports.place.sum(axis=1) * (reports.violence + reports.foreign)
    names, code = np.unique(reports.source, return_inverse=True)
    most = np.argsort(-np.bincount(code, weight, minlength=len(names)), kind="stable")
    every = np.arange(question.history.n_regions)
    tables = []
    for source in np.sort(most[:MOST_SOURCES]):
        left_out = ((code == source) & ~reports.confirmed).astype(float)
        history = _subtract(question.history, question.layer, reports, left_out)
        found = question.model.predict_distribution(history)
        table = question.tell(found, every, kind="source", key=names[source], confirmed=False)
        tables.append(table)
    return pd.concat(tables) if tables else pd.DataFrame(columns=[*INFLUENCES])


def history_of_record(history: CountHistory, layer: str, reports: Reports) -> CountHistory:
    """Return what a model learns from: no single voice, and no story more than once.

    What a source that is not of record tells, and no second one confirms, counts for the forecast
    but teaches the model nothing; so without that source a refitted model would say the same. The
    rows of one report count once here, unless its feed is curated.

    Parameters
    ----------
    history
        Counts of all incidents.
    layer
        The series that is counted.
    reports : Reports
        What they were counted from.
    """
    trusted = np.isin(reports.source, sorted(reports.of_record(layer))) | reports.confirmed
    again = np.where(reports.curated, 0.0, 1.0 - 1.0 / np.maximum(reports.rows, 1.0))
    return _subtract(history, layer, reports, np.where(trusted, again, 1.0))


def _subtract(
    history: CountHistory, layer: str, reports: Reports, share: FloatArray
) -> CountHistory:
    """Return the history without a share of each report."""
    rows = np.flatnonzero(share)
    amounts = amounts_of(history, layer, reports, share)

    def less(series: FloatArray, name: str) -> FloatArray:
        time, place = reports.time[rows], reports.place[rows]
        taken = (time.T @ (place * amounts[name][rows][:, None])).toarray()
        left = series - taken
        gone = (taken > 0) & (left <= 1e-12 * np.maximum(series, 1.0))
        return np.where(gone, 0.0, left)

    if len(rows) == 0:
        return history
    drivers = {name: less(series, name) for name, series in history.drivers.items()}
    return replace(history, counts=less(history.counts, "counts"), drivers=drivers)


def amounts_of(
    history: CountHistory, layer: str, reports: Reports, share: FloatArray | float
) -> dict[str, FloatArray]:
    """Return what a share of each report adds to each series of a history."""
    own = {"violence": share * reports.violence, "foreign": share * reports.foreign}
    return {"counts": own[layer]} | {name: own[name] for name in history.drivers}


def find_responses(question: Question, *, as_of: pd.Timestamp, every: str) -> pd.DataFrame:
    """Return each region's forecast after more incidents, and after so many quiet days.

    ``more``: `amount` more incidents in the region in the last window before `as_of`; a foreign
    incident is violence too.

    ``quiet``: the forecast made `amount` days later (whole windows), had there been no incident of
    any kind in the region by then, and in every other region as many as are expected today.

    Parameters
    ----------
    question : Question
        The layer.
    as_of
        End of the history.
    every
        Length of the windows.

    Returns
    -------
    DataFrame
        :data:`RESPONSES`; empty for models without ``predict_what_ifs``.
    """
    if question.quick is None:
        return pd.DataFrame(columns=list(RESPONSES))
    reach = as_of + pd.Timedelta(days=MOST_QUIET_DAYS)
    days = np.diff(step_onwards(as_of, reach, every=every)).astype(float)
    steps = np.unique(np.round(np.geomspace(1, len(days), MOST_STEPS)).astype(np.int64))
    if len(days) <= MOST_STEPS:
        steps = np.arange(1, len(days) + 1)
    quiet = (_quiet(question, question.quick, days[:step]) for step in steps)
    tables = [_more(question, question.quick), *quiet]
    return pd.concat(tables, ignore_index=True)


def _more(question: Question, quick: WhatIfModel) -> pd.DataFrame:
    history = question.history
    amount = np.repeat(np.arange(1.0, MOST_MORE + 1.0), history.n_regions)
    region = np.tile(np.arange(history.n_regions), MOST_MORE)
    last = np.full(len(region), history.n_windows - 1)
    event = np.arange(len(region))
    what_ifs = WhatIfs(
        place=_table(np.ones(len(region)), event, region, (len(region), history.n_regions)),
        time=_table(np.ones(len(region)), event, last, (len(region), history.n_windows)),
        amounts=dict.fromkeys(("counts", *history.drivers), amount),
        event=event,
        region=region,
    )
    found = quick.predict_what_ifs(history, what_ifs)
    return question.tell(found, region, kind="more", amount=amount)


def _quiet(question: Question, quick: WhatIfModel, days: FloatArray) -> pd.DataFrame:
    history = lengthen(question.history, days, question.rates, layer=question.layer)
    every = np.arange(history.n_regions)
    time = np.zeros(history.n_windows)
    time[-len(days) :] = days
    rates = {"counts": question.rates[question.layer]}
    rates |= {name: question.rates[name] for name in history.drivers}
    what_ifs = WhatIfs(
        place=sparse.csr_array(sparse.eye_array(history.n_regions)),
        time=sparse.csr_array(np.tile(time, (history.n_regions, 1))),
        amounts={name: -rate for name, rate in rates.items()},
        event=every,
        region=every,
    )
    found = quick.predict_what_ifs(history, what_ifs)
    return question.tell(found, every, kind="quiet", amount=float(days.sum()))


def lengthen(
    history: CountHistory, days: FloatArray, rates: dict[str, FloatArray], *, layer: str
) -> CountHistory:
    """Return a history that goes on for some windows with as many incidents as are expected.

    Parameters
    ----------
    history
        The history so far.
    days : ndarray, shape (n_more_windows,)
        Lengths of the windows to come.
    rates : mapping of str to ndarray, shape (n_regions,)
        Incidents a day by series.
    layer
        The series that is counted.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 1)), np.full(2, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> rates = {"violence": np.full(1, 0.5)}
    >>> lengthen(history, np.array([31.0]), rates, layer="violence").counts.ravel().tolist()
    [1.0, 1.0, 15.5]
    """
    ends = (history.phase[-1:] + (history.days[-1] + np.r_[0.0, days[:-1].cumsum()]) / 365.25) % 1.0
    exposure = history.exposure
    if exposure is not None:
        density = exposure[-1] / history.days[-1]
        exposure = np.vstack([exposure, days[:, None] * density])
    return replace(
        history,
        counts=np.vstack([history.counts, np.outer(days, rates[layer])]),
        days=np.append(history.days, days),
        phase=np.append(history.phase, ends),
        drivers={
            name: np.vstack([series, np.outer(days, rates[name])])
            for name, series in history.drivers.items()
        },
        exposure=exposure,
    )
