"""Statements: the probabilities of past layers, as they would have been stated on their day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.base import clone

from riskmap.assessment.groups.shares import Shown, Tally, attributed, thin_to
from riskmap.assessment.groups.workers import LOCAL
from riskmap.assessment.sufficiency import judge_sufficiency
from riskmap.errors import InputError
from riskmap.models.forecasts import LAYERS, measure_activity
from riskmap.panels.counts import recount_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.panels.counts import Panel
    from riskmap.typing import CountModel, FloatArray

#: Layers between two fits of the model; between them the last fit is asked.
REFIT = 12


def state_levels(
    whole: Panel,
    evidence: pd.DataFrame,
    dates: list[pd.Timestamp],
    *,
    model: CountModel,
    ahead: float,
) -> Iterator[pd.DataFrame]:
    """Yield what the layer of each day would have stated, knowing only what was known.

    Parameters
    ----------
    whole : Panel
        All that is known by now.
    evidence : DataFrame
        Its incidents; with the column ``ours`` the layer ``group`` is stated too.
    dates
        The days, ascending.
    model : CountModel
        It is fitted again with every twelfth layer.
    ahead
        The horizon in days.

    Yields
    ------
    DataFrame
        ``as_of, region_id, layer, p_any``; missing where data are insufficient.

    Raises
    ------
    InputError
        When nothing is known before a day.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> days = [pd.Timestamp("2024-06-01")]
    >>> stated = state_levels(panel, panel.evidence, days, model=rm.EmpiricalBayes(), ahead=90.0)
    >>> [table["layer"].iloc[0] for table in stated]
    ['violence', 'foreign']
    """
    fitted: dict[str, CountModel] = {}
    for number, day in enumerate(dates):
        late = evidence["ingested_at"] >= day.tz_localize("UTC")
        known = evidence[~late & (evidence["event_date"] < day)]
        if known.empty:
            raise InputError(
                "no incident is known before a day of the replay", met=f"{day:%Y-%m-%d}"
            )
        panel = _recount(whole, known, day)
        history_days = float((day - pd.Timestamp(panel.edges[0])).days)
        activity = judge_sufficiency(measure_activity(panel), history_days=history_days)
        blind = (activity["data_sufficiency"] == "insufficient").to_numpy()
        if number % REFIT == 0:
            fitted = {}
        for layer, p_any in _state(panel, known, model, fitted=fitted, ahead=ahead).items():
            stated = np.where(blind, np.nan, p_any)
            ids = panel.keys["region_id"]
            yield pd.DataFrame({"as_of": day, "region_id": ids, "layer": layer, "p_any": stated})


def _recount(
    whole: Panel, known: pd.DataFrame, day: pd.Timestamp, *, start: str | None = None
) -> Panel:
    """Return the panel of what was known on a day."""
    return recount_evidence(
        known,
        keys=whole.keys,
        neighbours=whole.neighbours,
        start=f"{known['event_date'].min():%Y-%m-%d}" if start is None else start,
        as_of=f"{day:%Y-%m-%d}",
        every=whole.every,
    )


def _state(
    panel: Panel,
    known: pd.DataFrame,
    model: CountModel,
    *,
    fitted: dict[str, CountModel],
    ahead: float,
) -> dict[str, FloatArray]:
    """Return ``p_any`` by layer; models that are not among those fitted are fitted now."""
    found = dict.fromkeys((*LAYERS, "group"), np.full(panel.n_regions, np.nan))
    for layer in LAYERS:
        history = panel.history(layer)
        if np.isnan(history.counts).all():
            continue
        if layer not in fitted:
            fitted[layer] = clone(model).fit(history, horizon_days=ahead)
        whole = fitted[layer].predict_distribution(history)
        found[layer] = whole.p_gt(0)
        if layer == "foreign" and "ours" in known:
            start = str(panel.edges[0])
            abroad = ~known["relevance"].isin(LOCAL)
            theirs, foreign = (
                _recount(panel, known[rows], panel.as_of, start=start).history("foreign")
                for rows in (known["ours"], abroad)
            )
            shown = Shown.of(history, theirs=theirs, foreign=foreign)
            parts = attributed(fitted[layer], shown, Tally.of(known, panel.keys).shares())
            mean = np.sum(list(parts.values()), axis=0)
            found["group"] = thin_to(whole.mean, whole.variance, mean).p_gt(0)
    return found if "ours" in known else {layer: found[layer] for layer in LAYERS}
