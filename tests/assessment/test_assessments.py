"""Levels come from published thresholds; silence is never safety; drivers add up."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.assessment.assessments import carried_incidents
from riskmap.errors import SchemaError

REGIONS = rm.datasets.regions()


def forecast(incidents=None, as_of="2025-01-01", group=None):
    table = rm.datasets.incidents() if incidents is None else incidents
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, as_of=as_of, group=group)
    return rm.forecast(panel, model=rm.EmpiricalBayes())


@pytest.mark.slow
def test_one_row_a_region_and_layer():
    layer = rm.assess(forecast(), REGIONS)
    assert len(layer.risks) == 2 * len(REGIONS)
    assert layer.regions["region_id"].is_monotonic_increasing
    assert layer.headline == "foreign"
    assert layer.ledger.stages[0].rows_in == len(rm.datasets.incidents())


@pytest.mark.slow
def test_levels_follow_the_thresholds():
    layer = rm.assess(forecast(), REGIONS)
    for name, table in layer.risks.groupby("layer"):
        known = table[table["risk_level"] > 0]
        expected = 1 + np.searchsorted(layer.scale.thresholds[name], known["p_any"], side="right")
        assert known["threshold_level"].tolist() == expected.tolist()
        assert known["level_name"].tolist() == [
            layer.scale.levels[i].name for i in known["risk_level"]
        ]


@pytest.mark.slow
def test_a_quiet_region_that_a_source_of_its_country_watches_has_a_level():
    incidents = rm.datasets.incidents()
    quiet = incidents["place"].iloc[0]
    layer = rm.assess(forecast(incidents[incidents["place"] != quiet]), REGIONS)
    home = layer.regions.loc[layer.regions["name"] == quiet, "region_id"].item()
    rows = layer.risks[layer.risks["region_id"] == home]
    assert (rows["risk_level"] > 0).all()
    assert set(rows["confidence"]) == {"low"}


@pytest.mark.slow
@pytest.mark.parametrize("scope", [None, "none", "violence,foreign; reach=reports"])
def test_a_region_that_nobody_watches_has_no_level_and_says_why(scope):
    incidents = rm.datasets.incidents()
    silent = incidents["place"].iloc[0]
    rows = incidents[incidents["place"] != silent].assign(scope=scope)
    layer = rm.assess(forecast(rows.astype({"scope": "str"})), REGIONS)
    home = layer.regions.loc[layer.regions["name"] == silent, "region_id"].item()
    rows = layer.risks[layer.risks["region_id"] == home]
    assert rows["level_name"].tolist() == ["insufficient_data"] * 2
    assert rows["p_any"].isna().all()
    assert rows["reasons"].str.contains("no_reports").all()
    assert home not in set(layer.drivers["region_id"])
    assert set(layer.audit.loc[layer.audit["region_id"] == home, "rule"]) == {"unwatched"}


@pytest.mark.slow
def test_where_nobody_watches_only_a_least_level_stands():
    incidents = rm.datasets.incidents().assign(scope=None).astype({"scope": "str"})
    risks = rm.assess(forecast(incidents), REGIONS).risks
    assert set(risks["risk_level"]) <= {0, 3, 4, 5}
    told = risks[risks["risk_level"] > 0]
    assert len(told)
    assert told["at_least"].all()
    assert (told["level_high"] == 5).all()
    assert set(told["confidence"]) == {"low"}


@pytest.mark.slow
def test_when_all_have_fallen_silent_nothing_is_low():
    risks = rm.assess(forecast(as_of="2027-01-01"), REGIONS).risks
    assert not risks["risk_level"].isin([1, 2]).any()
    assert risks["reporting_gap"].all()
    assert risks["reasons"].str.contains("silent").all()


def without_victims(scope):
    incidents = rm.datasets.incidents().assign(scope=scope)
    incidents["foreign_victims"] = pd.array([pd.NA] * len(incidents), dtype="Int64")
    incidents["nationality"] = pd.Series([None] * len(incidents), dtype="str")
    return incidents


@pytest.mark.slow
@pytest.mark.parametrize("group", [None, rm.WorkerGroup("CHN", sector="mining")])
def test_unknown_victims_raise_foreign_by_the_share_and_the_shipped_one_makes_nothing_minimal(
    group,
):
    told = forecast(without_victims("violence; reach=countries"), group=group)
    layer = rm.assess(told, REGIONS)
    wide, *narrow = (table for _, table in told.frame.groupby("layer", sort=False))
    for table in narrow:
        part = table["expected_count"].to_numpy() / wide["expected_count"].to_numpy()
        assert (part >= 0.003 - 1e-12).all()
        assert (part <= 0.01 + 1e-9).all()
    risks = layer.risks[layer.risks["layer"] != "violence"]
    assert risks["risk_level"].min() == 2
    assert set(risks["confidence"]) == {"low"}
    assert layer.headline == ("foreign" if group is None else "group")
    assert layer.shares["share"].tolist() == [0.01]
    assert (risks["level_low"] <= risks["risk_level"]).all()
    assert (risks["level_high"] >= risks["risk_level"]).all()


@pytest.mark.slow
def test_drivers_sum_to_the_expected_count():
    layer = rm.assess(forecast(), REGIONS)
    known = layer.risks[layer.risks["risk_level"] > 0].set_index(["region_id", "layer"])
    sums = layer.drivers.groupby(["region_id", "layer"])["value"].sum()
    assert sums.loc[known.index].to_numpy() == pytest.approx(
        known["expected_count"].to_numpy(), abs=1e-9
    )


@pytest.mark.slow
def test_validity_comes_from_as_of_and_never_from_the_clock():
    provenance = rm.assess(forecast(), REGIONS).provenance
    assert provenance["valid_from"] == "2025-01-01T00:00:00Z"
    assert provenance["valid_until"] == "2025-04-01T00:00:00Z"
    assert provenance["boundary_licence"] == "Apache-2.0"


@pytest.mark.slow
def test_regions_of_another_forecast():
    with pytest.raises(SchemaError, match="not those that were counted"):
        rm.assess(forecast(), rm.datasets.regions(1))


def evidence(n, foreign=()):
    """Invented incidents of two regions, newest first."""
    return pd.DataFrame(
        {
            "incident_id": [f"invented:{i}" for i in range(n)],
            "region_id": ["XQA0101" if i % 3 else "XQA0102" for i in range(n)],
            "foreign_victims": pd.array([int(i in foreign) for i in range(n)], dtype="Int64"),
            "nationality": pd.Series([None] * n, dtype="str"),
            "target": pd.Series([None] * n, dtype="str"),
            "country": pd.Series(["XQA"] * n, dtype="str"),
        }
    )


def test_few_are_all_carried():
    table = evidence(900)
    assert carried_incidents(table) is table
    assert carried_incidents(evidence(9), whole=0).equals(evidence(9))


def test_the_newest_of_each_region_are_carried():
    kept = carried_incidents(evidence(30), limit=2, whole=0)
    assert kept["incident_id"].tolist() == [f"invented:{i}" for i in (0, 1, 2, 3)]


def test_foreign_victims_are_carried_however_old():
    kept = carried_incidents(evidence(30, foreign=(1, 29)), limit=2, whole=0)
    assert kept["incident_id"].tolist()[-1] == "invented:29"


def test_no_incident_is_none():
    assert carried_incidents(evidence(0)).empty
