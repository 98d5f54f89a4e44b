"""Forecasts: a panel and a model to probabilities for each region and layer."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor

from riskmap.errors import ModelError
from riskmap.incidents.foreign_victims import hits_foreigners, is_violence
from riskmap.models.baselines import ExponentialMean
from riskmap.models.clusters import Hawkes
from riskmap.models.endemic_epidemic import EndemicEpidemic
from riskmap.models.estimators import pack_model, parse_horizon
from riskmap.models.explanations import (
    INFLUENCES,
    RESPONSES,
    Question,
    find_influences,
    find_responses,
)
from riskmap.models.histories import find_reports, report_codes, tell_reports, with_record
from riskmap.models.results import Forecast
from riskmap.models.shrinkage import EmpiricalBayes
from riskmap.models.terms import (
    fit_models,
    histories_of,
    make_layers,
    shares_by_region,
    spread_of,
)
from riskmap.panels.frames import impute_lost
from riskmap.panels.groups import THEIRS
from riskmap.panels.panel import reach_back, with_breaks
from riskmap.panels.risk_days import hazard_of
from riskmap.schema import LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskmap.models.histories import Reports
    from riskmap.models.terms import LayerModel
    from riskmap.panels.groups import WorkerGroup
    from riskmap.panels.panel import Panel
    from riskmap.typing import CountDistribution, CountHistory, CountModel, FloatArray

METHOD_VERSION = "2026.2"

#: The models whose ``p_any`` is set beside that of the model, to show how far they disagree.
ENSEMBLE = (EmpiricalBayes(), ExponentialMean())

_NUMBERS = (
    *("expected_count", "p_any", "p_gt1", "p_gt4", "q05", "q50", "q95", "dispersion"),
    *("p_least", "p_most", "p_low", "p_high", "p_own", "p_whole"),
)


def forecast(
    panel: Panel,
    *,
    horizon: str | float | pd.Timedelta = "90D",
    model: CountModel | Literal["best"] | None = None,
    breaks: Sequence[str] = (),
    lead: str | float | pd.Timedelta = 0,
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
        changed. With ``"best"`` the default is pooled with :class:`riskmap.Hawkes` in the layers in
        which that was better by more than noise; ``provenance["pools"]`` says in which.
    breaks : sequence of str
        Where and when things changed, such as ``"AFG:2021-08-15"``: what was before counts for
        less and less there while others are watched (:func:`riskmap.panels.panel.with_breaks`).
    lead
        How long after ``as_of`` the horizon starts, for planning: ``horizon="31D", lead="61D"`` is
        the third month. Models that learn what follows past origins, as the default does, learn
        what followed so long after; others say the same of every lead. Levels are of no lead.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When `horizon` is not a duration of a day to a hundred years, or a break is of no place that
        is counted, or not before the panel's ``as_of``.
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
    days, ahead = parse_horizon(horizon), 0.0 if lead == 0 else parse_horizon(lead)
    if days + ahead > float((panel.edges[-1] - panel.edges[0]).astype(int)):
        panel = reach_back(panel, days + ahead)
    panel = replace(panel, lead_days=ahead)
    if breaks:
        panel = with_breaks(panel, breaks)
    chosen = take_model(model)
    evidence = panel.evidence
    codes = report_codes(evidence, panel.group)
    reports = find_reports(panel, codes)
    histories, fitted, layers = _learn(panel, chosen, days, reports=reports)
    whole = [_predict(one, chosen, days) for one in impute_lost(panel)]
    frame, components = _forecast_layers(panel, histories, layers, whole, days=days)
    rates = _rates(fitted, histories, days) if layers else {}
    answers: dict[tuple[object, ...], CountDistribution] = {}
    asked = [
        Question(one, histories, panel.keys["region_id"], rates, answers) for one in layers.values()
    ]
    responses = [find_responses(one, as_of=panel.as_of, every=panel.every) for one in asked]
    told = reports.source.tolist()
    return Forecast(
        frame=frame,
        components=components,
        keys=panel.keys,
        evidence=evidence,
        provenance={
            **_describe(panel, chosen, days),
            **({"pools": _tell_pools(fitted)} if model == "best" else {}),
            "sources_of_record": {
                name: sorted({source for _, source in reports.of_record(name)} & set(told))
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
    if model == "best":
        from riskmap.models.ensembles import Stack

        return Stack((EndemicEpidemic(), Hawkes()), cautious=True)
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
    whole: Sequence[Mapping[str, CountDistribution]],
    *,
    days: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the forecast and the components of each layer, missing where nothing is known.

    `whole` is what each layer may be, had the rows counted that were set aside.
    """
    shares = [shares_by_region(panel, end) for end in ("share_low", "share_high")]
    ensemble = [make_layers(fit_models(one, histories, days), histories, panel) for one in ENSEMBLE]
    frames, parts = [], []
    for layer in LAYERS if panel.group is not None else LAYERS[:2]:
        keys = pd.DataFrame({"region_id": panel.keys["region_id"].to_numpy(), "layer": layer})
        if layer not in layers:
            frames.append(keys.assign(**dict.fromkeys(_NUMBERS, np.nan)))
            continue
        model = layers[layer]
        found = model.predict(histories)
        p_any = found.p_gt(0)
        low, high = (model.with_share(share).predict(histories).p_gt(0) for share in shares)
        asked = [one[layer].predict(histories).p_gt(0) for one in ensemble if layer in one]
        numbers = keys.assign(
            expected_count=found.mean,
            p_any=p_any,
            p_gt1=found.p_gt(1),
            p_gt4=found.p_gt(4),
            q05=found.quantile(0.05),
            q50=found.quantile(0.5),
            q95=found.quantile(0.95),
            dispersion=spread_of(found),
            p_least=np.min([p_any, *asked], axis=0),
            p_most=np.max([p_any, *asked], axis=0),
            p_low=np.minimum(p_any, low),
            p_high=np.maximum(p_any, high),
            p_own=np.minimum(p_any, _p_own(model, histories, found, days)),
            p_whole=np.max([p_any, *(one[layer].p_gt(0) for one in whole if layer in one)], axis=0),
        )
        frames.append(numbers)
        named = model.components(histories).items()
        parts += [keys.assign(component=name, value=value) for name, value in named]
    return _in_order(frames), _in_order(parts, ("region_id", "layer", "component", "value"))


def _p_own(
    model: LayerModel,
    histories: Mapping[str, CountHistory],
    found: CountDistribution,
    days: float,
) -> FloatArray:
    """Return the chance of any incident that a region's own reports give alone."""
    own = np.minimum(model.own_mean(histories, days), found.mean)
    share = np.divide(own, found.mean, out=np.zeros_like(own), where=found.mean > 0)
    return -np.expm1(-hazard_of(found.p_gt(0)) * share)


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


def _tell_pools(fitted: Mapping[str, CountModel]) -> dict[str, list[float]]:
    """Return by layer what the members of its pool weigh; layers of the default alone have none."""
    return {
        name: np.asarray(weights).round(4).tolist()
        for name, model in fitted.items()
        if (weights := getattr(model, "weights_", None)) is not None
    }


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


def _describe(panel: Panel, model: CountModel, days: float) -> dict[str, Any]:
    """Return what outputs say of when and how a forecast is made."""
    params = ", ".join(f"{k}={v!r}" for k, v in sorted(model.get_params(deep=False).items()))
    return {
        "as_of": f"{panel.as_of:%Y-%m-%d}",
        "forecast_origin": f"{panel.as_of:%Y-%m-%d}",
        "horizon_days": days,
        "every": panel.every,
        "windows": len(panel.edges) - 1,
        "history_start": str(panel.edges[0]),
        "model": f"{type(model).__name__}({params})",
        "method_version": METHOD_VERSION,
        **({"drafts": panel.drafts} if panel.drafts else {}),
        **panel.later,
        **({"breaks": list(panel.breaks)} if panel.breaks else {}),
        **({"lead_days": panel.lead_days} if panel.lead_days else {}),
    }
