"""A replay knows only what was known, follows the rules of the layers, and counts what it says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import riskmap as rm
from riskmap.errors import InputError
from riskmap.evaluation.replays import HIGH

REGIONS = rm.datasets.regions()
INCIDENTS = rm.datasets.incidents()
LOCATED = rm.locate(INCIDENTS, REGIONS)
DAYS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2022-01-01", "2024-06-01", freq="MS")]
MODEL = rm.EmpiricalBayes()


@pytest.fixture(scope="module")
def replayed():
    return rm.replay(LOCATED, REGIONS, days=DAYS, model=MODEL)


@pytest.mark.slow
def test_a_replay_says_what_the_layers_would_have_said():
    group = rm.WorkerGroup("CHN", sector="mining")
    found = rm.replay(LOCATED, REGIONS, days=DAYS[:1], model=MODEL, group=group)
    panel = rm.count_incidents(LOCATED, REGIONS, group=group, as_of=DAYS[0])
    watched = replace(panel, at_risk={})  # for evaluation all of it is taken as watched
    frame = rm.forecast(watched, model=MODEL).frame
    assert set(found.levels["layer"]) == set(frame["layer"]) >= {"group"}
    key = ["region_id", "layer"]
    one = found.levels.set_index(key)["p_any"].sort_index()
    two = frame.set_index(key)["p_any"].sort_index()
    assert one.to_numpy() == pytest.approx(two.to_numpy(), rel=1e-9, nan_ok=True)


@pytest.mark.slow
def test_holds_in_a_replay_are_the_holds_of_the_layers(replayed):
    from riskmap.assessment.hysteresis import hold_levels

    previous = None
    table = replayed.levels
    panel = rm.count_incidents(LOCATED, REGIONS, as_of=DAYS[-1])
    layer = rm.assess(rm.forecast(panel, model=MODEL), REGIONS)
    key = ["region_id", "layer"]
    for day, rows in table.groupby("as_of"):
        told = rows.set_index(key).reindex(pd.MultiIndex.from_frame(layer.risks[key])).reset_index()
        risks = layer.risks.assign(
            p_any=told["p_any"],
            risk_level=told["threshold_level"].astype("Int64"),
            threshold_level=told["threshold_level"].astype("Int64"),
            below_since=pd.NaT,
        )
        known = {**layer.provenance, "as_of": f"{day:%Y-%m-%d}"}
        if previous is not None:
            context = replace(layer, provenance=known).context
            risks, _ = hold_levels(risks, previous, layer.scale, context=context)
        assert risks["risk_level"].tolist() == told["risk_level"].tolist()
        previous = replace(layer, risks=risks, provenance=known)


@pytest.mark.slow
def test_what_became_known_later_changes_nothing(replayed):
    last = pd.Timestamp(DAYS[-1], tz="UTC")
    early = INCIDENTS[INCIDENTS["ingested_at"] < last]
    found = rm.replay(rm.locate(early, REGIONS), REGIONS, days=DAYS, model=MODEL)
    later = ["observed", "happened"]
    assert_frame_equal(found.levels.drop(columns=later), replayed.levels.drop(columns=later))


def test_holds_cut_flips_and_only_raise_levels(replayed):
    levels = replayed.levels
    assert (levels["risk_level"] >= levels["threshold_level"]).all()
    table = replayed.policy([(1.0, 0.0)]).set_index(["layer", "dwell_days"])
    for layer in ("violence", "foreign"):
        own, none = table.loc[(layer, replayed.scale.dwell_days)], table.loc[(layer, 0.0)]
        assert own["flips"] <= none["flips"]
        assert own["hit_rate"] >= none["hit_rate"]
        assert own["quiet_days"] >= none["quiet_days"]


@pytest.mark.slow
def test_what_was_observed_is_what_happened(replayed):
    day = pd.Timestamp(DAYS[5])
    rows = replayed.levels[(replayed.levels["as_of"] == day)]
    total = rows.loc[rows["layer"] == "violence", "observed"].sum()
    precise = LOCATED.placements[LOCATED.placements["method"] != "spread"]["incident_id"]
    when = INCIDENTS.set_index("incident_id").loc[precise.unique(), "event_date"]
    assert total == ((when >= day) & (when < day + pd.Timedelta(days=90))).sum()


@pytest.mark.slow
def test_an_incident_known_to_its_province_happened_in_one_of_its_districts(replayed):
    known = replayed.levels[replayed.levels["observed"].notna()]
    named = (known["observed"] > 0).to_numpy(dtype=float)
    assert (known["happened"] >= named - 1e-12).all()
    assert (known["happened"] <= 1).all()
    assert known["happened"].sum() > named.sum()


def test_incidents_stand_between_their_layers(replayed):
    found = replayed.incidents
    levels = replayed.levels.set_index(["as_of", "region_id", "layer"])["risk_level"]
    for row in found.sample(20, random_state=1).itertuples():
        first = row.event_date.replace(day=1)
        assert levels[first, row.region_id, row.layer] == row.level_before
        assert np.isnan(row.lead_days) == (row.level_before < HIGH)
        assert not row.lead_days < 0


def test_frequencies_rise_with_the_level(replayed):
    table = replayed.frequencies()
    rows = table[(table["layer"] == "violence") & (table["n"] > 30) & (table["risk_level"] > 0)]
    assert rows["observed"].is_monotonic_increasing


@pytest.mark.parametrize("days", [[], ["2024-01-01", "2023-01-01"], ["2024-01-01"] * 2])
def test_days_out_of_order(days):
    with pytest.raises(InputError, match="days must be"):
        rm.replay(LOCATED, REGIONS, days=days)


@pytest.mark.slow
def test_where_no_source_says_who_was_hit_foreigners_bear_a_share_of_violence():
    unknown = INCIDENTS.assign(
        foreign_victims=pd.array([pd.NA] * len(INCIDENTS), dtype="Int64"),
        nationality=pd.Series([None] * len(INCIDENTS), dtype="str", index=INCIDENTS.index),
    )
    located = rm.locate(unknown, REGIONS)
    levels = rm.replay(located, REGIONS, days=DAYS[:2], model=MODEL).levels
    p_any = levels.pivot_table("p_any", ["as_of", "region_id"], "layer")
    hazard = -np.log1p(-p_any)
    assert (hazard["foreign"] >= 0.003 * hazard["violence"] - 1e-12).all()
    assert (hazard["foreign"] < 0.1 * hazard["violence"]).all()
