"""A backtest sees only the past, says the same twice, and knows a good forecast from a bad one."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor

import riskmap as rm
from riskmap.errors import InputError, ModelError
from riskmap.evaluation import backtests
from riskmap.evaluation.backtests import backtest
from riskmap.models.distributions import NegativeBinomial
from riskmap.models.estimators import CountEstimator

MODELS = {"EB": rm.EmpiricalBayes(), "climatology": rm.Climatology()}


class Known(CountEstimator):
    """States the rate it is given."""

    def __init__(self, rate=1.0):
        self.rate = rate

    def _forecast(self, history):
        mean = np.full(history.n_regions, self.rate)
        return {"known": mean}, NegativeBinomial(mean)


class Plain:
    """A Poisson distribution without a closed form."""

    def __init__(self, mean):
        self._exact = NegativeBinomial(mean)
        self.mean, self.variance = self._exact.mean, self._exact.variance

    def __getattr__(self, name):
        return getattr(self._exact, name)


@pytest.fixture(scope="module")
def panel():
    districts = rm.datasets.regions()
    located = rm.locate(rm.datasets.incidents(), districts)
    counted = rm.count_incidents(located, districts, every="quarter", as_of="2025-01-01")
    return replace(counted, at_risk={})  # all of it was watched


@pytest.fixture(scope="module")
def found(panel):
    return backtest(panel, MODELS, origins=6)


def with_counts(panel, values):
    """The panel with other counts of violence, windows by regions."""
    return replace(panel, frame=panel.frame.assign(violence=np.asarray(values).T.ravel()))


def test_one_row_a_model_origin_and_region(panel, found):
    frame = found.forecasts
    assert len(frame) == 2 * 6 * panel.n_regions
    assert not frame.duplicated(["model", "origin", "region_id"]).any()
    assert frame.isna().sum().sum() == 0
    assert found.series == "violence"
    assert all(90 <= days <= 92 for days in found.horizon_days)


def test_what_happened_is_the_panel_s(panel, found):
    counts = panel.wide("violence")
    part = found.forecasts[found.forecasts["model"] == "EB"]
    observed = part.pivot_table("observed", index="origin", columns="region_id")
    assert observed.to_numpy().tolist() == counts.loc[observed.index].round().to_numpy().tolist()
    assert observed.index[-1] == pd.Timestamp("2024-10-01")


@settings(max_examples=8)
@given(seed=st.integers(0, 99), cut=st.integers(20, 26))
def test_the_future_changes_no_forecast(panel, seed, cut):
    values = panel.wide("violence").to_numpy()
    later = values.copy()
    later[cut:] = np.random.default_rng(seed).poisson(5.0, later[cut:].shape)
    day = [panel.wide("violence").index[cut]]
    before, after = (backtest(with_counts(panel, v), MODELS, origins=day) for v in (values, later))
    said = ["expected_count", "p_any", "q05", "q95", "active"]
    pd.testing.assert_frame_equal(before.forecasts[said], after.forecasts[said])


def test_origins_can_be_named(panel, found):
    days = found.forecasts["origin"].unique()
    named = backtest(panel, MODELS, origins=[str(day.date()) for day in days])
    pd.testing.assert_frame_equal(named.forecasts, found.forecasts)


def test_a_horizon_of_several_windows(panel):
    year = backtest(panel, {"EB": rm.EmpiricalBayes()}, horizon="365D", origins=2)
    assert all(365 <= days <= 366 for days in year.horizon_days)
    counts = panel.wide("violence").iloc[-4:].sum()
    last = year.forecasts[year.forecasts["origin"] == pd.Timestamp("2024-01-01")]
    assert last["observed"].tolist() == counts.round().tolist()


def test_refitting_less_often_still_sees_new_windows(panel, found):
    seldom = backtest(panel, MODELS, origins=6, refit=6).forecasts
    assert seldom.shape == found.forecasts.shape
    one = seldom[seldom["model"] == "EB"].pivot_table("p_any", index="origin", columns="region_id")
    assert (one.diff().iloc[1:].abs() > 0).any(axis=None)


@pytest.mark.slow
def test_processes_give_the_same_to_the_bit(panel, found):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parallel = backtest(panel, MODELS, origins=6, mapper=pool.map)
    pd.testing.assert_frame_equal(parallel.forecasts, found.forecasts, check_exact=True)


def test_the_truth_beats_a_lie_and_is_calibrated(panel):
    rng = np.random.default_rng(8)
    truth = with_counts(panel, rng.poisson(1.3, panel.wide("violence").shape))
    models = {"truth": Known(1.3), "lie": Known(4.0)}
    found = backtest(truth, models, origins=20)
    skill = found.skill("lie").set_index(["region_set", "metric"])
    assert (skill.loc["all", "low"] > 0.2).all()
    scores = found.scores().set_index(["region_set", "model"])
    assert 0.88 <= scores.loc[("all", "truth"), "coverage"] <= 0.99
    assert scores.loc[("all", "lie"), "coverage"] < 0.88
    stated = found.reliability().query("region_set == 'all' and model == 'truth'")
    assert stated["observed"].tolist() == pytest.approx(stated["stated"].tolist(), abs=0.06)


def test_a_distribution_without_closed_form_scores_the_same():
    mean, observed = np.array([0.2, 3.0, 7.0]), np.array([0.0, 5.0, np.nan])
    summed = backtests._judge(Plain(mean), observed)["crps"]
    closed = backtests._judge(NegativeBinomial(mean), observed)["crps"]
    np.testing.assert_allclose(summed, closed, atol=1e-8)


def test_regions_that_nobody_knows_of_are_left_out(panel):
    watched = np.ones(panel.wide("violence").shape)
    watched[:, 0] = 0.0
    blind = replace(panel, at_risk={"violence": watched})
    found = backtest(blind, {"EB": rm.EmpiricalBayes()}, origins=2)
    assert len(found.forecasts) == 2 * (panel.n_regions - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"models": {}}, InputError, "needs a model"),
        ({"refit": 0}, InputError, "refit of 1"),
        ({"origins": 0}, InputError, "at least one"),
        ({"origins": ["2024-07-01", "2024-04-01"]}, InputError, "ascending"),
        ({"origins": ["2024-07-02"]}, InputError, "starts no window"),
        ({"origins": ["2025-01-01"]}, InputError, "no whole horizon"),
        ({"origins": 40}, ModelError, "less than a horizon"),
        ({"horizon": "-3D"}, InputError, "a horizon is of days"),
        ({"series": "sorrow"}, InputError, "no such series"),
    ],
)
def test_what_can_t_be_tested_is_refused(panel, options, error, message):
    models = options.pop("models", MODELS)
    with pytest.raises(error, match=message):
        backtest(panel, models, **options)


def test_a_series_that_nobody_knows_is_refused(panel):
    empty = replace(panel, frame=panel.frame.assign(foreign=np.nan))
    with pytest.raises(ModelError, match="nothing is known"):
        backtest(empty, MODELS, series="foreign")


def test_a_list_of_models_goes_by_their_classes(panel):
    named = {"EmpiricalBayes": rm.EmpiricalBayes(), "Climatology": rm.Climatology()}
    several, one = backtest(panel, [*named.values()], origins=2), rm.Climatology()
    pd.testing.assert_frame_equal(several.forecasts, backtest(panel, named, origins=2).forecasts)
    assert backtest(panel, None, origins=2).forecasts["model"].unique() == ["EndemicEpidemic"]
    alone = backtest(panel, one, origins=2).forecasts
    assert alone["model"].unique().tolist() == ["Climatology"]


def test_a_list_with_one_name_twice_asks_for_names(panel):
    models = [rm.EmpiricalBayes(), rm.EmpiricalBayes(levels=("country",))]
    with pytest.raises(InputError, match=r"one name: met 'EmpiricalBayes', expected names of your"):
        backtest(panel, models, origins=2)


@pytest.mark.slow
def test_a_bare_model_of_scikit_learn_is_adapted(panel):
    bare = {"trees": PoissonRegressor(alpha=1e-3)}
    adapted = {"trees": rm.Adapted(PoissonRegressor(alpha=1e-3))}
    one, two = (backtest(panel, models, origins=2, horizon=90) for models in (bare, adapted))
    pd.testing.assert_frame_equal(one.forecasts, two.forecasts)
