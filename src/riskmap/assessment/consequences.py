"""Consequence: how many people incidents would hit, beside their probability, never within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.tolls import fit_tolls, worst_means
from riskmap.errors import InputError
from riskmap.schema import EVENT_TYPES, LAYERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.assessment.layers import RiskLayer
    from riskmap.models.tables import Forecast
    from riskmap.typing import FloatArray

#: What the types of incidents of all regions are worth as evidence of one region's, in incidents,
#: and those of a wider layer as evidence of a narrower one's.
PRIOR_INCIDENTS = 5.0

#: Classes of consequence: the least ``severe_scenario`` of each, in people killed, wounded or
#: abducted. They are riskmap's own: ISO 31000 leaves the criteria to its user.
CONSEQUENCES = {
    "negligible": 0.0,
    "minor": 0.5,
    "moderate": 3.0,
    "major": 10.0,
    "severe": 30.0,
}

_VICTIMS = ["killed", "wounded", "abducted"]
_READ = ("incident_id", "region_id", "weight", "event_type", *_VICTIMS)


def add_consequences(risks: pd.DataFrame, forecast: Forecast) -> pd.DataFrame:
    r"""Return risks with ``expected_victims`` and ``severe_scenario``.

    Victims are all people killed, wounded or abducted. With the region's mix of event types
    :math:`\pi_{rt}` and the mean toll :math:`v_t` of an incident of type `t`
    (:func:`riskmap.assessment.tolls.fit_tolls`), the expected victims are

    .. math:: \mathrm{E}[S_r] = \mu_r \sum_t \pi_{rt} v_t,

    and the severe scenario is the mean of the worst 5 % of outcomes of the total over the horizon
    (:func:`riskmap.assessment.tolls.worst_means`). Mixes are shrunk from region to all regions, and
    from a wider layer to a narrower one. Tolls by type are those of all serious incidents.

    Parameters
    ----------
    risks : DataFrame
        One row a region and layer.
    forecast : Forecast
        What they were judged from.

    Returns
    -------
    DataFrame
        The risks with both columns; missing where there is no forecast, or no incident tells
        whom it hit.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> known = layer.risks[layer.risks["risk_level"] > 0]
    >>> bool((known["severe_scenario"] > known["expected_victims"]).all())
    True
    """
    # texts of a million incidents are not copied
    evidence = forecast.evidence.filter(_READ)[forecast.measures["violence"]]
    once = evidence.drop_duplicates("incident_id")
    told = once[once[_VICTIMS].notna().any(axis=1)]
    expected, severe = np.full((2, len(risks)), np.nan)
    if len(told):
        kinds = pd.Index(EVENT_TYPES).get_indexer(told["event_type"].fillna("unknown"))
        toll = told[_VICTIMS].fillna(0).sum(axis=1).to_numpy(dtype=float)
        tolls = fit_tolls(toll, kinds, n_kinds=len(EVENT_TYPES))
        mixes = _mix_types(evidence, forecast)
        keys = ["region_id", "layer"]
        counts = risks[keys].merge(forecast.frame[[*keys, "dispersion"]], on=keys, how="left")
        mean = risks["expected_count"].to_numpy()
        excess = np.maximum(counts["dispersion"].to_numpy() - 1.0, 0.0)
        region = pd.Index(forecast.keys["region_id"]).get_indexer(risks["region_id"])
        for layer, mix in mixes.items():
            rows = np.flatnonzero((risks["layer"] == layer).to_numpy() & np.isfinite(mean))
            pmf = mix[region[rows]] @ tolls.pmf
            size = np.full(len(rows), np.inf)
            np.divide(mean[rows], excess[rows], out=size, where=excess[rows] > 0)
            expected[rows] = mean[rows] * (mix[region[rows]] @ tolls.mean)
            severe[rows] = worst_means(mean[rows], np.maximum(size, _LEAST_SIZE), pmf)
    return risks.assign(expected_victims=expected, severe_scenario=np.maximum(severe, expected))


#: A count more dispersed than this has all its mass at 0 and beyond every region's reach.
_LEAST_SIZE = 1e-3


def _mix_types(evidence: pd.DataFrame, forecast: Forecast) -> dict[str, FloatArray]:
    """Return the share of each event type by layer, shape (n_regions, n_types), shrunk."""
    ids = pd.Index(forecast.keys["region_id"])
    region = ids.get_indexer(evidence["region_id"])
    kind = pd.Index(EVENT_TYPES).get_indexer(evidence["event_type"].fillna("unknown"))
    weight = evidence["weight"].to_numpy(dtype=float)
    whole = np.full(len(EVENT_TYPES), 1.0 / len(EVENT_TYPES))
    mixes = {}
    for layer, rows in _concerned(forecast).items():
        counts = np.zeros((len(ids), len(EVENT_TYPES)))
        np.add.at(counts, (region[rows], kind[rows]), weight[rows])
        worth = 0.0 if layer == "violence" else PRIOR_INCIDENTS
        whole = _shrink(counts.sum(axis=0), whole, worth)
        mixes[layer] = _shrink(counts, whole, PRIOR_INCIDENTS)
    return mixes


def _shrink(counts: FloatArray, prior: FloatArray, worth: float) -> FloatArray:
    """Return shares of counts along the last axis, with a prior worth so many incidents."""
    total = counts.sum(axis=-1, keepdims=True) + worth
    return np.where(total > 0, (counts + worth * prior) / np.maximum(total, 1e-300), prior)


def _concerned(forecast: Forecast) -> dict[str, NDArray[np.bool_]]:
    """Return which violent incidents concern each layer of a forecast, from wide to narrow."""
    told = forecast.measures[forecast.measures["violence"]]
    names = {"violence": "violence", "foreign": "foreign", "group": "theirs"}
    layers = LAYERS if "relevance" in forecast.evidence else LAYERS[:2]
    return {layer: told[names[layer]].to_numpy(dtype=bool) for layer in layers}


def consequence_matrix(layer: RiskLayer, name: str | None = None) -> pd.DataFrame:
    """Return how many regions stand at each likelihood and consequence (ISO 31000).

    A view: likelihood is the risk level, consequence the class of the severe scenario
    (:data:`CONSEQUENCES`), and neither changes the other.

    Parameters
    ----------
    layer : RiskLayer
        The layer.
    name
        ``"violence"``, ``"foreign"`` or ``"group"``; the headline when None.

    Returns
    -------
    DataFrame
        Levels (rows, the highest first) by classes (columns), with ``not assessed`` for regions
        whose level is 0 or whose consequence is not known; the cells sum to the regions.

    Raises
    ------
    InputError
        When the layer has no such part.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> int(consequence_matrix(layer).to_numpy().sum()) == len(districts)
    True
    """
    chosen = layer.headline if name is None else name
    risks = layer.risks[layer.risks["layer"] == chosen]
    if risks.empty:
        raise InputError(
            "no such layer", met=chosen, expected=" or ".join(layer.risks["layer"].unique())
        )
    severe = risks["severe_scenario"].to_numpy()
    steps = np.searchsorted(list(CONSEQUENCES.values()), severe, side="right") - 1
    columns = [*CONSEQUENCES, "not assessed"]
    known = np.isfinite(severe) & (risks["risk_level"] > 0).to_numpy()
    consequence = np.array(columns)[np.where(known, steps, -1)]
    table = pd.crosstab(risks["level_name"].to_numpy(), consequence)
    levels = [level.name for level in reversed(layer.scale.levels)]
    table = table.reindex(index=levels, columns=columns, fill_value=0)
    return table.rename_axis(index="likelihood", columns="consequence")
