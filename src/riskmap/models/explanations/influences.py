"""Forecasts without one report, or without what one source alone tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.models.explanations.questions import ANSWER
from riskmap.models.explanations.reports import amounts_of, subtract
from riskmap.models.what_ifs import WhatIfs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.models.explanations.questions import Question
    from riskmap.models.explanations.reports import Reports
    from riskmap.typing import CountHistory, FloatArray, IntArray

#: Of the reports that make a forecast, so many of the weightiest are kept for each region, both
#: of those with one source and of those with several.
KEPT_REPORTS = 20
#: Sources beyond the so many that report most are not left out one by one.
MOST_SOURCES = 40
#: A report of so many rows that nobody has curated is left out of every region, not only of those
#: that it names.
LOUD_ROWS = 10

#: What :func:`find_influences` tells.
INFLUENCES = ("region_id", "layer", "kind", "key", "confirmed", *ANSWER)


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
    matters = np.sum([reports.concerns(name) for name in _read(question)], axis=0) > 0
    event, region = reports.place.nonzero()
    event, region = event[matters[event]], region[matters[event]]
    loud = np.flatnonzero(matters & (reports.rows >= LOUD_ROWS) & ~reports.curated)
    quiet = ~np.isin(event, loud)
    n_regions = len(question.region_ids)
    event = np.concatenate([event[quiet], np.repeat(loud, n_regions)])
    region = np.concatenate([region[quiet], np.tile(np.arange(n_regions), len(loud))])
    if question.is_quick and len(event):

        def without(series: str, history: CountHistory) -> WhatIfs:
            amounts = amounts_of(history, series, reports, -1.0)
            return WhatIfs(reports.place, reports.time, amounts, event, region)

        found = question.ask(without, region)
        confirmed, foreign = reports.confirmed[event], reports.concerns("foreign")[event]
        keep = _weightiest(found.mean, region, confirmed, foreign)
        table = question.tell(
            found, region, kind="incident", key=reports.key[event], confirmed=confirmed
        )
        tables.insert(0, table[keep])
    return pd.concat(tables, ignore_index=True)


def _read(question: Question) -> set[str]:
    """Return the series that a layer is read from, those of its drivers among them."""
    names = question.model.every_series()
    drivers = [set(question.histories[name].drivers) for name in names]
    return names.union(*drivers)


def _weightiest(
    mean: FloatArray, region: IntArray, confirmed: NDArray[np.bool_], foreign: FloatArray
) -> NDArray[np.bool_]:
    """Return which reports to keep: those that a forecast would be lowest without."""
    table = pd.DataFrame({"region": region, "confirmed": confirmed, "mean": mean})
    rank = table.groupby(["region", "confirmed"])["mean"].rank(method="first")
    return ((rank <= KEPT_REPORTS) | (foreign > 0)).to_numpy(dtype=bool)


def _without_sources(question: Question, reports: Reports) -> pd.DataFrame:
    """Return the forecast of every region without each source."""
    weight = reports.place.sum(axis=1) * (
        reports.concerns("violence") + reports.concerns("foreign")
    )
    names, code = np.unique(reports.source, return_inverse=True)
    most = np.argsort(-np.bincount(code, weight, minlength=len(names)), kind="stable")
    every = np.arange(len(question.region_ids))
    tables = []
    for source in np.sort(most[:MOST_SOURCES]):
        left_out = ((code == source) & ~reports.confirmed).astype(float)
        left = {
            name: subtract(question.histories[name], name, reports, left_out)
            for name in question.model.every_series()
        }
        found = question.model.predict(left)
        table = question.tell(found, every, kind="source", key=names[source], confirmed=False)
        tables.append(table)
    return pd.concat(tables) if tables else pd.DataFrame(columns=[*INFLUENCES])
