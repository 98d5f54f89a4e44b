"""A newer release says what it added, removed, moved and changed."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import SchemaError
from riskmap.incidents.checks import REVISION_COLUMNS, compare_incidents
from riskmap.schema import check_columns

OLD = rm.datasets.incidents().iloc[:30].reset_index(drop=True)


def test_a_release_has_not_changed_against_itself():
    found = compare_incidents(OLD, OLD.sample(frac=1, random_state=1))
    check_columns(found, REVISION_COLUMNS, table="revisions")
    assert found.empty


def test_every_kind_of_change_is_told():
    new = OLD.iloc[1:].reset_index(drop=True).copy()
    new.loc[0, "killed"] = 77
    new.loc[1, "event_date"] = pd.Timestamp("2018-03-01")
    new.loc[2, "event_type"] = None
    new["geometry"] = [
        p if i != 3 else type(p)(p.x + 1, p.y) for i, p in enumerate(new["geometry"])
    ]
    added = OLD.iloc[[0]].assign(incident_id="invented:x")
    found = compare_incidents(OLD, pd.concat([new, added], ignore_index=True))
    ids = new["incident_id"]
    changes = {(row.incident_id, row.change): row for row in found.itertuples()}
    assert set(changes) == {
        ("invented:x", "added"),
        (OLD.loc[0, "incident_id"], "removed"),
        (ids[0], "changed"),
        (ids[1], "changed"),
        (ids[2], "changed"),
        (ids[3], "moved"),
    }
    assert changes[ids[0], "changed"].after == "77"
    assert changes[ids[1], "changed"].after == "2018-03-01"
    assert pd.isna(changes[ids[2], "changed"].after)
    assert changes[ids[3], "moved"].moved_km == pytest.approx(111, rel=0.02)


def test_a_point_that_comes_or_goes_has_moved():
    new = OLD.copy()
    new.loc[0, "geometry"] = None
    found = compare_incidents(OLD, new)
    assert found["change"].tolist() == ["moved"]
    assert pd.isna(found["after"].item())
    assert pd.isna(found["moved_km"].item())


def test_what_the_file_is_called_is_no_change():
    new = OLD.assign(source_file="other.csv", source_row=OLD["source_row"] + 50)
    assert compare_incidents(OLD, new).empty


@pytest.mark.slow
@settings(max_examples=15)
@given(rows=st.sets(st.integers(0, 29)), others=st.sets(st.integers(0, 29)))
def test_rows_that_came_and_went_add_up(rows, others):
    old, new = OLD.iloc[sorted(rows)], OLD.iloc[sorted(others)]
    change = compare_incidents(old, new)["change"].value_counts()
    assert change.get("added", 0) == len(others - rows)
    assert change.get("removed", 0) == len(rows - others)


def test_real_releases_add_up(shared):
    folder = shared / "incidents" / "awsd"
    old, new = (
        rm.read_incidents(folder / name) for name in ("awsd_2016-10-03.csv", "awsd_2020-11-25.csv")
    )
    found = compare_incidents(old, new)
    change = found["change"].value_counts()
    assert len(old) + change["added"] - change["removed"] == len(new)
    assert change["moved"] > 0


def test_only_incidents_are_compared():
    with pytest.raises(SchemaError):
        compare_incidents(OLD, OLD.drop(columns="killed"))
