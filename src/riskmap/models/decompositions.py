"""Decompositions: what a forecast would have been, had other incidents been known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from riskmap.models.files import unpack_model
from riskmap.models.forecasts import histories_of, make_layers
from riskmap.panels.counts import recount_evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.models.tables import Forecast
    from riskmap.models.terms import LayerModel
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountHistory, FloatArray

    Means = dict[str, FloatArray]


class Decomposition:
    """The models of a forecast, rebuilt from what they learnt and asked about other incidents.

    Parameters
    ----------
    forecast : Forecast
        Today's, with what its models have learnt.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = rm.forecast(panel)
    >>> means = Decomposition(found).expect(found.evidence, "2025-01-01")["violence"]
    >>> stated = found.frame.loc[found.frame["layer"] == "violence", "expected_count"]
    >>> bool((means == stated).all())
    True
    """

    def __init__(self, forecast: Forecast) -> None:
        self._forecast = forecast
        self._ids = forecast.keys["region_id"]
        self._as_of = forecast.provenance["as_of"]
        fitted = {name: unpack_model(one) for name, one in forecast.fitted.items()}
        self.histories = histories_of(self._recount(forecast.evidence, self._as_of))
        self.layers: dict[str, LayerModel] = make_layers(fitted, self.histories, forecast)

    def expect(self, evidence: pd.DataFrame, as_of: str) -> Means:
        """Return the expected counts by layer, had these incidents been known on a day."""
        return self._ask(self.histories_of(evidence, as_of))

    def p_any(self, evidence: pd.DataFrame, as_of: str) -> Means:
        """Return the probability of any incident, likewise."""
        histories = self.histories_of(evidence, as_of)
        return {name: model.predict(histories).p_gt(0) for name, model in self.layers.items()}

    def expect_one_by_one(self, told: pd.DataFrame) -> tuple[Means, Means]:
        """Return the expected counts of today without new incidents, and with a region's own alone.

        Parameters
        ----------
        told : DataFrame
            Those of today's incidents that are not new.
        """
        known = self.histories_of(told, self._as_of)
        before = self._ask(known)
        means = {layer: mean.copy() for layer, mean in before.items()}
        now = self._forecast.evidence
        fresh = now[~now["incident_id"].isin(told["incident_id"])]
        for region in np.flatnonzero(self._ids.isin(fresh["region_id"])).tolist():
            mixed = {
                name: _with_column(known[name], self.histories[name], region) for name in known
            }
            for layer, mean in self._ask(mixed).items():
                means[layer][region] = mean[region]
        return before, means

    def _ask(self, histories: Mapping[str, CountHistory]) -> Means:
        return {name: model.predict(histories).mean for name, model in self.layers.items()}

    def histories_of(self, evidence: pd.DataFrame, as_of: str) -> dict[str, CountHistory]:
        """Return what the models are asked about, had these incidents been known on a day."""
        panel = self._recount(evidence, as_of)
        return {name: panel.history(name) for name in self.histories}

    def _recount(self, evidence: pd.DataFrame, as_of: str) -> Panel:
        """Return the panel that a forecast would have been made of, had others been known."""
        links, ids = self._forecast.neighbours, pd.Index(self._ids)
        places = (ids.get_indexer(links["region_id"]), ids.get_indexer(links["neighbour_id"]))
        n = len(ids)
        return recount_evidence(
            evidence,
            keys=self._forecast.keys,
            neighbours=sparse.csr_array((links["weight"], places), shape=(n, n)),
            start=self._forecast.provenance["history_start"],
            as_of=as_of,
            every=self._forecast.provenance["every"],
            group=self._forecast.group,
        )


def _with_column(history: CountHistory, other: CountHistory, region: int) -> CountHistory:
    """Return a history with one region as it is in another."""

    def swapped(mine: FloatArray, theirs: FloatArray) -> FloatArray:
        mixed = mine.copy()
        mixed[:, region] = theirs[:, region]
        return mixed

    drivers = {name: swapped(x, other.drivers[name]) for name, x in history.drivers.items()}
    watched = [
        np.ones_like(one.counts) if one.watched is None else one.watched for one in (history, other)
    ]
    return replace(
        history,
        counts=swapped(history.counts, other.counts),
        drivers=drivers,
        watched=swapped(*watched),
    )
