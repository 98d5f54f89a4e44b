"""A layer is the sum of its terms: a model asked about known incidents, a share of unknown ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap as rm
from riskmap.models.distributions import Bernoulli, NegativeBinomial
from riskmap.models.terms import (
    LayerModel,
    Term,
    as_negative_binomial,
    combine,
    hazard_of,
    match_size,
    own_rate,
    raise_to,
    thin,
)

MEANS = st.floats(1e-4, 8.0)
SIZES = st.floats(0.05, 100.0)


@given(MEANS, SIZES, st.floats(0.001, 1.0))
def test_a_share_of_a_count_is_what_independent_thinning_makes(mean, size, share):
    """Thinned, a negative binomial keeps its size: the mean times the share, no more, no less."""
    rng = np.random.default_rng(1)
    found = thin(NegativeBinomial(np.array([mean]), size=size), np.array([share]))
    assert found.mean.item() == pytest.approx(mean * share)
    none = (size / (size + mean * share)) ** size
    assert found.p_gt(0).item() == pytest.approx(1 - none, abs=1e-9)
    if mean * share > 0.5 and size > 0.5:
        whole = rng.poisson(rng.gamma(size, mean / size, 20_000))
        assert np.mean(rng.binomial(whole, share) > 0) == pytest.approx(1 - none, abs=0.03)


def test_a_share_of_an_event_is_an_event():
    assert thin(Bernoulli(np.array([0.4])), np.array([0.5])).p_gt(0).tolist() == [0.2]


@given(MEANS, SIZES, MEANS, SIZES)
def test_independent_terms_add_up_and_multiply(mean, size, other, other_size):
    one, two = (
        NegativeBinomial(np.array([m]), size=s) for m, s in ((mean, size), (other, other_size))
    )
    both = combine([one, two])
    assert both.mean.item() == pytest.approx(mean + other)
    hazard = hazard_of(one.p_gt(0)) + hazard_of(two.p_gt(0))
    assert hazard_of(both.p_gt(0)).item() == pytest.approx(hazard.item(), rel=1e-4, abs=1e-6)


@given(MEANS, SIZES)
def test_the_size_is_found_again(mean, size):
    told = NegativeBinomial(np.array([mean]), size=size)
    found = NegativeBinomial(told.mean, size=match_size(told.mean, told.p_gt(0)))
    assert found.p_gt(0) == pytest.approx(told.p_gt(0), rel=1e-6)


@given(MEANS, SIZES, st.floats(0.0, 5.0))
def test_nothing_is_below_the_least_hazard_and_nothing_else_is_touched(mean, size, least):
    told = NegativeBinomial(np.array([mean]), size=size)
    found = raise_to(told, np.array([least]))
    hazard = hazard_of(found.p_gt(0)).item()
    assert hazard >= least * (1 - 1e-9)
    if hazard_of(told.p_gt(0)).item() >= least:
        assert found.mean.item() == mean
    else:
        assert hazard == pytest.approx(least, rel=1e-6)


def test_an_event_as_a_count_has_its_probability():
    told = Bernoulli(np.array([0.0001, 0.5]))
    assert as_negative_binomial(told).p_gt(0) == pytest.approx(told.p_gt(0), rel=1e-6)


@pytest.fixture(scope="module")
def histories(make):
    rng = np.random.default_rng(3)
    violence = rng.poisson(rng.gamma(0.7, 1.5, 8), (60, 8)).astype(float)
    foreign = rng.binomial(violence.astype(int), 0.1).astype(float)
    unknown = rng.binomial((violence - foreign).astype(int), 0.5).astype(float)
    group = foreign * rng.choice([0.5, 1.0], foreign.shape)
    told = {"violence": violence, "foreign": foreign, "unknown": unknown, "group": group}
    return {name: make(counts) for name, counts in told.items()}


@pytest.fixture(scope="module")
def layers(histories):
    known, wide = (
        rm.EmpiricalBayes().fit(histories[name], horizon_days=90.0)
        for name in ("foreign", "violence")
    )
    share, least = np.full(8, 0.01), np.full(8, 0.003)
    violence, unknown = Term(wide, "violence"), Term(wide, "unknown", share=share)
    foreign = LayerModel("foreign", (Term(known, "foreign"), unknown), least, violence)
    theirs = LayerModel("group", (Term(known, "group", cap="foreign"), unknown), least, violence)
    return {"violence": LayerModel("violence", (violence,)), "foreign": foreign, "group": theirs}


@pytest.mark.parametrize("layer", ["violence", "foreign", "group"])
def test_the_parts_of_a_layer_sum_to_its_mean(layers, histories, layer):
    total = np.sum(list(layers[layer].components(histories).values()), axis=0)
    assert total == pytest.approx(layers[layer].predict(histories).mean, abs=1e-9)


def test_the_parts_sum_up_where_the_least_share_decides(layers, histories, make):
    quiet = histories | {name: make(np.zeros((60, 8))) for name in ("foreign", "unknown", "group")}
    high = LayerModel("foreign", layers["foreign"].terms, np.full(8, 0.5), layers["foreign"].wide)
    parts = high.components(quiet)
    assert (parts["least_share"] > 0).all()
    total = np.sum(list(parts.values()), axis=0)
    assert total == pytest.approx(high.predict(quiet).mean, abs=1e-9)
    hazard = [hazard_of(one.predict(quiet).p_gt(0)) for one in (high, layers["violence"])]
    assert hazard[0] == pytest.approx(0.5 * hazard[1], rel=1e-6)


def test_the_least_share_is_one_of_the_violence_that_is_asked_about(layers, histories, make):
    """Without violence there is no least share: it is no memory of what was left out."""
    nothing = dict.fromkeys(histories, make(np.zeros((60, 8))))
    p_any = layers["foreign"].predict(nothing).p_gt(0)
    wide = layers["violence"].predict(nothing).p_gt(0)
    bare = LayerModel("foreign", layers["foreign"].terms).predict(nothing).p_gt(0)
    assert p_any == pytest.approx(np.maximum(bare, -np.expm1(-0.003 * hazard_of(wide))))


def test_a_group_is_never_above_all_foreigners(layers, histories, make):
    heavy = histories | {"group": make(2.0 * histories["foreign"].counts)}
    one, two = (layers[name].predict(heavy).p_gt(0) for name in ("group", "foreign"))
    assert one == pytest.approx(two)


def test_what_is_told_of_a_region_itself_is_all_that_its_own_mean_holds(layers, histories, make):
    quiet = {name: h.counts.copy() for name, h in histories.items()}
    for counts in quiet.values():
        counts[:, 0] = 0.0
    own = layers["foreign"].own_mean({k: make(c) for k, c in quiet.items()}, 90.0)
    assert own[0] == 0.0
    assert own.max() > 0
    assert own_rate(histories["violence"]).shape == (8,)
