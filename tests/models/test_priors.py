"""A short history leans on what others learnt: one attack tells of its own district first."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import riskmap as rm
from riskmap.errors import ModelError
from riskmap.models.endemic_epidemic import find_prior
from riskmap.models.estimators import pack_model, unpack_model
from riskmap.typing import CountHistory

SIDE, N_WINDOWS, HOME = 20, 26, 205


def desk(*, last=0.0):
    """A desk's two years in 400 districts: few attacks, two on foreigners, perhaps one more."""
    n = SIDE * SIDE
    row, column = np.divmod(np.arange(n), SIDE)
    apart = abs(row[:, None] - row) + abs(column[:, None] - column)
    links = (apart == 1) / (apart == 1).sum(axis=1, keepdims=True)
    counts, violence = np.zeros((2, N_WINDOWS, n))
    counts[2, 10] = counts[22, 206] = 1.0
    violence[[20, 23, 24, 24, 25], [300, 206, 10, 205, 10]] = 1.0
    counts[-1, HOME] += last
    return CountHistory(
        counts=counts,
        days=np.full(N_WINDOWS, 30.0),
        parent=column // 5 + 4 * (row // 5),
        country=np.zeros(n, int),
        neighbours=sparse.csr_array(links),
        drivers={"violence": violence + counts},
    )


def p_any(history, **given):
    model = rm.EndemicEpidemic(**given).fit(history, horizon_days=90.0)
    return model.predict_distribution(history).p_gt(0)


def test_one_killing_moves_its_own_district_and_hardly_the_others():
    before, after = (p_any(desk(last=n), prior="foreign") for n in (0.0, 1.0))
    moved = after - before
    beside = desk().neighbours[[HOME]].indices
    assert moved[HOME] > 0.01
    assert (after[beside] > 1.5 * np.median(after)).all()
    assert 0 <= np.median(moved) < moved[HOME] / 50
    # the broken twin: nobody to lean on
    alone = p_any(desk(last=1.0)) - p_any(desk())
    assert np.median(alone) > alone[HOME] / 50


@pytest.mark.parametrize("layer", ["violence", "foreign"])
def test_the_first_incident_of_a_history_lowers_nothing_by_more_than_a_trace(layer):
    history = replace(desk(), drivers={})
    none = replace(history, counts=np.zeros(history.counts.shape))
    one = replace(none, counts=none.counts + (np.arange(400) == HOME) * np.eye(26)[:, [25]])
    change = p_any(one, prior=layer) - p_any(none, prior=layer)
    assert change.min() > -1e-4
    assert change[HOME] > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("drivers", [True, False])
def test_hundreds_of_incidents_need_nobody_to_lean_on(drivers):
    history, _ = rm.datasets.simulate_counts(120, 40, own=0.4, seed=2)
    if drivers:
        history = replace(history, drivers={"violence": history.counts + 1.0})
    alone, leaning = (p_any(history, prior=prior) for prior in (None, "foreign"))
    assert leaning == pytest.approx(alone, rel=1e-3)


def test_nothing_is_lost_where_a_history_lacks_drivers():
    for layer in ("violence", "foreign"):
        prior = find_prior(layer)
        found = prior.of(["own_12m", "country_3m", "base", "sqrt_base", "level"])
        assert found.sum() == pytest.approx(sum(prior.coefficients.values()))
        assert 0.5 < found.sum() < 2.0


def test_a_prior_of_ones_own_is_taken_and_kept():
    table = {"coefficients": {"own_12m": 0.9, "level": 0.1}, "dispersion": [0.0, 1.0]}
    history = desk(last=1.0)
    model = rm.EndemicEpidemic(prior=table).fit(history, horizon_days=90.0)
    assert model.coefficients_["own_12m"] > 0.7
    assert 0.7 < model.prior_weight_ < 1.0
    again = unpack_model(pack_model(model))
    assert again.prior_weight_ == model.prior_weight_
    found = again.predict_distribution(history).mean
    assert np.array_equal(found, model.predict_distribution(history).mean)


@pytest.mark.parametrize("prior", ["kidnapping", {"coefficients": {}}, 3])
def test_a_prior_that_nobody_knows_is_refused(prior):
    with pytest.raises(ModelError, match="prior must be one of foreign, violence"):
        rm.EndemicEpidemic(prior=prior).fit(desk(), horizon_days=90.0)


def test_one_country_is_not_counted_twice():
    model = rm.EndemicEpidemic(penalties=(0.01,), prior="violence")
    history, _ = rm.datasets.simulate_counts(60, 20, own=0.4, seed=3)
    model.fit(replace(history, country=np.zeros(20, int)), horizon_days=90.0)
    assert not [name for name in model.coefficients_ if name.removeprefix("sqrt_")[:4] == "all_"]
