"""Comparisons: two layers side by side, and what lies between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.assessment.holds import compare_risks
from riskmap.assessment.successors import carry_regions
from riskmap.errors import InputError

if TYPE_CHECKING:
    from riskmap.assessment.layers import RiskLayer

_KEY = ["region_id", "layer"]


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
        (:func:`riskmap.assessment.holds.p_greater`). ``cause`` is the greatest part of the change
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
    keys = pd.concat([new.risks[_KEY], old.risks[_KEY]], ignore_index=True).drop_duplicates()
    index = pd.MultiIndex.from_frame(keys)
    now = new.risks.set_index(_KEY).reindex(index).reset_index()
    told = compare_risks(now, old, new.scale, context=new.context)
    names = pd.concat([new.regions, old.regions]).drop_duplicates("region_id")
    table = keys.reset_index(drop=True).assign(
        name=keys["region_id"].map(names.set_index("region_id")["name"]).to_numpy(),
        risk_level=now["risk_level"].to_numpy(),
        p_any=now["p_any"].to_numpy(),
        expected_count=now["expected_count"].to_numpy(),
        **{name: told[name].to_numpy() for name in told},
        cause=_find_causes(old, new, index),
        rule=_find_rules(new, index),
    )
    order = ["region_id", "name", "layer", "level_before", "risk_level", "trend", "p_before"]
    order += ["p_any", "expected_before", "expected_count", "p_change", "cause", "rule"]
    return table[order].sort_values("region_id", kind="stable", ignore_index=True)


def _find_causes(old: RiskLayer, new: RiskLayer, index: pd.MultiIndex) -> np.ndarray:
    """Return the cause that did most to each change."""
    if new.context.previous_as_of == old.context.as_of and len(new.changes):
        parts = new.changes.pivot_table(index=_KEY, columns="cause", values="value")
        toward = parts.mul(np.sign(parts.sum(axis=1)), axis=0)
        found = toward.idxmax(axis=1).where(toward.max(axis=1) > 0)
        return found.reindex(index).to_numpy(dtype=object)
    differs = new.context.differs(old.context)
    return np.full(len(index), "method" if differs else None, dtype=object)


def _find_rules(new: RiskLayer, index: pd.MultiIndex) -> np.ndarray:
    """Return the rules that spoke of each region and layer."""
    rules = new.audit.groupby(_KEY)["rule"].agg(lambda told: "; ".join(dict.fromkeys(told)))
    return rules.reindex(index).to_numpy(dtype=object)
