"""Forecasts after more incidents, and after quiet days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.models.explanations.questions import ANSWER
from riskmap.models.explanations.reports import table_of
from riskmap.models.what_ifs import WhatIfs
from riskmap.panels.measures import driver_of
from riskmap.panels.windows import step_onwards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.models.explanations.questions import Question
    from riskmap.typing import CountHistory, FloatArray

#: So many more incidents are tried in each region, one after the other.
MOST_MORE = 10
#: So many days of quiet are tried, in at most so many steps of whole windows.
MOST_QUIET_DAYS, MOST_STEPS = 731, 60

#: What :func:`find_responses` tells.
RESPONSES = ("region_id", "layer", "kind", "amount", *ANSWER)


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
    if not question.is_quick:
        return pd.DataFrame(columns=list(RESPONSES))
    reach = as_of + pd.Timedelta(days=MOST_QUIET_DAYS)
    days = np.diff(step_onwards(as_of, reach, every=every)).astype(float)
    steps = np.unique(np.round(np.geomspace(1, len(days), MOST_STEPS)).astype(np.int64))
    if len(days) <= MOST_STEPS:
        steps = np.arange(1, len(days) + 1)
    quiet = (_quiet(question, days[:step]) for step in steps)
    tables = [_more(question), *quiet]
    return pd.concat(tables, ignore_index=True)


def _more(question: Question) -> pd.DataFrame:
    n_windows, n_regions = question.history.counts.shape
    amount = np.repeat(np.arange(1.0, MOST_MORE + 1.0), n_regions)
    region = np.tile(np.arange(n_regions), MOST_MORE)
    event = np.arange(len(region))
    ones = np.ones(len(region))
    place = table_of(ones, event, region, (len(region), n_regions))
    time = table_of(ones, event, np.full(len(region), n_windows - 1), (len(region), n_windows))

    def more(series: str, history: CountHistory) -> WhatIfs:
        # who was hit by one more attack of a layer is known
        known = 0.0 if series in _UNKNOWN else 1.0
        amounts = {"counts": known * amount} | dict.fromkeys(history.drivers, amount)
        return WhatIfs(place, time, amounts, event, region)

    return question.tell(question.ask(more, region), region, kind="more", amount=amount)


def _quiet(question: Question, days: FloatArray) -> pd.DataFrame:
    names = question.model.every_series()
    longer = {
        name: lengthen(question.histories[name], days, question.rates, series=name)
        for name in names
    }
    asked = replace(question, histories=longer)
    n_windows, n_regions = asked.history.counts.shape
    every = np.arange(n_regions)
    when = np.zeros(n_windows)
    when[-len(days) :] = days
    place = sparse.csr_array(sparse.eye_array(n_regions))
    time = sparse.csr_array(np.tile(when, (n_regions, 1)))

    def quiet(series: str, history: CountHistory) -> WhatIfs:
        amounts = {"counts": -question.rates[series]}
        if history.drivers:
            amounts |= dict.fromkeys(history.drivers, -driver_of(series, question.rates))
        return WhatIfs(place, time, amounts, every, every)

    found = asked.ask(quiet, every)
    return question.tell(found, every, kind="quiet", amount=float(days.sum()))


#: The series of incidents that don't say who was hit.
_UNKNOWN = ("unknown", "group_unknown")


def lengthen(
    history: CountHistory, days: FloatArray, rates: Mapping[str, FloatArray], *, series: str
) -> CountHistory:
    """Return a history that goes on for some windows with as many incidents as are expected.

    Somebody watches all of them.

    Parameters
    ----------
    history
        The history so far.
    days : ndarray, shape (n_more_windows,)
        Lengths of the windows to come.
    rates : mapping of str to ndarray, shape (n_regions,)
        Incidents a day by series.
    series
        The series that is counted.

    Examples
    --------
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((2, 1)), np.full(2, 30.0), np.zeros(1, int),
    ...                        np.zeros(1, int))
    >>> rates = {"violence": np.full(1, 0.5)}
    >>> lengthen(history, np.array([31.0]), rates, series="violence").counts.ravel().tolist()
    [1.0, 1.0, 15.5]
    """
    ends = (history.phase[-1:] + (history.days[-1] + np.r_[0.0, days[:-1].cumsum()]) / 365.25) % 1.0
    exposure = history.exposure
    if exposure is not None:
        density = exposure[-1] / history.days[-1]
        exposure = np.vstack([exposure, days[:, None] * density])
    watched = history.watched
    if watched is not None:
        watched = np.vstack([watched, np.ones((len(days), history.n_regions))])
    reported = history.reported
    if reported is not None:
        reported = np.vstack([reported, np.ones((len(days), history.n_regions))])
    return replace(
        history,
        counts=np.vstack([history.counts, np.outer(days, rates[series])]),
        days=np.append(history.days, days),
        phase=np.append(history.phase, ends),
        drivers={
            name: np.vstack([one, np.outer(days, driver_of(series, rates))])
            for name, one in history.drivers.items()
        },
        exposure=exposure,
        watched=watched,
        reported=reported,
    )
