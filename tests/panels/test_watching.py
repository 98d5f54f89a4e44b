"""Who watches what: only a source whose scope covers a layer, there and lately, can make it low."""

import pandas as pd
import pytest

from riskmap.panels.knowledge import know_regions
from riskmap.panels.watchers import find_watchers

KEYS = pd.DataFrame({"region_id": ["a", "b"], "iso3": "XQA"})
TODAY = 2000


def known(scope, *, days=range(0, TODAY, 7), told=1.0, group=None, position=0):
    seen = pd.DataFrame(
        {"position": position, "day": list(days), "source": "s", "scope": scope, "reports": 1.0}
    ).assign(told=told)
    watchers = find_watchers(seen, KEYS, today=TODAY)
    table = know_regions(seen, KEYS, watchers, today=TODAY, group=group)
    return table.set_index(["region_id", "layer"])


def watched(scope, **options):
    table = known(scope, **options)
    return set(table.index[table["watched"]])


A, B = (("a", "violence"), ("a", "foreign")), (("b", "violence"), ("b", "foreign"))


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ("violence; reach=countries", {*A, *B}),
        ("violence; reach=reports", {*A}),
        ("foreign; reach=countries", {A[1], B[1]}),
        ("foreign; reach=reports", {A[1]}),
        ("foreign; sectors=aid; reach=countries", set()),
        ("violence; reach=countries; deaths", set()),
        ("violence; reach=XQA", {*A, *B}),
        ("violence; reach=XQB", set()),
        ("none", set()),
        (None, set()),
    ],
)
def test_what_each_scope_watches(scope, seen):
    assert watched(scope) == seen


@pytest.mark.parametrize("days", [[1500, 1900], [*range(0, 900, 50), 1900, 1990]])
def test_a_source_that_seldom_names_a_country_lately_does_not_watch_its_quiet_districts(days):
    assert watched("violence; reach=countries", days=days) == set()


def test_a_source_that_stopped_does_not_watch():
    table = known("violence; reach=countries", days=range(0, TODAY - 200, 7))
    assert not table["watched"].any()
    assert table["reasons"].str.contains("silent").all()


def test_a_long_thin_history_does_not_excuse_silence():
    """Nine months of silence after weekly reports are a gap, whatever the years before held."""
    days = [*range(-20000, 0, 400), *range(0, TODAY - 270, 7)]
    assert watched("violence; reach=countries", days=days) == set()
    assert known("violence; reach=countries", days=days)["reporting_gap"].all()


def test_a_source_that_is_late_by_its_scope_is_not_silent():
    days = range(0, TODAY - 160, 7)
    assert watched("violence; reach=countries; delay=150", days=days) == {*A, *B}


def test_a_source_that_is_later_than_half_a_year_watches_nothing_of_today():
    days = range(0, TODAY - 400, 7)
    assert watched("violence; reach=countries; delay=400", days=days) == set()


def test_unwatched_regions_say_why():
    table = known("violence; reach=reports")
    assert table.loc[("b", "violence"), "reasons"] == "no_reports"
    table = known("none")
    assert "not_covered" in table.loc[("a", "violence"), "reasons"]


def test_a_region_that_lost_many_recent_rows_is_not_known():
    seen = pd.DataFrame(
        {"position": 0, "day": list(range(0, TODAY, 7)), "source": "s", "reports": 1.0}
    ).assign(told=1.0, scope="violence; reach=countries")
    watchers = find_watchers(seen, KEYS, today=TODAY)
    day = pd.Timestamp("1970-01-01") + pd.Timedelta(days=TODAY - 20)
    for many, lost in ((1, False), (20, True)):
        gone = pd.DataFrame({"region_id": "a", "event_date": [day] * many, "weight": 1.0})
        table = know_regions(seen, KEYS, watchers, today=TODAY, lost=gone)
        reasons = table.set_index(["region_id", "layer"])["reasons"].fillna("")
        assert ("rows_lost" in reasons["a", "violence"]) == lost
        assert "rows_lost" not in reasons["b", "violence"], "of one district, and no other"
