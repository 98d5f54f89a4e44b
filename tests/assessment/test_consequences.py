"""Consequence stands beside likelihood; the matrix only looks at both."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.assessment.consequences import CONSEQUENCES, consequence_matrix
from riskmap.errors import InputError

REGIONS = rm.datasets.regions()


def assessed(incidents=None, group=None):
    table = rm.datasets.incidents() if incidents is None else incidents
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, group=group, as_of="2025-01-01")
    return rm.assess(rm.forecast(panel, model=rm.EmpiricalBayes()), REGIONS)


@pytest.fixture(scope="module")
def layer():
    return assessed(group=rm.WorkerGroup("CHN", sector="mining"))


def test_consequence_is_known_where_the_count_is(layer):
    known = layer.risks["expected_count"].notna()
    assert (layer.risks["expected_victims"].notna() == known).all()
    assert (layer.risks["severe_scenario"].notna() == known).all()
    assert known.any()


@pytest.mark.slow
def test_expected_victims_are_counts_times_a_plausible_toll(layer):
    violence = layer.risks[layer.risks["layer"] == "violence"].dropna(subset="expected_count")
    toll = violence["expected_victims"] / violence["expected_count"]
    assert toll.between(3.0, 4.6).all()  # the invented incidents hit 3.5 people on average


@pytest.mark.slow
def test_tolls_do_not_touch_the_likelihood():
    incidents = rm.datasets.incidents()
    bloody = incidents.assign(killed=incidents["killed"] * 50)
    before, after = assessed().risks, assessed(bloody).risks
    same = ["risk_level", "p_any", "expected_count", "q95"]
    assert before[same].equals(after[same])
    rise = after["expected_victims"] / before["expected_victims"]
    assert (rise.dropna() > 3).all()


@pytest.mark.slow
def test_a_region_of_bloodier_types_has_more_victims():
    incidents = rm.datasets.incidents()
    home = incidents["place"].mode().iloc[0]
    there = incidents["place"] == home
    kinds = pd.Series(np.where(there, "explosion", "assault"), index=incidents.index, dtype="str")
    toll = pd.array(np.where(there, 30, 1), dtype="Int64")
    none = pd.array([0] * len(there), dtype="Int64")
    layer = assessed(incidents.assign(event_type=kinds, killed=toll, wounded=none, abducted=none))
    violence = layer.risks[layer.risks["layer"] == "violence"].set_index("region_id")
    region = layer.regions.loc[layer.regions["name"] == home, "region_id"].item()
    toll = violence["expected_victims"] / violence["expected_count"]
    assert toll.idxmax() == region


@pytest.mark.slow
def test_where_no_incident_tells_whom_it_hit_consequence_is_missing():
    incidents = rm.datasets.incidents()
    nobody = pd.array([pd.NA] * len(incidents), dtype="Int64")
    layer = assessed(incidents.assign(killed=nobody, wounded=nobody, abducted=nobody))
    assert layer.risks["expected_victims"].isna().all()
    matrix = consequence_matrix(layer)
    assert matrix["not assessed"].sum() == len(REGIONS)


def test_the_matrix_counts_every_region_once(layer):
    for name in ("violence", "foreign", "group"):
        matrix = consequence_matrix(layer, name)
        assert matrix.to_numpy().sum() == len(REGIONS)
        assert matrix.columns.tolist() == [*CONSEQUENCES, "not assessed"]
        assert matrix.index.tolist()[0] == "extreme"
    rows = layer.risks[layer.risks["layer"] == "violence"]
    minor = rows["severe_scenario"].between(0.5, 3, inclusive="left") & (rows["risk_level"] > 0)
    assert consequence_matrix(layer, "violence")["minor"].sum() == minor.sum()


@pytest.mark.slow
def test_no_such_matrix(layer):
    with pytest.raises(InputError, match="no such layer: met 'weather'"):
        consequence_matrix(layer, "weather")
