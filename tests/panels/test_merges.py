"""Incidents count once, in whatever part of the input they are told."""

import numpy as np
import pandas as pd
import pytest

import riskmap as rm
from riskmap.incidents import duplicates
from riskmap.schema import INCIDENT_COLUMNS, conform

pytest.importorskip("pyarrow")

STORY = "Gunmen on motorcycles stopped a car of the road company and shot two engineers dead."
AS_OF = "2024-10-01"


@pytest.fixture(scope="module")
def districts():
    return rm.datasets.regions()


@pytest.fixture(scope="module")
def table():
    """Incidents told by three feeds: a day off, without coordinates, or by a province alone."""
    own = rm.datasets.incidents().iloc[:150].reset_index(drop=True)
    own["notes"] = [f"{STORY} Case {i % 40}." for i in range(len(own))]
    told = own.iloc[::2].assign(source="wire", source_file="wire.csv")
    late = own.iloc[::3].assign(source="paper", source_file="paper.csv", nationality="CHN")
    late["event_date"] += pd.Timedelta(days=1)
    late["event_date_end"] = late["event_date"].where(late.index % 2 == 0)
    vague = own.iloc[::5].assign(source="radio", source_file="r.csv", geo_precision="admin1")
    vague.geometry = [None] * len(vague)
    undated = own.iloc[::25].assign(source="blog", event_date=pd.NaT, event_date_end=pd.NaT)
    whole = pd.concat([own, told, late, vague, undated], ignore_index=True)
    whole["incident_id"] = whole["source"] + ":" + whole["source_id"]
    whole["source_row"] = pd.array(np.arange(len(whole)) + 2, dtype="Int64")
    return conform(whole, INCIDENT_COLUMNS)


def cut(table, n, seed):
    part = np.random.default_rng(seed).integers(0, n, len(table))
    return [table[part == k].reset_index(drop=True) for k in range(n)]


def same(one, other):
    pd.testing.assert_frame_equal(one.sums, other.sums, check_exact=True)
    pd.testing.assert_frame_equal(one.newest, other.newest, check_exact=True)
    assert one.ledger == other.ledger


@pytest.fixture(scope="module")
def merged_at_once(table, districts):
    return rm.scan_incidents([rm.merge_duplicates(table)], districts)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seed", "rows"), [(1, 0, 100), (3, 1, 30), (9, 2, 10_000)])
def test_parts_give_the_scan_of_the_whole_merged_at_once(
    table, districts, merged_at_once, n, seed, rows, monkeypatch
):
    monkeypatch.setattr(duplicates, "ROWS", rows)
    scan = rm.scan_incidents(cut(table, n, seed), districts, merge=True)
    same(scan, merged_at_once)
    assert scan.ledger.stages[0].merged > 100


@pytest.mark.slow
def test_a_merged_scan_counts_the_panel_of_the_merged_table(table, districts, merged_at_once):
    located = rm.locate(rm.merge_duplicates(table), districts)
    whole = rm.count_incidents(located, districts, as_of=AS_OF)
    found = rm.count_incidents(merged_at_once, districts, as_of=AS_OF)
    pd.testing.assert_frame_equal(whole.frame, found.frame, check_exact=True)


@pytest.mark.slow
def test_500_copies_spread_over_the_parts_count_once(districts):
    one = rm.datasets.incidents().iloc[:1].assign(notes=STORY, source="wire")
    rows = pd.concat([one] * 500, ignore_index=True)
    rows["source_file"] = [f"{i}.csv" for i in range(500)]
    rows["incident_id"] = [f"wire:{i}" for i in range(500)]
    scan = rm.scan_incidents(cut(rows, 10, 0), districts, merge=True)
    assert scan.sums["reports"].sum() == 1
    assert scan.ledger.stages[0].merged == 499


@pytest.mark.slow
def test_today_is_compared_with_the_incidents_that_yesterday_keeps_whole(table, districts):
    """What repeats a story of yesterday counts no second time; what it adds is known."""
    old, new = (
        table[table["source"] == name].reset_index(drop=True) for name in ("invented", "paper")
    )
    both = pd.concat([old, new], ignore_index=True)
    whole = rm.scan_incidents([both], districts, merge=True)
    yesterday = rm.scan_incidents([old], districts, merge=True)
    today = rm.scan_incidents([new], districts, onto=yesterday, merge=True)
    same(today, whole)
    assert today.ledger.stages[0].merged == len(new)
    assert today.sums["reports"].sum() == yesterday.sums["reports"].sum()


@pytest.mark.slow
def test_today_again_changes_nothing(table, districts):
    yesterday = rm.scan_incidents([table], districts, merge=True)
    again = rm.scan_incidents([table], districts, onto=yesterday, merge=True)
    pd.testing.assert_frame_equal(again.sums, yesterday.sums)
