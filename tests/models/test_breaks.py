"""After a stated break rates go where watched days since have them; nothing else moves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import riskmap as rm
from riskmap.errors import InputError
from riskmap.models.explanations import Decomposition
from riskmap.models.what_ifs import WhatIfs, lengthen
from riskmap.panels.frames import panel_from_counts
from riskmap.panels.panel import with_breaks

N_WINDOWS, N_REGIONS = 36, 6


def made(seed=0, *, watched=False):
    """Incidents of two countries, of which the first broke with its past."""
    rng = np.random.default_rng(seed)
    violence = rng.poisson(rng.gamma(0.7, 1.0, N_REGIONS), (N_WINDOWS, N_REGIONS))
    ring = np.eye(N_REGIONS)
    weight = np.ones((N_WINDOWS, N_REGIONS))
    weight[:24, :4] = rng.choice([0.02, 0.3, 0.7], 4)
    share = rng.choice([0.0, 0.5, 1.0], (N_WINDOWS, N_REGIONS)) if watched else None
    return rm.typing.CountHistory(
        counts=rng.binomial(violence, 0.3).astype(float),
        days=np.full(N_WINDOWS, 30.0),
        parent=np.array([0, 0, 1, 1, 2, 2]),
        country=np.array([0, 0, 0, 0, 1, 1]),
        neighbours=sparse.csr_array((np.roll(ring, 1, 0) + np.roll(ring, -1, 0)) / 2),
        drivers={"violence": violence.astype(float)},
        watched=share,
        weight=weight,
    )


@pytest.fixture(scope="module")
def panel():
    districts = rm.datasets.regions()
    located = rm.locate(rm.datasets.incidents(), districts)
    return rm.count_incidents(located, districts, as_of="2025-01-01")


def drawn_changes(history, rng, n_events=8):
    """Events that add to what is there or take it away, at a point or spread, before or after."""
    place = rng.dirichlet(np.full(N_REGIONS, 0.3), n_events)
    time = np.zeros((n_events, N_WINDOWS))
    time[np.arange(n_events), rng.integers(N_WINDOWS, size=n_events)] = 1.0
    amount = rng.choice([0.5, 2.0], n_events)
    seen = np.argwhere(history.counts > 0)
    for event in range(0, n_events, 2):
        window, region = seen[rng.integers(len(seen))]
        place[event], time[event] = 0.0, 0.0
        place[event, region] = time[event, window] = 1.0
        amount[event] = -history.counts[window, region]
    amounts = {"counts": amount, "violence": amount}
    event, region = (found.ravel() for found in np.indices((n_events, N_REGIONS)))
    return WhatIfs(sparse.csr_array(place), sparse.csr_array(time), amounts, event, region)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_what_ifs_stay_exact(one_by_one, seed, watched):
    history = made(seed, watched=watched)
    model = rm.EndemicEpidemic(penalties=(0.01,)).fit(history, horizon_days=90.0)
    what_ifs = drawn_changes(history, np.random.default_rng(seed))
    mean, p_any = one_by_one(model, history, what_ifs)
    found = model.predict_what_ifs(history, what_ifs)
    assert found.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert found.p_gt(0) == pytest.approx(p_any, rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, N_WINDOWS - 1), st.integers(0, N_REGIONS - 1), st.booleans())
def test_one_more_incident_never_lowers(fitted, window, region, watched):
    history, model = fitted[watched]
    counts, violence = history.counts.copy(), history.drivers["violence"].copy()
    counts[window, region] += 1
    violence[window, region] += 1
    more = replace(history, counts=counts, drivers={"violence": violence})
    before, after = (model.predict_distribution(one).p_gt(0) for one in (history, more))
    assert (after >= before - 1e-12).all()


@pytest.fixture(scope="module")
def fitted():
    histories = [made(7, watched=watched) for watched in (False, True)]
    return [(one, rm.EndemicEpidemic().fit(one, horizon_days=90.0)) for one in histories]


def test_nothing_is_learnt_from_the_time_after_a_break():
    history = made()
    louder = history.counts.copy()
    louder[24:, :4] *= 9.0
    fits = [
        rm.EndemicEpidemic().fit(one, horizon_days=90.0)
        for one in (history, replace(history, counts=louder))
    ]
    assert fits[0].coefficients_ == fits[1].coefficients_


@pytest.mark.parametrize("model", [rm.EndemicEpidemic(), rm.EmpiricalBayes()])
def test_reasons_add_up_and_show_the_break(model):
    history = made()
    model.fit(history, horizon_days=90.0)
    parts = model.predict_components(history)
    assert np.sum(list(parts.values()), axis=0) == pytest.approx(
        model.predict_distribution(history).mean, rel=1e-9
    )
    plain = model.predict_components(replace(history, weight=None))
    assert {k: v.tolist() for k, v in parts.items() if k != "break"} == {
        k: v.tolist() for k, v in plain.items()
    }
    assert (parts["break"] != 0).any()


def table_of(rates_before, rates_after):
    """Counts by month: steady, then at another rate in eight of forty regions."""
    import pandas as pd

    rng = np.random.default_rng(3)
    rates = rng.gamma(0.7, 1.0 / 0.7, 40)
    rates[:8] = 1.0
    counts = rng.poisson(rates_before * rates, (69, 40))
    counts[60:, :8] = rng.poisson(rates_after, (9, 8))
    days = pd.date_range("2019-01-01", periods=len(counts), freq="MS")
    return pd.DataFrame(counts, index=days, columns=[f"r{k}" for k in range(40)])


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(3.0, 0.5), (0.5, 3.0)])
def test_rates_follow_what_is_watched_since(before, after):
    panel = panel_from_counts(table_of(before, after))
    told = []
    for breaks in ([], [f"r{k}:2024-01-01" for k in range(8)]):
        frame = rm.forecast(panel, horizon="30D", breaks=breaks).frame
        broken = frame["region_id"].isin([f"r{k}" for k in range(8)])
        frame = frame[frame["layer"].eq("violence") & broken]
        told.append(frame["expected_count"].mean() / after)
    assert abs(np.log(told[1])) < abs(np.log(told[0]))
    assert 1 / 1.5 < told[1] < 1.5


def test_where_nobody_has_watched_since_nothing_moves():
    history = made()
    watched = np.ones_like(history.counts)
    watched[24:, :4] = 0.0
    panel_like = replace(history, watched=watched, weight=None)
    model = rm.EndemicEpidemic().fit(panel_like, horizon_days=90.0)
    before = model.predict_distribution(panel_like).mean
    after = model.predict_distribution(replace(panel_like, weight=np.ones_like(watched))).mean
    assert after.tolist() == before.tolist()


def test_an_unwatched_region_is_worth_what_it_was(panel):
    watched = np.ones_like(panel.history("violence").counts)
    watched[-10:, 0] = 0.0
    blind = replace(panel, at_risk={**panel.at_risk, "violence": watched})
    country = panel.keys["iso3"][0]
    weight = with_breaks(blind, [f"{country}:2024-06-01"]).history("violence").weight
    assert (weight[:, 0] == 1).all()
    assert (weight[:60, 1] < 1).all()
    assert (weight[-7:] == 1).all()


def test_a_longer_history_is_worth_the_same():
    history = made()
    rates = {"violence": np.full(N_REGIONS, 0.1)}
    longer = lengthen(replace(history, drivers={}), np.full(2, 30.0), rates, series="violence")
    assert longer.weight[:N_WINDOWS].tolist() == history.weight.tolist()
    assert (longer.weight[N_WINDOWS:] == 1).all()


@pytest.mark.slow
def test_a_forecast_tells_its_breaks(panel):
    told = f"{panel.keys['iso3'][0]}:2024-03-01"
    found = rm.forecast(panel, breaks=[told])
    assert found.provenance["breaks"] == [told]
    sums = found.components.groupby(["region_id", "layer"])["value"].sum()
    means = found.frame.set_index(["region_id", "layer"])["expected_count"]
    assert sums.to_numpy() == pytest.approx(means.reindex(sums.index).to_numpy(), abs=1e-9)
    again = Decomposition(found).expect(found.evidence, "2025-01-01")["violence"]
    stated = found.frame.loc[found.frame["layer"] == "violence", "expected_count"]
    assert again.tolist() == stated.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["AFG", "nowhere:2024-01-01", "{}:tomorrow", "{}:2025-01-01"])
def test_what_is_no_break_is_refused(panel, text):
    with pytest.raises(InputError, match="break"):
        rm.forecast(panel, breaks=[text.format(panel.keys["iso3"][0])])
