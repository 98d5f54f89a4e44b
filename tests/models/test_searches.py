"""Alerts from a panel: clusters that emerge, and incidents that draw others after them."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError
from riskmap.models.clusters import find_clusters, find_repeats


def panel_of(counts, **more):
    months = pd.date_range("2020-01-01", periods=len(counts), freq="MS")
    n = counts.shape[1]
    chain = np.eye(n, k=1) + np.eye(n, k=-1)
    table = pd.DataFrame(counts, index=months, columns=[f"r{i}" for i in range(n)])
    return rm.panel_from_counts({"violence": table} | more, chain)


@pytest.fixture(scope="module")
def burst():
    counts = np.random.default_rng(3).poisson(1.0, (36, 8))
    counts[-2:, 3:5] += 6
    return counts


def test_a_burst_is_marked_with_its_regions_and_start(burst):
    found = find_clusters(panel_of(burst))
    assert list(found) == ["region_id", "layer", "p_value", "statistic", "start"]
    assert found["region_id"].tolist() == ["r3", "r4"]
    assert (found["p_value"] <= 0.01).all()
    assert (found["start"] == pd.Timestamp("2022-11-01")).all()
    pd.testing.assert_frame_equal(found, find_clusters(panel_of(burst)))


def test_what_is_over_is_no_alert(burst):
    over = np.vstack([burst, np.ones((6, 8), int)])
    assert find_clusters(panel_of(over), longest="60D").empty


@pytest.mark.slow
def test_chance_alone_seldom_alarms():
    alarms = 0
    for seed in range(15):
        counts = np.random.default_rng(seed).poisson(0.5, (24, 6))
        alarms += not find_clusters(panel_of(counts), most=0.1, size=2).empty
    assert alarms <= 5  # 1.5 expected


def test_silence_is_no_cluster_and_has_its_columns():
    found = find_clusters(panel_of(np.eye(12, 4, dtype=int)[::-1] * 0 + np.eye(12, 4, dtype=int)))
    assert found.empty
    assert found.dtypes.astype(str).to_dict()["start"] == "datetime64[us]"
    assert find_repeats(panel_of(np.ones((12, 4), int))).empty


def repeating(gap):
    """Incidents of the invented country, each followed by another in its district."""
    table = rm.datasets.incidents()
    districts = rm.datasets.regions()
    table = table[table["geo_precision"] == "place"].iloc[::3]
    again = table.assign(
        incident_id=table["incident_id"] + "b",
        event_date=table["event_date"] + pd.Timedelta(days=gap),
        event_date_end=table["event_date_end"] + pd.Timedelta(days=gap),
    )
    both = pd.concat([table, again], ignore_index=True)
    return rm.count_incidents(
        rm.locate(both, districts), districts, every="month", as_of="2025-01-01"
    )


@pytest.mark.slow
def test_near_repeats_mark_the_regions_of_late_incidents():
    found = find_repeats(repeating(3), within="90D")
    late = set(found.loc[found["layer"] == "violence", "region_id"])
    panel = repeating(3)
    recent = panel.evidence["event_date"] >= panel.as_of - pd.Timedelta(days=90)
    assert late == set(panel.evidence.loc[recent, "region_id"])
    violence = found[found["layer"] == "violence"]
    assert (violence["p_value"] <= 0.05).all()
    assert (violence["statistic"] > 1).all()
    assert (violence["start"] < panel.as_of).all()


@pytest.mark.slow
def test_without_repeats_nothing_is_marked():
    assert find_repeats(repeating(200), within="7D", layers=["violence"]).empty


def test_wrong_questions_are_refused(burst):
    panel = panel_of(burst)
    with pytest.raises(InputError, match="no such series"):
        find_clusters(panel, layers=["sabotage"])
    with pytest.raises(InputError, match="no such layer"):
        find_repeats(panel, layers=["sabotage"])
    for search in (find_clusters, find_repeats):
        with pytest.raises(InputError, match="not a share"):
            search(panel, most=0.0)
        with pytest.raises(InputError, match="not a duration"):
            search(panel, study="long")
