"""Levels come from published thresholds; silence is never safety; drivers add up."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.assessment.sufficiency import judge_sufficiency
from riskmap.errors import SchemaError

REGIONS = rm.datasets.regions()


def forecast(incidents=None, as_of="2025-01-01"):
    table = rm.datasets.incidents() if incidents is None else incidents
    located = rm.locate(table, REGIONS)
    panel = rm.count_incidents(located, REGIONS, as_of=as_of)
    return rm.forecast(panel, model=rm.EmpiricalBayes())


def test_one_row_a_region_and_layer():
    layer = rm.assess(forecast(), REGIONS)
    assert len(layer.risks) == 2 * len(REGIONS)
    assert layer.regions["region_id"].is_monotonic_increasing
    assert layer.headline == "foreign"
    assert layer.ledger.stages[0].rows_in == len(rm.datasets.incidents())


def test_levels_follow_the_thresholds():
    layer = rm.assess(forecast(), REGIONS)
    for name, table in layer.risks.groupby("layer"):
        known = table[table["risk_level"] > 0]
        expected = 1 + np.searchsorted(layer.scale.thresholds[name], known["p_any"], side="right")
        assert known["risk_level"].tolist() == expected.tolist()
        assert known["level_name"].tolist() == [layer.scale.levels[i].name for i in expected]


def test_a_region_that_nobody_reports_from_is_insufficient():
    incidents = rm.datasets.incidents()
    silent = incidents["place"].iloc[0]
    layer = rm.assess(forecast(incidents[incidents["place"] != silent]), REGIONS)
    home = layer.regions.loc[layer.regions["name"] == silent, "region_id"].item()
    rows = layer.risks[layer.risks["region_id"] == home]
    assert rows["level_name"].tolist() == ["insufficient_data"] * 2
    assert rows["p_any"].isna().all()
    assert home not in set(layer.drivers["region_id"])


def test_when_a_whole_country_falls_silent_nothing_is_known():
    layer = rm.assess(forecast(as_of="2027-01-01"), REGIONS)
    assert set(layer.risks["level_name"]) == {"insufficient_data"}
    assert layer.risks["reporting_gap"].all()


def test_a_layer_that_no_source_tells_of_is_insufficient():
    incidents = rm.datasets.incidents()
    incidents["foreign_victims"] = pd.array([pd.NA] * len(incidents), dtype="Int64")
    incidents["nationality"] = pd.Series([None] * len(incidents), dtype="str")
    layer = rm.assess(forecast(incidents), REGIONS)
    foreign = layer.risks[layer.risks["layer"] == "foreign"]
    assert set(foreign["level_name"]) == {"insufficient_data"}
    assert layer.headline == "violence"


def test_drivers_sum_to_the_expected_count():
    layer = rm.assess(forecast(), REGIONS)
    known = layer.risks[layer.risks["risk_level"] > 0].set_index(["region_id", "layer"])
    sums = layer.drivers.groupby(["region_id", "layer"])["value"].sum()
    assert sums.loc[known.index].to_numpy() == pytest.approx(
        known["expected_count"].to_numpy(), abs=1e-9
    )


def test_validity_comes_from_as_of_and_never_from_the_clock():
    provenance = rm.assess(forecast(), REGIONS).provenance
    assert provenance["valid_from"] == "2025-01-01T00:00:00Z"
    assert provenance["valid_until"] == "2025-04-01T00:00:00Z"
    assert provenance["boundary_licence"] == "Apache-2.0"


def test_regions_of_another_forecast():
    with pytest.raises(SchemaError, match="not those that were counted"):
        rm.assess(forecast(), rm.datasets.regions(1))


def test_a_region_that_falls_silent_is_flagged():
    activity = pd.DataFrame(
        {
            "region_id": ["a", "b", "c"],
            "iso3": "XQA",
            "reports": [50.0, 50.0, 3.0],
            "report_days": [50.0, 50.0, 3.0],
            "country_report_days": 90.0,
            "last_report_days": [2.0, 200.0, 20.0],
        }
    )
    found = judge_sufficiency(activity, history_days=1000.0)
    assert found["data_sufficiency"].tolist() == ["sufficient", "sparse", "sparse"]
    assert found["reporting_gap"].tolist() == [False, True, False]
    assert found["confidence"].tolist() == ["high", "low", "low"]
