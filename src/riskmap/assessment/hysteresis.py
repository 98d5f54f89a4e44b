"""Hysteresis: a level rises at once and falls only after a dwell; each time it waits has a line.

The state that this takes travels in the layer itself: ``risk_level`` and ``below_since``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from riskmap.assessment.layers import KEY, RISK_COLUMNS, audit_of
from riskmap.assessment.levels import INSUFFICIENT, LEVEL_NAMES, NAMES
from riskmap.errors import InputError
from riskmap.panels.risk_days import match_size
from riskmap.schema import conform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from riskmap.assessment.contexts import Context
    from riskmap.assessment.layers import RiskLayer
    from riskmap.assessment.levels import LevelScale
    from riskmap.typing import FloatArray, IntArray


#: The level below which nothing falls after an attack on the group.
FLOOR = LEVEL_NAMES.index("moderate")


def hold_levels(
    risks: pd.DataFrame,
    previous: RiskLayer,
    scale: LevelScale,
    *,
    context: Context,
    silent: NDArray[np.bool_] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the risks with levels that fall slowly, and a line for each that waits or falls.

    A level rises at once. It falls when ``p_any`` has been under ``scale.lower_fraction`` times the
    level's lower bound for ``scale.dwell_days``, as the layers since then have told, and then to
    the level whose lowered bound is reached. Where known reports have gone it doesn't fall. Where
    too little was known in between, it falls from the last level that was known.

    Parameters
    ----------
    risks : DataFrame
        Risks with the levels that the thresholds (and caps) give.
    previous : RiskLayer
        The layer before.
    scale : LevelScale
        With the fraction and the dwell. Where the layer before had another scale, its
        probabilities are read by this one.
    context : Context
        Of the layer that is made.
    silent : ndarray of bool, optional
        Rows of which known reports have gone; none when not given.

    Returns
    -------
    risks, audit : DataFrame

    Raises
    ------
    InputError
        When the layer before is of a later day.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layers = [rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of=day)),
    ...                     districts) for day in ("2024-10-01", "2025-01-01")]
    >>> risks, audit = hold_levels(layers[1].risks, layers[0], layers[1].scale,
    ...                            context=layers[1].context)
    >>> bool((risks["risk_level"] >= layers[1].risks["risk_level"]).all())
    True
    """
    as_of, days = context.as_of, context.horizon_days
    if previous.context.as_of > as_of:
        raise InputError(
            "the layer before is of a later day",
            met=previous.provenance["as_of"],
            expected=f"<= {as_of:%Y-%m-%d}",
        )
    before = _read_before(risks, previous, scale, context)
    base = last_known(before)
    level = risks["risk_level"].to_numpy(dtype=np.int64)
    lowered = scale.levels_of(risks, horizon_days=days, fraction=scale.lower_fraction)
    hushed = np.zeros(len(risks), dtype=bool) if silent is None else silent
    waited = (as_of - before["below_since"].fillna(as_of)).dt.days.to_numpy(dtype=float)
    final, below, over = step_levels(
        level, lowered, base, waited=waited, dwell_days=np.where(hushed, np.inf, scale.dwell_days)
    )
    since = before["below_since"].fillna(as_of).where(below)
    final, kept = _keep_unwatched(risks, final, base, previous)
    held = risks.assign(
        level_as_of=before["level_as_of"].fillna(previous.context.as_of).where(kept),
        risk_level=final,
        level_name=NAMES[final],
        held=final > risks["threshold_level"].to_numpy(dtype=np.int64),
        below_since=since.where(~over),
        level_before=before["risk_level"].where(base == INSUFFICIENT, base).to_numpy(),
        p_before=before["p_any"].to_numpy(),
        trend=_trends(final, base),
        p_change=_p_change(risks, before),
    )
    audit = _write_audit(held, scale, base, over, hushed, since)
    return conform(held, RISK_COLUMNS), audit


def _keep_unwatched(
    risks: pd.DataFrame, level: IntArray, base: IntArray, previous: RiskLayer
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Return levels where a region that nobody watches any more keeps the last that was known.

    One that nobody watched before either has none to keep, nor has one of a layer that doesn't say.
    """
    known = previous.knowledge.loc[previous.knowledge["watched"], KEY]
    old = previous.risks.loc[previous.risks["level_as_of"].notna(), KEY]
    watched = pd.MultiIndex.from_frame(pd.concat([known, old]))
    blind = (risks["data_sufficiency"] == "insufficient").to_numpy()
    kept = blind & (base > level) & pd.MultiIndex.from_frame(risks[KEY]).isin(watched)
    return np.where(kept, base, level), kept


def compare_risks(
    risks: pd.DataFrame, previous: RiskLayer, scale: LevelScale, *, context: Context
) -> pd.DataFrame:
    """Return what a layer said before of each row, and how it moved.

    Parameters
    ----------
    risks : DataFrame
        Risks now; missing where only the layer before has a row.
    previous, scale, context
        As for :func:`hold_levels`.

    Returns
    -------
    DataFrame
        ``level_before, p_before, expected_before, trend, p_change``, in the order of `risks`.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel), districts)
    >>> found = compare_risks(layer.risks, layer, layer.scale, context=layer.context)
    >>> found["trend"].dropna().unique().tolist()
    ['unchanged']
    >>> found["p_change"].dropna().round(9).unique().tolist()
    [0.5]
    """
    before = _read_before(risks, previous, scale, context)
    levels = (table["risk_level"].fillna(INSUFFICIENT) for table in (risks, before))
    return pd.DataFrame(
        {
            "level_before": before["risk_level"].to_numpy(),
            "p_before": before["p_any"].to_numpy(),
            "expected_before": before["expected_count"].to_numpy(),
            "trend": _trends(*(level.to_numpy(dtype=np.int64) for level in levels)),
            "p_change": _p_change(risks, before),
        }
    )


def step_levels(
    level: IntArray,
    lowered: IntArray,
    base: IntArray,
    *,
    waited: FloatArray,
    dwell_days: FloatArray | float,
) -> tuple[IntArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the levels that follow on those before: up at once, down after the dwell.

    Parameters
    ----------
    level, lowered : ndarray of int
        What the thresholds give, and what the lowered thresholds give.
    base : ndarray of int
        The levels before.
    waited : ndarray
        Days for which the probability has been low enough to fall; 0 when not so far.
    dwell_days
        Days that it takes.

    Returns
    -------
    final : ndarray of int
    below, over : ndarray of bool
        Where the probability is low enough to fall, and where the dwell is over.

    Examples
    --------
    >>> final, below, over = step_levels(np.array([4, 2, 2]), np.array([4, 3, 2]),
    ...                                  np.array([3, 4, 4]), waited=np.array([0.0, 30.0, 90.0]),
    ...                                  dwell_days=90.0)
    >>> final.tolist(), below.tolist(), over.tolist()
    ([4, 4, 2], [False, True, True], [False, False, True])
    """
    falls = (level != INSUFFICIENT) & (level < base)
    below = falls & (lowered < base)
    over = below & (waited >= dwell_days)
    final = np.where(falls, np.where(over, np.maximum(level, lowered), base), level)
    return final, below, over


def _read_before(
    risks: pd.DataFrame, previous: RiskLayer, scale: LevelScale, context: Context
) -> pd.DataFrame:
    """Return the risks before in the order of those now, missing where they are of others."""
    columns = ["risk_level", "p_any", "expected_count", "below_since", "level_before"]
    columns += ["threshold_level", "attacked", "level_as_of"]
    old = previous.risks
    if previous.context.group != context.group:
        old = old[old["layer"] != "group"]
    found = old.set_index(KEY)[columns].reindex(pd.MultiIndex.from_frame(risks[KEY]))
    found = found.reset_index()
    days = previous.context.horizon_days
    if previous.scale.scale_id != scale.scale_id:
        read = scale.levels_of(found, horizon_days=days)
        found["risk_level"] = found["risk_level"].mask(found["p_any"].notna(), read)
    return found.assign(expected_count=found["expected_count"] / days * context.horizon_days)


def last_known(before: pd.DataFrame) -> IntArray:
    """Return the levels before; where too little was known then, the last that was known.

    A silence that ends is no reason to fall sooner than without it. What an attack alone held up
    falls when it has passed.

    Parameters
    ----------
    before : DataFrame
        Risks of the layer before.

    Examples
    --------
    >>> before = pd.DataFrame({"risk_level": [0, 3], "level_before": [4, 4],
    ...                        "threshold_level": [0, 1], "attacked": [False, True]})
    >>> last_known(before).tolist()
    [4, 1]
    """
    levels, earlier = (
        before[name].fillna(INSUFFICIENT).to_numpy(dtype=np.int64)
        for name in ("risk_level", "level_before")
    )
    own = before["threshold_level"].fillna(INSUFFICIENT).to_numpy(dtype=np.int64)
    floored = before["attacked"].fillna(value=False).to_numpy(bool) & (levels == FLOOR)
    levels = np.where(floored, np.minimum(own, levels), levels)
    return np.where((levels == INSUFFICIENT) & ~floored, earlier, levels)


def _trends(level: IntArray, base: IntArray) -> NDArray[np.object_]:
    """Return how levels moved; missing where one of the two is not known."""
    known = (level != INSUFFICIENT) & (base != INSUFFICIENT)
    moves = np.select([level > base, level < base], ["deteriorated", "improved"], "unchanged")
    found = moves.astype(object)
    found[~known] = None
    return found


def _p_change(risks: pd.DataFrame, before: pd.DataFrame) -> FloatArray:
    """Return the probability that the rate moved the way that ``p_any`` did."""
    new = (risks["expected_count"].to_numpy(), risks["p_any"].to_numpy())
    old = (before["expected_count"].to_numpy(), before["p_any"].to_numpy())
    rose = p_greater(*new, *old)
    return np.where(new[0] < old[0], 1.0 - rose, rose)


def p_greater(
    mean: FloatArray, p_any: FloatArray, other_mean: FloatArray, other_p_any: FloatArray
) -> FloatArray:
    r"""Return the probability that one rate is greater than another.

    A negative binomial count is a Poisson count whose rate is Gamma distributed (Greenwood and
    Yule, 1920), with shape :math:`s` and scale :math:`\theta = \mu / s`. Of two independent such
    rates the first is the greater with probability

    .. math:: P(\lambda_1 > \lambda_2)
              = I_{\theta_1 / (\theta_1 + \theta_2)}(s_2,\, s_1)

    with the regularised incomplete beta function (their scaled ratio has an F distribution). Both
    forecasts rest on much the same past, so that they are anything but independent, and the spread
    of the rate holds more than what isn't known of it: the answer is a cautious one, nearer to one
    half than the truth.

    Parameters
    ----------
    mean, p_any, other_mean, other_p_any : ndarray
        Expected counts over the same time, and probabilities of at least one; they determine s.

    Returns
    -------
    ndarray
        One half for equal rates, missing where one is.

    Examples
    --------
    >>> one, three = np.array([1.0]), np.array([3.0])
    >>> p_greater(three, np.array([0.9]), one, np.array([0.6])).round(2).tolist()
    [0.95]
    """
    size, other = match_size(mean, p_any), match_size(other_mean, other_p_any)
    scale, other_scale = mean / size, other_mean / other
    share = scale / np.where(scale + other_scale > 0, scale + other_scale, 1.0)
    found = special.betainc(other, size, share)
    return np.where((mean == other_mean) & (p_any == other_p_any), 0.5, found)


def _write_audit(
    risks: pd.DataFrame,
    scale: LevelScale,
    base: IntArray,
    over: NDArray[np.bool_],
    hushed: NDArray[np.bool_],
    since: pd.Series,
) -> pd.DataFrame:
    """Return one line for every level that is held, falls, or is lost."""
    level = risks["risk_level"].to_numpy(dtype=np.int64)
    lost = (level == INSUFFICIENT) & (base != INSUFFICIENT)
    lines = []
    kept = risks["level_as_of"].notna().to_numpy()
    for i in np.flatnonzero(risks["held"].to_numpy() | over | lost | kept):
        row = risks.iloc[i]
        p = f"p_any {row['p_any']:.4f}"
        bound = scale.thresholds[row["layer"]][base[i] - 2] if base[i] > 1 else 0.0
        low = f"{scale.lower_fraction:g} of the bound {bound:g} of level {base[i]}"
        if pd.notna(row["level_as_of"]):
            day = f"{row['level_as_of']:%Y-%m-%d}"
            why = row["reasons"] if pd.notna(row["reasons"]) else "not_covered"
            rule, detail = "kept", f"level {level[i]} of {day} is kept: nobody watches now ({why})"
        elif lost[i]:
            rule, detail = "silence", f"level {base[i]} before; too little is known now"
        elif over[i]:
            rule = "lower"
            detail = f"{p} is under {low} since {since[i]:%Y-%m-%d}: level {base[i]} to {level[i]}"
        elif hushed[i]:
            rule, detail = "silence", f"{p}: level {base[i]} is held, known reports have gone"
        elif pd.notna(since[i]):
            rule = "hold"
            detail = f"{p} is under {low} since {since[i]:%Y-%m-%d}, not yet {scale.dwell_days:g} d"
        else:
            rule, detail = "hold", f"{p} is not under {low}"
        lines.append((row["region_id"], row["layer"], rule, detail))
    return audit_of(lines)
