"""The layer of a group: its part of the foreign forecast, beside the wider layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.assessment.groups.shares import Shown, Tally, attributed, thin
from riskmap.assessment.groups.what_ifs import Case
from riskmap.assessment.groups.workers import LOCAL
from riskmap.incidents.duplicates.agreements import CURATED
from riskmap.models.explanations import report_codes
from riskmap.models.forecasts import recount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskmap.assessment.groups.workers import WorkerGroup
    from riskmap.models.forecasts import Forecast
    from riskmap.typing import CountHistory, FloatArray


def add_group(forecast: Forecast, group: WorkerGroup) -> Forecast:
    r"""Return a forecast with the layer ``group`` beside ``violence`` and ``foreign``.

    What attacks on the group itself add to the foreign forecast is the group's as a whole; of
    everything else it bears its share (:func:`riskmap.assessment.groups.shares.attributed`). The
    share is that of the foreign incidents, shrunk from region to parent to country to all:

    .. math:: s_u = \frac{k_u + m\, s_{\mathrm{above}(u)}}{n_u + m}, \qquad
              s_{\mathrm{all}} = \frac{k + 1/2}{n + 1}

    with :math:`k_u` of :math:`n_u` foreign incidents of the area that concern the group and the
    area above worth :math:`m = 5` incidents. Thinning a negative binomial count leaves its size.

    Parameters
    ----------
    forecast : Forecast
        With the layer ``foreign``.
    group : WorkerGroup
        Who it is about.

    Returns
    -------
    Forecast
        With one more row a region, and ``relevance`` beside each incident of its evidence. Where
        the whole group is at home its numbers are missing: attacks on nationals are no part of the
        foreign rate.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> found = add_group(rm.forecast(panel), rm.WorkerGroup("CHN", sector="mining"))
    >>> counts = found.frame.pivot(index="region_id", columns="layer", values="expected_count")
    >>> bool((counts["group"] <= counts["foreign"]).all())
    True
    """
    evidence = flag_theirs(forecast.evidence, group, record=record_of(forecast))
    foreign = forecast.frame[forecast.frame["layer"] == "foreign"].reset_index(drop=True)
    frame, parts = foreign.assign(layer="group"), forecast.components.iloc[:0]
    influences, responses = forecast.influences.iloc[:0], forecast.responses.iloc[:0]
    if "foreign" in forecast.models:
        tally = Tally.of(evidence, forecast.activity)
        history = forecast.histories["foreign"]
        as_of = forecast.provenance["as_of"]
        shown = count_own(forecast, evidence, history, as_of=as_of)
        found = attributed(forecast.models["foreign"], shown, tally.shares())
        mean = np.sum(list(found.values()), axis=0)
        frame = _thinned(frame, foreign, mean)
        frame = _unknown_at_home(frame, forecast.activity, group)
        parts = _stack(found, forecast.activity["region_id"])
        case = Case(forecast, evidence, tally, shown)
        rates = mean / forecast.provenance["horizon_days"]
        influences, responses = case.influences(), case.responses(rates)
    return replace(
        forecast,
        frame=_interleave(forecast.frame, frame),
        components=_interleave(forecast.components, parts),
        evidence=evidence.drop(columns=["foreign", "ours"]),
        provenance={**forecast.provenance, **_describe(group)},
        influences=_interleave(forecast.influences, influences),
        responses=_interleave(forecast.responses, responses),
    )


def _unknown_at_home(
    frame: pd.DataFrame, regions: pd.DataFrame, group: WorkerGroup
) -> pd.DataFrame:
    """Return the frame without numbers where all of the group are at home.

    What happens to them there is no part of the foreign rate, so that nothing can be told of it.
    """
    home = regions["iso3"].isin(group.nationality).to_numpy() & (len(group.nationality) == 1)
    numbers = list(frame.columns.difference(["region_id", "layer"]))
    unknown = frame.copy()
    unknown.loc[home, numbers] = np.nan
    return unknown


def flag_theirs(
    evidence: pd.DataFrame, group: WorkerGroup, *, record: Iterable[str]
) -> pd.DataFrame:
    """Return incidents with their ``relevance``, whether they are ``ours``, and in the share.

    What others tell of other foreigners lowers the group's share. So that no flood of it does, only
    what a source of record tells or a second source confirms is in the share, and a story as often
    as it happened: rows of one report count once, unless its feed is curated.

    Parameters
    ----------
    evidence : DataFrame
        Incidents as in :class:`riskmap.Forecast`.
    group : WorkerGroup
        Who it is about.
    record
        Sources of record (:meth:`riskmap.models.explanations.Reports.of_record`).

    Returns
    -------
    DataFrame
        With ``relevance``, ``ours`` and the weight ``foreign``.

    Examples
    --------
    >>> import riskmap as rm
    >>> located = rm.locate(rm.datasets.incidents(), rm.datasets.regions())
    >>> panel = rm.count_incidents(located, rm.datasets.regions(), as_of="2025-01-01")
    >>> found = flag_theirs(panel.evidence, rm.WorkerGroup("CHN"), record=["invented"])
    >>> bool((found["ours"] <= found["foreign"]).all())
    True
    """
    grades = group.relevance(evidence)
    foreign = ~grades.isin(LOCAL)
    ours = foreign & grades.isin(group.theirs)
    others = evidence[foreign & ~ours]
    report = others[["source_count"]].groupby(report_codes(others))["source_count"]
    source = others["source"].fillna("")
    trusted = source.isin({*CURATED, *record}) | (report.transform("max").fillna(1) > 1)
    once = (1.0 / report.transform("size")).where(~source.isin(CURATED), 1.0)
    weight = ours.astype(float)
    weight.loc[others.index] = once.where(trusted, 0.0)
    return evidence.assign(relevance=grades, ours=ours, foreign=weight)


def record_of(forecast: Forecast) -> list[str]:
    """Return the sources of record of the foreign incidents."""
    return list(forecast.provenance["sources_of_record"].get("foreign", []))


def count_own(
    forecast: Forecast, evidence: pd.DataFrame, history: CountHistory, *, as_of: str
) -> Shown:
    """Return the foreign history up to a day, with and without the attacks on the group.

    Parameters
    ----------
    forecast : Forecast
        Whose regions and windows are taken.
    evidence : DataFrame
        From :func:`flag_theirs`.
    history : CountHistory
        That of all foreign incidents, up to the same day.
    as_of
        The day.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> forecast = rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01"))
    >>> evidence = flag_theirs(forecast.evidence, rm.WorkerGroup("CHN"), record=["invented"])
    >>> shown = count_own(forecast, evidence, forecast.histories["foreign"], as_of="2025-01-01")
    >>> bool(np.isclose(shown.ours.counts.sum(), evidence.loc[evidence["ours"], "weight"].sum()))
    True
    """
    found = {
        name: recount(forecast, evidence[rows], as_of=as_of)["foreign"]
        for name, rows in (
            ("theirs", evidence["ours"]),
            ("foreign", ~evidence["relevance"].isin(LOCAL)),
        )
    }
    return Shown.of(history, **found)


def _describe(group: WorkerGroup) -> dict[str, Any]:
    """Return what outputs say of a group; never where it is."""
    return {
        "group": str(group),
        "group_staff_type": group.staff_type,
        "group_visibility": group.visibility,
        "group_movement": group.movement,
        "relevance": group.relevance_table,
    }


def _thinned(frame: pd.DataFrame, foreign: pd.DataFrame, mean: FloatArray) -> pd.DataFrame:
    """Return the group's frame with the probabilities of the thinned distribution."""
    whole = foreign["expected_count"].to_numpy()
    share = np.divide(mean, whole, out=np.zeros_like(mean), where=whole > 0)
    found = thin(whole, foreign["dispersion"].to_numpy(), share)
    p_any, least, most = found.p_gt(0), foreign["p_least"], foreign["p_most"]
    part = _part_of_hazard(foreign["p_any"].to_numpy(), p_any, share)
    return frame.assign(
        expected_count=mean,
        p_any=p_any,
        p_gt1=found.p_gt(1),
        p_gt4=found.p_gt(4),
        q05=found.quantile(0.05),
        q50=found.quantile(0.5),
        q95=found.quantile(0.95),
        dispersion=1.0 + mean * found.dispersion,
        p_least=np.minimum(1.0 - (1.0 - least) ** part, p_any),
        p_most=np.maximum(1.0 - (1.0 - most) ** part, p_any),
    )


def _part_of_hazard(whole: FloatArray, part: FloatArray, share: FloatArray) -> FloatArray:
    """Return the group's part of the hazard of any incident; its share where there is none.

    The probabilities of other models are thinned by it: where they agree on the foreigners, they
    agree on the group.
    """
    hazard, theirs = (-np.log1p(-np.minimum(p, 1 - 1e-16)) for p in (whole, part))
    return np.divide(theirs, hazard, out=share.copy(), where=hazard > 0)


def _interleave(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a narrower layer behind those of each region's wider ones."""
    both = pd.concat([table, rows], ignore_index=True)
    return both.sort_values("region_id", kind="stable", ignore_index=True)


def _stack(parts: dict[str, FloatArray], ids: pd.Series) -> pd.DataFrame:
    """Return components as a long table: region, layer, component, value."""
    keys = pd.DataFrame({"region_id": ids.to_numpy(), "layer": "group"})
    tables = [keys.assign(component=name, value=value) for name, value in parts.items()]
    return pd.concat(tables, ignore_index=True)
