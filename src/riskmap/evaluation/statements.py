"""Statements: the probabilities of past layers, as they would have been stated on their day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.models.forecasts import fit_models, histories_of, make_layers
from riskmap.panels.counts import recount_evidence
from riskmap.schema import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskmap.panels.counts import Panel
    from riskmap.typing import CountModel

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
        Its incidents.
    dates
        The days, ascending.
    model : CountModel
        It is fitted again with every twelfth layer.
    ahead
        The horizon in days.

    Yields
    ------
    DataFrame
        ``as_of, region_id, layer, p_any``; missing where a layer can't be forecast. For evaluation
        every region is taken as watched, so that every probability can be scored.

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
    asked: set[str] = set()
    for number, day in enumerate(dates):
        late = evidence["ingested_at"] >= day.tz_localize("UTC")
        known = evidence[~late & (evidence["event_date"] < day)]
        if known.empty:
            raise InputError(
                "no incident is known before a day of the replay", met=f"{day:%Y-%m-%d}"
            )
        panel = _recount(whole, known, day)
        histories = histories_of(panel)
        if number % REFIT == 0 or set(histories) - asked:
            fitted, asked = fit_models(model, histories, ahead), set(histories)
        layers = make_layers(fitted, histories, panel)
        names = LAYERS if whole.group is not None else LAYERS[:2]
        for layer in names:
            ids = panel.keys["region_id"]
            p_any = np.full(len(ids), np.nan)
            if layer in layers:
                p_any = layers[layer].predict(histories).p_gt(0)
            yield pd.DataFrame({"as_of": day, "region_id": ids, "layer": layer, "p_any": p_any})


def _recount(whole: Panel, known: pd.DataFrame, day: pd.Timestamp) -> Panel:
    """Return the panel of what was known on a day, its scope stated by hand: all was watched."""
    panel = recount_evidence(
        known,
        keys=whole.keys,
        neighbours=whole.neighbours,
        start=f"{known['event_date'].min():%Y-%m-%d}",
        as_of=f"{day:%Y-%m-%d}",
        every=whole.every,
        group=whole.group,
    )
    return replace(panel, at_risk={})
