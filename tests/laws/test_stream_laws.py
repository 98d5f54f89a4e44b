"""The laws that hold over the whole stream, for any incidents."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.base import clone

import riskmap as rm
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

pytestmark = pytest.mark.slow

REGIONS = rm.datasets.regions()
AS_OF = pd.Timestamp("2024-07-01")
MODELS = [rm.Climatology(), rm.EmpiricalBayes(), rm.EndemicEpidemic(most_rows=2000)]
NAMES = [type(model).__name__ for model in MODELS]

INCIDENT = st.fixed_dictionaries(
    {
        "lon": st.floats(1.5, 8.5),
        "lat": st.floats(-8.5, -3.5),
        "day": st.integers(0, 1000),
        "days": st.sampled_from([0, 0, 0, 6, 40, 365]),
        "delay": st.sampled_from([None, 0, 3, 400]),
        "event_type": st.sampled_from(["armed_attack", "unrest", "abduction"]),
        "killed": st.sampled_from([0, 1, 7]),
        "foreign_victims": st.sampled_from([None, 0, 2]),
        "geo_precision": st.sampled_from(["point", "place", "admin1", "country", "unknown"]),
        "quarantine_reason": st.sampled_from([None, None, None, "bad_date"]),
    }
)
INCIDENTS = st.lists(INCIDENT, min_size=1, max_size=25)


def table(rows):
    """An Incidents table from drawn rows; one early incident is always there."""
    early = {
        **dict.fromkeys(rows[0]),
        "lon": 4.5,
        "lat": -6.0,
        "day": 1,
        "days": 0,
        "event_type": "explosion",
        "killed": 1,
        "foreign_victims": 1,
        "geo_precision": "point",
    }
    frame = pd.DataFrame([early, *rows])
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(frame["day"], unit="D")
    known = day + pd.to_timedelta(frame["delay"].astype(float), unit="D")
    frame = frame.assign(
        incident_id=[f"drawn:{i}" for i in range(len(frame))],
        source="drawn",
        event_date=day,
        event_date_end=day + pd.to_timedelta(frame["days"], unit="D"),
        ingested_at=known.dt.tz_localize("UTC"),
        country="XQA",
    )
    points = gpd.points_from_xy(frame.pop("lon"), frame.pop("lat"))
    plain = frame.drop(columns=["day", "days", "delay"])
    return gpd.GeoDataFrame(conform(plain, INCIDENT_COLUMNS), geometry=points, crs=CRS)


def count(incidents, **options):
    return rm.count_incidents(rm.locate(incidents, REGIONS), REGIONS, as_of=AS_OF, **options)


@settings(max_examples=15)
@given(INCIDENTS)
def test_nothing_is_lost(rows):
    incidents = table(rows)
    panel = count(incidents)
    stages = panel.ledger.stages
    assert stages[0].rows_in == len(incidents)
    assert stages[-1].rows_out == panel.evidence["incident_id"].nunique()
    for stage in stages:
        assert stage.rows_in == stage.rows_out + stage.quarantined + stage.merged


@settings(max_examples=15)
@given(INCIDENTS)
def test_mass_is_conserved(rows):
    incidents = table(rows)
    panel = count(incidents)
    counted = incidents[incidents["incident_id"].isin(panel.evidence["incident_id"])]
    assert panel.frame["reports"].sum() == pytest.approx(len(counted), abs=1e-9)
    assert panel.frame["fatalities"].sum() == pytest.approx(counted["killed"].sum(), abs=1e-9)


@settings(max_examples=15)
@given(INCIDENTS, st.sampled_from(MODELS), st.integers(0, 2**32 - 1))
def test_the_future_changes_nothing(rows, model, seed):
    incidents = table(rows)
    later = (incidents["event_date"] >= AS_OF) | (
        incidents["ingested_at"] >= AS_OF.tz_localize("UTC")
    )
    changed = incidents.copy()
    rng = np.random.default_rng(seed)
    changed.loc[later, "killed"] = rng.integers(0, 99)
    changed.loc[later, "event_type"] = "battle"
    changed = changed[~later | (rng.random(len(changed)) < 0.5)]
    one = rm.forecast(count(incidents), horizon="30D", model=model)
    two = rm.forecast(count(changed), horizon="30D", model=model)
    assert_frame_equal(one.frame, two.frame)
    assert_frame_equal(one.components, two.components)
    assert_frame_equal(one.attacks, two.attacks)


@settings(max_examples=15)
@given(INCIDENTS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    incidents = table(rows)
    order = list(range(len(incidents)))
    random.shuffle(order)
    one, two = count(incidents), count(incidents.iloc[order])
    assert_frame_equal(one.frame, two.frame)
    assert_frame_equal(one.evidence, two.evidence)


@settings(max_examples=15)
@given(INCIDENTS, st.sampled_from(MODELS))
def test_reasons_add_up(rows, model):
    layer = rm.assess(rm.forecast(count(table(rows)), horizon="30D", model=model), REGIONS)
    known = layer.risks[layer.risks["risk_level"] > 0].set_index(["region_id", "layer"])
    sums = layer.drivers.groupby(["region_id", "layer"])["value"].sum().reindex(known.index)
    assert np.abs(sums - known["expected_count"]).max() <= 1e-9 or known.empty


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@settings(max_examples=15)
@given(rows=INCIDENTS, region=st.integers(0, 23), window=st.integers(0, 9))
def test_one_more_incident_never_lowers_the_expected_count(model, rows, region, window):
    history = count(table(rows), start="2022-01-01").history("violence")
    fitted = clone(model).fit(history, horizon_days=90.0)
    more = history.counts.copy()
    more[window, region] += 1
    changed = replace(history, counts=more)
    before = fitted.predict_distribution(history).mean[region]
    assert fitted.predict_distribution(changed).mean[region] >= before


@settings(max_examples=15)
@given(INCIDENTS)
def test_a_level_needs_a_report(rows):
    panel = count(table(rows))
    layer = rm.assess(rm.forecast(panel, horizon="30D", model=rm.Climatology()), REGIONS)
    silent = ~layer.risks["region_id"].isin(panel.evidence["region_id"])
    assert (layer.risks.loc[silent, "risk_level"] == 0).all()
