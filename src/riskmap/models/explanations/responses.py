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
from riskmap.panels.windows import step_onwards

if TYPE_CHECKING:
    from riskmap.models.explanations.questions import Question
    from riskmap.models.what_ifs import WhatIfModel
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
        place=table_of(np.ones(len(region)), event, region, (len(region), history.n_regions)),
        time=table_of(np.ones(len(region)), event, last, (len(region), history.n_windows)),
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

    Somebody watches all of them.

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
    watched = history.watched
    if watched is not None:
        watched = np.vstack([watched, np.ones((len(days), history.n_regions))])
    return replace(
        history,
        watched=watched,
        counts=np.vstack([history.counts, np.outer(days, rates[layer])]),
        days=np.append(history.days, days),
        phase=np.append(history.phase, ends),
        drivers={
            name: np.vstack([series, np.outer(days, rates[name])])
            for name, series in history.drivers.items()
        },
        exposure=exposure,
    )
