"""Silence never lowers a level unflagged; a flood of harmless rows lowers none."""

import os
from dataclasses import replace
from datetime import date
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.assessment.assessments import judge_levels
from riskmap.assessment.desk_files import Decision
from riskmap.assessment.missing_reports import UNTOLD
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.sets import decode_layer, encode_layer

REGIONS = rm.datasets.regions()
BASE = rm.datasets.incidents().assign(
    source=lambda t: np.array(["alpha", "beta", "gamma"])[np.arange(len(t)) % 3]
)
DAY, BEFORE = "2024-12-01", "2024-11-01"
NEXT = "2023-12-08"
MODEL = rm.EmpiricalBayes()
GROUP = rm.WorkerGroup("CHN", sector="mining")
#: The suite tries a few deletions; RISKMAP_DELETIONS=10000 tries them all, from any seed.
DELETIONS = int(os.environ.get("RISKMAP_DELETIONS", "20"))
SEED = int(os.environ.get("RISKMAP_SEED", "7"))
KEY = ["region_id", "layer"]
SCALE = rm.LevelScale.default()


def foresee(incidents, day, model):
    panel = rm.count_incidents(rm.locate(incidents, REGIONS), REGIONS, group=GROUP, as_of=day)
    return rm.forecast(panel, model=model)


@cache
def of_base(day):
    """The forecast that most tests begin with."""
    return foresee(BASE, day, MODEL)


def ask(incidents, day=DAY, model=MODEL):
    is_base = incidents is BASE and model is MODEL
    return of_base(day) if is_base else foresee(incidents, day, model)


def assess(incidents, day=DAY, previous=None, model=MODEL):
    return rm.assess(ask(incidents, day, model), REGIONS, previous=previous)


def judge(incidents, previous):
    """Levels and their audit as in `assess`, without what changes neither."""
    context = replace(previous.context, as_of=pd.Timestamp(DAY))
    judged = judge_levels(ask(incidents), SCALE, previous=previous, context=context)
    return SimpleNamespace(**judged)


def unflagged_drops(whole, less):
    """Rows whose level is lower than with all reports, and nothing says so."""
    one, two = (layer.risks.set_index(KEY) for layer in (whole, less))
    two = two.reindex(one.index)
    lower = two["risk_level"] < one["risk_level"]
    told = two["reporting_gap"] | two["held"] | (two["risk_level"] == 0)
    told |= two["data_sufficiency"] != one["data_sufficiency"]
    told |= two.index.isin(less.audit.set_index(KEY).index)
    return two[lower & ~told]


def delete(rng, incidents):
    """Take away all, the newest or some regions' rows of a random source."""
    source = rng.choice(sorted(incidents["source"].unique()))
    rows = (incidents["source"] == source).to_numpy().copy()
    kind = rng.integers(3)
    if kind == 1:
        days = incidents["event_date"].sort_values()
        rows &= (incidents["event_date"] >= days.iloc[rng.integers(len(days) // 2)]).to_numpy()
    if kind == 2:
        places = sorted(incidents["admin1"].unique())
        rows &= incidents["admin1"].isin(rng.choice(places, rng.integers(1, 3))).to_numpy()
    return incidents[~rows]


def worlds(deletions):
    """Yield the invented incidents with their sources shuffled, for up to a hundred deletions."""
    rng = np.random.default_rng(SEED)
    for start in range(0, deletions, 100):
        incidents = BASE.assign(source=BASE["source"].to_numpy()[rng.permutation(len(BASE))])
        yield rng, incidents, assess(incidents, BEFORE), min(100, deletions - start)


@pytest.mark.slow
def test_random_deletions_of_sources_lower_no_level_unflagged():
    dropped = 0
    for rng, incidents, before, times in worlds(DELETIONS):
        whole = assess(incidents, DAY, before)
        seen = set()
        for _ in range(times):
            less = delete(rng, incidents)
            dropped += 1
            if (left := frozenset(less.index)) in seen:
                continue  # the same rows give the same levels
            seen.add(left)
            found = unflagged_drops(whole, judge(less, before))
            assert found.empty, found
    assert dropped == DELETIONS


@pytest.mark.slow
def test_levels_judged_alone_are_those_of_the_whole_assessment():
    rng, incidents, before, _ = next(worlds(1))
    less = delete(rng, incidents)
    quick, full = judge(less, before), assess(less, DAY, before)
    columns = list(quick.risks.columns.difference(["expected_victims", "severe_scenario"]))
    columns = [c for c in columns if "wy" not in c and c != "exposure_basis"]
    pd.testing.assert_frame_equal(quick.risks[columns], full.risks[columns])
    pd.testing.assert_frame_equal(quick.audit, full.audit)


@pytest.mark.slow
def test_a_source_that_has_gone_holds_every_level():
    before = assess(BASE, BEFORE)
    after = assess(BASE[BASE["source"] != "alpha"], DAY, before)
    fell = after.risks["risk_level"] < before.risks["risk_level"]
    assert not (fell & (after.risks["risk_level"] > 0)).any()
    assert after.risks["reporting_gap"].all()
    assert "silence" in set(after.audit["rule"])


@pytest.mark.slow
def test_a_layer_before_without_sources_is_said_to_tell_nothing_of_those_that_went():
    before = assess(BASE, BEFORE)
    public = replace(
        before, incidents=before.incidents.assign(source=None).astype({"source": "str"})
    )
    after = assess(BASE[BASE["source"] != "alpha"], DAY, public)
    assert set(after.audit.loc[after.audit["detail"] == UNTOLD, "region_id"]) == set(
        REGIONS["region_id"]
    )


@pytest.mark.slow
def test_one_withdrawn_report_casts_doubt_on_its_region_alone():
    twin = {name: BASE[name] + "b" for name in ("incident_id", "source_id")}
    table = pd.concat([BASE, BASE.assign(**twin)])
    before = assess(table, BEFORE)
    gone = table["incident_id"] == BASE["incident_id"].iloc[0]
    home = rm.locate(table[gone], REGIONS).placements["region_id"]
    after = assess(table[~gone], DAY, before)
    doubts = after.audit[after.audit["detail"].str.contains("have gone", regex=False)]
    assert set(doubts["region_id"]) == set(home)


def doubted(layer):
    return set(layer.risks.loc[layer.risks["reporting_gap"], "region_id"])


@pytest.fixture(scope="module")
def emptied():
    """A busy district, the table without it, and the layers of the week before and after."""
    placed = rm.locate(BASE, REGIONS).placements
    sharp = placed[placed["weight"] == 1].set_index("incident_id")["region_id"]
    home = BASE["incident_id"].map(sharp)
    busiest = home.value_counts().index[0]
    less = BASE[home != busiest]
    before = assess(BASE, "2023-11-01")
    return busiest, less, before, assess(less, "2023-12-01", before)


@pytest.mark.slow
def test_what_is_gone_of_one_district_casts_doubt_on_no_other(emptied):
    home, _, before, after = emptied
    assert (before.incidents["region_id"] == home).mean() > 0.1
    assert doubted(after) - doubted(before) == {home}


@pytest.mark.slow
def test_what_is_gone_is_missed_week_after_week_until_a_year_has_passed(emptied):
    home, less, before, layer = emptied
    high = before.risks.set_index(KEY)["risk_level"][home]
    for day in (NEXT, "2024-05-01", "2024-11-29"):
        layer = assess(less, day, decode_layer(encode_layer(Bundle(layer))))
        now = layer.risks.set_index(KEY).loc[home]
        assert (now["risk_level"] >= high).all()
        assert now["reporting_gap"].all()
        assert "silence" in set(layer.audit.loc[layer.audit["region_id"] == home, "rule"])
    layer = assess(less, "2024-11-30", layer)
    assert layer.gone.empty
    assert (layer.risks.set_index(KEY)["risk_level"][home] < high).any()


@pytest.mark.slow
def test_what_comes_back_is_missed_no_more(emptied):
    _, less, before, layer = emptied
    back = assess(BASE, NEXT, layer)
    assert back.gone.empty
    assert doubted(back) == doubted(assess(BASE, NEXT, before))
    anew = ~BASE["incident_id"].isin(less["incident_id"])
    ids = {name: BASE[name].mask(anew, "new" + BASE[name]) for name in ("incident_id", "source_id")}
    assert doubted(assess(BASE.assign(**ids), NEXT, layer)) == doubted(back)


@pytest.mark.slow
def test_a_table_whose_ids_begin_anew_is_doubted_for_one_week():
    named = BASE.assign(
        incident_id="new" + BASE["incident_id"], source_id="new" + BASE["source_id"]
    )
    first = assess(named, "2023-12-01", assess(BASE, "2023-11-01"))
    assert first.risks["reporting_gap"].all()
    assert first.gone.empty
    assert doubted(assess(named, NEXT, first)) < doubted(first)


@pytest.fixture(scope="module")
def pairs():
    """A log of which a wire tells every other row, and the layer made from both."""
    log = BASE.assign(source="log", confirmed_by=None)
    told = np.arange(len(log)) % 2 == 0
    both = log.assign(confirmed_by=np.where(told, "wire = violence; reach=countries", None))
    return both, told, assess(both, "2023-11-01")


def as_wire(rows, told, **changes):
    """The rows of `told` as the wire tells them."""
    ids = {name: rows[name].mask(told, "w" + rows[name]) for name in ("incident_id", "source_id")}
    return rows.assign(**ids, source=rows["source"].mask(told, "wire"), **changes)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["log = violence; reach=countries", None])
def test_an_incident_that_its_other_source_stands_for_now_has_not_gone(pairs, by):
    """The log tells it still, or the wire alone does."""
    both, told, before = pairs
    now = as_wire(both, told, confirmed_by=both["confirmed_by"].mask(told, by))
    layer = assess(now, "2023-12-01", before)
    assert doubted(layer) == set()
    assert layer.gone.empty


@pytest.mark.slow
def test_one_that_tells_of_less_stands_for_nothing(pairs):
    both, told, before = pairs
    local = {"foreign_victims": both["foreign_victims"].mask(told, 0), "nationality": None}
    now = as_wire(both, told, confirmed_by=None, staff_type=None, target=None, **local)
    assert doubted(assess(now, "2023-12-01", before))


@pytest.mark.slow
def test_a_new_row_of_the_same_day_that_nobody_else_tells_is_doubted(pairs):
    both, told, before = pairs
    now = as_wire(both, told, confirmed_by=None)
    now["source"] = now["source"].mask(told, "desk")
    assert doubted(assess(now, "2023-12-01", before))


@pytest.mark.slow
def test_one_report_of_many_that_is_withdrawn_is_doubted_for_one_week(emptied):
    home, _, before, _ = emptied
    rows = before.incidents[before.incidents["region_id"] == home]
    local = rows[rows["foreign_victims"] == 0]["incident_id"].iloc[-1]
    less = BASE[BASE["incident_id"] != local]
    first = assess(less, "2023-12-01", before)
    assert home in doubted(first)
    assert first.gone["incident_id"].tolist() == [local]
    assert home not in doubted(assess(less, NEXT, first))


@pytest.mark.slow
def test_an_analyst_clears_what_has_gone_of_a_region_and_layer(emptied):
    home, less, _, layer = emptied
    told = {"reason": "told twice", "author": "A. Analyst", "until": date(2024, 6, 1)}
    every = Decision(home, "group", "gone", decided=date(2023, 12, 2), **told)
    cleared = ask(less, NEXT)
    found = rm.assess(cleared, REGIONS, previous=layer, decisions=[every])
    gaps = found.risks.set_index(KEY)["reporting_gap"][home]
    whole = assess(less, NEXT).risks.set_index(KEY)["reporting_gap"][home]
    assert gaps.to_dict() == whole.to_dict() | {"violence": True, "foreign": True}
    line = found.audit[found.audit["rule"] == "cleared"]
    assert line[KEY].to_numpy().tolist() == [[home, "group"]]
    assert line["detail"].item() == "told twice (A. Analyst, until 2024-06-01)"
    early = replace(every, decided=date(2023, 11, 30))
    found = rm.assess(cleared, REGIONS, previous=layer, decisions=[early])
    assert found.risks.set_index(KEY)["reporting_gap"][home].all(), "it was missed later"


@pytest.mark.slow
def test_what_is_missed_is_missed_in_a_region_that_was_renamed(emptied):
    home, less, _, layer = emptied
    renamed = REGIONS.assign(region_id="N" + REGIONS["region_id"])
    panel = rm.count_incidents(rm.locate(less, renamed), renamed, group=GROUP, as_of=NEXT)
    after = rm.assess(rm.forecast(panel, model=MODEL), renamed, previous=layer)
    assert set(after.gone["region_id"]) == {"N" + home}
    assert "N" + home in doubted(after)


@pytest.mark.slow
def test_what_is_missed_is_not_published(emptied):
    layer = emptied[3]
    assert len(layer.gone)
    assert apply_profile(layer, "public").gone.empty


@pytest.mark.slow
def test_a_source_that_has_stopped_is_seen_without_a_layer_before():
    stopped = (BASE["source"] == "alpha") & (BASE["event_date"] >= "2024-01-01")
    risks = assess(BASE[~stopped]).risks
    assert risks["reporting_gap"].all()
    assert risks["reasons"].str.contains("silent").all()
    assert "high" not in set(risks["confidence"])
    assert (risks["risk_level"] > 0).all()  # the others watch on


@pytest.mark.slow
def test_when_the_last_watcher_stops_its_levels_are_kept_with_their_day():
    before = assess(BASE, BEFORE)
    heard = BASE.assign(scope="none")
    after = assess(heard, DAY, before)
    one, two = (layer.risks.set_index(KEY) for layer in (before, after))
    assert (two["risk_level"] >= one["risk_level"]).all()
    kept = two["level_as_of"].notna()
    assert kept.any()
    assert set(two.loc[kept, "level_as_of"]) == {pd.Timestamp(BEFORE)}
    assert (two.loc[kept, "risk_level"] == one.loc[kept, "risk_level"]).all()
    again = assess(heard, "2025-01-15", after).risks.set_index(KEY)
    assert set(again["level_as_of"].dropna()) == {pd.Timestamp(BEFORE)}


@pytest.mark.slow
@pytest.mark.parametrize("start", ["2024-10-20", "2024-08-01", "2023-03-01"])
def test_a_flood_of_harmless_rows_lowers_no_level_whether_it_goes_on_or_ends(start):
    calm = assess(BASE)
    rows = BASE.iloc[np.arange(5000) % len(BASE)]
    days = pd.Timestamp(start) + pd.to_timedelta(np.arange(5000) % 42, unit="D")
    flood = rows.assign(
        incident_id=[f"flood:{i}" for i in range(5000)],
        source="delta",
        event_type="unrest",
        event_date=days,
        event_date_end=days,
        ingested_at=days.tz_localize("UTC"),
        **dict.fromkeys(["killed", "wounded", "abducted", "foreign_victims"], 0),
    )
    flood["nationality"] = pd.Series([None] * 5000, dtype="str", index=flood.index)
    flood = flood.astype(BASE.drop(columns="geometry").dtypes.to_dict())
    loud = assess(pd.concat([BASE, flood], ignore_index=True))
    assert (loud.risks["risk_level"] >= calm.risks["risk_level"]).all()


@pytest.mark.slow
def test_counts_without_incidents_are_assessed():
    panel = rm.count_incidents(rm.locate(BASE, REGIONS), REGIONS, as_of=DAY)
    counts = {name: panel.wide(name) for name in ("violence", "foreign")}
    forecast = rm.forecast(rm.panel_from_counts(counts), model=MODEL)
    layer = rm.assess(forecast, REGIONS)
    assert (layer.risks["risk_level"] > 0).any()
    assert not layer.risks["reporting_gap"].any()
    after = rm.assess(forecast, REGIONS, previous=assess(BASE, BEFORE))
    assert after.risks["reporting_gap"].all(), "all that was known has gone"
    assert after.changes.empty, "counts tell no incidents that could explain a change"
