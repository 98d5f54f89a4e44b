"""Doubts: what was lost, or may be of a region, and where that can make its level higher."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.assessment.assessments import BORDER
from riskmap.panels.doubts import share_lost, sum_lost
from riskmap.panels.knowledge import know_regions
from riskmap.panels.watchers import find_watchers

AS_OF = pd.Timestamp("2024-07-01")
KEYS = pd.DataFrame({"region_id": ["a", "b", "c"], "iso3": "XQA", "parent_id": ["p", "p", "q"]})
TODAY = 2000


@pytest.fixture(scope="module")
def regions():
    return rm.datasets.regions()


def aside(**columns):
    table = rm.datasets.incidents().iloc[:1]
    plain = {"quarantine_reason": "bad_number", "region_id": None, "admin2": None, "place": None}
    return table.assign(**plain | {"geometry": None} | columns)


def lost(regions, **columns):
    located = rm.locate(aside(**columns), regions)
    return share_lost(sum_lost(located.aside), regions, as_of=AS_OF).set_index("region_id")


@pytest.mark.slow
def test_a_lost_row_of_a_province_is_lost_in_parts_and_may_be_all_of_any_district(regions):
    found = lost(regions, admin1="Ambrel", geo_precision="admin1", event_date=AS_OF)
    assert found.empty, "what happened on the day is not known on it"
    day = AS_OF - pd.Timedelta(days=9)
    found = lost(regions, admin1="Ambrel", geo_precision="admin1", event_date=day)
    assert found.index.str.startswith("XQA01").all()
    assert found["weight"].sum() == pytest.approx(1.0)
    assert (found["may_be"] == 1.0).all()


def test_a_row_that_became_known_later_is_lost_later(regions):
    later = pd.Series([AS_OF.tz_localize("UTC")])
    day = AS_OF - pd.Timedelta(days=90)
    assert lost(regions, admin1="Ambrel", event_date=day, ingested_at=later.array).empty


@pytest.mark.slow
def test_a_district_that_nobody_knows_is_lost_nowhere_and_may_be_any_of_its_province(regions):
    day = AS_OF - pd.Timedelta(days=9)
    unknown = {"admin1": "Ambrel", "admin2": "Xxqzt", "geo_precision": "admin2"}
    found = lost(regions, event_date=day, quarantine_reason=None, **unknown)
    assert found["weight"].sum() == 0.0
    assert (found["may_be"] == 1.0).all()
    coarse = lost(regions, event_date=day, quarantine_reason=None, admin1="Ambrel")
    assert coarse.empty, "one that is known to its province alone is spread, and nothing is lost"


@pytest.mark.slow
def test_one_that_tells_of_foreigners_is_lost_of_foreigners(regions):
    day = AS_OF - pd.Timedelta(days=9)
    told = {"admin1": "Ambrel", "admin2": "Berin", "event_date": day, "geo_precision": "admin2"}
    for victims, number in ((2, 1.0), (0, 0.0)):
        hit = pd.array([victims], dtype="Int64")
        found = lost(regions, foreign_victims=hit, nationality=None, staff_type=None, **told)
        assert found.loc["XQA0102", ["weight", "foreign"]].tolist() == [1.0, number]


def weekly(until=TODAY, *, skip=()):
    days = [day for day in range(0, until, 7) if not any(a <= day < b for a, b in skip)]
    rows = {"position": 0, "day": days, "source": "s", "reports": 1.0, "told": 1.0, "foreign": 0.0}
    return pd.DataFrame(rows).assign(scope="violence; reach=countries")


def known(seen, gone=None):
    watchers = find_watchers(seen, KEYS, today=TODAY)
    table = know_regions(seen, KEYS, watchers, today=TODAY, lost=gone)
    return table[table["layer"] == "violence"].set_index("region_id")


@pytest.mark.parametrize(
    ("skip", "told"),
    [([(1200, 1400)], True), ([(1200, 1215)], False), ([], False)],
)
def test_a_gap_that_has_ended_is_told(skip, told):
    table = known(weekly(skip=skip))
    assert (table["reasons"].fillna("").str.contains("gap")).all() == told
    assert table["reporting_gap"].all() == told
    assert table["watched"].all(), "the source watches again"


def test_a_gap_is_told_for_five_years():
    seen = weekly(skip=[(100, 300)])
    later = seen.assign(day=seen["day"] - 1000)
    assert not known(pd.concat([later, weekly()]))["reasons"].fillna("").str.contains("gap").any()


def test_what_is_lost_all_over_a_country_is_told_beside_its_quiet_districts_too():
    """It makes none of them blank, and no district doubtful for what is lost of one other."""
    day = pd.Timestamp("1970-01-01") + pd.Timedelta(days=TODAY - 20)
    many = {"event_date": [day] * 40, "weight": 1.0, "foreign": 0.0}
    lost = pd.DataFrame({"region_id": ["a", "b"] * 20, **many})
    table = known(weekly(), lost)
    assert table["watched"].tolist() == [False, False, True]
    assert (table["hazard_times"] == 1.0).all(), "what it moves elsewhere is asked of the models"
    table = known(weekly(), lost.assign(wide=1.0))  # these don't know their province
    told = (0.5 ** ((TODAY - weekly()["day"]) / 730.5)).sum()
    lack = 40 * 0.5 ** (20 / 730.5)
    assert table["hazard_times"].tolist() == pytest.approx([((told + lack) / told) ** 3] * 3)


@pytest.mark.slow
def test_half_of_a_row_without_a_day_may_have_taught_elsewhere(regions):
    """It may have shown a silence, or come before what came after it."""
    told = {"admin1": "Ambrel", "admin2": "Berin", "geo_precision": "admin2"}
    blank = {"event_date": pd.NaT, "event_date_end": pd.NaT, "date_precision": None}
    undated = lost(regions, quarantine_reason="no_date", **told | blank)
    assert undated.loc["XQA0102", ["weight", "wide"]].tolist() == [1.0, 0.5]
    dated = lost(regions, event_date=AS_OF - pd.Timedelta(days=9), **told)
    assert dated.loc["XQA0102", ["weight", "wide"]].tolist() == [1.0, 0.0]


def test_a_source_whose_reports_are_spread_of_late_is_alive():
    """They name no region, and show that it reports."""
    seen = weekly().assign(heard=1.0)
    late = seen["day"] >= TODAY - 200
    spread = seen.assign(
        reports=seen["reports"].where(~late, 0.0), heard=seen["heard"].where(~late, 0.0)
    )
    assert known(spread)["watched"].all()
    stopped = known(seen[~late])
    assert stopped["reasons"].str.contains("silent").all()
    never = known(seen.assign(reports=0.0, heard=0.0))
    assert not never["watched"].any(), "that names no region of the country"


@pytest.fixture(scope="module")
def sharp(regions):
    """Incidents that name one region each: what is spread is spread by what is known."""
    table = rm.datasets.incidents()
    placed = rm.locate(table, regions).placements
    named = placed.loc[placed["method"] != "spread", "incident_id"]
    return table[table["incident_id"].isin(named)].reset_index(drop=True)


def foresee(located, regions, group="CHN/mining"):
    days = {"as_of": AS_OF, "start": "2018-01-01"}
    panel = rm.count_incidents(located, regions, group=group, **days)
    return rm.forecast(panel, model=rm.EmpiricalBayes()).frame


@pytest.mark.slow
@pytest.mark.parametrize("column", ["admin2", "sector", "event_type"])
def test_had_the_rows_counted_that_were_set_aside_the_chance_is_that_of_the_whole(
    regions, sharp, column
):
    """Who watches, whose reports teach and what share is foreign are what they were, too."""
    table = sharp
    gone = (table[column] == table[column].mode()[0]).to_numpy()
    reason = table["quarantine_reason"].mask(gone, "bad_number")
    whole, less = (
        foresee(rm.locate(part, regions), regions)
        for part in (table, table.assign(quarantine_reason=reason))
    )
    assert (less["p_any"] < 0.9 * whole["p_any"]).any()
    most = np.fmax(less["p_any"], whole["p_any"])
    np.testing.assert_allclose(less["p_whole"], most, rtol=1e-9)


@pytest.mark.slow
def test_a_scan_knows_as_much_of_what_was_lost(regions):
    table = rm.datasets.incidents()
    lost = np.arange(len(table)) % 5 == 0
    reason = table["quarantine_reason"].mask(lost, "bad_number")
    table = table.assign(quarantine_reason=reason)
    one = foresee(rm.locate(table, regions), regions)
    other = foresee(rm.scan_incidents([table], regions), regions)
    np.testing.assert_allclose(one["p_whole"], other["p_whole"], rtol=1e-9)
    assert (one["p_whole"] > 1.01 * one["p_any"]).any()


@pytest.mark.slow
def test_rows_without_a_day_are_taken_to_be_spread_over_time_as_the_others_are(regions, sharp):
    """Half of a district's rows lose their day: had they it, the chance is what it was, or near."""
    table = sharp
    half = (table["admin2"] == "Berin").to_numpy() & (np.arange(len(table)) % 2 == 0)
    blank = {name: table[name].mask(half) for name in ("event_date", "event_date_end")}
    reason = table["quarantine_reason"].mask(half, "no_date")
    whole, less = (
        foresee(rm.locate(part, regions), regions).query("layer == 'violence'")
        for part in (table, table.assign(quarantine_reason=reason, **blank))
    )
    here = (whole["region_id"] == "XQA0102").to_numpy()
    assert (less["p_any"] < 0.9 * whole["p_any"])[here].all()
    assert (less["p_whole"] > 0.9 * whole["p_any"]).all()


@settings(max_examples=30)
@given(st.floats(-0.05, -1e-6), st.integers(2, 5))
def test_a_level_just_under_the_next_one_says_so(off, level):
    """A hair less probability can't take a level away unseen."""
    scale = rm.LevelScale.default()
    hazard = -np.log1p(-scale.thresholds["violence"][level - 2]) * (1.0 + off)

    def read(value):
        p_any = np.array([-np.expm1(-value)])
        return scale.level_of(p_any, layer="violence", horizon_days=90.0).item()

    assume(abs(off + BORDER / (1 + BORDER)) > 1e-6)
    assert read(hazard) == level - 1
    assert (read(hazard * (1 + BORDER)) == level) == (off > -BORDER / (1 + BORDER))


def table_of(**columns):
    base = {"nationality": None, "sector": None, "target": None, "country": "XQA"}
    rows = base | {"foreign_victims": 1, "not_understood": None} | columns
    return pd.DataFrame({name: [value] for name, value in rows.items()})


@pytest.mark.parametrize(
    ("written", "weight"),
    [
        (None, 0.5),
        ("nationality=Lunarian", 1.0),
        ("sector=dredgery", 1.0),
        ("event_type=blast; sector=dredgery", 1.0),
        ("killed=several", 0.5),
    ],
)
def test_a_foreign_victim_who_may_be_theirs_counts_as_theirs(written, weight):
    group = rm.WorkerGroup("CHN", sector="mining")
    table = table_of(not_understood=written)
    assert group.weigh(table, foreign=np.array([True])).tolist() == [weight]
