r"""Consequence: how many people incidents would hit, beside their probability, never within it.

The toll is the number of people killed, wounded or abducted. Tolls below :data:`TAIL` have the
frequencies that were seen; the rest follow one of two families, cut off at :data:`TOLL_CAP`:

.. math:: p(v) \propto v^{-\alpha}, \qquad
          p(v) \propto \Phi\Big(\tfrac{\ln(v+1/2)-\mu}{\sigma}\Big)
                     - \Phi\Big(\tfrac{\ln(v-1/2)-\mu}{\sigma}\Big)

the discrete power law (Clauset, Shalizi and Newman, 2009) and the discretised log-normal. The one
that scores better on large tolls held out is taken. Types with few incidents lean on all types
together (a power prior; Ibrahim and Chen, 2000), and all together on what is published of attacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize, special

from riskmap.assessment.layers import KEY
from riskmap.errors import ModelError
from riskmap.schema import EVENT_TYPES, LAYERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskmap.assessment.layers import RiskLayer
    from riskmap.models.results import Forecast
    from riskmap.typing import FloatArray, IntArray

#: What the types of incidents of all regions are worth as evidence of one region's, in incidents,
#: and those of a wider layer as evidence of a narrower one's.
PRIOR_INCIDENTS = 5.0

#: Classes of consequence: the least ``severe_scenario`` of each, in people killed, wounded or
#: abducted. They are riskmap's own: ISO 31000 leaves the criteria to its user.
CONSEQUENCES = {
    "negligible": 0.0,
    "minor": 0.5,
    "moderate": 3.0,
    "major": 10.0,
    "severe": 30.0,
}

_VICTIMS = ["killed", "wounded", "abducted"]
_READ = ("incident_id", "region_id", "weight", "count", "event_type", *_VICTIMS)


def add_consequences(risks: pd.DataFrame, forecast: Forecast) -> pd.DataFrame:
    r"""Return risks with ``expected_victims`` and ``severe_scenario``.

    Victims are all people killed, wounded or abducted. With the region's mix of event types
    :math:`\pi_{rt}` and the mean toll :math:`v_t` of an incident of type `t`
    (:func:`fit_tolls`), the expected victims are

    .. math:: \mathrm{E}[S_r] = \mu_r \sum_t \pi_{rt} v_t,

    and the severe scenario is the mean of the worst 5 % of outcomes of the total over the horizon
    (:func:`worst_means`). Mixes are shrunk from region to all regions, and
    from a wider layer to a narrower one. Tolls by type are those of all serious incidents.

    Parameters
    ----------
    risks : DataFrame
        One row a region and layer.
    forecast : Forecast
        What they were judged from.

    Returns
    -------
    DataFrame
        The risks with both columns; missing where there is no forecast, or no incident tells
        whom it hit.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> known = layer.risks[layer.risks["risk_level"] > 0]
    >>> bool((known["severe_scenario"] > known["expected_victims"]).all())
    True
    """
    # texts of a million incidents are not copied
    evidence = forecast.evidence.filter(_READ)[forecast.measures["violence"]]
    # the dead of a row that counts several are a sum, and no incident's toll
    once = evidence[evidence["count"].isna()].drop_duplicates("incident_id")
    told = once[once[_VICTIMS].notna().any(axis=1)]
    expected, severe = np.full((2, len(risks)), np.nan)
    if len(told):
        kinds = pd.Index(EVENT_TYPES).get_indexer(told["event_type"].fillna("unknown"))
        toll = told[_VICTIMS].fillna(0).sum(axis=1).to_numpy(dtype=float)
        tolls = fit_tolls(toll, kinds, n_kinds=len(EVENT_TYPES))
        mixes = _mix_types(evidence, forecast)
        counts = risks[KEY].merge(forecast.frame[[*KEY, "dispersion"]], on=KEY, how="left")
        mean = risks["expected_count"].to_numpy()
        excess = np.maximum(counts["dispersion"].to_numpy() - 1.0, 0.0)
        region = pd.Index(forecast.keys["region_id"]).get_indexer(risks["region_id"])
        for layer, mix in mixes.items():
            rows = np.flatnonzero((risks["layer"] == layer).to_numpy() & np.isfinite(mean))
            pmf = mix[region[rows]] @ tolls.pmf
            size = np.full(len(rows), np.inf)
            np.divide(mean[rows], excess[rows], out=size, where=excess[rows] > 0)
            expected[rows] = mean[rows] * (mix[region[rows]] @ tolls.mean)
            severe[rows] = worst_means(mean[rows], np.maximum(size, _LEAST_SIZE), pmf)
    return risks.assign(expected_victims=expected, severe_scenario=np.maximum(severe, expected))


#: A count more dispersed than this has all its mass at 0 and beyond every region's reach.
_LEAST_SIZE = 1e-3


def _mix_types(evidence: pd.DataFrame, forecast: Forecast) -> dict[str, FloatArray]:
    """Return the share of each event type by layer, shape (n_regions, n_types), shrunk.

    `evidence` are the violent incidents; layers come from wide to narrow.
    """
    ids = pd.Index(forecast.keys["region_id"])
    region = ids.get_indexer(evidence["region_id"])
    kind = pd.Index(EVENT_TYPES).get_indexer(evidence["event_type"].fillna("unknown"))
    weight = evidence["weight"].to_numpy(dtype=float)
    whole = np.full(len(EVENT_TYPES), 1.0 / len(EVENT_TYPES))
    told = forecast.measures[forecast.measures["violence"]].rename(columns={"theirs": "group"})
    mixes = {}
    for layer in LAYERS if "relevance" in forecast.evidence else LAYERS[:2]:
        rows = told[layer].to_numpy(dtype=bool)
        counts = np.zeros((len(ids), len(EVENT_TYPES)))
        np.add.at(counts, (region[rows], kind[rows]), weight[rows])
        worth = 0.0 if layer == "violence" else PRIOR_INCIDENTS
        whole = _shrink(counts.sum(axis=0), whole, worth)
        mixes[layer] = _shrink(counts, whole, PRIOR_INCIDENTS)
    return mixes


def _shrink(counts: FloatArray, prior: FloatArray, worth: float) -> FloatArray:
    """Return shares of counts along the last axis, with a prior worth so many incidents."""
    total = counts.sum(axis=-1, keepdims=True) + worth
    return np.where(total > 0, (counts + worth * prior) / np.maximum(total, 1e-300), prior)


def consequence_matrix(layer: RiskLayer, name: str | None = None) -> pd.DataFrame:
    """Return how many regions stand at each likelihood and consequence (ISO 31000).

    A view: likelihood is the risk level, consequence the class of the severe scenario
    (:data:`CONSEQUENCES`), and neither changes the other.

    Parameters
    ----------
    layer : RiskLayer
        The layer.
    name
        ``"violence"``, ``"foreign"`` or ``"group"``; the headline when None.

    Returns
    -------
    DataFrame
        Levels (rows, the highest first) by classes (columns), with ``not assessed`` for regions
        whose level is 0 or whose consequence is not known; the cells sum to the regions.

    Raises
    ------
    InputError
        When the layer has no such part.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> layer = rm.assess(rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01")),
    ...                   districts)
    >>> int(consequence_matrix(layer).to_numpy().sum()) == len(districts)
    True
    """
    risks = layer.risks_of(name)
    severe = risks["severe_scenario"].to_numpy()
    steps = np.searchsorted(list(CONSEQUENCES.values()), severe, side="right") - 1
    columns = [*CONSEQUENCES, "not assessed"]
    known = np.isfinite(severe) & (risks["risk_level"] > 0).to_numpy()
    consequence = np.array(columns)[np.where(known, steps, -1)]
    table = pd.crosstab(risks["level_name"].to_numpy(), consequence)
    levels = [level.name for level in reversed(layer.scale.levels)]
    table = table.reindex(index=levels, columns=columns, fill_value=0)
    return table.rename_axis(index="likelihood", columns="consequence")


#: Tolls are cut off here, so that every mean is finite whatever the exponent. More than this many
#: people killed, wounded or abducted by one incident has been recorded only a handful of times.
TOLL_CAP = 1000

#: The tail begins here: from so many people on tolls are too rare to count one by one.
TAIL = 10

#: Exponent of the number of people killed and wounded in terrorist attacks of 1968 to 2004
#: (Clauset and Young, 2005, "Scale invariance in global terrorism"), and what it is worth as
#: evidence, in incidents.
PRIOR_EXPONENT = 1.88
PRIOR_TOLLS = 5.0

#: What the tolls of all types together are worth as evidence of one type's, in incidents.
POOL_TOLLS = 20.0

FOLDS = 5
_LARGEST_GRID = 1 << 16
_TOLLS = np.arange(1, TOLL_CAP + 1, dtype=np.float64)
_LOG_TOLLS = np.log(_TOLLS[TAIL - 1 :])
_LOG_EDGES = np.log(np.arange(TAIL - 1, TOLL_CAP + 1) + 0.5)
_PRIOR = _TOLLS**-PRIOR_EXPONENT / np.sum(_TOLLS**-PRIOR_EXPONENT)
_TINY = 1e-300


@dataclass(frozen=True)
class Tolls:
    """The distribution of the toll of an incident, for each type.

    Parameters
    ----------
    pmf : ndarray, shape (n_types, TOLL_CAP + 1)
        Probability of a toll of 0, 1, 2 ...; each row sums to 1.
    family
        Of the tail: ``"power law"`` or ``"log-normal"``.
    held_out : dict of str to float
        Mean log probability of the large tolls held out under each; NaN with too few of them.
    """

    pmf: FloatArray
    family: str
    held_out: dict[str, float]

    @property
    def mean(self) -> FloatArray:
        """Mean toll of an incident of each type."""
        return np.asarray(self.pmf[:, 1:] @ _TOLLS)


def fit_tolls(toll: FloatArray, kind: IntArray, *, n_kinds: int) -> Tolls:
    """Fit the distribution of tolls by type.

    Parameters
    ----------
    toll : ndarray, shape (n,)
        People hit by each incident; more than :data:`TOLL_CAP` count as so many.
    kind : ndarray of int, shape (n,)
        Type of each incident, from 0.
    n_kinds
        Number of types; those without incidents get what all types together say.

    Returns
    -------
    Tolls

    Raises
    ------
    ModelError
        When a toll is negative or not finite.

    Examples
    --------
    >>> tolls = fit_tolls(np.array([0.0, 1, 1, 2, 9]), np.array([0, 0, 0, 1, 1]), n_kinds=2)
    >>> tolls.pmf.shape, bool(tolls.mean[1] > tolls.mean[0])
    ((2, 1001), True)
    """
    if not (np.isfinite(toll) & (toll >= 0)).all():
        raise ModelError("tolls must be finite and not negative")
    hit = np.minimum(np.floor(toll), TOLL_CAP).astype(np.int64)
    counts = np.zeros((n_kinds, TOLL_CAP + 1))
    np.add.at(counts, (kind, hit), 1.0)
    held_out = {name: _score_held_out(hit[hit >= TAIL], fit) for name, fit in _FAMILIES.items()}
    family = max(held_out, key=lambda name: np.nan_to_num(held_out[name], nan=-np.inf))
    pool = counts[:, 1:].sum(axis=0) + PRIOR_TOLLS * _PRIOR
    nobody = (counts[:, 0].sum() + 0.5) / (counts.sum() + 1.0)
    rows = []
    for row in counts:
        some = row[1:] + POOL_TOLLS * pool / pool.sum()
        body, tail = some[: TAIL - 1], some[TAIL - 1 :]
        hitting = np.concatenate([body, tail.sum() * _FAMILIES[family](tail)]) / some.sum()
        empty = (row[0] + POOL_TOLLS * nobody) / (row.sum() + POOL_TOLLS)
        rows.append(np.concatenate([[empty], (1.0 - empty) * hitting]))
    return Tolls(
        pmf=np.array(rows).reshape(n_kinds, TOLL_CAP + 1), family=family, held_out=held_out
    )


def fit_power_law(weights: FloatArray) -> FloatArray:
    """Return the power law that makes tolls most likely, as probabilities of TAIL to TOLL_CAP.

    Parameters
    ----------
    weights : ndarray, shape (TOLL_CAP - TAIL + 1,)
        How many incidents had each toll; fractions allowed.

    Examples
    --------
    >>> true = np.exp(-2.5 * _LOG_TOLLS) / np.exp(-2.5 * _LOG_TOLLS).sum()
    >>> bool(np.allclose(fit_power_law(true), true, rtol=1e-3))
    True
    """
    mean_log = float(weights @ _LOG_TOLLS / weights.sum())

    def loss(exponent: float) -> float:
        return exponent * mean_log + float(special.logsumexp(-exponent * _LOG_TOLLS))

    found = optimize.minimize_scalar(loss, bounds=(0.5, 8.0), method="bounded").x
    chances = np.exp(-found * _LOG_TOLLS)
    return np.asarray(chances / chances.sum())


def fit_log_normal(weights: FloatArray) -> FloatArray:
    """Return the discretised log-normal that makes tolls most likely, as :func:`fit_power_law`.

    Examples
    --------
    >>> true = _log_normal(3.0, 1.2)
    >>> bool(np.allclose(fit_log_normal(true), true, rtol=1e-2, atol=1e-6))
    True
    """
    share = weights / weights.sum()
    seen = share > 0
    mean = float(share @ _LOG_TOLLS)
    spread = float(np.sqrt(share @ (_LOG_TOLLS - mean) ** 2))

    def loss(params: FloatArray) -> float:
        chances = _log_normal(params[0], np.exp(params[1]))
        return -float(share[seen] @ np.log(np.maximum(chances[seen], _TINY)))

    start = np.array([mean, np.log(np.clip(spread, 0.3, 3.0))])
    bounds = [(-5.0, _LOG_TOLLS[-1]), (np.log(0.25), np.log(5.0))]
    found = optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    return _log_normal(found[0], np.exp(found[1]))


_FAMILIES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "power law": fit_power_law,
    "log-normal": fit_log_normal,
}


def _log_normal(mean: float, spread: float) -> FloatArray:
    """Return the probabilities of TAIL to TOLL_CAP, cut from a log-normal."""
    z = (_LOG_EDGES - mean) / spread
    low, high = z[:-1], z[1:]
    flip = low > 0  # differences of upper tails keep their digits
    chances = np.where(
        flip, special.ndtr(-low) - special.ndtr(-high), special.ndtr(high) - special.ndtr(low)
    )
    return np.asarray(chances / max(chances.sum(), _TINY))


def _score_held_out(hit: IntArray, fit: Callable[[FloatArray], FloatArray]) -> float:
    """Return the mean log probability of tolls under a family fitted to the other folds."""
    if len(hit) < FOLDS:
        return np.nan
    fold = np.arange(len(hit)) % FOLDS
    logs = []
    for i in range(FOLDS):
        others = np.bincount(hit[fold != i], minlength=TOLL_CAP + 1)[TAIL:]
        chances = fit(others + PRIOR_TOLLS * _PRIOR[TAIL - 1 :])
        logs.append(np.log(np.maximum(chances[hit[fold == i] - TAIL], _TINY)))
    return float(np.mean(np.concatenate(logs)))


def worst_means(
    mean: FloatArray, size: FloatArray, tolls: FloatArray, *, share: float = 0.05
) -> FloatArray:
    r"""Return the mean of the worst outcomes of the total toll, in each region.

    The total is :math:`S = V_1 + \dots + V_N`, with a negative binomial count `N` and tolls `V`;
    its distribution follows from

    .. math:: \mathrm{E}[z^S] = \left(1 + \mu\,(1 - \mathrm{E}[z^V]) / s\right)^{-s}

    by the fast Fourier transform (Grübel and Hermesmeier, 1999), and the mean of its worst part is
    the expected shortfall (Acerbi and Tasche, 2002). Nothing is drawn at random.

    Parameters
    ----------
    mean, size : ndarray, shape (n_regions,)
        Of the count of incidents; an infinite size is the Poisson.
    tolls : ndarray, shape (n_regions, TOLL_CAP + 1)
        Distribution of the toll of an incident.
    share
        Share of the outcomes that are the worst.

    Returns
    -------
    ndarray, shape (n_regions,)
        Totals of thousands and more are counted in steps of 2, 4, 8 ... people.

    Examples
    --------
    >>> one = np.zeros((1, TOLL_CAP + 1))
    >>> one[:, 1] = 1.0
    >>> worst_means(np.array([0.01]), np.array([np.inf]), one).round(3).tolist()
    [0.2]
    """
    people = np.arange(tolls.shape[1], dtype=np.float64)
    toll_mean, toll_square = tolls @ people, tolls @ people**2
    total = mean * toll_mean
    spread = np.sqrt(mean * toll_square + total**2 / size)
    reach = tolls.shape[1] + total + 10.0 * spread + 20.0 * total / size
    grid = 2 ** np.ceil(np.log2(reach)).astype(np.int64)
    worst = np.zeros(len(mean))
    for length in np.unique(grid):
        rows = np.flatnonzero(grid == length)
        step = max(1, length // _LARGEST_GRID)
        points = min(length, _LARGEST_GRID)
        block = max(1, _LARGEST_GRID * 32 // points)
        for first in range(0, len(rows), block):
            some = rows[first : first + block]
            chances = _compound(mean[some], size[some], _coarsen(tolls[some], step), points)
            worst[some] = step * _shortfall(chances, share)
    return worst


def _coarsen(tolls: FloatArray, step: int) -> FloatArray:
    """Return tolls counted in steps of so many people; their means stay (Gerber, 1982)."""
    if step == 1:
        return tolls
    people = np.arange(tolls.shape[1])
    low, over = people // step, people % step / step
    coarse = np.zeros((len(tolls), low[-1] + 2))
    np.add.at(coarse.T, low, (tolls * (1 - over)).T)
    np.add.at(coarse.T, low + 1, (tolls * over).T)
    return coarse


def _compound(mean: FloatArray, size: FloatArray, tolls: FloatArray, points: int) -> FloatArray:
    """Return the probabilities of totals of 0, 1, 2 ... steps, shape (n_regions, points)."""
    lack = mean[:, None] * (1.0 - np.fft.rfft(tolls, points, axis=1))
    finite = np.isfinite(size)
    some = np.where(finite, size, 1.0)[:, None]
    logs = np.where(finite[:, None], -some * np.log1p(lack / some), -lack)
    return np.maximum(np.fft.irfft(np.exp(logs), points, axis=1), 0.0)


def _shortfall(chances: FloatArray, share: float) -> FloatArray:
    """Return the mean of the worst `share` of outcomes of distributions over 0, 1, 2 ..."""
    whole = chances / chances.sum(axis=1, keepdims=True)
    above = np.cumsum(whole[:, ::-1], axis=1)[:, ::-1]  # at least so many
    kept = np.minimum(above, share)
    # E[worst] = sum over v >= 1 of P(at least v, and among the worst)
    return np.asarray(kept[:, 1:].sum(axis=1) / share)
