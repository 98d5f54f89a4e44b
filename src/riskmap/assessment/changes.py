"""Changes: what moved an expected count since the layer before, as parts that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.layers import AUDIT_COLUMNS, CHANGE_COLUMNS
from riskmap.assessment.levels import INSUFFICIENT
from riskmap.assessment.silences import is_among
from riskmap.panels.joins import EVIDENCE
from riskmap.schema import conform

if TYPE_CHECKING:
    from riskmap.assessment.contexts import Context
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.models.tables import Forecast
    from riskmap.typing import FloatArray

    Means = dict[str, FloatArray]

#: The causes of a change, in the order in which one after the other is let in.
CAUSES = ("method", "boundary", "decay", "revisions", "new incidents", "neighbours")

_PLACED = ["incident_id", "region_id", "weight", "method"]


def explain_changes(
    forecast: Forecast,
    risks: pd.DataFrame,
    previous: RiskLayer,
    *,
    context: Context,
    moved: bool = False,
) -> pd.DataFrame:
    r"""Return what moved each expected count since the layer before; the parts sum to the change.

    What the models of today have learnt is asked again and again, each time with one more thing as
    it is now; where that can't be told (:func:`riskmap.save_model`), or counts come without
    incidents, nothing is explained. With m today's models, and the incidents as the layer before
    had them:

    ===================  ====================================================================
    ``method``           m asked as of the day before, less what the layer before said:
                         coefficients fitted again, another model, version, window or horizon
    ``boundary``         the same incidents placed in today's regions
    ``decay``            as of today: the same incidents are older
    ``revisions``        the same incidents as they are told today, without those withdrawn
    ``new incidents``    those that became known since, in the region itself
    ``neighbours``       those of all other regions
    ===================  ====================================================================

    Each part depends on this order, their sum does not.

    Parameters
    ----------
    forecast : Forecast
        Today's, with what its models have learnt.
    risks : DataFrame
        Today's risks.
    previous : RiskLayer
        The layer before.
    context : Context
        Of the layer that is made.
    moved
        Whether the borders are of another source or version.

    Returns
    -------
    DataFrame
        :data:`CHANGE_COLUMNS`, for regions that both layers have an expected count of.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> days = ("2024-12-01", "2025-01-01")
    >>> old, new = (rm.forecast(rm.count_incidents(located, districts, as_of=d)) for d in days)
    >>> before, after = (rm.assess(forecast, districts) for forecast in (old, new))
    >>> changes = explain_changes(new, after.risks, before, context=after.context)
    >>> total = after.risks["expected_count"].sum() - before.risks["expected_count"].sum()
    >>> bool(abs(changes["value"].sum() - total) < 1e-9)
    True
    """
    if not _can_ask(forecast):
        return conform(pd.DataFrame(), CHANGE_COLUMNS)
    levels = _expect_steps(forecast, previous, context, moved=moved)
    old, new = _expected(previous.risks, risks), _expected(risks, risks)
    same = previous.context.group == context.group
    tables = []
    for layer in risks["layer"].unique():
        rows = (risks["layer"] == layer).to_numpy()
        if layer == "group" and not same:
            continue
        ids = risks.loc[rows, "region_id"].to_numpy()
        if layer not in levels[0]:
            continue
        steps = np.array([old[rows], *(level[layer] for level in levels), new[rows]])
        known = np.isfinite(old[rows]) & np.isfinite(new[rows])
        parts = np.diff(steps, axis=0)[:, known]
        table = pd.DataFrame(parts.T, columns=list(CAUSES), index=ids[known])
        long = table.rename_axis("region_id").reset_index().melt("region_id", var_name="cause")
        tables.append(long.assign(layer=layer))
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return conform(_order(whole, risks), CHANGE_COLUMNS)


def audit_method(
    forecast: Forecast, previous: RiskLayer, scale: LevelScale, *, context: Context
) -> pd.DataFrame:
    """Return what this method makes of the day before, where it differs from what was published.

    Parameters
    ----------
    forecast : Forecast
        Today's, with what its models have learnt.
    previous : RiskLayer
        The layer before.
    scale : LevelScale
        Today's.
    context : Context
        Today's.

    Returns
    -------
    DataFrame
        :data:`AUDIT_COLUMNS`; without rows when method, scale and borders are the same.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> forecast = rm.forecast(panel)
    >>> layer = rm.assess(forecast, districts)
    >>> len(audit_method(forecast, layer, layer.scale, context=layer.context))
    0
    """
    was, named = previous.context.method, context.differs(previous.context)
    lines: list[tuple[str, ...]] = []
    if named and _can_ask(forecast):
        ids = forecast.keys["region_id"]
        published = previous.risks.set_index(["layer", "region_id"])["threshold_level"]
        for layer, p_any in _p_before(forecast, previous, context).items():
            found = scale.level_of(p_any, layer=layer, horizon_days=context.horizon_days)
            then = published.reindex([(layer, region) for region in ids])
            for region, old, new in zip(ids, then, found, strict=True):
                if pd.notna(old) and old not in (INSUFFICIENT, new):
                    why = ", ".join(f"{name} {was.get(name)}" for name in named)
                    detail = f"level {old} as published ({why}) would be {new} by this method"
                    lines.append((region, layer, "method", detail))
    table = pd.DataFrame(lines, columns=[column.name for column in AUDIT_COLUMNS])
    return conform(table, AUDIT_COLUMNS)


def _expected(risks: pd.DataFrame, like: pd.DataFrame) -> FloatArray:
    """Return expected counts in the order of another table of risks."""
    key = ["region_id", "layer"]
    found = risks.set_index(key)["expected_count"].reindex(pd.MultiIndex.from_frame(like[key]))
    return found.to_numpy(dtype=float)


def _order(changes: pd.DataFrame, risks: pd.DataFrame) -> pd.DataFrame:
    """Return changes in the order of the risks and of the causes."""
    if changes.empty:
        return changes
    layers = list(risks["layer"].unique())
    rank = {"layer": layers.index, "cause": CAUSES.index}
    ordered = changes.sort_values(
        ["region_id", "layer", "cause"],
        key=lambda column: column.map(rank[column.name]) if column.name in rank else column,
        kind="stable",
        ignore_index=True,
    )
    return ordered[["region_id", "layer", "cause", "value"]]


def _can_ask(forecast: Forecast) -> bool:
    """Return whether what the models have learnt is told, and what they were asked about."""
    return bool(forecast.fitted) and not forecast.evidence.empty


def _expect_steps(
    forecast: Forecast, previous: RiskLayer, context: Context, *, moved: bool
) -> list[Means]:
    """Return the expected counts after each step but the last, which is today's."""
    from riskmap.models.decompositions import Decomposition

    asked, new, old = Decomposition(forecast), forecast.evidence, _known_before(forecast, previous)
    before = _day_before(previous, context)
    here = old[old["region_id"].isin(forecast.keys["region_id"])]
    then = asked.expect(here, before)
    placed = _replaced(old, new) if moved else here
    moves = asked.expect(placed, before) if moved else then
    later = asked.expect(placed, f"{context.as_of:%Y-%m-%d}")
    return [then, moves, later, *asked.expect_one_by_one(new[is_among(new, old)])]


def _p_before(forecast: Forecast, previous: RiskLayer, context: Context) -> Means:
    """Return ``p_any`` of the day before by today's models."""
    from riskmap.models.decompositions import Decomposition

    old = _known_before(forecast, previous)
    here = old[old["region_id"].isin(forecast.keys["region_id"])]
    return Decomposition(forecast).p_any(here, _day_before(previous, context))


def _day_before(previous: RiskLayer, context: Context) -> str:
    """Return the day before, or the first by which a window is left."""
    day, start = previous.context.as_of, context.history_start
    first = day if start is None else start + pd.Timedelta(days=1)
    return f"{max(day, first):%Y-%m-%d}"


def _known_before(forecast: Forecast, previous: RiskLayer) -> pd.DataFrame:
    """Return the incidents that the layer before rested on.

    A layer that was published without them (for the public), or with some of very many, is taken to
    have known what was known.
    """
    told = previous.incidents
    if (
        previous.context.is_whole
        and set(EVIDENCE) <= set(told.columns)
        and told["source"].notna().any()
    ):
        return told
    day = previous.context.as_of
    now = forecast.evidence
    late = now["ingested_at"] >= day.tz_localize("UTC")
    return now[(now["event_date"] < day) & ~late]


def _replaced(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return incidents as they were told, where they are placed now."""
    facts = old.drop(columns=["region_id", "weight", "method"]).drop_duplicates("incident_id")
    return new[_PLACED].merge(facts, on="incident_id", how="inner")
