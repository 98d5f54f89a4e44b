"""Sums of forecasts: what is expected of a parent agrees with what is expected of its regions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.panels.features import membership

if TYPE_CHECKING:
    from riskmap.models.forecasts import Forecast
    from riskmap.typing import CountDistribution, FloatArray

#: Columns of the forecast of parents.
COLUMNS = (
    *("region_id", "layer", "expected_count", "p_any", "p_gt1", "p_gt4"),
    *("q05", "q50", "q95", "dispersion"),
)


def sum_draws(
    distribution: CountDistribution, *, dependence: float = 0.0, size: int = 2000, seed: int = 0
) -> FloatArray:
    r"""Return draws of all regions at once, with a stated dependence between them.

    Each region's draws keep their distribution and are put in the order of

    .. math:: z_{ir} = \sqrt\rho\, c_i + \sqrt{1 - \rho}\, e_{ir}

    with standard normal :math:`c, e`: what regions have in common, and what is their own. So good
    and bad times come together as much as :math:`\rho` says.

    Parameters
    ----------
    distribution
        A distribution of a count for each region.
    dependence
        The :math:`\rho`: 0 for independent regions, 1 where all are at their worst together.
    size
        Number of draws.
    seed
        Seed of the draws.

    Returns
    -------
    ndarray, shape (size, n_regions)

    Raises
    ------
    InputError
        When `dependence` is not from 0 to 1.

    References
    ----------
    Iman and Conover (1982), A distribution-free approach to inducing rank correlation among input
    variables.

    Examples
    --------
    >>> from riskmap.models.distributions import NegativeBinomial
    >>> alike = NegativeBinomial(np.full(2, 5.0))
    >>> loose, tied = (sum_draws(alike, dependence=d).sum(axis=1).var() for d in (0.0, 1.0))
    >>> bool(9 < loose < 11 < 18 < tied < 22)
    True
    """
    if not 0.0 <= dependence <= 1.0:
        raise InputError(
            "not a correlation", column="dependence", met=dependence, expected="0 to 1"
        )
    rng = np.random.default_rng(seed)
    drawn = np.sort(distribution.draws(size, rng=rng), axis=0)
    common = rng.standard_normal((size, 1))
    own = rng.standard_normal(drawn.shape)
    score = np.sqrt(dependence) * common + np.sqrt(1.0 - dependence) * own
    rank = np.argsort(np.argsort(score, axis=0, kind="stable"), axis=0, kind="stable")
    return np.take_along_axis(drawn, rank, axis=0)


def sum_to_parents(
    forecast: Forecast,
    regions: pd.DataFrame,
    *,
    dependence: float = 0.0,
    size: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the forecast of the parents of a forecast's regions.

    Draws of the regions are summed with a stated dependence (see :func:`sum_draws`) and then
    summarised. The expected count of a parent is the sum of its regions' exactly, whatever the
    dependence. The probability of any incident is at least that of its riskiest region and at
    most the sum of all.

    Parameters
    ----------
    forecast : Forecast
        Of the regions.
    regions
        A Regions table that holds them, with ``region_id`` and ``parent_id``.
    dependence
        How much good and bad times come together, from 0 (not at all) to 1.
    size
        Number of draws.
    seed
        Seed of the draws.

    Returns
    -------
    DataFrame
        ``region_id`` (the parents), ``layer, expected_count, p_any, p_gt1, p_gt4, q05, q50, q95,
        dispersion``; missing where the layer can't be forecast.

    Raises
    ------
    InputError
        When a region of the forecast is not among `regions`, or `dependence` is not from 0 to 1.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> found = sum_to_parents(rm.forecast(panel), districts, dependence=0.3)
    >>> found["region_id"].unique().tolist()
    ['XQA01', 'XQA02', 'XQA03']
    """
    parent = regions.set_index("region_id")["parent_id"]
    tables = []
    for layer, part in forecast.frame.groupby("layer", sort=False):
        strange = part.loc[~part["region_id"].isin(parent.index), "region_id"]
        if len(strange):
            raise InputError("a region is not among the regions", met=strange.iloc[0])
        codes, names = pd.factorize(parent.loc[part["region_id"]].fillna(""), sort=True)
        keys = pd.DataFrame({"region_id": names, "layer": layer})
        if layer not in forecast.layers:
            tables.append(keys.reindex(columns=[*COLUMNS]))
            continue
        found = forecast.layers[layer].predict(forecast.histories)
        drawn = sum_draws(found, dependence=dependence, size=size, seed=seed)
        groups = membership(codes.astype(np.int64))
        means = part["expected_count"].groupby(codes).agg(math.fsum).to_numpy()
        single = part["p_any"].to_numpy()
        lowest = np.zeros(len(names))
        np.maximum.at(lowest, codes, single)
        highest = np.minimum(np.bincount(codes, single).astype(float), 1.0)
        tables.append(keys.assign(**_summarise(drawn @ groups, means, lowest, highest)))
    return pd.concat(tables).sort_values("region_id", kind="stable", ignore_index=True)


def _summarise(
    drawn: FloatArray, mean: FloatArray, lowest: FloatArray, highest: FloatArray
) -> dict[str, FloatArray]:
    """Return the columns of a forecast from draws, with bounds on the chance of any incident."""
    q05, q50, q95 = np.quantile(drawn, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    spread = drawn.var(axis=0)
    return {
        "expected_count": mean,
        "p_any": np.clip((drawn > 0).mean(axis=0), lowest, highest),
        "p_gt1": (drawn > 1).mean(axis=0),
        "p_gt4": (drawn > 4).mean(axis=0),  # noqa: PLR2004 - as the column's name says
        "q05": q05,
        "q50": q50,
        "q95": q95,
        "dispersion": np.divide(spread, mean, out=np.ones_like(mean), where=mean > 0),
    }
