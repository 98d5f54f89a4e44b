"""Changes: what moved an expected count since the layer before, and two layers side by side.

A layer before may be of other regions: its state is carried to those of today.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.hysteresis import compare_risks, last_known
from riskmap.assessment.layers import AUDIT_COLUMNS, CHANGE_COLUMNS, KEY, audit_lines, empty_table
from riskmap.assessment.missing_reports import is_among
from riskmap.errors import InputError
from riskmap.panels.joins import EVIDENCE
from riskmap.panels.measures import is_known
from riskmap.places.areas import carry_over, find_predecessors
from riskmap.schema import conform

if TYPE_CHECKING:
    from riskmap.assessment.contexts import Context
    from riskmap.assessment.layers import RiskLayer
    from riskmap.models.results import Forecast
    from riskmap.typing import FloatArray

    Means = dict[str, FloatArray]
    import geopandas as gpd


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
    it is now; where that can't be told (:func:`riskmap.models.estimators.pack_model`), or counts
    come without incidents, nothing is explained. With m today's models, and the incidents as the
    layer before had them:

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
    if not forecast.fitted or forecast.evidence.empty:
        return empty_table(CHANGE_COLUMNS)
    means = _expect_steps(forecast, previous, context, moved=moved)
    old, new = _expected(previous.risks, risks), _expected(risks, risks)
    tables = []
    for layer in means[0]:
        rows = (risks["layer"] == layer).to_numpy()
        if layer == "group" and previous.context.group != context.group:
            continue
        steps = np.array([old[rows], *(mean[layer] for mean in means), new[rows]])
        known = np.isfinite(steps[0]) & np.isfinite(steps[-1])
        parts = np.diff(steps, axis=0)[:, known]
        ids = risks.loc[rows, "region_id"].to_numpy()[known]
        table = pd.DataFrame(parts.T, columns=list(CAUSES), index=ids)
        long = table.rename_axis("region_id").reset_index().melt("region_id", var_name="cause")
        tables.append(long.assign(layer=layer))
    if not tables:
        return empty_table(CHANGE_COLUMNS)
    whole = pd.concat(tables).sort_values("region_id", kind="stable", ignore_index=True)
    return conform(whole, CHANGE_COLUMNS)


def _expected(risks: pd.DataFrame, like: pd.DataFrame) -> FloatArray:
    """Return expected counts in the order of another table of risks."""
    found = risks.set_index(KEY)["expected_count"].reindex(pd.MultiIndex.from_frame(like[KEY]))
    return found.to_numpy(dtype=float)


def _expect_steps(
    forecast: Forecast, previous: RiskLayer, context: Context, *, moved: bool
) -> list[Means]:
    """Return the expected counts after each step but the last, which is today's."""
    from riskmap.models.explanations import Decomposition

    asked, new, old = Decomposition(forecast), forecast.evidence, _known_before(forecast, previous)
    before = _day_before(previous, context)
    here = old[old["region_id"].isin(forecast.keys["region_id"])]
    then = asked.expect(here, before)
    placed = _replaced(old, new) if moved else here
    moves = asked.expect(placed, before) if moved else then
    later = asked.expect(placed, f"{context.as_of:%Y-%m-%d}")
    return [then, moves, later, *asked.expect_one_by_one(new[is_among(new, old)])]


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
    return forecast.evidence[is_known(forecast.evidence, previous.context.as_of)]


def _replaced(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return incidents as they were told, where they are placed now."""
    facts = old.drop(columns=["region_id", "weight", "method"]).drop_duplicates("incident_id")
    return new[_PLACED].merge(facts, on="incident_id", how="inner")


def rank_moves(table: pd.DataFrame, *leading: pd.Series) -> pd.DataFrame:
    """Return rows by what their moves mean: some first, then by steps of the level, up before down.

    Parameters
    ----------
    table
        With ``risk_level, level_before``; equal rows keep their order.
    *leading
        Flags by row: those of the first stand first, among these those of the second.

    Examples
    --------
    >>> rows = pd.DataFrame({"risk_level": [3, 2, 4, 1], "level_before": [2, 3, 1, 1]})
    >>> rank_moves(rows, rows["risk_level"] == 2).index.tolist()
    [1, 2, 0, 3]
    """
    now, before = (table[name].fillna(0).astype(float) for name in ("risk_level", "level_before"))
    steps = (now - before).to_numpy()
    flags = [~flag.fillna(value=False).to_numpy(bool) for flag in leading]
    return table.iloc[np.lexsort((-steps, -np.abs(steps), *reversed(flags)))]


def compare_layers(old: RiskLayer, new: RiskLayer) -> pd.DataFrame:
    """Return how the levels and probabilities of two layers differ.

    Parameters
    ----------
    old, new : RiskLayer
        Layers of any two days, the earlier one first.

    Returns
    -------
    DataFrame
        ``region_id, name, layer, level_before, risk_level, trend, p_before, p_any,
        expected_before, expected_count, p_change, cause, rule``, one row a region and layer of
        either. ``p_change`` is the probability that the rate really moved the way it seems
        (:mod:`riskmap.assessment.hysteresis`). ``cause`` is the greatest part of the change
        in its direction, where `new` was assessed with `old` as its ``previous``; else ``method``,
        where the two were not made the same way. ``rule`` is why a level isn't what the thresholds
        give.

    Raises
    ------
    InputError
        When `old` is of a later day than `new`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> old, new = (rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of=day)),
    ...                       districts) for day in ("2024-10-01", "2025-01-01"))
    >>> rm.compare_layers(old, new)["trend"].value_counts().index[0]
    'unchanged'
    """
    first, last = (layer.context.as_of for layer in (old, new))
    if first > last:
        met = f"{first:%Y-%m-%d}, {last:%Y-%m-%d}"
        raise InputError("the layers are not in order", met=met, expected="old, new")
    old, _ = carry_regions(old, new.regions)
    keys = pd.concat([new.risks[KEY], old.risks[KEY]], ignore_index=True).drop_duplicates()
    index = pd.MultiIndex.from_frame(keys)
    now = new.risks.set_index(KEY).reindex(index).reset_index()
    told = compare_risks(now, old, new.scale, context=new.context)
    names = pd.concat([new.regions, old.regions]).drop_duplicates("region_id")
    own = now[[*KEY, "risk_level", "p_any", "expected_count"]]
    rules = new.audit.groupby(KEY)["rule"].agg(lambda told: "; ".join(dict.fromkeys(told)))
    table = pd.concat([own, told], axis=1).assign(
        name=own["region_id"].map(names.set_index("region_id")["name"]),
        cause=_find_causes(old, new, index),
        rule=rules.reindex(index).to_numpy(dtype=object),
    )
    order = ["region_id", "name", "layer", "level_before", "risk_level", "trend", "p_before"]
    order += ["p_any", "expected_before", "expected_count", "p_change", "cause", "rule"]
    return table[order].sort_values("region_id", kind="stable", ignore_index=True)


def _find_causes(old: RiskLayer, new: RiskLayer, index: pd.MultiIndex) -> np.ndarray:
    """Return the cause that did most to each change."""
    if new.context.previous_as_of == old.context.as_of and len(new.changes):
        parts = new.changes.pivot_table(index=KEY, columns="cause", values="value")
        toward = parts.mul(np.sign(parts.sum(axis=1)), axis=0)
        found = toward.idxmax(axis=1).where(toward.max(axis=1) > 0)
        return found.reindex(index).to_numpy(dtype=object)
    differs = new.context.differs(old.context)
    return np.full(len(index), "method" if differs else None, dtype=object)


#: Tables of a layer that have a row for each region: all that is said of a region is said of its
#: successors, but for weights, which are shared out by area.
_BY_REGION = ("incidents", "knowledge", "gone")


def carry_regions(previous: RiskLayer, regions: gpd.GeoDataFrame) -> tuple[RiskLayer, pd.DataFrame]:
    """Return a layer as if it were of other regions, and a line for each that comes from others.

    A region that was renamed is the same. Otherwise each region has the state (level, dwell, the
    day of a level that was kept) of the one of its predecessors
    (:func:`riskmap.places.areas.find_predecessors`) with the highest level, and its expected
    count by area; nobody has given it a probability. What no region of today comes from stays as it
    was.

    Parameters
    ----------
    previous : RiskLayer
        The layer before.
    regions : GeoDataFrame
        Today's regions.

    Returns
    -------
    previous : RiskLayer
    audit : DataFrame

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> renamed = districts.assign(region_id="N" + districts["region_id"])
    >>> carried, audit = carry_regions(layer, renamed)
    >>> carried.risks["risk_level"].equals(layer.risks["risk_level"]), audit["detail"].iloc[0]
    (True, 'the state is that of XQA0101')
    """
    pairs = find_predecessors(previous.regions, regions)
    if pairs["old_id"].equals(pairs["new_id"]):
        return previous, empty_table(AUDIT_COLUMNS)
    gone = previous.regions["region_id"]
    gone = gone[~gone.isin(pairs["old_id"]) & ~gone.isin(pairs["new_id"])]
    pairs = pd.concat([pairs, pd.DataFrame({"old_id": gone, "new_id": gone, "weight": 1.0})])
    risks, audit = _carry_risks(previous.risks, pairs)
    tables = {name: _succeed(getattr(previous, name), pairs) for name in _BY_REGION}
    attacks = _carry_attacks(previous.attacks, pairs)
    return replace(previous, risks=risks, attacks=attacks, **tables), audit


def _carry_risks(risks: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return risks with the state of the predecessor whose level is the highest."""
    known = risks.assign(known=last_known(risks), old_id=risks["region_id"])
    known = _succeed(known.drop(columns="expected_count"), pairs)
    first = ["known", "below_since", "old_id"]  # who waits for the shortest time comes first
    known = known.sort_values(first, ascending=[False, False, True], na_position="first")
    known = known.drop_duplicates(KEY).sort_index()
    counts = risks.loc[risks["region_id"].isin(pairs["old_id"]), [*KEY, "expected_count"]]
    found = known.merge(carry_over(counts, pairs, values=["expected_count"]), on=KEY)
    several = pairs["old_id"].duplicated(keep=False) | pairs["new_id"].duplicated(keep=False)
    mixed = found["region_id"].isin(pairs.loc[several, "new_id"])
    found["p_any"] = found["p_any"].mask(mixed)
    told = found[found["old_id"] != found["region_id"]]
    audit = audit_lines(told, "boundary", "the state is that of " + told["old_id"])
    return found[risks.columns], audit


def _succeed(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of regions as rows of their successors, weights shared out by area."""
    share = pairs.rename(columns={"old_id": "region_id", "weight": "share"})
    found = table.merge(share, on="region_id")
    if "weight" in table:
        found["weight"] = found["weight"] * found["share"]
    return found.assign(region_id=found["new_id"])[table.columns]


def _carry_attacks(attacks: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return attacks that hold up all successors of the regions that they held up."""
    every = pairs.groupby("old_id")["new_id"].agg(";".join)
    most = pairs.sort_values("weight", kind="stable").drop_duplicates("old_id", keep="last")
    own = attacks["region_id"].map(most.set_index("old_id")["new_id"])
    held = [
        ";".join(every.get(name, name) for name in told.split(";"))
        if isinstance(told, str)
        else None
        for told in attacks["regions"]
    ]
    return attacks.assign(region_id=own, regions=pd.Series(held, attacks.index, "str"))
