"""The panel is complete, conserves mass, and knows nothing of the future."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.errors import InputError, SchemaError
from riskmap.panels.attacks import find_later
from riskmap.panels.measures import SERIES, is_known, tell_facts
from riskmap.panels.windows import spread_days

REGIONS = rm.datasets.regions()
N = len(rm.datasets.incidents())


def located(incidents=None):
    return rm.locate(rm.datasets.incidents() if incidents is None else incidents, REGIONS)


def count(incidents=None, **options):
    options = {"every": "month", "as_of": "2025-01-01", **options}
    return rm.count_incidents(located(incidents), REGIONS, **options)


def test_the_frame_is_complete():
    panel = count()
    assert len(panel.frame) == 24 * 84
    assert not panel.frame.duplicated(["region_id", "window_start"]).any()
    assert panel.frame["reports"].notna().all()
    assert panel.frame.columns.tolist()[3:] == list(SERIES)


@pytest.mark.slow
def test_series_sum_to_the_incidents():
    panel = count(as_of="2025-02-01")
    incidents = located().incidents
    assert panel.frame["reports"].sum() == pytest.approx(len(incidents), abs=1e-9)
    assert panel.frame["fatalities"].sum() == pytest.approx(incidents["killed"].sum(), abs=1e-9)
    foreign = (incidents["foreign_victims"] > 0).sum()
    assert panel.frame["foreign"].sum() == pytest.approx(foreign, abs=1e-9)


@pytest.mark.slow
def test_counts_equal_a_plain_groupby():
    panel = count(as_of="2025-02-01")
    place = located()
    rows = place.placements.merge(place.incidents[["incident_id", "event_date"]])
    month = rows["event_date"].dt.to_period("M").dt.to_timestamp()
    plain = rows.assign(month=month).pivot_table("weight", "month", "region_id", aggfunc="sum")
    wide = panel.wide("reports")
    assert wide.loc[plain.index, plain.columns].to_numpy() == pytest.approx(
        plain.fillna(0.0).to_numpy()
    )


def test_harmless_rows_are_reports_and_no_violence():
    incidents = rm.datasets.incidents()
    incidents["event_type"] = "unrest"
    for column in ("killed", "wounded", "abducted"):
        incidents[column] = pd.array([0] * N, dtype="Int64")
    incidents.loc[0, "wounded"] = 1
    panel = count(incidents)
    assert panel.frame["violence"].sum() == 1.0
    assert panel.frame["reports"].sum() > 300


def unknown_victims(**changes):
    """The invented incidents, none of which says who was hit."""
    incidents = rm.datasets.incidents().assign(**changes)
    incidents["foreign_victims"] = pd.Series([pd.NA] * N, dtype="Int64")
    incidents["nationality"] = pd.Series([None] * N, dtype="str")
    return incidents


@pytest.mark.slow
def test_foreign_is_missing_and_no_zero_where_no_source_tells_of_foreigners():
    panel = count(unknown_victims(scope="violence; reach=countries"))
    assert panel.frame["foreign"].isna().all()
    assert panel.frame["violence"].notna().mean() > 0.95
    assert panel.frame["unknown"].equals(panel.frame["violence"].rename("unknown"))


def test_a_source_that_watches_foreigners_and_tells_of_none_is_a_zero():
    panel = count(unknown_victims())
    assert (panel.frame["foreign"] == 0).any()
    assert not (panel.frame["foreign"] > 0).any()


@pytest.mark.slow
def test_what_nobody_watched_is_missing_and_what_was_told_of_it_stays():
    panel = count(rm.datasets.incidents().assign(scope="none"))
    told = count()
    for series in ("violence", "foreign"):
        frame = panel.frame[series]
        assert frame.sum() == told.frame[series].sum()
        assert (frame.isna() == (told.frame[series].fillna(0) == 0)).all()
    assert not panel.knowledge["watched"].any()


def test_a_group_weighs_what_could_have_hit_it():
    incidents = rm.datasets.incidents().iloc[:5].copy()
    incidents["foreign_victims"] = pd.array([1, 1, 0, 0, 0], dtype="Int64")
    incidents["nationality"] = ["CHN", "IND", None, None, None]
    incidents["sector"] = [None, "aid", "mining", "aid", None]
    incidents["target"] = [None, None, None, None, "foreigners"]
    panel = count(incidents, group=rm.WorkerGroup("CHN", sector="mining"))
    assert panel.frame["group"].sum() == 1 + 0.5 + 0.5 + 0 + 1
    assert panel.frame["foreign"].sum() == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("event_date", pd.Timestamp("2025-01-01"), "after_as_of"),
        ("ingested_at", pd.Timestamp("2025-01-01", tz="UTC"), "not_yet_known"),
        ("event_date", pd.NaT, "no_date"),
    ],
)
def test_rows_that_can_not_be_counted_are_in_the_ledger(column, value, reason):
    incidents = rm.datasets.incidents()
    incidents.loc[[3, 5], column] = value
    before = count(start="2018-01-01").ledger.stages[-1].reasons.get(reason, 0)
    after = count(incidents, start="2018-01-01").ledger.stages[-1].reasons[reason]
    assert after - before == 2


@pytest.mark.slow
def test_incidents_before_the_start_are_in_the_ledger():
    panel = count(start="2020-01-01")
    early = (located().incidents["event_date"] < "2020-01-01").sum()
    assert panel.ledger.stages[-1].reasons["before_start"] == early
    assert str(panel.edges[0]) == "2020-01-01"


def test_foreigners_who_were_the_target_and_unhurt_count():
    incidents = rm.datasets.incidents()
    incidents["foreign_victims"] = pd.array([0] * N, dtype="Int64")
    incidents["nationality"] = ["CHN", "XQA", *[None] * (N - 2)]
    assert count(incidents).frame["foreign"].sum() == 1.0


def test_a_vague_day_is_spread_over_windows():
    incidents = rm.datasets.incidents().iloc[[0]].copy()
    incidents["event_date"] = pd.Timestamp("2024-01-01")
    incidents["event_date_end"] = pd.Timestamp("2024-12-31")
    incidents["ingested_at"] = pd.Timestamp("2024-02-01", tz="UTC")
    months = count(incidents, as_of="2025-01-01").wide("reports").sum(axis=1)
    days = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    assert months.to_numpy() == pytest.approx(days / 366)


def test_spread_keeps_the_whole_of_an_interval_that_is_not_over():
    edges = np.array(["2024-01-01", "2024-02-01"], dtype="datetime64[D]")
    first = np.array(["2024-01-31", "2023-06-01"], dtype="datetime64[D]")
    last = np.array(["2024-12-31", "2023-07-01"], dtype="datetime64[D]")
    row, window, share = spread_days(first, last, edges=edges)
    assert (row.tolist(), window.tolist(), share.tolist()) == ([0, 1], [0, 0], [1.0, 1.0])


def test_evidence_is_newest_first_and_names_its_source():
    evidence = count().evidence
    assert evidence["event_date"].is_monotonic_decreasing
    assert {"incident_id", "region_id", "weight", "source"} <= set(evidence.columns)
    assert "incident_row" not in evidence


@pytest.mark.slow
def test_history_gives_models_what_they_need():
    panel = count()
    history = panel.history("foreign")
    assert history.counts.shape == (84, 24)
    assert history.days.sum() == 2557
    assert len(set(history.parent)) == 3
    assert set(history.country) == {0}
    assert np.array_equal(history.drivers["violence"], panel.wide("violence").fillna(0).to_numpy())


@pytest.mark.slow
def test_no_such_series():
    with pytest.raises(InputError, match="no such series: met 'weather'"):
        count().wide("weather")


def test_no_such_window():
    with pytest.raises(InputError, match="unknown window"):
        count(every="fortnight")


def test_nothing_known_before_as_of():
    with pytest.raises(InputError, match="no incident is known before as_of"):
        count(as_of="2017-01-01")


def test_placements_of_other_regions():
    place = located()
    some = REGIONS.iloc[:3].reset_index(drop=True)
    with pytest.raises(SchemaError, match="not among the regions"):
        rm.count_incidents(place, some, as_of="2025-01-01")


@pytest.mark.slow
def test_what_counts_before_a_day_is_one_law():
    day, incidents = pd.Timestamp("2025-01-01"), rm.datasets.incidents()
    told = ["2024-12-31T23:59Z", "2025-01-01T00:00Z", None, "2019-01-01T00:00Z"]
    incidents["ingested_at"] = pd.to_datetime(np.resize(told, N), utc=True)
    place = located(incidents)
    known = is_known(place.incidents, day)
    assert 0 < known.sum() < N
    assert (known == is_known(tell_facts(place.incidents), day)).all()
    counted = rm.count_incidents(place, REGIONS, as_of=day).evidence["incident_id"]
    assert set(counted) == set(place.incidents.loc[known, "incident_id"])
    later = find_later(place.incidents, place.aside, None, as_of=day)
    assert later["later"]["reports"] == (~known).sum()
