"""The parts of a change add up to it, and each part is what it says."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.assessment.changes import CAUSES
from riskmap.assessment.layers import CHANGE_COLUMNS

REGIONS = rm.datasets.regions()
INCIDENTS = rm.datasets.incidents()
GROUP = rm.WorkerGroup("CHN")
MODELS = [rm.EmpiricalBayes(), rm.EndemicEpidemic(most_rows=2000), rm.ExponentialMean()]


def assess(incidents, day, *, previous=None, model=MODELS[0], group=GROUP, regions=REGIONS):
    panel = rm.count_incidents(
        rm.locate(incidents, regions), regions, group=group, as_of=day, start="2018-01-01"
    )
    return rm.assess(rm.forecast(panel, model=model), regions, previous=previous)


@cache
def layer_of(day):
    """The layer of all incidents, as most tests begin."""
    return assess(INCIDENTS, day)


def parts(layer, name="violence"):
    rows = layer.changes[layer.changes["layer"] == name]
    return rows.pivot_table(index="region_id", columns="cause", values="value")


def check_sums(old, new):
    key = ["region_id", "layer"]
    change = new.risks.set_index(key)["expected_count"] - old.risks.set_index(key)["expected_count"]
    sums = new.changes.groupby(key)["value"].sum()
    assert set(sums.index) == set(change.dropna().index)
    assert sums.to_numpy() == pytest.approx(change.loc[sums.index].to_numpy(), abs=1e-9)


@pytest.mark.slow
@settings(max_examples=6)
@given(
    st.sampled_from(MODELS),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["2024-01-01", "2024-07-01", "2024-10-01"]),
)
def test_changes_sum_to_the_change(model, seed, day):
    rng = np.random.default_rng(seed)
    kept = rng.random(len(INCIDENTS)) < 0.9
    revised = INCIDENTS.assign(
        event_date=INCIDENTS["event_date"]
        - pd.to_timedelta(rng.integers(0, 2, len(INCIDENTS)) * 40, unit="D")
    )
    revised = revised[rng.random(len(revised)) < 0.95]
    old = assess(INCIDENTS[kept], day, model=model)
    new = assess(revised, "2024-12-01", previous=old, model=model)
    check_sums(old, new)


@pytest.mark.slow
def test_nothing_new_is_no_change():
    old = layer_of("2024-12-01")
    new = assess(INCIDENTS, "2024-12-01", previous=old)
    assert new.changes["value"].abs().max() < 1e-12
    assert set(new.risks["trend"].dropna()) == {"unchanged"}
    assert new.risks["p_change"].dropna().to_numpy() == pytest.approx(0.5)


@pytest.mark.slow
def test_time_alone_is_decay():
    known = INCIDENTS[INCIDENTS["event_date"] < "2024-10-01"]
    model = rm.ExponentialMean()
    old = assess(known, "2024-10-05", model=model)
    new = assess(known, "2024-10-16", previous=old, model=model)
    found = parts(new)
    assert found["decay"].abs().max() > 1e-3
    assert found.drop(columns=["decay", "method"]).abs().to_numpy().max() < 1e-12
    check_sums(old, new)


@pytest.mark.slow
def test_one_new_incident_is_new_at_home_and_neighbouring_elsewhere():
    old = layer_of("2024-12-01")
    extra = INCIDENTS.iloc[[-1]].assign(
        incident_id="invented:new",
        event_date=pd.Timestamp("2024-11-20"),
        event_date_end=pd.Timestamp("2024-11-20"),
        ingested_at=pd.Timestamp("2024-11-23", tz="UTC"),
    )
    home = rm.locate(extra, REGIONS).placements["region_id"].item()
    table = pd.concat([INCIDENTS, extra])
    model = MODELS[0]
    new = assess(table, "2024-12-01", previous=old, model=model)
    found = parts(new)
    others = found.index != home
    assert found.loc[home, "new incidents"] > 0
    assert found.loc[others, "new incidents"].abs().max() == 0
    assert found.loc[others, "neighbours"].abs().max() > 0
    check_sums(old, new)


@pytest.mark.slow
def test_a_withdrawn_incident_is_a_revision():
    old = layer_of("2024-12-01")
    gone = INCIDENTS["incident_id"] == INCIDENTS["incident_id"].iloc[-40]
    home = rm.locate(INCIDENTS[gone], REGIONS).placements["region_id"].iloc[0]
    new = assess(INCIDENTS[~gone], "2024-12-01", previous=old)
    assert parts(new).loc[home, "revisions"] < 0
    assert new.risks.set_index("region_id").loc[home, "reporting_gap"].all()
    check_sums(old, new)


@pytest.mark.slow
def test_another_method_is_measured():
    old = layer_of("2024-12-01")
    new = assess(INCIDENTS, "2024-12-01", previous=old, model=rm.Climatology())
    found = parts(new)
    assert found["method"].abs().max() > 1e-3
    assert found.drop(columns="method").abs().to_numpy().max() < 1e-12


@pytest.mark.slow
def test_other_borders_are_a_cause():
    moved = REGIONS.assign(boundary_version="2")
    one, other = moved.geometry[:2]
    west, south, _, north = one.bounds
    given = one.intersection(shapely.box(west, south, one.centroid.x, north))
    moved.loc[:1, "geometry"] = [one.difference(given), other.union(given)]
    table = INCIDENTS.assign(admin2=None, place=None)
    table = table.astype({"admin2": "str", "place": "str"})
    old = assess(table, "2024-12-01")
    new = assess(table, "2024-12-01", previous=old, regions=moved)
    found = parts(new)
    assert found["boundary"].abs().max() > 1e-3
    assert found["revisions"].abs().max() < 1e-12
    told = rm.compare_layers(old, new).set_index(["region_id", "layer"])
    sums = new.changes.groupby(["region_id", "layer"])["value"].sum()
    change = (told["expected_count"] - told["expected_before"]).loc[sums.index]
    assert sums.to_numpy() == pytest.approx(change.to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_a_layer_that_was_published_without_its_incidents():
    old = layer_of("2024-10-01")
    bare = replace(old, incidents=old.incidents.assign(source=pd.NA).iloc[:0])
    new = assess(INCIDENTS, "2024-12-01", previous=bare)
    check_sums(old, new)
    same = assess(INCIDENTS, "2024-12-01", previous=old)
    assert parts(new).to_numpy() == pytest.approx(parts(same).to_numpy(), abs=1e-9)


@pytest.mark.slow
def test_a_layer_that_nobody_watched_before():
    miners = INCIDENTS.assign(scope="violence; reach=reports")
    quiet = miners["place"] == miners["place"].iloc[0]
    old = assess(miners[~quiet], "2024-10-01")
    new = assess(INCIDENTS, "2024-12-01", previous=old)
    unknown = old.risks.loc[old.risks["p_any"].isna(), ["region_id", "layer"]]
    assert len(unknown)
    told = pd.MultiIndex.from_frame(new.changes[["region_id", "layer"]])
    assert not told.isin(pd.MultiIndex.from_frame(unknown)).any()
    check_sums(old, new)


@pytest.mark.slow
def test_the_table_has_its_columns_and_order():
    old = layer_of("2024-10-01")
    new = assess(INCIDENTS, "2024-12-01", previous=old)
    assert list(new.changes.columns) == [column.name for column in CHANGE_COLUMNS]
    first = new.changes[new.changes["region_id"] == new.changes["region_id"].iloc[0]]
    assert first["cause"].tolist() == list(CAUSES) * 3
    assert list(dict.fromkeys(first["layer"])) == ["violence", "foreign", "group"]
    assert old.changes.empty
