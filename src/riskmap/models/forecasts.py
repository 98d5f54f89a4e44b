"""Forecasts: a panel and a model to probabilities for each region and layer."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier, is_regressor

from riskmap.errors import ModelError
from riskmap.hazards import hazard_of
from riskmap.models.baselines import ExponentialMean
from riskmap.models.endemic_epidemic import EndemicEpidemic
from riskmap.models.estimators import parse_horizon
from riskmap.models.explanations import (
    INFLUENCES,
    RESPONSES,
    Question,
    find_influences,
    find_responses,
)
from riskmap.models.files import pack_model
from riskmap.models.reports import (
    find_reports,
    history_of_record,
    report_codes,
    tell_reports,
    with_record,
)
from riskmap.models.shrinkage import EmpiricalBayes
from riskmap.models.tables import Forecast
from riskmap.models.terms import LayerModel, Term
from riskmap.panels.groups import THEIRS
from riskmap.panels.imputation import impute_lost
from riskmap.panels.measures import hits_foreigners, is_violence
from riskmap.panels.panel import reach_back
from riskmap.schema import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskmap.models.reports import Reports
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray

#: The hazard of attacks on foreigners is never below so much of that of any violence.
LEAST_SHARE = 0.003

METHOD_VERSION = "2026.2"

#: The models whose ``p_any`` is set beside that of the model, to show how far they disagree.
ENSEMBLE = (EmpiricalBayes(), ExponentialMean())

_NUMBERS = (
    *("expected_count", "p_any", "p_gt1", "p_gt4", "q05", "q50", "q95", "dispersion"),
    *("p_least", "p_most", "p_low", "p_high", "p_own", "p_whole"),
)


def forecast(
    panel: Panel, *, horizon: str | float | pd.Timedelta = "90D", model: CountModel | None = None
) -> Forecast:
    """Forecast the incidents of each region over a horizon that starts on the panel's ``as_of``.

    A history that is shorter than the horizon is taken to have been watched by nobody before.

    Parameters
    ----------
    panel : Panel
        Counts by region and window.
    horizon
        A duration such as ``"90D"``, or a number of days.
    model : CountModel, optional
        An estimator such as :class:`riskmap.EndemicEpidemic` (the default); a regressor or
        classifier of scikit-learn is :class:`riskmap.Adapted`. It is cloned for each layer and not
        changed.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When `horizon` is not a duration of a day to a hundred years.
    ModelError
        When `model` is none.

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
    chosen = take_model(model)
    evidence = panel.evidence
    codes = report_codes(evidence, panel.group)
    reports = find_reports(panel, codes)
    histories, fitted, layers = _learn(panel, chosen, days, reports=reports)
    whole = impute_lost(panel)
    asked_of_all = {} if whole is None else _predict(whole, chosen, days)
    tables = _forecast_layers(panel, histories, layers, asked_of_all, days=days)
    rates = _rates(fitted, histories, days) if layers else {}
    asked = [Question(one, histories, panel.keys["region_id"], rates) for one in layers.values()]
    responses = [find_responses(one, as_of=panel.as_of, every=panel.every) for one in asked]
    return Forecast(
        frame=_in_order([frame for frame, _ in tables]),
        components=_in_order([parts for _, parts in tables]),
        keys=panel.keys,
        evidence=evidence,
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
                for name in layers
            },
            **_describe_group(panel.group),
        },
        ledger=panel.ledger,
        influences=_in_order([find_influences(one, reports) for one in asked], INFLUENCES),
        responses=_in_order(responses, RESPONSES),
        reports=tell_reports(evidence, codes, as_of=panel.as_of),
        measures=_tell_measures(evidence, panel.group),
        counts=panel.frame,
        neighbours=_tell_neighbours(panel),
        knowledge=panel.knowledge,
        shares=panel.shares,
        attacks=panel.attacks,
        fitted=_tell_fitted(fitted),
        group=panel.group,
    )


def _learn(
    panel: Panel, model: CountModel, days: float, *, reports: Reports
) -> tuple[dict[str, CountHistory], dict[str, CountModel], dict[str, LayerModel]]:
    """Return the histories of a panel, the models that they teach, and the layers."""
    histories = {name: with_record(one, name, reports) for name, one in histories_of(panel).items()}
    fitted = fit_models(model, histories, days, reports=reports)
    return histories, fitted, make_layers(fitted, histories, panel)


def _predict(panel: Panel, model: CountModel, days: float) -> dict[str, CountDistribution]:
    """Return what a panel gives for each layer."""
    reports = find_reports(panel, report_codes(panel.evidence, panel.group))
    histories, _, layers = _learn(panel, model, days, reports=reports)
    return {name: one.predict(histories) for name, one in layers.items()}


def take_model(model: Any = None) -> CountModel:
    """Return a model of counts: the one that is given, the default, or one of scikit-learn adapted.

    Raises
    ------
    ModelError
        When it is none of these.

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> take_model(), take_model(PoissonRegressor())
    (EndemicEpidemic(), Adapted(estimator=PoissonRegressor()))
    """
    if model is None:
        return EndemicEpidemic()
    if isinstance(model, type):
        raise ModelError(f"{model.__name__} is a class: give a model, {model.__name__}()")
    if hasattr(model, "predict_distribution"):
        found: CountModel = model
        return found
    known = hasattr(model, "__sklearn_tags__")
    chances = known and is_classifier(model) and hasattr(model, "predict_proba")
    if not (chances or (known and is_regressor(model))):
        raise ModelError(
            f"a {type(model).__name__} forecasts no counts: give a model of riskmap, or of "
            "scikit-learn a regressor or a classifier with predict_proba"
        )
    from riskmap.models.ensembles import Adapted, weights_keyword  # trees take their time to load

    if weights_keyword(model) is None:
        raise ModelError(
            f"a {type(model).__name__} can't learn from months of unequal length: give an "
            "estimator whose fit takes sample_weight"
        )
    return Adapted(model)


def _forecast_layers(
    panel: Panel,
    histories: Mapping[str, CountHistory],
    layers: Mapping[str, LayerModel],
    whole: Mapping[str, CountDistribution],
    *,
    days: float,
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the forecast and the components of each layer that is asked for."""
    spans = {end: _shares_by_region(panel, end) for end in ("share_low", "share_high")}
    ensemble = [fit_models(other, histories, days) for other in ENSEMBLE]
    others = [make_layers(models, histories, panel) for models in ensemble]
    return [
        _forecast_layer(
            name,
            layers.get(name),
            histories,
            panel.keys["region_id"],
            spans=spans,
            whole=whole.get(name),
            others=[models.get(name) for models in others],
        )
        for name in (LAYERS if panel.group is not None else LAYERS[:2])
    ]


def _tell_measures(evidence: pd.DataFrame, group: WorkerGroup | None) -> pd.DataFrame:
    """Return what each incident counts as."""
    theirs = evidence["relevance"].isin(THEIRS) if "relevance" in evidence else False
    return pd.DataFrame(
        {
            "violence": is_violence(evidence),
            "foreign": hits_foreigners(evidence, group),
            "theirs": theirs,
        },
        index=evidence.index,
    )


def _tell_neighbours(panel: Panel) -> pd.DataFrame:
    """Return the weights of neighbours as a table."""
    links, ids = panel.neighbours.tocoo(), panel.keys["region_id"].to_numpy()
    row, column = links.coords
    return pd.DataFrame({"region_id": ids[row], "neighbour_id": ids[column], "weight": links.data})


def _tell_fitted(fitted: Mapping[str, CountModel]) -> dict[str, Any]:
    """Return what models have learnt as plain values; nothing for those that hold anything else."""
    try:
        return {name: pack_model(model) for name, model in fitted.items()}
    except ModelError:
        return {}


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
        history = _only_watched(history, horizon_days)
        own = clone(model)
        if own.get_params(deep=False).get("prior") == "layer":
            own = own.set_params(prior=name)
        fitted[name] = own.fit(history, horizon_days=horizon_days)
    return fitted


def _only_watched(history: CountHistory, horizon_days: float) -> CountHistory:
    """Return what was counted while somebody watched, from the first such window on.

    What was told of other windows has no days at risk; one old row would stretch a short log. At
    least the days of the horizon are kept.
    """
    if history.watched is None:
        return history
    left = history.days[::-1].cumsum()[::-1]
    enough = int(np.sum(left >= horizon_days)) - 1
    start = max(min(int(np.argmax((history.watched > 0).any(axis=1))), enough), 0)
    counts = np.where(history.watched > 0, history.counts, 0.0)
    cut = {
        name: values[start:]
        for name in ("days", "phase", "watched", "exposure", "reported")
        if (values := getattr(history, name)) is not None and len(values) == len(counts)
    }
    drivers = {name: values[start:] for name, values in history.drivers.items()}
    return replace(history, counts=counts[start:], drivers=drivers, record=None, **cut)


def make_layers(
    fitted: Mapping[str, CountModel],
    histories: Mapping[str, CountHistory],
    panel: Panel | Forecast,
) -> dict[str, LayerModel]:
    """Return what forecasts each layer: known incidents, and a share of the unknown ones.

    Parameters
    ----------
    fitted
        From :func:`fit_models`.
    histories
        What they are asked about.
    panel : Panel or Forecast
        With the regions, the shares, and the group if there is one.
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


def _shares_by_region(panel: Panel | Forecast, column: str) -> FloatArray:
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


def _in_order(tables: list[pd.DataFrame], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return tables as one, by region and from the wide layer to the narrow."""
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
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
    whole: CountDistribution | None,
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
        p_whole=p_any if whole is None else np.maximum(p_any, whole.p_gt(0)),
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
