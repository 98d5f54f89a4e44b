"""Forecasts: a panel and a model to probabilities for each region and layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone

from riskmap.models.baselines import ExponentialMean
from riskmap.models.endemic_epidemic import EndemicEpidemic
from riskmap.models.explanations import (
    INFLUENCES,
    RESPONSES,
    Question,
    find_influences,
    find_responses,
)
from riskmap.models.reports import find_reports, history_of_record
from riskmap.models.shrinkage import EmpiricalBayes
from riskmap.models.terms import LayerModel, Term, hazard_of
from riskmap.panels.counts import reach_back, recount_evidence
from riskmap.panels.windows import parse_horizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.ledgers import Ledger
    from riskmap.models.reports import Reports
    from riskmap.panels.counts import Panel
    from riskmap.panels.groups import WorkerGroup
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray

#: The layers of a forecast, from wide to narrow; the group's where one was counted.
LAYERS = ("violence", "foreign", "group")

#: The hazard of attacks on foreigners is never below so much of that of any violence.
LEAST_SHARE = 0.003

METHOD_VERSION = "2026.2"

#: The models whose ``p_any`` is set beside that of the model, to show how far they disagree.
ENSEMBLE = (EmpiricalBayes(), ExponentialMean())

_NUMBERS = (
    *("expected_count", "p_any", "p_gt1", "p_gt4", "q05", "q50", "q95", "dispersion"),
    *("p_least", "p_most", "p_low", "p_high", "p_own"),
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
        the model and of :data:`ENSEMBLE`; ``p_low``, ``p_high`` those of the span of the share of
        incidents that don't say who was hit; ``p_own`` is what the own reports give alone.
    components : DataFrame
        ``region_id, layer, component, value``; a region's values sum to its ``expected_count``.
    keys : DataFrame
        ``region_id, parent_id, iso3`` of the regions, in order.
    evidence : DataFrame
        The incidents that were counted, newest first.
    provenance : dict
        ``as_of, forecast_origin, horizon_days, every, windows, model, method_version`` as plain
        values.
    ledger : Ledger
        What became of every row so far.
    layers : mapping of str to LayerModel
        For each layer that could be forecast its models, so that they can be asked again what they
        make of other counts.
    histories : mapping of str to CountHistory
        What they were asked about, by series.
    knowledge, shares, attacks : DataFrame
        As in :class:`riskmap.Panel`.
    group : WorkerGroup, optional
        Whose layer ``group`` is.
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
    keys: pd.DataFrame
    evidence: pd.DataFrame
    provenance: dict[str, Any]
    ledger: Ledger
    layers: Mapping[str, LayerModel] = field(default_factory=dict)
    histories: Mapping[str, CountHistory] = field(default_factory=dict)
    influences: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=[*INFLUENCES]))
    responses: pd.DataFrame = field(default_factory=partial(pd.DataFrame, columns=[*RESPONSES]))
    knowledge: pd.DataFrame = field(default_factory=pd.DataFrame)
    shares: pd.DataFrame = field(default_factory=pd.DataFrame)
    attacks: pd.DataFrame = field(default_factory=pd.DataFrame)
    group: WorkerGroup | None = None


def forecast(
    panel: Panel, *, horizon: str | pd.Timedelta = "90D", model: CountModel | None = None
) -> Forecast:
    """Forecast the incidents of each region over a horizon that starts on the panel's ``as_of``.

    A history that is shorter than the horizon is taken to have been watched by nobody before.

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
    if days > float((panel.edges[-1] - panel.edges[0]).astype(int)):
        panel = reach_back(panel, days)
    chosen = EndemicEpidemic() if model is None else model
    ids = panel.keys["region_id"]
    reports = find_reports(panel)
    histories = histories_of(panel)
    fitted = fit_models(chosen, histories, days, reports=reports)
    layers = make_layers(fitted, histories, panel)
    names = LAYERS if panel.group is not None else LAYERS[:2]
    spans = {end: _shares_by_region(panel, end) for end in ("share_low", "share_high")}
    others = [fit_models(other, histories, days) for other in ENSEMBLE]
    found = [
        _forecast_layer(
            name,
            layers.get(name),
            histories,
            ids,
            spans=spans,
            others=[make_layers(models, histories, panel).get(name) for models in others],
        )
        for name in names
    ]
    asked = [
        Question(layers[name], histories, ids, _rates(fitted, histories, days))
        for name in names
        if name in layers
    ]
    return Forecast(
        frame=_in_order([frame for frame, _ in found]),
        components=_in_order([parts for _, parts in found]),
        keys=panel.keys,
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
                for name in names
                if name in layers
            },
            **_describe_group(panel.group),
        },
        ledger=panel.ledger,
        layers=layers,
        histories=histories,
        influences=_in_order([find_influences(question, reports) for question in asked]),
        responses=_in_order(
            [find_responses(question, as_of=panel.as_of, every=panel.every) for question in asked]
        ),
        knowledge=panel.knowledge,
        shares=panel.shares,
        attacks=panel.attacks,
        group=panel.group,
    )


def histories_of(panel: Panel) -> dict[str, CountHistory]:
    """Return the histories of all series of a panel that models are asked about."""
    names = ("violence", "foreign", "unknown", "group", "group_unknown")
    known = [name for name in names if name in panel.frame]
    return {name: panel.history(name) for name in known if panel.frame[name].notna().any()}


def fit_models(
    model: CountModel,
    histories: Mapping[str, CountHistory],
    horizon_days: float,
    *,
    reports: Reports | None = None,
) -> dict[str, CountModel]:
    """Return a model fitted to violence, and one to the foreign incidents that are known.

    Parameters
    ----------
    model
        It is cloned and not changed.
    histories
        From :func:`histories_of`.
    horizon_days
        The horizon.
    reports : Reports, optional
        Of which only those of record teach; all counts do when None.
    """
    fitted = {}
    for name in ("violence", "foreign"):
        if name not in histories:
            continue
        history = histories[name]
        if reports is not None:
            history = history_of_record(history, name, reports)
        own = clone(model)
        if own.get_params(deep=False).get("prior") == "layer":
            own = own.set_params(prior=name)
        fitted[name] = own.fit(history, horizon_days=horizon_days)
    return fitted


def make_layers(
    fitted: Mapping[str, CountModel], histories: Mapping[str, CountHistory], panel: Panel
) -> dict[str, LayerModel]:
    """Return what forecasts each layer: known incidents, and a share of the unknown ones.

    Parameters
    ----------
    fitted
        From :func:`fit_models`.
    histories
        What they are asked about.
    panel : Panel
        With the shares, and the group if there is one.
    """
    if "violence" not in fitted:
        return {}
    wide = Term(fitted["violence"], "violence")
    layers = {"violence": LayerModel("violence", (wide,))}
    least = np.full(len(panel.keys), LEAST_SHARE)
    share = _shares_by_region(panel, "share")
    names = {"foreign": ("foreign", "unknown"), "group": ("group", "group_unknown")}
    for layer, (known, unknown) in names.items():
        terms = []
        if "foreign" in fitted and known in histories:
            term = Term(fitted["foreign"], known)
            if layer == "group" and panel.group is not None:
                floor = panel.group.relevance_table["other foreigners"]
                term = replace(term, cap="foreign", floor=floor)
            terms.append(term)
        if unknown in histories and histories[unknown].counts.any():
            terms.append(Term(fitted["violence"], unknown, share=share))
        if terms:
            layers[layer] = LayerModel(layer, tuple(terms), least=least, wide=wide)
    if "group" in layers:
        own, all_of_it = (
            hazard_of(replace(layers[name], wide=None).predict(histories).p_gt(0))
            for name in ("group", "foreign")
        )
        part = np.divide(own, all_of_it, out=np.ones_like(own), where=all_of_it > 0)
        layers["group"] = replace(layers["group"], least=least * np.minimum(part, 1.0))
    return layers


def _shares_by_region(panel: Panel, column: str) -> FloatArray:
    """Return the share of each region's country: the largest of its sources that leave it open."""
    shares = panel.shares
    iso3 = panel.keys["iso3"].fillna("")
    if shares.empty or not (shares["unknown"] > 0).any():
        return np.zeros(len(iso3))
    largest = shares[shares["unknown"] > 0].groupby("iso3")[column].max()
    return iso3.map(largest).fillna(float(largest.max())).to_numpy(dtype=float)


def _rates(
    fitted: Mapping[str, CountModel], histories: Mapping[str, CountHistory], days: float
) -> dict[str, FloatArray]:
    """Return the incidents a day that are expected of each series."""
    models = {"foreign": "foreign", "group": "foreign"}
    rates = {
        name: fitted[models.get(name, "violence")].predict_distribution(history).mean / days
        for name, history in histories.items()
        if models.get(name, "violence") in fitted
    }
    nothing = np.zeros_like(rates["violence"])
    return {"unknown": nothing, "foreign": nothing} | rates


def _describe_group(group: WorkerGroup | None) -> dict[str, Any]:
    """Return what outputs say of a group; never where it is."""
    if group is None:
        return {}
    return {
        "group": str(group),
        "group_staff_type": group.staff_type,
        "group_visibility": group.visibility,
        "group_movement": group.movement,
        "relevance": group.relevance_table,
        **({} if group.targeting is None else {"targeting": asdict(group.targeting)}),
    }


def recount(forecast: Forecast, evidence: pd.DataFrame, *, as_of: str) -> Panel:
    """Return the panel that a forecast would have been made of, had other incidents been known.

    Parameters
    ----------
    forecast : Forecast
        Whose regions, windows and group are taken.
    evidence : DataFrame
        Incidents as in ``Forecast.evidence``; those of `as_of` or later are left out.
    as_of
        The day that the last window ends on.

    Returns
    -------
    Panel

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = rm.forecast(panel)
    >>> same = recount(found, found.evidence, as_of="2025-01-01").history("violence")
    >>> bool(np.allclose(same.counts, found.histories["violence"].counts))
    True
    """
    known = forecast.provenance
    asked = next(iter(forecast.histories.values()))
    n = len(forecast.keys)
    return recount_evidence(
        evidence,
        keys=forecast.keys,
        neighbours=sparse.csr_array((n, n)) if asked.neighbours is None else asked.neighbours,
        start=known["history_start"],
        as_of=as_of,
        every=known["every"],
        group=forecast.group,
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
    layer: str,
    model: LayerModel | None,
    histories: Mapping[str, CountHistory],
    ids: pd.Series,
    *,
    spans: dict[str, FloatArray],
    others: list[LayerModel | None],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a layer's forecast and its components, missing where nothing is known."""
    keys = pd.DataFrame({"region_id": ids.to_numpy(), "layer": layer})
    if model is None:
        parts: dict[str, list[float]] = {"region_id": [], "layer": [], "component": [], "value": []}
        return keys.assign(**dict.fromkeys(_NUMBERS, np.nan)), pd.DataFrame(parts)
    found = model.predict(histories)
    mean, p_any = found.mean, found.p_gt(0)
    asked = [other.predict(histories).p_gt(0) for other in others if other is not None]
    low, high = (model.with_share(share).predict(histories).p_gt(0) for share in spans.values())
    frame = keys.assign(
        expected_count=mean,
        p_any=p_any,
        p_gt1=found.p_gt(1),
        p_gt4=found.p_gt(4),
        q05=found.quantile(0.05),
        q50=found.quantile(0.5),
        q95=found.quantile(0.95),
        dispersion=np.divide(found.variance, mean, out=np.ones_like(mean), where=mean > 0),
        p_least=np.min([p_any, *asked], axis=0),
        p_most=np.max([p_any, *asked], axis=0),
        p_low=np.minimum(p_any, low),
        p_high=np.maximum(p_any, high),
        p_own=np.minimum(p_any, _p_own(model, histories, found)),
    )
    return frame, _stack(model.components(histories), keys)


def _p_own(
    model: LayerModel, histories: Mapping[str, CountHistory], found: CountDistribution
) -> FloatArray:
    """Return the chance of any incident that a region's own reports give alone."""
    days = float(model.terms[0].model.horizon_days_)  # type: ignore[attr-defined]
    own = np.minimum(model.own_mean(histories, days), found.mean)
    share = np.divide(own, found.mean, out=np.zeros_like(own), where=found.mean > 0)
    return -np.expm1(-hazard_of(found.p_gt(0)) * share)


def _stack(parts: dict[str, FloatArray], keys: pd.DataFrame) -> pd.DataFrame:
    """Return components as a long table: region, layer, component, value."""
    tables = [keys.assign(component=name, value=value) for name, value in parts.items()]
    return pd.concat(tables, ignore_index=True)
