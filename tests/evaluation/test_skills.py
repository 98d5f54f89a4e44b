"""Tables about forecasts say what they are said to say."""

import numpy as np
import pandas as pd
import pytest

from riskmap.errors import InputError
from riskmap.evaluation.backtests import Backtest


def judged(table):
    return Backtest(table, (90.0,), "violence")


def forecasts(n_origins=8, n_regions=5, seed=4):
    """Two models: one states the truth's probability, the other the mean."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, (n_origins, n_regions))
    observed = (rng.random(p.shape) < p).astype(float)
    frames = []
    for name, stated in (("sharp", p), ("mean", np.full(p.shape, 0.5))):
        frame = pd.DataFrame(
            {
                "model": name,
                "origin": np.repeat(np.arange(n_origins), n_regions),
                "region_id": np.tile([f"r{i}" for i in range(n_regions)], n_origins),
                "observed": observed.ravel(),
                "p_any": stated.ravel(),
                "q05": 0.0,
                "q95": 1.0,
                "active": np.tile(np.arange(n_regions) < 2, n_origins),
            }
        )
        score = (frame["p_any"] - frame["observed"]) ** 2
        frames.append(frame.assign(brier=score, log_score=score, crps=score))
    return pd.concat(frames, ignore_index=True)


TABLE = forecasts(60)


def test_scores_stand_for_all_and_for_active_regions():
    table = judged(TABLE).scores().set_index(["region_set", "model"])
    assert table.loc[("all", "sharp"), "forecasts"] == 300
    assert table.loc[("active", "sharp"), "forecasts"] == 120
    assert table.loc[("all", "sharp"), "brier"] < table.loc[("all", "mean"), "brier"]
    assert table.loc[("all", "sharp"), "ap"] > table.loc[("all", "mean"), "ap"]
    assert (table["coverage"] == 1.0).all()


def test_without_events_a_ranking_is_missing():
    table = judged(TABLE.assign(observed=0.0)).scores()
    assert table[["hit_rate", "pai", "pei", "ap"]].isna().all(axis=None)


def test_without_active_regions_there_is_one_set():
    assert set(judged(TABLE.assign(active=False)).scores()["region_set"]) == {"all"}


def test_skill_is_the_ratio_of_sums_with_an_interval_around_it():
    table = judged(TABLE).skill("mean")
    row = table[(table["region_set"] == "all") & (table["metric"] == "brier")].iloc[0]
    mean = TABLE.groupby("model")["brier"].sum()
    assert row["skill"] == pytest.approx(1 - mean["sharp"] / mean["mean"])
    assert row["low"] < row["skill"] < row["high"]
    pd.testing.assert_frame_equal(table, judged(TABLE).skill("mean"))


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    long = forecasts(20_000, seed=9).groupby("model")["brier"].sum()
    truth = 1 - long["sharp"] / long["mean"]
    hits = 0
    for seed in range(60):
        row = judged(forecasts(24, seed=seed)).skill("mean", replicas=99).iloc[0]
        hits += row["low"] <= truth <= row["high"]
    assert 50 <= hits <= 59  # 54 is nominal


def heavy_scores(n_origins, rng, *, memory=0.5):
    """Two models whose scores are lognormal, alike and correlated from origin to origin."""
    log = rng.standard_normal((n_origins, 2))
    for t in range(1, n_origins):
        log[t] = memory * log[t - 1] + np.sqrt(1 - memory**2) * log[t]
    ours, theirs = np.exp(log[:, 0]), 1.2 * np.exp(0.8 * log[:, 0] + 0.6 * log[:, 1])
    frame = pd.DataFrame({"origin": np.arange(n_origins), "active": False})
    both = pd.concat([frame.assign(model="ours", x=ours), frame.assign(model="base", x=theirs)])
    return both.assign(brier=both["x"], log_score=both["x"], crps=both["x"])


@pytest.mark.slow
@pytest.mark.parametrize("n_origins", [24, 60])
def test_intervals_hold_the_truth_where_tails_are_heavy_and_bad_months_come_together(n_origins):
    truth = 1 - 1 / 1.2  # the means of both lognormals are alike
    hits = 0
    for seed in range(100):
        table = heavy_scores(n_origins, np.random.default_rng(seed))
        row = judged(table).skill("base", replicas=99).iloc[0]
        hits += np.isnan(row["low"]) or row["low"] <= truth <= row["high"]
    assert 84 <= hits <= 96  # 90 is nominal


def test_an_interval_without_an_end_is_missing():
    wild = heavy_scores(4, np.random.default_rng(0)).query("model == 'ours'")
    wild = wild.assign(brier=[0.0, 0.0, 0.0, 9.0], log_score=1.0, crps=1.0)
    row = judged(pd.concat([wild, wild.assign(model="base")])).skill("base").iloc[0]
    assert row["skill"] == 0
    assert np.isnan(row["low"])


def test_one_origin_has_no_interval():
    one = TABLE[TABLE["origin"] == 0]
    assert judged(one).skill("mean")[["low", "high"]].isna().all(axis=None)


def test_a_model_equal_to_the_baseline_has_no_skill():
    twin = TABLE[TABLE["model"] == "mean"].assign(model="twin")
    table = judged(pd.concat([TABLE, twin])).skill("mean").set_index(["model", "metric"])
    assert (table.loc["twin", ["skill", "low", "high"]] == 0).all(axis=None)


def test_perfect_against_perfect_is_no_skill():
    perfect = TABLE.assign(brier=0.0, log_score=0.0, crps=0.0)
    assert (judged(perfect).skill("mean")["skill"] == 0).all()


def test_an_unknown_baseline_is_refused():
    with pytest.raises(InputError, match="no such model"):
        judged(TABLE).skill("luck")


def test_reliability_bins_hold_every_forecast():
    table = judged(TABLE).reliability(bins=5)
    assert table[table["region_set"] == "all"].groupby("model")["forecasts"].sum().tolist() == [
        300,
        300,
    ]
    assert len(table[(table["region_set"] == "all") & (table["model"] == "mean")]) == 1
