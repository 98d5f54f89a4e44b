"""Forecasts: a panel and a model to probabilities for each region and layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from riskmap.errors import ModelError
from riskmap.models.baselines import ExponentialMean
from riskmap.models.endemic_epidemic import EndemicEpidemic
from riskmap.models.explanations import (
    INFLUENCES,
    RESPONSES,
    Question,
    find_influences,
    find_reports,
    find_responses,
    history_of_record,
)
from riskmap.models.shrinkage import EmpiricalBayes
from riskmap.panels.counts import recount_evidence
from riskmap.panels.windows import parse_horizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.ledgers import Ledger
    from riskmap.panels.counts import Panel
    from riskmap.typing import CountHistory, CountModel, FloatArray

#: The layers that a panel can tell of, from wide to narrow.
LAYERS = ("violence", "foreign")

METHOD_VERSION = "2026.1"

#: The models whose ``p_any`` is set beside that of the model, to show how far they disagree.
ENSEMBLE = (EmpiricalBayes(), ExponentialMean())

_NUMBERS = (
    *("expected_count", "p_any", "p_gt1", "p_gt4", "q05", "q50", "q95", "dispersion"),
    *("p_least", "p_most"),
)


@dataclass(frozen=True)
class Forecast:
    """How many incidents are expected in each region over a horizon, and with what probability.

    Parameters
    ----------
    frame : DataFrame
        ``region_id, layer, expected_count, p_any, p_gt1, p_gt4, q05, q50, q95, dispersion``; one
        row a region and layer, missing where the layer can't be forecast. ``dispersion`` is
        variance over mean; ``p_least`` and ``p_most`` are the least and the greatest ``p_any`` of
        the model and of :data:`ENSEMBLE`.
    components : DataFrame
        ``region_id, layer, component, value``; a region's values sum to its ``expected_count``.
    activity : DataFrame
        ``region_id, reports, report_days, country_report_days, last_report_days``: how much is
        reported from each region, and on how many days there was a report from it and its country.
    evidence : DataFrame
        The incidents that were counted, newest first.
    provenance : dict
        ``as_of, forecast_origin, horizon_days, every, windows, model, method_version`` as plain
        values.
    ledger : Ledger
        What became of every row so far.
    models, histories : mapping of str to CountModel, CountHistory
        For each layer that could be forecast its fitted model and what that was asked about, so
        that it can be asked again what it makes of other counts.
    influences : DataFrame
        ``region_id, layer, kind, key, confirmed, expected_count, p_any, dispersion``: the forecast
        without one report (``kind`` is ``"incident"``, `key` its first ``incident_id``) or
        without what one source alone tells (``"source"``), the coefficients held.
    responses : DataFrame
        ``region_id, layer, kind, amount, expected_count, p_any, dispersion``: the forecast after
        `amount` more incidents (``"more"``), or after `amount` quiet days (``"quiet"``), the
        coefficients held.

    See Also
    --------
    riskmap.models.explanations : What exactly is left out or added.
    """

    frame: pd.DataFrame
    components: pd.DataFrame
    activity: pd.DataFrame
    evidence: pd.DataFrame
    provenance: dict[str, Any]
    ledger: Ledger
    models: Mapping[str, CountModel] = field(default_factory=dict)
    histories: Mapping[str, CountHistory] = field(default_factory=dict)
    influences: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=[*INFLUENCES]))
    responses: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=[*RESPONSES]))


def forecast(
    panel: Panel, *, horizon: str | pd.Timedelta = "90D", model: CountModel | None = None
) -> Forecast:
    """Forecast the incidents of each region over a horizon that starts on the panel's ``as_of``.

    Parameters
    ----------
    panel : Panel
        Counts by region and window.
    horizon
        A duration such as ``"90D"``.
    model : CountModel, optional
        An estimator such as :class:`riskmap.EndemicEpidemic` (the default). It is cloned for each
        layer and not changed.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When `horizon` is no positive duration.
    ModelError
        When the horizon is longer than the history.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> rm.forecast(panel, horizon="90D").frame["p_any"].between(0, 1).all().item()
    True
    """
    days = parse_horizon(horizon)
    history_days = float((panel.edges[-1] - panel.edges[0]).astype(int))
    if days > history_days:
        raise ModelError(f"a horizon of {days:g} days is longer than {history_days:g} of history")
    chosen = EndemicEpidemic() if model is None else model
    ids = panel.keys["region_id"]
    histories = {name: panel.history(name) for name in LAYERS}
    reports = find_reports(panel)
    models = {
        name: clone(chosen).fit(history_of_record(history, name, reports), horizon_days=days)
        for name, history in histories.items()
        if not np.isnan(history.counts).all()
    }
    found = [_forecast_layer(histories[name], models.get(name), ids, name) for name in LAYERS]
    rates = {name: frame["expected_count"].to_numpy() / days for name, frame, _ in found}
    asked = [Question(models[name], histories[name], name, ids, rates) for name in models]
    return Forecast(
        frame=_in_order([frame for _, frame, _ in found]),
        components=_in_order([parts for _, _, parts in found]),
        activity=measure_activity(panel),
        evidence=panel.evidence,
        provenance={
            "as_of": f"{panel.as_of:%Y-%m-%d}",
            "forecast_origin": f"{panel.as_of:%Y-%m-%d}",
            "horizon_days": days,
            "every": panel.every,
            "windows": len(panel.edges) - 1,
            "history_start": str(panel.edges[0]),
            "model": _describe(chosen),
            "method_version": METHOD_VERSION,
            "sources_of_record": {
                name: sorted(reports.of_record(name) & {str(source) for source in reports.source})
                for name in models
            },
        },
        ledger=panel.ledger,
        models=models,
        histories={name: histories[name] for name in models},
        influences=_in_order([find_influences(question, reports) for question in asked]),
        responses=_in_order(
            [find_responses(question, as_of=panel.as_of, every=panel.every) for question in asked]
        ),
    )


def recount(forecast: Forecast, evidence: pd.DataFrame, *, as_of: str) -> dict[str, CountHistory]:
    """Return what the models of a forecast would have been asked, had other incidents been known.

    Parameters
    ----------
    forecast : Forecast
        Whose regions, windows and layers are taken.
    evidence : DataFrame
        Incidents as in ``Forecast.evidence``; those of `as_of` or later are left out.
    as_of
        The day that the last window ends on.

    Returns
    -------
    dict of str to CountHistory
        By layer, for those that have a model.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = rm.forecast(panel)
    >>> same = recount(found, found.evidence, as_of="2025-01-01")
    >>> bool(np.allclose(same["violence"].counts, found.histories["violence"].counts))
    True
    """
    panel = recount_panel(forecast, evidence, as_of=as_of)
    return {layer: panel.history(layer) for layer in forecast.models}


def recount_panel(forecast: Forecast, evidence: pd.DataFrame, *, as_of: str) -> Panel:
    """Return the panel that :func:`recount` reads its histories from.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = rm.forecast(panel)
    >>> recount_panel(found, found.evidence, as_of="2025-01-01").n_regions == panel.n_regions
    True
    """
    known = forecast.provenance
    asked = next(iter(forecast.histories.values()))
    return recount_evidence(
        evidence,
        keys=forecast.activity[["region_id", "parent_id", "iso3"]],
        neighbours=asked.neighbours,
        start=known["history_start"],
        as_of=as_of,
        every=known["every"],
    )


def _in_order(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables as one, by region and from the wide layer to the narrow."""
    whole = pd.concat(tables, ignore_index=True)
    return whole.sort_values(["region_id", "layer"], key=_rank, kind="stable", ignore_index=True)


def _rank(column: pd.Series) -> pd.Series:
    """Sort layers from wide to narrow, and everything else as it is."""
    return column.map(LAYERS.index) if column.name == "layer" else column


def _describe(model: CountModel) -> str:
    """Return the model with its parameters, as it stands in outputs."""
    params = ", ".join(f"{k}={v!r}" for k, v in sorted(model.get_params(deep=False).items()))
    return f"{type(model).__name__}({params})"


def _forecast_layer(
    history: CountHistory, model: CountModel | None, ids: pd.Series, layer: str
) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    """Return the layer, its forecast and its components, missing where nothing is known."""
    keys = pd.DataFrame({"region_id": ids.to_numpy(), "layer": layer})
    if model is None:
        parts: dict[str, list[float]] = {"region_id": [], "layer": [], "component": [], "value": []}
        return layer, keys.assign(**dict.fromkeys(_NUMBERS, np.nan)), pd.DataFrame(parts)
    found = model.predict_distribution(history)
    mean = found.mean
    p_any = [found.p_gt(0), *(_p_any(other, history, model) for other in ENSEMBLE)]
    frame = keys.assign(
        expected_count=mean,
        p_any=p_any[0],
        p_gt1=found.p_gt(1),
        p_gt4=found.p_gt(4),
        q05=found.quantile(0.05),
        q50=found.quantile(0.5),
        q95=found.quantile(0.95),
        dispersion=np.divide(found.variance, mean, out=np.ones_like(mean), where=mean > 0),
        p_least=np.min(p_any, axis=0),
        p_most=np.max(p_any, axis=0),
    )
    return layer, frame, _stack(model.predict_components(history), keys)


def _p_any(other: CountModel, history: CountHistory, model: CountModel) -> FloatArray:
    """Return what another model says of the same horizon."""
    days = float(model.horizon_days_)  # type: ignore[attr-defined]
    fitted = clone(other).fit(history, horizon_days=days)
    return fitted.predict_distribution(history).p_gt(0)


def _stack(parts: dict[str, FloatArray], keys: pd.DataFrame) -> pd.DataFrame:
    """Return components as a long table: region, layer, component, value."""
    tables = [keys.assign(component=name, value=value) for name, value in parts.items()]
    return pd.concat(tables, ignore_index=True)


def measure_activity(panel: Panel) -> pd.DataFrame:
    """Return how many reports name each region, and for how many days there was none.

    An incident that is only known to a province is no report from any one of its districts. Of a
    panel without evidence the counts themselves are the reports.
    """
    if panel.evidence.empty:
        return _measure_counts(panel)
    sharp = panel.evidence["method"] != "spread"
    named = panel.evidence.loc[sharp, ["region_id", "weight", "event_date"]].groupby("region_id")
    reports = named["weight"].sum().reindex(panel.keys["region_id"]).fillna(0.0)
    last = named["event_date"].max().reindex(panel.keys["region_id"])
    days = named["event_date"].nunique().reindex(panel.keys["region_id"]).fillna(0)
    iso3 = panel.keys.set_index("region_id")["iso3"].fillna("")
    whole = panel.evidence.loc[sharp, "event_date"].groupby(
        panel.evidence.loc[sharp, "region_id"].map(iso3)
    )
    country = panel.keys["iso3"].fillna("").map(whole.nunique()).fillna(0)
    return panel.keys.assign(
        reports=reports.to_numpy(),
        report_days=days.to_numpy(dtype=float),
        country_report_days=country.to_numpy(dtype=float),
        last_report_days=(panel.as_of - last).dt.days.to_numpy(dtype=float),
    )


def _measure_counts(panel: Panel) -> pd.DataFrame:
    """Return the same from counts alone: the last report is as old as the end of its window."""
    counts = np.nan_to_num(panel.wide("reports").to_numpy())
    some = counts > 0
    last = len(counts) - np.argmax(some[::-1], axis=0)
    age = (panel.edges[-1] - panel.edges[last]).astype(float)
    iso3 = panel.keys["iso3"].fillna("").to_numpy()
    anywhere = pd.DataFrame(some.T).groupby(iso3).any().sum(axis=1)
    return panel.keys.assign(
        reports=counts.sum(axis=0),
        report_days=some.sum(axis=0).astype(float),
        country_report_days=pd.Series(iso3).map(anywhere).to_numpy(dtype=float),
        last_report_days=np.where(some.any(axis=0), age, np.nan),
    )
